package audit

import (
	"context"
	"strings"
	"testing"

	"tiffin/consumers"
	"tiffin/saga"
	"tiffin/saga/kafka"
)

// elsewhere is a Kafka that has none of the topics.
type elsewhere struct{}

func (elsewhere) Topics(context.Context, ...string) (map[string]kafka.TopicInfo, error) {
	return nil, nil
}

func (elsewhere) Offsets(context.Context, []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error) {
	return nil, nil
}

// A Kafka without the groups' topics is another one: nobody has read them to their ends.
func TestWithoutTopicsItIsNotQuiet(t *testing.T) {
	all, err := consumers.All(consumers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	group := all[0].Group
	_, _, err = Config{Groups: []*saga.Group{group}, Kafka: elsewhere{}}.lag(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "group "+group.Name()+" hears the topic "+group.Topics()[0]) || !strings.Contains(err.Error(), "--topic-prefix") {
		t.Errorf("%v", err)
	}
}
