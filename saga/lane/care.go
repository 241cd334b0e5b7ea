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

// What kills a process is found by its deaths. Whoever dies of an event has it in the batch under way, and that begins, of each topic, with
// the first that the lane has not handled: so the suspects are the first [Config.MaxBatch] of each topic that come after a claim, and a lane's deaths
// are forgotten when these have been got past, not before.
//
// Once two owners in a row have died, a lane's suspects are handled in batches of that lane alone, which begin with one event and grow as
// the lane gets on. So what kills stands some eight times nearer to the beginning with each death, until it is alone: from the 2,000th place after
// three. What is alone is noted in the lane's row before. A note goes when the thing is done; one that stays says that its owner has died of it, or
// was gone for another reason, and after three of those nobody tries it again.

const (
	// growth says how batches of suspects grow: a batch has one event, and one for each so many that were handled before it.
	growth = 8
	// unharmed is how long an owner lives before it tries what another may have died of: it shows that there is nothing else that
	// ends each process soon after its start, for which what is innocent would be taken to task.
	unharmed = 5 * time.Second
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

// care drops the notes of a lane that was just claimed which are worth nothing: those of events that it has passed since.
func (l *lane) care() {
	maps.DeleteFunc(l.Attempts, func(note string, _ int) bool {
		topic, at, event := strings.Cut(note, "@")
		offset, err := strconv.ParseInt(at, 10, 64)
		return event && err == nil && !strings.Contains(topic, " ") && offset < l.Next[topic]
	})
}

// suspects says whether a dead owner may have died of the lane's next event of the topic.
func (l *loop) suspects(ln *lane, topic string) bool {
	return ln.Deaths > 1 && ln.passed[topic] < l.MaxBatch
}

// rests says whether this is not tried yet, for an owner may have died of it, and this one has not shown that it would live without it.
func (l *loop) rests(ln *lane, note string) bool {
	died := ln.Attempts[note]
	return died > 0 && died < maxAttempts && l.up()-l.claimedAt < unharmed
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

// outlive forgets the deaths of owners once this one has got past whatever they may have died of: the suspects of each topic, the deadlines
// that were due, the outcomes of effects. To have handled just anything says nothing, for more may have come while nobody lived.
func (l *loop) outlive(ctx context.Context) error {
	deadlines := l.due.IsZero() || l.due.After(l.claimedOn)
	effects := len(l.effects.underWay) == 0 || l.up()-l.claimedAt >= settled
	b := l.newBatch()
	for _, ln := range l.owned {
		if ln.Deaths == 0 || !l.hasPassed(ln) || !deadlines || !effects {
			continue
		}
		ln.Deaths = 0
		if !ln.sending { // else its next batch says so
			b.touch(ln)
		}
	}
	if len(b.lanes) == 0 {
		return nil
	}
	return l.finish(ctx, b)
}

// hasPassed says whether the lane has handled the suspects of each topic. Where it has been at the end of the log since the claim, no more
// were there.
func (l *loop) hasPassed(ln *lane) bool {
	all := true
	for _, topic := range l.group.Topics() {
		if ln.passed[topic] < l.MaxBatch && l.feed.atEnd(l.places[kafka.TopicPartition{Topic: topic, Partition: ln.Number}], ln.Next[topic], l.claimedOn) {
			ln.passed[topic] = l.MaxBatch
		}
		all = all && ln.passed[topic] >= l.MaxBatch
	}
	return all
}

// stepCarefully handles some suspects of one lane whose owners have died.
func (l *loop) stepCarefully(ctx context.Context) (busy bool, err error) {
	events := l.takeSuspects()
	switch len(events) {
	case 0:
		return false, nil
	case 1:
		return true, l.handleAlone(ctx, events[0])
	}
	return true, l.handle(ctx, events)
}

// takeSuspects takes events of one lane, as many as it has shown that it gets past.
func (l *loop) takeSuspects() []*event {
	var of *lane
	taken, most := 0, l.MaxBatch
	return l.take(l.searches[ofEvent].limit, func(e *event) bool {
		ln := l.lanes[e.lane]
		if of != nil && of != ln || ln.sending || !l.suspects(ln, e.topic) || l.rests(ln, e.id().note()) {
			return false
		}
		if most = min(most, 1+ln.passed[e.topic]/growth); taken >= most {
			return false
		}
		of, taken = ln, taken+1
		return true
	})
}

// handleAlone handles one event in a batch of its own, which is noted before.
func (l *loop) handleAlone(ctx context.Context, e *event) error {
	ln, note := l.lanes[e.lane], e.id().note()
	if err := ln.deadly(note); err != nil {
		l.condemn(e.id(), err)
	}
	if e = l.judged(e); e.err == nil {
		if err := l.attempt(ctx, ln, note); err != nil {
			return err
		}
	}
	b := l.newBatch()
	b.survives(ln, note)
	b.add(e)
	return l.finish(ctx, b)
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

// wait is what an act waits for, and until when.
type wait struct {
	on    string
	until time.Time
}

// notedWait is what the act of the task's key waits for, if attempts at its deadline are noted.
func (b *batch) notedWait(t *task) (is wait) {
	if len(t.lane.Attempts) == 0 || t.lane.Attempts[deadlineOf+t.cause.Key] == 0 || !b.loop.group.HasAct() {
		return is
	}
	table := b.loop.group.Tables()[0]
	if d := b.working.Find(table, t.cause.Key); d != nil {
		a := table.Act(d.Value)
		is = wait{a.Waiting(), a.WaitsUntil()}
	}
	return is
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
