package kafka

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// TopicInfo is what the cluster says about a topic.
type TopicInfo struct {
	Partitions int
	// Replicas is the number of copies of its first partition.
	Replicas int
}

// Ping asks one broker for an answer. It fails if none of Config.Brokers can be reached and logged in to.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.metadata(ctx, nil); err != nil {
		return fmt.Errorf("kafka: no answer from %v: %w", c.config.Brokers, err)
	}
	return nil
}

// Topics returns, fresh from the cluster, those of the named topics that exist.
func (c *Client) Topics(ctx context.Context, names ...string) (map[string]TopicInfo, error) {
	topics, err := c.metadata(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("kafka: topics: %w", err)
	}
	infos := make(map[string]TopicInfo, len(topics))
	for name, topic := range topics {
		if err := codeError(topic.ErrorCode, ""); err != nil {
			return nil, fmt.Errorf("kafka: topic %s: %w", name, err)
		}
		info := TopicInfo{Partitions: len(topic.Partitions)}
		if info.Partitions > 0 {
			info.Replicas = len(topic.Partitions[0].ReplicaNodes)
		}
		infos[name] = info
	}
	return infos, nil
}

// metadata asks any broker about topics. The answer has those that exist, and those that we may not see, with their error codes.
// It never creates one.
func (c *Client) metadata(ctx context.Context, names []string) (map[string]metadata.ResponseTopic, error) {
	m, err := c.call(ctx, anyBroker, &metadata.Request{TopicNames: c.wireAll(names)})
	if err != nil {
		return nil, err
	}
	topics := make(map[string]metadata.ResponseTopic, len(names))
	for _, t := range m.(*metadata.Response).Topics {
		switch kafkago.Error(t.ErrorCode) {
		case kafkago.UnknownTopicOrPartition:
			continue
		case kafkago.LeaderNotAvailable: // some of its partitions have none: it exists
			t.ErrorCode = 0
		}
		topics[c.unwire(t.Name)] = t
	}
	return topics, nil
}

// leaderCache remembers who leads each partition of the topics in use. It has no expiry: a broker that does not lead a
// partition any more says so, and then the topic is forgotten.
type leaderCache struct {
	mu      sync.Mutex // serializes writers
	current atomic.Pointer[leaderMap]
}

// leaderMap has, for each topic, the id of each partition's leader, or anyBroker where there is none. Never changed once published.
type leaderMap map[string][]int32

func (l *leaderCache) load() leaderMap {
	if m := l.current.Load(); m != nil {
		return *m
	}
	return nil
}

func (l *leaderCache) change(change func(leaderMap)) leaderMap {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := maps.Clone(l.load())
	if next == nil {
		next = leaderMap{}
	}
	change(next)
	l.current.Store(&next)
	return next
}

// forget makes the next use of the topic ask the cluster.
func (l *leaderCache) forget(topic string) {
	if _, ok := l.load()[topic]; ok {
		l.change(func(m leaderMap) { delete(m, topic) })
	}
}

// routes says where to send what: the leaders of topics, and of some what is wrong with them.
type routes struct {
	leaders leaderMap
	faults  map[string]error
}

// leader returns who leads the partition. Without one, the topic is forgotten, so that the next call asks again.
func (c *Client) leader(r routes, topic string, partition int) (int32, error) {
	partitions, ok := r.leaders[topic]
	switch {
	case !ok && r.faults[topic] != nil:
		return 0, r.faults[topic]
	case !ok:
		return 0, fmt.Errorf("%w: there is no topic %s", ErrUnknownTopic, topic)
	case partition < 0 || partition >= len(partitions):
		c.leaders.forget(topic)
		return 0, fmt.Errorf("%w: %s has no partition %d, only %d of them", ErrUnknownTopic, topic, partition, len(partitions))
	case partitions[partition] < 0:
		c.leaders.forget(topic)
		return 0, fmt.Errorf("%s/%d: %w", topic, partition, codeError(int16(kafkago.LeaderNotAvailable), ""))
	}
	return partitions[partition], nil
}

// routes finds the leaders of these topics, in the cache if they are known.
func (c *Client) routes(ctx context.Context, topics iter.Seq[string]) (routes, error) {
	known := c.leaders.load()
	var missing []string
	for topic := range topics {
		if _, ok := known[topic]; !ok && !slices.Contains(missing, topic) {
			missing = append(missing, topic)
		}
	}
	if len(missing) == 0 {
		return routes{leaders: known}, nil
	}
	fresh, err := c.metadata(ctx, missing)
	if err != nil {
		return routes{}, err
	}
	r := routes{faults: map[string]error{}}
	r.leaders = c.leaders.change(func(m leaderMap) {
		for name, topic := range fresh {
			if topic.ErrorCode != 0 {
				r.faults[name] = fmt.Errorf("topic %s: %w", name, codeError(topic.ErrorCode, ""))
				continue
			}
			m[name] = leadersIn(topic)
		}
	})
	return r, nil
}

func leadersIn(topic metadata.ResponseTopic) []int32 {
	leaders := make([]int32, len(topic.Partitions))
	for i := range leaders {
		leaders[i] = anyBroker
	}
	for _, p := range topic.Partitions {
		if i := int(p.PartitionIndex); i < len(leaders) && p.ErrorCode == 0 {
			leaders[i] = p.LeaderID
		}
	}
	return leaders
}
