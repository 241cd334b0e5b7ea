package saga

import "slices"

// story is one kind of saga: what begins it, and all that may come of that.
type story struct {
	starts []string // the facts that begin it
	from   []string // these, and what else may be said from outside at any time
	all    reached
	happy  reached // what may come of it while nobody fails
	owned  bool    // somebody may say that it is over
	ends   map[*node]bool

	beside map[*node]reached // what may come of it although a reaction fails
	doomed map[failure]bool
	pauses []*pause // what may hold it up
}

// Story is one kind of saga that groups tell together.
type Story struct {
	Starts []string // the types of the facts that begin it, all of them
	Ends   []string // the types of the facts that say that it is over, each declared with [Ends], upon a request from outside too; none if nobody declares one

	// Through are those of the facts that begin another story which this one has to come by: it comes to none of its ends without.
	Through []string
}

// Stories are those that these groups tell, with who speaks from outside. What is no start of one and is not said by any of them
// does not happen.
func Stories(groups ...*Group) (out []Story) {
	c := newGraph(groups)
	for _, s := range c.stories {
		told := Story{Starts: s.starts, Ends: c.endsOf(s.all)}
		for _, other := range c.stories {
			for _, f := range other.starts {
				if !slices.Contains(s.starts, f) && s.all.facts[f] && len(told.Ends) > 0 && len(c.endsOf(c.follow(s.from, course{up: map[string]bool{f: true}}))) == 0 {
					told.Through = append(told.Through, f)
				}
			}
		}
		out = append(out, told)
	}
	return out
}

// endsOf are the types of the facts that say that a saga is over, of what was reached.
func (c *graph) endsOf(r reached) (out []string) {
	for _, n := range c.ordered(r.nodes) {
		for _, f := range n.Says {
			if f.Ends && !slices.Contains(out, f.Type) {
				out = append(out, f.Type)
			}
		}
	}
	return out
}

// failure is a fact with which a reaction fails.
type failure struct {
	of   *node
	fact string
}

// tell finds the stories: one for each fact that no group says and that is where acts come from.
//
// A fact from outside begins a story if a do hears it; if only groups without acts hear it, it begins one if a do comes of
// it. Those that a join waits for, and no do, begin one together. Any other one is an answer or a request, and may come at any time. A
// join that no single story can bring about belongs to those that together can: they are one.
func (c *graph) tell() (out []*story) {
	var starts, awaited, others []string
	for _, n := range c.nodes {
		facts := n.Hears
		if n.Role == RoleBegins {
			facts = []FactType{n.Says[0].FactType}
		}
		for _, f := range facts {
			switch {
			case slices.Contains(slices.Concat(starts, awaited, others), f.Type) || !c.foreign(f.Type):
			case c.begins(f.Type):
				starts = append(starts, f.Type)
			case len(c.hearers(f.Type, RoleOnce)) > 0 && len(c.hearers(f.Type, RoleThen, RoleUndoes)) == 0:
				awaited = append(awaited, f.Type)
			default:
				others = append(others, f.Type)
			}
		}
	}
	beginnings := c.joinsThatBegin(awaited, others)
	for _, f := range awaited {
		if !slices.ContainsFunc(beginnings, func(b []string) bool { return slices.Contains(b, f) }) {
			others = append(others, f)
		}
	}
	for _, f := range starts {
		beginnings = append(beginnings, []string{f})
	}
	for _, b := range beginnings {
		if s := c.story(b, others); s != nil {
			out = append(out, s)
		}
	}
	return c.joined(out, others)
}

// joinsThatBegin are the facts with which joins begin stories by themselves: all that they hear comes from outside, and acts come of it.
// Joins that share a fact may be two ways of one story, so that is one.
func (c *graph) joinsThatBegin(awaited, others []string) (out [][]string) {
	for _, n := range c.nodes {
		if n.Role != RoleOnce || slices.ContainsFunc(n.Hears, func(f FactType) bool { return !slices.Contains(awaited, f.Type) }) {
			continue
		}
		var facts []string
		for _, f := range n.Hears {
			facts = append(facts, f.Type)
		}
		if c.story(facts, others) == nil {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(out), func(b []string) bool {
			shares := slices.ContainsFunc(b, n.hears)
			if shares {
				facts = append(b, slices.DeleteFunc(facts, func(f string) bool { return slices.Contains(b, f) })...)
			}
			return shares
		})
		out = append(rest, facts)
	}
	return out
}

// foreign says whether facts of this type come from outside of their own accord: nobody is known to say them, or somebody begins with
// them. Such may also be an answer to something, and a group may say the same: who subscribes orders again and again.
func (c *graph) foreign(eventType string) bool {
	said := c.said[eventType]
	return len(said) == 0 || slices.ContainsFunc(said, func(n *node) bool { return n.Role == RoleBegins })
}

func (c *graph) begins(eventType string) bool {
	return len(c.hearers(eventType, RoleDoes)) > 0 ||
		len(c.hearers(eventType, RoleOn)) > 0 && len(c.hearers(eventType, RoleThen, RoleUndoes, RoleOnce)) == 0
}

