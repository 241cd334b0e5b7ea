package lane

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/saga"
)

// maxDue is how many deadlines are looked at in one go.
const maxDue = 500

// dueAct is an act whose deadline has passed.
type dueAct struct {
	Key     string
	Lane    int
	Until   time.Time
	Waiting string
	Started *time.Time
	Trace   string
}

// lookForDeadlines finds when the nearest deadline of the loop's lanes is.
func (l *loop) lookForDeadlines(ctx context.Context) error {
	l.due = time.Time{}
	if !l.group.HasAct() {
		return nil
	}
	var soonest *time.Time
	table := l.group.Tables()[0].Name()
	err := l.store.conn.QueryRow(ctx, "select min(waits_until) from "+table+" where waits_until is not null and lane = any($1::bigint[])", l.laneNumbers()).Scan(&soonest)
	if err != nil {
		return fmt.Errorf("look for deadlines: %w", err)
	}
	if soonest != nil {
		l.due = *soonest
	}
	return nil
}

func (l *loop) laneNumbers() []int {
	out := make([]int, 0, len(l.lanes))
	for n := range l.lanes {
		out = append(out, n)
	}
	return out
}

// fireDeadlines handles the deadlines that have passed. One fires only when its lane has read every topic to its end, as
// that was after the deadline: or an outage of ours would cancel what was answered in time.
func (l *loop) fireDeadlines(ctx context.Context, now time.Time) error {
	if l.due.IsZero() || now.Before(l.due) {
		return nil
	}
	due, err := l.dueActs(ctx, now)
	if err != nil {
		return err
	}
	b := l.newBatch()
	for _, d := range due {
		if until, spoiled := l.spoiled[d.Key]; spoiled && now.Before(until) {
			continue
		}
		ln := l.lanes[d.Lane]
		if ln.sending || len(b.tasks) >= l.limit || ln.parked[d.Key] > 0 || !l.hasRead(ln, d.Until) {
			continue
		}
		b.touch(ln)
		b.tasks = append(b.tasks, task{lane: ln, cause: l.deadline(d, now)})
	}
	if len(b.tasks) > 0 {
		if err := l.finish(ctx, b); err != nil {
			return err
		}
	}
	if len(b.tasks) == len(due) && len(due) < maxDue {
		return l.lookForDeadlines(ctx)
	}
	return nil // the others are looked at again with the next tick
}

func (l *loop) deadline(d dueAct, now time.Time) saga.Cause {
	e := saga.Envelope{Type: saga.DeadlineType, Key: d.Key, Saga: d.Key, Time: now, Trace: d.Trace, Source: "/tiffin/" + l.group.Name()}
	e.ID = saga.DeriveID(saga.Envelope{ID: saga.DeadlineType + "/" + d.Key + "/" + d.Waiting, Time: d.Until}, l.group.Name(), 0)
	if d.Started != nil {
		e.Started = *d.Started
	}
	return saga.Cause{Envelope: e}
}

func (l *loop) dueActs(ctx context.Context, now time.Time) ([]dueAct, error) {
	t := l.group.Tables()[0]
	key := t.Columns(t.New(""))[0].Name
	rows, err := l.store.conn.Query(ctx, "select "+key+", lane, waits_until, waiting, started, trace from "+t.Name()+
		" where waits_until <= $1 and lane = any($2::bigint[]) order by waits_until limit $3", now, l.laneNumbers(), maxDue)
	if err != nil {
		return nil, fmt.Errorf("deadlines: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[dueAct])
}

// sweepEvery is how often expired marks are looked for.
const sweepEvery = time.Minute

// sweepMarks deletes acts that are nothing but the expired mark of an undo that came first: unknown ids would fill the table.
// Only a lane's owner does, for it may have the act in memory.
func (l *loop) sweepMarks(ctx context.Context) error {
	if !l.group.HasAct() || l.now().Sub(l.swept) < sweepEvery {
		return nil
	}
	l.swept = l.now()
	t := l.group.Tables()[0]
	numbers, epochs := l.claimed()
	rows, err := l.store.conn.Query(ctx, fmt.Sprintf(`delete from %s t using unnest($1::int[], $2::bigint[]) x(lane, epoch) join lanes l on l.lane = x.lane and l.epoch = x.epoch
		where t.lane = x.lane and t.state = $3 and t.mark_until < $4 returning t.%s`, t.Name(), t.Columns(t.New(""))[0].Name),
		numbers, epochs, string(saga.Barred), l.now())
	if err != nil {
		return fmt.Errorf("sweep marks: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, k := range keys {
		l.acts.drop(k)
	}
	return err
}

// claimed are the lanes that are owned, and their epochs.
func (l *loop) claimed() (numbers []int, epochs []int64) {
	for _, ln := range l.lanes {
		numbers, epochs = append(numbers, ln.number), append(epochs, ln.epoch)
	}
	return numbers, epochs
}

// hasRead says whether the lane has handled everything that was logged before the moment: per topic a record of a later
// time, or all there was at some later time.
func (l *loop) hasRead(ln *lane, moment time.Time) bool {
	if !l.queue.empty(ln.number) {
		return false
	}
	for tp, p := range l.places {
		if tp.Partition == ln.number && !ln.last[tp.Topic].After(moment) && !l.feed.atEnd(p, ln.Next[tp.Topic], moment) {
			return false
		}
	}
	return true
}
