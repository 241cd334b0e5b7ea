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
	err = Config{Groups: []*saga.Group{group}, Kafka: elsewhere{}}.lag(t.Context(), &transit{}, nil)
	if err == nil || !strings.Contains(err.Error(), "group "+group.Name()+" hears the topic "+group.Topics()[0]) || !strings.Contains(err.Error(), "--topic-prefix") {
		t.Errorf("%v", err)
	}
}

// A group that is at no place of its log is counted by its places, of which it may have more than there are groups.
func TestPlacesAreCounted(t *testing.T) {
	lost := make([]string, 24)
	checks := transit{groups: []string{"kitchen"}, lag: map[string]int64{"kitchen": 3}, places: 30, astray: lost}.checks()
	for i, want := range []Check{
		{Name: "lag", Verdict: Noted, Counted: 1, Found: 1, Things: "groups"},
		{Name: "places", Verdict: Wrong, Counted: 30, Found: 24, Things: "places"},
	} {
		got := checks[i+1]
		if got.Name != want.Name || got.Verdict != want.Verdict || got.Counted != want.Counted || got.Found != want.Found || got.Things != want.Things {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
