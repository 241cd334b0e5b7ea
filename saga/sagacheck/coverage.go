package sagacheck

import (
	"slices"
	"sort"

	"tiffin/saga"
)

// Coverage is what was declared, and whether an exploration has seen it.
type Coverage map[Covered]bool

// Covered is something that is declared: that a reaction runs, that it says a fact (Says), or that the group's act reaches a state.
type Covered struct {
	Group, Reaction string
	Says            string     // a fact that the reaction may say; empty: that it runs at all
	State           saga.State // with Reaction empty: a state of the act
}

// String is the outcome as a gap reads: "kitchen.ask says kitchen.asked".
func (c Covered) String() string {
	switch {
	case c.Reaction == "":
		return c.Group + " is " + string(c.State)
	case c.Says == "":
		return c.Group + "." + c.Reaction + " runs"
	}
	return c.Group + "." + c.Reaction + " says " + c.Says
}

// declared is all that groups declare, not seen yet. What only collects ([saga.On], [saga.Records]) has no outcome that an
// end could lack, unless it says something.
func declared(groups []*saga.Group) Coverage {
	c := Coverage{}
	for _, g := range groups {
		for _, r := range g.Reactions() {
			if r.Role != saga.RoleOn && r.Role != saga.RoleRecords {
				for _, name := range []string{r.Name, r.TooLateName, r.RefusesName} {
					if name != "" {
						c[Covered{Group: g.Name(), Reaction: name}] = false
					}
				}
			}
			for _, s := range r.Says {
				c[Covered{Group: g.Name(), Reaction: r.Name, Says: s.Type}] = false
			}
		}
	}
	return c
}

// Union is what one or the other has seen.
func (c Coverage) Union(other Coverage) Coverage {
	out := Coverage{}
	for _, from := range []Coverage{c, other} {
		for what, seen := range from {
			out[what] = out[what] || seen
		}
	}
	return out
}

// Gaps lists what is declared and was never seen, sorted: "kitchen.refuse never runs".
func (c Coverage) Gaps() (out []string) {
	for what, seen := range c {
		switch {
		case seen || what.Reaction == "":
		case what.Says == "":
			out = append(out, what.Group+"."+what.Reaction+" never runs")
		default:
			out = append(out, what.Group+"."+what.Reaction+" never says "+what.Says)
		}
	}
	sort.Strings(out)
	return out
}

// cover notes what of the declarations an outcome has shown.
func (e *explorer) cover(g *saga.Group, got saga.Outcome, out *outcome) {
	for _, name := range got.Ran {
		e.coverage[Covered{Group: g.Name(), Reaction: name}] = true
	}
	for _, r := range e.reactions[g] {
		ran := slices.ContainsFunc(got.Ran, func(name string) bool {
			return name != "" && (name == r.Name || name == r.TooLateName || name == r.RefusesName)
		})
		if !ran {
			continue
		}
		for _, f := range got.Facts {
			what := Covered{Group: g.Name(), Reaction: r.Name, Says: f.EventType()}
			if _, declared := e.coverage[what]; declared {
				e.coverage[what] = true
			}
		}
	}
	for _, w := range out.writes {
		if p := e.places[w.slot]; p.b == 0 && g.HasAct() {
			t := g.Tables()[0]
			if a := t.Act(saga.Decode(e.documents[w.value].image, t)); a.State() != saga.New {
				e.coverage[Covered{Group: g.Name(), State: a.State()}] = true
			}
		}
	}
}
