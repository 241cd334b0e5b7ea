package lane

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

func (part) EventType() string { return "part.counted" }
func (part) Topic() string     { return "parts" }
func (p part) Key() string     { return p.Name }

// shardedGroup is a group whose lanes have nothing in common.
func shardedGroup(and ...saga.Part) *saga.Group {
	return saga.Define("tallies", saga.Documents(parts), append(and, saga.On(func(e saga.Event[part]) []saga.Fact {
		parts.Get(e, "all").Count++
		return nil
	}, saga.Uses(parts)))...)
}

func teamOf(p Ports, g *saga.Group, loops int) *team {
	p.Machine = newMachine()
	c := Config{Loops: loops, Metrics: NewMetrics(prometheus.NewRegistry())}.withDefaults()
	return newTeam(p, c, g, newFeed(p, 8, []*saga.Group{g}, c.Logger), 8)
}

// claims is a store that takes note of which lanes are claimed, and fails where another has them.
type claims struct {
	Store
	note func(lanes []int) error
}

func (c claims) Claim(_ context.Context, lanes []int, _ int, _ string) ([]*Row, error) {
	return nil, c.note(lanes)
}
func (claims) Close() {}

// The lanes of a process are dealt to the loops of a group that may have several, each to one.
func TestLoopsShareTheLanes(t *testing.T) {
	alone := saga.Define("alone", nil, saga.On(func(saga.Event[part]) []saga.Fact { return nil }))
	if n := len(teamOf(Ports{}, alone, 3).loops); n != 1 {
		t.Errorf("a group without shards has %d loops", n)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		var mu sync.Mutex
		var claimed []int
		loops := 0
		p := Ports{Open: func(context.Context, *saga.Group, int) (Store, error) {
			return claims{note: func(lanes []int) error {
				mu.Lock()
				defer mu.Unlock()
				loops++
				claimed = append(claimed, lanes...)
				if loops == 3 {
					end()
				}
				return errors.New("not today")
			}}, nil
		}}
		if err := teamOf(p, shardedGroup(), 3).hold(ctx, kafka.Assignment{Lanes: []int{0, 2, 3, 5, 7}}); err != nil {
			t.Error(err)
		}
		slices.Sort(claimed)
		if !slices.Equal(claimed, []int{0, 2, 3, 5, 7}) || loops != 3 {
			t.Errorf("%d loops have claimed %v", loops, claimed)
		}
	})
}

// P1: a loop that finds its lanes in other hands takes the whole process back into the consumer group: what it had would stand still
// until the next rebalance.
func TestALoopThatLostItsLanesEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Ports{Open: func(ctx context.Context, _ *saga.Group, _ int) (Store, error) {
			return claims{note: func(lanes []int) error {
				if slices.Contains(lanes, 1) {
					return ErrFenced
				}
				<-ctx.Done()
				return ctx.Err()
			}}, nil
		}}
		began := time.Now()
		if err := teamOf(p, shardedGroup(), 2).hold(t.Context(), kafka.Assignment{Lanes: []int{0, 1, 2, 3}}); !errors.Is(err, ErrFenced) {
			t.Errorf("the lanes were held until %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// begins is a store whose batches begin, and go on when they are told to.
type begins struct {
	Store
	began chan int
	goOn  chan error
	loop  int
}

func (s begins) Begin(context.Context, *saga.Working, []saga.Need, int) error {
	s.began <- s.loop
	return <-s.goOn
}

// turnsOf is a team of two loops that have a lane each, and a way to put events before one of them.
func turnsOf(t *testing.T, g *saga.Group) (team *team, store begins, put func(loop, n int)) {
	team = teamOf(Ports{}, g, 2)
	store = begins{began: make(chan int, 2), goOn: make(chan error)}
	for i, l := range team.loops {
		store.loop = i
		l.store, l.cache, l.lanes = store, &cache{}, map[int]*lane{i: newLane(&Row{Number: i, Next: map[string]int64{}, Marks: map[string]Mark{}})}
		l.queue = newQueue(l.group, []int{i}, l.QueueLimit, l.bell)
	}
	return team, store, func(loop, n int) {
		events := make([]*event, n)
		for i := range events {
			id := strconv.Itoa(i)
			events[i] = &event{topic: "parts", lane: loop, offset: int64(i), fact: part{}, Envelope: saga.Envelope{ID: id, Key: id, Type: "part.counted", Time: time.Now()}}
		}
		team.loops[loop].queue.put(events)
		team.loops[loop].bell.Wait(t.Context(), time.Millisecond) // it has rung for these
	}
}

// While less than a batch waits, the loops of a team work one at a time, so that an API beside them keeps a core; the next follows
// at once. Who has more to do does not wait.
func TestLoopsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, store, put := turnsOf(t, shardedGroup())
		var steps sync.WaitGroup
		step := func(loop int) { steps.Go(func() { _, _ = team.loops[loop].step(t.Context()) }) }
		put(0, 1)
		step(0)
		if n := <-store.began; n != 0 {
			t.Fatalf("loop %d began", n)
		}
		put(1, team.loops[1].MaxBatch-1)
		if busy, err := team.loops[1].step(t.Context()); busy || err != nil || len(store.began) > 0 {
			t.Fatalf("two batches at a time: %v, %v", busy, err)
		}
		put(1, 1)
		step(1)
		if n := <-store.began; n != 1 {
			t.Fatalf("loop %d began", n)
		}
		store.goOn <- errors.New("not today")
		store.goOn <- errors.New("not today")
		steps.Wait()
		began := time.Now()
		team.loops[1].bell.Wait(t.Context(), tick)
		if time.Since(began) > 0 {
			t.Error("who had to wait is not told that it is its turn")
		}
	})
}

