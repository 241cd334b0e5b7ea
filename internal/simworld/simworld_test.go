package simworld

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tiffin/saga/sagasim"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // many short-lived worlds
	goleak.VerifyTestMain(m)
}

func world(t *testing.T) sagasim.World {
	t.Helper()
	w, err := World()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// hunt fails if a run breaks a rule.
func hunt(t *testing.T, h sagasim.Hunt) {
	t.Helper()
	r := world(t).Hunt(t.Context(), h)
	if r.Failed != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}

// P1 to P4, P6 and P7: whatever befalls Kafka, PostgreSQL, the network, clocks and processes, nothing is lost, nothing happens
// twice, everything ends, and the books balance.
func TestWhateverHappensTheBooksBalance(t *testing.T) {
	hunt(t, sagasim.Hunt{Seeds: 250})
}

// A seed repeats a run, step by step, however many processors there are.
func TestASeedRepeatsItsRun(t *testing.T) { repeats(t, 30) }

func repeats(t *testing.T, seeds int) {
	w := world(t)
	first := make([]string, seeds)
	for seed := range first {
		first[seed] = w.PlayTraced(w.Plan(uint64(seed), sagasim.Options{})).Trace
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2*runtime.NumCPU() + 1))
	another := world(t)
	for seed, want := range first {
		if got := another.PlayTraced(another.Plan(uint64(seed), sagasim.Options{})).Trace; got != want {
			t.Fatalf("seed %d makes another run: %s", seed, difference(want, got))
		}
		if !strings.Contains(want, "commits under epoch") {
			t.Fatalf("seed %d: nothing happened", seed)
		}
	}
}

// difference is the first line that differs.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return as[i] + "\nis then\n" + bs[i]
		}
	}
	return "one of them is longer"
}

// Some runs have many sagas at once.
func TestManySagasAtOnce(t *testing.T) {
	hunt(t, sagasim.Hunt{Seeds: 3, Options: sagasim.Options{Sagas: 200}})
}

// A plan that fails is shrunk to what matters.
func TestWhatFailsIsShrunk(t *testing.T) {
	w := world(t)
	w.Judge = func(e *sagasim.End) []sagasim.Finding { // some order whose payment failed: no fault is needed for it
		for _, f := range e.Said() {
			if f.Type == "payment.failed" {
				return []sagasim.Finding{{Rule: "example", What: f.Key}}
			}
		}
		return nil
	}
	r := w.Hunt(t.Context(), sagasim.Hunt{Seeds: 200, From: 1000, Workers: 1})
	if r.Failed == nil {
		t.Fatal("no payment fails")
	}
	p := r.Shrunk.Plan
	if len(p.Faults) > 0 || len(p.Sayings) != 1 || len(p.Processes) != 1 || p.Doors != 1 || p.Partitions != 1 || r.Shrunk.Findings[0].Rule != "example" {
		t.Errorf("what is left is not the least:\n%s", r)
	}
	began := time.Now()
	if again := w.Play(p); len(again.Findings) == 0 || again.Findings[0] != r.Shrunk.Findings[0] {
		t.Errorf("played again after %s it finds %v", time.Since(began), again.Findings)
	}
}
