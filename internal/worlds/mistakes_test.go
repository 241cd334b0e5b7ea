package worlds_test

import (
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga/sagacheck"
)

func TestScore(t *testing.T) {
	n, survived := 0, 0
	for _, g := range worlds.Choreography() {
		for _, m := range g.Mutations() {
			n++
			found := ""
			for _, w := range worlds.All() {
				if w.Large || w.Groups[0].Name() != "inventory" || w.Duplicates > 0 && w.Name != "payment" {
					continue
				}
				w = mutated(w, m)
				w.StopAtFirst = true
				r := sagacheck.Explore(w.World)
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
