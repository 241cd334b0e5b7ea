package lane_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// glass is a mirror that remembers the greatest praise of each show, or breaks.
type glass struct {
	mu     sync.Mutex
	broken bool
	praise map[string]int
}

func (g *glass) show(_ context.Context, changed []show) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken {
		return errors.New("broken")
	}
	for _, s := range changed {
		g.praise[s.Name] = max(g.praise[s.Name], s.Praise)
	}
	return nil
}

// shows waits until the mirror shows this much praise.
func (g *glass) shows(t *testing.T, name string, want int) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-ticker.C {
		g.mu.Lock()
		got := g.praise[name]
		g.mu.Unlock()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the mirror shows %d for %s, want %d", got, name, want)
		}
	}
}

// A mirror gets what is committed. One that fails holds nothing up, and shows what changes once it works again.
func TestAMirrorShowsWhatIsCommitted(t *testing.T) {
	w := newWorld(t, time.Minute)
	g := &glass{praise: map[string]int{}}
	w.run(saga.Define("counter", saga.Documents(shows), saga.On(praise, saga.Uses(shows)), saga.Mirrors(shows, g.show)))
	load := func(from, to int) {
		var facts []saga.Fact
		for i := from; i < to; i++ {
			facts = append(facts, praised{fmt.Sprint("p", i), "open"}, praised{fmt.Sprint("q", i), "full"})
		}
		w.say(facts...)
		w.until(to, "select praise from counter.shows where name = 'open'")
	}
	load(0, 100)
	g.shows(t, "open", 100)
	g.shows(t, "full", 100)
	g.mu.Lock()
	g.broken = true
	g.mu.Unlock()
	load(100, 200)
	w.logs("a mirror fails")
	g.mu.Lock()
	g.broken = false
	g.mu.Unlock()
	load(200, 300)
	g.shows(t, "open", 300)
	w.logs("the mirror works again")
}

// A group that says what it will ask for has it in memory when it asks: no reaction is run twice, and no event waits for
// the documents of an earlier one of its key.
func TestWhatAGroupExpectsIsLoadedWithTheBatch(t *testing.T) {
	w := newWorld(t, time.Minute)
	var runs atomic.Int64
	counted := func(e saga.Event[praised]) []saga.Fact {
		runs.Add(1)
		return praise(e)
	}
	w.run(saga.Define("counter", saga.Documents(shows), saga.On(counted, saga.Uses(shows),
		saga.Loads(func(f praised) []saga.Need { return []saga.Need{{Table: shows, Key: f.Show}} }))))
	const events = 200
	var records []kafka.Record
	for i := range events {
		records = append(records, w.marked(praised{"p", fmt.Sprint("show", i)}, wire.Mark{Lane: "door/1", Epoch: 1, Number: int64(i + 1)}))
	}
	w.produce(records...)
	w.until(events, "select count(*) from counter.shows where praise = 1")
	if n := runs.Load(); n != events {
		t.Errorf("%d events ran the reaction %d times", events, n)
	}
}
