package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tiffin/saga/words"
)

// maxFaults is how many faults a report names.
const maxFaults = 20

// Quantiles are latencies, in milliseconds.
type Quantiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Report is what was sent, what was promised, and what came of it.
type Report struct {
	Run         string   `json:"run"` // what the names of its posts begin with
	Kind        Kind     `json:"kind"`
	Targets     []string `json:"targets"`
	Seed        uint64   `json:"seed"`
	Connections int      `json:"connections"`
	Batch       int      `json:"batch"`       // likes a request; 0 is the single endpoint
	Interrupted bool     `json:"interrupted"` // the load, not its verification
	Full        bool     `json:"full"`        // it ended because no more could be remembered
	Seconds     float64  `json:"seconds"`     // how long it was sent

	WantedRate float64 `json:"wantedRate"` // likes, orders and payments a second; 0 is as fast as it goes
	Rate       float64 `json:"rate"`       // that were sent
	Requests   int64   `json:"requests"`
	Unsent     int64   `json:"unsent"` // requests that were due, and could not be sent in time

	Sent     int64 `json:"sent"`     // likes, orders and payments
	Accepted int64 `json:"accepted"` // of these: got a 202
	Refused  int64 `json:"refused"`  // of these: must not count
	Unsure   int64 `json:"unsure"`   // of these: may count or not, for there was no answer or none that says so

	// Answers are the requests that got no 202, by status, or "no answer" or "not connected"; Examples has one of each.
	Answers  map[string]int64  `json:"answers"`
	Examples map[string]string `json:"examples"`

	LatencyFromDue  Quantiles `json:"latencyFromDueMillis"`
	LatencyFromSent Quantiles `json:"latencyFromSentMillis"`

	Posts int64 `json:"posts"` // whose counts were read
	Sagas int64 `json:"sagas"` // orders and payments whose outcomes were read
	Open  int64 `json:"open"`  // users and posts, orders and payments, that may count or not
	// CaughtUpSeconds is from the last answer until the posts that were spoken of last were right, and all orders and payments had ended; 0 if
	// that did not happen.
	CaughtUpSeconds float64  `json:"caughtUpSeconds"`
	Faults          int      `json:"faults"`         // things that are not as was promised
	FirstFaults     []string `json:"firstFaults"`    // the first 20
	Audit           string   `json:"audit,omitzero"` // the audit's report
	Unverified      string   `json:"unverified,omitzero"`
}

// OK reports whether everything is as was promised: something was, all of it could be verified, and nothing is missing or too much.
func (r Report) OK() bool { return r.Accepted > 0 && r.Faults == 0 && r.Unverified == "" }

func (r *run) report(v verification) Report {
	c := &r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Report{
		Run: r.name, Kind: r.cfg.Kind, Targets: r.cfg.Targets, Seed: r.cfg.Seed, Connections: r.cfg.Connections, Batch: r.cfg.Batch,
		Interrupted: r.stopped && !r.full.Load(), Full: r.full.Load(), Seconds: r.took.Seconds(),
		WantedRate: r.cfg.Rate, Requests: c.requests,
		Accepted: c.units[accepted], Refused: c.units[refused], Unsure: c.units[unsure],
		Answers: c.answers, Examples: c.example,
		LatencyFromDue: quantiles(c.fromDue), LatencyFromSent: quantiles(c.fromSent),
		Posts: v.posts, Sagas: v.sagas, Open: v.unsure, CaughtUpSeconds: r.caughtUp.Seconds(),
		Faults: len(v.faults), FirstFaults: v.faults[:min(len(v.faults), maxFaults)], Audit: v.audit,
	}
	out.Sent = out.Accepted + out.Refused + out.Unsure
	if r.took > 0 {
		out.Rate = float64(out.Sent) / r.took.Seconds()
	}
	if r.cfg.Rate > 0 {
		out.Unsent = max(0, r.planned()-c.requests)
	}
	if v.err != nil {
		out.Unverified = v.err.Error()
	}
	return out
}

// String is the report for people.
func (r Report) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	how := "as fast as it goes"
	if r.WantedRate > 0 {
		how = "wanted " + thousands(int64(r.WantedRate))
	}
	line("sent", "%s %s in %s, %.1f s: %s a second (%s)", thousands(r.Sent), r.Kind.things(r.Sent), counted(r.Requests, "request"), r.Seconds, thousands(int64(r.Rate)), how)
	switch {
	case r.Full:
		line("", "ended early: no more can be remembered to be verified")
	case r.Interrupted:
		line("", "interrupted")
	}
	if r.Unsent > 0 {
		line("unsent", "%s due and not sent in time: the servers, or this machine, can't take more", counted(r.Unsent, "request"))
	}
	line("accepted", "%s", thousands(r.Accepted))
	line("refused", "%s", thousands(r.Refused))
	line("no promise", "%s: they may count, or not", thousands(r.Unsure))
	for _, status := range slices.Sorted(maps.Keys(r.Answers)) {
		line("", "%s × %s, as in %s", thousands(r.Answers[status]), status, strings.TrimSpace(r.Examples[status]))
	}
	line("latency", "%s from when it was due", r.LatencyFromDue)
	line("", "%s from when it was sent", r.LatencyFromSent)
	if r.Posts > 0 {
		line("counts", "of %s read", counted(r.Posts, "post"))
	}
	if r.Sagas > 0 {
		line("outcomes", "of orders and payments, %s read", thousands(r.Sagas))
	}
	if r.Open > 0 {
		line("open", "%s of the likes, orders and payments may count or not: nobody was told", thousands(r.Open))
	}
	if r.CaughtUpSeconds > 0 {
		line("caught up", "%.2f s after the last answer", r.CaughtUpSeconds)
	}
	b.WriteString(r.verdict())
	return b.String()
}

// verdict is the end of the report.
func (r Report) verdict() string {
	var b strings.Builder
	if r.Faults > 0 {
		b.WriteString(r.Audit)
		for _, fault := range r.FirstFaults {
			fmt.Fprintf(&b, "WRONG      %s\n", fault)
		}
		if more := r.Faults - len(r.FirstFaults); more > 0 {
			fmt.Fprintf(&b, "           and %s more\n", thousands(int64(more)))
		}
	}
	if r.Unverified != "" {
		fmt.Fprintf(&b, "NOT verified: %s\n", r.Unverified)
	}
	switch {
	case r.Faults > 0:
		fmt.Fprintf(&b, "NOT as promised: %s wrong.\n", counted(int64(r.Faults), "thing"))
	case r.Unverified != "":
	case r.Accepted == 0:
		b.WriteString("NOTHING was accepted, so nothing could be verified.\n")
	default:
		b.WriteString("Everything is as promised.\n")
	}
	return b.String()
}

func (q Quantiles) String() string {
	return fmt.Sprintf("p50 %s  p99 %s  p99.9 %s  max %s", millis(q.P50), millis(q.P99), millis(q.P999), millis(q.Max))
}

func millis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// things are what so many of a kind are.
func (k Kind) things(n int64) string {
	if k == Mixed {
		return "likes, orders and payments"
	}
	return words.Noun(n, strings.TrimSuffix(string(k), "s"))
}

// counted is a number as people write it, with its noun.
func counted(n int64, noun string) string { return thousands(n) + " " + words.Noun(n, noun) }

func thousands(n int64) string { return words.Thousands(n) }

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
