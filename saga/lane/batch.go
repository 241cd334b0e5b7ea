package lane

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// task is something that a batch does: handle an event that was read, one that was parked, or a deadline.
type task struct {
	lane   *lane
	cause  saga.Cause
	event  *event // nil for a deadline and an effect's outcome
	parked int64  // its position among the parked, if it comes from there
}

// unreadable says that there is nothing to handle: the event does not parse, or is condemned.
func (t *task) unreadable() bool { return t.event != nil && t.event.err != nil }

// batch is one transaction in the making.
type batch struct {
	loop    *loop
	lanes   []*lane // those that it touches
	tasks   []task
	working *saga.Working
	said    []saidBy
	unsaid  error // a fact can't be said

	requests  []request
	performed []string // ids of effects that have come to an outcome

	park     []ParkedEvent
	unpark   []int64 // positions
	blame    []ParkedEvent
	kept     map[parkedKey]bool // keys whose redrive has failed in this batch
	alarms   []func()           // to be raised once it is committed
	survived []func()           // forget what was noted, then
	counted  counted            // what is to be counted then
	granted  *Wished            // the wish that is granted
	untried  bool               // its key has more events than this batch could try
	soonest  time.Time          // the nearest deadline that it sets
}

// saidBy is a record and the lane that said it.
type saidBy struct {
	lane   *lane
	record kafka.Record
}

func (l *loop) newBatch() *batch {
	l.working.Clear()
	return &batch{loop: l, working: &l.working, kept: map[parkedKey]bool{}}
}

// touch makes the lane part of the batch. What its outbox held is acknowledged: else it would not have been taken from.
func (b *batch) touch(l *lane) {
	if !l.dirty {
		l.dirty = true
		l.Outbox = nil
		b.lanes = append(b.lanes, l)
	}
}

// add takes an event that was read: it moves the lane's offset, drops what was there before, and parks or keeps the rest.
func (b *batch) add(e *event) {
	l := b.loop.lanes[e.lane]
	b.touch(l)
	l.Next[e.topic] = e.offset + 1
	l.last[e.topic] = e.Time
	if l.Deaths > 0 {
		l.passed[e.topic]++
	}
	switch {
	case e.alien:
		b.deadLetter(l, e, "its key belongs into another partition: its sender does not use Java's murmur2 (kcat: -X partitioner=murmur2_random)")
		return
	case e.Type == "": // what it says of itself may be nothing that the lane's row can keep
		b.deadLetter(l, e, e.err.Error())
		return
	case e.mark.Lane == "":
		if l.meet(e.Envelope) {
			b.counted.drop("duplicate")
			return
		}
	default:
		switch l.see(e.topic, e.mark, e.Time) {
		case duplicate:
			b.counted.drop("duplicate")
			return
		case gap:
			l.Gaps++
			b.alarm("facts are missing: something was lost between sender and receiver", "topic", e.topic, "partition", e.lane, "offset", e.offset, "mark", e.mark.String())
		case wentBack:
			b.alarm("the sender's database went back: its numbers come again under a higher epoch", "topic", e.topic, "partition", e.lane, "offset", e.offset, "mark", e.mark.String())
		}
	}
	b.consider(l, e)
}

// consider keeps what the group hears. What does not parse is a task too: it must not be parked before an earlier event of
// its key, which may fail as well.
func (b *batch) consider(l *lane, e *event) {
	if b.loop.group.Hears(e.Type) {
		b.tasks = append(b.tasks, task{lane: l, event: e, cause: causeOf(e)})
	}
}

func causeOf(e *event) saga.Cause { return saga.Cause{Envelope: e.Envelope, Fact: e.fact} }

// run does the tasks. Only one that needs a document which is not in memory asks the database for anything, and opens a transaction.
func (b *batch) run(ctx context.Context, s Store) error {
	shard := b.shard()
	if needs := b.expected(shard); len(needs) > 0 {
		if err := s.Load(ctx, b.working, needs, shard); err != nil {
			return err
		}
	}
	for left := b.tasks; len(left) > 0; {
		var needs []saga.Need
		if left, needs = b.reactAll(left); b.unsaid != nil {
			return b.unsaid
		}
		if needs == nil {
			break
		}
		if err := s.Load(ctx, b.working, needs, shard); err != nil {
			return err
		}
	}
	b.collectDeadlines()
	return nil
}

// shard is which part of a sharded document the batch works on: the one with the number of its lowest lane. Its epoch guards
// the batch, so nobody else works on that part; and a process under load nearly always works on the same one, of each document.
func (b *batch) shard() int {
	lowest := b.lanes[0].Number
	for _, l := range b.lanes {
		lowest = min(lowest, l.Number)
	}
	return lowest
}

