package lane

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"tiffin/saga/kafka"
)

// What kills a process is found by its deaths. A lane whose owners die before they get on is handled with care: each thing
// alone, which is noted in the lane's row before. A note goes when the thing is done; one that stays says that its owner has died of it, or
// was gone for another reason, and after three of those nobody tries it again.

const (
	// carefulFor is how many events of a lane are handled alone once two owners in a row have died: more likely than not, one of
	// these events kills. It doubles with each further death, for what comes meanwhile may be more, and stand before it.
	carefulFor   = 200
	maxDoublings = 12
	// settled is how long the outcomes of effects that were due at a claim are waited for.
	settled = 10 * time.Second
	// maxAttempts is how many owners may die of something before it is parked, left alone or held.
	maxAttempts = 3
)

// What is noted in a lane's row: "topic@offset" for an event, and these.
const (
	deadlineOf = "deadline of "
	outcomeOf  = "outcome of "
	wishFor    = "wish for "
)

// note is the name under which attempts at a task are noted.
func (id taskID) note() string {
	switch id.kind {
	case ofDeadline:
		return deadlineOf + id.key
	case ofEffect:
		return outcomeOf + id.key
	}
	return id.topic + "@" + strconv.FormatInt(id.at, 10)
}

// care says how careful to be with a lane that was just claimed. Notes of events that it has passed since are worth nothing.
func (l *lane) care() {
	l.began = maps.Clone(l.Next)
	if l.Deaths > 1 {
		l.careful = carefulFor << min(l.Deaths-2, maxDoublings)
	}
	maps.DeleteFunc(l.Attempts, func(note string, _ int) bool {
		topic, at, event := strings.Cut(note, "@")
		offset, err := strconv.ParseInt(at, 10, 64)
		return event && err == nil && !strings.Contains(topic, " ") && offset < l.Next[topic]
	})
}

// isCareful says whether the lane's next event is handled alone: also until the one is reached that was noted, however many are before it.
func (l *lane) isCareful() bool {
	if l.careful > 0 {
		return true
	}
	for note := range l.Attempts {
		if !strings.Contains(note, " ") {
			return true
		}
	}
	return false
}

// suspicious says whether this, of whatever kind but an event, is to be handled alone.
func (l *lane) suspicious(note string) bool { return l.Deaths > 1 || l.Attempts[note] > 0 }

// deadly says why this is tried no more, if it has killed too many.
func (l *lane) deadly(note string) error {
	if l.Attempts[note] < maxAttempts {
		return nil
	}
	return fmt.Errorf("%d processes died while they handled this", maxAttempts)
}

// deadlyDeadlines are the keys of those that have killed too many.
func (l *loop) deadlyDeadlines() (keys []string) {
	for _, ln := range l.owned {
		for note := range ln.Attempts {
			if key, ok := strings.CutPrefix(note, deadlineOf); ok && ln.deadly(note) != nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// outlive forgets the deaths of owners once this one has got past whatever they may have died of: something of each topic, the deadlines
// that were due, the outcomes of effects. To have handled just anything says nothing, for more may have come while nobody lived.
func (l *loop) outlive() {
	deadlines := l.due.IsZero() || l.due.After(l.claimedOn)
	effects := len(l.effects.underWay) == 0 || l.up()-l.claimedAt >= settled
	if !deadlines || !effects {
		return
	}
	for _, ln := range l.owned {
		if ln.Deaths > 0 && l.hasMoved(ln) {
			ln.Deaths, ln.careful = 0, 0
		}
	}
}

// hasMoved says whether the lane has handled something of each topic since it was claimed, or there was nothing.
func (l *loop) hasMoved(ln *lane) bool {
	for _, topic := range l.group.Topics() {
		next := ln.Next[topic]
		if next <= ln.began[topic] && !l.feed.atEnd(l.places[kafka.TopicPartition{Topic: topic, Partition: ln.Number}], next, l.claimedOn) {
			return false
		}
	}
	return true
}

// stepCarefully handles one event alone, of a lane whose owners have died.
func (l *loop) stepCarefully(ctx context.Context) (busy bool, err error) {
	events := l.take(1, func(n int) bool { return !l.lanes[n].sending && l.lanes[n].isCareful() })
	if len(events) == 0 {
		return false, nil
	}
	e := events[0]
	ln, note := l.lanes[e.lane], e.id().note()
	ln.careful = max(0, ln.careful-1)
	if err := ln.deadly(note); err != nil {
		l.condemn(e.id(), err)
	}
	if e = l.judged(e); e.err == nil {
		if err := l.attempt(ctx, ln, note); err != nil {
			return true, err
		}
	}
	b := l.newBatch()
	b.survives(ln, note)
	b.add(e)
	return true, l.finish(ctx, b)
}

// attempt notes that the next batch handles this alone.
func (l *loop) attempt(ctx context.Context, ln *lane, note string) error {
	ln.Attempts[note]++
	if l.noted[ln.Number] == nil {
		l.noted[ln.Number] = map[string]int{}
	}
	l.noted[ln.Number][note] = ln.Attempts[note]
	b := l.newBatch()
	b.touch(ln)
	return l.finish(ctx, b)
}

// survives lets the note go with the batch that handles what it names.
func (b *batch) survives(ln *lane, note string) {
	b.touch(ln)
	delete(ln.Attempts, note)
	b.survived = append(b.survived, func() { delete(b.loop.noted[ln.Number], note) })
}

// withoutOwn takes from a lane's notes, as they were read, the attempts of this process: while it lives, it has not died of them.
func (l *loop) withoutOwn(r *Row) {
	for note, count := range l.noted[r.Number] {
		if r.Attempts[note] == count {
			if r.Attempts[note]--; count == 1 {
				delete(r.Attempts, note)
			}
		}
	}
	delete(l.noted, r.Number)
}
