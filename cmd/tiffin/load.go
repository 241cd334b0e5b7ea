package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/internal/app"
	"tiffin/internal/audit"
	"tiffin/internal/load"
	"tiffin/saga"
)

// quietTime is how long to wait until the groups have heard of the load's restaurants, and until the books are at rest after it.
const quietTime = 30 * time.Second

type loadCommand struct {
	Kind        string        `arg:"" enum:"likes,orders,payments,mixed" help:"What to send: likes, orders, payments, or mixed: 90 % likes, 6 % orders, 4 % payments."`
	Target      []string      `env:"TIFFIN_LOAD_TARGET" placeholder:"URL" help:"The APIs to send to, http://host:port; several share the connections. For orders and payments, name the servers behind them, too. Default: that of \"tiffin up\", or else http://${api_addr}."`
	Yes         bool          `env:"-" help:"Send to targets that are neither this machine nor in a private network, too."`
	Rate        float64       `env:"TIFFIN_LOAD_RATE" default:"1000" placeholder:"N" help:"How many likes, orders and payments to send a second, whatever the answers take; 0 is as fast as it goes. Default: 1000."`
	Duration    time.Duration `env:"TIFFIN_LOAD_DURATION" default:"30s" placeholder:"TIME" help:"How long to send. Default: 30s."`
	Connections int           `env:"TIFFIN_LOAD_CONNECTIONS" default:"128" placeholder:"N" help:"How many requests may be under way at once. Default: 128."`
	Batch       int           `env:"TIFFIN_LOAD_BATCH" placeholder:"N" help:"How many likes to send in one request, as NDJSON to POST /likes. Default: one, to the post's own endpoint."`
	Posts       int           `env:"TIFFIN_LOAD_POSTS" default:"50000" placeholder:"N" help:"How many posts there are; a few get most of the likes (Zipf's law). Default: 50000."`
	Users       int           `env:"TIFFIN_LOAD_USERS" default:"5000000" placeholder:"N" help:"How many users like them. Default: 5000000."`
	Duplicates  float64       `env:"TIFFIN_LOAD_DUPLICATES" placeholder:"SHARE" help:"The share of what is sent that was sent before, as by clients that try again: 0 to 0.9, of orders and payments to 0.5. Default: 0."`
	Unlikes     float64       `env:"TIFFIN_LOAD_UNLIKES" placeholder:"SHARE" help:"The share of likes that are taken back, 0 to 0.9. Default: 0."`
	Burst       float64       `env:"TIFFIN_LOAD_BURST" placeholder:"N" help:"After a quarter of the time a celebrity posts: so many more likes a second for that post, half as many each eighth of the time. Default: none."`
	Seed        uint64        `env:"TIFFIN_LOAD_SEED" placeholder:"N" help:"Another seed is another load; the same one, with as many connections, the same. Default: 0."`
	Timeout     time.Duration `env:"TIFFIN_LOAD_TIMEOUT" default:"10s" placeholder:"TIME" help:"How long to wait for an answer. Default: 10s."`
	Patience    time.Duration `env:"TIFFIN_LOAD_PATIENCE" default:"30s" placeholder:"TIME" help:"How long to wait for counts and outcomes to become right while nothing changes. Default: 30s."`
	Remember    int           `env:"TIFFIN_LOAD_REMEMBER" default:"10000000" placeholder:"N" help:"How many different likes, orders and payments to remember at most, to verify them. Default: 10000000, which may take 320 MB for likes."`
	Prepare     bool          `default:"true" negatable:"" help:"Before orders and payments, say on Kafka what they need: restaurants, dishes, customers with money. Default: yes."`
	Audit       bool          `default:"true" negatable:"" help:"After orders and payments, see whether the books balance. Default: yes."`
	JSON        bool          `name:"json" help:"Write the report as JSON."`
	bookOptions
}

// Validate refuses what would mean the default elsewhere.
func (c loadCommand) Validate() error {
	if c.Connections == 0 || c.Posts == 0 || c.Users == 0 || c.Timeout == 0 || c.Patience == 0 || c.Remember == 0 {
		return errors.New("--connections, --posts, --users, --timeout, --patience and --remember can't be 0: leave them away for their defaults")
	}
	return nil
}