// reactAll does the tasks that have all documents in memory. It returns the others, with those of the same keys behind
// them, and the documents that they need: so all are loaded in one go, and each key's events stay in order.
func (b *batch) reactAll(tasks []task) (left []task, needs []saga.Need) {
	waiting := map[parkedKey]bool{}
	for i := range tasks {
		breathe(i)
		t := &tasks[i]
		key := parkedKey{t.lane.Number, t.cause.Key}
		if !waiting[key] {
			missing := b.react(t)
			if missing == nil {
				continue
			}
			needs = append(needs, missing...)
			waiting[key] = true
		}
		left = append(left, *t)
	}
	return left, needs
}

// expected are the documents that the tasks will need, without what is in memory: those of their acts, and those that the
// group's declaration names, of which the batch works on this shard.
func (b *batch) expected(shard int) (needs []saga.Need) {
	g := b.loop.group
	expect := func(n saga.Need) {
		if b.working.Find(n.Table, n.Key) != nil {
			return
		}
		if d := b.loop.cache.get(n, shard); d != nil {
			b.working.Adopt(d)
			return
		}
		needs = append(needs, n)
	}
	for i := range b.tasks {
		c := &b.tasks[i].cause
		if b.tasks[i].unreadable() || c.Attempt != nil {
			continue
		}
		if c.Fact != nil {
			for _, n := range g.Expects(c.Fact) {
				expect(n)
			}
		}
		if c.Fact == nil || g.MovesAct(c.Type) {
			expect(saga.Need{Table: g.Tables()[0], Key: c.Key})
		}
	}
	return needs
}

// react does one task, or says which documents it needs.
func (b *batch) react(t *task) []saga.Need {
	key := parkedKey{t.lane.Number, t.cause.Key}
	if t.parked != 0 && b.kept[key] {
		return nil // an earlier one of its key has failed again
	}
	if t.parked == 0 && t.event != nil && t.lane.Parked[t.cause.Key] > 0 {
		b.parkEvent(t.lane, t.event, "")
		return nil
	}
	if t.unreadable() {
		b.fail(t, t.event.err)
		return nil
	}
	waited := b.notedWait(t)
	out := b.loop.group.React(b.working, t.cause)
	if out.Needs != nil {
		return out.Needs
	}
	if out.Err != nil {
		b.fail(t, out.Err)
		return nil
	}
	if b.notedWait(t) != waited { // its deadline, of which somebody may have died, never passes now; the next one is another
		b.survives(t.lane, deadlineOf+t.cause.Key)
	}
	for i, f := range out.Facts {
		b.say(t, f, i, out.Started)
	}
	b.counted.handled(out)
	for _, r := range out.Requests {
		cause := t.cause.Envelope
		cause.Started = out.Started
		b.requests = append(b.requests, request{t.lane, cause, r})
	}
	if t.cause.Attempt != nil {
		b.performed = append(b.performed, t.cause.Attempt.ID)
	}
	if t.parked != 0 {
		b.unpark = append(b.unpark, t.parked)
		if t.lane.Parked[t.cause.Key]--; t.lane.Parked[t.cause.Key] == 0 {
			delete(t.lane.Parked, t.cause.Key)
		}
	}
	return nil
}

// say puts a fact of a saga that began at this time into the lane's outbox, numbered for its target.
func (b *batch) say(t *task, f saga.Fact, n int, started time.Time) {
	l := b.loop
	e := saga.Envelope{
		ID: saga.DeriveID(t.cause.Envelope, l.group.Name(), n), Source: "/tiffin/" + l.group.Name(),
		Saga: t.cause.Saga, CauseID: t.cause.ID, Trace: t.cause.Trace, Started: started,
	}
	r, err := wire.Encode(f, e, l.now(), l.partitions)
	if err != nil {
		b.unsaid = &unsayableError{err}
	}
	b.said = append(b.said, saidBy{t.lane, r})
}

// alarm tells people of something once it is true: an owner that has lost its lanes without noticing may see whatever it likes in
// what it remembers, and its batch comes to nothing.
func (b *batch) alarm(message string, args ...any) {
	b.alarms = append(b.alarms, func() { b.loop.log.Error(message, args...) })
}

// seal numbers and stamps what was said, and makes it the lanes' outboxes.
func (b *batch) seal() {
	for i := range b.said {
		l, r := b.said[i].lane, &b.said[i].record
		target := r.Topic + "/" + strconv.Itoa(r.Partition)
		l.Numbers[target]++
		wire.Stamp(r, wire.Mark{Lane: l.name(b.loop.group.Name()), Epoch: l.Epoch, Number: l.Numbers[target]})
		l.Outbox = append(l.Outbox, *r)
	}
}

// collectDeadlines notes the nearest deadline that the batch sets, so that the loop looks for it in time.
func (b *batch) collectDeadlines() {
	for _, d := range b.working.Documents() {
		if a := d.Table.Act(d.Value); a != nil && d.Dirty && !a.WaitsUntil().IsZero() {
			if b.soonest.IsZero() || a.WaitsUntil().Before(b.soonest) {
				b.soonest = a.WaitsUntil()
			}
		}
	}
}

