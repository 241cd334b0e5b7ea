package door

import (
	"container/list"
	"sync"

	"tiffin/saga/kafka"
)

// A batch has at most so much, unless one parcel alone is larger. It is one request to each of Kafka's leaders, more or less.
const (
	maxBatchRecords = 5_000
	maxBatchBytes   = 4 << 20
)

// parcel is what one caller wants accepted: sent as a whole, or not at all.
type parcel struct {
	records []kafka.Record // without numbers
	bytes   int
	outcome chan error // gets one value; has room for it, so that the sender waits for nobody

	place *list.Element // while it waits; the queue's
	owing int           // how many records Kafka has not acknowledged; the sender's
	err   error         // why one of them never will be; the sender's
}

func newParcel(records []kafka.Record) *parcel {
	p := &parcel{records: records, outcome: make(chan error, 1), owing: len(records)}
	for i := range records {
		r := &records[i]
		p.bytes += len(r.Key) + len(r.Value)
		for j := range r.Headers {
			p.bytes += len(r.Headers[j].Key) + len(r.Headers[j].Value)
		}
	}
	return p
}

// queue holds the parcels that wait. A caller who has given up takes his parcel out again, so that no more is kept than
// somebody waits for.
type queue struct {
	maxRecords, maxBytes int

	some           *sync.Cond // there is a parcel, or the queue is closed; its lock guards the rest
	parcels        *list.List // of *parcel, in the order of arrival
	records, bytes int
	closed         bool
}

func newQueue(maxRecords, maxBytes int) queue {
	return queue{maxRecords: maxRecords, maxBytes: maxBytes, some: sync.NewCond(new(sync.Mutex)), parcels: list.New()}
}

// put adds a parcel, or refuses it if the queue is full or closed.
func (q *queue) put(p *parcel) error {
	q.some.L.Lock()
	defer q.some.L.Unlock()
	if err := q.refusal(len(p.records), p.bytes); err != nil {
		return err
	}
	p.place = q.parcels.PushBack(p)
	q.records += len(p.records)
	q.bytes += p.bytes
	q.some.Signal()
	return nil
}

// ready says why the next parcel would be refused.
func (q *queue) ready() error {
	q.some.L.Lock()
	defer q.some.L.Unlock()
	return q.refusal(1, 1)
}

func (q *queue) refusal(records, bytes int) error {
	switch {
	case q.closed:
		return refusal(Stopping, "it is being shut")
	case q.records+records > q.maxRecords || q.bytes+bytes > q.maxBytes:
		return refusal(Busy, "%d facts of %d bytes are waiting for Kafka already", q.records, q.bytes)
	}
	return nil
}

// withdraw takes a parcel out again; false if the sender has it.
func (q *queue) withdraw(p *parcel) bool {
	q.some.L.Lock()
	defer q.some.L.Unlock()
	if p.place == nil {
		return false
	}
	q.remove(p)
	return true
}

func (q *queue) remove(p *parcel) {
	q.parcels.Remove(p.place)
	p.place = nil
	q.records -= len(p.records)
	q.bytes -= p.bytes
}

// take waits for parcels and takes what fits into a batch, in order of arrival. It returns nil once the queue is closed and empty.
func (q *queue) take() []*parcel {
	q.some.L.Lock()
	defer q.some.L.Unlock()
	for q.parcels.Len() == 0 {
		if q.closed {
			return nil
		}
		q.some.Wait()
	}
	var batch []*parcel
	records, bytes := 0, 0
	for q.parcels.Len() > 0 {
		p := q.parcels.Front().Value.(*parcel)
		records, bytes = records+len(p.records), bytes+p.bytes
		if len(batch) > 0 && (records > maxBatchRecords || bytes > maxBatchBytes) {
			break
		}
		q.remove(p)
		batch = append(batch, p)
	}
	return batch
}

// close refuses new parcels; those that wait stay.
func (q *queue) close() {
	q.some.L.Lock()
	defer q.some.L.Unlock()
	q.closed = true
	q.some.Broadcast()
}

// fail closes the queue and tells all who wait that it is over.
func (q *queue) fail(err error) {
	q.close()
	for batch := q.take(); batch != nil; batch = q.take() {
		for _, p := range batch {
			p.outcome <- err
		}
	}
}
