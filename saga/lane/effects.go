package lane

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

const (
	// maxEffects is how many effects one loop performs at a time. What they lead to is committed together.
	maxEffects = 64
	// attemptTime is how long one attempt may take.
	attemptTime = 30 * time.Second
	// firstRetry is the pause before an effect is tried again; it doubles up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// lookForEffects is how often the loop looks for effects that are due to be tried again. It looks at once when one has
	// been requested, and when more were due than could be performed at a time.
	lookForEffects = time.Second
)

// request is an effect that a batch asks for.
type request struct {
	lane  *lane
	cause saga.Envelope
	saga.Request
}

// effectRows are the rows of what was requested.
func (b *batch) effectRows(now time.Time) ([]EffectRow, error) {
	rows := make([]EffectRow, len(b.requests))
	for i, r := range b.requests {
		data, err := json.Marshal(r.Data)
		if err != nil {
			return nil, &unsayableError{fmt.Errorf("request of effect %s: %w", r.Effect, err)}
		}
		cause, err := json.Marshal(r.cause)
		if err != nil {
			return nil, &unsayableError{err}
		}
		rows[i] = EffectRow{
			ID: r.ID, Lane: r.lane.Number, Key: r.cause.Key, Effect: r.Effect, Request: data, Cause: cause,
			Until: now.Add(b.loop.group.Within(r.Effect)), Next: now,
		}
	}
	return rows, nil
}

// effects are those that a loop is performing.
type effects struct {
	machine Machine
	bell    Bell // rings when one has come to a result
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   Tasks

	underWay map[string]bool // ids
	done     []result        // to be settled; of lanes that are sending, they wait
	due      time.Duration   // when to look for more

	mu   sync.Mutex
	came []result
}

// pending is an effect as its row has it.
type pending struct {
	saga.Request
	lane     int
	cause    saga.Envelope
	until    time.Time
	attempts int
}

// result is what an attempt came to.
type result struct {
	pending
	err error
}

func newEffects(m Machine, bell Bell) *effects {
	ctx, cancel := m.Cancel(context.Background())
	return &effects{machine: m, bell: bell, ctx: ctx, cancel: cancel, tasks: m.Tasks(), underWay: map[string]bool{}}
}

// stop ends attempts under way. Nobody knows how they did: they are made again, with the same keys.
func (e *effects) stop() {
	e.cancel()
	e.tasks.Wait()
}

// start performs an effect, beside the loop.
func (e *effects) start(g *saga.Group, p pending) {
	e.underWay[p.ID] = true
	e.tasks.Go(func() {
		attempt, cancel := e.machine.Timeout(e.ctx, attemptTime)
		defer cancel()
		err := g.PerformEffect(attempt, p.Request)
		e.mu.Lock()
		e.came = append(e.came, result{p, err})
		e.mu.Unlock()
		e.bell.Ring()
	})
}

// take adds the results that have come to those that are to be settled.
func (e *effects) take() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done = append(e.done, e.came...)
	e.came = nil
}

// performEffects starts the effects that are due, as many as may be under way.
func (l *loop) performEffects(ctx context.Context) error {
	if !l.performs {
		return nil
	}
	if err := l.holdEffects(ctx); err != nil {
		return err
	}
	e := l.effects
	free := maxEffects - len(e.underWay)
	if free <= 0 || l.up() < e.due {
		return nil
	}
	due, err := l.dueEffects(ctx, free)
	if err != nil {
		return err
	}
	if len(due) < free { // else there may be more, for when there is room again
		e.due = l.up() + lookForEffects
	}
	for _, p := range due {
		e.start(l.group, p)
	}
	return nil
}

// holdEffects sets effects aside whose outcome can't be handled: performed again, they would be a mail every minute. Their
// row stays, with the reason, until a person sets next_attempt.
func (l *loop) holdEffects(ctx context.Context) error {
	for _, id := range l.condemnedOf(ofEffect) {
		effect := taskID{kind: ofEffect, key: id}
		reason := l.condemned[effect].reason
		l.log.Error("an effect is held: its outcome can't be handled", "id", id, "reason", reason)
		if err := l.store.HoldEffect(ctx, l.claimed(), id, reason); err != nil {
			return err
		}
		delete(l.condemned, effect)
	}
	return nil
}