// fail parks the event of a task that can't be done. A deadline has no event to park: its wait is left as it is, and the
// loop tries again later.
func (b *batch) fail(t *task, err error) {
	switch {
	case t.parked != 0:
		b.keep(parkedKey{t.lane.Number, t.cause.Key}, t.parked, err.Error())
	case t.event != nil:
		b.parkEvent(t.lane, t.event, plain(err.Error()))
	case t.cause.Attempt != nil:
		b.loop.condemn(t.id(), err)
	default:
		b.loop.log.Error("a deadline can't be handled", "key", t.cause.Key, "error", err)
		b.loop.condemn(t.id(), err)
	}
}

// keep leaves a parked event where it is, and what is behind it.
func (b *batch) keep(key parkedKey, position int64, reason string) {
	b.kept[key] = true
	b.blame = append(b.blame, ParkedEvent{Position: position, Reason: plain(reason)})
}

// parkedKey names a key that is parked.
type parkedKey struct {
	lane int
	key  string
}

// parkEvent parks an event: with the reason why it can't be handled, or behind one that can't (reason is empty).
func (b *batch) parkEvent(l *lane, e *event, reason string) {
	l.Parked[e.Key]++
	b.park = append(b.park, ParkedEvent{Lane: l.Number, Key: e.Key, Type: e.Type, Topic: e.topic, Offset: e.offset, Record: *e.record, Reason: reason, At: e.Time})
	if reason != "" {
		b.alarm("a key is parked", "key", e.Key, "type", e.Type, "topic", e.topic, "partition", e.lane, "offset", e.offset, "reason", reason)
		b.deadLetter(l, e, reason)
	}
}

// save is what the batch changes.
func (b *batch) save() (*Save, error) {
	s := &Save{
		Working: b.working, Now: b.loop.now(), Park: b.park, Unpark: b.unpark, Blame: b.blame,
		Granted: b.granted, Performed: b.performed,
	}
	for _, l := range b.lanes {
		s.Lanes = append(s.Lanes, l.Row)
	}
	if k := b.granted; k != nil {
		s.GoOn = b.untried && !b.kept[parkedKey{k.Lane, k.Key}] // with the rest; a discard is meant for one event
	}
	var err error
	s.Requests, err = b.effectRows(s.Now)
	return s, err
}

// maxDeadLetterBytes cuts the copy of a record, so that it fits whatever made it too large.
const maxDeadLetterBytes = 256 << 10

// deadLetter says a copy of the record on the group's dead-letter topic, by way of the outbox like every fact. Its own
// lane mark stays readable under another name.
func (b *batch) deadLetter(l *lane, e *event, reason string) {
	room := maxDeadLetterBytes
	cut := func(bytes []byte) []byte {
		bytes = bytes[:min(len(bytes), max(room, 0))]
		room -= len(bytes)
		return bytes
	}
	r := kafka.Record{Topic: b.loop.group.DeadLetters(), Partition: e.lane}
	for _, h := range e.record.Headers {
		if room -= len(h.Key) + 8; room < 0 {
			break
		}
		if h.Key == wire.HeaderLane {
			h.Key = "dlq_lane"
		}
		r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: cut(h.Value)})
	}
	r.Key, r.Value = cut(e.record.Key), cut(e.record.Value)
	for _, h := range [][2]string{
		{"dlq_group", b.loop.group.Name()},
		{"dlq_topic", e.topic},
		{"dlq_partition", strconv.Itoa(e.lane)},
		{"dlq_offset", strconv.FormatInt(e.offset, 10)},
		{"dlq_error", plain(reason)},
		{"dlq_at", wire.Time(b.loop.now())},
	} {
		r.Headers = append(r.Headers, kafka.Header{Key: h[0], Value: []byte(h[1])})
	}
	b.said = append(b.said, saidBy{l, r})
}

// commit saves the batch. Whatever goes wrong, the lanes in memory are worth nothing any more, and must be claimed again.
func (b *batch) commit(ctx context.Context, s Store) error {
	b.seal()
	save, err := b.save()
	if err == nil {
		err = s.Save(ctx, save)
	}
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	for _, l := range b.lanes {
		l.dirty, l.Met = false, false
	}
	for _, raise := range b.alarms {
		raise()
	}
	for range b.park {
		b.loop.metrics.parked()
	}
	b.loop.metrics.count(b.counted)
	b.loop.mirrors.put(b.working)
	b.working.Saved()
	for _, d := range b.working.Documents() {
		b.loop.cache.put(d)
	}
	return nil
}

// offsets are the places to tell Kafka of, with the epoch as metadata, so that a reset by hand can be told.
func (b *batch) offsets(into map[kafka.TopicPartition]kafka.Offset) {
	for _, l := range b.lanes {
		for topic, next := range maps.All(l.Next) {
			into[kafka.TopicPartition{Topic: topic, Partition: l.Number}] = kafka.Offset{
				Topic: topic, Partition: l.Number, Offset: next, Metadata: strconv.FormatInt(l.Epoch, 10),
			}
		}
	}
}
