package lane

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// team is the loops of one group in this process. Nearly every group has one. Where lanes have nothing in common, more share them, so
// that PostgreSQL works on one batch while the reactions of another run.
type team struct {
	ports   Ports
	mirrors *mirrors
	loops   []*loop
}

func newTeam(p Ports, c Config, g *saga.Group, f *feed, partitions int) *team {
	metrics, log := c.Metrics.of(g.Name()), c.Logger.With("group", g.Name())
	t := &team{ports: p, mirrors: newMirrors(g, metrics, log)}
	size := 1
	if g.Parallel() {
		size = c.Loops
	}
	process, turns := p.Machine.NewID(), &turns{}
	for range size {
		t.loops = append(t.loops, &loop{
			Config: c, ports: p, process: process, group: g, partitions: partitions, feed: f, metrics: metrics, mirrors: t.mirrors,
			log: log, now: p.Machine.Now, up: p.Machine.Up, bell: p.Machine.Bell(), turns: turns, limit: c.MaxBatch, performs: len(g.Effects()) > 0,
			condemned: map[eventID]string{}, condemnedParked: map[int64]string{}, condemnedEffects: map[string]string{},
			suspectEffects: map[string]bool{}, spoiled: map[string]time.Time{},
		})
	}
	for _, l := range t.loops {
		turns.bells = append(turns.bells, l.bell)
	}
	return t
}

// turns are what the loops of a team take while less than a batch waits for them: two batches at a time would leave no core to an
// API beside them, and together do not take longer one after the other. Who has to wait is next, so that no loop goes without while
// another always has something to do. Whose events can wait comes back half a tick later, for two batches one after the other are as
// long a burst; a loop for which more waits takes no turns.
type turns struct {
	bells []Bell

	mu      sync.Mutex
	taken   bool
	line    []waiter
	hurried bool // one of them is
}

// waiter is a loop that did not get a turn, and when it asked last: one that has not for a tick wants none any more.
type waiter struct {
	loop  *loop
	asked time.Duration
}

// take says whether the turn is the loop's, which has to pass it on. If not, it stands in line; one that hurries is rung for when the
// turn is free.
func (t *turns) take(l *loop, hurried bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := l.up()
	t.line = slices.DeleteFunc(t.line, func(w waiter) bool { return w.loop != l && now-w.asked > tick })
	place := slices.IndexFunc(t.line, func(w waiter) bool { return w.loop == l })
	if place < 0 {
		place = len(t.line)
		t.line = append(t.line, waiter{loop: l})
	}
	if t.taken || place > 0 {
		t.line[place].asked = now
		t.hurried = t.hurried || hurried
		return false
	}
	t.line = slices.Delete(t.line, 0, 1)
	t.taken = true
	return true
}

func (t *turns) pass() {
	t.mu.Lock()
	hurried := t.hurried
	t.taken, t.hurried = false, false
	t.mu.Unlock()
	if !hurried {
		return
	}
	for _, b := range t.bells {
		b.Ring()
	}
}

// hold deals the lanes of an assignment to the loops, and returns when all have let go of theirs: when ctx ends, or when one of them
// can't go on.
func (t *team) hold(ctx context.Context, a kafka.Assignment) error {
	if len(t.loops) == 1 {
		return t.loops[0].hold(ctx, a)
	}
	ctx, end := t.ports.Machine.Cancel(ctx)
	defer end()
	tasks := t.ports.Machine.Tasks()
	errs := make([]error, len(t.loops))
	for i, l := range t.loops {
		mine := a
		mine.Lanes = nil
		for n := i; n < len(a.Lanes); n += len(t.loops) {
			mine.Lanes = append(mine.Lanes, a.Lanes[n])
		}
		tasks.Go(func() {
			errs[i] = l.hold(ctx, mine)
			end()
		})
	}
	tasks.Wait()
	return errors.Join(errs...)
}
