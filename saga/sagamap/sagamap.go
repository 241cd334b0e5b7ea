// Package sagamap draws a choreography from its declarations: who hears what, says what, undoes what, and waits how long.
//
// Nobody writes such a map by hand, so it can't go stale; and since the runtime refuses whatever is not declared, what
// the map does not show does not happen. [Map.Text] is for terminals, and says of each reaction what it hears, says and requests.
// [Map.Mermaid], for pages that draw it themselves, and [Map.SVG], a picture, show which facts go from whom to whom, and beside a group's name
// which effects it asks for.
// Each draws all of it, or what a [Focus] asks for: some groups, what a change of one fact would reach, the ways to one kind of end.
// What a change of the declaration does to sagas in flight says package contract.
package sagamap

import (
	"maps"
	"slices"
	"strings"

	"tiffin/saga"
)

// Outside is the name, in a map, of whoever says what nobody declares to say: neither a group nor a [saga.Outside].
const Outside = "outside"

// Map is a choreography, ready to be drawn.
type Map struct {
	groups    []*saga.Group // those of outside last
	reactions []reaction
	says      map[string][]int // event type -> who may say it: indices of reactions, in the order of the map
	hears     map[string][]int // event type -> who hears it
}

// reaction is a group's reaction, or what somebody outside says.
type reaction struct {
	saga.Reaction
	group *saga.Group
}

// New makes the map of these groups, and of who speaks from outside ([saga.Outside]). It keeps their order.
func New(groups ...*saga.Group) *Map {
	m := &Map{says: map[string][]int{}, hears: map[string][]int{}}
	for _, outside := range []bool{false, true} {
		for _, g := range groups {
			if g.Outside() == outside {
				m.groups = append(m.groups, g)
			}
		}
	}
	for _, g := range m.groups {
		for _, r := range g.Reactions() {
			i := len(m.reactions)
			m.reactions = append(m.reactions, reaction{r, g})
			for _, f := range r.Hears {
				m.hears[f.Type] = append(m.hears[f.Type], i)
			}
			for _, f := range r.Says {
				m.says[f.Type] = append(m.says[f.Type], i)
			}
		}
	}
	return m
}

// names are the groups of these reactions, each once.
func (m *Map) names(reactions []int) []string {
	var names []string
	for _, i := range reactions {
		if name := m.reactions[i].group.Name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Speakers are those who may say facts of this type, groups first; [Outside] if nobody declares to.
func (m *Map) Speakers(eventType string) []string {
	if s := m.names(m.says[eventType]); len(s) > 0 {
		return s
	}
	return []string{Outside}
}

// Listeners are those who hear facts of this type, groups first.
func (m *Map) Listeners(eventType string) []string { return m.names(m.hears[eventType]) }

// Facts are all types that anybody hears or says, on this topic, sorted; on any topic if it is "".
func (m *Map) Facts(topic string) []string {
	types := map[string]bool{}
	add := func(f saga.FactType) {
		if topic == "" || f.Topic == topic {
			types[f.Type] = true
		}
	}
	for _, r := range m.reactions {
		for _, f := range r.Hears {
			add(f)
		}
		for _, s := range r.Says {
			add(s.FactType)
		}
	}
	return slices.Sorted(maps.Keys(types))
}

// asks says for which effects a group asks, which no fact shows; "" if for none.
func asks(g *saga.Group) string {
	if effects := g.Effects(); len(effects) > 0 {
		return "asks outside for " + strings.Join(effects, ", ")
	}
	return ""
}

// group is the group of this name, or who is so named outside; nil if there is none.
func (m *Map) group(name string) *saga.Group {
	for _, g := range m.groups {
		if g.Name() == name {
			return g
		}
	}
	return nil
}
