package lane

import (
	"slices"
	"sync"
	"time"
)

// turns are what the loops of a process take before they work on a batch of events, some of them at a time, the others in the order in
// which they have asked. All at once would share the cores, so that each batch took as long as all of them together; this way
// each has a core nearly for itself, and what comes until it is its turn is in its batch, too.
type turns struct {
	limit int

	mu    sync.Mutex
	taken []turn // and when
	line  []turn // who waits for one, and when it asked last
}

type turn struct {
	loop *loop
	at   time.Duration
}

const (
	// turnTime is how long a turn counts. Whose batch takes longer waits for something that is no core of ours, a database that hangs
	// perhaps, and the other groups go on.
	turnTime = tick
	// placeTime is how long a place in the line is kept for a loop that does not ask again: one that works on something that takes no
	// turn. Any other asks with each tick, or leaves the line.
	placeTime = 2 * tick
)

// take says whether the loop may work now: it passes the turn on then. If not, it stands in line and is rung for.
func (t *turns) take(l *loop) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := l.up()
	place := slices.IndexFunc(t.line, func(w turn) bool { return w.loop == l })
	if place < 0 {
		place = len(t.line)
		t.line = append(t.line, turn{loop: l})
	}
	t.line[place].at = now
	t.expire(now)
	free := t.free()
	if place = slices.IndexFunc(t.line, func(w turn) bool { return w.loop == l }); place >= len(free) {
		ring(free)
		return false
	}
	t.line = slices.Delete(t.line, place, place+1)
	t.taken = append(t.taken, turn{l, now})
	return true
}

// pass gives the loop's turn, or its place in the line, to who is next.
func (t *turns) pass(l *loop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken, t.line = without(t.taken, l), without(t.line, l)
	t.expire(l.up())
	ring(t.free())
}

func (t *turns) expire(now time.Duration) {
	t.taken = slices.DeleteFunc(t.taken, func(h turn) bool { return now-h.at > turnTime })
	t.line = slices.DeleteFunc(t.line, func(w turn) bool { return now-w.at > placeTime })
}

// free are those in the line for whom there is a turn.
func (t *turns) free() []turn { return t.line[:max(0, min(len(t.line), t.limit-len(t.taken)))] }

func ring(next []turn) {
	for _, w := range next {
		w.loop.bell.Ring()
	}
}

func without(all []turn, l *loop) []turn {
	return slices.DeleteFunc(all, func(x turn) bool { return x.loop == l })
}