// A loop whose events can wait works between the batches of the other one, not right behind them: the API would see one long batch.
func TestPatientLoopsSpreadTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, store, put := turnsOf(t, shardedGroup(saga.Patiently()))
		team.loops[0].bell.Wait(t.Context(), linger)
		put(0, 1)
		put(1, 1)
		var steps sync.WaitGroup
		steps.Go(func() { _, _ = team.loops[0].step(t.Context()) })
		<-store.began
		late := team.loops[1]
		if busy, err := late.step(t.Context()); busy || err != nil {
			t.Fatalf("two batches at a time: %v, %v", busy, err)
		}
		if wait := late.looks - late.up(); wait != tick/2 {
			t.Errorf("it comes back after %v", wait)
		}
		store.goOn <- errors.New("not today")
		steps.Wait()
		began := time.Now()
		if late.bell.Wait(t.Context(), tick/2); time.Since(began) != tick/2 {
			t.Errorf("it is rung for after %v", time.Since(began))
		}
		steps.Go(func() { _, _ = late.step(t.Context()) })
		if n := <-store.began; n != 1 {
			t.Fatalf("loop %d began", n)
		}
		store.goOn <- errors.New("not today")
		steps.Wait()
	})
}

// Of two loops that always have something to do each has its turn: whoever worked last comes after who has waited. One that does not come
// back for its turn holds up nobody for longer than a tick.
func TestTurnsGoToWhoHasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, _ := turnsOf(t, shardedGroup())
		turns, a, b := team.loops[0].turns, team.loops[0], team.loops[1]
		if !turns.take(a, true) || turns.take(b, true) {
			t.Fatal("it is not one at a time")
		}
		turns.pass()
		if turns.take(a, true) {
			t.Error("who worked last is next, before who has waited")
		}
		if !turns.take(b, true) {
			t.Error("who has waited is not next")
		}
		turns.pass()
		if turns.take(b, true) {
			t.Error("who worked last is next, before who has waited")
		}
		b.bell.Wait(t.Context(), time.Millisecond) // it has rung
		b.bell.Wait(t.Context(), tick+1)
		if !turns.take(b, true) {
			t.Error("who does not come back holds up the other")
		}
	})
}

// A part is another's business in a batch that works on another shard, and what lanes share may have changed since.
func TestWhatTheCacheKeeps(t *testing.T) {
	shared := saga.In("shared", func(p *part) saga.Columns { return saga.Columns{{"name", &p.Name}, {"count", &p.Count}} })
	var w saga.Working
	d := w.Put(parts, "all", &part{"all", 3, 1}, true)
	s := w.Put(shared, "all", &part{"all", 3, 1}, true)
	c := &cache{}
	c.put(d)
	c.put(s)
	n := saga.Need{Table: parts, Key: "all"}
	if c.get(n, 3) != d {
		t.Error("the part is not kept")
	}
	if c.get(n, 4) != nil {
		t.Error("it is given away for that of another shard")
	}
	if c.get(saga.Need{Table: shared, Key: "all"}, 3) != nil {
		t.Error("what lanes share is kept")
	}
	for i := range 3 * maxCached {
		c.put(w.Put(parts, strconv.Itoa(i), &part{}, true))
	}
	if n := len(c.recent) + len(c.older); n > 2*maxCached {
		t.Errorf("%d are kept", n)
	}
}
