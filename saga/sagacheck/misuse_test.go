package sagacheck_test

import (
	"fmt"
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// What a world says and can't mean panics. An exploration would pass it over, and that would look like a proof.
func TestAWorldThatCannotBeMeantPanics(t *testing.T) {
	shared := func() sagacheck.World {
		w := shelf()
		w.Groups = append(w.Groups, saga.Define("store", saga.Documents(shelves)))
		return w
	}
	for _, tt := range []struct {
		name  string
		world sagacheck.World
		final func(sagacheck.View)
		want  string
	}{
		{"documents that two groups keep, at the start", shared(), nil, "stock and store both keep documents of type *sagacheck_test.Shelf"},
		{"documents that two groups keep, at an end", func() sagacheck.World {
			w := shared()
			w.Initially = nil
			return w
		}(), func(v sagacheck.View) { sagacheck.Document[Shelf](v, "s") }, "stock and store both keep documents of type *sagacheck_test.Shelf"},
		{
			"a type that nobody says", shelf(), func(v sagacheck.View) { v.Said("not-hold", "o1") },
			"nobody in this world says, hears or starts with a fact of type not-hold: the nearest is not-held",
		},
		{"a type to come again that nobody says", func() sagacheck.World {
			w := shelf()
			w.Again = []string{"placed", "palced"}
			return w
		}(), nil, "a fact of type palced: the nearest is placed"},
		{"a choice of two documents", func() sagacheck.World {
			w := shelf()
			w.Initially = []sagacheck.Choice{{Documents: []any{&Shelf{ID: "s", Free: 1}, &Shelf{ID: "t", Free: 1}}}}
			return w
		}(), nil, "this one has those of s and t in shelves"},
	} {
		w := tt.world
		w.Final = func(v sagacheck.View) string {
			if tt.final != nil {
				tt.final(v)
			}
			return ""
		}
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, tt.want) {
					t.Errorf("%s: %s, want %q", tt.name, got, tt.want)
				}
			}()
			// A replay does not explore, so it panics here, and not in a goroutine that nobody can look into.
			_, _ = sagacheck.Replay(w, []sagacheck.Step{placedStep()})
		}()
	}
}

// An exploration that passed over a type that nobody says would look like a proof: it panics where it is asked for, as a replay does.
func TestAnExplorationKnowsWhatComesAgain(t *testing.T) {
	w := shelf()
	w.Again = []string{"palced"}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "a fact of type palced: the nearest is placed") {
			t.Errorf("it says %q", got)
		}
	}()
	sagacheck.Explore(w)
}

// Who stands aside, and has no part in a replay, is of the world all the same: of what he keeps and says one may ask.
func TestAReplayKnowsWhoStandsAside(t *testing.T) {
	w := shelf()
	w.Aside = []*saga.Group{counter(), writer()}
	w.Initially = append(w.Initially, sagacheck.Choice{Documents: []any{&Tally{ID: "all"}}})
	w.Final = func(v sagacheck.View) string {
		if sagacheck.Document[Tally](v, "all") != nil || v.Said("wrote", "o1") > 0 {
			return "they have no part in it"
		}
		return ""
	}
	twice := placedStep()
	twice.Again = []string{"placed"}
	for _, start := range []sagacheck.Step{placedStep(), twice} {
		if r, err := sagacheck.Replay(w, []sagacheck.Step{start}); err != nil || len(r.Findings) > 0 {
			t.Errorf("%v %v", r.Findings, err)
		}
	}
}

// placedStep begins a replay of the world of a shelf.
func placedStep() sagacheck.Step {
	return sagacheck.Step{Who: "everybody", Does: sagacheck.Starts, Says: []sagacheck.Saying{{Type: "placed", Key: "o1"}}}
}
