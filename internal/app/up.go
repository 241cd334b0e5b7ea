package app

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/demo"
	"tiffin/internal/embedded"
	"tiffin/saga/kafka"
)

// demoPatience is how long the groups may take to read the demo data, before an Up goes on as if they had.
const demoPatience = 15 * time.Second

// UpConfig configures [Up]. Dir has to be set.
type UpConfig struct {
	// Config is that of the parts. Up runs a Kafka of its own if it names no brokers, and a PostgreSQL or Redis of its own
	// if it has no URL of one.
	Config
	// Dir is the data directory: everything that Up keeps is in there.
	Dir string
	// KafkaAddr, PostgresAddr and RedisAddr are where Up's own servers listen; port 0 takes a free one. Default to
	// [DefaultKafkaAddr], [DefaultPostgresAddr] and [DefaultRedisAddr].
	KafkaAddr, PostgresAddr, RedisAddr string
	// Demo fills new topics with the demo data.
	Demo bool
	// Simulated runs the target [Simulator] too.
	Simulated bool
	// Settings are what is in force, for others to read, of the parts as they are configured at last.
	Settings func(Config) []Setting
}

// Up runs all of Tiffin in this process, with the servers that it needs, until ctx ends or something fails. It calls ready
// once the API accepts. What it keeps in its directory the next Up goes on with.
func Up(ctx context.Context, cfg UpConfig, log *slog.Logger, ready func(Servers)) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if _, err := os.Stat(cfg.Dir); errors.Is(err, fs.ErrNotExist) {
		if err := cfg.portsTaken(); err != nil {
			return err // and there is still no directory: nothing began
		}
	}
	h, err := openHome(cfg.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if cfg.Demo && cfg.FraudRulesFile == "" {
		cfg.FraudRules = demo.FraudRules()
	}
	targets := []string{All}
	if cfg.Simulated {
		targets = append(targets, Simulator)
	}
	own, err := startServers(ctx, cfg, h, targets, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.close()) }()
	cfg.Kafka.Brokers, cfg.DatabaseURL, cfg.RedisURL = own.brokers, own.databaseURL, own.redisURL
	cfg.SpoolDir = cmp.Or(cfg.SpoolDir, h.path(spoolFolder))
	a, err := New(cfg.Config, targets, log)
	if err != nil {
		return err
	}
	a.hold = make(chan struct{})
	return runParts(ctx,
		part{"first screen", func(ctx context.Context) error {
			servers, err := welcome(ctx, cfg, a, own.stocked)
			if err == nil {
				err = h.announce(servers)
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
			if err == nil {
				ready(servers)
			}
			<-ctx.Done()
			return nil
		}},
		part{"", a.Run},
		part{"PostgreSQL", own.watch})
}

// portsTaken names the ports that other programs have.
func (c UpConfig) portsTaken() error {
	var errs []error
	for _, s := range []struct {
		who, addr, flag string
		own             bool
	}{
		{"the API", cmp.Or(c.APIAddr, DefaultAPIAddr), "--api-addr", true},
		{"Kafka", cmp.Or(c.KafkaAddr, DefaultKafkaAddr), "--kafka-addr", len(c.Kafka.Brokers) == 0},
		{"PostgreSQL", cmp.Or(c.PostgresAddr, DefaultPostgresAddr), "--postgres-addr", c.DatabaseURL == ""},
		{"Redis", cmp.Or(c.RedisAddr, DefaultRedisAddr), "--redis-addr", c.RedisURL == ""},
	} {
		if !s.own {
			continue
		}
		listener, err := net.Listen("tcp", s.addr)
		switch {
		case err == nil:
			_ = listener.Close() // nobody was let in
		case errors.Is(err, syscall.EADDRINUSE): // what else may be wrong, the server says
			errs = append(errs, cantListen(s.who, s.addr, "choose another with "+s.flag, err))
		}
	}
	return errors.Join(errs...)
}

// welcome lets the API's first clients in: as soon as it accepts, and the groups have read the demo data if these are new.
// Whoever ordered before that would hear that there is no such dish.
func welcome(ctx context.Context, cfg UpConfig, a *App, stocked bool) (Servers, error) {
	select {
	case <-ctx.Done():
		return Servers{}, ctx.Err()
	case <-a.Ready():
	}
	if stocked {
		if _, err := Audit(ctx, cfg.Config, demoPatience); err != nil { // for the quiet moment that it waits for
			return Servers{}, err
		}
	}
	close(a.hold)
	servers := Servers{
		Kafka: cfg.Kafka.Brokers, TopicPrefix: cfg.Kafka.TopicPrefix, DatabaseURL: cfg.DatabaseURL, RedisURL: cfg.RedisURL,
		API: "http://" + a.APIAddr(), PID: os.Getpid(),
	}
	if cfg.APIAddr = a.APIAddr(); cfg.Settings != nil {
		servers.Settings = cfg.Settings(cfg.Config)
	}
	return servers, nil
}

