package sagacheck

import (
	"bytes"
	"fmt"
	"slices"
)

// way is a shortest way to state i, and a last move from it.
func (e *explorer) way(i int, last *move) (steps []Step) {
	var path []int
	for ; i >= 0; i = int(e.parents[i]) {
		path = append(path, i)
	}
	slices.Reverse(path)
	for n := 0; n+1 < len(path); n++ {
		from, to := state(e.reached[path[n]]), state(e.reached[path[n+1]])
		done := false
		e.moves(from, func(m *move) {
			if !done && bytes.Equal(m.next.trimmed(), to) {
				done = true
				steps = append(steps, e.step(from, m))
			}
		})
	}
	if last != nil {
		steps = append(steps, e.step(state(e.reached[path[len(path)-1]]), last))
	}
	return steps
}

func (e *explorer) step(from state, m *move) Step {
	p := e.places[m.slot]
	s := Step{Note: m.note}
	for _, id := range m.sent {
		name := e.facts[id].fact.EventType()
		if len(e.Start) > 1 {
			name += "(" + e.keys.list[e.facts[id].key] + ")"
		}
		s.Says = append(s.Says, name)
	}
	switch p.kind {
	case kindQueue:
		s.Who, s.Hears = e.Groups[p.a].Name(), e.facts[e.lists[from.get(m.slot)].facts[0]].fact.EventType()
	case kindDocument:
		s.Who, s.Hears = e.Groups[p.a].Name(), "its deadline"
	case kindOutbox:
		s.Who = e.Groups[p.a].Name()
	case kindEffect:
		s.Who = "outside"
	case kindParty:
		s.Who = e.outside[p.a].name
	default:
		s.Who = "broker"
	}
	if m.out == nil {
		return s
	}
	for _, r := range m.out.reads {
		if from.get(r.slot) == 0 && len(e.choices[r.slot]) > 0 {
			s.Note += fmt.Sprintf("; choice of %s", e.Groups[e.places[r.slot].a].Tables()[e.places[r.slot].b].Name())
		}
	}
	return s
}
