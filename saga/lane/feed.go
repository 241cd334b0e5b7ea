package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

const (
	// headWait is how long the broker may wait for something new. A deadline fires at most that much late.
	headWait = 500 * time.Millisecond
	// partitionBytes bounds what one request brings of one partition, and with it what a reader behind reads again; requestBytes, what
	// it brings of all. Batches are compressed: in memory it is about four times as much.
	partitionBytes = 192 << 10
	requestBytes   = 4 << 20
)

// feed reads partitions for all groups of the process: each record is fetched and decoded once, and handed to every group
// that is at that place of the log. There are two readers. The head reader waits for new records, where at least one
// group has caught up. The other one, the laggard reader, fetches what lies behind: for a group that has just come, that
// was slow, or whose queue was full; so no group holds up another. A group that catches up is at the head again.
type feed struct {
	ports      Ports
	partitions int
	hearers    map[string]*saga.Group // event type -> a group of this process that hears it, and so can decode it
	log        *slog.Logger

	mu        sync.Mutex
	positions map[kafka.TopicPartition][]*position
	sorted    []kafka.TopicPartition         // its keys, so that a simulation can be repeated
	polled    map[kafka.TopicPartition]int64 // what head requests under way wait for
	requests  map[int32]int                  // how many of them wait at which broker
	recent    map[kafka.TopicPartition]*recent
	retained  amount // in recent
	behind    Bell   // wakes the laggard reader
	ahead     Bell   // wakes the head reader
}

func newFeed(p Ports, partitions int, groups []*saga.Group, log *slog.Logger) *feed {
	f := &feed{
		ports: p, partitions: partitions, hearers: map[string]*saga.Group{}, log: log,
		positions: map[kafka.TopicPartition][]*position{}, polled: map[kafka.TopicPartition]int64{}, requests: map[int32]int{}, recent: map[kafka.TopicPartition]*recent{},
		behind: p.Machine.Bell(), ahead: p.Machine.Bell(),
	}
	for _, g := range groups {
		for _, r := range g.Reactions() {
			for _, h := range r.Hears {
				f.hearers[h.Type] = g
			}
		}
	}
	return f
}

// run reads until ctx ends.
func (f *feed) run(ctx context.Context) {
	readers := f.ports.Machine.Tasks()
	readers.Go(func() { f.readHeads(ctx) })
	readers.Go(func() { f.readLaggards(ctx) })
	readers.Wait()
}

// subscribe adds a group's places. Their queue fills from now on.
func (f *feed) subscribe(places []*position) {
	f.mu.Lock()
	for _, p := range places {
		f.positions[p.TopicPartition] = append(f.positions[p.TopicPartition], p)
	}
	f.sort()
	f.mu.Unlock()
	f.poke()
}

// unsubscribe takes the group's places away. Nothing is put into its queue any more, and the furthest place in a partition may be another's.
func (f *feed) unsubscribe(q *queue) {
	defer f.poke()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.sort()
	for tp, places := range f.positions {
		kept := places[:0]
		for _, p := range places {
			if p.queue != q {
				kept = append(kept, p)
			}
		}
		if f.positions[tp] = kept; len(kept) == 0 {
			delete(f.positions, tp)
		}
	}
}

func (f *feed) sort() { f.sorted = slices.SortedFunc(maps.Keys(f.positions), byTopic) }

// poke says that a queue has room again, or that there are new places.
func (f *feed) poke() {
	f.behind.Ring()
	f.ahead.Ring()
}

// atEnd says whether the group has read the partition to its end, as that was at some time after the moment. If it is not
// known, it is found out.
func (f *feed) atEnd(p *position, handled int64, moment time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.asked.After(moment) {
		return handled >= p.end
	}
	p.look = true
	f.behind.Ring()
	return false
}

// ends are where the log ends at these places, as far as it is known.
func (f *feed) ends(places map[kafka.TopicPartition]*position) map[kafka.TopicPartition]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[kafka.TopicPartition]int64, len(places))
	for tp, p := range places {
		out[tp] = p.end
	}
	return out
}

// heads are the places where the log is read on and no request is under way: per partition the furthest place of all
// groups, if one there has room. It also says how soon one that can't be read is to be tried again; not at all is 0.
func (f *feed) heads() (out []kafka.Position, retry time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.ports.Machine.Up()
	for _, tp := range f.sorted {
		if _, underWay := f.polled[tp]; underWay {
			continue
		}
		furthest, room, until := int64(-1), false, time.Duration(0)
		for _, p := range f.positions[tp] {
			if p.next > furthest {
				furthest, room, until = p.next, false, 0
			}
			if p.next == furthest {
				room, until = room || p.queue.hasRoom(), max(until, p.until)
			}
		}
		switch {
		case !room:
		case until > now:
			retry = sooner(retry, until-now)
		default:
			out = append(out, kafka.Position{Topic: tp.Topic, Partition: tp.Partition, Offset: furthest})
		}
	}
	return out, retry
}

