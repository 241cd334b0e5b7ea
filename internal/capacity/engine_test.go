package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A queue with one server, arrivals at random and a service that always takes the same time is the one that theory knows: M/D/1. The mean
// wait is ρ/(2(1-ρ)) services.
func TestTheEngineIsTheQueueThatTheoryKnows(t *testing.T) {
	const service = 0.0005
	for _, load := range []float64{0.3, 0.6, 0.8} {
		e := &engine{}
		h := newHost(e, 1)
		rng := rand.New(rand.NewPCG(1, 2))
		var waited, jobs float64
		var arrive func()
		arrive = func() {
			began := e.now
			h.do(service, func() {
				waited += e.now - began - service
				jobs++
			})
			e.after(rng.ExpFloat64()*service/load, arrive)
		}
		e.after(0, arrive)
		e.run(100)
		if got, want := waited/jobs, service*load/(2*(1-load)); math.Abs(got/want-1) > 0.03 {
			t.Errorf("load %.1f: a job waits for %.0f µs, want %.0f", load, got*1e6, want*1e6)
		}
		if got := h.utilisation(100); math.Abs(got/load-1) > 0.02 {
			t.Errorf("load %.1f: the host is busy for %.3f of the time", load, got)
		}
	}
}

// Two cores do twice as much, one and a half half as much more, and a single job never uses more than one.
func TestAJobHasOneCore(t *testing.T) {
	for _, test := range []struct {
		cores float64
		jobs  int
		want  float64
	}{{1, 4, 4}, {2, 4, 2}, {2, 1, 1}, {1.5, 6, 4}, {0.5, 1, 2}} {
		e := &engine{}
		h := newHost(e, test.cores)
		last, done := 0.0, 0
		for range test.jobs {
			h.do(1, func() { last, done = e.now, done+1 })
		}
		e.run(100)
		if done != test.jobs || math.Abs(last-test.want) > 0.01 {
			t.Errorf("%d jobs of a second on %g cores: %d are done after %.3f s, want %g", test.jobs, test.cores, done, last, test.want)
		}
	}
}

// Jobs take turns: a short one does not wait for a long one to end.
func TestJobsTakeTurns(t *testing.T) {
	e := &engine{}
	h := newHost(e, 1)
	short := 0.0
	h.do(1, func() {})
	h.do(quantum, func() { short = e.now })
	e.run(2)
	if short > 3*quantum {
		t.Errorf("the short job is done after %.4f s", short)
	}
}

// What is expected of different posts in so many likes, against likes that are drawn.
func TestTheLawIsZipfs(t *testing.T) {
	const posts = 5_000
	for _, s := range []float64{0.8, 1.07, 2} {
		l := newLaw(posts, s)
		sum := make([]float64, posts)
		total := 0.0
		for k := range sum {
			total += math.Pow(float64(k+1), -s)
			sum[k] = total
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for _, likes := range []int{10, 500, 2_000} {
			drawn := 0
			for range 20 {
				seen := map[int]bool{}
				for range likes {
					low, high := 0, posts-1
					for u := rng.Float64() * total; low < high; {
						if middle := (low + high) / 2; sum[middle] < u {
							low = middle + 1
						} else {
							high = middle
						}
					}
					seen[low] = true
				}
				drawn += len(seen)
			}
			if got, want := l.distinct(float64(likes)), float64(drawn)/20; math.Abs(got/want-1) > 0.05 {
				t.Errorf("s = %g: %d likes are for %.0f posts, drawn %.0f", s, likes, got, want)
			}
		}
	}
	if got := newLaw(1, 1).distinct(100); math.Abs(got-1) > 1e-9 {
		t.Errorf("there is one post, and 100 likes are for %g", got)
	}
}

func TestQuantilesAreTightEnough(t *testing.T) {
	h := newLatencies()
	for i := range 1000 {
		h.add(float64(i+1)/1000, 1)
	}
	for _, q := range []float64{0.5, 0.99} {
		if got := h.quantile(q); got < q || got > q*1.1 {
			t.Errorf("the %g quantile is %g", q, got)
		}
	}
	if newLatencies().quantile(0.5) != 0 {
		t.Error("there is a quantile of nothing")
	}
}

// Least squares finds what made the sums, and nothing negative.
func TestLeastSquares(t *testing.T) {
	rows := [][]float64{{1, 2, 0}, {10, 1, 5}, {3, 30, 1}, {100, 2, 2}}
	made := []float64{2, 3, 0}
	var want []float64
	for _, r := range rows {
		want = append(want, r[0]*made[0]+r[1]*made[1]+r[2]*made[2])
	}
	for i, x := range leastSquares(rows, want) {
		if math.Abs(x-made[i]) > 0.01 {
			t.Errorf("x%d is %g, want %g", i, x, made[i])
		}
	}
	if x := leastSquares([][]float64{{1, 1}, {1, 2}}, []float64{2, 1}); x[0] < 0 || x[1] < 0 {
		t.Errorf("a cost is negative: %v", x)
	}
}
