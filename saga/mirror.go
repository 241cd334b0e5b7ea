package saga

import (
	"context"
	"fmt"
	"slices"
)

// Mirrors: fn gets copies of the table's documents that a batch has changed, once that is committed. It is for caches and
// other copies that may be lost: reactions are pure, so none of them writes a cache.
//
// The runtime does its best, and promises nothing. fn runs beside the loop and never holds it up; of several changes of one
// document it may get the last one only; what comes while too many documents wait, what fn fails on, and what was on its way
// when the process died is never handed over. Two processes may hand over changes of one document in the wrong order.
// So a copy should have a version in it, which never goes back, and a time to live.
func Mirrors[D any](t *Table[D], fn func(ctx context.Context, changed []D) error) Part {
	return func(g *Group) {
		switch {
		case fn == nil:
			g.wrong("the mirror of %s is nil: give a function, or leave the saga.Mirrors out", t.name)
		case !slices.Contains(g.tables, AnyTable(t)):
			g.wrong("mirrors %s: add that table to saga.Documents(...)", t.name)
		case g.mirrors[t] != nil:
			g.wrong("mirrors %s twice: leave one", t.name)
		}
		g.mirrors[t] = func(ctx context.Context, documents []any) error {
			changed := make([]D, len(documents))
			for i, d := range documents {
				changed[i] = *d.(*D)
			}
			return fn(ctx, changed)
		}
	}
}

// Mirrored says whether the table's changes are to be handed to a mirror.
func (g *Group) Mirrored(t AnyTable) bool { return g.mirrors[t] != nil }

// Mirror hands documents of a table to its mirror. A panic is an error.
func (g *Group) Mirror(ctx context.Context, t AnyTable, documents []any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the mirror of %s panics: %v", t.Name(), p)
		}
	}()
	return g.mirrors[t](ctx, documents)
}
