package likes

import (
	"slices"
	"sync"
	"testing"
	"time"

	"tiffin/schemas"
)

// The host's clock may stand still or go back: what is accepted later is later all the same.
func TestTheClockNeverGoesBack(t *testing.T) {
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at := func(micros int) schemas.Moment { return schemas.MomentOf(noon) + schemas.Moment(micros) }
	var c clock
	for i, step := range []struct {
		now  time.Time
		want schemas.Moment
	}{
		{noon, at(0)},
		{noon, at(1)},
		{noon.Add(999 * time.Nanosecond), at(2)},
		{noon.Add(-time.Hour), at(3)},
		{noon.Add(time.Second), at(1_000_000)},
	} {
		if got := c.next(step.now); got != step.want {
			t.Errorf("step %d gives %v, want %v", i, got, step.want)
		}
	}
}

// P4: what one process accepts it accepts in an order, however many ask at once.
func TestNoTwoAreAcceptedAtTheSameMoment(t *testing.T) {
	const clients, each = 4, 200_000
	var c clock
	var all [clients][]schemas.Moment
	var running sync.WaitGroup
	now := time.Now()
	start := make(chan struct{})
	for i := range clients {
		running.Go(func() {
			<-start
			for range each {
				all[i] = append(all[i], c.next(now))
			}
		})
	}
	close(start)
	running.Wait()
	moments := slices.Concat(all[:]...)
	slices.Sort(moments)
	if unique := slices.Compact(moments); len(unique) != clients*each {
		t.Errorf("%d moments of %d acceptances", len(unique), clients*each)
	}
}