// sooner is the shorter of two times after which something is to be done. The first may be 0: not at all.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// laggards are the places that the head reader does not serve: per partition the hindmost that has room. It also says how soon one
// that can't be read is to be tried again.
func (f *feed) laggards() (out []kafka.Position, retry time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.ports.Machine.Up()
	for _, tp := range f.sorted {
		hindmost := int64(-1)
		head, served := f.polled[tp]
		for _, p := range f.positions[tp] {
			behind := !served || p.next < head || p.look
			if !behind || hindmost >= 0 && p.next >= hindmost || !p.queue.hasRoom() || f.retains(tp, p.next) {
				continue
			}
			if p.until > now {
				retry = sooner(retry, p.until-now)
				continue
			}
			hindmost = p.next
		}
		if hindmost >= 0 {
			out = append(out, kafka.Position{Topic: tp.Topic, Partition: tp.Partition, Offset: hindmost})
		}
	}
	return out, retry
}

func byTopic(a, b kafka.TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// headRequests is how many requests may wait at one broker: one for most partitions, and one for those that could not
// be in it, because their groups had no room then. More would split the partitions ever finer. Each broker has its own: of
// a common number one broker could take all, and what the others lead would stand still.
const headRequests = 2

// readHeads keeps a request waiting at each broker for what is new in its partitions.
func (f *feed) readHeads(ctx context.Context) {
	requests := f.ports.Machine.Tasks()
	defer requests.Wait()
	for ctx.Err() == nil {
		heads, retry := f.heads()
		for _, led := range f.ports.Kafka.ByLeader(heads) {
			if !f.poll(led) {
				continue
			}
			wait := headWait
			if led.Leader == kafka.NoLeader {
				wait = -1 // once their leaders are known, each is waited for by itself
			}
			requests.Go(func() {
				f.read(ctx, led.Positions, wait)
				f.polledNoMore(led)
				f.ahead.Ring()
			})
		}
		f.ahead.Wait(ctx, retry)
	}
}

// poll notes that a request is to be under way, unless there are enough of them at that broker.
func (f *feed) poll(led kafka.Led) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.requests[led.Leader] >= headRequests {
		return false
	}
	f.requests[led.Leader]++
	for _, p := range led.Positions {
		tp := kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}
		f.polled[tp] = p.Offset
		if slices.ContainsFunc(f.positions[tp], func(other *position) bool { return other.next < p.Offset }) {
			f.behind.Ring() // who would have been served by a request that has failed, say
		}
	}
	return true
}

func (f *feed) polledNoMore(led kafka.Led) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[led.Leader]--
	for _, p := range led.Positions {
		delete(f.polled, kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition})
	}
}

func (f *feed) retains(tp kafka.TopicPartition, offset int64) bool {
	r := f.recent[tp]
	return r != nil && r.pieces[0].from <= offset && offset < r.pieces[len(r.pieces)-1].next
}

// readLaggards fetches what lies behind, from each broker by itself: one that hangs, or a partition that can't be read, holds up none
// of what others lead.
func (f *feed) readLaggards(ctx context.Context) {
	requests := f.ports.Machine.Tasks()
	defer requests.Wait()
	brokers := map[int32]*catchUp{}
	for ctx.Err() == nil {
		f.remember()
		laggards, retry := f.laggards()
		for _, led := range f.ports.Kafka.ByLeader(laggards) {
			b := brokers[led.Leader]
			if b == nil {
				b = &catchUp{}
				brokers[led.Leader] = b
			}
			if f.beginsToCatchUp(b) {
				requests.Go(func() { f.endsToCatchUp(b, f.read(ctx, led.Positions, -1)) })
			}
		}
		f.behind.Wait(ctx, retry)
	}
}

// catchUp is a broker that is asked for what lies behind, by one request at a time.
type catchUp struct{ busy, more bool } // more: it was to be asked meanwhile, too

func (f *feed) beginsToCatchUp(b *catchUp) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.busy {
		b.more = true
		return false
	}
	b.busy = true
	return true
}

func (f *feed) endsToCatchUp(b *catchUp, more bool) {
	f.mu.Lock()
	more = more || b.more
	b.busy, b.more = false, false
	f.mu.Unlock()
	if more {
		f.poke() // who has caught up with the furthest is served by the requests for what is new
	}
}

