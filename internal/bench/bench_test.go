package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1, 2}, spread{2, 1, 3}},
		{[]float64{4, 1, 3, 2}, spread{2.5, 1, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

// The median of the ratios is not the ratio of the medians: what disturbs one pair must not count for another.
func TestRatiosAreThoseOfPairs(t *testing.T) {
	r := row{what: "a", against: "b", goal: goal{atLeast: 0.8}}
	got := r.result("B1", pairs{a: []float64{80, 8, 90}, b: []float64{100, 10, 100}}, nil)
	if want := (spread{0.8, 0.8, 0.9}); *got.Ratio != want {
		t.Errorf("ratio %v, want %v", *got.Ratio, want)
	}
	if got.A.Median != 80 || got.B.Median != 100 || got.Pairs != 3 || !*got.Met {
		t.Errorf("%+v", got)
	}
}

func TestGoals(t *testing.T) {
	for _, c := range []struct {
		goal  goal
		value float64
		met   bool
		text  string
	}{
		{goal{atLeast: 0.95}, 0.95, true, "≥ 0.95"},
		{goal{atLeast: 0.95}, 0.949, false, "≥ 0.95"},
		{goal{atMost: 350}, 350, true, "≤ 350"},
		{goal{atMost: 350}, 351, false, "≤ 350"},
		{goal{}, 1, true, ""},
	} {
		if c.goal.met(c.value) != c.met || c.goal.String() != c.text {
			t.Errorf("%v of %v: %v, %q", c.goal, c.value, c.goal.met(c.value), c.goal)
		}
	}
	// A figure that stands for itself is judged by itself.
	if got := (row{what: "CPU", goal: goal{atMost: 350}}).result("B5", pairs{a: []float64{300, 400, 500}}, nil); *got.Met || got.Ratio != nil || got.B != nil {
		t.Errorf("%+v", got)
	}
	if got := (row{what: "up"}).result("up", pairs{a: []float64{1}}, nil); got.Met != nil {
		t.Error("what has no goal is judged")
	}
}

func TestNumbers(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.8: "0.80", 0.666: "0.67", 2: "2", 12.34: "12.3", 99.96: "100", 350: "350", 48600: "48,600", 1234567.8: "1,234,568", -48600: "-48,600",
	} {
		if got := number(value); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	if p50, p99, least := quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 0); p50 != 50*time.Millisecond || p99 != 99*time.Millisecond || least != time.Millisecond {
		t.Errorf("p50 %v, p99 %v, least %v", p50, p99, least)
	}
}

// turns is an experiment of which is noted who has a turn.
func turns(order *string, fails func() error) experiment {
	take := func(name string, figure float64) side {
		return func(context.Context) ([]float64, error) {
			*order += name
			return []float64{figure * float64(len(*order)), 7}, fails()
		}
	}
	return experiment{
		id: "B0", rows: []row{{what: "a", against: "b"}, {what: "alone"}},
		open: func(context.Context, *lab) (*contest, error) {
			return &contest{a: take("A", 2), b: take("B", 1), close: func() error { *order += "."; return nil }}, nil
		},
	}
}

var quiet = &lab{log: io.Discard}

// The sides take turns, and the first pair warms up only.
func TestSidesTakeTurns(t *testing.T) {
	order := ""
	results := turns(&order, func() error { return nil }).measure(t.Context(), quiet, 2)
	if order != "ABABAB." {
		t.Errorf("the turns were %s", order)
	}
	if want := (spread{8, 6, 10}); len(results) != 2 || results[0].Pairs != 2 || *results[0].A != want || results[1].A.Median != 7 || results[1].B != nil {
		t.Errorf("%+v", results)
	}
}

// What was measured before a row failed is shown, and that it failed.
func TestAFailureKeepsWhatWasMeasured(t *testing.T) {
	order := ""
	results := turns(&order, func() error {
		if len(order) == 6 {
			return errors.New("the | broker\nis gone")
		}
		return nil
	}).measure(t.Context(), quiet, 5)
	if order != "ABABAB." || results[0].Pairs != 1 || results[0].Ratio == nil {
		t.Errorf("%s: %+v", order, results[0])
	}
	r := report{Results: results}
	if text := r.Markdown(); !r.failed() || !strings.Contains(text, `the other side: the \| broker is gone |`) {
		t.Errorf("failed %v:\n%s", r.failed(), text)
	}
}

func TestAnInterruptionIsCalledSo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	order := ""
	results := turns(&order, func() error { stop(); return ctx.Err() }).measure(ctx, quiet, 1)
	if results[0].Error != errInterrupted.Error() || results[0].A != nil {
		t.Errorf("%+v", results[0])
	}
}

func TestASideThatOwesAFigureFails(t *testing.T) {
	e := experiment{rows: []row{{what: "one"}, {what: "two"}}, open: func(context.Context, *lab) (*contest, error) {
		return &contest{a: func(context.Context) ([]float64, error) { return []float64{1}, nil }, close: func() error { return nil }}, nil
	}}
	if results := e.measure(t.Context(), quiet, 1); results[0].Error == "" {
		t.Error("nobody minds")
	}
}

