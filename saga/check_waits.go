package saga

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// waits looks at who waits for whom, and how long.
func (in *inspection) waits() {
	for _, n := range in.nodes {
		switch n.Role {
		case RoleElse:
			in.foreignDeadline(n)
			in.nameless(n)
		case RoleAnswers:
			in.unawaited(n)
		case RoleDoes:
			if n.refuses != nil {
				in.life(n)
			}
		}
	}
	in.unspoken()
}

// foreignDeadline finds deadlines that take back an act on which others build, while another group may still say yes and be believed:
// the answer is one that the group which gives it can't take back, or one by which third parties go.
func (in *inspection) foreignDeadline(n *node) {
	takesBack := n.Closes || slices.ContainsFunc(n.Says, func(s Said) bool { return s.Fails || s.Closes || len(in.hearers(s.Type, RoleUndoes)) > 0 })
	if !takesBack || !in.builtUpon(n.group) {
		return
	}
	for _, answer := range in.nodes {
		if answer.group == n.group && answer.Wait == n.Wait && answer.Role == RoleThen && in.decidedElsewhere(n, answer) {
			return
		}
	}
}

// decidedElsewhere adds a finding if the answer is another group's to give, whatever time it is here.
func (in *inspection) decidedElsewhere(n, answer *node) bool {
	for _, f := range answer.Hears {
		for _, m := range in.said[f.Type] {
			others := slices.ContainsFunc(in.hearers(f.Type, RoleDoes, RoleThen, RoleOnce, RoleAnswers), func(h *node) bool { return h.group != n.group && h.group != m.group })
			if !m.group.outside && m.group != n.group && (m.Pivots || others) {
				in.found("foreign-deadline", n, fmt.Sprintf("let %s have the deadline, and let %s undo upon the fact that says it has passed; take this saga.Within away", m.group.name, n.group.name),
					"%s takes the act back when its time is over, while %s may still say %s, by which others go", n, m.group.name, f.Type)
				return true
			}
		}
	}
	return false
}

// builtUpon says whether another group goes by what the group's do says.
func (in *inspection) builtUpon(g *Group) bool {
	for _, n := range in.nodes {
		if n.group != g || n.Role != RoleDoes {
			continue
		}
		for _, s := range n.Says {
			if !s.Fails && slices.ContainsFunc(in.hearers(s.Type, RoleDoes, RoleThen), func(m *node) bool { return m.group != g }) {
				return true
			}
		}
	}
	return false
}

// unawaited finds people whose answer an act needs, and whom nobody gives a deadline.
func (in *inspection) unawaited(n *node) {
	if n.Optional {
		return
	}
	var first *node
	var answer FactType
	for _, s := range n.Says {
		for _, m := range in.hearers(s.Type, RoleDoes, RoleThen, RoleOnce) {
			if m.Wait != "" {
				return
			}
			if first == nil {
				first, answer = m, s.FactType
			}
		}
	}
	if first != nil {
		mend := fmt.Sprintf("put saga.Then(%s, ...) into a saga.Within(time, ..., saga.Else(...))", first.Name)
		if first.Role != RoleThen { // which can't wait with a deadline
			asks := "the group that asks"
			if askers := in.speakers(n.Hears[0].Type); len(askers) > 0 {
				asks = askers[0].name
			}
			mend = fmt.Sprintf("let %s wait for it, in a saga.Within(time, saga.Then(...), saga.Else(...)), and say what came of it; and let %s go by that", asks, first)
		}
		in.found("wait-without-deadline", first, fmt.Sprintf("%s; or write saga.Optional() on the line of %s, if the saga ends without it", mend, n.Name),
			"%s goes on when %s says %s, and nothing happens if that is never said", first, n.group.name, answer.Type)
	}
}

