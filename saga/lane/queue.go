package lane

import (
	"slices"
	"sync"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// queueBytes is how much the records may take that wait for one loop, on top of how many they may be ([Config.QueueLimit]); what one
// answer of Kafka brings may come on top. Groups in one process share the records that wait for several of them.
const queueBytes = 64 << 20

// event is a record that was read, decoded once for all groups of the process. It does not change.
type event struct {
	topic         string
	lane          int
	offset        int64
	record        *kafka.Record
	saga.Envelope           // its Time is the append time
	fact          saga.Fact // nil if no group of this process hears its type, or if err says why not
	mark          wire.Mark // zero for a stranger's
	err           error     // why it can't be handled by anybody
	alien         bool      // its key does not hash to its partition
	size          int       // bytes of the record
}

// position is one group's place in one partition.
type position struct {
	kafka.TopicPartition
	queue *queue
	next  int64 // offset of the next record to put into the queue

	// The end of the log as it was after asked: by it a deadline knows that there is nothing more to read.
	end   int64
	asked time.Time
	// look asks the feed to find out where the log ends now.
	look bool

	// What can't be read from here waits, until the machine has been up for so long, and each time longer.
	until, pause time.Duration
}

// queue is what waits for one group's loop: per lane, in the order in which it was read. It is bounded: a group whose queue
// is full is not read for.
type queue struct {
	group *saga.Group
	limit int
	bell  Bell // of the loop

	mu     sync.Mutex
	lanes  map[int][]*event
	order  []int // lane numbers, to take from in turn
	turn   int
	total  int
	bytes  int
	urgent map[int]int // per lane: events that the group minds, unless it is patient. The others can wait for company
	broken error       // why a partition can't be read on
}

func newQueue(g *saga.Group, lanes []int, limit int, bell Bell) *queue {
	return &queue{group: g, limit: limit, bell: bell, lanes: map[int][]*event{}, urgent: map[int]int{}, order: slices.Clone(lanes)}
}

func (q *queue) hasRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.full() && q.broken == nil
}

func (q *queue) full() bool { return q.total >= q.limit || q.bytes >= queueBytes }

func (q *queue) put(events []*event) {
	if len(events) == 0 {
		return
	}
	q.mu.Lock()
	urgent := 0
	for _, e := range events {
		q.lanes[e.lane] = append(q.lanes[e.lane], e)
		q.urgent[e.lane] += q.urgency(e)
		urgent += q.urgency(e)
		q.bytes += e.size
	}
	q.total += len(events)
	q.mu.Unlock()
	if urgent > 0 {
		q.bell.Ring()
	}
}

func (q *queue) urgency(e *event) int {
	if q.group.Minds(e.Type) && !q.group.Patient() {
		return 1
	}
	return 0
}

// waiting says how many events wait in the lanes whose first one is ready, and how many of them are urgent.
func (q *queue) waiting(ready func(*event) bool) (waiting, urgent int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range q.order {
		if events := q.lanes[n]; len(events) > 0 && ready(events[0]) {
			waiting += len(events)
			urgent += q.urgent[n]
		}
	}
	return waiting, urgent
}

// fail makes the loop stop: one of its partitions can't be read on.
func (q *queue) fail(err error) {
	q.mu.Lock()
	q.broken = err
	q.mu.Unlock()
	q.bell.Ring()
}

func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

// take removes up to limit events, of each lane its first ones as far as they are ready: a fair share of each first, then what there is. It asks
// for one after the other, of a lane that has had its share once more, and takes what is ready. It says whether the queue had no room before.
func (q *queue) take(limit int, ready func(*event) bool) (out []*event, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	full = q.full()
	share := max(1, limit/max(1, len(q.order)))
	for _, most := range []int{share, limit} {
		for i := range q.order {
			n := q.order[(i+q.turn)%len(q.order)]
			waiting := q.lanes[n]
			room, count := min(most, len(waiting), limit-len(out)), 0
			for count < room && ready(waiting[count]) {
				count++
			}
			out = append(out, waiting[:count]...)
			q.lanes[n] = waiting[count:]
			if len(waiting) == count { // also a lane of which nothing waits
				delete(q.lanes, n)
			}
		}
	}
	if len(out) > 0 {
		q.turn++
	}
	q.total -= len(out)
	for _, e := range out {
		q.urgent[e.lane] -= q.urgency(e)
		q.bytes -= e.size
	}
	return out, full
}
