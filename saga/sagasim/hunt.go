package sagasim

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"tiffin/saga/words"
)

// Hunt is a search for a seed whose run breaks a rule. The zero value plays 200 seeds from 0.
type Hunt struct {
	From    uint64
	Seeds   int           // how many. Defaults to 200, or to no limit if For is set
	For     time.Duration // how long at most; 0 for as long as it takes
	Workers int           // how many run at a time. Defaults to one for each processor
	Options
	// Progress hears now and then how many runs there have been. Nil for nobody.
	Progress func(runs int, elapsed time.Duration)
}

// Report is what came of a hunt.
type Report struct {
	Runs    int
	Elapsed time.Duration
	// Failed is the run of the lowest seed that broke a rule; nil if none did. Shrunk is what is left of it.
	Failed, Shrunk *Result
}

func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, %.0f a second", words.Count(r.Runs, "run"), r.Elapsed.Round(time.Millisecond), float64(r.Runs)/max(r.Elapsed.Seconds(), 1e-9))
	if r.Failed == nil {
		b.WriteString(": nothing found\n")
		return b.String()
	}
	fmt.Fprintf(&b, "\n\nseed %d: %s\n", r.Failed.Plan.Seed, r.Failed.Findings[0])
	fmt.Fprintf(&b, "Of %s and %s from outside, these are enough:\n\n%s\n", words.Count(len(r.Failed.Plan.Faults), "fault"), words.Count(len(r.Failed.Plan.Sayings), "fact"), r.Shrunk.Plan)
	for _, f := range r.Shrunk.Findings {
		fmt.Fprintf(&b, "%s\n", f)
	}
	return b.String()
}

// Hunt plays seeds until one breaks a rule, and shrinks that.
func (world World) Hunt(ctx context.Context, h Hunt) Report {
	if h.Seeds == 0 && h.For == 0 {
		h.Seeds = 200
	}
	if h.Workers == 0 {
		h.Workers = runtime.GOMAXPROCS(0)
	}
	began := time.Now()
	var mu sync.Mutex
	var report Report
	next := 0
	take := func() (seed uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		over := h.Seeds > 0 && next >= h.Seeds || h.For > 0 && time.Since(began) > h.For
		if over || report.Failed != nil || ctx.Err() != nil {
			return 0, false
		}
		next++
		return h.From + uint64(next-1), true
	}
	var workers sync.WaitGroup
	for range h.Workers {
		workers.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				r := world.Play(world.Plan(seed, h.Options))
				mu.Lock()
				report.Runs++
				if len(r.Findings) > 0 && (report.Failed == nil || seed < report.Failed.Plan.Seed) {
					report.Failed = &r
				}
				if h.Progress != nil {
					h.Progress(report.Runs, time.Since(began))
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	report.Elapsed = time.Since(began)
	if report.Failed != nil {
		shrunk := world.Shrink(*report.Failed)
		report.Shrunk = &shrunk
	}
	return report
}
