package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"tiffin/consumers"
	"tiffin/consumers/likes"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
)

// migrating is how many schemas are migrated at a time.
const migrating = 4

// App is some of Tiffin's parts, in this process.
type App struct {
	cfg      Config
	what     chosen
	log      *slog.Logger
	kafka    *kafka.Client
	pool     *pgxpool.Pool // for what APIs show, probes, and the mailbox; the groups have connections of their own
	redis    *redis.Client // nil if there is none
	likes    *likes.Cache  // in it
	registry *prometheus.Registry
	api      *httpAPI      // nil if no API is chosen
	ops      *operations   // nil with an API, and if they have no address
	prepared chan struct{} // closed when topics and schemas are as they must be
	ready    chan struct{}
	hold     chan struct{} // if it is not nil, the APIs' clients wait until it is closed
}

// New makes an app of the targets that are named; see [Config.Targets]. The port that it listens on is taken already when it
// returns, so that a port that another program has is known at once.
func New(cfg Config, targets []string, log *slog.Logger) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	cfg.Kafka.Logger = log
	a := &App{log: log, registry: newRegistry(), prepared: make(chan struct{}), ready: make(chan struct{})}
	err := a.connect(&cfg)
	a.cfg = cfg
	if err == nil {
		a.what, err = cfg.choose(targets)
	}
	switch {
	case err != nil:
	case len(a.what.apis) > 0:
		a.api, err = a.newAPI(a.what.apis)
	case cfg.OpsAddr != "":
		a.ops, err = a.newOperations()
	}
	if err != nil {
		a.disconnect()
		return nil, err
	}
	return a, nil
}

// connect makes the clients that parts share. They connect when they are used.
func (a *App) connect(cfg *Config) (err error) {
	if a.kafka, err = newKafka(cfg.Kafka); err != nil {
		return err
	}
	if a.pool, err = newPool(cfg.DatabaseURL); err != nil {
		return err
	}
	if cfg.channel, err = cfg.openChannel(a.pool); err != nil || cfg.RedisURL == "" {
		return err
	}
	if a.redis, err = likes.OpenRedis(cfg.RedisURL); err != nil {
		return err
	}
	a.likes = likes.NewCache(a.redis, likes.CacheConfig{Prefix: cfg.Kafka.TopicPrefix, Logger: a.log})
	cfg.mirrorLikes = a.likes.Put
	return nil
}

func (a *App) disconnect() {
	if a.kafka != nil {
		a.kafka.Close()
	}
	if a.pool != nil {
		a.pool.Close()
	}
	if a.redis != nil {
		_ = a.redis.Close() // it is a cache: nothing is pending that counts
	}
}

// poolSize is how many connections to PostgreSQL a process uses at most, beside those of its groups.
const poolSize = 8

// newPool makes a pool. It opens no connection.
func newPool(url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // the context is for connections that are to be kept ready: none
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	return pool, nil
}

// newRegistry has what Go and the kernel know of this process; the parts add theirs.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// APIAddr is the host:port that the APIs listen on; empty if none is chosen.
func (a *App) APIAddr() string {
	if a.api == nil {
		return ""
	}
	return a.api.listener.Addr().String()
}

// httpAddr is the host:port of /livez, /readyz and /metrics; empty if nobody serves them.
func (a *App) httpAddr() string {
	if a.ops != nil {
		return a.ops.listener.Addr().String()
	}
	return a.APIAddr()
}

// Ready is closed when everything that is chosen has found its servers, and the APIs accept.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Run works until ctx ends, or a part fails; then it stops, within ten seconds. It waits for Kafka and PostgreSQL if they
// are not there yet. All its goroutines are gone when it returns, but for those that wait for a disk that hangs. Call it once.
func (a *App) Run(ctx context.Context) error {
	defer a.disconnect()
	// The groups let go of their lanes while the APIs end: other processes go on with what is accepted meanwhile.
	working := []part{{"consumer groups", a.runGroups}}
	if a.api != nil {
		working = append(working, part{"API", a.api.run})
	}
	parts := []part{together(working...)}
	if a.ops != nil {
		parts = append(parts, part{"operations", func(own context.Context) error { return a.ops.run(own, ctx) }})
	}
	return runParts(ctx, parts...)
}

// runGroups prepares topics and schemas, and then runs the consumer groups that are chosen, all on one feed.
func (a *App) runGroups(ctx context.Context) error {
	if err := a.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	close(a.prepared)
	if a.api != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-a.api.started():
		}
	}
	close(a.ready)
	if len(a.what.groups) == 0 {
		<-ctx.Done()
		return nil
	}
	a.log.Info("running", "targets", strings.Join(a.what.names, ","), "http", a.httpAddr())
	err := lane.Run(ctx, lane.Config{
		Kafka: a.kafka, DatabaseURL: a.cfg.DatabaseURL, Logger: a.log, Metrics: lane.NewMetrics(a.registry),
	}, declarations(a.what.groups)...)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop before it had started
	}
	return err
}

// prepare waits for Kafka and PostgreSQL, checks the topics, and migrates the schemas of the groups that run, and of those
// that the APIs show.
func (a *App) prepare(ctx context.Context) error {
	declared, err := a.cfg.consumers()
	if err != nil {
		return err
	}
	groups := slices.Clone(a.what.groups)
	for _, g := range declared {
		runs := slices.ContainsFunc(groups, func(r consumers.Consumer) bool { return r.Name() == g.Name() })
		if a.api != nil && a.api.shown(g.Name()) && !runs {
			groups = append(groups, g)
		}
	}
	// An API that accepts waits for whatever is wrong to be mended: it needs these servers for showing alone.
	patient := len(a.what.groups) == 0 && a.api != nil && a.api.door != nil
	err = retry(ctx, a.log, "Kafka", func(err error) bool { return patient || kafka.Retryable(err) }, func(ctx context.Context) error {
		_, err := lane.Partitions(ctx, a.kafka, declarations(groups)...)
		return withHint(err, a.cfg.Kafka)
	})
	if err != nil {
		return err
	}
	return retry(ctx, a.log, "PostgreSQL", func(err error) bool { return patient || comesBack(err) }, func(ctx context.Context) error {
		return migrate(ctx, a.cfg.DatabaseURL, a.cfg.Kafka.TopicPrefix, groups)
	})
}

// migrate creates or updates the groups' schemas.
func migrate(ctx context.Context, url, prefix string, groups []consumers.Consumer) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(migrating)
	for _, g := range groups {
		work.Go(func() error { return lane.Migrate(ctx, url, prefix, g.Group, g.Migrations) })
	}
	return work.Wait()
}

// comesBack tells a PostgreSQL that is away, or starting, from one that refuses us.
func comesBack(err error) bool {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &pg):
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57")
	case errors.As(err, &connect):
		return true
	}
	return false
}
