package door

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tiffin/producers/door/spool"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

const (
	// maxGroupBytes bounds what waits for the disk; beyond it callers are refused. Two groups are in memory at a time. The largest
	// batch of likes, 10,000 with the longest ids, takes a third of it, and one of 500 as they are the hundredth part.
	maxGroupBytes = 32 << 20
	// share of the callers there are: when so many wait, the group is written. A larger group costs fewer syncs, which are
	// what is dear, in the kernel's own threads too; waiting for all of them would wait for those whose request is still on its way.
	share = 0.8
	// linger is how long a group waits for that.
	linger = time.Millisecond
)

// group is what callers wait for together.
type group struct {
	bytes   []byte // of the spool's group: room for its head, and entries
	callers int
	records int
	done    chan struct{} // closed when err says what became of it; both are settle's
	err     error
	over    bool // the spool has answered
}

// settle tells the callers, unless they have been told. The door's lock is held.
func (g *group) settle(err error) {
	select {
	case <-g.done:
	default:
		g.err = err
		close(g.done)
	}
}

// newGroup makes an empty group, in the memory of another that is not needed any more, or nil.
func newGroup(bytes []byte) *group {
	return &group{bytes: append(bytes[:0], make([]byte, spool.HeadBytes)...), done: make(chan struct{})}
}

// writing is the facts of one call, written but for their marks.
type writing struct {
	bodies  []byte
	entries []entry
	bytes   int // that they need in a group, at most
}

// entry is one of them.
type entry struct {
	topic     string
	partition int
	end       int // of its body
}

// write writes the facts. Callers do that side by side.
func (d *Disk) write(w *writing, from Origin, facts []saga.Fact) error {
	w.bodies, w.entries, w.bytes = w.bodies[:0], w.entries[:0], 0
	err := d.topics.each(from, facts, func(fact saga.Fact, envelope saga.Envelope, now time.Time, partitions int) (err error) {
		e := entry{topic: fact.Topic(), partition: kafka.Partition([]byte(fact.Key()), partitions)}
		w.bodies, err = wire.Append(w.bodies, fact, envelope, now)
		e.end = len(w.bodies)
		w.entries = append(w.entries, e)
		w.bytes += len(e.topic) + maxEntryBytes
		return err
	})
	if w.bytes += len(w.bodies); err == nil && spool.HeadBytes+w.bytes > d.limit { // also if it has a group for itself
		err = fmt.Errorf("%w: %d facts of %d bytes, of at most %d", ErrTooMany, len(facts), w.bytes, d.limit)
	}
	return err
}

// join gives the facts their numbers and adds them to the current group. The order of the log is made here: numbers are
// given, and bytes laid down, under one lock.
func (d *Disk) join(w *writing) (*group, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.current
	switch {
	case d.shut != nil:
		return nil, d.shut
	case d.silent:
		return nil, d.hanging()
	case len(g.bytes)+w.bytes > d.limit:
		return nil, refusal(Busy, "%d facts of %d bytes are waiting for the disk already", g.records, len(g.bytes))
	}
	from := 0
	for i := range w.entries {
		e := &w.entries[i]
		number := &d.numbers[d.targets[e.topic]+e.partition]
		*number++
		g.bytes = appendEntry(g.bytes, e, w.bodies[from:e.end], d.prefix, *number)
		from = e.end
	}
	g.callers++
	g.records += len(w.entries)
	if g.callers == 1 {
		nudge(d.kick)
	}
	if g.callers == d.target() {
		nudge(d.enough)
	}
	return g, nil
}

// target is how many callers a group is to have.
func (d *Disk) target() int { return int(d.busy * share) }

// commitAll writes group after group, until the door is closed and the last one is written.
func (d *Disk) commitAll() {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for d.gather(timer) {
		d.commit(d.cut())
	}
}

// gather waits until there is a group worth writing; false if there never will be.
func (d *Disk) gather(timer *time.Timer) bool {
	waiting, target := 0, 0
	look := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		waiting, target = d.current.callers, d.target()
		return waiting
	}
	for look() == 0 {
		select {
		case <-d.kick: // it may be of a group that is gone
		case <-d.closing:
			return look() > 0
		}
	}
	select {
	case <-d.enough: // of a group before
		look()
	default:
	}
	if waiting >= target {
		return true
	}
	timer.Reset(linger)
	select {
	case <-d.enough:
	case <-timer.C:
	case <-d.closing:
	}
	return true
}

