package main

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// spread is what several runs gave.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf needs at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// ratios are those of the pairs: what disturbs a machine for a while disturbs both sides of a pair.
func ratios(p pairs) []float64 {
	out := make([]float64, len(p.a))
	for i := range out {
		out[i] = p.a[i] / p.b[i]
	}
	return out
}

// quantile is the smallest value that the share q of the values does not exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// millis is a duration as the table has it.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// goal is what a row's ratio, or its figure if it has none, has to reach. The zero value is no goal.
type goal struct{ atLeast, atMost float64 }

func (g goal) set() bool { return g != goal{} }

func (g goal) met(value float64) bool {
	return value >= g.atLeast && (g.atMost == 0 || value <= g.atMost)
}

func (g goal) String() string {
	switch {
	case !g.set():
		return ""
	case g.atMost != 0:
		return "≤ " + number(g.atMost)
	}
	return "≥ " + number(g.atLeast)
}

// number writes a figure with three digits that count, and thousands apart.
func number(v float64) string {
	digits := 0
	for limit := 99.95; digits < 2 && math.Abs(v) < limit; limit /= 10 {
		digits++
	}
	if v == math.Trunc(v) && math.Abs(v) < 100 {
		digits = 0
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if digits == 0 {
		for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
	}
	return text
}
