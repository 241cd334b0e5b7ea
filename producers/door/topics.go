package door

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// layout is how many partitions each topic has.
type layout map[string]int

// findTopics learns the number of partitions of each topic. It waits for Kafka, but not for somebody to make a topic. It
// returns nothing if ctx ends first.
func findTopics(ctx context.Context, k Kafka, topics []string, log *slog.Logger) (layout, error) {
	for pause := newBackOff(); ; {
		infos, err := k.Topics(ctx, topics...)
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case err == nil:
			return learn(topics, infos)
		case !kafka.Retryable(err):
			return nil, fmt.Errorf("door: %w", err)
		}
		log.Warn("door: waiting for Kafka", "error", err)
		if !pause.wait(ctx) {
			return nil, nil
		}
	}
}

func learn(topics []string, infos map[string]kafka.TopicInfo) (layout, error) {
	found := make(layout, len(infos))
	var missing []string
	for _, name := range topics {
		if found[name] = infos[name].Partitions; found[name] == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fmt.Errorf("door: these topics do not exist: %s. Create them: tiffin topics create", strings.Join(missing, ", "))
	}
	return found, nil
}

// encode makes the facts' records, without numbers.
func (l layout) encode(from Origin, facts []saga.Fact) ([]kafka.Record, error) {
	trace := traceparent(from.Trace)
	if trace == "" {
		id := uuid.New()
		parent := uuid.New()
		trace = fmt.Sprintf("00-%x-%x-01", id[:], parent[:8])
	}
	now := time.Now()
	records := make([]kafka.Record, len(facts))
	for i, fact := range facts {
		if f, ok := fact.(interface{ Validate() error }); ok {
			if err := f.Validate(); err != nil {
				return nil, err
			}
		}
		partitions, known := l[fact.Topic()]
		if !known {
			return nil, fmt.Errorf("door: %s goes to the topic %s, which this door was not opened for: add it to Config.Topics", fact.EventType(), fact.Topic())
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("door: %w", err)
		}
		envelope := saga.Envelope{ID: id.String(), Source: "/tiffin/" + from.API, Saga: fact.Key(), Trace: trace}
		if records[i], err = wire.Encode(fact, envelope, now, partitions); err != nil {
			return nil, fmt.Errorf("door: %w", err)
		}
	}
	return records, nil
}
