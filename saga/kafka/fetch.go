package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// maxResponseBytes bounds what we take for a length. A response may pass MaxBytes by one batch, but not by this.
const maxResponseBytes = 1 << 30

// FetchOptions bounds a Fetch. Zero fields have defaults.
type FetchOptions struct {
	// MaxWait is how long a leader that has nothing new waits for something. Defaults to 500 ms; negative means not at all.
	MaxWait time.Duration
	// MaxBytes is how much each leader sends. Defaults to 8 MiB. The first batch found comes whole, whatever its size.
	MaxBytes int
	// PartitionMaxBytes is how much of it may be of one partition. Defaults to 1 MiB.
	PartitionMaxBytes int
}

func (o FetchOptions) withDefaults() FetchOptions {
	if o.MaxWait == 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	o.MaxWait = max(o.MaxWait, 0)
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 20
	}
	if o.PartitionMaxBytes <= 0 {
		o.PartitionMaxBytes = 1 << 20
	}
	return o
}

// Fetched is what one partition had.
type Fetched struct {
	Topic     string
	Partition int
	// Records are in the order of their offsets, which have gaps where records were compacted away or were never for us.
	// All that one leader sent share one piece of memory: copy what is to be kept for long.
	Records []Record
	// Next is the offset to ask for next: behind the last record, and behind gaps; or as asked if there was nothing.
	Next int64
	// HighWatermark is the end of the log as readers see it, -1 if it is not known.
	HighWatermark int64
	// Err is what kept this partition from being read. Records is empty then. See [Retryable].
	Err error
}

// Fetch reads from each position, which must all be of different partitions, and returns what it found in the same order. It asks
// each leader once, at the same time, and returns when all have answered: at once where there is something to read, else after MaxWait. Who
// wants what one leader has without waiting for another runs one loop for each leader, see [Client.ByLeader].
//
// Records of transactions come whether those end well or not, as for Kafka's own consumers unless told otherwise.
//
// What went wrong with one partition, or with its leader, is in its Fetched. The error is not nil only if nothing could be asked.
func (c *Client) Fetch(ctx context.Context, positions []Position, options FetchOptions) ([]Fetched, error) {
	options = options.withDefaults()
	results := make([]Fetched, len(positions))
	for i, p := range positions {
		results[i] = Fetched{Topic: p.Topic, Partition: p.Partition, Next: p.Offset, HighWatermark: -1}
	}
	byLeader, err := c.positionsByLeader(ctx, positions, func(i int, err error) { results[i].Err = err })
	if err != nil {
		return nil, fmt.Errorf("kafka: fetch: %w", err)
	}
	var polling sync.WaitGroup
	for leader, led := range byLeader {
		if len(byLeader) == 1 {
			c.fetchFrom(ctx, leader, led, results, options)
			break
		}
		polling.Go(func() { c.fetchFrom(ctx, leader, led, results, options) })
	}
	polling.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("kafka: fetch: %w", err)
	}
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	return results, nil
}

// Led are positions in partitions of one leader.
type Led struct {
	Leader    int32 // the id of a broker, or [NoLeader]
	Positions []Position
}

// NoLeader is the leader of partitions that had none, or are not known yet.
const NoLeader = anyBroker

// ByLeader sorts positions by the broker that leads their partition, as far as is known: it asks nobody. One Fetch for each of the
// groups, which are sorted by leader, asks only one broker, unless another leads some of them by now; that of NoLeader finds out who
// leads them.
func (c *Client) ByLeader(positions []Position) []Led {
	known := c.leaders.load()
	byLeader := map[int32][]Position{}
	for _, p := range positions {
		leader := known.find(p.Topic, p.Partition).broker
		byLeader[leader] = append(byLeader[leader], p)
	}
	groups := make([]Led, 0, len(byLeader))
	for _, leader := range slices.Sorted(maps.Keys(byLeader)) {
		groups = append(groups, Led{Leader: leader, Positions: byLeader[leader]})
	}
	return groups
}

