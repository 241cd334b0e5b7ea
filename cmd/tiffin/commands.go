package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"tiffin/internal/app"
	"tiffin/internal/demo"
	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/words"
)

// commandLine is everything that can be said on it.
type commandLine struct {
	Up     upCommand     `cmd:"" help:"Run everything on this machine: Kafka, PostgreSQL, Redis, the APIs, all groups." set:"fraud_time=6s" set:"accept_time=6s" set:"preparation_time=6s" set:"delivery_time=6s" set:"log_level=warn" set:"fraud_rules=those of the demo data" set:"kafka_default=an embedded Kafka" set:"postgres_default=an embedded PostgreSQL" set:"redis_default=an embedded Redis" set:"spool_dir=a folder of the data directory" set:"drain_time=0s" set:"spool_limit=256"` //nolint:staticcheck // SA5008: kong reads every "set"
	Run    runCommand    `cmd:"" help:"Run parts of it, with the servers that are configured."`
	Seed   seedCommand   `cmd:"" help:"Say the facts of a file on Kafka: restaurants, menus, couriers, accounts."`
	Topics topicsCommand `cmd:"" help:"Create or list Kafka's topics."`
	Map    mapCommand    `cmd:"" help:"Draw the choreography: who hears what, says what, undoes what, waits how long."`
	Check  checkCommand  `cmd:"" help:"Look for mistakes in what the groups declare: what nobody hears, undoes or ends. With brokers, also at the topics that are there." set:"kafka_default=those of \"tiffin up\", or else none, and no topic is looked at"`
	Prove  proveCommand  `cmd:"" help:"Prove the choreography: explore every interleaving of its reactions in small worlds."`
	Parked parkedCommand `cmd:"" help:"Look at what could not be handled, and handle it again or drop it."`
	Spool  spoolCommand  `cmd:"" help:"Look at what an API has accepted and Kafka does not have yet, and mend it."`
	Audit  auditCommand  `cmd:"" help:"Check the books: that money, stock and couriers add up, and nothing hangs. It fails if anything is wrong, or looks wrong and may be late, or with --wait if not all was read by then; keys that are parked are told, and no failure."`
	Ready  readyCommand  `cmd:"" help:"Ask a running process whether it is ready; for health checks."`
	Load   loadCommand   `cmd:"" help:"Send likes, orders and payments at a rate, and verify that each one counts that was accepted."`
	Config configCommand `cmd:"" help:"Show the configuration in force, and where each value comes from: that of the \"tiffin up\" that runs here, or else of a \"tiffin run\"."`

	Version versionCommand `cmd:"" help:"Show the version."`

	Simulate simulateCommand `cmd:"" help:"Play faults that are rare, on all groups, and loads that are too much for this machine."`
}

type runCommand struct {
	Target []string `required:"" placeholder:"NAME" help:"What to run, some of: ${targets}. all is every API and every group, without the simulator."`
	findOptions
	opsOptions `group:"Process"`
	runOptions
}

