package audit

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/saga/kafka"
	"tiffin/saga/words"
)

// transit is what was on its way when the snapshot was taken.
type transit struct {
	lanes  int
	unsent []string         // lanes whose outbox is not empty
	lag    map[string]int64 // group -> events that it has not read yet; nil if nobody asked Kafka
	places int              // of all groups: a partition of a topic that the group hears
	astray []string         // those of them at which a group is and which the log does not have: it goes on when people say where
	groups []string
}

// laneRow is what the audit reads of a lane.
type laneRow struct {
	Group   string
	Lane    int
	Unsent  bool
	Offsets []byte
}

// transit reads the lanes, and then the ends of the topics.
func (cfg Config) transit(ctx context.Context, db querier) (transit, error) {
	t := transit{}
	if len(cfg.Groups) == 0 {
		return t, fmt.Errorf("audit: there is no group to audit")
	}
	rows, err := db.Query(ctx, cfg.each(`select '<name>', lane, outbox <> '', offsets from <schema>.lanes`)+" order by 1, 2")
	if err != nil {
		return t, fmt.Errorf("audit: lanes: %w", explained(err))
	}
	lanes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[laneRow])
	if err != nil {
		return t, fmt.Errorf("audit: lanes: %w", explained(err))
	}
	t.lanes = len(lanes)
	next := map[string]map[kafka.TopicPartition]int64{} // group -> place -> offset
	for _, l := range lanes {
		if l.Unsent {
			t.unsent = append(t.unsent, fmt.Sprintf("%s/%d", l.Group, l.Lane))
		}
		var offsets map[string]int64
		if err := json.Unmarshal(l.Offsets, &offsets); err != nil {
			return t, fmt.Errorf("audit: offsets of lane %s/%d: %w", l.Group, l.Lane, err)
		}
		if next[l.Group] == nil {
			next[l.Group] = map[kafka.TopicPartition]int64{}
		}
		for topic, offset := range offsets {
			next[l.Group][kafka.TopicPartition{Topic: topic, Partition: l.Lane}] = offset
		}
	}
	for _, g := range cfg.Groups {
		t.groups = append(t.groups, g.Name())
	}
	if cfg.Kafka != nil {
		err = cfg.lag(ctx, &t, next)
	}
	return t, err
}

// lag compares how far each group is with the ends of its topics. A place where it has never read is read from the
// beginning of the log.
func (cfg Config) lag(ctx context.Context, t *transit, next map[string]map[kafka.TopicPartition]int64) error {
	wanted := map[string]bool{}
	var names []string
	for _, g := range cfg.Groups {
		for _, topic := range g.Topics() {
			if !wanted[topic] {
				wanted[topic] = true
				names = append(names, topic)
			}
		}
	}
	topics, err := cfg.Kafka.Topics(ctx, names...)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, g := range cfg.Groups {
		for _, topic := range g.Topics() {
			if topics[topic].Partitions == 0 {
				return fmt.Errorf("audit: group %s hears the topic %s, which does not exist there: is this the Kafka of that database, and --topic-prefix that of its groups?", g.Name(), topic)
			}
		}
	}
	var places []kafka.TopicPartition
	for topic, info := range topics {
		for p := range info.Partitions {
			places = append(places, kafka.TopicPartition{Topic: topic, Partition: p})
		}
	}
	ranges, err := cfg.Kafka.Offsets(ctx, places)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	t.lag = map[string]int64{}
	for _, g := range cfg.Groups {
		for _, topic := range g.Topics() {
			for p := range topics[topic].Partitions {
				t.places++
				place := kafka.TopicPartition{Topic: topic, Partition: p}
				log := ranges[place]
				at, known := next[g.Name()][place]
				if known && (at < log.First || at > log.End) {
					t.astray = append(t.astray, fmt.Sprintf("%s is at %d of %s, partition %d, whose log has %d to %d: its process says how it goes on", g.Name(), at, topic, p, log.First, log.End))
					continue
				}
				t.lag[g.Name()] += log.End - max(at, log.First)
			}
		}
	}
	return nil
}

// quiet says that nothing was on its way, for sure.
func (t transit) quiet() bool {
	for _, n := range t.lag {
		if n > 0 {
			return false
		}
	}
	return t.lag != nil && len(t.unsent) == 0 && len(t.astray) == 0
}

// checks are what of it goes into the report.
func (t transit) checks() []Check {
	outboxes := Check{
		Name: "outboxes", About: "all facts that were said are known to be on Kafka", Thing: "lane", Things: "lanes",
		Counted: int64(t.lanes), Found: int64(len(t.unsent)), Verdict: OK,
	}
	if len(t.unsent) > 0 {
		outboxes.Verdict, outboxes.Examples = Noted, t.unsent[:min(len(t.unsent), maxExamples)]
	}
	lag := Check{Name: "lag", About: "each has read all events of its topics", Thing: "group", Things: "groups", Counted: int64(len(t.groups)), Verdict: OK}
	places := Check{Name: "places", About: "the log has each place where a group goes on", Thing: "place", Things: "places", Counted: int64(t.places), Found: int64(len(t.astray)), Verdict: OK}
	if t.lag == nil {
		for _, c := range []*Check{&lag, &places} {
			c.Verdict, c.Why = Skipped, "Kafka is not part of this audit"
		}
	}
	for _, g := range t.groups {
		if n := t.lag[g]; n > 0 {
			lag.Verdict = Noted
			lag.Found++
			lag.Examples = append(lag.Examples, fmt.Sprintf("%s has not read %s", g, words.Count(n, "event")))
		}
	}
	lag.Examples = lag.Examples[:min(len(lag.Examples), maxExamples)]
	if len(t.astray) > 0 {
		places.Verdict, places.Examples = Wrong, t.astray[:min(len(t.astray), maxExamples)]
	}
	return []Check{outboxes, lag, places}
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