// cut takes the current group; callers join a new one from now on.
func (d *Disk) cut() *group {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.current
	d.current, d.spare = newGroup(d.spare), nil
	copy(d.cutting, d.numbers)
	return g
}

// commit writes a group, and tells its callers.
func (d *Disk) commit(g *group) {
	watch := time.AfterFunc(d.cfg.AcceptTimeout, func() { d.hurry(g) })
	err := d.spool.Append(g.bytes, g.records)
	watch.Stop()
	if err != nil {
		d.refuse(g, err)
		return
	}
	d.mu.Lock()
	g.over, d.silent = true, false
	d.busy = max(float64(g.callers+d.current.callers), 0.98*d.busy)
	copy(d.lasting, d.cutting)
	g.settle(nil)
	d.mu.Unlock()
	d.spare = g.bytes
	if d.spool.UnreadBytes() >= d.wanted.Load() {
		nudge(d.due)
	}
	d.cfg.Metrics.group.Observe(float64(g.records))
}

// hurry tells those who wait for a disk that does not answer. It may have taken the group; those who have come since are not
// in it, and nobody else is let in before it answers.
func (d *Disk) hurry(g *group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.over {
		return
	}
	g.settle(unsure(TimeOut, "the disk has not answered for %v", d.cfg.AcceptTimeout))
	d.dismiss(d.cutting, d.hanging())
	d.silent = true
}

func (d *Disk) hanging() error {
	return refusal(Busy, "the disk has not answered for %v", d.cfg.AcceptTimeout)
}

// refuse tells the callers of a group that could not be written, and those who have come since. If nobody knows what became
// of the group, this lane is at its end, and the door is closed for good.
func (d *Disk) refuse(g *group, err error) {
	why := ofSpool(err)
	mine := why
	if why.Cause == Failed {
		mine = unsure(Failed, "%w", err)
		d.close(why)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g.over, d.silent = true, false
	g.settle(mine)
	d.dismiss(d.lasting, why)
}

// dismiss refuses those who are in the current group. The numbers from these on are given again. The lock is held.
func (d *Disk) dismiss(numbers []int64, why error) {
	d.current.settle(why)
	d.current = newGroup(nil)
	copy(d.numbers, numbers)
}

// ofSpool says what an error of the spool means for those of whom nothing has been written.
func ofSpool(err error) *Unavailable {
	if errors.Is(err, spool.ErrFull) || errors.Is(err, spool.ErrNoSpace) {
		return refusal(Full, "%w", err)
	}
	return refusal(Failed, "%w", err)
}

// nudge never waits: one signal that nobody has heard yet is as good as two.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// In the spool an entry is the length and name of its topic, the partition, and what Kafka gets, behind its length. Integers are
// varints. maxEntryBytes is what comes to topic and body: the mark and the lengths.
const maxEntryBytes = 160

// appendEntry appends an entry. Its body lacks its last header, the mark.
func appendEntry(b []byte, e *entry, body []byte, prefix string, number int64) []byte {
	var space [96]byte
	mark := strconv.AppendInt(append(space[:0], prefix...), number, 10)
	b = binary.AppendUvarint(b, uint64(len(e.topic)))
	b = append(b, e.topic...)
	b = binary.AppendUvarint(b, uint64(e.partition))
	b = binary.AppendUvarint(b, uint64(len(body)+wire.MarkBytes(mark)))
	b = append(b, body...)
	return wire.AppendMark(b, mark)
}

// errEntry means that bytes whose checksum is right are no entries: they were not written by this program, or by a later one.
var errEntry = errors.New("door: the spool has something in it that is no fact: was it written by a later version?")

// appendRecords appends the records of a group's payload. They share its memory. topics saves making the same names again and again.
func appendRecords(records []kafka.Record, payload []byte, topics map[string]string) ([]kafka.Record, error) {
	take := func(n uint64) []byte {
		if n > uint64(len(payload)) {
			payload = nil
			return nil
		}
		piece := payload[:n:n]
		payload = payload[n:]
		return piece
	}
	uvarint := func() uint64 {
		v, n := binary.Uvarint(payload)
		if n <= 0 {
			payload = nil
			return 0
		}
		payload = payload[n:]
		return v
	}
	for len(payload) > 0 {
		name := take(uvarint())
		topic, known := topics[string(name)]
		if !known {
			topic = string(name)
			topics[topic] = topic
		}
		r := kafka.Record{Topic: topic, Partition: int(uvarint())}
		if r.Encoded = take(uvarint()); len(r.Encoded) == 0 || topic == "" {
			return records, errEntry
		}
		records = append(records, r)
	}
	return records, nil
}
