package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tiffin/internal/app"
	"tiffin/internal/capacity"
	"tiffin/internal/demo"
	"tiffin/saga"
	"tiffin/saga/kafka"
)

// defaults are those that the help texts name, so that they stand in one place.
func defaults() kong.Option {
	targets, err := app.Config{}.Targets()
	if err != nil {
		panic(err) // the groups' own defaults are wrong: a fault of the program, which every test meets
	}
	return kong.Vars{
		"targets": strings.Join(targets, ", "), "deployments": strings.Join(capacity.Deployments(), ", "),
		"kafka_addr": app.DefaultKafkaAddr, "postgres_addr": app.DefaultPostgresAddr, "api_addr": app.DefaultAPIAddr, "ops_addr": app.DefaultOpsAddr,
		"partitions": strconv.Itoa(app.DefaultPartitions), "replication": strconv.Itoa(app.DefaultReplication),
		"retention": saga.Duration(app.DefaultRetention), "data": "tiffin-data",
		// Those of the groups themselves; `up` has shorter ones.
		"fraud_time": "15m", "accept_time": "10m", "preparation_time": "30m", "delivery_time": "1h",
		"export_file": exportFile,
		"fraud_rules": "built in", "log_level": "info",
		"kafka_default": "those of \"tiffin up\", or else " + app.DefaultKafkaAddr,
		"redis_default": "that of \"tiffin up\", or else none: PostgreSQL answers by itself",
		"redis_addr":    app.DefaultRedisAddr, "spool_dir": app.DefaultSpoolDir, "drain_time": "2s",
		"spool_limit":      strconv.Itoa(app.DefaultSpoolLimit >> 20),
		"postgres_default": "that of \"tiffin up\", or else the one on " + app.DefaultPostgresAddr,
	}
}

// serverOptions say where the servers are.
type serverOptions struct {
	KafkaBrokers  []string `env:"KAFKA_BROKERS,TIFFIN_KAFKA_BROKERS" placeholder:"HOST:PORT" help:"Brokers to find the cluster by; one is enough. Default: ${kafka_default}."`
	RedisURL      string   `env:"REDIS_URL,TIFFIN_REDIS_URL" placeholder:"URL" help:"Redis, where counts are cached: redis://user:password@host:port/0. It may be lost at any time. Default: ${redis_default}."`
	DatabaseURL   string   `env:"DATABASE_URL,TIFFIN_DATABASE_URL" placeholder:"URL" help:"PostgreSQL, where each group has a schema: postgres://user:password@host:port/database. Default: ${postgres_default}."`
	TopicPrefix   string   `placeholder:"PREFIX" help:"Put before the names of topics and groups, and into those of Redis keys, so that several installations can share a cluster and a Redis (each with a database of its own). Default: none."`
	TLS           bool     `name:"tls" help:"Encrypt connections to Kafka."`
	TLSCA         string   `name:"tls-ca" placeholder:"FILE" help:"PEM file with the authorities that may have signed the brokers' certificates. Default: the system's."`
	TLSCert       string   `name:"tls-cert" placeholder:"FILE" help:"PEM file with the certificate to show to the brokers."`
	TLSKey        string   `name:"tls-key" placeholder:"FILE" help:"PEM file with the key of that certificate."`
	TLSServerName string   `name:"tls-server-name" placeholder:"NAME" help:"Name that the brokers' certificates must have. Default: the host of each address."`
	SASLMechanism string   `name:"sasl-mechanism" placeholder:"NAME" help:"Log in to Kafka: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. Default: no login."`
	SASLUsername  string   `name:"sasl-username" placeholder:"NAME" help:"User to log in as."`
	SASLPassword  string   `name:"sasl-password" placeholder:"PASSWORD" help:"That user's password; better given in the environment."`
}

func (o serverOptions) config() app.Config {
	return app.Config{
		DatabaseURL: o.DatabaseURL, RedisURL: o.RedisURL,
		Kafka: kafka.Config{
			Brokers: o.KafkaBrokers, TopicPrefix: o.TopicPrefix,
			TLS:  kafka.TLS{Enabled: o.TLS, CAFile: o.TLSCA, CertFile: o.TLSCert, KeyFile: o.TLSKey, ServerName: o.TLSServerName},
			SASL: kafka.SASL{Mechanism: o.SASLMechanism, Username: o.SASLUsername, Password: o.SASLPassword},
		},
	}
}

