package likes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"tiffin/schemas"
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
		if got := w.Scan(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// FuzzScan: what is scanned is what would have been read.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		`{"userId":"u"}`, ` {"userId" :"u-1_Z"}` + "\r\n", `{"userId":"u"} x`, `{"userId":"u","userId":"u"}`, `{"userId":""}`, `{"userid":"u"}`, `{"userId":"\u0075"}`, `{"userId":"u"}{}`, `["userId"]`, `{`, ``,
		`{"postId":"p","userId":"u","action":"like"}`, `{"action":"unlike","userId":"u","postId":"p"}`, `{"postId":"p","userId":"u","action":"love"}`,
		`{"postId":"p","userId":"u","userId":"u"}`, `{"postId":"p","userId":"u","action":"like",}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o, o2 opinion
		if o.Scan(text) {
			var check schemas.Check
			err := schemas.Unmarshal([]byte(text), &o2)
			if o2.Check(&check); err != nil || check.Err() != nil || o.UserID != o2.UserID {
				t.Errorf("%q was scanned as %q, and read as %q: %v %v", text, o.UserID, o2.UserID, err, check.Err())
			}
		} else if o.UserID != "" {
			t.Errorf("%q left %q", text, o.UserID)
		}
		var w, w2 word
		if w.Scan(text) {
			var check schemas.Check
			err := schemas.Unmarshal([]byte(text), &w2)
			if w2.Check(&check); err != nil || check.Err() != nil || w.PostID != w2.PostID || w.UserID != w2.UserID || w.Action != w2.Action {
				t.Errorf("%q was scanned as %+v, and read as %+v: %v %v", text, w, w2, err, check.Err())
			}
		} else if w.PostID+w.UserID+w.Action != "" {
			t.Errorf("%q left %+v", text, w)
		}
	})
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
				if err := json.Unmarshal([]byte(line), &w); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/line")
	})
}
