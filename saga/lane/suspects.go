package lane

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// kind is a kind of tasks. Each has batches of its own.
type kind int

const (
	ofEvent kind = iota
	ofParked
	ofDeadline
	ofEffect
	kinds
)

// taskID names a task, whichever batch it is in.
type taskID struct {
	kind  kind
	topic string // of an event
	lane  int
	at    int64  // an event's offset, or the position of one that is parked
	key   string // a deadline's, or an effect's id
}

func (e *event) id() taskID { return taskID{kind: ofEvent, topic: e.topic, lane: e.lane, at: e.offset} }

func (t *task) id() taskID {
	switch {
	case t.parked != 0:
		return taskID{kind: ofParked, at: t.parked}
	case t.event != nil:
		return t.event.id()
	case t.cause.Attempt != nil:
		return taskID{kind: ofEffect, key: t.cause.Attempt.ID}
	}
	return taskID{kind: ofDeadline, key: t.cause.Key}
}

// search is that for the task of one kind which spoils batches.
type search struct {
	limit    int             // how many tasks the next batch may have
	suspects map[taskID]bool // one of these made a batch fail
	began    time.Duration
}

// fewSuspects are so few that each is tried alone at once: each batch that fails costs a connection and a claim.
const fewSuspects = 32

// condemnation says why a task can't be done. Events, also parked ones, are (still) parked with it when they are met again, effects are
// held. Deadlines are left alone until a moment.
type condemnation struct {
	reason string
	until  time.Duration
}

// spoiledFor is how long a deadline that failed is left alone. Suspects that have not come again for as long are none: somebody has
// discarded them, or answered what they waited for.
const spoiledFor = time.Minute

// acquit forgets all suspicions: with the next assignment the tasks may be another's, and nobody here would ever clear them.
func (l *loop) acquit() {
	l.condemned, l.slow, l.closer = map[taskID]condemnation{}, map[taskID]slowness{}, false
	for k := range l.searches {
		l.searches[k] = search{limit: l.MaxBatch}
	}
}

// suspect narrows down which task can't be saved: the batch's are suspects, and batches get smaller until one that
// fails has just one task. It notes whether that has brought it closer, so that there is no need for a pause.
func (l *loop) suspect(b *batch, err error) {
	if !dataFault(err) || len(b.tasks) == 0 {
		return
	}
	id := b.tasks[0].id()
	s := &l.searches[id.kind]
	if len(b.tasks) == 1 {
		_, again := l.condemned[id]
		l.closer = !again
		l.condemn(id, err)
		*s = search{limit: min(2, l.MaxBatch)} // where one spoils, more may: it grows again with what is saved
		return
	}
	*s = search{limit: len(b.tasks) / 2, suspects: map[taskID]bool{}, began: l.up()}
	if id.kind == ofEffect || len(b.tasks) <= fewSuspects {
		s.limit = 1 // whatever fails is performed again; and few batches of one are cheaper than another claim
	}
	for i := range b.tasks {
		s.suspects[b.tasks[i].id()] = true
	}
	l.closer = true
}

// shorten lets the next batch of this kind have half as many tasks. It grows again with what is saved. A task that takes too long alone,
// again and again while others are saved, is condemned: it is no slow database that holds it up.
func (l *loop) shorten(b *batch, err error) {
	if len(b.tasks) == 0 {
		return
	}
	id := b.tasks[0].id()
	s := &l.searches[id.kind]
	s.limit = max(1, min(s.limit, len(b.tasks))/2)
	if len(b.tasks) > 1 {
		return
	}
	slow := l.slow[id]
	if slow.times == 0 || l.saved > slow.saved {
		slow.times++
	}
	if slow.saved = l.saved; slow.times > slowTimes {
		l.condemn(id, fmt.Errorf("it takes too long, also alone, while others do not: %w", err))
		delete(l.slow, id)
		return
	}
	l.slow[id] = slow
}

// slowTimes is how often a task may take too long alone.
const slowTimes = 3

// slowness is how often a task has taken too long, and how many batches had been saved by then.
type slowness struct{ times, saved int }

func (l *loop) condemn(id taskID, err error) {
	l.condemned[id] = condemnation{plain(err.Error()), l.up() + spoiledFor}
}

// judged is the event, or one that can't be handled if it is condemned.
func (l *loop) judged(e *event) *event {
	c, ok := l.condemned[e.id()]
	if !ok || e.err != nil {
		return e
	}
	condemned := *e
	condemned.err = errors.New(c.reason)
	return &condemned
}

// clear notes that the batch was saved: its tasks are no suspects. When none is left, batches may grow again.
func (l *loop) clear(b *batch) {
	for i := range b.tasks {
		id := b.tasks[i].id()
		s := &l.searches[id.kind]
		delete(s.suspects, id)
		delete(l.slow, id)
		if id.kind == ofEvent {
			delete(l.condemned, id) // it is parked now
		}
	}
	if len(b.tasks) == 0 {
		return
	}
	s := &l.searches[b.tasks[0].id().kind]
	if len(s.suspects) == 0 || l.up()-s.began > spoiledFor {
		*s = search{limit: min(2*s.limit, l.MaxBatch)}
	}
}

// forgive has deadlines tried again that were left alone for long enough.
func (l *loop) forgive() {
	maps.DeleteFunc(l.condemned, func(id taskID, c condemnation) bool { return id.kind == ofDeadline && l.up() >= c.until })
}

// condemnedOf are the keys of the deadlines, or the ids of the effects, that are condemned.
func (l *loop) condemnedOf(k kind) []string {
	keys := []string{}
	for id := range l.condemned {
		if id.kind == k {
			keys = append(keys, id.key)
		}
	}
	slices.Sort(keys)
	return keys
}
