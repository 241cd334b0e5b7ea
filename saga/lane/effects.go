package lane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/saga"
)

const (
	// maxEffects is how many effects one loop performs at a time.
	maxEffects = 16
	// attemptTime is how long one attempt may take.
	attemptTime = 30 * time.Second
	// firstRetry is the pause before an effect is tried again; it doubles up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// lookForEffects is how often the loop looks for effects that are due, if none has been requested just now.
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
	now := b.loop.now()
	for _, r := range b.requests {
		data, err := json.Marshal(r.Data)
		if err != nil {
			return fmt.Errorf("request of effect %s: %w", r.Effect, err)
		}
		cause, err := json.Marshal(r.cause)
		if err != nil {
			return err
		}
		out.Queue("insert into effects (id, lane, key, effect, request, cause, until, next_attempt) values ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $8)",
			r.ID, r.lane.number, r.cause.Key, r.Effect, string(data), string(cause), now.Add(b.loop.group.Within(r.Effect)), now)
	}
	if len(b.performed) > 0 {
		out.Queue("delete from effects where id = any($1::text[])", b.performed)
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
	return &effects{results: make(chan result), ctx: ctx, cancel: cancel, underWay: map[string]bool{}}
}

// stop ends attempts under way. Nobody knows how they did: they are made again, with the same keys.
func (e *effects) stop() {
	e.cancel()
	e.wait.Wait()
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
	e.due = l.now().Add(lookForEffects)
	due, err := l.dueEffects(ctx)
	if err != nil {
		return err
	}
	for _, p := range due {
		if e.underWay[p.ID] || free == 0 {
			continue
		}
		free--
		e.underWay[p.ID] = true
		e.wait.Go(func() {
			attempt, cancel := context.WithTimeout(e.ctx, attemptTime)
			defer cancel()
			r := result{p, l.group.PerformEffect(attempt, p.Request)}
			select {
			case e.results <- r:
			case <-e.ctx.Done():
			}
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

func (l *loop) dueEffects(ctx context.Context) ([]pending, error) {
	rows, err := l.store.conn.Query(ctx, `select id, lane, effect, request, cause, until, attempts from effects
		where next_attempt <= $1 and lane = any($2::int[]) order by next_attempt limit $3`, l.now(), l.laneNumbers(), 2*maxEffects)
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p pending, err error) {
		var data, cause []byte
		if err := row.Scan(&p.ID, &p.lane, &p.Effect, &data, &cause, &p.until, &p.attempts); err != nil {
			return p, err
		}
		if err := json.Unmarshal(cause, &p.cause); err != nil {
			return p, err
		}
		p.Data, err = l.group.DecodeRequest(p.Effect, data)
		return p, err
	})
}

// settleEffects brings what attempts came to into the lanes: outcomes as events, in a guarded batch, failures as later
// attempts.
func (l *loop) settleEffects(ctx context.Context) error {
	if len(l.effects.done) == 0 {
		return nil
	}
	b := l.newBatch()
	var waiting []result
	for _, r := range l.effects.done {
		switch ln := l.lanes[r.lane]; {
		case r.err != nil && !saga.IsPermanent(r.err) && l.now().Before(r.until):
			if err := l.tryLater(ctx, r); err != nil {
				return err
			}
		case ln.sending:
			waiting = append(waiting, r)
		default:
			b.touch(ln)
			b.tasks = append(b.tasks, task{lane: ln, cause: l.outcomeOf(r)})
		}
	}
	l.effects.done = waiting
	if len(b.tasks) == 0 {
		return nil
	}
	if err := l.finish(ctx, b); err != nil {
		return err
	}
	for _, t := range b.tasks {
		delete(l.effects.underWay, t.cause.Attempt.ID)
	}
	return nil
}

func (l *loop) outcomeOf(r result) saga.Cause {
	a := &saga.Attempt{Request: r.Request}
	kind := r.Effect + ".performed"
	if r.err != nil {
		a.Failure, kind = r.err.Error(), r.Effect+".not-performed"
	}
	e := r.cause
	e.ID, e.CauseID, e.Type, e.Source, e.Time = r.ID, r.cause.ID, kind, "/tiffin/"+l.group.Name(), l.now()
	return saga.Cause{Envelope: e, Attempt: a}
}

func (l *loop) tryLater(ctx context.Context, r result) error {
	l.log.Warn("an effect failed, it is tried again", "effect", r.Effect, "key", r.cause.Key, "attempts", r.attempts+1, "error", r.err)
	pause := min(firstRetry<<min(r.attempts, 16), lastRetry)
	_, err := l.store.conn.Exec(ctx, "update effects set attempts = attempts + 1, next_attempt = $2, failure = $3 where id = $1",
		r.ID, l.now().Add(pause), r.err.Error())
	delete(l.effects.underWay, r.ID)
	return err
}
