package lane

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// begins is a store whose batches begin, and go on when they are told to.
type begins struct {
	Store
	began chan int
	goOn  chan error
	loop  int
}

func (s begins) Load(context.Context, *saga.Working, []saga.Need, int) error {
	s.began <- s.loop
	return <-s.goOn
}

// works has a loop, which has this number, work on a batch to its end.
func (s begins) works(t *testing.T, l *loop, number int) {
	t.Helper()
	var step sync.WaitGroup
	step.Go(func() { _, _ = l.step(t.Context()) })
	if n := <-s.began; n != number {
		t.Fatalf("loop %d began", n)
	}
	s.goOn <- errors.New("not today")
	step.Wait()
}

// turnsOf is a team of two loops that have a lane each, one batch at a time, and a way to put events before one of them.
func turnsOf(t *testing.T, g *saga.Group) (team *team, store begins, put func(loop, n int)) {
	team = teamOf(Ports{}, g, 2)
	store = begins{began: make(chan int, 2), goOn: make(chan error)}
	for i, l := range team.loops {
		store.loop = i
		l.store, l.cache, l.lanes = store, &cache{}, map[int]*lane{i: newLane(&Row{Number: i, Next: map[string]int64{}, Marks: map[string]Mark{}})}
		l.queue, l.effects = newQueue(l.group, []int{i}, l.QueueLimit, l.bell), newEffects(newMachine(), l.bell)
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

// rings says after how long the loop's bell rings; not at all within a tick is a tick.
func rings(t *testing.T, l *loop) time.Duration {
	began := time.Now()
	l.bell.Wait(t.Context(), tick)
	return time.Since(began)
}

// The loops of a process work on as many batches at a time as is good for it, however much waits; who had to wait is told when it is its turn.
func TestBatchesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, store, put := turnsOf(t, shardedGroup())
		a, b := team.loops[0], team.loops[1]
		put(0, 1)
		put(1, b.MaxBatch)
		var steps sync.WaitGroup
		steps.Go(func() { _, _ = a.step(t.Context()) })
		if n := <-store.began; n != 0 {
			t.Fatalf("loop %d began", n)
		}
		if busy, err := b.step(t.Context()); busy || err != nil || len(store.began) > 0 {
			t.Fatalf("two batches at a time: %v, %v", busy, err)
		}
		store.goOn <- errors.New("not today")
		steps.Wait()
		if rings(t, b) > 0 {
			t.Error("who had to wait is not told that it is its turn")
		}
		store.works(t, b, 1)
	})
}

// A batch that takes long waits for something else than a core, a database that hangs, say: the others have its turn.
func TestABatchThatHangsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, _ := turnsOf(t, shardedGroup())
		turns, a, b := team.loops[0].turns, team.loops[0], team.loops[1]
		if !turns.take(a) || turns.take(b) {
			t.Fatal("it is not one at a time")
		}
		if rings(t, b); turns.take(b) {
			t.Error("a turn is shorter than a tick")
		}
		if b.bell.Wait(t.Context(), 1); !turns.take(b) {
			t.Error("who hangs has its turn for longer than a tick")
		}
		turns.pass(a)
		if turns.take(a) {
			t.Error("who has hung gives away the other's turn, too")
		}
	})
}

// Of loops that always have something to do each has its turn: whoever worked last comes after who has waited. One that does not come
// back for its turn, or goes, holds up nobody.
func TestTurnsGoToWhoHasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, _ := turnsOf(t, shardedGroup())
		turns, a, b := team.loops[0].turns, team.loops[0], team.loops[1]
		turns.take(a)
		turns.take(b)
		turns.pass(a)
		if turns.take(a) {
			t.Error("who worked last is next, before who has waited")
		}
		if !turns.take(b) {
			t.Error("who has waited is not next")
		}
		if turns.pass(b); rings(t, a) > 0 {
			t.Error("the next in line is not rung for")
		}
		if turns.take(b) {
			t.Error("who worked last is next, before who has waited")
		}
		if turns.pass(a); rings(t, b) > 0 { // its lanes are another's now
			t.Error("who leaves the line does not tell the next")
		}
		if !turns.take(b) {
			t.Error("who has left is waited for")
		}
		turns.take(a)
		turns.pass(b)
		rings(t, b)
		rings(t, b)
		if b.bell.Wait(t.Context(), 1); !turns.take(b) {
			t.Error("who does not come back is waited for")
		}
	})
}

// More than one may work at a time, and then as many of the line are next.
func TestSomeTurnsAtATime(t *testing.T) {
	machine := newMachine()
	loops := make([]*loop, 4)
	for i := range loops {
		loops[i] = &loop{up: machine.Up, bell: machine.Bell()}
	}
	turns := &turns{limit: 2}
	var took []bool
	for _, l := range loops {
		took = append(took, turns.take(l))
	}
	turns.pass(loops[0])
	turns.pass(loops[1])
	took = append(took, turns.take(loops[3]), turns.take(loops[0]), turns.take(loops[2]))
	for i, want := range []bool{true, true, false, false, true, false, true} {
		if took[i] != want {
			t.Errorf("attempt %d: %v, want %v", i, took[i], want)
		}
	}
}

// paces is a store whose saves take a while, and that takes note of when batches begin.
type paces struct {
	Store
	takes time.Duration
	began *[]time.Duration
	up    func() time.Duration
}

