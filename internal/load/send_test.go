package load

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// bubble is a load whose requests are answered by a function, in a world in which time passes only while everybody waits: what is
// counted there does not depend on the machine.
func bubble(t *testing.T, cfg Config, answers func(at time.Duration)) (out Report) {
	synctest.Test(t, func(t *testing.T) {
		cfg = cfg.withDefaults()
		r := newRun(cfg, make([]target, 1), "load-test")
		for _, w := range r.workers {
			w.do = func(*request) (answer, error) {
				answers(time.Since(r.began))
				return answer{status: http.StatusAccepted}, nil
			}
		}
		r.send(t.Context())
		out = r.report(verification{})
	})
	return out
}

// The rate is kept to the last request, at any rate and in any batches, if the servers keep up.
func TestTheRateIsKept(t *testing.T) {
	for _, test := range []struct {
		rate        float64
		batch       int
		kind        Kind
		burst, want float64
	}{
		{10, 0, Likes, 0, 100},
		{1000, 0, Likes, 0, 10_000},
		{7777, 0, Orders, 0, 77_770},
		{50_000, 500, Likes, 0, 500_000},
		{3000, 0, Mixed, 0, 30_000},
		{20_000, 50, Mixed, 0, 200_000},
		// The burst begins after 2.5 s with 4,000 more a second and has a half-life of 1.25 s, 6 of them until the end.
		{1000, 0, Likes, 4000, 10_000 + 4000*1.25/math.Ln2*(1-1./64)},
	} {
		t.Run(fmt.Sprintf("%v %s by %d, burst %v", test.rate, test.kind, test.batch, test.burst), func(t *testing.T) {
			cfg := Config{Kind: test.kind, Rate: test.rate, Duration: 10 * time.Second, Batch: test.batch, Burst: test.burst}
			report := bubble(t, cfg, func(time.Duration) { <-time.After(time.Millisecond) })
			if off := float64(report.Sent)/test.want - 1; math.Abs(off) > 0.02 || report.Unsent != 0 {
				t.Errorf("%d were sent and %d requests not, want %.0f: %.1f %% off", report.Sent, report.Unsent, test.want, 100*off)
			}
			if test.kind == Likes && test.batch == 0 && math.Abs(float64(report.Sent)-test.want) > 1 {
				t.Errorf("%d likes were sent, want %.0f", report.Sent, test.want)
			}
		})
	}
}

// A rate of one in years sends the first, and floods nobody with the next.
func TestATinyRateIsKept(t *testing.T) {
	for _, rate := range []float64{1e-9, 1e-300} {
		if report := bubble(t, Config{Kind: Likes, Rate: rate, Duration: 10 * time.Second}, func(time.Duration) {}); report.Sent != 1 {
			t.Errorf("at %g a second, %d were sent in 10 s", rate, report.Sent)
		}
	}
}

// Coordinated omission: a server that stands still for a second makes all wait who were due in that second. Who measures from when a request
// was sent sees no more of it than the requests that were under way.
func TestAServerThatStalls(t *testing.T) {
	cfg := Config{Kind: Likes, Rate: 1000, Duration: 10 * time.Second, Connections: 4}
	report := bubble(t, cfg, func(at time.Duration) {
		if at > 5*time.Second && at < 6*time.Second {
			<-time.After(6*time.Second - at)
		}
		<-time.After(time.Millisecond)
	})
	if report.Sent != 10_000 {
		t.Errorf("%d were sent", report.Sent)
	}
	// A tenth of all was due while it stood still, on average for half a second; and the queue takes a third of a second to go away.
	if due := report.LatencyFromDue; due.P50 > 2 || due.P90 < 100 || due.P99 < 850 || due.P999 < 990 || due.Max < 999 || due.Max > 1100 {
		t.Errorf("latencies from when requests were due: %+v", due)
	}
	if sent := report.LatencyFromSent; sent.P999 > 2 || sent.Max < 990 {
		t.Errorf("latencies from when requests were sent: %+v", sent)
	}
}