// findOptions find the servers of an Up that runs.
type findOptions struct {
	Data string `default:"${data}" placeholder:"DIR" aliases:"data-dir" help:"Use the servers of the \"tiffin up\" that runs with this data directory, unless other options name them. Default: ${data}."`
}

// find fills in what no option names.
func (o findOptions) find(cfg *app.Config) error {
	servers, err := app.ReadServers(o.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(cfg.Kafka.Brokers) == 0 {
		cfg.Kafka.Brokers = servers.Kafka
		cfg.Kafka.TopicPrefix = cmp.Or(cfg.Kafka.TopicPrefix, servers.TopicPrefix)
	}
	cfg.DatabaseURL = cmp.Or(cfg.DatabaseURL, servers.DatabaseURL)
	cfg.RedisURL = cmp.Or(cfg.RedisURL, servers.RedisURL)
	return nil
}

// clientOptions are those of commands that look at what runs.
type clientOptions struct {
	findOptions
	serverOptions `group:"Servers"`
}

func (o clientOptions) config() (app.Config, error) {
	cfg := o.serverOptions.config()
	if err := o.find(&cfg); err != nil {
		return cfg, err
	}
	return cfg, valid(cfg)
}

// valid says what is wrong with a configuration, all at once.
func valid(cfg app.Config) error {
	if err := cfg.Validate(); err != nil {
		return usageError{fmt.Errorf("the configuration can't be used:\n%w", err)}
	}
	return nil
}

// mebibytes are as many as can be counted in bytes, and as a spool needs.
type mebibytes int64

// UnmarshalText reads them, from wherever they are given.
func (m *mebibytes) UnmarshalText(text []byte) error {
	const least, most = app.MinSpoolLimit >> 20, math.MaxInt64 >> 20
	given, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || given < least || given > most {
		return fmt.Errorf("choose %d to %d MiB", least, most)
	}
	*m = mebibytes(given)
	return nil
}

// topicOptions say how topics are made.
type topicOptions struct {
	Partitions  int           `default:"${partitions}" placeholder:"N" help:"Partitions of each new topic: how many processes can share a group's work. They can't be changed later. Default: ${partitions}."`
	Replication int           `default:"${replication}" placeholder:"N" help:"Brokers that keep each record; from 3 on, two must have it before it is acknowledged. Default: ${replication}."`
	Retention   time.Duration `default:"${retention}" placeholder:"TIME" help:"How long new topics keep their records; negative: for ever. Default: ${retention}."`
}

// Validate refuses what would mean the default elsewhere.
func (o topicOptions) Validate() error {
	if o.Partitions == 0 || o.Replication == 0 || o.Retention == 0 {
		return errors.New("--partitions, --replication and --retention can't be 0: leave them away for their defaults")
	}
	return nil
}

func (o topicOptions) apply(cfg *app.Config) {
	cfg.Partitions, cfg.Replication, cfg.Retention = o.Partitions, o.Replication, o.Retention
}

// demoRules names the fraud rules that belong to the demo data.
const demoRules = "demo"

// groupOptions say how the consumer groups decide.
type groupOptions struct {
	FraudTime       time.Duration `default:"${fraud_time}" placeholder:"TIME" help:"How long payments waits for the fraud check before the payment fails. Default: ${fraud_time}."`
	AcceptTime      time.Duration `default:"${accept_time}" placeholder:"TIME" help:"How long a restaurant may take to accept an order before it counts as rejected. Default: ${accept_time}."`
	PreparationTime time.Duration `default:"${preparation_time}" placeholder:"TIME" help:"How long a cook may take before the meal counts as ready. Default: ${preparation_time}."`
	DeliveryTime    time.Duration `default:"${delivery_time}" placeholder:"TIME" help:"How long a courier may take before the delivery counts as failed. Default: ${delivery_time}."`
	Notify          string        `placeholder:"URL" help:"How customers are told: mailbox: (a table that the API shows), smtp://user:password@host:587?from=...&to={customer}@..., or the https:// URL of a webhook. Default: mailbox:."`
	NotifySecret    string        `placeholder:"SECRET" help:"Signs what is sent to a webhook (Standard Webhooks); better given in the environment. Default: no signature."`
	FraudRules      string        `placeholder:"FILE" help:"JSON file with the fraud rules: a list of {\"reason\", \"when\", \"then\"}; or demo, for those of the demo data. Default: ${fraud_rules}."`
}

func (o groupOptions) apply(cfg *app.Config) {
	cfg.Deadlines = app.Deadlines{FraudCheck: o.FraudTime, Acceptance: o.AcceptTime, Preparation: o.PreparationTime, Delivery: o.DeliveryTime}
	cfg.Notify, cfg.NotifySecret = o.Notify, o.NotifySecret
	if cfg.FraudRulesFile = o.FraudRules; o.FraudRules == demoRules {
		cfg.FraudRulesFile, cfg.FraudRules = "", demo.FraudRules()
	}
}

// allow raises the times to those of settings that are longer.
func (o *groupOptions) allow(settings []app.Setting) {
	times := map[string]*time.Duration{
		"fraud-time": &o.FraudTime, "accept-time": &o.AcceptTime, "preparation-time": &o.PreparationTime, "delivery-time": &o.DeliveryTime,
	}
	for _, s := range settings {
		if own, found := times[s.Name]; found {
			other, _ := time.ParseDuration(s.Value) // the settings have it from such a time
			*own = max(*own, other)
		}
	}
}

// bookOptions are those of commands that audit the books.
type bookOptions struct {
	clientOptions
	groupOptions `group:"Consumer groups, as they run; beside a \"tiffin up\" its times count if they are longer"`
}

// config is what there is to audit. An order may take as long as the groups of the Up give it that has this database, or as long as the
// options say if that is longer: while an Up stands still its orders grow old, too.
func (o bookOptions) config() (app.Config, error) {
	cfg, err := o.clientOptions.config()
	if err != nil {
		return cfg, err
	}
	up, err := app.ReadServers(o.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cfg, err
	}
	if cfg.DatabaseURL == up.DatabaseURL {
		o.allow(up.Settings)
	}
	o.groupOptions.apply(&cfg)
	return cfg, valid(cfg)
}

// processOptions are those of whatever runs for long.
type processOptions struct {
	APIAddr   string `name:"api-addr" default:"${api_addr}" placeholder:"HOST:PORT" help:"Where the APIs listen. Default: ${api_addr}."`
	LogLevel  string `default:"${log_level}" placeholder:"LEVEL" help:"Log what is at least debug, info, warn or error. Default: ${log_level}."`
	LogFormat string `default:"text" placeholder:"FORMAT" help:"Log as text or json. Default: text."`
}

func (o processOptions) apply(cfg *app.Config) {
	cfg.APIAddr, cfg.LogLevel, cfg.LogFormat = o.APIAddr, o.LogLevel, o.LogFormat
}

// acceptOptions say how the APIs accept.
type acceptOptions struct {
	Accept        string        `default:"disk" enum:"disk,broker" placeholder:"HOW" help:"When to answer 202: disk (it is on this machine's disk, whatever Kafka does) or broker (Kafka's in-sync replicas have it). Default: disk."`
	SpoolDir      string        `placeholder:"DIR" help:"Where --accept=disk keeps what Kafka does not have yet; each process needs its own, on a disk that outlives it. Default: ${spool_dir}."`
	SpoolLimitMiB mebibytes     `name:"spool-limit-mib" default:"${spool_limit}" placeholder:"N" help:"MiB that may wait there; then the APIs answer 503 until Kafka has taken some. Default: ${spool_limit}."`
	DrainTime     time.Duration `default:"${drain_time}" placeholder:"TIME" help:"How long to go on taking requests once told to stop, while /readyz tells load balancers to send no more; 3s at most. Default: ${drain_time}."`
}

func (o acceptOptions) apply(cfg *app.Config) {
	cfg.Accept, cfg.SpoolDir, cfg.SpoolLimit, cfg.DrainTime = o.Accept, o.SpoolDir, int64(o.SpoolLimitMiB)<<20, o.DrainTime
}

// opsOptions are for processes that may have no API.
type opsOptions struct {
	OpsAddr string `name:"ops-addr" default:"${ops_addr}" placeholder:"HOST:PORT" help:"Where /livez, /readyz and /metrics are served if no API is a target; else the APIs have them. Empty: nowhere. Default: ${ops_addr}."`
}

// runOptions are all that a running process takes.
type runOptions struct {
	processOptions `group:"Process"`
	acceptOptions  `group:"Accepting"`
	groupOptions   `group:"Consumer groups"`
	topicOptions   `group:"Topics"`
	serverOptions  `group:"Servers"`
}

func (o runOptions) config() app.Config {
	cfg := o.serverOptions.config()
	o.topicOptions.apply(&cfg)
	o.groupOptions.apply(&cfg)
	o.processOptions.apply(&cfg)
	o.acceptOptions.apply(&cfg)
	return cfg
}
