package load

import (
	"math"
	"time"
)

// schedule is when things are due: so many a second, and, once a celebrity has posted, more, half as many each half-life.
type schedule struct {
	rate       float64 // a second; 0 is no schedule
	burst      float64 // more a second, at its beginning
	from, half time.Duration
}

// count is how many are due before a moment, counted from the beginning.
func (s schedule) count(at time.Duration) float64 {
	n := s.rate * at.Seconds()
	if s.burst > 0 && at > s.from {
		n += s.burst * s.half.Seconds() / math.Ln2 * (1 - s.left(at))
	}
	return n
}

// left is how much there is left of the burst, 0 to 1.
func (s schedule) left(at time.Duration) float64 {
	if s.burst == 0 || at < s.from {
		return 0
	}
	return math.Exp2(-float64(at-s.from) / float64(s.half))
}

// share is the part of the burst in what is due at a moment, 0 to 1.
func (s schedule) share(at time.Duration) float64 {
	extra := s.burst * s.left(at)
	if extra == 0 {
		return 0
	}
	return extra / (s.rate + extra)
}

// at is when the nth is due, the first being number 0.
func (s schedule) at(n float64) time.Duration {
	steady := time.Duration(min(n/s.rate*float64(time.Second), 1<<62)) // at a tiny rate: when nobody is there any more
	if s.burst == 0 || steady <= s.from {
		return steady
	}
	low, high := s.from, steady // with a burst it is sooner
	for high-low > time.Microsecond {
		if middle := low + (high-low)/2; s.count(middle) < n {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
