package saga

import (
	"fmt"
	"slices"
	"strings"
)

// ends looks at how each saga ends: that somebody says so, when all goes well and when something fails.
func (in *inspection) ends() {
	told := map[string]bool{} // by several stories, once
	for _, s := range in.stories {
		actors := in.actors(s)
		if len(actors) < 2 {
			continue // who acts alone knows when it is done
		}
		first := append(in.hearers(s.starts[0], RoleDoes, RoleOn), in.hearers(s.starts[0], RoleOnce)...)[0]
		begins := strings.Join(s.starts, " and ")
		switch {
		case !s.owned:
			in.found("no-owner", first, "write saga.Once(saga.AllOf(...), ..., saga.Ends[...]()) into the group that is to say it",
				"what begins with %s goes through %s and %s, and nobody says that it is over", begins, actors[0].name, actors[1].name)
		case !s.endsHappily(s.happy):
			in.found("path-without-end", first, "let one with saga.Ends[...]() hear the last fact of what goes well",
				"what begins with %s is never said to be over if nobody fails", begins)
		default:
			in.failuresEnd(s, told)
			in.goesOn(s, told)
		}
	}
}

// goesOn finds acts that are done, and then the saga does not go on: what they say leads to no end of it, and they wait for nothing. A
// step aside, from what somebody else takes to the end, need not lead there; it is enough if it moves anybody.
func (in *inspection) goesOn(s *story, told map[string]bool) {
	leads := in.leadToEnd(s)
	for _, n := range in.ordered(s.happy.nodes) {
		if n.Role != RoleDoes || len(n.leads) > 0 || n.maySettle() || in.open {
			continue
		}
		says := slices.DeleteFunc(n.outcomes(), func(f Said) bool { return f.Fails })
		takes := func(eventType string, by func(*node) bool) bool {
			return slices.ContainsFunc(in.heard[eventType], func(m *node) bool { return leads[m] && by(m) })
		}
		aside := slices.ContainsFunc(n.Hears, func(h FactType) bool {
			return takes(h.Type, func(m *node) bool { // whatever ends the saga hears what began it, too
				return m.group != n.group && (m.Role != RoleOnce || !slices.Contains(s.starts, h.Type))
			})
		})
		goesOn := func(f Said) bool {
			return takes(f.Type, func(*node) bool { return true }) || aside && in.moves(f.Type)
		}
		if len(says) == 0 || told[says[0].Type] || slices.ContainsFunc(says, goesOn) {
			continue
		}
		told[says[0].Type] = true
		in.found("path-without-end", n, fmt.Sprintf("let the next group's saga.Does hear %s, or the saga.Once that ends the saga", says[0].goType),
			"once %s has said %s, nothing more comes of it", n, says[0].Type)
	}
}

// leadToEnd are the reactions of the story from which it may come to an end, whatever that is.
func (in *inspection) leadToEnd(s *story) map[*node]bool {
	leads := map[*node]bool{}
	for n := range s.ends {
		leads[n] = true
	}
	for grown := true; grown; {
		grown = false
		for n := range s.all.nodes {
			next := slices.Clone(n.leads)
			for _, f := range n.Says {
				next = append(next, in.heard[f.Type]...)
			}
			if !leads[n] && slices.ContainsFunc(next, func(m *node) bool { return leads[m] }) {
				leads[n], grown = true, true
			}
		}
	}
	return leads
}

// moves says whether the fact moves an act, or makes anybody say anything.
func (in *inspection) moves(eventType string) bool {
	return slices.ContainsFunc(in.heard[eventType], func(n *node) bool {
		return n.Role != RoleRecords && n.Role != RoleFollows && (n.Role != RoleOn || len(n.Says) > 0)
	})
}

