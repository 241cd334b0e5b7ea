// Bench measures what the documentation claims, on real servers on the same machine, and prints one table. `make bench` starts the servers and
// runs it. BENCHMARKS.md has the latest table, and says how each row is measured.
//
// An experiment (experiment.go) is two sides that take turns, A B A B, and gives one row of the table or several; what disturbs a machine
// for a while disturbs both sides of a pair, so what counts is the median of the pairs' ratios. What is measured is the binary, as
// a child process with its defaults (site.go, lab.go); what it is measured against is in serve.go and beside each experiment: door.go, outage.go and
// drain.go for accepting, likes.go for counting, sagas.go for orders, hot.go and history.go for both, up.go for the whole.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// experiments are the table, in its order.
func experiments() []experiment {
	return []experiment{
		singles(64, 0.8), singles(256, 0.85), outage(), batches(), draining(), counting(), sagas(), latency(0.5), latency(0),
		oldLikes(), oldOrders(), hotPost(), hotOrders("one dish", oneDish), hotOrders("one restaurant", ofOneKitchen), up(),
	}
}

type options struct {
	only, out, into, tiffin string
	runs                    int
	history                 float64
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "measure these rows alone, say B1,B4")
	flag.IntVar(&o.runs, "runs", 0, "counted pairs of each row; by default each has its own number")
	flag.StringVar(&o.out, "out", "bin/bench", "write the table to this file, with .md and with .json at its end")
	flag.StringVar(&o.into, "into", "", "write the table into this document too, between the marks: BENCHMARKS.md")
	flag.StringVar(&o.tiffin, "tiffin", "bin/tiffin", "the program to measure")
	flag.Float64Var(&o.history, "history", 1, "the share of B9's history to write, to try it out; its rows say nothing then")
	child := flag.String("serve", "", "for the bench itself: what to serve as a child")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(600) // as the binary does
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := func() error {
		if *child != "" {
			return serve(ctx, *child, flag.Args())
		}
		return run(ctx, o)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

var errFailed = errors.New("some rows could not be measured in full: the table says why")

// run measures, prints the table and writes it. It fails if a row does, after all others were measured.
func run(ctx context.Context, o options) (err error) {
	chosen, err := choose(experiments(), o.only)
	if err != nil {
		return err
	}
	if o.runs < 0 || flag.NArg() > 0 {
		return fmt.Errorf("-runs has to be at least 1, and there are no arguments but flags: %d, %q", o.runs, flag.Args())
	}
	if o.into != "" {
		if _, err := os.Stat(o.into); err != nil {
			return err // before the work, not after it
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	l, err := openLab(o.tiffin, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.history = o.history
	r := report{Begun: time.Now(), Machine: l.look(ctx)}
	for _, e := range chosen {
		if ctx.Err() != nil {
			break
		}
		runs := e.runs
		if o.runs > 0 {
			runs = o.runs
		}
		begin := time.Now()
		r.Results = append(r.Results, e.measure(ctx, l, runs)...)
		l.progress("%s %s: took %s", e.id, e.name, time.Since(begin).Round(time.Second))
	}
	r.Seconds = time.Since(r.Begun).Seconds()
	fmt.Print(r.Markdown())
	err = r.write(o.out, o.into)
	if r.failed() || ctx.Err() != nil {
		err = errors.Join(err, errFailed)
	}
	return err
}

// choose finds the experiments that are named, by what their rows are called.
func choose(all []experiment, only string) (chosen []experiment, err error) {
	if only == "" {
		return all, nil
	}
	known := map[string]bool{}
	wanted := strings.Split(only, ",")
	for _, e := range all {
		ids := strings.Split(e.id, ", ")
		for _, id := range ids {
			known[id] = true
		}
		if slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(wanted, id) }) {
			chosen = append(chosen, e)
		}
	}
	for _, w := range wanted {
		if !known[w] {
			return nil, fmt.Errorf("-only: there is no row %q: name some of B1, B2, B3, B4, B5, B7, B8, B9, B10, up", w)
		}
	}
	return chosen, nil
}
