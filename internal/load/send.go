package load

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// slack is how long after the end what was due before it is still sent.
const slack = 250 * time.Millisecond

// source makes the requests of one connection, and hears what became of each before it makes the next.
type source interface {
	// next makes a request that is due so long after the beginning.
	next(r *request, due time.Duration)
	// heard returns how many more things are remembered now.
	heard(a answer) (fresh int)
}

// run is one load.
type run struct {
	cfg      Config
	name     string // what the names of its posts begin with: earlier runs are not in the way
	targets  []target
	schedule schedule
	each     float64 // how many likes, orders and payments a request has, on average
	workers  []*worker
	counts   counts

	next       atomic.Int64 // the request that is due next
	remembered atomic.Int64
	full       atomic.Bool // no more can be remembered
	began      time.Time
	took       time.Duration // how long it was sent
	stopped    bool          // before its time
	caughtUp   time.Duration // how long after that everything that was said last was right
}

// worker sends through one connection.
type worker struct {
	conn    *conn
	do      func(*request) (answer, error)
	rng     *rand.Rand
	request request
	fans    *fans
	runners []*runner
	shares  [len(mixture)]float64 // of requests, adding up to 1
	sources [len(mixture)]source
}

func newRun(cfg Config, targets []target, name string) *run {
	r := &run{cfg: cfg, name: name, targets: targets, schedule: cfg.schedule()}
	r.counts.init()
	shares := r.shares()
	for n := range cfg.Connections {
		w := &worker{shares: shares, rng: rand.New(rand.NewPCG(cfg.Seed, uint64(n)<<32))}
		w.conn = &conn{target: targets[n%len(targets)], timeout: cfg.Timeout}
		w.do = w.conn.do
		for i, m := range mixture {
			if shares[i] == 0 {
				continue
			}
			switch m.kind {
			case Likes:
				w.fans = newFans(&r.cfg, name+"-", n)
				w.sources[i] = w.fans
			case Orders:
				w.sources[i] = w.add(newRunner(&r.cfg, orderErrand(), name, n))
			case Payments:
				w.sources[i] = w.add(newRunner(&r.cfg, paymentErrand(), name, n))
			}
		}
		r.workers = append(r.workers, w)
	}
	return r
}

func (w *worker) add(n *runner) *runner {
	w.runners = append(w.runners, n)
	return n
}

// shares are the parts of each kind in all requests, which differ from those in all that is sent: a request may have a batch of likes.
func (r *run) shares() (shares [len(mixture)]float64) {
	sum := 0.0
	for i, m := range mixture {
		if r.cfg.Kind == m.kind || r.cfg.Kind == Mixed {
			shares[i] = m.percent
			if m.kind == Likes {
				shares[i] /= float64(max(1, r.cfg.Batch))
			}
			sum += shares[i]
		}
	}
	for i, m := range mixture {
		shares[i] /= sum
		if m.kind == Likes {
			r.each += shares[i] * float64(max(1, r.cfg.Batch))
		} else {
			r.each += shares[i]
		}
	}
	return shares
}

// greet asks something on each connection: no latency has its opening in it, servers that hang up on those on which nobody asks anything
// keep it, and nobody waits for the end to read that nobody was there.
func (r *run) greet() error {
	for _, w := range r.workers {
		if _, err := w.conn.do(&request{method: http.MethodGet, path: []byte("/livez")}); err != nil {
			return fmt.Errorf("%s can't be reached; is `tiffin up` running there? %w", w.conn.target.url, err)
		}
	}
	return nil
}

func (r *run) close() {
	for _, w := range r.workers {
		w.conn.close()
	}
}

// send sends the load, and returns when its time is over, or ctx has ended, and all answers are there.
func (r *run) send(ctx context.Context) {
	r.began = time.Now()
	var working, showing sync.WaitGroup
	done := make(chan struct{})
	showing.Go(func() { r.show(done) })
	for _, w := range r.workers {
		working.Go(func() { r.work(ctx, w) })
	}
	working.Wait()
	r.took = r.cfg.Duration
	if r.stopped = ctx.Err() != nil || r.full.Load(); r.stopped {
		r.took = min(r.took, time.Since(r.began))
	}
	close(done)
	showing.Wait()
}

// work sends what is due, as soon as it is.
func (r *run) work(ctx context.Context, w *worker) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil && !r.full.Load() {
		elapsed := time.Since(r.began)
		due := r.due(elapsed)
		if due >= r.cfg.Duration || elapsed > r.cfg.Duration+slack {
			return
		}
		if due > elapsed {
			timer.Reset(due - elapsed)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		r.request(w, due)
	}
}

// due takes the next request, and is when it is due.
func (r *run) due(now time.Duration) time.Duration {
	if r.cfg.Rate == 0 {
		return now
	}
	return r.schedule.at(float64(r.next.Add(1)-1) * r.each)
}

// request makes and sends one request.
func (r *run) request(w *worker, due time.Duration) {
	source := w.choose()
	w.request.key = ""
	source.next(&w.request, due)
	sent := time.Since(r.began)
	a, err := w.do(&w.request)
	back := time.Since(r.began)
	r.counts.add(w.request.units, a, err, back-due, back-sent)
	if fresh := source.heard(a); fresh > 0 && r.remembered.Add(int64(fresh)) >= int64(r.cfg.Remember) {
		r.full.Store(true)
	}
}

func (w *worker) choose() (chosen source) {
	chance := w.rng.Float64()
	for i, share := range w.shares {
		if share == 0 {
			continue
		}
		chosen = w.sources[i]
		if chance -= share; chance < 0 {
			break
		}
	}
	return chosen // the last one, if the shares add up to a little less than 1
}

// planned is how many requests were due in the time that the load took.
func (r *run) planned() int64 {
	return int64(math.Ceil(r.schedule.count(r.took)/r.each - 1e-9))
}

// Latencies are kept from a microsecond to ten minutes, to three digits.
const maxLatency = 10 * time.Minute

// counts are what became of the requests so far.
type counts struct {
	mu       sync.Mutex
	requests int64
	units    [unsure + 1]int64 // likes, orders and payments by verdict
	answers  map[string]int64  // requests that got no 202, by status or why there was no answer
	example  map[string]string // one such answer each
	fromDue  *hdrhistogram.Histogram
	fromSent *hdrhistogram.Histogram
}

func (c *counts) init() {
	c.answers, c.example = map[string]int64{}, map[string]string{}
	c.fromDue = hdrhistogram.New(1, maxLatency.Microseconds(), 3)
	c.fromSent = hdrhistogram.New(1, maxLatency.Microseconds(), 3)
}

// add: what had no answer has a latency, too; else the slowest servers would look fast. What has not left has none.
func (c *counts) add(units int, a answer, err error, fromDue, fromSent time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.units[a.verdict()] += int64(units)
	if !a.unsent {
		_ = c.fromDue.RecordValue(min(fromDue, maxLatency).Microseconds())
		_ = c.fromSent.RecordValue(min(fromSent, maxLatency).Microseconds())
	}
	if a.status == http.StatusAccepted {
		return
	}
	what, text := strconv.Itoa(a.status), string(a.body[:min(len(a.body), 300)])
	switch {
	case a.unsent:
		what, text = notConnected, err.Error()
	case err != nil:
		what, text = noAnswer, err.Error()
	}
	if c.answers[what]++; c.example[what] == "" {
		c.example[what] = text
	}
}

// Why there was no answer.
const (
	notConnected = "not connected"
	noAnswer     = "no answer"
)
