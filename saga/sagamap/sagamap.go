// Package sagamap draws a choreography from its declarations: who hears what, says what, undoes what, and waits how long.
//
// Nobody writes such a map by hand, so it can't go stale; and since the runtime refuses whatever is not declared, what
// the map does not show does not happen. [Map.Text] is for terminals, [Map.Mermaid] for pages.
package sagamap

import (
	"slices"

	"tiffin/saga"
)

// Outside is the name, in a map, of whoever says what no group says: APIs, people, other systems.
const Outside = "outside"

// Map is a choreography, ready to be drawn.
type Map struct {
	groups []*saga.Group
	says   map[string][]string // event type -> groups that may say it, in the order of the map
	hears  map[string][]string // event type -> groups that hear it
}

// New makes the map of these groups. It keeps their order.
func New(groups ...*saga.Group) *Map {
	m := &Map{groups: groups, says: map[string][]string{}, hears: map[string][]string{}}
	for _, g := range groups {
		for _, r := range g.Reactions() {
			for _, f := range r.Hears {
				note(m.hears, f.Type, g.Name())
			}
			for _, f := range r.Says {
				note(m.says, f.Type, g.Name())
			}
		}
	}
	return m
}

func note(into map[string][]string, eventType, group string) {
	if !slices.Contains(into[eventType], group) {
		into[eventType] = append(into[eventType], group)
	}
}

// Speakers are the groups that may say facts of this type; [Outside] if it is none of them.
func (m *Map) Speakers(eventType string) []string {
	if s := m.says[eventType]; len(s) > 0 {
		return s
	}
	return []string{Outside}
}

// Listeners are the groups that hear facts of this type.
func (m *Map) Listeners(eventType string) []string { return m.hears[eventType] }

// Facts are all types that any group hears or says, on this topic, sorted; on any topic if it is "".
func (m *Map) Facts(topic string) []string {
	var types []string
	add := func(f saga.FactType) {
		if (topic == "" || f.Topic == topic) && !slices.Contains(types, f.Type) {
			types = append(types, f.Type)
		}
	}
	for _, g := range m.groups {
		for _, r := range g.Reactions() {
			for _, f := range r.Hears {
				add(f)
			}
			for _, s := range r.Says {
				add(s.FactType)
			}
		}
	}
	slices.Sort(types)
	return types
}

// chosen are the groups that a drawing is about: those named, or all.
func (m *Map) chosen(only []string) []*saga.Group {
	if len(only) == 0 {
		return m.groups
	}
	var chosen []*saga.Group
	for _, g := range m.groups {
		if slices.Contains(only, g.Name()) {
			chosen = append(chosen, g)
		}
	}
	return chosen
}