func (c runCommand) Run(ctx context.Context, s streams) error {
	cfg := c.config()
	cfg.OpsAddr = c.OpsAddr
	if err := c.find(&cfg); err != nil {
		return err
	}
	if err := valid(cfg); err != nil {
		return err
	}
	if err := cfg.CheckTargets(c.Target); err != nil {
		return usageError{err}
	}
	collectForThroughput()
	a, err := app.New(cfg, c.Target, cfg.Logger(s.err))
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

type topicsCommand struct {
	Create topicsCreateCommand `cmd:"" help:"Create the topics that are not there yet, all with the same number of partitions."`
	List   topicsListCommand   `cmd:"" help:"Show each topic: partitions, what it is for, who says and who hears its facts."`
}

type topicsCreateCommand struct {
	Target []string `default:"all" placeholder:"NAME" help:"For which targets; the simulator has topics of its own. Default: all."`
	clientOptions
	topicOptions `group:"Topics"`
}

func (c topicsCreateCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	c.topicOptions.apply(&cfg)
	if err := valid(cfg); err != nil {
		return err
	}
	if err := cfg.CheckTargets(c.Target); err != nil {
		return usageError{err}
	}
	names, err := app.CreateTopics(ctx, cfg, c.Target)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s are there, each with %s:\n  %s\n", words.Count(len(names), "topic"), words.Count(cfg.Partitions, "partition"), strings.Join(names, "\n  "))
	return nil
}

type topicsListCommand struct{ clientOptions }

func (c topicsListCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	var list strings.Builder
	if err := app.ListTopics(ctx, cfg, &list); err != nil {
		return err
	}
	_, err = io.WriteString(s.out, fold(list.String(), columns(s.out)))
	return err
}

type seedCommand struct {
	File  string `arg:"" optional:"" help:"JSON file, - for the standard input. Default: the demo data."`
	Print bool   `help:"Print the demo data instead, as a start for a file of your own."`
	clientOptions
}

func (c seedCommand) Run(ctx context.Context, s streams) error {
	if c.Print {
		_, err := s.out.Write(demo.File())
		return err
	}
	facts, err := c.facts(s.in)
	if err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := app.Seed(ctx, cfg, facts); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s said and acknowledged\n", words.Count(len(facts), "fact"))
	return nil
}

// facts reads and validates the whole file before anything is said.
func (c seedCommand) facts(in io.Reader) ([]saga.Fact, error) {
	switch c.File {
	case "":
		return demo.Facts()
	case "-":
		return demo.Read(in)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	facts, err := demo.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	return facts, nil
}

type parkedCommand struct {
	List    parkedListCommand    `cmd:"" help:"Show each parked key, and what holds it up."`
	Show    parkedShowCommand    `cmd:"" help:"Show all parked events of a key, with their headers and the reason."`
	Redrive parkedRedriveCommand `cmd:"" help:"Have all parked events of a key handled again, in order."`
	Discard parkedDiscardCommand `cmd:"" help:"Drop the first parked event of a key, which holds it up, and have those behind it handled."`
}

type parkedOptions struct {
	Group string `placeholder:"NAME" help:"Only what this group has parked. Default: all groups."`
	clientOptions
}

func (o parkedOptions) with(ctx context.Context, s streams, do func(*app.Parked) error) (err error) {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	p, err := app.OpenParked(ctx, cfg, o.Group, s.out)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close(context.WithoutCancel(ctx)) }() // nothing is pending on it
	return do(p)
}

type parkedListCommand struct{ parkedOptions }

func (c parkedListCommand) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, func(p *app.Parked) error { return p.List(ctx) })
}

type parkedShowCommand struct {
	Key string `arg:"" help:"The key, as the list shows it."`
	parkedOptions
}

func (c parkedShowCommand) Run(ctx context.Context, s streams) error {
	return c.with(ctx, s, func(p *app.Parked) error { return p.Show(ctx, c.Key) })
}

type parkedWish struct {
	Key    string `arg:"" help:"The key, as the list shows it."`
	DryRun bool   `help:"Change nothing; say what would happen, as the documents are now."`
	parkedOptions
}

func (c parkedWish) wish(ctx context.Context, s streams, wish string) error {
	return c.with(ctx, s, func(p *app.Parked) error { return p.Do(ctx, wish, c.Key, c.DryRun) })
}

type parkedRedriveCommand struct{ parkedWish }

func (c parkedRedriveCommand) Run(ctx context.Context, s streams) error {
	return c.wish(ctx, s, lane.Redrive)
}

type parkedDiscardCommand struct{ parkedWish }

func (c parkedDiscardCommand) Run(ctx context.Context, s streams) error {
	return c.wish(ctx, s, lane.Discard)
}

type versionCommand struct{}

func (versionCommand) Run(s streams) error {
	version, revision := "development", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "tiffin %s, revision %s, built with %s for %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// absolute is for people who read a path somewhere else than they started.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