// story is the one that these facts begin; nil if no act comes of them.
func (c *graph) story(starts, others []string) *story {
	s := &story{
		starts: starts, from: slices.Concat(starts, others),
		beside: map[*node]reached{}, doomed: map[failure]bool{},
	}
	s.all = c.follow(s.from, course{})
	if len(c.actors(s)) == 0 {
		return nil
	}
	s.happy = c.follow(s.from, course{happy: true})
	c.findEnds(s)
	c.findPauses(s)
	return s
}

// joined puts stories together that only together bring about a join.
func (c *graph) joined(stories []*story, others []string) []*story {
	for _, n := range c.nodes {
		if n.Condition == nil || slices.ContainsFunc(stories, func(s *story) bool { return s.all.nodes[n] }) {
			continue
		}
		var parts []string
		rest := slices.DeleteFunc(slices.Clone(stories), func(s *story) bool {
			takesPart := slices.ContainsFunc(n.Hears, func(f FactType) bool { return s.all.facts[f.Type] && !slices.Contains(others, f.Type) })
			if takesPart {
				parts = append(parts, s.starts...)
			}
			return takesPart
		})
		if len(parts) == 0 {
			continue
		}
		if whole := c.story(parts, others); whole != nil && whole.all.nodes[n] {
			stories = append(rest, whole)
		}
	}
	return stories
}

// actors are the groups with an act in the story.
func (c *graph) actors(s *story) (out []*Group) {
	for _, n := range c.ordered(s.all.nodes) {
		if n.Role == RoleDoes && !slices.Contains(out, n.group) {
			out = append(out, n.group)
		}
	}
	return out
}

// findEnds finds who says that the story is over, and who does so when nobody has failed. That is who [Ends] it; if nobody
// does, it is the group that began it, where that closes its own act with a fact: a payment is over when payments says so.
func (c *graph) findEnds(s *story) {
	ending := func(n *node) bool { return slices.ContainsFunc(n.Says, func(f Said) bool { return f.Ends }) }
	if !slices.ContainsFunc(c.ordered(s.all.nodes), ending) {
		ending = func(n *node) bool {
			return slices.ContainsFunc(n.Says, func(f Said) bool { return f.Closes }) && c.beginsWith(n.group, s)
		}
	}
	s.ends = map[*node]bool{}
	for _, n := range c.ordered(s.all.nodes) {
		if ending(n) {
			s.owned = true
			s.ends[n] = s.happy.nodes[n]
		}
	}
}

// beginsWith says whether the group's act is what the story begins with.
func (c *graph) beginsWith(g *Group, s *story) bool {
	return slices.ContainsFunc(s.starts, func(f string) bool {
		return slices.ContainsFunc(c.hearers(f, RoleDoes), func(n *node) bool { return n.group == g })
	})
}

// endsHappily says whether anything reached ends the story as it should.
func (s *story) endsHappily(r reached) bool {
	for n, happy := range s.ends {
		if happy && r.nodes[n] {
			return true
		}
	}
	return false
}

// dooms says whether the story can't end as it should any more once n has failed with this fact. The failure of what is not
// needed for the end, or of what has a way round it, dooms nobody. Where one reaction says the end of what went well and of what
// did not, a fact upon which somebody undoes is no way round.
func (c *graph) dooms(s *story, n *node, fact string) bool {
	doomed, known := s.doomed[failure{n, fact}]
	if !known {
		doomed = c.isDoomed(s, n, fact)
		s.doomed[failure{n, fact}] = doomed
	}
	return doomed
}

func (c *graph) isDoomed(s *story, n *node, fact string) bool {
	if !s.endsHappily(s.happy) {
		return true // nobody knows what its happy end is
	}
	way := course{happy: true, without: c.rivals(n)}
	if !s.endsHappily(c.follow(append(slices.Clone(s.from), fact), way)) {
		return true
	}
	return len(c.hearers(fact, RoleUndoes)) > 0 && !s.endsHappily(c.follow(s.from, way))
}

// excludes says whether a reaction can't fail in a saga in which another one has run.
func (c *graph) excludes(s *story, done, fails *node) bool {
	r, known := s.beside[fails]
	if !known {
		r = c.follow(s.from, course{without: c.rivals(fails)})
		s.beside[fails] = r
	}
	return !r.nodes[done]
}

// judges says whether an undo decides for others: it hears what somebody outside asks for, and says its verdict.
func (c *graph) judges(n *node) bool {
	asked := slices.ContainsFunc(n.Hears, func(f FactType) bool { return c.judgeOf(f.Type) == n })
	return n.Role == RoleUndoes && asked && (n.EvenIfNothing || c.awaited(n))
}

// judgeOf is the undo that decides what somebody outside asks for with this fact: of several, one that always answers, or the
// first; nil if a group says the fact, or nobody undoes upon it.
func (c *graph) judgeOf(eventType string) *node {
	undoes := c.hearers(eventType, RoleUndoes)
	if len(undoes) == 0 || len(c.speakers(eventType)) > 0 {
		return nil
	}
	return undoes[max(0, slices.IndexFunc(undoes, func(n *node) bool { return n.EvenIfNothing }))]
}

// awaited says whether the act of another group goes by what an undo says.
func (c *graph) awaited(n *node) bool {
	return slices.ContainsFunc(n.Says, func(s Said) bool {
		return slices.ContainsFunc(c.hearers(s.Type, RoleUndoes, RoleOnce), func(m *node) bool { return m.group != n.group })
	})
}
