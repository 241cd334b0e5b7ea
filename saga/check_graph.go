package saga

import "slices"

// graph is a choreography as the check sees it: reactions, and the facts between them.
//
// It knows types of facts, not facts. That a reaction may say two facts does not tell whether it says both or one of them,
// and a payment of an order looks like any other payment. So what the rules find is what can be seen from so far away; where
// that is not certain, they are silent, and leave it to the exploration.
type graph struct {
	nodes   []*node            // in the order of the declarations
	groups  []*Group           // those that are no outsiders
	said    map[string][]*node // event type -> who may say it
	heard   map[string][]*node // event type -> who hears it
	types   map[string]FactType
	open    bool // nobody outside is declared
	stories []*story
}

// node is a reaction of a group, or of somebody outside.
type node struct {
	*Reaction
	group *Group
	leads []*node // what may run after it without a fact: the Else of the wait that it begins, the outcome of an effect
}

// String is the node's name: "kitchen.ask".
func (n *node) String() string { return n.group.name + "." + n.Name }

func newGraph(groups []*Group) *graph {
	c := &graph{said: map[string][]*node{}, heard: map[string][]*node{}, types: map[string]FactType{}, open: true}
	for _, g := range groups {
		if g.outside {
			c.open = false
		} else {
			c.groups = append(c.groups, g)
		}
		c.add(g)
	}
	c.stories = c.tell()
	return c
}

func (c *graph) add(g *Group) {
	first := len(c.nodes)
	for _, r := range g.reactions {
		c.nodes = append(c.nodes, &node{Reaction: r, group: g})
	}
	for _, n := range c.nodes[first:] {
		for _, h := range n.Hears {
			c.types[h.Type] = h
			c.heard[h.Type] = append(c.heard[h.Type], n)
		}
		for _, s := range n.Says {
			c.types[s.Type] = s.FactType
			c.said[s.Type] = append(c.said[s.Type], n)
		}
		next := n.Next()
		for _, m := range c.nodes[first:] {
			outcome := m.Role == RolePerformed || m.Role == RoleNotPerformed
			if m.Role == RoleElse && m.Name == next || outcome && slices.Contains(n.Requests, m.Effect) {
				n.leads = append(n.leads, m)
			}
		}
	}
}

// speakers are the groups that may say facts of this type, in order, without those outside.
func (c *graph) speakers(eventType string) (out []*Group) {
	for _, n := range c.said[eventType] {
		if !n.group.outside && !slices.Contains(out, n.group) {
			out = append(out, n.group)
		}
	}
	return out
}

// hearers are the reactions that hear facts of this type, in these roles.
func (c *graph) hearers(eventType string, roles ...Role) (out []*node) {
	for _, n := range c.heard[eventType] {
		if slices.Contains(roles, n.Role) {
			out = append(out, n)
		}
	}
	return out
}

func (n *node) hears(eventType string) bool {
	return slices.ContainsFunc(n.Hears, func(f FactType) bool { return f.Type == eventType })
}

// saying is what the reaction declares of a fact that it may say.
func (n *node) saying(eventType string) Said {
	return n.Says[slices.IndexFunc(n.Says, func(s Said) bool { return s.Type == eventType })]
}

// outcomes are what the reaction may say that means anything for its own act, or for others here.
func (n *node) outcomes() (out []Said) {
	for _, s := range n.Says {
		if !s.Final || s.Fails || s.Closes {
			out = append(out, s)
		}
	}
	return out
}

// alternatives are what the reaction may say, one or another. What it only announces may stand beside what it says; but beside
// nothing else than failures, it is what is said instead of them.
func (n *node) alternatives() []Said {
	out := n.outcomes()
	if n.Role != RoleUndoes && !slices.ContainsFunc(out, func(s Said) bool { return !s.Fails }) {
		return n.Says
	}
	return out
}

// settles says whether the act is past undoing after the reaction, whatever it has said: closed, refused, or past its pivot. What it
// only announces leaves the act open, too.
func (n *node) settles() bool {
	return n.Pivots || n.closes()
}

