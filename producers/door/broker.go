package door

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// Kafka is what a door needs of [kafka.Client].
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
	// comes on top, up to a batch of at most 4 MiB. Default to 50,000 and 32 MiB: some of the largest batches of likes.
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

	started chan struct{}
	topics  layout // set before started is closed, never changed after

	numbers map[kafka.TopicPartition]int64 // the last given; the sender's
}

// NewBroker makes a door. It opens once Run has found the topics.
func NewBroker(cfg Config) *Broker {
	cfg.AcceptTimeout = cmp.Or(cfg.AcceptTimeout, 5*time.Second)
	cfg.StopTimeout = cmp.Or(cfg.StopTimeout, 10*time.Second)
	cfg.QueueRecords = cmp.Or(cfg.QueueRecords, 50_000)
	cfg.QueueBytes = cmp.Or(cfg.QueueBytes, 32<<20)
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
		return refusal(Starting, "Kafka has not answered yet")
	}
}

// Accept implements [Door].
func (b *Broker) Accept(ctx context.Context, from Origin, facts ...saga.Fact) error {
	err := b.accept(ctx, from, facts)
	b.cfg.Metrics.count(len(facts), err)
	return err
}

func (b *Broker) accept(ctx context.Context, from Origin, facts []saga.Fact) error {
	select {
	case <-b.started:
	default:
		return refusal(Starting, "Kafka has not answered yet")
	}
	records, err := b.topics.encode(from, facts)
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
		return refusal(Busy, "Kafka was too busy to take it in time: %w", ctx.Err())
	}
	select {
	case err = <-p.outcome: // in the last moment
		return err
	default:
		return unsure(TimeOut, "Kafka has not acknowledged it in time: %w", ctx.Err())
	}
}

// Run finds the topics and then sends, until ctx ends. Then the door refuses, and Run sends what callers wait for; it returns nil when
// that is done, or an error if Kafka did not acknowledge all of it within Config.StopTimeout. It fails early if a topic does
// not exist. All its goroutines are gone when it returns. Call it once.
func (b *Broker) Run(ctx context.Context) error {
	defer b.queue.fail(refusal(Stopping, "it has been shut"))
	var err error
	if b.topics, err = findTopics(ctx, b.cfg.Kafka, b.cfg.Topics, false, b.log); err != nil || ctx.Err() != nil {
		return err
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
