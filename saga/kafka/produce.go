package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"

	"tiffin/saga/words"
)

const (
	// maxBatchBytes bounds a batch. Brokers refuse more than 1,048,588 bytes (message.max.bytes) unless told otherwise.
	maxBatchBytes = 900_000
	// maxRequestBytes bounds a request, which brokers refuse above 100 MB (socket.request.max.bytes), and with it our memory.
	maxRequestBytes = 8 << 20
)

// ProduceError says how far a Produce came. Each index of the records given is in one of the three lists; all are ascending.
type ProduceError struct {
	// Acknowledged are on all in-sync replicas.
	Acknowledged []int
	// Refused are not in the log and never will be as they are.
	Refused []Refusal
	// Unknown are all others: not sent, or refused for now, or sent without an answer, in which case they may be in the
	// log, now or a little later. In each partition they are all behind the acknowledged ones. Send them again, in order.
	Unknown []int
	// Err is what went wrong, with each partition's own error in it.
	Err error
}

// Refusal is a record that Kafka will not take, and why.
type Refusal struct {
	Index int
	Err   error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("kafka: produce: %s acknowledged, %d refused, %d unknown: %v",
		words.Count(len(e.Acknowledged), "record"), len(e.Refused), len(e.Unknown), e.Err)
}

func (e *ProduceError) Unwrap() error { return e.Err }

// Produce appends each record to the partition that it names, and returns nil when all in-sync replicas have all of them. The order is kept
// within each partition. Otherwise the error is a [*ProduceError], which says which records are where.
//
// There is one request at a time to each leader, with a batch for each of its partitions. A batch is cut before it gets too large
// for the broker, and the next one for the same partition leaves when the one before is acknowledged; if it is not, the
// rest of that partition is not sent. The records must not change until Produce returns, and if it failed, never:
// a request without an answer may still be read.
func (c *Client) Produce(ctx context.Context, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	lines := lineUp(records)
	for i := range lines {
		lines[i].wire = c.wire(lines[i].topic)
	}
	byLeader, err := c.linesByLeader(ctx, lines)
	if err != nil {
		for i := range lines {
			lines[i].err = err
		}
		return outcome(records, lines)
	}
	var sending sync.WaitGroup
	for leader, led := range byLeader {
		if len(byLeader) == 1 {
			c.produceTo(ctx, leader, records, led)
			break
		}
		sending.Go(func() { c.produceTo(ctx, leader, records, led) })
	}
	sending.Wait()
	return outcome(records, lines)
}

// line is what waits for one partition.
type line struct {
	topic, wire string
	partition   int
	records     []int32 // indexes
	done        int     // how many of them are acknowledged
	sent, bytes int     // how many behind those are in the request that is on its way, and their batch's size
	limit       int     // bytes of a batch
	refused     []Refusal
	err         error // the line has stopped
}

// lineUp sorts records into lines, which come ordered by topic and partition.
func lineUp(records []Record) []line {
	var lines []line
	number := map[TopicPartition]int32{}
	lineOf := make([]int32, len(records))
	last := TopicPartition{Partition: -1}
	current := int32(-1)
	counts := []int{}
	for i := range records {
		r := &records[i]
		if r.Partition != last.Partition || r.Topic != last.Topic { // neighbours often go to the same place
			last = TopicPartition{r.Topic, r.Partition}
			n, ok := number[last]
			if !ok {
				n = int32(len(lines))
				number[last] = n
				lines = append(lines, line{topic: r.Topic, partition: r.Partition, limit: maxBatchBytes})
				counts = append(counts, 0)
			}
			current = n
		}
		lineOf[i] = current
		counts[current]++
	}
	all := make([]int32, len(records)) // one piece of memory for the indexes of all lines
	for n, count := range counts {
		lines[n].records, all = all[:0:count], all[count:]
	}
	for i, n := range lineOf {
		lines[n].records = append(lines[n].records, int32(i))
	}
	slices.SortFunc(lines, func(a, b line) int {
		if byTopic := strings.Compare(a.topic, b.topic); byTopic != 0 {
			return byTopic
		}
		return a.partition - b.partition
	})
	return lines
}

