package lane

import (
	"maps"
	"slices"

	"tiffin/saga/kafka"
)

// maxRetained is how many events are kept in memory for groups that are a little behind, so that they need not be read
// and decoded again, and retainedBytes how much their records may take. They bound the memory that a slow group costs: some 50 MB, or
// somewhat more if records are large.
const (
	maxRetained   = 40_000
	retainedBytes = 64 << 20
)

// amount is how many events there are, and how much their records take.
type amount struct{ events, bytes int }

func amountOf(events []*event) amount {
	a := amount{events: len(events)}
	for _, e := range events {
		a.bytes += e.size
	}
	return a
}

// recent is what was read of one partition and some group has not taken: pieces of the log, in order.
type recent struct{ pieces []piece }

type piece struct {
	events     []*event
	from, next int64
}

func (f *feed) retain(tp kafka.TopicPartition, events []*event, from, next int64) {
	more := amountOf(events)
	if f.retained.events+more.events > maxRetained || f.retained.bytes+more.bytes > retainedBytes {
		return
	}
	r := f.recent[tp]
	if r == nil {
		r = &recent{}
		f.recent[tp] = r
	}
	if n := len(r.pieces); n > 0 && r.pieces[n-1].next != from {
		return // read again by one that is far behind: it is known already, or too old
	}
	r.pieces = append(r.pieces, piece{events, from, next})
	f.retained.events += more.events
	f.retained.bytes += more.bytes
}

// remember gives groups that are behind what is still in memory, and forgets what no group is behind of any more.
func (f *feed) remember() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tp := range slices.SortedFunc(maps.Keys(f.recent), byTopic) {
		r := f.recent[tp]
		hindmost := int64(-1)
		for _, p := range f.positions[tp] {
			for _, part := range r.pieces {
				f.give(p, part.events, part.from, part.next)
			}
			if hindmost < 0 || p.next < hindmost {
				hindmost = p.next
			}
		}
		kept := 0
		for kept < len(r.pieces) && (r.pieces[kept].next <= hindmost || hindmost < 0) {
			gone := amountOf(r.pieces[kept].events)
			f.retained.events -= gone.events
			f.retained.bytes -= gone.bytes
			kept++
		}
		if r.pieces = slices.Delete(r.pieces, 0, kept); len(r.pieces) == 0 {
			delete(f.recent, tp)
		}
	}
}
