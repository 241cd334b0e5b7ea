package kafka

import (
	"cmp"
	"maps"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
)

// laneBalancer deals lanes to the members of a group. Lane p is partition p of every topic, so that all facts of one key,
// whatever their topic, are one member's. kafka-go's own balancers deal out each topic by itself: with topics of
// different subscribers, as in a rolling upgrade, partition 3 of two topics would have two owners.
type laneBalancer struct{}

func (laneBalancer) ProtocolName() string { return "tiffin-lanes" }

func (laneBalancer) UserData() ([]byte, error) { return nil, nil }

// AssignGroups gives each lane to one of the members that subscribe to any topic with that partition: those with the
// fewest lanes so far first, then by id. The owner of a lane gets its partitions of the topics that it subscribes to.
// Partitions of the others have no reader until the owner's program is upgraded; their offsets are kept.
//
// The answer depends on neither the order of members nor that of partitions, which a broker may shuffle. Every
// member is in it, because kafka-go could not read the answer of one who is not.
func (laneBalancer) AssignGroups(members []kafkago.GroupMember, partitions []kafkago.Partition) kafkago.GroupMemberAssignments {
	assignments := kafkago.GroupMemberAssignments{}
	subscribers := map[string][]string{} // by topic, the ids of members
	for _, m := range members {
		assignments[m.ID] = map[string][]int{}
		for _, topic := range m.Topics {
			subscribers[topic] = append(subscribers[topic], m.ID)
		}
	}
	topics := map[int][]string{} // by lane
	for _, p := range partitions {
		topics[p.ID] = append(topics[p.ID], p.Topic)
	}
	type lane struct {
		number     int
		candidates []string
	}
	var lanes []lane
	for number, named := range topics {
		candidates := map[string]bool{}
		for _, topic := range named {
			for _, id := range subscribers[topic] {
				candidates[id] = true
			}
		}
		lanes = append(lanes, lane{number, slices.Sorted(maps.Keys(candidates))})
	}
	// Lanes with little choice first, or the others would fill up the few members that may have them.
	slices.SortFunc(lanes, func(a, b lane) int {
		return cmp.Or(len(a.candidates)-len(b.candidates), a.number-b.number)
	})
	owned := map[string]int{}
	for _, l := range lanes {
		if len(l.candidates) == 0 {
			continue
		}
		owner := slices.MinFunc(l.candidates, func(a, b string) int { return owned[a] - owned[b] }) // the first, if several
		owned[owner]++
		for _, topic := range topics[l.number] {
			if slices.Contains(subscribers[topic], owner) {
				assignments[owner][topic] = append(assignments[owner][topic], l.number)
			}
		}
	}
	for _, byTopic := range assignments {
		for _, numbers := range byTopic {
			slices.Sort(numbers)
		}
	}
	return assignments
}
