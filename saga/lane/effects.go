package lane

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

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

// queueEffects saves what was requested, and forgets what has come to an outcome.
func (b *batch) queueEffects(out *pgx.Batch) error {
	if n := len(b.requests); n > 0 {
		now := b.loop.now()
		ids, lanes, keys, effects := make([]string, n), make([]int, n), make([]string, n), make([]string, n)
		requests, causes, until := make([]string, n), make([]string, n), make([]time.Time, n)
		for i, r := range b.requests {
			data, err := json.Marshal(r.Data)
			if err != nil {
				return fmt.Errorf("request of effect %s: %w", r.Effect, err)
			}
			cause, err := json.Marshal(r.cause)
			if err != nil {
				return err
			}
			ids[i], lanes[i], keys[i], effects[i] = r.ID, r.lane.number, r.cause.Key, r.Effect
			requests[i], causes[i], until[i] = string(data), string(cause), now.Add(b.loop.group.Within(r.Effect))
		}
		out.Queue(`insert into effects (id, lane, key, effect, request, cause, until, next_attempt)
			select id, lane, key, effect, request::jsonb, cause::jsonb, until, $8
			from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) x(id, lane, key, effect, request, cause, until)`,
			ids, lanes, keys, effects, requests, causes, until, now)
	}
	if len(b.performed) > 0 {
		out.Queue("delete from effects e using unnest($1::text[]) x(id) where e.id = x.id", b.performed)
	}
	return nil
}

// effects are those that a loop is performing.
type effects struct {
	results chan result
	ctx     context.Context
	cancel  context.CancelFunc
	wait    sync.WaitGroup

	underWay map[string]bool // ids
	done     []result        // of lanes that were sending when they came
	due      time.Time       // when to look for more
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

func newEffects() *effects {
	ctx, cancel := context.WithCancel(context.Background())
	return &effects{results: make(chan result, maxEffects), ctx: ctx, cancel: cancel, underWay: map[string]bool{}}
}

// stop ends attempts under way. Nobody knows how they did: they are made again, with the same keys.
func (e *effects) stop() {
	e.cancel()
	e.wait.Wait()
}

// came takes a result, and all others that are there: they are settled together.
func (e *effects) came(r result) {
	for {
		e.done = append(e.done, r)
		select {
		case r = <-e.results:
		default:
			return
		}
	}
}

// performEffects starts the effects that are due, as many as may be under way.
func (l *loop) performEffects(ctx context.Context) error {
	if err := l.holdEffects(ctx); err != nil {
		return err
	}
	e := l.effects
	free := maxEffects - len(e.underWay)
	if len(l.group.Effects()) == 0 || free <= 0 || l.now().Before(e.due) {
		return nil
	}
	due, err := l.dueEffects(ctx, free)
	if err != nil {
		return err
	}
	if len(due) < free { // else there may be more, for when there is room again
		e.due = l.now().Add(lookForEffects)
	}
	for _, p := range due {
		e.underWay[p.ID] = true
		e.wait.Go(func() {
			attempt, cancel := context.WithTimeout(e.ctx, attemptTime)
			defer cancel()
			e.results <- result{p, l.group.PerformEffect(attempt, p.Request)} // it has room for all that are under way
		})
	}
	return nil
}

// holdEffects sets effects aside whose outcome can't be handled: performed again, they would be a mail every minute. Their
// row stays, with the reason, until a person sets next_attempt.
func (l *loop) holdEffects(ctx context.Context) error {
	for id, reason := range l.condemnedEffects {
		l.log.Error("an effect is held: its outcome can't be handled", "id", id, "reason", reason)
		if _, err := l.store.conn.Exec(ctx, "update effects set next_attempt = 'infinity', failure = $2 where id = $1", id, reason); err != nil {
			return err
		}
		delete(l.condemnedEffects, id)
	}
	return nil
}

// dueEffects are up to limit effects that are to be performed now, and are not under way.
func (l *loop) dueEffects(ctx context.Context, limit int) ([]pending, error) {
	underWay := slices.AppendSeq([]string{}, maps.Keys(l.effects.underWay)) // not nil, which would be NULL
	rows, err := l.store.conn.Query(ctx, `select id, lane, effect, request, cause, until, attempts from effects
		where next_attempt <= $1 and lane = any($2::int[]) and id <> all($3::text[]) order by next_attempt limit $4`,
		l.now(), l.laneNumbers(), underWay, limit)
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	var due []pending
	for rows.Next() {
		var p pending
		var data, cause []byte
		if err := rows.Scan(&p.ID, &p.lane, &p.Effect, &data, &cause, &p.until, &p.attempts); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read effects: %w", err)
		}
		err := json.Unmarshal(cause, &p.cause)
		if err == nil {
			p.Data, err = l.group.DecodeRequest(p.Effect, data)
		}
		if err != nil { // of another version: it must not hold up the others
			l.condemnedEffects[p.ID] = "the request can't be read: " + err.Error()
			continue
		}
		due = append(due, p)
	}
	return due, rows.Err()
}

// settleEffects brings what attempts came to into the lanes: outcomes as events, in a guarded batch, failures as later
// attempts. An outcome waits while its lane is sending, and one that may have spoiled a batch is alone in the next.
func (l *loop) settleEffects(ctx context.Context) error {
	if len(l.effects.done) == 0 {
		return nil
	}
	b := l.newBatch()
	alone := false
	var waiting, again []result
	for _, r := range l.effects.done {
		switch ln := l.lanes[r.lane]; {
		case r.err != nil && !saga.IsPermanent(r.err) && l.now().Before(r.until):
			again = append(again, r)
		case ln.sending || alone || l.suspectEffects[r.ID] && len(b.tasks) > 0:
			waiting = append(waiting, r)
		default:
			alone = l.suspectEffects[r.ID]
			b.touch(ln)
			b.tasks = append(b.tasks, task{lane: ln, cause: l.outcomeOf(r)})
		}
	}
	l.effects.done = waiting
	if err := l.tryLater(ctx, again); err != nil {
		return err
	}
	if len(b.tasks) == 0 {
		return nil
	}
	if err := l.finish(ctx, b); err != nil {
		return err
	}
	for _, t := range b.tasks {
		delete(l.effects.underWay, t.cause.Attempt.ID)
		delete(l.suspectEffects, t.cause.Attempt.ID)
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
		a.Failure, a.Expired, kind = r.err.Error(), !saga.IsPermanent(r.err), r.Effect+".not-performed"
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
	n := len(failed)
	ids, next, failures := make([]string, n), make([]time.Time, n), make([]string, n)
	for i, r := range failed {
		l.log.Warn("an effect failed, it is tried again", "effect", r.Effect, "key", r.cause.Key, "attempts", r.attempts+1, "error", r.err)
		ids[i], next[i], failures[i] = r.ID, l.now().Add(min(firstRetry<<min(r.attempts, 16), lastRetry)), r.err.Error()
		if next[i].After(r.until) {
			next[i] = r.until
		}
		delete(l.effects.underWay, r.ID)
		l.metrics.attempted(r.Effect, "failed")
	}
	_, err := l.store.conn.Exec(ctx, `update effects e set attempts = attempts + 1, next_attempt = x.next, failure = x.failure
		from unnest($1::text[], $2::timestamptz[], $3::text[]) x(id, next, failure) where e.id = x.id`, ids, next, failures)
	return err
}
