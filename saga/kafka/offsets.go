package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

// OffsetRange is what a partition's log has: offsets from First up to, but not with, End. An empty log has both the same.
type OffsetRange struct{ First, End int64 }

// Offset is how far a group has come in a partition: the offset of the next record that it wants.
type Offset struct {
	Topic     string
	Partition int
	Offset    int64
	// Metadata is for the group's own use. Brokers keep up to 4 KB of it.
	Metadata string
}

// CommittedOffset is what a group last told Kafka about a partition.
type CommittedOffset struct {
	Offset   int64
	Metadata string
}

// Offsets returns the range of each partition's log. It fails if any of them has no answer.
func (c *Client) Offsets(ctx context.Context, partitions []TopicPartition) (map[TopicPartition]OffsetRange, error) {
	routes, err := c.routes(ctx, each(partitions))
	if err != nil {
		return nil, fmt.Errorf("kafka: offsets: %w", err)
	}
	byLeader := map[int32][]TopicPartition{}
	var faults []error
	for _, tp := range partitions {
		leader, err := routes.leader(tp.Topic, tp.Partition)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		byLeader[leader] = append(byLeader[leader], tp)
	}
	ranges := make(map[TopicPartition]OffsetRange, len(partitions))
	for leader, led := range byLeader {
		// Two requests, because a broker refuses one that names a partition twice. The end is asked last: the other
		// way round, an end could be before a first that has moved meanwhile.
		first, err := c.listOffsets(ctx, leader, led, kafkago.FirstOffset)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		end, err := c.listOffsets(ctx, leader, led, kafkago.LastOffset)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, tp := range led {
			ranges[tp] = OffsetRange{First: first[tp], End: end[tp]}
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("kafka: offsets: %w", errors.Join(faults...))
	}
	return ranges, nil
}

func (c *Client) listOffsets(ctx context.Context, leader int32, partitions []TopicPartition, timestamp int64) (map[TopicPartition]int64, error) {
	byTopic := map[string][]listoffsets.RequestPartition{}
	for _, tp := range partitions {
		byTopic[tp.Topic] = append(byTopic[tp.Topic], listoffsets.RequestPartition{
			Partition: int32(tp.Partition), CurrentLeaderEpoch: -1, Timestamp: timestamp,
		})
	}
	request := &listoffsets.Request{ReplicaID: -1}
	for topic, asked := range byTopic {
		request.Topics = append(request.Topics, listoffsets.RequestTopic{Topic: c.wire(topic), Partitions: asked})
	}
	m, err := c.call(ctx, leader, request)
	if err != nil {
		for _, tp := range partitions {
			c.leaders.doubt(tp.Topic, tp.Partition) // the leader may be gone
		}
		return nil, err
	}
	offsets := make(map[TopicPartition]int64, len(partitions))
	for _, t := range m.(*listoffsets.Response).Topics {
		topic := c.unwire(t.Topic)
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				if staleLeader(p.ErrorCode) {
					c.leaders.doubt(topic, int(p.Partition))
				}
				return nil, fmt.Errorf("%s/%d: %w", topic, p.Partition, codeError(p.ErrorCode, ""))
			}
			offsets[TopicPartition{topic, int(p.Partition)}] = p.Offset
		}
	}
	for _, tp := range partitions {
		if _, ok := offsets[tp]; !ok {
			return nil, fmt.Errorf("%w: the answer lacks %s/%d", ErrCorrupt, tp.Topic, tp.Partition)
		}
	}
	return offsets, nil
}

// Committed returns what the group has told Kafka about these partitions. Those without an offset are absent.
func (c *Client) Committed(ctx context.Context, group string, partitions []TopicPartition) (map[TopicPartition]CommittedOffset, error) {
	if c.life.Err() != nil {
		return nil, ErrClosed
	}
	if len(partitions) == 0 { // to Kafka that would mean all
		return map[TopicPartition]CommittedOffset{}, nil
	}
	request := &kafkago.OffsetFetchRequest{GroupID: c.wire(group), Topics: map[string][]int{}}
	for _, tp := range partitions {
		topic := c.wire(tp.Topic)
		request.Topics[topic] = append(request.Topics[topic], tp.Partition)
	}
	response, err := c.admin.OffsetFetch(ctx, request)
	if err == nil {
		err = response.Error
	}
	if errors.Is(err, kafkago.GroupIdNotFound) { // nobody has joined it yet
		return map[TopicPartition]CommittedOffset{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: offsets of group %s: %w", group, classified(err))
	}
	committed := make(map[TopicPartition]CommittedOffset, len(partitions))
	for topic, answers := range response.Topics {
		for _, p := range answers {
			if p.Error != nil {
				return nil, fmt.Errorf("kafka: offset of group %s in %s/%d: %w", group, c.unwire(topic), p.Partition, classified(p.Error))
			}
			if p.CommittedOffset >= 0 {
				committed[TopicPartition{c.unwire(topic), p.Partition}] = CommittedOffset{p.CommittedOffset, p.Metadata}
			}
		}
	}
	return committed, nil
}

// commit tells the group's coordinator how far this member has come. The generation and the member's id go with it, so
// that the coordinator refuses those of a member that is not one any more.
func (c *Client) commit(ctx context.Context, group string, generation *kafkago.Generation, offsets []Offset) error {
	if c.life.Err() != nil {
		return ErrClosed
	}
	if len(offsets) == 0 {
		return nil
	}
	request := &kafkago.OffsetCommitRequest{
		GroupID:      c.wire(group),
		GenerationID: int(generation.ID),
		MemberID:     generation.MemberID,
		Topics:       map[string][]kafkago.OffsetCommit{},
	}
	for _, o := range offsets {
		topic := c.wire(o.Topic)
		request.Topics[topic] = append(request.Topics[topic],
			kafkago.OffsetCommit{Partition: o.Partition, Offset: o.Offset, Metadata: o.Metadata})
	}
	response, err := c.admin.OffsetCommit(ctx, request)
	if err != nil {
		return fmt.Errorf("kafka: commit offsets of group %s: %w", group, classified(err))
	}
	for topic, answers := range response.Topics {
		for _, p := range answers {
			if p.Error != nil {
				return fmt.Errorf("kafka: commit offset of group %s in %s/%d: %w", group, c.unwire(topic), p.Partition, classified(p.Error))
			}
		}
	}
	return nil
}

// classified gives a code that kafka-go found in an answer our sentinels.
func classified(err error) error {
	var code kafkago.Error
	if errors.As(err, &code) {
		return codeError(int16(code), "")
	}
	return err
}

func each(partitions []TopicPartition) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for _, tp := range partitions {
			if !yield(tp.Topic, tp.Partition) {
				return
			}
		}
	}
}
