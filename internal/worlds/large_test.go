//go:build large

package worlds_test

import (
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga/sagacheck"
)

// P2, P3: what holds for one order alone holds where orders and payments meet.
func TestLargeWorlds(t *testing.T) {
	for _, w := range worlds.Large() {
		t.Run(w.Name, func(t *testing.T) {
			if r := sagacheck.Prove(t, w); r.Ends == 0 {
				t.Error("no run has an end")
			}
		})
	}
}
