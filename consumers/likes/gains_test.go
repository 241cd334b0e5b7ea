package likes

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

// noon is at the beginning of an hour, and so of a slot.
var noon = sagatest.Epoch

// grown is a part that changed so, one after the other.
func grown(changes ...moved) *Post {
	p := &Post{PostID: "p1"}
	for _, c := range changes {
		for range max(c.by, -c.by) {
			p.count(c.by > 0, noon.Add(c.at))
		}
	}
	return p
}

// moved is a change so long after noon.
type moved struct {
	at time.Duration
	by int
}

func TestASlotHasItsTurn(t *testing.T) {
	const m, h = time.Minute, time.Hour
	for name, test := range map[string]struct {
		changes []moved
		gained  int64
		earlier string
	}{
		"one slot":                  {[]moved{{0, 3}, {5*m - 1, 2}, {m, -1}}, 4, ""},
		"the next":                  {[]moved{{0, 3}, {5 * m, 2}}, 2, "1:3"},
		"sparse":                    {[]moved{{0, 3}, {20 * m, 1}, {30 * m, -2}}, -2, "2:1 6:3"},
		"late, in its own":          {[]moved{{0, 3}, {20 * m, 1}, {11 * m, 2}, {0, 1}}, 1, "2:2 4:4"},
		"late, by the hour":         {[]moved{{2*h + 30*m, 1}, {50 * m, 1}, {10 * m, 1}}, 1, "30:2"},
		"late, and too late":        {[]moved{{26 * h, 1}, {-1, 5}}, 1, ""},
		"a first word that is late": {[]moved{{-30 * h, 1}}, 1, ""},
		"nothing in the end":        {[]moved{{0, 3}, {0, -3}, {5 * m, 1}}, 1, ""},
		"an hour stays apart":       {[]moved{{0, 1}, {5 * m, 2}, {65 * m, 1}}, 1, "12:2 13:1"},
		"then it is one":            {[]moved{{0, 1}, {5 * m, 2}, {75 * m, 1}}, 1, "15:3"},
		"after a day it is nothing": {[]moved{{0, 1}, {55 * m, 2}, {25 * h, 1}, {26 * h, 1}}, 1, "12:1"},
		"before 1970":               {[]moved{{-time.Duration(1<<63 - 1), 2}, {-time.Duration(1<<63 - 1), -1}, {0, 1}}, 1, ""},
	} {
		p := grown(test.changes...)
		if p.Gained != test.gained || p.Earlier != test.earlier {
			t.Errorf("%s: %d, and earlier %q; want %d and %q", name, p.Gained, p.Earlier, test.gained, test.earlier)
		}
	}
}

// Whatever comes, and in whatever order: what a part gained since the beginning of a window is the sum of the changes in it, what it keeps is
// bounded, and while nothing is older than a day, it is the whole count.
func TestGainsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reach := rapid.SampledFrom([]time.Duration{10 * time.Minute, 3 * time.Hour, 24 * time.Hour, 80 * time.Hour}).Draw(t, "reach")
		p := &Post{PostID: "p1"}
		var all []moved
		last := time.Duration(0)
		for range rapid.IntRange(1, 200).Draw(t, "changes") {
			c := moved{time.Duration(rapid.Int64Range(0, int64(reach)).Draw(t, "at")), rapid.SampledFrom([]int{1, 1, -1}).Draw(t, "by")}
			last = max(last, c.at)
			p.count(c.by > 0, noon.Add(c.at))
			all = append(all, c)
		}
		if reach <= 24*time.Hour && p.GainedSince(noon) != p.Count {
			t.Fatalf("it gained %d since all began, and is %d: %+v", p.GainedSince(noon), p.Count, p)
		}
		// Who reads has a clock that may be behind the door's.
		now := noon.Add(last + time.Duration(rapid.Int64Range(int64(-time.Second), int64(30*time.Hour)).Draw(t, "read")))
		for _, window := range []time.Duration{Hour, Day} {
			since, want := beginOf(window, now), int64(0)
			if begun := now.Sub(since); begun < window || begun >= window+Hour {
				t.Fatalf("a window of %v began %v ago", window, begun)
			}
			for _, c := range all {
				if !noon.Add(c.at).Before(since) {
					want += int64(c.by)
				}
			}
			if got := p.GainedSince(since); got != want {
				t.Fatalf("it gained %d in %v, and says %d: %+v", want, window, got, p)
			}
		}
		if slots := strings.Count(p.Earlier, ":"); slots > 13+25 {
			t.Fatalf("it keeps %d slots: %s", slots, p.Earlier)
		}
	})
}

// A window begins where nothing that is kept has to be taken apart: that of a day at a full hour.
func TestAWindowBeginsAtAWholeSlot(t *testing.T) {
	now := noon.Add(48*time.Hour + 37*time.Minute)
	for window, want := range map[time.Duration]time.Time{Hour: now.Add(-Hour - 2*time.Minute), Day: noon.Add(24 * time.Hour)} {
		if got := beginOf(window, now); !got.Equal(want) {
			t.Errorf("a window of %v begins at %v, want %v", window, got, want)
		}
	}
}

// A word belongs to the slot in which its door accepted it, not to that in which Kafka was back.
func TestAWordGainsWhenItWasAccepted(t *testing.T) {
	ago := schemas.MomentOf(noon.Add(-time.Hour))
	script(t).Hears(liked("ann", ago)).Hears(liked("bob", at(0))).
		Keeps(&Post{PostID: "p1", Count: 2, Version: 2, Slot: slotOf(noon), Gained: 1, Earlier: "12:1"})
}

func TestATableThatSomebodyBrokeIsPointedAt(t *testing.T) {
	for _, earlier := range []string{"x", "1", "1:", ":2", "1:2:3"} {
		p := &Post{PostID: "p7", Earlier: earlier}
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, "post p7") || !strings.Contains(said, "earlier") {
					t.Errorf("of %q it says %q", earlier, said)
				}
			}()
			p.count(true, noon)
		}()
	}
}

// BenchmarkGain is what a like costs: in the slot of the one before, in an older one of a part that has all, and at a turn of such.
func BenchmarkGain(b *testing.B) {
	full := &Post{PostID: "p1"}
	for at := time.Duration(0); at < 30*time.Hour; at += 5 * time.Minute {
		for range 100 {
			full.count(true, noon.Add(at))
		}
	}
	last := noon.Add(30*time.Hour - 5*time.Minute)
	b.ReportMetric(float64(len(full.Earlier)), "bytes")
	for name, at := range map[string]time.Time{"same": last, "late": last.Add(-20 * time.Minute), "turn": last.Add(5 * time.Minute)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := *full
				p.count(true, at)
			}
		})
	}
}
