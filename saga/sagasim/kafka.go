package sagasim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tiffin/saga/kafka"
	"tiffin/saga/lane"
)

// broker is a Kafka: the logs of partitions, and who is a member of which group.
type broker struct {
	server
	world        *world
	names        []string          // of topics, sorted
	topics       map[string][]*log // by partition
	coordinators map[string]*coordinator
}

// log is a partition's.
type log struct {
	topic     string
	partition int
	records   []kafka.Record
	polls     []*poll // requests that wait for something new
}

type poll struct {
	answer func(error)
	done   bool
}

func (p *poll) end(err error) {
	if !p.done {
		p.done = true
		p.answer(err)
	}
}

func newBroker(w *world, topics []string, partitions int) *broker {
	b := &broker{server: server{name: "Kafka"}, world: w, topics: map[string][]*log{}, coordinators: map[string]*coordinator{}}
	b.names = slices.Sorted(slices.Values(topics))
	for _, t := range b.names {
		for n := range partitions {
			b.topics[t] = append(b.topics[t], &log{topic: t, partition: n})
		}
	}
	return b
}

func (b *broker) log(topic string, partition int) *log {
	logs := b.topics[topic]
	if partition < 0 || partition >= len(logs) {
		return nil
	}
	return logs[partition]
}

// append adds records to a log, under the broker's clock, which no fault moves.
func (b *broker) append(l *log, records []kafka.Record) {
	at := Epoch.Add(b.world.now).Truncate(time.Millisecond)
	for _, r := range records {
		r.Offset, r.Time = int64(len(l.records)), at
		l.records = append(l.records, r)
		b.world.appended(l, &l.records[len(l.records)-1])
	}
	polls := l.polls
	l.polls = nil
	for _, p := range polls {
		p.end(nil)
	}
}

// stops: it goes down. Its logs are on the disks of three brokers, and stay; whoever waits is told.
func (b *broker) stops() {
	b.down = true
	for _, t := range b.names {
		for _, l := range b.topics[t] {
			for _, p := range l.polls {
				p.end(errRefused)
			}
			l.polls = nil
		}
	}
}

// client is a process's [lane.Broker].
type client struct {
	process *process
	broker  *broker
}

func (c client) request(op Op, group string) request { return request{&c.broker.server, op, group} }

func (c client) Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	out := map[string]kafka.TopicInfo{}
	err := c.process.ask(ctx, c.request(OpMetadata, ""), func(answer func(error)) {
		for _, n := range names {
			if logs, ok := c.broker.topics[n]; ok {
				out[n] = kafka.TopicInfo{Partitions: len(logs)}
			}
		}
		answer(nil)
	})
	return out, err
}

// CheckClocks: all logs are under the broker's.
func (client) CheckClocks(context.Context, ...string) error { return nil }

func (c client) Committed(ctx context.Context, group string, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.CommittedOffset, error) {
	out := map[kafka.TopicPartition]kafka.CommittedOffset{}
	err := c.process.ask(ctx, c.request(OpOffsets, group), func(answer func(error)) {
		for _, tp := range partitions {
			if at, ok := c.broker.coordinator(group).committed[tp]; ok {
				out[tp] = at
			}
		}
		answer(nil)
	})
	return out, err
}

func (c client) Offsets(ctx context.Context, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error) {
	out := map[kafka.TopicPartition]kafka.OffsetRange{}
	err := c.process.ask(ctx, c.request(OpOffsets, ""), func(answer func(error)) {
		for _, tp := range partitions {
			out[tp] = kafka.OffsetRange{End: int64(len(c.broker.log(tp.Topic, tp.Partition).records))}
		}
		answer(nil)
	})
	return out, err
}

// ByLeader: each broker leads every n-th partition.
func (c client) ByLeader(positions []kafka.Position) []kafka.Led {
	leaders := make([]kafka.Led, c.process.world.plan.Brokers)
	for _, p := range positions {
		n := p.Partition % len(leaders)
		leaders[n].Leader = int32(n)
		leaders[n].Positions = append(leaders[n].Positions, p)
	}
	return slices.DeleteFunc(leaders, func(l kafka.Led) bool { return l.Positions == nil })
}

