package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"tiffin/consumers"
	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/likes"
	"tiffin/consumers/notification"
	"tiffin/consumers/payments"
	"tiffin/internal/simulate"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

// The defaults of [Config]: where `tiffin up` has its servers.
const (
	DefaultKafkaAddr    = "127.0.0.1:9092"
	DefaultPostgresAddr = "127.0.0.1:5433"
	DefaultAPIAddr      = "127.0.0.1:8080"
	DefaultOpsAddr      = "127.0.0.1:8081" // of the command `tiffin run`, not of Config
	DefaultRedisAddr    = "127.0.0.1:6380"
	DefaultSpoolDir     = "tiffin-spool"
	DefaultSpoolLimit   = 1 << 30
	DefaultPartitions   = 12
	DefaultReplication  = 1
	DefaultRetention    = 7 * 24 * time.Hour
	MinSpoolLimit       = 8 << 20 // no default, but what SpoolLimit is at least
)

const (
	maxPartitions  = 1000
	maxReplication = 10
)

// How the APIs accept.
const (
	AcceptDisk   = "disk"   // 202 once it is on this machine's disk; Kafka gets it from there
	AcceptBroker = "broker" // 202 once Kafka's in-sync replicas have it
)

// Config configures whatever part of Tiffin runs. Its zero value works where `tiffin up` runs on the same machine.
type Config struct {
	// Kafka says where the brokers are. Brokers default to [DefaultKafkaAddr].
	Kafka kafka.Config
	// DatabaseURL is where the groups keep their documents. Defaults to the database of `tiffin up`.
	DatabaseURL string
	// RedisURL is where counts are cached: redis://host:port/0. Defaults to nowhere: PostgreSQL answers by itself.
	RedisURL string
	// APIAddr is the host:port that the APIs listen on; port 0 takes a free one. Defaults to [DefaultAPIAddr].
	APIAddr string
	// Accept is [AcceptDisk] or [AcceptBroker]. Defaults to AcceptDisk.
	Accept string
	// SpoolDir is where AcceptDisk keeps what Kafka does not have yet. Each process needs its own. Defaults to
	// [DefaultSpoolDir].
	SpoolDir string
	// SpoolLimit is how many bytes may wait there; beyond it, the APIs refuse. Defaults to [DefaultSpoolLimit].
	SpoolLimit int64
	// DrainTime is how long the APIs go on taking requests after they were told to stop and /readyz has begun to say so.
	// At most 3 s. Defaults to 0.
	DrainTime time.Duration
	// Notify says how customers are told, as [notification.Open] has it: mailbox:, an smtp: or smtps: URL, or the URL of a
	// webhook. Defaults to mailbox:.
	Notify string
	// NotifySecret signs what is sent to a webhook. Defaults to no signature.
	NotifySecret string
	// OpsAddr is the host:port of /livez, /readyz and /metrics where no API, which has them too, is a target; port 0
	// takes a free one. Defaults to none.
	OpsAddr string
	// Partitions is how many partitions new topics get, all the same number. Defaults to [DefaultPartitions].
	Partitions int
	// Replication is how many brokers keep each record; from 3 on two must have it before it is acknowledged. Defaults
	// to [DefaultReplication].
	Replication int
	// Retention is how long topics keep records; negative keeps them for ever. Defaults to [DefaultRetention].
	Retention time.Duration
	// Deadlines are how long groups wait. The zero value of each is the group's own default.
	Deadlines Deadlines
	// FraudRulesFile is a JSON file with a list of {"reason", "when", "then"}. Defaults to FraudRules.
	FraudRulesFile string
	// FraudRules are such a list as JSON. Defaults to the rules that fraud comes with.
	FraudRules []byte
	// Simulate says how those behave whom the target [Simulator] plays.
	Simulate simulate.Config
	// LogLevel is debug, info, warn or error. Defaults to info.
	LogLevel string
	// LogFormat is text or json. Defaults to text.
	LogFormat string

	// mirrorLikes gets the counts that have changed; nil if there is no Redis.
	mirrorLikes func(ctx context.Context, changed []likes.Post) error
	// channel tells customers; nil where nothing runs.
	channel notification.Channel
}

