// Package load sends Tiffin what the world would: likes, orders and payments at a rate, and then counts what came of them.
//
// A load generator that says how many requests a second it got through says little. This one knows what it was promised. It
// remembers every word that it sent and what became of it: a 202 must count, a refusal must not, and what had no answer may or
// may not, so that such a pair of user and post has bounds instead of a number. When the load is over it waits until the
// groups have caught up, reads every count and every outcome, and fails if one like is missing or counted twice.
//
// The load is an open loop: requests are due by the clock, whatever the servers do, and a latency is measured from when its
// request was due. Whoever measures from when it was sent asks less of a server the slower it is, and reports that it is
// fast (coordinated omission). Both are in the report; the difference is the queue.
//
// One user's words go through one connection, one after the other: else nobody would know which of two was the last. Apart from
// that, whichever connection is free takes what is due next.
//
// schedule.go is when requests are due, likes.go and errands.go what they say, conn.go how they are sent, send.go the load itself,
// opinions.go what is remembered, verify.go the counting, report.go and screen.go what people see.
package load

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tiffin/saga"
)

// Kind is what a load consists of.
type Kind string

// The kinds.
const (
	Likes    Kind = "likes"
	Orders   Kind = "orders"
	Payments Kind = "payments"
	Mixed    Kind = "mixed" // of all three, by [mixture]
)

// mixture is how much of a [Mixed] load is what, in percent. It is never written to.
var mixture = [...]struct {
	kind    Kind
	percent float64
}{{Likes, 90}, {Orders, 6}, {Payments, 4}}

// Limits of what a load may be.
const (
	maxConnections = 10_000
	maxPosts       = 1_000_000 // each is read in the end
	maxUsers       = 1 << 30
	maxBatch       = 10_000 // lines that POST /likes takes
)

// Config says what to send, how fast, and to whom. Kind and Duration have to be set, and Targets.
type Config struct {
	Kind Kind
	// Targets are the APIs' URLs, http://host:port. A connection keeps to one of them. Counts and outcomes are read from them, too.
	Targets []string
	// AnyTarget allows targets that are neither loopback nor private addresses.
	AnyTarget bool
	// Rate is how many likes, orders and payments are sent a second, however many go in one request. 0 is as fast as it goes:
	// each connection sends the next request when it has the answer to the last, and latencies are those of such a load.
	Rate float64
	// Duration is how long the load lasts. What was due and could not be sent until then is not sent any more, and reported.
	Duration time.Duration
	// Connections is how many requests may be under way at once. Defaults to 64.
	Connections int
	// Batch is how many likes go in one request, as NDJSON to POST /likes. 0 is one like a request, by the single endpoint.
	Batch int
	// Posts and Users are how many there are of them. Posts follow Zipf's law; users a flatter one, for nobody likes a million
	// posts an hour. Default to 50,000 and 5 million.
	Posts, Users int
	// Duplicates and Unlikes are shares, 0 to 1, of what is sent: of words that are said again, an order or a payment being sent
	// again under its Idempotency-Key; and of likes that are taken back.
	Duplicates, Unlikes float64
	// Burst is how many more likes a second there are, all on one post, when a celebrity posts: after a quarter of the time; and
	// half as many each eighth of it. It needs a rate, and Kind to be Likes.
	Burst float64
	// Seed makes each connection say the same words in the same order as in another run with this seed and as many connections.
	Seed uint64
	// Timeout is how long to wait for an answer. Defaults to 10 s.
	Timeout time.Duration
	// Patience is how long the verification goes on while nothing changes. Defaults to 30 s.
	Patience time.Duration
	// Remember is how many different likes, orders and payments are remembered at most, to be verified. A load that would need more
	// is refused; one without a rate ends there. A like takes 11 to 32 bytes, an order some 400. Defaults to 10 million.
	Remember int
	// Prepare says the facts of [World], before the first order or payment, and returns when all groups have heard them. Defaults to
	// nothing: they are known.
	Prepare func(context.Context, []saga.Fact) error
	// Audit tells whether the books balance, after the orders and payments have ended, and shows why not. Defaults to not at all.
	Audit func(context.Context) (balanced bool, report string, err error)
	// Show is told how it goes, every ShowEvery, which defaults to 250 ms. It is called by one goroutine at a time.
	Show      func(Progress)
	ShowEvery time.Duration
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.Connections = cmp.Or(c.Connections, 64)
	c.Posts = cmp.Or(c.Posts, 50_000)
	c.Users = cmp.Or(c.Users, 5_000_000)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.Remember = cmp.Or(c.Remember, 10_000_000)
	c.ShowEvery = cmp.Or(c.ShowEvery, 250*time.Millisecond)
	if c.Show == nil {
		c.Show = func(Progress) {}
	}
	return c
}

