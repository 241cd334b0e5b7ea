package saga_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

func TestAMirrorGetsCopies(t *testing.T) {
	var got []Shelf
	g := group(does, saga.Mirrors(shelves, func(_ context.Context, changed []Shelf) error {
		if changed[0].ID == "cursed" {
			panic("glass breaks")
		}
		got = changed
		return nil
	}))
	if !g.Mirrored(shelves) || g.Mirrored(jobs) {
		t.Error("the group does not know what it mirrors")
	}
	if err := g.Mirror(t.Context(), shelves, []any{&Shelf{"a", 1}, &Shelf{"b", 2}}); err != nil || !slices.Equal(got, []Shelf{{"a", 1}, {"b", 2}}) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := g.Mirror(t.Context(), shelves, []any{&Shelf{ID: "cursed"}}); err == nil || !strings.Contains(err.Error(), "the mirror of shelves panics: glass breaks") {
		t.Errorf("error %v", err)
	}
	sagatest.Group(t, g).Hears(asked).Says(begun) // nothing else knows of mirrors
}

func TestACopyStaysAsItWas(t *testing.T) {
	var w saga.Working
	d := w.Put(shelves, "a", &Shelf{"a", 1}, true)
	copied := d.Copy().(*Shelf)
	d.Value.(*Shelf).Free = 2
	if *copied != (Shelf{"a", 1}) {
		t.Errorf("the copy is %+v", *copied)
	}
}

func TestAGroupSaysWhatItExpects(t *testing.T) {
	g := group(saga.On(func(saga.Event[Asked]) []saga.Fact { return nil }, saga.Loads(jobOf)),
		saga.On(func(saga.Event[Checked]) []saga.Fact { return nil }, saga.Loads(func(Checked) []saga.Need { panic("no idea") })))
	if got := g.Expects(asked); !slices.Equal(got, []saga.Need{{Table: jobs, Key: "1"}}) {
		t.Errorf("it expects %v", got)
	}
	if got := append(g.Expects(checked), g.Expects(answered)...); got != nil {
		t.Errorf("it expects %v", got)
	}
}
