package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// Kafka is what a [Broker] needs of [kafka.Client].
type Kafka interface {
	// Produce appends the records, in order within each partition. What it returns is nil or a [*kafka.ProduceError].
	Produce(ctx context.Context, records []kafka.Record) error
	// Topics returns those of the topics that exist.
	Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error)
}

// Config configures a [Broker]. Kafka and Topics have to be set; the zero value of everything else works.
type Config struct {
	Kafka Kafka
	// Topics are those that facts may go to.
	Topics []string
	// AcceptTimeout is how long a caller waits for Kafka at most. Defaults to 5 s.
	AcceptTimeout time.Duration
	// StopTimeout is how long Run goes on sending what callers wait for when it is told to stop. Defaults to 10 s.
	StopTimeout time.Duration
	// QueueRecords and QueueBytes bound what waits to be sent; beyond them callers are refused at once. What is being sent
	// comes on top, up to a batch of at most 4 MiB. Default to 10,000 and 16 MiB.
	QueueRecords, QueueBytes int
	// Metrics hears how it goes. Defaults to nobody.
	Metrics *Metrics
	// Logger hears of trouble with Kafka. Defaults to silence.
	Logger *slog.Logger
}

// Broker is the [Door] that accepts with Kafka's acknowledgement. Its [Broker.Run] must be running.
type Broker struct {
	cfg   Config
	log   *slog.Logger
	lane  string
	epoch int64
	queue queue

	started    chan struct{}
	partitions map[string]int // of each topic; set before started is closed, never changed after

	numbers map[kafka.TopicPartition]int64 // the last given; the sender's
}

// NewBroker makes a door. It opens once Run has found the topics.
func NewBroker(cfg Config) *Broker {
	cfg.AcceptTimeout = cmp.Or(cfg.AcceptTimeout, 5*time.Second)
	cfg.StopTimeout = cmp.Or(cfg.StopTimeout, 10*time.Second)
	cfg.QueueRecords = cmp.Or(cfg.QueueRecords, 10_000)
	cfg.QueueBytes = cmp.Or(cfg.QueueBytes, 16<<20)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	return &Broker{
		cfg:     cfg,
		log:     cfg.Logger,
		lane:    "door-" + uuid.NewString(),
		epoch:   time.Now().UnixMilli(),
		queue:   newQueue(cfg.QueueRecords, cfg.QueueBytes),
		started: make(chan struct{}),
		numbers: map[kafka.TopicPartition]int64{},
	}
}

// Lane is the name of the lane that this door's facts bear.
func (b *Broker) Lane() string { return b.lane }

// Started is closed when the door has found its topics and accepts.
func (b *Broker) Started() <-chan struct{} { return b.started }

// Ready returns nil if the door accepts: it has started, has not been stopped, and has room for more.
func (b *Broker) Ready(context.Context) error {
	select {
	case <-b.started:
		return b.queue.ready()
	default:
		return fmt.Errorf("%w: Kafka has not answered yet", ErrUnavailable)
	}
}

// Accept implements [Door].
func (b *Broker) Accept(ctx context.Context, from Origin, facts ...saga.Fact) error {
	err := b.accept(ctx, from, facts)
	if errors.Is(err, ErrUnavailable) {
		b.cfg.Metrics.refused.Add(float64(len(facts)))
	}
	return err
}

func (b *Broker) accept(ctx context.Context, from Origin, facts []saga.Fact) error {
	select {
	case <-b.started:
	default:
		return fmt.Errorf("%w: Kafka has not answered yet", ErrUnavailable)
	}
	records, err := b.encode(from, facts)
	if err != nil || len(records) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.AcceptTimeout)
	defer cancel()
	p := newParcel(records)
	if err := b.queue.put(p); err != nil {
		return err
	}
	select {
	case err = <-p.outcome:
		return err
	case <-ctx.Done():
	}
	if b.queue.withdraw(p) {
		return fmt.Errorf("%w: Kafka was too busy to take it in time: %w", ErrUnavailable, ctx.Err())
	}
	select {
	case err = <-p.outcome: // in the last moment
		return err
	default:
		return fmt.Errorf("%w: Kafka has not acknowledged it in time: %w", ErrUnavailable, ctx.Err())
	}
}

// encode makes the facts' records, without numbers.
func (b *Broker) encode(from Origin, facts []saga.Fact) ([]kafka.Record, error) {
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
		partitions, known := b.partitions[fact.Topic()]
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

// Run finds the topics and then sends, until ctx ends. Then the door refuses, and Run sends what callers wait for; it returns nil when
// that is done, or an error if Kafka did not acknowledge all of it within Config.StopTimeout. It fails early if a topic does
// not exist. All its goroutines are gone when it returns. Call it once.
func (b *Broker) Run(ctx context.Context) error {
	defer b.queue.fail(fmt.Errorf("%w: it has been shut", ErrUnavailable))
	if err := b.findTopics(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	sending, cut := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx, by StopTimeout at most
	defer cut()
	var watching sync.WaitGroup
	defer watching.Wait()
	over := make(chan struct{})
	defer close(over)
	watching.Go(func() { b.watch(ctx, cut, over) })

	close(b.started)
	for {
		batch := b.queue.take()
		if batch == nil {
			return nil
		}
		if err := b.deliver(sending, batch); err != nil {
			return err
		}
	}
}

// watch closes the queue when ctx ends, and cuts the sender off when it takes too long after that.
func (b *Broker) watch(ctx context.Context, cut func(), over <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-over:
		return
	}
	b.queue.close()
	timer := time.NewTimer(b.cfg.StopTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		cut()
	case <-over:
	}
}

// findTopics learns the number of partitions of each topic. It waits for Kafka, but not for somebody to make a topic.
func (b *Broker) findTopics(ctx context.Context) error {
	for pause := newBackOff(); ; {
		infos, err := b.cfg.Kafka.Topics(ctx, b.cfg.Topics...)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			return b.learn(infos)
		case !kafka.Retryable(err):
			return fmt.Errorf("door: %w", err)
		}
		b.log.Warn("door: waiting for Kafka", "error", err)
		if !pause.wait(ctx) {
			return nil
		}
	}
}

func (b *Broker) learn(infos map[string]kafka.TopicInfo) error {
	partitions := make(map[string]int, len(infos))
	var missing []string
	for _, name := range b.cfg.Topics {
		if partitions[name] = infos[name].Partitions; partitions[name] == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("door: these topics do not exist: %s. Create them: tiffin topics create", strings.Join(missing, ", "))
	}
	b.partitions = partitions
	return nil
}
