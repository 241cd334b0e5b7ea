package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tiffin/internal/demo"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/saga/words"
	"tiffin/schemas"
)

// seedPatience is how long a seed goes on without Kafka acknowledging any of it.
const seedPatience = 30 * time.Second

// Seed says facts on Kafka, as somebody who is no part of Tiffin would, and returns when all are acknowledged. Each has an id that
// follows from what it says, so that whoever hears it a second time knows it.
func Seed(ctx context.Context, cfg Config, facts []saga.Fact) error {
	client, err := openKafka(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	return seed(ctx, client, facts)
}

func seed(ctx context.Context, client *kafka.Client, facts []saga.Fact) error {
	topics, err := client.Topics(ctx, topicsOf(facts)...)
	if err != nil {
		return err
	}
	records := make([]kafka.Record, len(facts))
	for i, fact := range facts {
		t, ok := topics[fact.Topic()]
		if !ok {
			return fmt.Errorf("topic %s is missing: create it with `tiffin topics create`", fact.Topic())
		}
		if records[i], err = seedRecord(fact, t.Partitions); err != nil {
			return fmt.Errorf("fact %d: %w", i+1, err)
		}
	}
	for trying := time.Now(); len(records) > 0; {
		err := client.Produce(ctx, records)
		var partly *kafka.ProduceError
		switch {
		case err == nil:
			return nil
		case !kafka.Retryable(err) || ctx.Err() != nil || time.Since(trying) > seedPatience:
			return fmt.Errorf("not acknowledged: %d of %s; repeat it, nothing is doubled: %w", len(records), words.Count(len(facts), "fact"), err)
		case errors.As(err, &partly) && len(partly.Acknowledged) > 0:
			records, trying = pick(records, partly.Unknown), time.Now()
		}
		select {
		case <-ctx.Done():
		case <-time.After(firstRetry):
		}
	}
	return nil
}

// seedRecord is a fact as a stranger says it: with an id, and without a lane.
func seedRecord(fact saga.Fact, partitions int) (kafka.Record, error) {
	if f, ok := fact.(schemas.Fact); !ok {
		return kafka.Record{}, fmt.Errorf("%s is none of the facts in schemas", fact.EventType())
	} else if err := f.Validate(); err != nil {
		return kafka.Record{}, fmt.Errorf("%s: %w", fact.EventType(), err)
	}
	return wire.Encode(fact, saga.Envelope{ID: demo.EventID(fact), Source: "/tiffin/seed", Saga: fact.Key()}, time.Now(), partitions)
}

func pick(records []kafka.Record, indexes []int) []kafka.Record {
	out := make([]kafka.Record, len(indexes))
	for i, n := range indexes {
		out[i] = records[n]
	}
	return out
}

func topicsOf(facts []saga.Fact) []string {
	seen := map[string]bool{}
	var names []string
	for _, f := range facts {
		if !seen[f.Topic()] {
			seen[f.Topic()] = true
			names = append(names, f.Topic())
		}
	}
	return names
}

// unsaid reports whether nobody has ever said anything on the topics of these facts.
func unsaid(ctx context.Context, client *kafka.Client, facts []saga.Fact) (bool, error) {
	names := topicsOf(facts)
	topics, err := client.Topics(ctx, names...)
	if err != nil {
		return false, err
	}
	var places []kafka.TopicPartition
	for name, t := range topics {
		for p := range t.Partitions {
			places = append(places, kafka.TopicPartition{Topic: name, Partition: p})
		}
	}
	ranges, err := client.Offsets(ctx, places)
	if err != nil {
		return false, err
	}
	for _, r := range ranges {
		if r.End > 0 {
			return false, nil
		}
	}
	return true, nil
}