// Deadlines are how long groups wait for people and for each other.
type Deadlines struct {
	FraudCheck  time.Duration // payments, for fraud's verdict
	Acceptance  time.Duration // the kitchen, for a restaurant to accept
	Preparation time.Duration // the kitchen, for a cook
	Delivery    time.Duration // delivery, for a courier
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	if len(c.Kafka.Brokers) == 0 {
		c.Kafka.Brokers = []string{DefaultKafkaAddr}
	}
	c.DatabaseURL = cmp.Or(c.DatabaseURL, "postgres://tiffin@"+DefaultPostgresAddr+"/tiffin?sslmode=disable")
	c.APIAddr = cmp.Or(c.APIAddr, DefaultAPIAddr)
	c.Accept = cmp.Or(c.Accept, AcceptDisk)
	c.SpoolDir = cmp.Or(c.SpoolDir, DefaultSpoolDir)
	c.SpoolLimit = cmp.Or(c.SpoolLimit, DefaultSpoolLimit)
	c.Notify = cmp.Or(c.Notify, "mailbox:")
	c.Partitions = cmp.Or(c.Partitions, DefaultPartitions)
	c.Replication = cmp.Or(c.Replication, DefaultReplication)
	c.Retention = cmp.Or(c.Retention, DefaultRetention)
	c.LogLevel = cmp.Or(c.LogLevel, "info")
	c.LogFormat = cmp.Or(c.LogFormat, "text")
	return c
}

// kafkaFlags makes of the names of Kafka's configuration those of the flags by which it is given here.
var kafkaFlags = strings.NewReplacer(
	"kafka: ", "", "Brokers", "--kafka-brokers", "TopicPrefix", "--topic-prefix", "TLS.Enabled", "--tls", "TLS.CAFile", "--tls-ca", "TLS.CertFile", "--tls-cert", "TLS.KeyFile", "--tls-key",
	"SASL.Mechanism", "--sasl-mechanism", "SASL.Username", "--sasl-username", "SASL.Password", "--sasl-password",
)

// Validate reports all faults at once, each with what to set instead.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var faults []error
	if err := c.Kafka.Validate(); err != nil {
		faults = append(faults, errors.New(kafkaFlags.Replace(err.Error())))
	}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if _, err := pgx.ParseConfig(c.DatabaseURL); err != nil {
		fault("the database URL %q is not one: write postgres://user:password@host:port/database", Redact(c.DatabaseURL))
	}
	if _, _, err := net.SplitHostPort(c.APIAddr); err != nil {
		fault("the API's address %q is not host:port", c.APIAddr)
	}
	if _, _, err := net.SplitHostPort(c.OpsAddr); c.OpsAddr != "" && err != nil {
		fault("the operations endpoint's address %q is not host:port", c.OpsAddr)
	}
	if c.Accept != AcceptDisk && c.Accept != AcceptBroker {
		fault("to accept by %q is not known: choose %s or %s", c.Accept, AcceptDisk, AcceptBroker)
	}
	if c.SpoolLimit < MinSpoolLimit {
		fault("a spool of %d bytes is too small: choose at least %d MiB", c.SpoolLimit, MinSpoolLimit>>20)
	}
	if c.DrainTime < 0 || c.DrainTime > maxDrain {
		fault("a drain time of %v can't be: choose 0 to %v, for a stop takes ten seconds at most", c.DrainTime, maxDrain)
	}
	if _, err := redis.ParseURL(c.RedisURL); c.RedisURL != "" && err != nil {
		fault("the Redis URL %q is not one: write redis://user:password@host:port/0", Redact(c.RedisURL))
	}
	if _, err := c.openChannel((*pgxpool.Pool)(nil)); err != nil {
		faults = append(faults, err)
	}
	if c.Partitions < 1 || c.Partitions > maxPartitions {
		fault("%d partitions can't be: choose 1 to %d", c.Partitions, maxPartitions)
	}
	if c.Replication < 1 || c.Replication > maxReplication {
		fault("a replication of %d can't be: choose 1 to %d, and no more than there are brokers", c.Replication, maxReplication)
	}
	if c.Retention > 0 && c.Retention < saga.DefaultLife {
		fault("a retention of %v is too short: a saga may live for %v, and a group that was away must still find its facts", c.Retention, saga.DefaultLife)
	}
	for _, d := range []struct {
		name string
		time time.Duration
	}{
		{"fraud check", c.Deadlines.FraudCheck},
		{"acceptance", c.Deadlines.Acceptance},
		{"preparation", c.Deadlines.Preparation},
		{"delivery", c.Deadlines.Delivery},
	} {
		if d.time < 0 || d.time > saga.DefaultLife {
			fault("the time for the %s is %v: choose more than 0, and no more than %v, the longest life of a saga", d.name, d.time, saga.DefaultLife)
		}
	}
	if _, err := c.fraudRules(); err != nil {
		faults = append(faults, err)
	}
	if _, err := c.level(); err != nil {
		fault("the log level %q is not known: choose debug, info, warn or error", c.LogLevel)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		fault("the log format %q is not known: choose text or json", c.LogFormat)
	}
	return errors.Join(faults...)
}

