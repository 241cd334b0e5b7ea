package sagamap

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tiffin/saga"
)

// Focus is what a drawing is about. Its zero value is everything.
type Focus struct {
	// Groups: only these, and what touches them.
	Groups []string
	// Fact: only who would notice if facts of this type changed their meaning: who says them, who hears them, and what may
	// follow from that.
	Fact string
	// Ends: the ways to facts of these types. A picture has the rest in grey, a text leaves it out.
	//
	// A way is made of who hears whom, and of what an act must have been through before. It knows nothing of what is in the
	// facts: what leads to the end of some sagas alone is on the way to all that end so.
	Ends []string
}

// Check says what is wrong with a focus: names that the map does not know.
func (m *Map) Check(f Focus) error {
	var faults []error
	for _, name := range f.Groups {
		if m.group(name) == nil {
			var known []string
			for _, g := range m.groups {
				known = append(known, g.Name())
			}
			faults = append(faults, fmt.Errorf("there is no group %q: choose some of %s", name, strings.Join(known, ", ")))
		}
	}
	facts := f.Ends
	if f.Fact != "" {
		facts = append(slices.Clone(facts), f.Fact)
	}
	for _, fact := range facts {
		if m.says[fact] == nil && m.hears[fact] == nil {
			faults = append(faults, fmt.Errorf("there is no fact %q: choose of %s", fact, strings.Join(m.Facts(""), ", ")))
		}
	}
	if f.Fact != "" && len(f.Ends) > 0 {
		faults = append(faults, errors.New("what follows from a fact and the ways to an end are two drawings: ask for one of them"))
	}
	return errors.Join(faults...)
}

// arrow is a fact that goes from one who says it to a reaction that hears it.
type arrow struct {
	from, to string
	fact     saga.FactType
	reaction int  // that hears it
	undoes   bool // the reaction is an undo
	dim      bool // not what the drawing is about
}

// arrows are what a picture shows, by who hears, in the order of the map. What a group only writes down or remembers is left
// out, for the groups that collect hear everything, unless the picture is about that very fact.
func (m *Map) arrows(f Focus) []arrow {
	follows, ways := m.follows(f.Fact), m.ways(f.Ends)
	var arrows []arrow
	for i, r := range m.reactions {
		for _, heard := range r.Hears {
			collects := (r.Role == saga.RoleRecords || r.Role == saga.RoleFollows) && len(r.Requests) == 0
			if collects && heard.Type != f.Fact || f.Fact != "" && !follows.facts[heard.Type] {
				continue
			}
			for _, from := range m.Speakers(heard.Type) {
				to := r.group.Name()
				if len(f.Groups) == 0 || slices.Contains(f.Groups, from) || slices.Contains(f.Groups, to) {
					arrows = append(arrows, arrow{from, to, heard, i, r.Role == saga.RoleUndoes, len(f.Ends) > 0 && !ways[i]})
				}
			}
		}
	}
	return slices.DeleteFunc(arrows, func(dim arrow) bool {
		return dim.dim && slices.ContainsFunc(arrows, func(a arrow) bool {
			return !a.dim && a.from == dim.from && a.to == dim.to && a.fact.Type == dim.fact.Type && a.undoes == dim.undoes
		})
	})
}

// consequences are what may follow from a fact: reactions in the order in which they are reached, and what these say.
type consequences struct {
	reached []reached
	facts   map[string]bool // the first one included
}

// reached is a reaction that may run because of a fact.
type reached struct {
	reaction int
	by       []string // what it hears of all that may follow; none if it runs when a time is over, or an effect is
	depth    int      // 1 if it hears the fact itself
}

// follows is what may follow from facts of a type.
func (m *Map) follows(fact string) consequences {
	out := consequences{facts: map[string]bool{}}
	if fact == "" {
		return out
	}
	places := map[int]int{} // of reactions, in reached
	facts := []string{fact}
	out.facts[fact] = true
	for depth := 1; len(facts) > 0; depth++ {
		first := len(out.reached)
		reach := func(reactions []int, by ...string) {
			for _, i := range reactions {
				place, known := places[i]
				switch {
				case !known:
					places[i] = len(out.reached)
					out.reached = append(out.reached, reached{i, by, depth})
				case place >= first:
					out.reached[place].by = append(out.reached[place].by, by...)
				}
			}
		}
		for _, f := range facts {
			reach(m.hears[f], f)
		}
		for at := first; at < len(out.reached); at++ {
			reach(m.leadsTo(out.reached[at].reaction))
		}
		facts = nil
		for _, r := range out.reached[first:] {
			for _, s := range m.reactions[r.reaction].Says {
				if !out.facts[s.Type] {
					out.facts[s.Type] = true
					facts = append(facts, s.Type)
				}
			}
		}
	}
	return out
}

// leadsTo are the reactions of the same group that may run after this one without hearing anything more: the Else of the wait
// that it begins, and those to the outcomes of the effects that it requests.
func (m *Map) leadsTo(i int) []int {
	r := m.reactions[i]
	next := r.Next()
	var led []int
	for j, other := range m.reactions {
		if other.group == r.group && (next != "" && other.Role == saga.RoleElse && other.Name == next || other.Effect != "" && slices.Contains(r.Requests, other.Effect)) {
			led = append(led, j)
		}
	}
	return led
}

// ways are the reactions on the ways to facts of these types.
func (m *Map) ways(ends []string) map[int]bool {
	on := map[int]bool{}
	var open []int
	add := func(reactions []int) {
		for _, i := range reactions {
			if !on[i] {
				on[i] = true
				open = append(open, i)
			}
		}
	}
	for _, end := range ends {
		add(m.says[end])
	}
	for len(open) > 0 {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		for _, f := range m.reactions[i].Hears {
			add(m.says[f.Type])
		}
		add(m.before(i))
	}
	return on
}

// before are the reactions of the same group that must have run before this one can: one of those that begin its wait, or of the dos, or of
// those that request the effect; and before what is too late, one of the pivots.
func (m *Map) before(i int) []int {
	r := m.reactions[i]
	var before []int
	for j, other := range m.reactions {
		if other.group != r.group {
			continue
		}
		switch {
		case r.Wait != "" && other.Next() == r.Wait,
			(r.Role == saga.RoleThen && r.Wait == "" || r.Role == saga.RoleUndoes) && other.Role == saga.RoleDoes,
			r.TooLateName != "" && other.Pivots,
			r.Effect != "" && slices.Contains(other.Requests, r.Effect):
			before = append(before, j)
		}
	}
	return before
}
