package capacity

import (
	"math"
)

// law is Zipf's law over posts: the kth of them gets k^-s of what the first one gets. Neighbours far behind are taken together.
type law struct {
	miss  []float64 // of each kind of post: the logarithm of how likely a like is for another post
	posts []float64 // how many there are of it
}

// exact is how many of the first posts are each looked at alone.
const exact = 64

func newLaw(posts int, s float64) *law {
	l := &law{}
	var weights []float64
	sum := 0.0
	for from := 1; from <= posts; {
		to := from
		if from > exact {
			to = min(posts, from+from/8)
		}
		count := float64(to - from + 1)
		w := math.Pow(float64(from+to)/2, -s)
		weights, l.posts = append(weights, w), append(l.posts, count)
		sum += w * count
		from = to + 1
	}
	for _, w := range weights {
		l.miss = append(l.miss, math.Log1p(-min(w/sum, 1-1e-15)))
	}
	return l
}

// distinct is how many posts so many likes are for, as is to be expected.
func (l *law) distinct(likes float64) (n float64) {
	for i, miss := range l.miss {
		n -= l.posts[i] * math.Expm1(likes*miss)
	}
	return n
}

// latencies is a histogram: each of its steps is an eighth wider than the one before.
type latencies struct {
	steps []int
	total int
}

const (
	stepsPerDouble = 8
	shortest       = seconds(1e-5)
)

func newLatencies() *latencies { return &latencies{steps: make([]int, 40*stepsPerDouble)} }

func (h *latencies) add(took seconds, n int) {
	step := 0
	if took > shortest {
		step = min(len(h.steps)-1, int(math.Log2(took/shortest)*stepsPerDouble)+1)
	}
	h.steps[step] += n
	h.total += n
}

// quantile is the time within which this part of them was, at most.
func (h *latencies) quantile(q float64) seconds {
	left := int(math.Ceil(q * float64(h.total)))
	for step, n := range h.steps {
		if left -= n; left <= 0 && h.total > 0 {
			return shortest * math.Exp2(float64(step)/stepsPerDouble)
		}
	}
	return 0
}