// openChannel makes the channel by which customers are told. It connects to nothing.
func (c Config) openChannel(db notification.Executor) (notification.Channel, error) {
	return notification.Open(c.WithDefaults().Notify, notification.ChannelConfig{DB: db, WebhookSecret: c.NotifySecret})
}

func (c Config) level() (l slog.Level, err error) { return l, l.UnmarshalText([]byte(c.LogLevel)) }

// Logger writes to w, in the format and from the level that are configured.
func (c Config) Logger(w io.Writer) *slog.Logger {
	c = c.WithDefaults()
	level, _ := c.level() // validated
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// consumers are all groups, as configured.
func (c Config) consumers() ([]consumers.Consumer, error) {
	rules, err := c.fraudRules()
	if err != nil {
		return nil, err
	}
	return consumers.All(consumers.Config{
		Payments:   payments.Config{FraudTime: c.Deadlines.FraudCheck},
		Kitchen:    kitchen.Config{AcceptTime: c.Deadlines.Acceptance, PreparationTime: c.Deadlines.Preparation},
		Delivery:   delivery.Config{DeliveryTime: c.Deadlines.Delivery},
		Likes:      likes.Config{Mirror: c.mirrorLikes},
		Notify:     notification.Config{Channel: c.channel},
		FraudRules: rules,
	})
}

// fraudRules reads the rules, and checks that every one compiles; nil if none are configured.
func (c Config) fraudRules() ([]fraud.Rule, error) {
	data, name := c.FraudRules, "the fraud rules"
	if c.FraudRulesFile != "" {
		var err error
		if data, err = os.ReadFile(c.FraudRulesFile); err != nil {
			return nil, fmt.Errorf("the fraud rules can't be read: %w", err)
		}
		name = c.FraudRulesFile
	}
	if data == nil {
		return nil, nil
	}
	rules := []fraud.Rule{}
	err := schemas.Unmarshal(data, &rules) // it says in words of JSON what is wrong
	if err == nil {
		err = json.Unmarshal(data, new([]fraud.Rule), json.RejectUnknownMembers(true))
	}
	if err != nil {
		return nil, fmt.Errorf(`%s must be a JSON list of {"reason": "...", "when": "...", "then": "flag" or "review"}: %w`, name, err)
	}
	if rules == nil {
		return nil, fmt.Errorf("%s must be a JSON list, not null: write [] for no rules", name)
	}
	if _, err := fraud.Compile(rules); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rules, nil
}

// RedactChannel hides what is secret in the URL of a channel by which customers are told: of a mail server its password, of a
// webhook all but the host.
func RedactChannel(channelURL string) string {
	u, err := url.Parse(channelURL)
	switch {
	case err != nil:
		return "xxxxx"
	case u.Scheme == "http", u.Scheme == "https":
		return u.Scheme + "://" + u.Host + "/xxxxx"
	}
	return u.Redacted()
}

var (
	passwordInKeywords = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)`)
	passwordInUserinfo = regexp.MustCompile(`(://[^/@:\s]*:)\S*@`)
)

// Redact hides the passwords of a database URL, in either of the two forms that PostgreSQL's tools take.
func Redact(databaseURL string) string {
	hidden := passwordInKeywords.ReplaceAllString(databaseURL, "${1}xxxxx")
	if u, err := url.Parse(hidden); err == nil && u.User != nil {
		return u.Redacted()
	}
	return passwordInUserinfo.ReplaceAllString(hidden, "${1}xxxxx@")
}