// maySettle says whether the act may be past undoing after the reaction, although it has not failed.
func (n *node) maySettle() bool {
	return n.Closes || n.Pivots || slices.ContainsFunc(n.Says, func(s Said) bool { return s.Closes })
}

// fails says whether the reaction can only fail.
func (n *node) fails() bool {
	return !n.Silently && !n.nods && n.onlyFails()
}

// failsWith says whether the reaction fails if it says this: it declares so, or says it of an effect that is given up. What it
// announces then is for others to know.
func (n *node) failsWith(s Said) bool {
	return s.Fails || n.Role == RoleNotPerformed && !s.Final
}

// rivals are the reactions of which no more than one comes to its end for an act, and which then exclude n: all dos of
// the group if n is one; the answers to n's wait, and to the waits that follow it; both outcomes of n's effect. Only n itself if it
// is none of these.
func (c *graph) rivals(n *node) map[*node]bool {
	out := map[*node]bool{n: true}
	wait := slices.Index(n.group.waits, n.Wait)
	for _, m := range c.nodes {
		switch {
		case m.group != n.group:
		case n.Role == RoleDoes:
			out[m] = m.Role == RoleDoes
		case n.Effect != "":
			out[m] = m.Effect == n.Effect
		case n.Wait != "" && slices.Index(n.group.waits, m.Wait) >= wait:
			out[m] = true
		}
	}
	return out
}

// course says which part of a choreography to follow.
type course struct {
	happy   bool            // nobody fails, no effect is given up, and nobody undoes
	without map[*node]bool  // these do not run
	up      map[string]bool // up to these facts, which nobody says
}

// reached is what may be said, and may run.
type reached struct {
	facts map[string]bool
	nodes map[*node]bool
}

// follow finds what may come of these facts.
func (c *graph) follow(from []string, way course) reached {
	r := reached{map[string]bool{}, map[*node]bool{}}
	for _, f := range from {
		r.facts[f] = !way.up[f]
	}
	led := map[*node]bool{}
	waits := map[wait]bool{}
	for grown := true; grown; {
		grown = false
		for _, n := range c.nodes {
			unhappy := n.Role == RoleUndoes || n.Role == RoleNotPerformed
			if r.nodes[n] || way.without[n] || way.happy && unhappy || !n.ready(r.facts, led, waits) {
				continue
			}
			r.nodes[n], grown = true, true
			goesOn := !n.fails()
			for _, s := range n.Says {
				goesOn = goesOn && !way.up[s.Type]
				if !way.up[s.Type] && !(way.happy && s.Fails) {
					r.facts[s.Type] = true
				}
			}
			if !goesOn {
				continue
			}
			if n.Role == RoleDoes {
				waits[wait{n.group, ""}] = true
			}
			for _, next := range n.leads {
				led[next] = true
				waits[wait{n.group, next.Wait}] = true
			}
		}
	}
	return r
}

// wait is one of a group, by the name of its Else; "" is being done, and waiting for nobody.
type wait struct {
	group *Group
	name  string
}

// ready says whether a reaction may run: a fact that it hears may have been said, and its act may be where it must be.
func (n *node) ready(facts map[string]bool, led map[*node]bool, waits map[wait]bool) bool {
	switch n.Role {
	case RoleElse, RolePerformed, RoleNotPerformed:
		return led[n] && !n.never
	case RoleBegins:
		return facts[n.Says[0].Type]
	case RoleOnce:
		return n.Condition.given(func(t string) bool { return facts[t] && n.hears(t) })
	}
	heard := slices.ContainsFunc(n.Hears, func(f FactType) bool { return facts[f.Type] })
	acts := n.Role == RoleThen || n.Role == RoleUndoes && !n.EvenIfNothing
	return heard && (!acts || waits[wait{n.group, n.Wait}])
}

// ordered are those of the nodes that were reached, in the order of the declarations.
func (c *graph) ordered(nodes map[*node]bool) (out []*node) {
	for _, n := range c.nodes {
		if nodes[n] {
			out = append(out, n)
		}
	}
	return out
}
