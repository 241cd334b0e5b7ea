package sagacheck

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"tiffin/saga"
)

// Coverage is what was declared, and whether an exploration has seen it.
type Coverage map[Covered]bool

// Covered is something that is declared: that a reaction runs, that it says a fact (Says), or that the group's act reaches
// a state.
type Covered struct {
	Group, Reaction string
	Role            saga.Role  // of the reaction, for one function may be several; for a refusal that of what it refuses
	Says            string     // a fact that the reaction may say; empty: that it runs at all, and an undo that it undoes something
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
						c[Covered{Group: g.Name(), Reaction: name, Role: r.Role}] = false
					}
				}
			}
			for _, s := range r.Says {
				c[Covered{Group: g.Name(), Reaction: r.Name, Role: r.Role, Says: s.Type}] = false
			}
		}
		for _, state := range actStates(g) {
			c[Covered{Group: g.Name(), State: state}] = false
		}
	}
	return c
}

// actStates are the states that a group's act may reach, by its declaration.
func actStates(g *saga.Group) (out []saga.State) {
	may := map[saga.State]bool{}
	for _, r := range g.Reactions() {
		for _, s := range r.Says {
			may[saga.Refused] = may[saga.Refused] || s.Fails
			may[saga.Closed] = may[saga.Closed] || s.Closes
		}
		may[saga.Closed] = may[saga.Closed] || r.Closes
		switch r.Role {
		case saga.RoleDoes:
			may[saga.Done] = may[saga.Done] || r.StaysOpen()
			may[saga.Refused] = may[saga.Refused] || r.RefusesName != ""
		case saga.RoleUndoes:
			may[saga.Undone], may[saga.Barred] = !r.Closes, true
		}
	}
	for _, state := range states {
		if may[state] && g.HasAct() {
			out = append(out, state)
		}
	}
	return out
}

// states are those of acts, in the order in which they are listed.
var states = []saga.State{saga.Done, saga.Refused, saga.Undone, saga.Barred, saga.Closed}

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
			out = append(out, c.name(what)+" never runs")
		default:
			out = append(out, c.name(what)+" never says "+what.Says)
		}
	}
	sort.Strings(out)
	return out
}

// name is a reaction's name: "kitchen.refuse"; with its role if there is another one of this name: "kitchen.giveUp (undoes)".
func (c Coverage) name(of Covered) string {
	name := of.Group + "." + of.Reaction
	for other := range c {
		if other.Group == of.Group && other.Reaction == of.Reaction && other.Role != of.Role {
			return name + " (" + string(of.Role) + ")"
		}
	}
	return name
}

// String lists for each group how many of its outcomes were seen, which states its act has reached, and what was not.
func (c Coverage) String() string {
	var groups []string
	seen, all, wide := map[string]int{}, map[string]int{}, 0
	for what, is := range c {
		if _, known := all[what.Group]; !known {
			groups, all[what.Group] = append(groups, what.Group), 0
			wide = max(wide, len(what.Group))
		}
		if what.Reaction != "" {
			all[what.Group]++
			if is {
				seen[what.Group]++
			}
		}
	}
	sort.Strings(groups)
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "%-*s  %2d of %2d outcomes%s\n", wide, g, seen[g], all[g], c.acts(g))
		for _, gap := range c.holes(g) {
			fmt.Fprintf(&b, "%*s  %s\n", wide, "", gap)
		}
	}
	return b.String()
}

// acts says which states a group's act has reached, and which it has not.
func (c Coverage) acts(group string) string {
	var reached, not []string
	for _, state := range states {
		if is, declared := c[Covered{Group: group, State: state}]; is {
			reached = append(reached, string(state))
		} else if declared {
			not = append(not, string(state))
		}
	}
	out := ""
	if len(reached) > 0 {
		out += "; its act was " + strings.Join(reached, ", ")
	}
	if len(not) > 0 {
		out += "; never " + strings.Join(not, ", ")
	}
	return out
}

// holes are a group's gaps, each with the question that it asks. Of a reaction that never runs it is not said what it does
// not say.
func (c Coverage) holes(group string) (out []string) {
	for what, seen := range c {
		runs, declared := c[Covered{Group: what.Group, Reaction: what.Reaction, Role: what.Role}]
		switch {
		case seen || what.Reaction == "" || what.Group != group:
		case what.Says == "":
			out = append(out, c.name(what)+" never runs: is it dead, or does no world ask for it?")
		case runs || !declared:
			out = append(out, c.name(what)+" never says "+what.Says+": can't it, or does no world ask for it?")
		}
	}
	sort.Strings(out)
	return out
}

// cover notes what of the declarations an outcome has shown.
func (e *explorer) cover(g *saga.Group, c saga.Cause, got saga.Outcome, out *outcome) {
	for _, r := range e.reactions[g] {
		ran := false
		for _, name := range []string{r.Name, r.TooLateName, r.RefusesName} {
			if name == "" || !slices.Contains(got.Ran, name) || !reactsTo(r, c) {
				continue
			}
			ran = true
			if r.Role != saga.RoleUndoes || name != r.Name || !undoable(g) || !e.isNew(g, out) {
				e.coverage[Covered{Group: g.Name(), Reaction: name, Role: r.Role}] = true
			}
		}
		if !ran {
			continue
		}
		for _, f := range got.Facts {
			what := Covered{Group: g.Name(), Reaction: r.Name, Role: r.Role, Says: f.EventType()}
			if _, declared := e.coverage[what]; declared {
				e.coverage[what] = true
			}
		}
	}
	for _, w := range out.writes {
		if p := e.places[w.slot]; p.b == 0 && g.HasAct() {
			if a := e.actOf(g, w.value); a.State() != saga.New {
				e.coverage[Covered{Group: g.Name(), State: a.State()}] = true
			}
		}
	}
}

// undoable says whether a group's act may ever stand where an undo has something to undo. If so, an undo that ran when there was nothing
// ([saga.EvenIfNothing]) has not been seen to undo anything. A judge whose every do is the pivot has no other undo.
func undoable(g *saga.Group) bool {
	return slices.ContainsFunc(g.Reactions(), func(r saga.Reaction) bool { return r.Role == saga.RoleDoes && r.StaysOpen() && !r.Pivots })
}

// isNew says whether what came to an outcome found the group's act new: then an undo had nothing to undo.
func (e *explorer) isNew(g *saga.Group, out *outcome) bool {
	i := slices.IndexFunc(out.reads, func(r slotValue) bool { return e.places[r.slot].b == 0 })
	return i < 0 || out.reads[i].value == 0 || e.actOf(g, out.reads[i].value).State() == saga.New
}

// reactsTo says whether a reaction is one to this cause: of those that are one function, it tells which one ran.
func reactsTo(r saga.Reaction, c saga.Cause) bool {
	switch {
	case c.Attempt == nil && c.Fact == nil:
		return r.Role == saga.RoleElse
	case c.Attempt == nil:
		return slices.ContainsFunc(r.Hears, func(f saga.FactType) bool { return f.Type == c.Type })
	case c.Attempt.Failure != "":
		return r.Role == saga.RoleNotPerformed && r.Effect == c.Attempt.Effect
	}
	return r.Role == saga.RolePerformed && r.Effect == c.Attempt.Effect
}
