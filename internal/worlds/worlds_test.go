package worlds_test

import (
	"slices"
	"strings"
	"testing"

	"tiffin/internal/worlds"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// P3: every saga ends, all done or all undone, whatever fails, in every interleaving. P2: what is delivered again, or dies
// between commit and send, changes no end.
func TestTheChoreographyHoldsInEverySmallWorld(t *testing.T) {
	for _, w := range worlds.Small() {
		t.Run(w.Name, func(t *testing.T) {
			if r := sagacheck.Prove(t, w); r.Ends == 0 {
				t.Error("no run has an end")
			}
		})
	}
}

// Every outcome that a group declares is seen in some world: what can't happen is a dead declaration.
func TestTheWorldsCoverEveryOutcome(t *testing.T) {
	coverage := sagacheck.Coverage{}
	for _, w := range worlds.Small() {
		coverage = coverage.Union(sagacheck.Explore(calm(w)).Coverage)
	}
	for _, gap := range coverage.Gaps() {
		t.Errorf("a hole in the worlds, or a dead declaration: %s", gap)
	}
	groups := map[string]bool{}
	for what := range coverage {
		groups[what.Group] = true
	}
	for _, g := range worlds.Groups() {
		if !groups[g.Name()] {
			t.Errorf("%s is in no world", g.Name())
		}
	}
}

// calm is the world without faults.
func calm(w sagacheck.World) sagacheck.World {
	w.Crashes, w.Duplicates, w.Again = false, 0, nil
	return w
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
	for _, w := range append(worlds.Small(), worlds.Large()...) {
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
	for _, name := range []string{"one-order", "two-orders"} {
		if w, ok := worlds.Find(name); !ok || w.Name != name {
			t.Errorf("the world %s is found by its name: %v %s", name, ok, w.Name)
		}
	}
	if _, ok := worlds.Find("two"); ok {
		t.Error("a world is found by a name that is not its own")
	}
}
