package likes

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What is gained is in its bucket for as long as the window has it, in whatever order it comes.
func TestGainsAreThoseOfTheWindow(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		type gain struct {
			at time.Time
			n  int64
		}
		var all []gain
		var g Gains
		now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
		for range 300 {
			now = now.Add(time.Duration(random.IntN(3)*random.IntN(1000)) * time.Second)
			at := now.Add(-time.Duration(random.IntN(2)*random.IntN(3000)) * time.Second) // a lane that lags
			n := int64(random.IntN(5) - 2)
			g.add(at, n)
			all = append(all, gain{at, n})
			for i, got := range []buckets{buckets(g.In5m), buckets(g.In1h)} {
				w := windows[i]
				want := int64(0)
				for _, one := range all {
					if !one.at.Before(w.since(now)) {
						want += one.n
					}
				}
				if sum := got.since(w.bucketOf(w.since(now))); sum != want {
					t.Fatalf("seed %d: %v gained %d, want %d: %q", seed, w.length, sum, want, got)
				}
				if int64(strings.Count(string(got), ",")) >= w.kept() {
					t.Fatalf("seed %d: too many buckets: %q", seed, got)
				}
			}
			if hour := now.Unix() / 3600; g.LastHour > hour || g.LastHour < all[0].at.Unix()/3600 {
				t.Fatalf("seed %d: the last hour is %d at %d", seed, g.LastHour, hour)
			}
		}
	}
}

func TestBucketsAreShort(t *testing.T) {
	var b buckets
	for _, step := range []struct {
		bucket, n int64
		want      buckets
	}{
		{100, 1, "100 1"},
		{100, 11, "100 12"},
		{102, -3, "102 -3,,12"},
		{101, 1, "102 -3,1,12"},
		{102, 3, "102 ,1,12"},
		{99, 7, "102 ,1,12"}, // too old
		{103, 1, "103 1,,1"},
		{105, 1, "105 1,,1"}, // the oldest is forgotten
		{107, 1, "107 1,,1"},
		{99_999_999, 1, "99999999 1"},
	} {
		if b = buckets(b.add(step.bucket, step.n, 3)); b != step.want {
			t.Fatalf("%d gains %d: %q, want %q", step.bucket, step.n, b, step.want)
		}
	}
}

// BenchmarkGains is what a like costs here, in a post that has been liked all day.
func BenchmarkGains(b *testing.B) {
	now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	var g Gains
	for i := range 300 {
		g.add(now.Add(time.Duration(i-300)*5*time.Minute), 4711)
	}
	b.ReportAllocs()
	for b.Loop() {
		g.add(now, 1)
	}
}
