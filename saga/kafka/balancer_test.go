package kafka

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

func partitionsOf(n int, topics ...string) []kafkago.Partition {
	var partitions []kafkago.Partition
	for _, topic := range topics {
		for id := range n {
			partitions = append(partitions, kafkago.Partition{Topic: topic, ID: id})
		}
	}
	return partitions
}

func TestLanesAreTheSameInEveryTopic(t *testing.T) {
	members := []kafkago.GroupMember{{ID: "b", Topics: []string{"orders", "payments"}}, {ID: "a", Topics: []string{"orders", "payments"}}}
	got := laneBalancer{}.AssignGroups(members, partitionsOf(5, "orders", "payments"))
	want := kafkago.GroupMemberAssignments{
		"a": {"orders": {0, 2, 4}, "payments": {0, 2, 4}},
		"b": {"orders": {1, 3}, "payments": {1, 3}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

// A topic that only the upgraded members know: its partitions follow their lanes, and those of the others' lanes wait.
func TestLanesInARollingUpgrade(t *testing.T) {
	members := []kafkago.GroupMember{
		{ID: "a-old", Topics: []string{"orders"}},
		{ID: "b-new", Topics: []string{"orders", "refunds"}},
	}
	got := laneBalancer{}.AssignGroups(members, partitionsOf(4, "refunds", "orders"))
	want := kafkago.GroupMemberAssignments{
		"a-old": {"orders": {0, 2}},
		"b-new": {"orders": {1, 3}, "refunds": {1, 3}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestMembersWithoutLanesAreAnswered(t *testing.T) {
	members := []kafkago.GroupMember{{ID: "a", Topics: []string{"orders"}}, {ID: "b", Topics: []string{"orders"}}, {ID: "c", Topics: []string{"nothing"}}}
	got := laneBalancer{}.AssignGroups(members, partitionsOf(1, "orders"))
	if len(got) != 3 || len(got["b"]) != 0 || len(got["c"]) != 0 || len(got["a"]["orders"]) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"orders", "payments", "kitchen"}
		var partitions []kafkago.Partition
		for _, topic := range names {
			partitions = append(partitions, partitionsOf(rapid.IntRange(0, 20).Draw(t, "partitions"), topic)...)
		}
		same := rapid.Bool().Draw(t, "same subscriptions")
		var members []kafkago.GroupMember
		for i := range rapid.IntRange(1, 8).Draw(t, "members") {
			topics := names
			if !same {
				topics = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "topics")
			}
			members = append(members, kafkago.GroupMember{ID: fmt.Sprint(i), Topics: topics})
		}
		got := laneBalancer{}.AssignGroups(members, partitions)

		owner := map[int]string{}
		lanes := map[string]int{}
		for member, byTopic := range got {
			for _, numbers := range byTopic {
				for _, lane := range numbers {
					if o, ok := owner[lane]; ok && o != member {
						t.Fatalf("lane %d has two owners: %v", lane, got)
					} else if !ok {
						owner[lane] = member
						lanes[member]++
					}
				}
			}
		}
		if same {
			least, most := 100, 0
			for _, m := range members {
				least, most = min(least, lanes[m.ID]), max(most, lanes[m.ID])
			}
			if most-least > 1 {
				t.Fatalf("unequal: %v", lanes)
			}
			for _, p := range partitions {
				if _, ok := owner[p.ID]; !ok {
					t.Fatalf("lane %d has no owner", p.ID)
				}
			}
		}

		seed := rapid.Uint64().Draw(t, "shuffle")
		random := rand.New(rand.NewPCG(seed, 1))
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		random.Shuffle(len(partitions), func(i, j int) { partitions[i], partitions[j] = partitions[j], partitions[i] })
		if again := (laneBalancer{}).AssignGroups(members, partitions); !reflect.DeepEqual(got, again) {
			t.Fatalf("shuffled: %v, was %v", again, got)
		}
	})
}
