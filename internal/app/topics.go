package app

import (
	"context"
	"fmt"
	"io"
	"strings"

	"tiffin/consumers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/sagamap"
	"tiffin/saga/words"
	"tiffin/schemas"
)

// topics are those that the groups need: one for each domain, and each group's dead letters.
func (c Config) topics(groups []*saga.Group) []kafka.TopicSpec {
	c = c.WithDefaults()
	var specs []kafka.TopicSpec
	add := func(name string) {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: c.Partitions, Retention: c.Retention})
	}
	for _, t := range schemas.Topics() {
		add(t.Name)
	}
	for _, g := range groups {
		add(g.DeadLetters())
	}
	return specs
}

// CreateTopics creates what the targets need and Kafka lacks; it returns all their names. Topics that are there with other numbers
// are an error.
func CreateTopics(ctx context.Context, cfg Config, targets []string) ([]string, error) {
	what, err := cfg.choose(targets)
	if err != nil {
		return nil, err
	}
	client, err := openKafka(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	specs := cfg.topics(declarations(what.groups))
	if err := client.CreateTopics(ctx, specs, cfg.WithDefaults().Replication); err != nil {
		return nil, err
	}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	there, err := client.Topics(ctx, names...)
	if err != nil {
		return nil, err
	}
	return names, tooFewReplicas(names, there, cfg.WithDefaults().Replication)
}

// tooFewReplicas names the topics that were there already and are kept by fewer brokers than is asked for: who asks believes that his
// facts outlive the loss of one.
func tooFewReplicas(names []string, there map[string]kafka.TopicInfo, replication int) error {
	var few []string
	for _, name := range names {
		if n := there[name].Replicas; n < replication {
			few = append(few, fmt.Sprintf("%s (%d)", name, n))
		}
	}
	if len(few) == 0 {
		return nil
	}
	return fmt.Errorf("the topics are there, but these have fewer than %d replicas, and are left as they were: %s. "+
		"Raise them with kafka-reassign-partitions.sh, and set min.insync.replicas with kafka-configs.sh; or give --replication as it is",
		replication, strings.Join(few, ", "))
}

// ListTopics writes, for each topic, whether it is there, what it is for, and who says and who hears its facts.
func ListTopics(ctx context.Context, cfg Config, w io.Writer) error {
	groups, err := cfg.Groups()
	if err != nil {
		return err
	}
	client, err := openKafka(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	var names []string
	for _, s := range cfg.topics(groups) {
		names = append(names, s.Name)
	}
	there, err := client.Topics(ctx, names...)
	if err != nil {
		return err
	}
	prefix := cfg.Kafka.TopicPrefix
	state := func(name string) string {
		if t, ok := there[name]; ok {
			return words.Count(t.Partitions, "partition") + ", " + words.Count(t.Replicas, "replica")
		}
		return "missing: create it with `tiffin topics create`"
	}
	m := sagamap.New(append(groups, consumers.Outside()...)...)
	var b strings.Builder
	for _, t := range schemas.Topics() {
		fmt.Fprintf(&b, "%s (%s)\n  %s\n", prefix+t.Name, state(t.Name), t.About)
		for _, fact := range m.Facts(t.Name) {
			fmt.Fprintf(&b, "    %-24s from %-18s to %s\n", fact, strings.Join(m.Speakers(fact), ", "), orNobody(m.Listeners(fact)))
		}
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "%s (%s)\n  What %s could not handle, with the reason; see `tiffin parked list`.\n", prefix+g.DeadLetters(), state(g.DeadLetters()), g.Name())
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}
