package likes

import (
	"fmt"
	"strings"
	"testing"
)

// What nearly all send takes the fast way.
func TestTheUsualFormIsScanned(t *testing.T) {
	for line, want := range map[string]bool{
		`{"postId":"p","userId":"u","action":"like"}`:                   true,
		` { "userId" : "u" , "action":"unlike",	"postId":"p" } ` + "\r": true,
		`{"postId":"p","userId":"\u0075","action":"like"}`:              false,
		`{"postId":"p","userId":"u","action":"like","x":1}`:             false,
	} {
		var w word
		if got := w.scan(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// BenchmarkLines: from a body to its facts, 500 lines each.
func BenchmarkLines(b *testing.B) {
	var body strings.Builder
	for i := range 500 {
		fmt.Fprintf(&body, `{"postId":"post-%d","userId":"user-%d","action":"like"}`+"\n", i%50, i)
	}
	text, c := body.String(), clock{}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := factsOf(text, c.several); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/line")
	})
	b.Run("read strictly, for comparison", func(b *testing.B) {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		b.ReportAllocs()
		for b.Loop() {
			for _, line := range lines {
				var w word
				if err := w.read(line); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/line")
	})
}