func (s paces) Load(_ context.Context, w *saga.Working, needs []saga.Need, _ int) error {
	*s.began = append(*s.began, s.up())
	for _, n := range needs {
		w.Put(n.Table, n.Key, n.Table.New(n.Key), false)
	}
	return nil
}

func (s paces) Save(ctx context.Context, _ *Save) error {
	newMachine().Pause(ctx, s.takes)
	return nil
}

// Loops whose events can wait begin their batches at different moments, not all at once: the API would see one long batch. None waits
// longer for that than a single loop does.
func TestPatientLoopsWorkApart(t *testing.T) {
	const loops, seconds = 4, 20
	for _, takes := range []time.Duration{5 * time.Millisecond, 60 * time.Millisecond, 130 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			team := teamOf(Ports{}, shardedGroup(saga.Patiently()), loops)
			ctx, end := context.WithTimeout(t.Context(), seconds*time.Second)
			defer end()
			began := make([][]time.Duration, loops)
			var working sync.WaitGroup
			for i, l := range team.loops {
				row := &Row{Number: i, Next: map[string]int64{}, Numbers: map[string]int64{}, Marks: map[string]Mark{}, Parked: map[string]int{}}
				l.store, l.cache, l.lanes = paces{takes: takes, began: &began[i], up: l.up}, &cache{}, map[int]*lane{i: newLane(row)}
				l.queue, l.effects, l.sends = newQueue(l.group, []int{i}, l.QueueLimit, l.bell), newEffects(newMachine(), l.bell), newSends(l.ports, l.bell, l.log)
				l.turns, l.tell = &turns{limit: loops}, map[kafka.TopicPartition]kafka.Offset{}
				working.Go(func() { // each is woken at moments of its own
					for n := 0; ctx.Err() == nil; n++ {
						id := strconv.Itoa(n)
						l.queue.put([]*event{{topic: "parts", lane: i, offset: int64(n), fact: part{}, Envelope: saga.Envelope{ID: id, Key: id, Type: "part.counted", Time: time.Now()}}})
						l.bell.Ring()
						l.ports.Machine.Pause(ctx, time.Duration(7+2*i)*time.Millisecond)
					}
				})
				working.Go(func() {
					if err := l.work(ctx, t.Context(), kafka.Assignment{Commit: func(context.Context, []kafka.Offset) error { return nil }}); err != nil {
						t.Error(err)
					}
				})
			}
			working.Wait()
			most := linger
			if takes > linger {
				most = 2 * linger
			}
			for i := range began {
				last := began[i][0]
				for _, at := range append(began[i], seconds*time.Second) {
					if at-last > most {
						t.Errorf("saves of %v: loop %d waits for %v", takes, i, at-last)
					}
					last = at
				}
				for _, at := range began[i] {
					for _, other := range began[(i+1)%loops] {
						if apart := (at - other).Abs(); apart < linger/loops {
							t.Fatalf("saves of %v: two loops begin within %v", takes, apart)
						}
					}
				}
			}
		})
	}
}

// A turn is for what can be handled: events in lanes that are sending would give it, and the loop's place, away.
func TestNoTurnIsTakenForNothing(t *testing.T) {
	team, store, put := turnsOf(t, shardedGroup())
	l := team.loops[0]
	put(0, 1)
	l.lanes[0].sending = true
	if busy, err := l.step(t.Context()); busy || err != nil || l.stepped > 0 {
		t.Fatalf("it works on what is not ready: %v, %v", busy, err)
	}
	if len(l.turns.line)+len(l.turns.taken) > 0 {
		t.Error("it is in the line, or has a turn")
	}
	l.lanes[0].sending = false
	go func() { store.goOn <- errors.New("not today"); <-store.began }()
	if busy, err := l.step(t.Context()); !busy || err == nil {
		t.Errorf("it does not work on what is ready: %v, %v", busy, err)
	}
}

// A loop whose turn it is, and that finds nothing ready by then, leaves the line: those behind it would wait until its place expires.
func TestWhoFindsNothingReadyLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, put := turnsOf(t, shardedGroup())
		turns, a, b := team.loops[0].turns, team.loops[0], team.loops[1]
		works := &loop{up: a.up, bell: newMachine().Bell()}
		turns.take(works)
		put(0, 1)
		if busy, _ := a.step(t.Context()); busy || turns.take(b) {
			t.Fatal("they do not wait")
		}
		a.lanes[0].sending = true // a deadline has been fired, say
		turns.pass(works)
		rings(t, b)
		if busy, _ := a.step(t.Context()); busy || rings(t, b) > 0 {
			t.Error("the next in line is not rung for")
		}
		if !turns.take(b) {
			t.Error("it waits for a loop that does not want its turn")
		}
	})
}

// Who asks in vain tells those for whom there is a turn again, because somebody's has come to its end.
func TestWhoseTurnItIsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, _ := turnsOf(t, shardedGroup())
		turns, hangs, next := team.loops[0].turns, team.loops[0], team.loops[1]
		late := &loop{up: next.up, bell: newMachine().Bell()}
		turns.take(hangs)
		late.bell.Wait(t.Context(), turnTime/2)
		turns.take(next)
		late.bell.Wait(t.Context(), turnTime/2+1)
		if turns.take(late) {
			t.Error("who came last is next")
		}
		if rings(t, next) > 0 {
			t.Error("who is next is not told")
		}
	})
}
