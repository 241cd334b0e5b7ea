package worlds_test

import (
	"slices"
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

func TestScore(t *testing.T) {
	n, survived := 0, 0
	for _, g := range worlds.Groups() {
		for _, m := range g.Mutations() {
			n++
			found := ""
			for _, w := range worlds.Small() {
				if w.Name == "twice-repeated-order" || !slices.ContainsFunc(w.Groups, func(o *saga.Group) bool { return o.Name() == g.Name() }) {
					continue
				}
				w = mutated(w, m)
				w.StopAtFirst = true
				r := sagacheck.Explore(w)
				if len(r.Findings) > 0 {
					found = r.Findings[0].What
					break
				}
			}
			if found == "" {
				survived++
				t.Logf("SURVIVES %v", m)
			} else {
				t.Logf("%v: %s", m, found)
			}
		}
	}
	t.Log(n, survived)
}
