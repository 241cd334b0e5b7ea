package lane

import (
	"slices"
	"sync"
	"time"
)

// turns are what the loops of a process take before they work on a batch, some of them at a time, the others in the order in which
// they have asked. All at once would share the cores, so that each batch took as long as all of them together; this way each
// has the cores nearly for itself, and what comes until it is its turn is in its batch, too.
//
// A turn is for a tick. Whose batch takes longer waits for something that is no core of ours, a database that hangs perhaps, and the other
// groups go on.
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

func (t turn) of(l *loop) bool { return t.loop == l }

// take says whether the loop may work now: it passes the turn on then. If not, it stands in line and is rung for.
func (t *turns) take(l *loop) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := l.up()
	t.taken = slices.DeleteFunc(t.taken, func(h turn) bool { return now-h.at > tick })
	t.line = slices.DeleteFunc(t.line, func(w turn) bool { return !w.of(l) && now-w.at > 2*tick }) // it wants none any more, or would have asked
	place := slices.IndexFunc(t.line, func(w turn) bool { return w.of(l) })
	if place < 0 {
		place = len(t.line)
		t.line = append(t.line, turn{loop: l})
	}
	if place >= t.limit-len(t.taken) {
		t.line[place].at = now
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
	of := func(x turn) bool { return x.of(l) }
	t.taken, t.line = slices.DeleteFunc(t.taken, of), slices.DeleteFunc(t.line, of)
	for i := 0; i < len(t.line) && i < t.limit-len(t.taken); i++ {
		t.line[i].loop.bell.Ring()
	}
}

// apart keeps the batches of a group's loops apart while what waits can wait: they would all come at the same moments, and an API
// beside them would see one long batch.
type apart struct {
	distance time.Duration // from the begin of a batch to that of the next

	mu          sync.Mutex
	began, next time.Duration
}

// begin says how long the loop has to wait, or that it begins: then it says when it ends.
func (a *apart) begin(now time.Duration) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now < a.next {
		return min(a.next-now, a.distance)
	}
	a.began, a.next = now, now+tick // should it take longer than that, another need not wait for its end
	return 0
}

func (a *apart) end(now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = max(a.began+a.distance, now)
}