// A request that had no answer was waited for all the same: its time is among the latencies, unless it never left.
func TestWhatHadNoAnswerHasALatency(t *testing.T) {
	for unsent, want := range map[bool]Quantiles{false: {10_000, 10_000, 10_000, 10_000, 10_000}, true: {}} {
		var c counts
		c.init()
		c.add(1, answer{unsent: unsent}, io.EOF, 10*time.Second, 10*time.Second)
		for what, h := range map[string]*hdrhistogram.Histogram{"due": c.fromDue, "sent": c.fromSent} {
			if got := quantiles(h); math.Abs(got.P50-want.P50) > 10 || math.Abs(got.Max-want.Max) > 10 {
				t.Errorf("unsent %t: latencies from when it was %s are %v, want %v", unsent, what, got, want)
			}
		}
	}
}

// Servers that can't keep up get no more at the end than what was due in its last moments; what was not sent is reported.
func TestServersThatCanNotKeepUp(t *testing.T) {
	cfg := Config{Kind: Likes, Rate: 1000, Duration: 10 * time.Second, Connections: 5}
	report := bubble(t, cfg, func(time.Duration) { <-time.After(10 * time.Millisecond) })
	if most := int64(500 * (10 + slack.Seconds())); report.Sent < 5000 || report.Sent > most+10 || report.Sent+report.Unsent != 10_000 {
		t.Errorf("%d were sent, %d not", report.Sent, report.Unsent)
	}
	if report.LatencyFromDue.Max < 4900 || report.LatencyFromSent.Max > 11 {
		t.Errorf("latencies %+v and %+v", report.LatencyFromDue, report.LatencyFromSent)
	}
}

// With a seed, each connection says the same words in the same order.
func TestASeedIsALoad(t *testing.T) {
	words := func(seed uint64) (said []string) {
		r := newRun(Config{Kind: Mixed, Seed: seed, Duplicates: 0.1, Unlikes: 0.1, Connections: 2}.withDefaults(), make([]target, 1), "load-test")
		for _, w := range r.workers {
			for range 500 {
				s := w.choose()
				w.request.key = ""
				s.next(&w.request, 0)
				said = append(said, fmt.Sprintf("%s %s %s %s", w.request.method, w.request.path, w.request.key, w.request.body))
				s.heard(answer{status: http.StatusAccepted, location: "/orders/1"})
			}
		}
		return said
	}
	if !reflect.DeepEqual(words(1), words(1)) {
		t.Error("the same seed says other words")
	}
	if reflect.DeepEqual(words(1), words(2)) {
		t.Error("another seed says the same words")
	}
}

// Posts follow Zipf's law; duplicates and unlikes have their shares; a burst is about one post; and each user has one connection.
func TestTheShapeOfTheLoad(t *testing.T) {
	const n = 200_000
	cfg := Config{Kind: Likes, Rate: 1000, Burst: 3000, Duration: 8 * time.Second, Duplicates: 0.1, Unlikes: 0.2, Connections: 3, Posts: 1000}.withDefaults()
	posts := map[int]int{}
	unlikes, again := 0, 0
	seen := map[uint64]bool{}
	f := newFans(&cfg, "load-test-", 1)
	var q request
	for range n {
		f.next(&q, 0)
		w := f.request[0]
		if userOf(w.pair)%3 != 1 || userOf(w.pair) >= cfg.Users {
			t.Fatalf("user %d speaks through connection 1 of 3", userOf(w.pair))
		}
		switch {
		case !w.like:
			unlikes++
		case seen[w.pair]:
			again++
		default:
			posts[postOf(w.pair)]++
		}
		seen[w.pair] = true
		f.heard(answer{status: http.StatusAccepted})
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.15*want {
			t.Errorf("%s is %.3f, want %.3f", what, got, want)
		}
	}
	// A duplicate repeats an unlike where the word that it repeats is one: x = 0.2 + 0.1 x.
	near("the share of unlikes", float64(unlikes)/n, 0.2/0.9)
	if share := float64(again) / n; share < 0.07 {
		t.Errorf("the share of likes that are said again is %.3f", share)
	}
	near("post 0 to post 7", float64(posts[0])/float64(posts[7]), math.Pow(8, zipf))
	near("post 9 to post 99", float64(posts[9])/float64(posts[99]), math.Pow(10, zipf))

	celebrity := 0
	for range n { // at the beginning of the burst it has 3,000 of 4,000
		f.next(&q, cfg.Duration/4)
		if postOf(f.request[0].pair) == cfg.celebrity() {
			celebrity++
		}
	}
	near("the share of the celebrity's post", float64(celebrity)/n, 0.75)
}

