package worlds_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// P3: every saga ends, all done or all undone, whatever fails, in every interleaving. P2: what is delivered again, or crashes
// between commit and send, changes no end.
func TestTheChoreographyHoldsInEverySmallWorld(t *testing.T) {
	for _, w := range worlds.All() {
		if w.Large {
			w.Crashes, w.Duplicates = false, 0
		}
		t.Run(w.Name, func(t *testing.T) { proves(t, w) })
	}
}

// proves explores a world, and holds its ends against those that it has without faults.
func proves(t *testing.T, w worlds.World) {
	r := explore(t, w)
	w.Crashes, w.Duplicates = false, 0
	if calm := explore(t, w); !maps.Equal(calm.EndStates, r.EndStates) {
		t.Errorf("%d different ends without faults, %d with", len(calm.EndStates), len(r.EndStates))
	}
}

// explore explores a world in which nothing must be found.
func explore(t *testing.T, w worlds.World) sagacheck.Report {
	t.Helper()
	r := sagacheck.Explore(w.World)
	t.Logf("%s: %v", w.Name, r)
	if !r.Complete {
		t.Error("not every state was visited")
	}
	for _, f := range r.Findings {
		t.Error(f)
	}
	return r
}

// Every outcome that a group declares is seen in some world: what can't happen is a dead declaration.
func TestTheWorldsCoverEveryOutcome(t *testing.T) {
	gaps := map[string]int{} // in how many worlds
	of := map[string]int{}   // how many worlds a group is in
	for _, w := range worlds.All() {
		w.Crashes, w.Duplicates = false, 0
		for _, g := range w.Groups {
			of[g.Name()]++
		}
		for _, gap := range explore(t, w).Gaps {
			gaps[gap]++
		}
	}
	for gap, n := range gaps {
		if group, _, _ := strings.Cut(strings.ReplaceAll(gap, " ", "."), "."); n == of[group] {
			t.Errorf("a hole in the worlds, or a dead declaration: %s", gap)
		}
	}
}

// Who is left out of the worlds of orders and payments must have nothing to say that anybody in them hears.
func TestWhoOnlyListensIsExploredApart(t *testing.T) {
	talking := worlds.Choreography()
	for _, g := range worlds.Groups() {
		if slices.ContainsFunc(talking, func(other *saga.Group) bool { return other.Name() == g.Name() }) {
			continue
		}
		for _, r := range g.Reactions() {
			for _, said := range r.Says {
				for _, other := range talking {
					if other.Hears(said.Type) {
						t.Errorf("%s says %s, which %s hears: let it take part", g.Name(), said.Type, other.Name())
					}
				}
			}
		}
	}
}

// A world begins with facts that can be: what no door lets in, no group must cope with.
func TestWorldsAreWellMade(t *testing.T) {
	names := map[string]bool{}
	for _, w := range worlds.All() {
		if names[w.Name] || w.Name == "" || !strings.HasSuffix(w.About, ".") {
			t.Errorf("a world needs a name of its own, and a sentence: %q, %q", w.Name, w.About)
		}
		names[w.Name] = true
		for _, f := range w.Start {
			if v, ok := f.(interface{ Validate() error }); ok {
				if err := v.Validate(); err != nil {
					t.Errorf("%s begins with %s: %v", w.Name, f.EventType(), err)
				}
			}
		}
	}
	if _, ok := worlds.Find("one-order"); !ok || len(names) == 0 {
		t.Error("a world is found by its name")
	}
	if _, ok := worlds.Find("two"); ok {
		t.Error("a world is found by another's name")
	}
}
