package door

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/saga/words"
)

// shipment is a batch on its way: the records that Kafka has not acknowledged, in order, and whose each is.
type shipment struct {
	records []kafka.Record
	owners  []*parcel
	// unsure are the partitions of which an earlier attempt had no answer: its records may be in the log, under the
	// numbers that they bear.
	unsure map[kafka.TopicPartition]bool
}

// deliver numbers a batch and sends it until Kafka has acknowledged or refused every record. There is one batch at a time:
// a second one could overtake the first. It fails only if ctx ends first.
func (b *Broker) deliver(ctx context.Context, batch []*parcel) error {
	s := b.load(batch)
	for pause := newBackOff(); ; {
		err := b.cfg.Kafka.Produce(ctx, s.records)
		if s = b.settle(s, err); len(s.records) == 0 {
			return nil
		}
		b.cfg.Metrics.resent.Inc()
		b.log.Warn("door: Kafka has not acknowledged everything; sending the rest again", "facts", len(s.records), "error", err)
		if !pause.wait(ctx) {
			return b.abandon(s, err)
		}
	}
}

func (b *Broker) load(batch []*parcel) *shipment {
	s := &shipment{unsure: map[kafka.TopicPartition]bool{}}
	for _, p := range batch {
		for _, r := range p.records {
			b.stamp(&r)
			s.records = append(s.records, r)
			s.owners = append(s.owners, p)
		}
	}
	b.cfg.Metrics.batch.Observe(float64(len(s.records)))
	return s
}

// stamp gives the record the next number of its partition.
func (b *Broker) stamp(r *kafka.Record) {
	to := kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}
	b.numbers[to]++
	wire.Stamp(r, wire.Mark{Lane: b.lane, Epoch: b.epoch, Number: b.numbers[to]})
}

// settle tells the owners of what has been decided, and returns what has to be sent again.
func (b *Broker) settle(s *shipment, err error) *shipment {
	var failed *kafka.ProduceError
	switch {
	case err == nil:
		for _, p := range s.owners {
			p.settle(nil)
		}
		return &shipment{}
	case !errors.As(err, &failed): // nothing is known of any record
		failed = &kafka.ProduceError{Unknown: indexes(len(s.records)), Err: err}
	}
	for _, i := range failed.Acknowledged {
		s.owners[i].settle(nil)
	}
	refused := map[kafka.TopicPartition]int64{}
	for _, r := range failed.Refused {
		b.refused(s, r)
		refused[target(s.records[r.Index])]++
	}
	rest := &shipment{unsure: s.unsure}
	for _, i := range failed.Unknown {
		rest.records = append(rest.records, s.records[i])
		rest.owners = append(rest.owners, s.owners[i])
	}
	for to, count := range refused {
		b.renumber(rest, to, count)
	}
	for i := range rest.records {
		if to := target(rest.records[i]); refused[to] == 0 {
			rest.unsure[to] = true
		}
	}
	return rest
}

// renumber closes the gap that refused records leave in their partition. What is behind them is not in the log, for nothing
// is sent to a partition after a refusal, and takes their numbers, as long as no earlier attempt may have put it there. In
// that case the gap stays, and the receivers' alarm is right: nobody knows what became of that number.
func (b *Broker) renumber(rest *shipment, to kafka.TopicPartition, refused int64) {
	if rest.unsure[to] {
		return
	}
	var behind []*kafka.Record
	for i := range rest.records {
		if r := &rest.records[i]; target(*r) == to {
			behind = append(behind, r)
		}
	}
	b.numbers[to] -= refused + int64(len(behind))
	for _, r := range behind {
		r.Headers = slices.Clone(r.Headers[:len(r.Headers)-1]) // a late request may still read the old ones
		b.stamp(r)
	}
}

func (b *Broker) refused(s *shipment, r kafka.Refusal) {
	record := s.records[r.Index]
	b.log.Error("door: Kafka refuses a fact; mend the topic, or the permissions on it", "topic", record.Topic,
		"partition", record.Partition, "key", string(record.Key), "error", r.Err)
	s.owners[r.Index].settle(unsure(Refused, "Kafka refused it: %w", r.Err)) // what was sent with it may be there
}

// settle counts a record of the parcel that has been decided. The last one tells the caller.
func (p *parcel) settle(err error) {
	if p.err == nil {
		p.err = err
	}
	if p.owing--; p.owing == 0 {
		p.outcome <- p.err
	}
}

// abandon tells the owners of what is left that nobody knows what becomes of it.
func (b *Broker) abandon(s *shipment, cause error) error {
	err := unsure(Stopping, "it was shut before Kafka acknowledged it")
	for _, p := range s.owners {
		p.settle(err)
	}
	return fmt.Errorf("door: stopped while Kafka had not acknowledged %s; their callers were told so: %w", words.Count(len(s.records), "fact"), cause)
}

func target(r kafka.Record) kafka.TopicPartition {
	return kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// backOff is the pauses between attempts: from 50 ms doubling to 2 s, each shortened by up to a half at random, so that processes
// which failed together do not come back together.
type backOff struct{ next time.Duration }

func newBackOff() *backOff { return &backOff{50 * time.Millisecond} }

// wait pauses, and returns false if ctx ended first.
func (b *backOff) wait(ctx context.Context) bool {
	timer := time.NewTimer(b.next - rand.N(b.next/2))
	defer timer.Stop()
	b.next = min(2*b.next, 2*time.Second)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