// sample is a report with a row of each kind.
func sample() report {
	return report{Begun: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Seconds: 61, Machine: machine{CPU: "Abacus", Cores: 2, Commit: "abc"}, Results: []result{
		row{"likes", "no-op", "/s", goal{atLeast: 0.8}}.result("B1", pairs{[]float64{40000}, []float64{50000}}, nil),
		row{"CPU", "", "µs", goal{atMost: 350}}.result("B5", pairs{a: []float64{351}}, nil),
		row{"ready", "", "s", goal{}}.result("up", pairs{}, errors.New("no disk")),
	}}
}

func TestTheTable(t *testing.T) {
	text := sample().Markdown()
	for _, line := range []string{
		"| B1 | likes / no-op | 0.80 (0.80 to 0.80) | 40,000 /s | 50,000 /s | ≥ 0.80 | yes |\n",
		"| B5 | CPU |  | 351 µs |  | ≤ 350 | **no** |\n",
		"| up | ready |  |  |  |  | failed: no disk |\n",
		"- Measured on 26 November 2026, 12:00 UTC in 1m1s. 2 cores of Abacus",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
}

func TestJSONComesBack(t *testing.T) {
	text, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if len(back.Results) != 3 || *back.Results[0].Ratio != (spread{0.8, 0.8, 0.8}) || !*back.Results[0].Met || back.Results[2].Error != "no disk" || back.Markdown() != sample().Markdown() {
		t.Errorf("%s", text)
	}
}

func TestTheTableTakesThePlaceOfTheOldOne(t *testing.T) {
	document := "# Title\n" + tableBegins + "\nold\n" + tableEnds + "\nmore\n"
	changed, err := insert([]byte(document), "new\n")
	if want := "# Title\n" + tableBegins + "\nnew\n\n" + tableEnds + "\nmore\n"; err != nil || string(changed) != want {
		t.Errorf("%v\n%s", err, changed)
	}
	if again, err := insert(changed, "new\n"); err != nil || string(again) != string(changed) {
		t.Errorf("again: %v\n%s", err, again)
	}
	if _, err := insert([]byte("# Title\n"), "new\n"); err == nil || !strings.Contains(err.Error(), "make bench") {
		t.Errorf("a document without the marks: %v", err)
	}
}

func TestChoosingRows(t *testing.T) {
	all := experiments()
	if some, err := choose(all, ""); err != nil || len(some) != len(all) {
		t.Errorf("all: %d, %v", len(some), err)
	}
	if some, err := choose(all, "B8,up"); err != nil || len(some) != 2 {
		t.Errorf("B8 and up: %d, %v", len(some), err)
	}
	if some, err := choose(all, "B1"); err != nil || len(some) != 3 {
		t.Errorf("B1 has 64 and 256 connections, and a stopped Kafka: %d, %v", len(some), err)
	}
	if _, err := choose(all, "B1,B6"); err == nil || !strings.Contains(err.Error(), `"B6"`) {
		t.Errorf("B6: %v", err)
	}
}

func TestWhatToolsSay(t *testing.T) {
	if rate, err := parseWrk([]byte("  20000 requests in 2.00s, 3MB read\nRequests/sec:  48600.25\n")); err != nil || rate != 48600.25 {
		t.Errorf("wrk: %v, %v", rate, err)
	}
	for _, bad := range []string{"Requests/sec: 10\n  Non-2xx or 3xx responses: 3\n", "  Socket errors: connect 1\nRequests/sec: 10\n", "usage: wrk"} {
		if _, err := parseWrk([]byte(bad)); err == nil {
			t.Errorf("wrk: nobody minds %q", bad)
		}
	}
	if rate, err := parsePerf("200000 records sent, 1000.0 records/sec (1 MB/sec)\n1000000 records sent, 300000.5 records/sec (130.1 MB/sec), 5 ms avg\n"); err != nil || rate != 300000.5 {
		t.Errorf("kafka-producer-perf-test: %v, %v", rate, err)
	}
	if _, err := parsePerf("usage"); err == nil {
		t.Error("kafka-producer-perf-test: nobody minds that there is no rate")
	}
}

// The critical path is a chain of causes; what also follows from its facts is none of it.
func TestTheCriticalPath(t *testing.T) {
	facts := []saga.Envelope{
		{ID: "4", Type: "order.completed", CauseID: "3"},
		{ID: "1", Type: "order.placed"},
		{ID: "2", Type: "stock.reserved", CauseID: "1"},
		{ID: "3", Type: "delivery.completed", CauseID: "2"},
		{ID: "5", Type: "meal.ready", CauseID: "2"},
	}
	if n, err := chain(facts); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := chain(facts[:2]); err == nil {
		t.Error("a chain that breaks has a length")
	}
	loop := []saga.Envelope{{ID: "1", Type: "order.completed", CauseID: "2"}, {ID: "2", CauseID: "1"}}
	if _, err := chain(loop); err == nil {
		t.Error("a chain in a circle has a length")
	}
}

func TestCopiesNameNewOrders(t *testing.T) {
	got := table{"orders.orders", []column{{"order_id", true, true}, {"total", false, false}}}.copies("the-order", "carol", 3)
	for _, part := range []string{"insert into orders.orders (order_id, total)", "replace(replace(t.order_id, 'the-order',", "t.total from generate_series(1, 3) i", "where t::text like '%the-order%'"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in %s", part, got)
		}
	}
}
