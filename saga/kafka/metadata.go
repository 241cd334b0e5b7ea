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
// partition any more says so, and then the cluster is asked who does before that partition is used again. Who uses others of
// the topic does not wait for the answer.
type leaderCache struct {
	mu      sync.Mutex // serializes writers
	current atomic.Pointer[leaderMap]
}

// leaderMap has, for each topic, who leads each partition. Never changed once published.
type leaderMap map[string][]leadership

type leadership struct {
	broker int32 // its id, or anyBroker where there is none
	stale  bool  // it may be another by now
}

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

// doubt makes the next use of the partition ask the cluster.
func (l *leaderCache) doubt(topic string, partition int) {
	if at := l.load().find(topic, partition); at.broker < 0 || at.stale {
		return // it does so anyway
	}
	l.change(func(m leaderMap) {
		if partition < len(m[topic]) {
			m[topic] = slices.Clone(m[topic])
			m[topic][partition].stale = true
		}
	})
}

// forget makes the next use of the topic ask the cluster.
func (l *leaderCache) forget(topic string) {
	if _, ok := l.load()[topic]; ok {
		l.change(func(m leaderMap) { delete(m, topic) })
	}
}

// find returns who leads the partition, as far as is known.
func (m leaderMap) find(topic string, partition int) leadership {
	partitions := m[topic]
	if partition < 0 || partition >= len(partitions) {
		return leadership{broker: anyBroker}
	}
	return partitions[partition]
}

// routes says where to send what: the leaders of topics, and of some what is wrong with them.
type routes struct {
	leaders leaderMap
	faults  map[string]error
}

// leader returns who leads the partition.
func (r routes) leader(topic string, partition int) (int32, error) {
	partitions, ok := r.leaders[topic]
	switch {
	case !ok && r.faults[topic] != nil:
		return 0, r.faults[topic]
	case !ok:
		return 0, fmt.Errorf("%w: there is no topic %s", ErrUnknownTopic, topic)
	case partition < 0 || partition >= len(partitions):
		return 0, fmt.Errorf("%w: %s has no partition %d, only %d of them", ErrUnknownTopic, topic, partition, len(partitions))
	case partitions[partition].broker < 0:
		return 0, fmt.Errorf("%s/%d: %w", topic, partition, codeError(int16(kafkago.LeaderNotAvailable), ""))
	}
	return partitions[partition].broker, nil
}

// routes finds the leaders of these partitions, in the cache if they are known and not in doubt. Of a partition that had none
// the cluster is asked again.
func (c *Client) routes(ctx context.Context, partitions iter.Seq2[string, int]) (routes, error) {
	known := c.leaders.load()
	var missing []string
	for topic, partition := range partitions {
		at := known.find(topic, partition)
		if (at.broker < 0 || at.stale) && !slices.Contains(missing, topic) {
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
		for _, name := range missing {
			delete(m, name)
		}
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

func leadersIn(topic metadata.ResponseTopic) []leadership {
	leaders := make([]leadership, len(topic.Partitions))
	for i := range leaders {
		leaders[i].broker = anyBroker
	}
	for _, p := range topic.Partitions {
		if i := int(p.PartitionIndex); i < len(leaders) && p.ErrorCode == 0 {
			leaders[i].broker = p.LeaderID
		}
	}
	return leaders
}