// stock creates the topics, and fills them with the demo data if nothing was ever said on them. It returns whether it did.
func stock(ctx context.Context, cfg UpConfig, targets []string, log *slog.Logger) (bool, error) {
	what, err := cfg.choose(targets)
	if err != nil {
		return false, err
	}
	client, err := newKafka(cfg.Kafka)
	if err != nil {
		return false, err
	}
	defer client.Close()
	c := cfg.WithDefaults()
	err = retry(ctx, log, "Kafka", kafka.Retryable, func(ctx context.Context) error {
		return withHint(client.CreateTopics(ctx, c.topics(declarations(what.groups)), c.Replication), c.Kafka)
	})
	if err != nil || !cfg.Demo {
		return false, err
	}
	facts, err := demo.Facts()
	if err != nil {
		return false, err
	}
	if fresh, err := unsaid(ctx, client, facts); err != nil || !fresh {
		return false, err
	}
	return true, seed(ctx, client, facts)
}

// ownServers are the servers that Up runs itself, and the addresses of all.
type ownServers struct {
	brokers     []string
	databaseURL string
	redisURL    string
	kafka       *embedded.Kafka
	postgres    *embedded.Postgres
	redis       *embedded.Redis
	stocked     bool // the topics were empty, and have the demo data now
}

// startServers starts the servers that are not configured. PostgreSQL, which takes longer, starts while Kafka gets its
// topics.
func startServers(ctx context.Context, cfg UpConfig, h *home, targets []string, log *slog.Logger) (ownServers, error) {
	var s ownServers
	starting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	started := make(chan error, 1)
	go func() { started <- s.startPostgres(starting, cfg, h, log) }()
	err := errors.Join(s.startRedis(cfg), s.startKafka(cfg, h, log))
	if err == nil {
		there := cfg
		there.Kafka.Brokers = s.brokers
		s.stocked, err = stock(ctx, there, targets, log)
	}
	if err != nil {
		giveUp() // PostgreSQL may be fetched for minutes, for nothing
	}
	if other := <-started; err == nil || !errors.Is(other, context.Canceled) {
		err = errors.Join(err, other)
	}
	if err != nil {
		return s, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *ownServers) startKafka(cfg UpConfig, h *home, log *slog.Logger) (err error) {
	if s.brokers = cfg.Kafka.Brokers; len(s.brokers) > 0 {
		return nil
	}
	s.kafka, err = embedded.StartKafka(embedded.KafkaConfig{
		Dir: h.path("kafka"), Addr: cmp.Or(cfg.KafkaAddr, DefaultKafkaAddr), Log: logLines{log, "kafka"},
	})
	if err == nil {
		s.brokers = []string{s.kafka.Addr()}
	}
	return err
}

func (s *ownServers) startRedis(cfg UpConfig) (err error) {
	if s.redisURL = cfg.RedisURL; s.redisURL != "" {
		return nil
	}
	s.redis, err = embedded.StartRedis(embedded.RedisConfig{Addr: cmp.Or(cfg.RedisAddr, DefaultRedisAddr)})
	if err == nil {
		s.redisURL = s.redis.URL()
	}
	return err
}

func (s *ownServers) startPostgres(ctx context.Context, cfg UpConfig, h *home, log *slog.Logger) (err error) {
	if s.databaseURL = cfg.DatabaseURL; s.databaseURL != "" {
		return nil
	}
	s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{
		Dir: h.path("postgres"), Addr: cmp.Or(cfg.PostgresAddr, DefaultPostgresAddr), Log: logLines{log, "postgres"},
		Settings: map[string]string{"log_line_prefix": ""}, // our log has the time
	})
	if err == nil {
		s.databaseURL = s.postgres.URL()
	}
	return err
}

// watch returns when PostgreSQL has ended, though nobody has stopped it, or when ctx ends.
func (s ownServers) watch(ctx context.Context) error {
	var ended <-chan struct{} // never, if it is not ours
	if s.postgres != nil {
		ended = s.postgres.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-ended:
		return errors.New("the server has ended by itself; what it keeps is safe: start `tiffin up` again")
	}
}

func (s ownServers) close() error {
	var errs []error
	if s.postgres != nil {
		errs = append(errs, s.postgres.Close())
	}
	if s.kafka != nil {
		errs = append(errs, s.kafka.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	return errors.Join(errs...)
}

// logLines makes log records of what a server writes, whole lines at a time: one of each line with those that belong to it.
type logLines struct {
	log    *slog.Logger
	server string
}

// belongs matches lines by which PostgreSQL goes on with the one before.
var belongs = regexp.MustCompile(`^(\t|(DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE): )`)

func (l logLines) Write(p []byte) (int, error) {
	var entries []string
	for line := range strings.Lines(string(p)) {
		text := strings.TrimSpace(line)
		switch last := len(entries) - 1; {
		case text == "":
		case last >= 0 && belongs.MatchString(line):
			entries[last] += " " + text
		default:
			entries = append(entries, text)
		}
	}
	for _, entry := range entries {
		level := slog.LevelWarn
		if everyday(entry) {
			level = slog.LevelDebug
		}
		l.log.Log(context.Background(), level, entry, "server", l.server)
	}
	return len(p), nil
}

// everyday tells what PostgreSQL says in the course of a day from what somebody should look at. It turns away who comes
// while it starts or recovers, as we do to see when it is up; and when it stops or is killed, its workers' last words are fatal, the same for each
// connection: whether it was to end, the one who runs it knows.
func everyday(entry string) bool {
	return strings.HasPrefix(entry, "LOG:") || strings.HasPrefix(entry, "FATAL:  the database system is ") || strings.HasPrefix(entry, "FATAL:  terminating ")
}
