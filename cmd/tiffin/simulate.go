package main

import (
	"context"
	"fmt"
	"time"

	"tiffin/internal/load"
	"tiffin/internal/simworld"
	"tiffin/saga/sagasim"
	"tiffin/saga/words"
)

// simulateCommand plays what can't be run here: faults, and loads.
type simulateCommand struct {
	Faults simulateFaultsCommand `cmd:"" default:"withargs" help:"Play all groups on a simulated Kafka and PostgreSQL on which everything fails, and judge what comes of it."`
	Load   simulateLoadCommand   `cmd:"" help:"Play a load of likes on as many machines as you like, and see what carries it, how busy each part is, and what is the first that can't do more."`
}

type simulateFaultsCommand struct {
	Seeds   int            `default:"0" placeholder:"NUMBER" help:"How many runs. Default: 1000, or with --for as many as there is time for."`
	From    uint64         `default:"0" placeholder:"SEED" help:"The seed of the first run. Default: 0."`
	Seed    int64          `default:"-1" placeholder:"SEED" help:"Make this one run, show its schedule, and shrink it if it fails."`
	Trace   bool           `help:"With --seed: show every step of the run."`
	For     time.Duration  `default:"0s" placeholder:"TIME" help:"Go on for so long, as in --for=1h."`
	Sagas   int            `default:"6" placeholder:"NUMBER" help:"How many orders, payments and likes there are at most in one run. Default: 6."`
	Faults  int            `default:"12" placeholder:"NUMBER" help:"How many faults befall one run at most; 0 for none. Default: 12."`
	Kinds   []sagasim.Kind `placeholder:"KIND" help:"Only these kinds of faults, such as dies-after or copies; one that does not exist makes it list all. Default: all."`
	Workers int            `default:"0" placeholder:"NUMBER" help:"How many runs at a time. Default: one for each processor."`
}

// Run fails if a run breaks a rule.
func (c simulateFaultsCommand) Run(ctx context.Context, s streams) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	w, err := simworld.World()
	if err != nil {
		return err
	}
	collectForThroughput()
	if c.Seed >= 0 {
		return c.one(w, options, s)
	}
	screen := load.NewScreen(s.err, columns(s.err))
	h := sagasim.Hunt{From: c.From, Seeds: c.Seeds, For: c.For, Workers: c.Workers, Options: options}
	h.Progress = func(runs int, elapsed time.Duration) { screen.Line(pace{runs, elapsed}) }
	if h.Seeds == 0 && h.For == 0 {
		h.Seeds = 1000
	}
	report := w.Hunt(ctx, h)
	screen.Clear()
	fmt.Fprint(s.out, report)
	if report.Failed != nil {
		fmt.Fprintf(s.out, "\nTo play it again: tiffin simulate --seed=%d\n", report.Failed.Plan.Seed)
		return errSaid
	}
	return ctx.Err()
}

func (c simulateFaultsCommand) options() (sagasim.Options, error) {
	o := sagasim.Options{Sagas: c.Sagas, Faults: c.Faults, Kinds: c.Kinds}
	if c.Sagas < 1 || c.Faults < 0 || c.Seeds < 0 || c.Workers < 0 || c.For < 0 {
		return o, usageError{fmt.Errorf("--sagas is at least 1, and --seeds, --faults, --workers and --for are not negative")}
	}
	if c.Trace && c.Seed < 0 {
		return o, usageError{fmt.Errorf("--trace shows one run: name it with --seed")}
	}
	if c.Faults == 0 {
		o.Faults = -1
	}
	if err := o.Validate(); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// one makes a single run.
func (c simulateFaultsCommand) one(w sagasim.World, o sagasim.Options, s streams) error {
	plan := w.Plan(uint64(c.Seed), o)
	fmt.Fprintln(s.out, plan)
	var result sagasim.Result
	if c.Trace {
		result = w.PlayTraced(plan)
		fmt.Fprint(s.out, result.Trace)
	} else {
		result = w.Play(plan)
	}
	if len(result.Findings) == 0 {
		fmt.Fprintln(s.out, "nothing is wrong")
		return nil
	}
	shrunk := w.Shrink(result)
	fmt.Fprint(s.out, sagasim.Report{Runs: 1, Failed: &result, Shrunk: &shrunk})
	return errSaid
}

// pace is how far a hunt is.
type pace struct {
	runs    int
	elapsed time.Duration
}

func (p pace) String() string {
	return fmt.Sprintf("%s in %s, %.0f a second", words.Count(p.runs, "run"), p.elapsed.Round(time.Second), float64(p.runs)/p.elapsed.Seconds())
}
