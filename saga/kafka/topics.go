package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"

	"tiffin/saga/words"
)

// TopicSpec declares a topic.
type TopicSpec struct {
	Name       string
	Partitions int
	// Retention is how long records are kept. 0 leaves it to the broker's log.retention; negative keeps them for ever.
	Retention time.Duration
	// RetentionBytes is how much of each partition is kept. 0 leaves it to the broker.
	RetentionBytes int64
	// Config has other settings of the topic, by Kafka's names.
	Config map[string]string
}

const (
	timestampType = "message.timestamp.type"
	logAppendTime = "LogAppendTime"
	minInsync     = "min.insync.replicas"
)

// CreateTopics makes sure that the topics exist, and returns when all their partitions have leaders. A topic that is there already,
// with as many partitions as declared, is left as it is; with another number, or with its producers' clocks ([Client.CheckClocks]),
// it is an error that says what to do.
//
// Each topic has so many replicas (0: the broker's default.replication.factor), two of which must have a record before it is
// acknowledged if there are three or more. Its records bear the time of the leader that appended them, because with the
// producers' clocks a wrong one would be refused for ever, or its record deleted at once.
func (c *Client) CreateTopics(ctx context.Context, specs []TopicSpec, replication int) error {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
		if s.Name == "" || s.Partitions <= 0 {
			return fmt.Errorf("kafka: create topics: %+v needs a name and a number of partitions", s)
		}
		if t, ok := s.Config[timestampType]; ok && t != logAppendTime {
			return fmt.Errorf("kafka: create topics: topic %s asks for %s=%s, but deadlines need %s: remove it",
				s.Name, timestampType, t, logAppendTime)
		}
	}
	existing, err := c.Topics(ctx, names...)
	if err != nil {
		return err
	}
	var missing []TopicSpec
	for _, s := range specs {
		if _, ok := existing[s.Name]; !ok {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		if err := c.createTopics(ctx, missing, replication); err != nil {
			return err
		}
	}
	return c.awaitTopics(ctx, specs)
}

func (c *Client) createTopics(ctx context.Context, specs []TopicSpec, replication int) error {
	request := &createtopics.Request{TimeoutMs: int32(ackTimeout.Milliseconds())}
	for _, s := range specs {
		request.Topics = append(request.Topics, c.topicRequest(s, replication))
	}
	m, err := c.call(ctx, controller, request)
	if err != nil {
		return fmt.Errorf("kafka: create topics: %w", err)
	}
	var faults []error
	for _, t := range m.(*createtopics.Response).Topics {
		c.leaders.forget(c.unwire(t.Name))
		if kafkago.Error(t.ErrorCode) == kafkago.TopicAlreadyExists {
			continue // another process starts at the same time
		}
		if err := codeError(t.ErrorCode, t.ErrorMessage); err != nil {
			faults = append(faults, fmt.Errorf("kafka: create topic %s: %w", c.unwire(t.Name), err))
		}
	}
	return errors.Join(faults...)
}

func (c *Client) topicRequest(s TopicSpec, replication int) createtopics.RequestTopic {
	if replication == 0 {
		replication = -1 // the protocol's word for the broker's default
	}
	settings := maps.Clone(s.Config)
	if settings == nil {
		settings = map[string]string{}
	}
	settings[timestampType] = logAppendTime
	if _, set := settings[minInsync]; !set && replication >= 3 {
		settings[minInsync] = "2"
	}
	switch {
	case s.Retention > 0:
		settings["retention.ms"] = strconv.FormatInt(s.Retention.Milliseconds(), 10)
	case s.Retention < 0:
		settings["retention.ms"] = "-1"
	}
	if s.RetentionBytes != 0 {
		settings["retention.bytes"] = strconv.FormatInt(s.RetentionBytes, 10)
	}
	topic := createtopics.RequestTopic{
		Name:              c.wire(s.Name),
		NumPartitions:     int32(s.Partitions),
		ReplicationFactor: int16(replication),
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: name, Value: settings[name]})
	}
	return topic
}

// awaitTopics polls until all partitions have leaders that answer for them, and compares their number with what is declared.
func (c *Client) awaitTopics(ctx context.Context, specs []TopicSpec) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := c.checkTopics(ctx, specs)
		if !Retryable(err) {
			return err
		}
		if !sleep(ctx, pause) {
			return fmt.Errorf("kafka: create topics: %w, and %w", err, ctx.Err())
		}
	}
}

// checkTopics returns an error that is not retryable if topics are not as declared, and one that is as long as they are not ready.
func (c *Client) checkTopics(ctx context.Context, specs []TopicSpec) error {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	topics, err := c.Topics(ctx, names...)
	if err != nil {
		return err
	}
	var faults []error
	var partitions []TopicPartition
	for _, s := range specs {
		has := topics[s.Name].Partitions
		if has == 0 {
			return fmt.Errorf("%w: topic %s is not there yet", ErrUnknownTopic, s.Name)
		}
		if has != s.Partitions {
			faults = append(faults, fmt.Errorf("kafka: topic %s has %s, but %d are declared. "+
				"Keys would go to other lanes than their history: declare %d, or choose another topic prefix to begin anew",
				s.Name, words.Count(has, "partition"), s.Partitions, has))
		}
		for p := range has {
			partitions = append(partitions, TopicPartition{s.Name, p})
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	// The cluster names leaders before they know of it themselves, and until then they refuse what is sent to them.
	if _, err = c.Offsets(ctx, partitions); err != nil {
		return err
	}
	return c.CheckClocks(ctx, names...)
}

// CheckClocks returns an error that says how to mend it if the records of a topic bear the time of those who sent them. Whose clock is wrong
// could then make a deadline pass over an answer. What this user may not look at is warned about, and taken to be right.
func (c *Client) CheckClocks(ctx context.Context, topics ...string) error {
	request := &describeconfigs.Request{}
	for _, name := range topics {
		request.Resources = append(request.Resources, describeconfigs.RequestResource{
			ResourceType: int8(kafkago.ResourceTypeTopic), ResourceName: c.wire(name), ConfigNames: []string{timestampType},
		})
	}
	m, err := c.call(ctx, anyBroker, request)
	if err != nil {
		return fmt.Errorf("kafka: settings of topics: %w", err)
	}
	var faults []error
	for _, t := range m.(*describeconfigs.Response).Resources {
		if err := codeError(t.ErrorCode, t.ErrorMessage); errors.Is(err, ErrNotAuthorized) {
			c.log.Warn("kafka: this user may not read the topic's settings (DescribeConfigs); see to it that it has "+timestampType+"="+logAppendTime, "topic", t.ResourceName)
		} else if err != nil {
			faults = append(faults, fmt.Errorf("kafka: settings of topic %s: %w", c.unwire(t.ResourceName), err))
		}
		for _, e := range t.ConfigEntries {
			if e.ConfigName == timestampType && e.ConfigValue != logAppendTime {
				faults = append(faults, fmt.Errorf("kafka: topic %s has %s=%s, but deadlines need the brokers' clocks: kafka-configs.sh --bootstrap-server %s "+
					"--alter --entity-type topics --entity-name %[1]s --add-config %[2]s=%[5]s", t.ResourceName, timestampType, e.ConfigValue, c.config.Brokers[0], logAppendTime))
			}
		}
	}
	return errors.Join(faults...)
}

// sleep waits, and returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