// fail has places that could not be read wait, together and each time longer, and nobody else: of the same broker others can be read.
func (f *feed) fail(ctx context.Context, places []kafka.Position, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.ports.Machine.Up()
	var waiting []*position
	pause := minBackoff
	for _, at := range places {
		for _, p := range f.positions[kafka.TopicPartition{Topic: at.Topic, Partition: at.Partition}] {
			if p.next == at.Offset && p.until <= now { // else the other reader has failed, too
				waiting = append(waiting, p)
				pause = max(pause, min(2*p.pause, maxBackoff))
			}
		}
	}
	if waiting == nil {
		return
	}
	until := now + pause/2 + time.Duration(f.ports.Machine.Uint64()%uint64(pause/2+1))
	for _, p := range waiting {
		p.until, p.pause = until, pause
	}
	f.log.Warn("kafka can't be read, trying again", "error", err)
}

// read fetches once and hands out what came. It says whether to look again for what lies behind: something has come, or failed.
func (f *feed) read(ctx context.Context, places []kafka.Position, wait time.Duration) (again bool) {
	asked := f.ports.Machine.Now()
	fetched, err := f.ports.Kafka.Fetch(ctx, places, kafka.FetchOptions{MaxWait: wait, MaxBytes: requestBytes, PartitionMaxBytes: partitionBytes})
	if err != nil {
		f.fail(ctx, places, err)
		return true
	}
	var failed []kafka.Position
	for i := range fetched {
		r := &fetched[i]
		switch {
		case r.Err == nil:
			if f.handOut(r, places[i].Offset, asked) {
				again = true
			}
		case errors.Is(r.Err, kafka.ErrOffsetOutOfRange):
			f.outOfRange(r, places[i].Offset)
		default:
			failed, err = append(failed, places[i]), r.Err
		}
	}
	if failed != nil {
		f.fail(ctx, failed, err)
		again = true
	}
	return again
}

// handOut gives every group at a place within what was read its part of it.
func (f *feed) handOut(r *kafka.Fetched, from int64, asked time.Time) (some bool) {
	events := f.decode(r.Records)
	f.mu.Lock()
	defer f.mu.Unlock()
	tp := kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}
	passed := 0
	for _, p := range f.positions[tp] {
		if p.next == from {
			p.until, p.pause = 0, 0
		}
		if p.next == r.HighWatermark {
			p.end, p.asked, p.look = r.HighWatermark, asked, false
		}
		if f.give(p, events, from, r.Next) {
			some = true
			p.end, p.asked, p.look = r.HighWatermark, asked, false
		}
		if p.next >= r.Next {
			passed++
		}
	}
	if len(events) > 0 && passed < len(f.positions[tp]) {
		f.retain(tp, events, from, r.Next)
	}
	return some
}

// give puts into a group's queue what it has not had of the events, which are all between two offsets.
func (f *feed) give(p *position, events []*event, from, next int64) bool {
	if p.next < from || p.next >= next || !p.queue.hasRoom() {
		return false
	}
	first := 0
	for first < len(events) && events[first].offset < p.next {
		first++
	}
	p.queue.put(events[first:])
	p.next, p.until, p.pause = next, 0, 0
	return true
}

// outOfRange stops the groups at a place that the log does not have: neither skipping nor reading again is ours to decide.
func (f *feed) outOfRange(r *kafka.Fetched, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.positions[kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}] {
		if p.next == at {
			p.queue.fail(notInLog(p.queue.group.Name(), p.TopicPartition, at))
		}
	}
}

// decode makes events of records: the fact itself only if a group of this process hears its type.
func (f *feed) decode(records []kafka.Record) []*event {
	out := make([]*event, len(records))
	all := make([]event, len(records))
	for i := range records {
		breathe(i)
		r := &records[i]
		e := &all[i]
		out[i] = e
		e.topic, e.lane, e.offset, e.record = r.Topic, r.Partition, r.Offset, r
		e.Envelope, e.mark, e.err = wire.Decode(r)
		e.size = recordBytes(r)
		e.alien = kafka.Partition(r.Key, f.partitions) != r.Partition
		if e.err != nil {
			continue
		}
		if g := f.hearers[e.Type]; g != nil {
			e.err = e.read(g)
		}
	}
	return out
}

// read reads the event's fact. That is code of whoever has declared the fact: if it panics, the event is parked, as if a reaction had. It
// would kill each process that reads on, for nobody notes who tried to read.
func (e *event) read(g *saga.Group) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.fact, err = nil, fmt.Errorf("to read %s panics: %v", e.Type, p)
		}
	}()
	if e.fact, err = g.Decode(e.Type, e.record.Value); err != nil {
		return err
	}
	if key := e.fact.Key(); key != e.Key {
		return &keyError{e.Key, key}
	}
	return nil
}