// Fetch is one request, whoever leads.
func (c client) Fetch(ctx context.Context, positions []kafka.Position, o kafka.FetchOptions) ([]kafka.Fetched, error) {
	w := c.process.world
	var out []kafka.Fetched
	wait := o.MaxWait
	if wait > 0 {
		wait = c.process.unpunctual(wait)
	}
	err := c.process.ask(ctx, c.request(OpFetch, ""), func(answer func(error)) {
		some := false
		out, some = c.broker.read(positions, w.plan.FetchRecords)
		if some || wait <= 0 {
			answer(nil)
			return
		}
		p := &poll{}
		p.answer = func(err error) {
			out, _ = c.broker.read(positions, w.plan.FetchRecords)
			answer(err)
		}
		for _, at := range positions {
			l := c.broker.log(at.Topic, at.Partition)
			l.polls = append(slices.DeleteFunc(l.polls, func(old *poll) bool { return old.done }), p)
		}
		w.after(wait, func() { p.end(nil) })
	})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return out, nil
}

func (b *broker) read(positions []kafka.Position, limit int) (out []kafka.Fetched, some bool) {
	for _, at := range positions {
		l := b.log(at.Topic, at.Partition)
		f := kafka.Fetched{Topic: at.Topic, Partition: at.Partition, Next: at.Offset, HighWatermark: int64(len(l.records))}
		switch {
		case at.Offset > f.HighWatermark:
			f.Err = kafka.ErrOffsetOutOfRange
			some = true
		case at.Offset < f.HighWatermark:
			f.Records = l.records[at.Offset:min(f.HighWatermark, at.Offset+int64(limit)):f.HighWatermark]
			f.Next = at.Offset + int64(len(f.Records))
			some = true
		}
		out = append(out, f)
	}
	return out, some
}

// line is what goes to one partition, in order.
type line struct {
	to           kafka.TopicPartition
	records      []int // indexes
	sent         int   // how many of them
	acknowledged []int
	err          error // the line has stopped
}

// Produce sends a batch to each partition at a time, and the next one for it once that is acknowledged.
func (c client) Produce(ctx context.Context, records []kafka.Record) error {
	lines := lineUp(records)
	for c.produceOnce(ctx, records, lines) {
	}
	failed := &kafka.ProduceError{}
	state := make([]bool, len(records))
	for _, l := range lines {
		failed.Err = cmp.Or(failed.Err, l.err)
		for _, i := range l.acknowledged {
			state[i] = true
		}
	}
	if failed.Err == nil {
		return nil
	}
	for i, acknowledged := range state {
		if acknowledged {
			failed.Acknowledged = append(failed.Acknowledged, i)
		} else {
			failed.Unknown = append(failed.Unknown, i)
		}
	}
	return failed
}

func lineUp(records []kafka.Record) (lines []*line) {
	for i, r := range records {
		to := kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}
		at := slices.IndexFunc(lines, func(l *line) bool { return l.to == to })
		if at < 0 {
			at = len(lines)
			lines = append(lines, &line{to: to})
		}
		lines[at].records = append(lines[at].records, i)
	}
	slices.SortFunc(lines, func(a, b *line) int {
		return cmp.Or(cmp.Compare(a.to.Topic, b.to.Topic), cmp.Compare(a.to.Partition, b.to.Partition))
	})
	return lines
}

var errNotEnoughReplicas = errors.New("sagasim: not enough in-sync replicas")

// batchOf is a line's next batch, on the wire.
type batchOf struct {
	line    *line
	indexes []int
	records []kafka.Record
	refused bool
}

// produceOnce sends one request with the next batch of each line. Faults may have it taken in part. It says whether there was
// anything to send.
func (c client) produceOnce(ctx context.Context, records []kafka.Record, lines []*line) bool {
	w := c.process.world
	var batches []*batchOf
	for _, l := range lines {
		if l.err != nil || l.sent == len(l.records) {
			continue
		}
		b := &batchOf{line: l, indexes: l.records[l.sent:min(len(l.records), l.sent+w.plan.BatchRecords)]}
		for _, i := range b.indexes {
			b.records = append(b.records, records[i])
		}
		l.sent += len(b.indexes)
		batches = append(batches, b)
	}
	if batches == nil {
		return false
	}
	var refuses func(kafka.TopicPartition) bool
	if len(records) > 1 {
		refuses = w.refusal(c.process)
	}
	err := c.process.ask(ctx, c.request(OpProduce, ""), func(answer func(error)) {
		for _, b := range batches {
			if refuses != nil && refuses(b.line.to) {
				b.refused = true
				continue
			}
			c.broker.append(c.broker.log(b.line.to.Topic, b.line.to.Partition), b.records)
		}
		answer(nil)
	})
	for _, b := range batches {
		switch {
		case err != nil:
			b.line.err = err
		case b.refused:
			b.line.err = errNotEnoughReplicas
		default:
			b.line.acknowledged = append(b.line.acknowledged, b.indexes...)
		}
	}
	return true
}

var _ lane.Broker = client{}