// Run fails if anything is not as it was promised, or could not be verified.
func (c loadCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	collectForThroughput()
	screen := load.NewScreen(s.err, columns(s.err))
	cfg.Show = screen.Show
	report, err := load.Run(ctx, cfg)
	screen.Clear()
	if err != nil {
		return err
	}
	if c.JSON {
		data, err := json.Marshal(report, json.Deterministic(true), jsontext.WithIndent("  "))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s\n", data)
	} else {
		fmt.Fprint(s.out, report)
	}
	if !report.OK() {
		return errSaid
	}
	return nil
}

// targets are the APIs to send to. If the load needs the servers behind them as well, all must be of one installation: what is not named
// is that of the Up here.
func (c loadCommand) targets(servers bool) ([]string, error) {
	named := len(c.KafkaBrokers) > 0 && c.DatabaseURL != ""
	if len(c.Target) > 0 && (named || !servers) {
		return c.Target, nil
	}
	up, err := app.ReadServers(c.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	here := cmp.Or(up.API, "http://"+app.DefaultAPIAddr)
	targets := c.Target
	if len(targets) == 0 {
		targets = []string{here}
	}
	if slices.ContainsFunc(targets, func(target string) bool { return origin(target) != origin(here) }) {
		return nil, usageError{fmt.Errorf("only the APIs of another installation than that on %s are named: name its --kafka-brokers and --database-url, too, or choose --no-prepare --no-audit", here)}
	}
	if err != nil || !servers {
		return targets, nil
	}
	cfg, err := c.config()
	if err == nil && (!slices.Equal(cfg.Kafka.Brokers, up.Kafka) || cfg.Kafka.TopicPrefix != up.TopicPrefix || cfg.DatabaseURL != up.DatabaseURL) {
		err = usageError{fmt.Errorf("other servers are named, by options or the environment, than those of the `tiffin up` on %s: name their --target, and --kafka-brokers and --database-url both, or choose --no-prepare --no-audit", here)}
	}
	return targets, err
}

// origin is the same for all ways to write an API's URL; this machine has one name.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text // it is refused later
	}
	host := strings.ToLower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil && (addr.IsLoopback() || addr.IsUnspecified()) {
		host = "localhost"
	}
	return u.Scheme + "://" + net.JoinHostPort(host, cmp.Or(u.Port(), u.Scheme))
}

func (c loadCommand) load() (cfg load.Config, err error) {
	cfg = load.Config{
		Kind: load.Kind(c.Kind), AnyTarget: c.Yes, Rate: c.Rate, Duration: c.Duration, Connections: c.Connections,
		Batch: c.Batch, Posts: c.Posts, Users: c.Users, Duplicates: c.Duplicates, Unlikes: c.Unlikes, Burst: c.Burst, Seed: c.Seed,
		Timeout: c.Timeout, Patience: c.Patience, Remember: c.Remember,
	}
	needsServers := cfg.Kind != load.Likes && (c.Prepare || c.Audit)
	if cfg.Targets, err = c.targets(needsServers); err != nil || !needsServers {
		return cfg, err
	}
	servers, err := c.config()
	if err != nil {
		return cfg, err
	}
	if c.Prepare {
		cfg.Prepare = func(ctx context.Context, facts []saga.Fact) error {
			if err := app.Seed(ctx, servers, facts); err != nil {
				return err
			}
			report, err := app.Audit(ctx, servers, quietTime) // for the quiet moment that it waits for
			if err == nil && !report.Quiet {
				return fmt.Errorf("nobody knows whether the groups have heard of the load's restaurants and customers: %w; with --no-prepare they are those of a load before", errNotQuiet)
			}
			return err
		}
	}
	if c.Audit {
		cfg.Audit = func(ctx context.Context) (bool, string, error) {
			report, err := app.Audit(ctx, servers, quietTime)
			return audited(report, err)
		}
	}
	return cfg, nil
}

// errNotQuiet is no fault of anybody's.
var errNotQuiet = fmt.Errorf("events were on their way for %v: others may be at work there, or a group does not run", quietTime)

// audited is what an audit says of the books. What is wrong is so in any case; but that nothing is can be said only of a quiet moment.
func audited(report audit.Report, err error) (balanced bool, text string, _ error) {
	if err == nil && report.OK() && !report.Quiet {
		err = errNotQuiet
	}
	return report.OK(), strings.TrimRight(report.String(), "\n") + "\n", err
}