// unspoken finds people who are not said to answer anything, without whose word no saga ends as it should. It is enough that somebody
// else waits for what comes of it with a deadline.
func (in *inspection) unspoken() {
	told := map[*node]bool{}
	for _, s := range in.stories {
		upon := map[*node]bool{}
		for n := range s.happy.nodes {
			upon[n] = n.Role == RoleThen && n.Wait == "" && in.begun(n.Hears[0].Type)
		}
		if !s.endsHappily(s.happy) || s.endsHappily(in.follow(s.from, course{happy: true, without: upon})) {
			continue
		}
		silence := in.follow(s.from, course{without: upon}).nodes
		if slices.ContainsFunc(in.ordered(silence), func(n *node) bool {
			return n.Role == RoleElse && !slices.ContainsFunc(in.ordered(silence), func(m *node) bool { return m.Role == RoleThen && m.group == n.group && m.Wait == n.Wait })
		}) {
			continue
		}
		first := in.ordered(upon)[0]
		if told[first] {
			continue
		}
		told[first] = true
		in.found("wait-without-deadline", first, fmt.Sprintf("put saga.Then(%s, ...) into a saga.Within(time, ..., saga.Else(...))", first.Name),
			"%s goes on when %s says %s, and nothing happens if that is never said", first, in.said[first.Hears[0].Type][0].group.name, first.Hears[0].Type)
	}
}

// begun says whether only people say facts of this type, and of their own accord.
func (in *inspection) begun(eventType string) bool {
	said := in.said[eventType]
	return len(said) > 0 && !slices.ContainsFunc(said, func(n *node) bool { return n.Role != RoleBegins })
}

// nameless finds waits whose Else is a function literal, or within one. The compiler names these by counting them: "func1", "1".
func (in *inspection) nameless(n *node) {
	if strings.Trim(strings.TrimPrefix(n.Name, "func"), "0123456789") == "" {
		in.found("nameless-wait", n, "write it as a function of its own, with a name: saga.Else(giveUp, ...)",
			"a wait is stored by the name of its Else, and that of %s is counted, not given", n)
	}
}

// life finds dos that refuse what comes too late, and do so if everybody before them takes all the time that they are given.
func (in *inspection) life(do *node) {
	var longest time.Duration
	for _, s := range in.stories {
		if !s.all.nodes[do] {
			continue
		}
		for _, p := range s.pauses {
			if p.group != do.group && p.precedes(do) {
				longest = max(longest, s.until(p))
			}
		}
	}
	if longest >= do.group.life {
		in.found("life-too-short", do, fmt.Sprintf("write saga.Life(%d*time.Hour) into the declaration of %s, or shorten the waits", int(longest.Hours())+1, do.group.name),
			"a saga may wait %s before it comes to %s, and after %s that refuses", Duration(longest), do, Duration(do.group.life))
	}
}

// pause is what may hold a story up: a wait, or an effect that is tried again and again.
type pause struct {
	group  *Group
	after  map[*node]bool // one of these runs when it is over
	lasts  time.Duration
	unless reached // what may come of the story although it is never over
}

func (c *graph) findPauses(s *story) {
	add := func(g *Group, lasts time.Duration, ends func(*node) bool) {
		p := &pause{group: g, after: map[*node]bool{}, lasts: lasts}
		for _, n := range c.nodes {
			if n.group == g && ends(n) && s.all.nodes[n] {
				p.after[n] = true
			}
		}
		if len(p.after) > 0 {
			p.unless = c.follow(s.from, course{without: p.after})
			s.pauses = append(s.pauses, p)
		}
	}
	for _, g := range c.groups {
		for _, wait := range g.waits {
			add(g, g.elses[wait].Within, func(n *node) bool { return n.Wait == wait })
		}
		for _, effect := range g.Effects() {
			add(g, g.Within(effect), func(n *node) bool { return n.Effect == effect })
		}
	}
}

// precedes says whether a reaction comes after the pause: there is no way to it before that is over.
func (p *pause) precedes(n *node) bool { return !p.unless.nodes[n] }

// until is how long it may take until a pause is over. Those before it may last side by side, so the longest chain of them counts.
func (s *story) until(p *pause) time.Duration {
	var before time.Duration
	for _, q := range s.pauses {
		first := q != p
		for n := range p.after {
			first = first && q.precedes(n)
		}
		if first {
			before = max(before, s.until(q))
		}
	}
	return before + p.lasts
}

// Duration is a duration as people write it: 10m, not 10m0s.
func Duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