func (c *Client) linesByLeader(ctx context.Context, lines []line) (map[int32][]*line, error) {
	routes, err := c.routes(ctx, func(yield func(string, int) bool) {
		for i := range lines {
			if !yield(lines[i].topic, lines[i].partition) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	byLeader := map[int32][]*line{}
	for i := range lines {
		l := &lines[i]
		leader, err := routes.leader(l.topic, l.partition)
		if err != nil {
			l.err = err
			continue
		}
		byLeader[leader] = append(byLeader[leader], l)
	}
	return byLeader, nil
}

// produceTo sends the lines of one leader, request by request, until each is empty or has stopped.
func (c *Client) produceTo(ctx context.Context, leader int32, records []Record, lines []*line) {
	buffer, _ := c.frames.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	for {
		frame := newProduceFrame(*buffer, c.config.ClientID)
		if !fill(frame, records, lines) {
			c.frames.Put(buffer)
			return
		}
		response, err := c.produce(ctx, leader, frame)
		if err != nil {
			// The buffer is not put back: the connection may still read it.
			for _, l := range lines {
				c.leaders.doubt(l.topic, l.partition) // the leader may be gone
				if l.err == nil && l.done < len(l.records) {
					l.err = err
				}
			}
			return
		}
		*buffer = frame.b
		c.settle(lines, response)
	}
}

// fill puts the next batch of each line into the frame, as far as there is room. It returns false if nothing is left to send.
func fill(frame *produceFrame, records []Record, lines []*line) bool {
	millis := time.Now().UnixMilli()
	filled := false
	for _, l := range lines {
		l.sent = 0
		waiting := l.records[l.done:]
		if l.err != nil || len(waiting) == 0 {
			continue
		}
		l.bytes = batchHeaderBytes
		for i, index := range waiting {
			size := recordBytes(&records[index], i)
			if i > 0 && l.bytes+size > l.limit {
				break
			}
			l.bytes += size
			l.sent++
		}
		if filled && len(frame.b)+l.bytes > maxRequestBytes {
			l.sent = 0
			break // in the next request, with all behind it
		}
		frame.add(l.wire, l.partition, records, waiting[:l.sent], millis)
		filled = true
	}
	return filled
}

func (c *Client) produce(ctx context.Context, leader int32, frame *produceFrame) (*produce.Response, error) {
	var response protocol.Message
	e := &exchange{
		key:        protocol.Produce,
		to:         leader,
		minVersion: 3, // the first with record batches
		send: func(w io.Writer, version int16, correlation int32) error {
			_, err := w.Write(frame.seal(version, correlation))
			return err
		},
		receive: func(r io.Reader, version int16) (correlation int32, err error) {
			correlation, response, err = protocol.ReadResponse(r, protocol.Produce, version)
			return correlation, err
		},
	}
	if err := c.do(ctx, e, requestTimeout); err != nil {
		return nil, err
	}
	return response.(*produce.Response), nil
}

// settle enters the leader's answers into the lines that were in the request.
func (c *Client) settle(lines []*line, response *produce.Response) {
	for _, t := range response.Topics {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			at := slices.IndexFunc(lines, func(l *line) bool {
				return l.sent > 0 && l.partition == int(p.Partition) && l.wire == t.Topic
			})
			if at < 0 {
				continue // not asked for
			}
			l := lines[at]
			if p.ErrorCode == 0 {
				l.done += l.sent
			} else {
				if staleLeader(p.ErrorCode) {
					c.leaders.doubt(l.topic, l.partition)
				}
				l.refuse(p)
			}
			l.sent = 0
		}
	}
	for _, l := range lines {
		if l.sent > 0 {
			l.err = fmt.Errorf("%w: the answer lacks %s/%d", ErrCorrupt, l.topic, l.partition)
		}
	}
}

// refuse judges a batch of which the leader took nothing.
func (l *line) refuse(p *produce.ResponsePartition) {
	err := fmt.Errorf("%s/%d: %w", l.topic, l.partition, codeError(p.ErrorCode, p.ErrorMessage))
	code := kafkago.Error(p.ErrorCode)
	batch := l.records[l.done : l.done+l.sent]
	switch {
	case retryableCode(code):
		// Nothing is wrong with the records.
	case len(p.RecordErrors) > 0:
		// The leader names the bad ones. The others are as good as unsent.
		for _, r := range p.RecordErrors {
			if i := int(r.BatchIndex); i >= 0 && i < len(batch) {
				l.refused = append(l.refused, Refusal{int(batch[i]), err})
			}
		}
	case len(batch) > 1 && ofRecords(code):
		// It does not say which. Halve the batch until the bad record is alone, or the topic's limit (which
		// may be lower than ours) is met.
		l.limit = l.bytes / 2
		return
	default:
		for _, index := range batch {
			l.refused = append(l.refused, Refusal{int(index), err})
		}
	}
	l.err = err
}

// ofRecords tells whether a code blames the records, and not the topic or the sender.
func ofRecords(code kafkago.Error) bool {
	switch code {
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge, kafkago.InvalidRecord, kafkago.InvalidTimestamp, kafkago.InvalidMessageSize:
		return true
	}
	return false
}

// outcome adds the lines up.
func outcome(records []Record, lines []line) error {
	result := &ProduceError{}
	var faults []error
	for i := range lines {
		l := &lines[i]
		if l.err == nil {
			continue
		}
		if !slices.ContainsFunc(faults, func(err error) bool { return err == l.err }) {
			faults = append(faults, l.err)
		}
		result.Refused = append(result.Refused, l.refused...)
	}
	if len(faults) == 0 {
		return nil
	}
	const acknowledged, refused = 1, 2
	state := make([]byte, len(records))
	for i := range lines {
		for _, index := range lines[i].records[:lines[i].done] {
			state[index] = acknowledged
		}
	}
	for _, r := range result.Refused {
		state[r.Index] = refused
	}
	for index, s := range state {
		switch s {
		case acknowledged:
			result.Acknowledged = append(result.Acknowledged, index)
		case 0:
			result.Unknown = append(result.Unknown, index)
		}
	}
	slices.SortFunc(result.Refused, func(a, b Refusal) int { return a.Index - b.Index })
	result.Err = errors.Join(faults...)
	return result
}
