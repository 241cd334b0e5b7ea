//go:build large

package worlds_test

import (
	"slices"
	"testing"
	"time"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// harmless are the mistakes that nobody finds here, and why that is right.
var harmless = map[string]string{
	"payments.flagged stands outside of its wait":    "fraud gives one verdict, and this one refuses the act, which ends the wait too",
	"payments.flagged answers though nobody waits":   "fraud gives one verdict",
	"delivery.delivered stands outside of its wait":  "it closes the act, which ends the wait too",
	"delivery.delivered answers though nobody waits": "every answer ends the act, so there is no second one",
	"delivery.dropped stands outside of its wait":    "it refuses the act, which ends the wait too",
	"delivery.dropped answers though nobody waits":   "every answer ends the act, so there is no second one",
	"notification is concerned by everything":        "it tells something else, as often; what a message says is for the group's own tests",
}

// Each mistake that can be made in one line of a declaration, or by forgetting something in a reaction, is found in a small
// world; or it is known why it does no harm.
func TestLargeEveryMistakeIsFound(t *testing.T) {
	var known []knownWorld
	for _, w := range calmWorlds() {
		known = append(known, knownWorld{w, sagacheck.Explore(w).Gaps, 0})
	}
	mistakes, found, start := 0, 0, time.Now()
	for _, g := range worlds.Groups() {
		for _, m := range g.Mutations() {
			mistakes++
			what := firstFinding(known, m)
			switch why := harmless[m.String()]; {
			case what != "" && why != "":
				t.Errorf("%v is not harmless: %s", m, what)
			case what != "":
				found++
			case why == "":
				t.Errorf("%v: nobody finds anything", m)
			default:
				t.Logf("%v: harmless, for %s", m, why)
			}
		}
	}
	t.Logf("%d mistakes, %d found, %d harmless, in %v", mistakes, found, mistakes-found, time.Since(start).Round(time.Second))
}

// firstFinding is what is found of a mistake: without faults, which takes moments, or else with them or because of them.
func firstFinding(calm []knownWorld, m saga.Mutation) string {
	for _, w := range calm {
		if what := w.difference(m); what != "" {
			return "in " + w.Name + ", " + what
		}
	}
	for _, w := range worlds.Small() {
		hasGroup := slices.ContainsFunc(w.Groups, func(g *saga.Group) bool { return g.Name() == m.Group })
		if !hasGroup || w.Duplicates == 0 && !w.Crashes && w.Again == nil || w.Name == "twice-repeated-order" { // which takes long, and adds little
			continue
		}
		w = mutated(w, m)
		w.StopAtFirst = true
		if r := sagacheck.Verify(w); len(r.Findings) > 0 {
			return "in " + w.Name + ", " + r.Findings[0].What
		}
	}
	return ""
}
