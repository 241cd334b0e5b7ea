package worlds_test

import (
	"slices"
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// P10: every arrow of the map is there for a reason: without it something goes wrong, or something that was declared never
// happens. An arrow without which nothing is different is one too many, or no world looks where it should.
func TestEveryArrowMatters(t *testing.T) {
	var known []knownWorld
	for _, w := range worlds.Small() {
		w = calm(w) // an arrow matters also when nothing is done twice
		known = append(known, knownWorld{w, sagacheck.Prove(t, w).Gaps})
	}
	for _, m := range arrows() {
		t.Run(m.String(), func(t *testing.T) {
			for _, w := range known {
				if what := w.difference(m); what != "" {
					t.Logf("in %s: %s", w.Name, what)
					return
				}
			}
			t.Error("without it nothing is different")
		})
	}
}

// arrows are the lines of the map, each as the mistake that it is not there.
func arrows() (out []saga.Mutation) {
	for _, g := range worlds.Groups() {
		for _, m := range g.Mutations() {
			if m.Op == saga.HearsNot {
				out = append(out, m)
			}
		}
	}
	return out
}

// knownWorld is a world, and what never happens in it.
type knownWorld struct {
	sagacheck.World
	gaps []string
}

// difference is what is different in the world with a mistake; "" if nothing is.
func (w knownWorld) difference(m saga.Mutation) string {
	if !slices.ContainsFunc(w.Groups, func(g *saga.Group) bool { return g.Name() == m.Group }) {
		return ""
	}
	changed := mutated(w.World, m)
	changed.StopAtFirst = true
	r := sagacheck.Explore(changed)
	if len(r.Findings) > 0 {
		return r.Findings[0].String()
	}
	for _, gap := range r.Gaps {
		if !slices.Contains(w.gaps, gap) && gap != m.Group+"."+m.Reaction+" never runs" {
			return gap
		}
	}
	return ""
}
