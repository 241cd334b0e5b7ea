package door

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// findTopics learns the number of partitions of each topic. It waits for Kafka, but not for somebody to make a topic or to mend
// a permission, unless it is to be patient. It returns nothing if ctx ends first.
func findTopics(ctx context.Context, k Kafka, topics []string, patient bool, log *slog.Logger) (layout, error) {
	for pause := newBackOff(); ; {
		infos, err := k.Topics(ctx, topics...)
		lasting := err != nil && !kafka.Retryable(err)
		var found layout
		if err == nil {
			found, err = learn(topics, infos)
			lasting = err != nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case err == nil:
			return found, nil
		case lasting && !patient:
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
		return nil, fmt.Errorf("these topics do not exist: %s. Create them: tiffin topics create", strings.Join(missing, ", "))
	}
	return found, nil
}

// encode makes the facts' records, without numbers.
func (l layout) encode(from Origin, facts []saga.Fact) ([]kafka.Record, error) {
	records := make([]kafka.Record, 0, len(facts))
	err := l.each(from, facts, func(fact saga.Fact, envelope saga.Envelope, now time.Time, partitions int) error {
		r, err := wire.Encode(fact, envelope, now, partitions)
		records = append(records, r)
		return err
	})
	return records, err
}

// each calls write for every fact, if it is valid, with what surrounds it and the number of its topic's partitions.
func (l layout) each(from Origin, facts []saga.Fact, write func(saga.Fact, saga.Envelope, time.Time, int) error) error {
	trace := traceparent(from.Trace)
	if trace == "" {
		trace = newTrace()
	}
	now, source := time.Now(), "/tiffin/"+from.API
	for _, fact := range facts {
		if f, ok := fact.(interface{ Validate() error }); ok {
			if err := f.Validate(); err != nil {
				return err
			}
		}
		partitions, known := l[fact.Topic()]
		if !known {
			return fmt.Errorf("door: %s goes to the topic %s, which this door was not opened for: add it to Config.Topics", fact.EventType(), fact.Topic())
		}
		id, err := uuid.NewV7FromReader(chance{})
		if err == nil {
			err = write(fact, saga.Envelope{ID: id.String(), Source: source, Saga: fact.Key(), Trace: trace}, now, partitions)
		}
		if err != nil {
			return fmt.Errorf("door: %w", err)
		}
	}
	return nil
}

// chance is a reader of random bytes that costs no system call. The ids and traces that are made of it are to be different, and no
// secrets.
type chance struct{}

func (chance) Read(p []byte) (int, error) {
	var word [8]byte
	for rest := p; len(rest) > 0; rest = rest[copy(rest, word[:]):] {
		binary.LittleEndian.PutUint64(word[:], rand.Uint64())
	}
	return len(p), nil
}