// failuresEnd finds facts that doom a saga and after which nobody says that it is over. A fact leads to an end if somebody hears it who
// may say the end, or if somebody hears it all of whose outcomes lead to one.
func (in *inspection) failuresEnd(s *story, told map[string]bool) {
	ended := map[string]bool{}
	for n := range s.ends {
		for _, h := range n.Hears {
			ended[h.Type] = true
		}
		for _, said := range n.Says {
			ended[said.Type] = true
		}
	}
	for _, n := range in.nodes { // a group that began the saga, and owns its end, may also fail or undo
		if len(n.Says) > 0 && in.owns(s, n.group) {
			for _, said := range n.Says {
				ended[said.Type] = ended[said.Type] || n.failsWith(said) || n.Role == RoleUndoes
			}
		}
	}
	in.spread(s, ended)
	for _, n := range in.ordered(s.all.nodes) {
		if n.Role == RoleUndoes {
			in.verdictEnds(s, n, ended, told)
			continue
		}
		for _, f := range n.outcomes() {
			if n.failsWith(f) && !ended[f.Type] && !told[f.Type] && in.dooms(s, n, f.Type) {
				told[f.Type] = true
				in.found("path-without-end", n, fmt.Sprintf("let who says the end hear %s, or what must come of it", f.goType), "once %s has said %s, nobody says that the saga is over", n, f.Type)
			}
		}
	}
}

func (in *inspection) verdictEnds(s *story, n *node, ended, told map[string]bool) {
	says := n.outcomes()
	if !in.judges(n) || len(says) == 0 || !slices.Contains(in.actors(s), n.group) || told[says[0].Type] {
		return
	}
	if !slices.ContainsFunc(says, func(f Said) bool { return ended[f.Type] }) {
		told[says[0].Type] = true
		in.found("path-without-end", n, fmt.Sprintf("let who says the end hear %s, or what must come of it", says[0].goType), "once %s has said %s, nobody says that the saga is over", n, says[0].Type)
	}
}

// owns says whether the group says the end because it began the saga.
func (in *inspection) owns(s *story, g *Group) bool {
	for n := range s.ends {
		if n.group == g {
			return in.beginsWith(g, s) && !slices.ContainsFunc(n.Says, func(f Said) bool { return f.Ends })
		}
	}
	return false
}

// cycles finds facts that lead to each other for ever. What runs once for an act (a do, an undo, an answer to a wait, what
// settles) ends a cycle by itself; of those that only have reactions which may run again and again, at least one must be able
// to say something else. That it may say nothing does not show in its declaration.
func (in *inspection) cycles() {
	next := map[*node]map[*node]bool{}
	var again []*node
	for _, n := range in.nodes {
		switch n.Role {
		case RoleOn, RolePerformed, RoleNotPerformed:
			again = append(again, n)
		case RoleThen, RoleOnce:
			if n.Wait == "" && !n.settles() {
				again = append(again, n)
			}
		}
	}
	for _, n := range again {
		next[n] = in.after(n, again)
	}
	done := map[*node]bool{}
	for _, n := range again {
		if done[n] || !next[n][n] {
			continue
		}
		var circle []*node
		for _, m := range again {
			if next[n][m] && next[m][n] {
				circle, done[m] = append(circle, m), true
			}
		}
		if !in.leaves(circle) {
			names := make([]string, len(circle))
			for i, m := range circle {
				names[i] = m.String()
			}
			in.found("endless-cycle", n, fmt.Sprintf("let %s say something else once it is enough, or make it a saga.Does, which runs once", n.Name), "what %s say leads back to them, for ever", strings.Join(names, " and "))
		}
	}
}

// after are those of the nodes to which this one leads, by any number of facts.
func (in *inspection) after(from *node, among []*node) map[*node]bool {
	out := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		next := slices.Clone(n.leads)
		for _, s := range n.Says {
			next = append(next, in.heard[s.Type]...)
		}
		for _, m := range next {
			if !out[m] && slices.Contains(among, m) {
				out[m] = true
				visit(m)
			}
		}
	}
	visit(from)
	return out
}

// leaves says whether any of these may end its act, or lead to anything else.
func (in *inspection) leaves(circle []*node) bool {
	inside := func(m *node) bool { return slices.Contains(circle, m) }
	for _, n := range circle {
		for _, s := range n.Says {
			if s.Fails || s.Closes || !slices.ContainsFunc(in.heard[s.Type], inside) {
				return true
			}
		}
		if slices.ContainsFunc(n.leads, func(m *node) bool { return !inside(m) && len(m.Says) > 0 }) {
			return true
		}
	}
	return false
}