// positionsByLeader returns the indexes of each leader's positions. They begin anywhere: a broker fills its answer
// from the front of the request, and the last partitions would starve. A place that moved on with each request would stand still for
// those that come in step with others.
func (c *Client) positionsByLeader(ctx context.Context, positions []Position, fault func(int, error)) (map[int32][]int, error) {
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	routes, err := c.routes(ctx, func(yield func(string, int) bool) {
		for i := range positions {
			if !yield(positions[i].Topic, positions[i].Partition) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	byLeader := map[int32][]int{}
	first := rand.IntN(max(1, len(positions)))
	for n := range positions {
		i := (n + first) % len(positions)
		leader, err := routes.leader(positions[i].Topic, positions[i].Partition)
		if err != nil {
			fault(i, err)
			continue
		}
		byLeader[leader] = append(byLeader[leader], i)
	}
	return byLeader, nil
}

// fetchFrom asks one leader for the positions with these indexes, and puts what it answers into their results.
func (c *Client) fetchFrom(ctx context.Context, leader int32, led []int, results []Fetched, options FetchOptions) {
	request := &fetch.Request{
		ReplicaID:    -1, // a consumer
		MaxWaitTime:  int32(options.MaxWait.Milliseconds()),
		MinBytes:     1,
		MaxBytes:     int32(min(options.MaxBytes, maxResponseBytes)),
		SessionEpoch: -1, // no session: our partitions change too often, and whoever forgets one gets nothing
	}
	asked := make([]fetchedTopic, 0, 16)
	for _, i := range led {
		f := &results[i]
		t := len(asked) - 1 // neighbours are often of one topic
		if t < 0 || asked[t].name != f.Topic {
			t = slices.IndexFunc(asked, func(a fetchedTopic) bool { return a.name == f.Topic })
		}
		if t < 0 {
			t = len(asked)
			asked = append(asked, fetchedTopic{name: f.Topic, wire: c.wire(f.Topic)})
			request.Topics = append(request.Topics, fetch.RequestTopic{Topic: asked[t].wire})
		}
		asked[t].partitions = append(asked[t].partitions, f)
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, fetch.RequestPartition{
			Partition:          int32(f.Partition),
			CurrentLeaderEpoch: -1,
			FetchOffset:        f.Next,
			LogStartOffset:     -1,
			PartitionMaxBytes:  int32(min(options.PartitionMaxBytes, maxResponseBytes)),
		})
	}
	raw, err := c.fetch(ctx, leader, request, options.MaxWait)
	if err == nil {
		err = decodeFetch(raw, asked)
	}
	if err != nil {
		err = fmt.Errorf("kafka: fetch from broker %d: %w", leader, err)
	}
	for t := range asked {
		for _, f := range asked[t].partitions {
			if err != nil {
				f.Err, f.Records = err, nil
			}
			if f.Err != nil && Retryable(f.Err) {
				c.leaders.doubt(f.Topic, f.Partition) // it may be another's now
			}
		}
	}
}

// fetch sends the request and returns the body of the answer, undecoded.
func (c *Client) fetch(ctx context.Context, leader int32, request *fetch.Request, wait time.Duration) ([]byte, error) {
	var body []byte
	e := &exchange{
		key:        protocol.Fetch,
		to:         leader,
		minVersion: fetchVersion,
		send:       c.sendMessage(request),
		receive: func(r io.Reader, _ int16) (int32, error) {
			var head [8]byte // size and correlation
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return 0, err
			}
			size := int(int32(binary.BigEndian.Uint32(head[:])))
			if size < 4 || size > maxResponseBytes {
				return 0, fmt.Errorf("%w: a response of %d bytes", ErrCorrupt, size)
			}
			body = make([]byte, size-4)
			_, err := io.ReadFull(r, body)
			return int32(binary.BigEndian.Uint32(head[4:])), err
		},
	}
	if err := c.do(ctx, e, requestTimeout+wait); err != nil {
		return nil, err
	}
	return body, nil
}