// What is known of a pair is what the bounds are made of.
func TestOpinions(t *testing.T) {
	for _, test := range []struct {
		said string // L and U are accepted, l and u had no answer, x is a like that was refused, y such an unlike
		want bounds
	}{
		{"L", bounds{1, 1}},
		{"LL", bounds{1, 1}},
		{"U", bounds{0, 0}},
		{"LU", bounds{0, 0}},
		{"LUL", bounds{1, 1}},
		{"x", bounds{0, 0}},
		{"Lx", bounds{1, 1}},
		{"Ly", bounds{1, 1}},
		{"LUx", bounds{0, 0}},
		{"l", bounds{0, 1}},
		{"u", bounds{0, 0}},
		{"Ll", bounds{1, 1}},
		{"lL", bounds{1, 1}},
		{"Lu", bounds{0, 1}},
		{"Ul", bounds{0, 1}},
		{"lU", bounds{0, 1}}, // the like may be accepted after the unlike
		{"uL", bounds{0, 1}},
		{"lu", bounds{0, 1}},
	} {
		var o opinions
		for _, letter := range test.said {
			was := map[bool]verdict{true: accepted, false: unsure}[strings.ContainsRune("LU", letter)]
			if strings.ContainsRune("xy", letter) {
				was = refused
			}
			o.hear(pair(3, 5), strings.ContainsRune("Llx", letter), was)
		}
		posts, spoken := make([]bounds, 4), make([]bool, 4)
		o.tally(posts, spoken)
		if posts[3] != test.want || !spoken[3] || o.count != 1 {
			t.Errorf("%s: %v, want %v", test.said, posts[3], test.want)
		}
	}
}

// The set holds what is put into it, at its bounds too, and says what is new.
func TestManyOpinions(t *testing.T) {
	var o opinions
	want := map[uint64]bool{}
	for i := range 100_000 {
		p := pair(i%1000*9973%maxPosts, (maxUsers-1)-i%77777)
		like := i%3 > 0
		if fresh := o.hear(p, like, accepted); fresh != !hasKey(want, p) {
			t.Fatalf("number %d is new: %v", i, fresh)
		}
		want[p] = like
	}
	if o.count != len(want) || len(o.slots) > 4*len(want) {
		t.Errorf("%d pairs in %d slots, want %d", o.count, len(o.slots), len(want))
	}
	for p, like := range want {
		slot := o.slots[o.at(p)]
		if slot>>bits != p || (slot&likes != 0) != like || (slot&unlikes != 0) == like {
			t.Fatalf("%d, %d: %b", postOf(p), userOf(p), slot&allOfThe)
		}
	}
}

func hasKey(m map[uint64]bool, k uint64) bool { _, found := m[k]; return found }

// What one request costs the sender, with the kernel's part of it on both sides of a loopback connection, and a server that is as cheap as can be.
func BenchmarkRequest(b *testing.B) {
	address, stop := yes(b)
	defer stop()
	cfg := Config{Kind: Likes, Connections: 1, Duration: time.Hour}.withDefaults()
	r := newRun(cfg, []target{{host: address, addrs: []string{address}}}, "load-bench")
	defer r.close()
	r.began = time.Now()
	b.ReportAllocs()
	var n atomic.Int64
	for b.Loop() {
		r.request(r.workers[0], time.Since(r.began))
		n.Add(1)
	}
	if r.counts.units[accepted] != n.Load() {
		b.Errorf("%d of %d accepted: %v", r.counts.units[accepted], n.Load(), r.counts.example)
	}
}

// BenchmarkRequestWithoutAServer is the sender's own part: making a request, and noting what became of it.
func BenchmarkRequestWithoutAServer(b *testing.B) {
	cfg := Config{Kind: Likes, Connections: 1, Duration: time.Hour}.withDefaults()
	r := newRun(cfg, make([]target, 1), "load-bench")
	r.workers[0].do = func(q *request) (answer, error) {
		r.workers[0].conn.encode(q)
		return answer{status: http.StatusAccepted}, nil
	}
	r.began = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.request(r.workers[0], time.Since(r.began))
	}
}
