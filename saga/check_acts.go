package saga

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// acts looks at each group's act: that it can begin, that what dooms its saga undoes it, and that it is past undoing in the end.
func (in *inspection) acts() {
	told := map[string]bool{} // of several dos of one group, once
	for _, n := range in.nodes {
		switch {
		case n.Role == RoleDoes:
			if len(n.Says) == 0 && !n.Silently {
				in.found("mute-do", n, fmt.Sprintf("write saga.Silently() on the line of %s, if it acts and says nothing, or saga.Says[...]() for what it says", n.Name),
					"%s declares nothing that it may say, so it never acts", n)
			}
			in.undone(n, told)
			in.settled(n)
		case n.Role == RoleUndoes && !n.EvenIfNothing:
			in.dead(n)
		case n.Role == RoleOnce && !n.settles():
			in.found("once-again", n, fmt.Sprintf("let it close the act: saga.Closes(), or saga.Ends[...]() for what it says, on the line of %s; or let a saga.Does hear the last of the facts", n.Name),
				"%s runs again upon each fact of its condition that is heard later", n)
		}
	}
}

// dead finds undos that never run: every do of the group settles the act at once, so before it there is nothing to undo, and after it
// that is too late, and nobody says so.
func (in *inspection) dead(undo *node) {
	if undo.tooLate != nil {
		return
	}
	var first *node
	for _, n := range in.nodes {
		if n.group != undo.group || n.Role != RoleDoes {
			continue
		}
		if n.StaysOpen() {
			return
		}
		first = cmp.Or(first, n)
	}
	if first == nil {
		return // only a mutant's do can be lost
	}
	in.found("dead-undo", undo, fmt.Sprintf("let a saga.Then(..., saga.Closes()) settle the act, upon the fact after which there is nothing to undo, and not %s; or write saga.EvenIfNothing() on the line of %s, if it is to answer; or take that away, unless it is to bar the act", first.Name, undo.Name),
		"%s never has anything to undo: %s settles the act at once", undo, first)
}

// undone finds what may doom the saga of an act while that can be undone, and does not undo it.
//
// An act is exposed to a failure if there is a way through the facts on which the act is done and not settled yet, and one on which
// the failure happens: neither excludes the other. It answers a fact by an undo that hears it, or by a reaction that settles it;
// or if somebody hears the fact all of whose outcomes it answers.
func (in *inspection) undone(do *node, told map[string]bool) {
	if do.Pivots || do.Closes || !do.Silently && do.settles() {
		return
	}
	var open []string
	for _, s := range in.stories {
		if !s.all.nodes[do] {
			continue
		}
		answered := in.answeredBy(s, do.group)
		for _, what := range append(in.failures(s, do, answered), in.verdicts(s, do, answered)...) {
			if !slices.Contains(open, what) {
				open = append(open, what)
			}
		}
	}
	facts := strings.Join(open, " or ")
	if len(open) == 0 || told[do.group.name+facts] {
		return
	}
	told[do.group.name+facts] = true
	mend := fmt.Sprintf("write saga.Undoes(..., saga.Upon[%s]()) into the declaration of %s; or saga.Closes() on the line of %s, if there is nothing to take back", in.types[open[0]].goType, do.group.name, do.Name)
	for _, n := range in.nodes {
		if n.group == do.group && n.Role == RoleUndoes {
			mend = fmt.Sprintf("write saga.Upon[%s]() on the line of %s", in.types[open[0]].goType, n.Name)
		}
	}
	in.found("no-undo", do, mend, "%s has acted, and %s may be said, upon which it is not undone", do, facts)
}

// failures are the facts with which another group dooms the story while the act may be done and open, and which it does not answer.
func (in *inspection) failures(s *story, do *node, answered map[string]bool) (out []string) {
	settling := map[string]bool{}
	for _, n := range in.nodes {
		if n.group == do.group && n.settles() && (n.Role == RoleThen || n.Role == RoleOnce) {
			for _, h := range n.Hears {
				settling[h.Type] = true
			}
		}
	}
	for _, n := range in.ordered(in.follow(s.from, course{up: settling}).nodes) {
		if n.group == do.group || n.group.outside || n.Role == RoleUndoes {
			continue
		}
		for _, f := range n.outcomes() {
			if n.failsWith(f) && !answered[f.Type] && in.dooms(s, n, f.Type) && !in.excludes(s, do, n) {
				out = append(out, f.Type)
			}
		}
	}
	return out
}

// verdicts are what judges of the story say, while the act may be done and they have not passed their pivot, if it answers nothing
// of it.
func (in *inspection) verdicts(s *story, do *node, answered map[string]bool) (out []string) {
	for _, judge := range in.ordered(s.all.nodes) {
		if judge.group == do.group || !in.judges(judge) || !slices.Contains(in.actors(s), judge.group) {
			continue
		}
		decided := map[*node]bool{}
		for _, n := range in.nodes {
			decided[n] = n.group == judge.group && n.Role != RoleUndoes && n.settles()
		}
		says := judge.outcomes()
		if len(says) > 0 && in.follow(s.from, course{without: decided}).nodes[do] && !slices.ContainsFunc(says, func(f Said) bool { return answered[f.Type] }) {
			out = append(out, says[0].Type)
		}
	}
	return out
}

// answeredBy are the facts that undo or settle the group's act in the story, whether it hears them or what must come of them.
func (in *inspection) answeredBy(s *story, g *Group) map[string]bool {
	answered := map[string]bool{}
	for _, n := range in.nodes {
		settles := n.Closes || slices.ContainsFunc(n.Says, func(s Said) bool { return s.Closes || s.Fails })
		if n.group == g && (n.Role == RoleUndoes || settles && (n.Role == RoleThen || n.Role == RoleOnce)) {
			for _, h := range n.Hears {
				answered[h.Type] = true
			}
		}
	}
	in.spread(s, answered)
	return answered
}

// spread adds the facts that somebody hears all of whose alternatives are in the set already, until there are no more. What begins the
// story is no step of it: who says that lets another saga begin.
func (in *inspection) spread(s *story, set map[string]bool) {
	for grown := true; grown; {
		grown = false
		for _, n := range in.nodes {
			says := n.alternatives()
			if n.group.outside || len(says) == 0 || slices.ContainsFunc(says, func(f Said) bool { return !set[f.Type] || slices.Contains(s.starts, f.Type) }) {
				continue
			}
			for _, h := range n.Hears {
				grown = grown || !set[h.Type]
				set[h.Type] = true
			}
		}
	}
}

// settled finds acts that are done and nothing ever settles, although nobody fails and the saga comes to its end.
func (in *inspection) settled(do *node) {
	takesPart := false
	for _, s := range in.stories {
		if !s.happy.nodes[do] || !s.endsHappily(s.happy) {
			continue
		}
		takesPart = true
		for n := range s.happy.nodes {
			if n.group == do.group && n.maySettle() {
				return
			}
		}
	}
	if takesPart {
		in.found("never-settled", do, fmt.Sprintf("write saga.Closes() on the line of %s, if there is nothing to undo; else saga.Then(..., saga.Closes()) for the fact after which there is not", do.Name),
			"%s has acted, nobody fails, and it is open for ever", do)
	}
}
