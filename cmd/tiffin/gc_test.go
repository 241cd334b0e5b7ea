package main

import (
	"runtime/debug"
	"testing"
)

func TestTheCollectorIsTunedUnlessGOGCIsSet(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for gogc, want := range map[string]int{"": throughputPercent, "50": 50, "off": 50} {
		t.Setenv("GOGC", gogc)
		debug.SetGCPercent(50) // what the environment makes of it happens before main: any other number does
		collectForThroughput()
		if got := debug.SetGCPercent(50); got != want {
			t.Errorf("with GOGC=%q it is %d percent, want %d", gogc, got, want)
		}
	}
}
