package sagacheck_test

import (
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// part is a part of a sum.
type part struct {
	ID       string
	Shard, N int
	Last     string
}

// Which part of a sharded document a reaction gets is the runtime's choice: what depends on it is found, and what only adds is not.
func TestWhatDependsOnThePartOfASumIsFound(t *testing.T) {
	sums := saga.In("sums", func(p *part) saga.Columns {
		return saga.Columns{{Name: "id", At: &p.ID}, {Name: "shard", At: &p.Shard}, {Name: "n", At: &p.N}, {Name: "last", At: &p.Last}}
	}).Sharded(func(p *part) *int { return &p.Shard })
	for _, tt := range []struct {
		name  string
		upon  func(*part, saga.Cause) []saga.Fact
		wrong bool
	}{
		{"takes away, below zero too", func(p *part, _ saga.Cause) []saga.Fact { p.N -= 2; return nil }, false},
		{"notes what came last", func(p *part, c saga.Cause) []saga.Fact { p.Last = c.Type; return nil }, false},
		{"panics on another shard", func(p *part, _ saga.Cause) []saga.Fact { _ = 1 / (1 - p.Shard); return nil }, true},
		{"panics on an empty part", func(p *part, _ saga.Cause) []saga.Fact { _ = 1 / p.N; return nil }, true},
		{"says what is there", func(p *part, c saga.Cause) []saga.Fact {
			return saga.Say(Told{toOrders{order{c.Key}}, p.N})
		}, true},
	} {
		counts := saga.Define("counts", saga.Documents(sums),
			saga.On(func(e saga.Event[Placed]) []saga.Fact {
				sums.Get(e, "all").N++
				return saga.Say(Held{toStock{order{e.Key}}})
			}, saga.Uses(sums), saga.Says[Held]()),
			saga.On(func(e saga.Event[Held]) []saga.Fact { return tt.upon(sums.Get(e, "all"), e.Cause) }, saga.Uses(sums), saga.Announces[Told]()))
		r := sagacheck.Verify(sagacheck.World{Groups: []*saga.Group{counts}, Start: saga.Say(Placed{toOrders{order{"o1"}}}), Crashes: true})
		got := strings.Join(whats(r), "\n")
		if tt.wrong != strings.Contains(got, "depends on which part of sums it gets") || !tt.wrong && got != "" {
			t.Errorf("%s: %v %q", tt.name, r, got)
		}
	}
}
