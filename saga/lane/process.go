package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// Config says where the groups of a process run.
type Config struct {
	// Kafka has the topics, which exist, all with the same number of partitions.
	Kafka *kafka.Client
	// DatabaseURL is the PostgreSQL in which each group has a schema of its own name, migrated ([Migrate]).
	DatabaseURL string
	// Logger hears what happens. Defaults to silence.
	Logger *slog.Logger
	// Metrics count it. Defaults to counters that nobody reads.
	Metrics *Metrics
	// MaxBatch is how many events one transaction handles at most. Defaults to 2,000.
	MaxBatch int
	// SessionTimeout is how long a process that has died keeps its lanes, before others take them over. Defaults to 10 s;
	// brokers have limits for it.
	SessionTimeout time.Duration
	// QueueLimit is how many events may wait for one loop; when they are as many, or take 64 MB, Kafka keeps the rest. Defaults
	// to 8,000.
	QueueLimit int
	// Loops is how many loops share the lanes of a group in which nothing makes them wait for each other ([saga.Group.Parallel]). Defaults
	// to GOMAXPROCS, but at most 4: each has a connection to PostgreSQL.
	Loops int
	// Batches is how many batches all groups of this process work on at a time, while none takes long: each would take longer beside
	// more. Defaults to twice GOMAXPROCS, for half the time a batch waits for PostgreSQL and disks.
	Batches int
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 2000
	}
	if c.QueueLimit == 0 {
		c.QueueLimit = 8000
	}
	if c.Loops == 0 {
		c.Loops = min(runtime.GOMAXPROCS(0), 4)
	}
	if c.Batches == 0 {
		c.Batches = 2 * runtime.GOMAXPROCS(0)
	}
	return c
}

// Run takes part in the consumer groups until ctx ends. All its goroutines are gone when it returns. It fails only if it
// can't start: topics are missing, have different numbers of partitions, or bear their producers' clocks.
func Run(ctx context.Context, c Config, groups ...*saga.Group) error {
	return Ports{
		Kafka: c.Kafka, Machine: newMachine(),
		Open: func(ctx context.Context, g *saga.Group, partitions int) (Store, error) {
			return connect(ctx, c.DatabaseURL, g, partitions)
		},
	}.Run(ctx, c, groups...)
}

// Run is [Run] by these ports; what the configuration says of servers does not count.
func (p Ports) Run(ctx context.Context, c Config, groups ...*saga.Group) error {
	c = c.withDefaults()
	partitions, err := Partitions(ctx, p.Kafka, groups...)
	if err != nil {
		return err
	}
	f := newFeed(p, partitions, groups, c.Logger)
	// The feed ends after the loops: they let go of their lanes in good order first.
	reading, stopReading := p.Machine.Cancel(context.WithoutCancel(ctx))
	reader, loops := p.Machine.Tasks(), p.Machine.Tasks()
	reader.Go(func() { f.run(reading) })
	errs := make([]error, len(groups))
	turns := &turns{limit: c.Batches}
	for i, g := range groups {
		t := newTeam(p, c, g, f, partitions, turns)
		loops.Go(func() {
			defer t.mirrors.stop()
			errs[i] = p.Kafka.Join(ctx, kafka.Membership{
				Group: g.Name(), Topics: g.Topics(), Hold: t.hold,
				SessionTimeout: c.SessionTimeout, Heartbeat: c.SessionTimeout / 6,
			})
		})
	}
	loops.Wait()
	stopReading()
	reader.Wait()
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// Partitions is the number of partitions that all topics of the groups have, those that they write and their dead letters
// too: a saga's facts are in one lane only if all agree. Their records must bear the time of the brokers: deadlines go by it.
func Partitions(ctx context.Context, client Broker, groups ...*saga.Group) (int, error) {
	names := map[string]bool{}
	for _, g := range groups {
		names[g.DeadLetters()] = true
		for _, t := range append(g.Topics(), g.SaysTopics()...) {
			names[t] = true
		}
	}
	var all []string
	for n := range names {
		all = append(all, n)
	}
	sort.Strings(all)
	topics, err := client.Topics(ctx, all...)
	if err != nil {
		return 0, fmt.Errorf("read the topics: %w", err)
	}
	partitions := 0
	var missing, odd []string
	for _, n := range all {
		switch t, ok := topics[n]; {
		case !ok:
			missing = append(missing, n)
		case partitions == 0:
			partitions = t.Partitions
		case t.Partitions != partitions:
			odd = append(odd, fmt.Sprintf("%s has %d", n, t.Partitions))
		}
	}
	if missing != nil {
		return 0, fmt.Errorf("topics are missing: %s; create them with `tiffin topics create`", strings.Join(missing, ", "))
	}
	if odd != nil {
		return 0, fmt.Errorf("all topics of a choreography need the same number of partitions: %s has %d, but %s", all[0], partitions, strings.Join(odd, ", "))
	}
	return partitions, client.CheckClocks(ctx, all...)
}
