package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
)

type tally struct {
	Name  string
	Count int
}

var tallies = saga.In("tallies", func(t *tally) saga.Columns {
	return saga.Columns{{"name", &t.Name}, {"count", &t.Count}}
})

// mirrored is a working set in which these have been changed.
func mirrored(changed ...tally) *saga.Working {
	w := &saga.Working{}
	for _, d := range changed {
		w.Put(tallies, d.Name, &d, true).Dirty = true
	}
	return w
}

// counting is how often the documents came to each outcome: mirrored/failed/overflow.
func counting(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "tiffin_group_mirrored_documents_total" {
			for _, m := range f.GetMetric() {
				counts[m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return fmt.Sprintf("%v/%v/%v", counts["mirrored"], counts["failed"], counts["overflow"])
}

// mirroring runs the mirrors of a group under synctest. The test stops them.
func mirroring(t *testing.T, fn func(ctx context.Context, changed []tally) error, test func(t *testing.T, m *mirrors, r *prometheus.Registry)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := saga.Define("tallying", saga.Documents(tallies), saga.Mirrors(tallies, fn))
		r := prometheus.NewRegistry()
		m := newMirrors(g, NewMetrics(r).of("tallying"), slog.New(slog.DiscardHandler))
		test(t, m, r)
	})
}

// While a mirror is busy, at most so many documents wait for it, of each the latest; nothing that the loop does waits.
func TestWhatWaitsForAMirrorIsBounded(t *testing.T) {
	var release chan struct{}
	seen := map[string]int{}
	mirroring(t, func(_ context.Context, changed []tally) error {
		<-release
		for _, d := range changed {
			seen[d.Name] = d.Count
		}
		return nil
	}, func(t *testing.T, m *mirrors, r *prometheus.Registry) {
		defer m.stop()
		release = make(chan struct{}, 2) // of the bubble that synctest makes
		started := time.Now()
		m.put(mirrored(tally{"first", 1}))
		synctest.Wait() // it is busy with the first
		for i := range maxMirrored + 5 {
			m.put(mirrored(tally{fmt.Sprint("t", i), 1}))
		}
		m.put(mirrored(tally{"t0", 2}, tally{"t1", 7}, tally{"late", 1}))
		if len(m.waiting) != maxMirrored {
			t.Errorf("%d documents wait, want %d", len(m.waiting), maxMirrored)
		}
		if took := time.Since(started); took != 0 {
			t.Errorf("the loop waited %v", took)
		}
		release <- struct{}{}
		release <- struct{}{}
		synctest.Wait()
		if len(seen) != maxMirrored+1 || seen["first"] != 1 || seen["t0"] != 2 || seen["t1"] != 7 || seen["late"] != 0 {
			t.Errorf("%d documents are mirrored, first %d, t0 %d, t1 %d, late %d", len(seen), seen["first"], seen["t0"], seen["t1"], seen["late"])
		}
		if got, want := counting(t, r), fmt.Sprintf("%d/0/6", maxMirrored+1); got != want {
			t.Errorf("mirrored/failed/overflow is %s, want %s", got, want)
		}
	})
}

// What a mirror fails on is dropped and counted, and the next is tried as if nothing were.
func TestAMirrorThatFailsDropsWhatItGot(t *testing.T) {
	var seen []tally
	fails := errors.New("no glass")
	mirroring(t, func(_ context.Context, changed []tally) error {
		if fails != nil {
			return fails
		}
		seen = append(seen, changed...)
		return nil
	}, func(t *testing.T, m *mirrors, r *prometheus.Registry) {
		defer m.stop()
		m.put(mirrored(tally{"a", 1}, tally{"b", 1}))
		synctest.Wait()
		fails = nil
		m.put(mirrored(tally{"a", 2}))
		synctest.Wait()
		if len(seen) != 1 || seen[0] != (tally{"a", 2}) || counting(t, r) != "1/2/0" {
			t.Errorf("mirrored %v, counts %s", seen, counting(t, r))
		}
	})
}

// A mirror that hangs is told to give up, and goes on with the next.
func TestAMirrorThatHangsIsCutOff(t *testing.T) {
	var seen []tally
	mirroring(t, func(ctx context.Context, changed []tally) error {
		if changed[0].Name == "hangs" {
			<-ctx.Done()
			return ctx.Err()
		}
		seen = append(seen, changed...)
		return nil
	}, func(t *testing.T, m *mirrors, r *prometheus.Registry) {
		defer m.stop()
		m.put(mirrored(tally{"hangs", 1}))
		synctest.Wait()
		m.put(mirrored(tally{"a", 1}))
		<-time.After(mirrorTime + time.Millisecond)
		synctest.Wait()
		if len(seen) != 1 || counting(t, r) != "1/1/0" {
			t.Errorf("mirrored %v, counts %s", seen, counting(t, r))
		}
	})
}

// A stop hands over what was committed last, if the mirror is not too busy for that.
func TestAStopHandsOverWhatWasCommittedLast(t *testing.T) {
	var release chan struct{}
	var seen []tally
	mirroring(t, func(_ context.Context, changed []tally) error {
		<-release
		seen = append(seen, changed...)
		return nil
	}, func(t *testing.T, m *mirrors, _ *prometheus.Registry) {
		release = make(chan struct{}) // of the bubble that synctest makes
		m.put(mirrored(tally{"a", 1}))
		synctest.Wait() // it is busy with a
		m.put(mirrored(tally{"b", 1}))
		<-m.wake // so that nothing but the stop makes it look again
		time.AfterFunc(mirrorStop/2, func() { close(release) })
		m.stop()
		if len(seen) != 2 {
			t.Errorf("after the stop %v is mirrored, want a and b", seen)
		}
	})
}

// P8: no mirror holds up a stop, not even one that ignores its context.
func TestAStopWaitsForNoMirror(t *testing.T) {
	var release chan struct{}
	mirroring(t, func(context.Context, []tally) error { <-release; return nil }, func(t *testing.T, m *mirrors, _ *prometheus.Registry) {
		release = make(chan struct{}) // of the bubble that synctest makes
		m.put(mirrored(tally{"a", 1}))
		synctest.Wait()
		started := time.Now()
		m.stop()
		if took := time.Since(started); took != 2*mirrorStop {
			t.Errorf("the stop took %v, want %v", took, 2*mirrorStop)
		}
		close(release)
		<-m.ended
	})
}

type part struct {
	Name         string
	Shard, Count int
}

var parts = saga.In("parts", func(p *part) saga.Columns {
	return saga.Columns{{"name", &p.Name}, {"shard", &p.Shard}, {"count", &p.Count}}
}).Sharded(func(p *part) *int { return &p.Shard })

// Two batches may work on two parts of one document: both reach the mirror.
func TestEveryPartReachesTheMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{}, 2)
		seen := map[part]bool{}
		g := saga.Define("tallying", saga.Documents(parts), saga.Mirrors(parts, func(_ context.Context, changed []part) error {
			<-release
			for _, p := range changed {
				seen[p] = true
			}
			return nil
		}))
		m := newMirrors(g, NewMetrics(prometheus.NewRegistry()).of("tallying"), slog.New(slog.DiscardHandler))
		put := func(p part) {
			w := &saga.Working{}
			w.Put(parts, p.Name, &p, true).Dirty = true
			m.put(w)
		}
		put(part{"first", 0, 1})
		synctest.Wait() // it is busy with the first
		put(part{"all", 3, 1})
		put(part{"all", 7, 1})
		put(part{"all", 3, 2})
		release <- struct{}{}
		release <- struct{}{}
		m.stop()
		if !seen[part{"all", 3, 2}] || !seen[part{"all", 7, 1}] || seen[part{"all", 3, 1}] {
			t.Errorf("the mirror got %v", seen)
		}
	})
}
