package lane

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

const (
	// maxDue is how many deadlines are looked at in one go.
	maxDue = 500
	// lookAgain is when those are looked at again of which none could fire.
	lookAgain = time.Second
)

// lookForDeadlines finds when the nearest deadline of the loop's lanes is.
func (l *loop) lookForDeadlines(ctx context.Context) error {
	l.due = time.Time{}
	if !l.group.HasAct() {
		return nil
	}
	soonest, err := l.store.Nearest(ctx, l.laneNumbers())
	if err != nil {
		return fmt.Errorf("look for deadlines: %w", err)
	}
	l.due = soonest
	return nil
}

func (l *loop) laneNumbers() []int {
	out := make([]int, len(l.owned))
	for i, ln := range l.owned {
		out[i] = ln.Number
	}
	return out
}

// fireDeadlines handles the deadlines that have passed. One fires only when its lane has read every topic to its end, as
// that was after the deadline: or an outage of ours would cancel what was answered in time.
func (l *loop) fireDeadlines(ctx context.Context, now time.Time) error {
	if l.due.IsZero() || now.Before(l.due) {
		return nil
	}
	l.forgive()
	without := append(l.condemnedOf(ofDeadline), l.deadlyDeadlines()...)
	b := l.newBatch()
	var due []Due
	var careful []task // of lanes whose owners have died
	handled := map[string]bool{}
	// Lanes that have not read so far are not asked again: what is due there may be as much as is looked at.
	ask := l.ready()
	all := len(ask) == len(l.owned)
	for len(ask) > 0 && len(b.tasks)+len(careful) == 0 {
		var err error
		if due, err = l.store.Due(ctx, ask, now, without, maxDue); err != nil {
			return fmt.Errorf("deadlines: %w", err)
		}
		behind := map[int]bool{}
		for _, d := range due {
			ln := l.lanes[d.Lane]
			behind[d.Lane] = behind[d.Lane] || !l.hasRead(ln, d.Until)
			switch t := (task{lane: ln, cause: l.deadline(d, now)}); {
			case behind[d.Lane] || len(b.tasks) >= l.searches[ofDeadline].limit:
			case ln.suspicious(deadlineOf + d.Key):
				careful = append(careful, t)
			default:
				b.touch(ln)
				b.tasks, handled[d.Key] = append(b.tasks, t), true
			}
		}
		if len(due) < maxDue {
			break
		}
		ask = slices.DeleteFunc(ask, func(n int) bool { return behind[n] })
	}
	if len(b.tasks) > 0 {
		if err := l.finish(ctx, b); err != nil {
			return err
		}
	}
	if err := l.fireCarefully(ctx, careful, handled); err != nil {
		return err
	}
	for i, d := range due { // the others are looked at again with the next tick
		if !handled[d.Key] || i == maxDue-1 {
			l.due = d.Until
			return nil
		}
	}
	err := l.lookForDeadlines(ctx)
	if len(due) == 0 && all && !l.due.IsZero() && now.After(l.due) {
		l.due = now.Add(lookAgain) // it is a parked key's, or left alone
	}
	return err
}

// fireCarefully handles deadlines of lanes whose owners have died, each alone, for a tick's time. It notes which
// it has handled, by key.
func (l *loop) fireCarefully(ctx context.Context, deadlines []task, handled map[string]bool) error {
	began := l.up()
	for _, t := range deadlines {
		note := t.id().note()
		if t.lane.sending || l.up()-began >= tick || l.rests(t.lane, note) {
			continue
		}
		if err := l.attempt(ctx, t.lane, note); err != nil {
			return err
		}
		b := l.newBatch()
		b.survives(t.lane, note)
		b.tasks = append(b.tasks, t)
		if err := l.finish(ctx, b); err != nil {
			return err
		}
		handled[t.cause.Key] = true
	}
	return nil
}

// ready are the lanes in which a deadline may fire: nothing is sent.
func (l *loop) ready() (numbers []int) {
	for _, ln := range l.owned {
		if !ln.sending {
			numbers = append(numbers, ln.Number)
		}
	}
	return numbers
}

func (l *loop) deadline(d Due, now time.Time) saga.Cause {
	e := saga.Envelope{Type: saga.DeadlineType, Key: d.Key, Saga: d.Key, Time: now, Trace: d.Trace, Source: "/tiffin/" + l.group.Name()}
	e.ID = saga.DeriveID(saga.Envelope{ID: saga.DeadlineType + "/" + d.Key + "/" + d.Waiting, Time: d.Until}, l.group.Name(), 0)
	if d.Started != nil {
		e.Started = *d.Started
	}
	return saga.Cause{Envelope: e}
}

const (
	// sweepEvery is how often expired marks are looked for.
	sweepEvery = time.Minute
	// lagging is how soon they are looked for again if a lane had not read far enough.
	lagging = 10 * time.Second
)

// sweepMarks deletes acts that are nothing but the expired mark of an undo that came first: unknown ids would fill the table.
// Only a lane's owner does, for it may have the act in memory; and, as with deadlines, only when the lane has read what was logged until
// then: what the mark bars may wait in our own backlog, and is as young as when it was logged.
func (l *loop) sweepMarks(ctx context.Context) error {
	if !l.group.HasAct() || l.up()-l.swept < sweepEvery {
		return nil
	}
	l.swept = l.up()
	until := l.now().Add(-sweepEvery)
	read := slices.DeleteFunc(l.claimed(), func(c Claimed) bool { return !l.hasRead(l.lanes[c.Lane], until) })
	if len(read) < len(l.owned) {
		l.swept -= sweepEvery - lagging // at a claim nobody knows yet how far the log goes
	}
	if len(read) == 0 {
		return nil
	}
	keys, err := l.store.Sweep(ctx, read, until)
	if err != nil {
		return fmt.Errorf("sweep marks: %w", err)
	}
	for _, k := range keys {
		l.cache.drop(saga.Need{Table: l.group.Tables()[0], Key: k})
	}
	return nil
}

// claimed are the lanes that are owned, and their epochs.
func (l *loop) claimed() []Claimed {
	out := make([]Claimed, len(l.owned))
	for i, ln := range l.owned {
		out[i] = Claimed{ln.Number, ln.Epoch}
	}
	return out
}

// hasRead says whether the lane has handled everything that was logged before the moment: per topic a record of a later
// time, or all there was at some later time.
func (l *loop) hasRead(ln *lane, moment time.Time) bool {
	for _, topic := range l.group.Topics() {
		p := l.places[kafka.TopicPartition{Topic: topic, Partition: ln.Number}]
		if !ln.last[topic].After(moment) && !l.feed.atEnd(p, ln.Next[topic], moment) {
			return false
		}
	}
	return true
}
