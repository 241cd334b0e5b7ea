package saga

import (
	"fmt"
	"slices"
	"strings"
)

// races looks at what undoes an act: that one group decides, says so, and is heard in order.
func (in *inspection) races() {
	for _, n := range in.nodes {
		if n.Role != RoleUndoes {
			continue
		}
		in.judge(n)
		for _, h := range n.Hears {
			in.rivalJudge(n, h)
			in.compensation(n, h)
			in.order(n, h)
		}
	}
}

// judge finds judges that say nothing when the request comes first.
func (in *inspection) judge(n *node) {
	if in.judges(n) && !n.EvenIfNothing {
		in.found("silent-judge", n, fmt.Sprintf("write saga.EvenIfNothing() on the line of %s", n.Name),
			"others wait for the verdict of %s, which says none when it is asked before there is anything to undo", n)
	}
}

// rivalJudge finds requests from outside that two groups decide.
func (in *inspection) rivalJudge(n *node, h FactType) {
	if judge := in.judgeOf(h.Type); judge != nil && judge.group != n.group {
		in.found("two-judges", n, fmt.Sprintf("take saga.Upon[%s]() away on the line of %s, and let it hear what %s says", h.goType, n.Name, judge),
			"%s undoes upon %s, and so does %s: two groups decide what somebody outside asks for", n, h.Type, judge)
	}
}

// compensation finds undos that hear that another group has undone its part. What only undos say is a compensation, unless one of
// them is a judge.
func (in *inspection) compensation(n *node, h FactType) {
	said := in.said[h.Type]
	if len(said) == 0 || slices.ContainsFunc(said, func(m *node) bool {
		return m.Role != RoleUndoes || in.judges(m) || m.EvenIfNothing || m.group == n.group
	}) || in.oneVoice(n.group, said[0].group, h.Topic) {
		return
	}
	var upon []string
	for _, m := range said {
		for _, cause := range m.Hears {
			if line := "saga.Upon[" + cause.goType + "]()"; !n.hears(cause.Type) && !slices.Contains(upon, line) {
				upon = append(upon, line)
			}
		}
	}
	mend := fmt.Sprintf("take saga.Upon[%s]() away on the line of %s: it hears what %s hears", h.goType, n.Name, said[0])
	if len(upon) > 0 {
		mend = fmt.Sprintf("write %s on the line of %s instead: what %s hears", strings.Join(upon, ", "), n.Name, said[0])
	}
	in.found("undo-upon-undo", n, mend,
		"%s undoes upon %s, with which %s tells that it has undone its own part", n, h.Type, said[0])
}

// oneVoice says whether all that moves a group's act is said by one other group, on one topic: it comes in the order in which it was decided,
// and nothing can overtake anything.
func (in *inspection) oneVoice(g, speaker *Group, topic string) bool {
	for _, n := range in.nodes {
		if n.group != g || n.Role == RoleOn || n.Role == RoleFollows || n.Role == RoleRecords {
			continue
		}
		for _, h := range n.Hears {
			if by := in.speakers(h.Type); h.Topic != topic || len(by) != 1 || by[0] != speaker {
				return false
			}
		}
	}
	return true
}

// order finds undos that may overtake what settles the act, although one group says both.
func (in *inspection) order(undo *node, h FactType) {
	for _, n := range in.nodes {
		if n.group != undo.group || n.Role != RoleThen && n.Role != RoleOnce || !n.maySettle() {
			continue
		}
		for _, w := range n.Hears {
			for _, g := range in.speakers(w.Type) {
				if w.Topic != h.Topic && slices.Contains(in.speakers(h.Type), g) {
					in.found("verdict-on-two-topics", undo, fmt.Sprintf("let %s and %s have one Topic()", h.goType, w.goType),
						"%s says %s on topic %s, which undoes the act, and %s on topic %s, which settles it: either may overtake the other", g.name, h.Type, h.Topic, w.Type, w.Topic)
					return
				}
			}
		}
	}
}
