package worlds_test

import (
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga/sagacheck"
)

func TestTry(t *testing.T) {
	for _, w := range worlds.All() {
		t.Run(w.Name, func(t *testing.T) {
			w.Limit = 600_000
			w.StopAtFirst = true
			r := sagacheck.Explore(w.World)
			t.Log(r)
			for _, f := range r.Findings {
				t.Error(f)
			}
		})
	}
}