// dueEffects are up to limit effects that are to be performed now, and are not under way.
func (l *loop) dueEffects(ctx context.Context, limit int) ([]pending, error) {
	rows, err := l.store.DueEffects(ctx, l.laneNumbers(), l.now(), slices.Sorted(maps.Keys(l.effects.underWay)), limit)
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	var due []pending
	for _, r := range rows {
		p := pending{Request: saga.Request{ID: r.ID, Effect: r.Effect}, lane: r.Lane, until: r.Until, attempts: r.Attempts}
		err := json.Unmarshal(r.Cause, &p.cause)
		if err == nil {
			p.Data, err = l.group.DecodeRequest(p.Effect, r.Request)
		}
		if err != nil { // of another version: it must not hold up the others
			l.condemn(taskID{kind: ofEffect, key: p.ID}, fmt.Errorf("the request can't be read: %w", err))
			continue
		}
		ln, note := l.lanes[p.lane], outcomeOf+p.ID
		if err := ln.deadly(note); err != nil {
			l.condemn(taskID{kind: ofEffect, key: p.ID}, err)
			delete(ln.Attempts, note) // it is held now; a person may try again
			continue
		}
		due = append(due, p)
	}
	return due, nil
}

// settleEffects brings what attempts came to into the lanes: outcomes as events, in a guarded batch, failures as later
// attempts. An outcome waits while its lane is sending.
func (l *loop) settleEffects(ctx context.Context) error {
	l.effects.take()
	if len(l.effects.done) == 0 {
		return nil
	}
	b := l.newBatch()
	limit := l.searches[ofEffect].limit
	var waiting, again []result
	var alone *result
	for _, r := range l.effects.done {
		switch ln := l.lanes[r.lane]; {
		case r.err != nil && !saga.IsPermanent(r.err) && l.now().Before(r.until):
			again = append(again, r)
		case ln.sending || len(b.tasks) >= limit || l.rests(ln, outcomeOf+r.ID):
			waiting = append(waiting, r)
		case ln.suspicious(outcomeOf + r.ID):
			if alone != nil {
				waiting = append(waiting, *alone)
			}
			alone = &r
		default:
			b.touch(ln)
			b.tasks = append(b.tasks, task{lane: ln, cause: l.outcomeOf(r)})
		}
	}
	l.effects.done = waiting
	if err := l.tryLater(ctx, again); err != nil {
		return err
	}
	if err := l.settle(ctx, b); err != nil || alone == nil {
		return err
	}
	ln, note := l.lanes[alone.lane], outcomeOf+alone.ID
	if ln.sending {
		l.effects.done = append(l.effects.done, *alone)
		return nil
	}
	if err := l.attempt(ctx, ln, note); err != nil {
		return err
	}
	b = l.newBatch()
	b.survives(ln, note)
	b.tasks = append(b.tasks, task{lane: ln, cause: l.outcomeOf(*alone)})
	return l.settle(ctx, b)
}

// settle runs a batch of outcomes.
func (l *loop) settle(ctx context.Context, b *batch) error {
	if len(b.tasks) == 0 {
		return nil
	}
	if err := l.finish(ctx, b); err != nil {
		return err
	}
	for _, t := range b.tasks {
		delete(l.effects.underWay, t.cause.Attempt.ID)
		outcome := "performed"
		if t.cause.Attempt.Failure != "" {
			outcome = "given up"
		}
		l.metrics.attempted(t.cause.Attempt.Effect, outcome)
	}
	return nil
}

func (l *loop) outcomeOf(r result) saga.Cause {
	a := &saga.Attempt{Request: r.Request}
	kind := r.Effect + ".performed"
	if r.err != nil {
		a.Failure, a.Expired, kind = plain(r.err.Error()), !saga.IsPermanent(r.err), r.Effect+".not-performed"
	}
	e := r.cause
	e.ID, e.CauseID, e.Type, e.Source, e.Time = r.ID, r.cause.ID, kind, "/tiffin/"+l.group.Name(), l.now()
	return saga.Cause{Envelope: e, Attempt: a}
}

// tryLater notes that effects are to be tried again, the last time when their time is over.
func (l *loop) tryLater(ctx context.Context, failed []result) error {
	if len(failed) == 0 {
		return nil
	}
	retries := make([]FailedEffect, len(failed))
	for i, r := range failed {
		l.log.Warn("an effect failed, it is tried again", "effect", r.Effect, "key", r.cause.Key, "attempts", r.attempts+1, "error", r.err)
		next := l.now().Add(min(firstRetry<<min(r.attempts, 16), lastRetry))
		if next.After(r.until) {
			next = r.until
		}
		retries[i] = FailedEffect{r.ID, next, plain(r.err.Error())}
		delete(l.effects.underWay, r.ID)
		l.metrics.attempted(r.Effect, "failed")
	}
	return l.store.Retry(ctx, l.claimed(), retries)
}