// Validate says all that is wrong with a configuration at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	within := func(name string, n, least, most int) {
		check(n >= least && n <= most, "%s is %d: it must be %d to %d", name, n, least, most)
	}
	check(len(c.Targets) > 0, "there is no target: give the URL of an API, as in http://127.0.0.1:8080")
	switch c.Kind {
	case Likes, Orders, Payments, Mixed:
	default:
		check(false, "%q can't be sent: it is likes, orders, payments or mixed", c.Kind)
	}
	check(c.Rate >= 0 && c.Rate <= 1e9, "the rate is %v: it must be 0 (as fast as it goes) to a thousand million a second", c.Rate)
	check(c.Duration > 0 && c.Duration <= 24*time.Hour, "the duration is %v: it must be more than nothing, and a day at most", c.Duration)
	check(c.Timeout > 0, "the timeout is %v: it must be more than nothing", c.Timeout)
	check(c.Patience > 0, "the patience is %v: it must be more than nothing", c.Patience)
	within("connections", c.Connections, 1, maxConnections)
	within("batch", c.Batch, 0, maxBatch)
	within("posts", c.Posts, 1, maxPosts)
	within("users", c.Users, c.Connections, maxUsers) // each connection has users of its own
	check(c.Duplicates >= 0 && c.Unlikes >= 0 && c.Duplicates+c.Unlikes <= 0.9,
		"duplicates are %v and unlikes %v: they are shares, 0 or more, and at most 0.9 together", c.Duplicates, c.Unlikes)
	check(c.Kind == Likes || c.Duplicates <= 0.5, "duplicates are %v: an order or a payment is sent twice at most, so 0.5 is the most", c.Duplicates)
	check(c.Burst >= 0 && c.Burst <= 1e9, "the burst is %v: it is so many more likes a second, 0 to a thousand million", c.Burst)
	check(c.Burst == 0 || c.Rate > 0 && c.Kind == Likes, "a burst comes on top of a rate of likes: give a rate, or no burst")
	check(c.Batch == 0 || c.Kind == Likes || c.Kind == Mixed, "a batch is one of likes: %s go one by one", c.Kind)
	within("remember", c.Remember, 1, 1<<32)
	if len(faults) == 0 {
		most := c.schedule().count(c.Duration) * (1 - c.Duplicates - c.Unlikes)
		check(most <= float64(c.Remember), "that may be %.0f different things, and %d are remembered to be verified: choose a shorter duration, "+
			"a lower rate, or remember more (32 bytes of memory for each like at most, 400 for each order)", math.Ceil(most), c.Remember)
	}
	return errors.Join(faults...)
}

func (c Config) schedule() schedule {
	return schedule{rate: c.Rate, burst: c.Burst, from: c.Duration / 4, half: c.Duration / 8}
}

// Run sends the load until its time is over or ctx ends, verifies what came of it, and reports. If ctx ends later, so does the
// verification. That something is not as it was
// promised is in the report, see [Report.OK]; an error says that there was no load, or that nothing could be verified.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	cfg = cfg.withDefaults()
	targets, err := resolve(ctx, cfg.Targets, cfg.AnyTarget)
	if err != nil {
		return Report{}, err
	}
	r := newRun(cfg, targets, "load-"+strings.ToLower(rand.Text()[:8]))
	defer r.close()
	if err := r.greet(); err != nil {
		return Report{}, err
	}
	if cfg.Prepare != nil && cfg.Kind != Likes {
		cfg.Show(Progress{Phase: Preparing, Kind: cfg.Kind})
		if err := cfg.Prepare(ctx, World(r.name)); err != nil {
			return Report{}, err
		}
	}
	r.send(ctx)
	if ctx.Err() != nil { // whoever interrupts the load wants to know what came of what was sent
		ctx = context.WithoutCancel(ctx)
	}
	return r.report(r.verify(ctx)), nil
}
