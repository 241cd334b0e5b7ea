package main

import (
	"context"
	"errors"
	"fmt"
)

// experiment measures one or several rows of the table at once: what two sides do that take turns.
type experiment struct {
	id   string // B1, of the table
	name string // what it is about
	rows []row
	runs int // counted pairs, unless -runs says otherwise
	open func(ctx context.Context, l *lab) (*contest, error)
}

// row is one line of the table: what is measured, and what it is measured against.
type row struct {
	what string
	// against is what side b does. Empty if there is none: then the figures of a stand for themselves.
	against string
	unit    string
	goal    goal
}

// side does what is to be measured once, and returns a figure for each of its experiment's rows. Side b leaves out those at the end
// that have nothing to be measured against.
type side func(ctx context.Context) ([]float64, error)

// contest is an experiment whose servers run.
type contest struct {
	a, b  side // b is nil if no row has anything to be measured against
	notes func() []string
	close func() error
}

// pairs are the figures of one row, by pair.
type pairs struct{ a, b []float64 }

// measure lets the sides take turns. The first pair only warms up: a cold broker costs three times the CPU of a warm one. What was measured
// before an error, or before ctx ended, counts.
func (e experiment) measure(ctx context.Context, l *lab, runs int) (results []result) {
	figures := make([]pairs, len(e.rows))
	var notes []string
	err := func() (err error) {
		c, err := e.open(ctx, l)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.close()) }()
		for i := range runs + 1 {
			l.progress("%s %s: pair %d of %d", e.id, e.name, i, runs)
			pair, err := e.pair(ctx, c)
			if err != nil {
				return err
			}
			if i > 0 {
				for r := range figures {
					figures[r].a = append(figures[r].a, pair[r].a...)
					figures[r].b = append(figures[r].b, pair[r].b...)
				}
			}
		}
		if c.notes != nil {
			notes = c.notes()
		}
		return nil
	}()
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	for i, r := range e.rows {
		results = append(results, r.result(e.id, figures[i], err))
	}
	if len(results) > 0 {
		results[0].Notes = notes
	}
	return results
}

var errInterrupted = errors.New("interrupted")

// pair lets each side have its turn.
func (e experiment) pair(ctx context.Context, c *contest) ([]pairs, error) {
	out := make([]pairs, len(e.rows))
	a, err := c.a(ctx)
	if err != nil {
		return nil, err
	}
	var b []float64
	if c.b != nil {
		if b, err = c.b(ctx); err != nil {
			return nil, fmt.Errorf("the other side: %w", err)
		}
	}
	for i, r := range e.rows {
		if i >= len(a) || r.against != "" && i >= len(b) {
			return nil, fmt.Errorf("row %d, %s, has no figure: %d and %d for %d rows", i+1, r.what, len(a), len(b), len(e.rows))
		}
		out[i].a = []float64{a[i]}
		if r.against != "" {
			out[i].b = []float64{b[i]}
		}
	}
	return out, nil
}

// result makes a row's line of its figures. An error does not take away what was measured before.
func (r row) result(id string, p pairs, err error) result {
	out := result{ID: id, What: r.what, Against: r.against, Unit: r.unit, Goal: r.goal.String(), Pairs: len(p.a)}
	if err != nil {
		out.Error = err.Error()
	}
	if len(p.a) == 0 {
		return out
	}
	a := spreadOf(p.a)
	out.A = &a
	judged := a
	if r.against != "" {
		b, ratio := spreadOf(p.b), spreadOf(ratios(p))
		out.B, out.Ratio, judged = &b, &ratio, ratio
	}
	if r.goal.set() {
		met := r.goal.met(judged.Median)
		out.Met = &met
	}
	return out
}
