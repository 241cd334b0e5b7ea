package sagacheck

import (
	"slices"

	"tiffin/saga"
)

// voices is what a group declares that it may do upon facts of a topic, upon a deadline, upon the outcome of an effect.
type voices map[int]*voice

// The topics of what is no fact.
const (
	deadlines = -1
	outcomes  = -2
)

// voice is what a group may do upon the facts of one topic.
type voice struct {
	hears, says map[int]bool
	tables      map[int]bool // which it may change, beside the act's own document
	effects     map[int]bool // which it may request
	ignorable   bool         // an act in a final state ignores all of them
}

func (e *explorer) voicesOf(g *saga.Group) voices {
	vs := voices{}
	for _, r := range g.Reactions() {
		var topics []int
		for _, h := range r.Hears {
			if !g.Minds(h.Type) {
				continue
			}
			topic := e.topics.id(h.Topic)
			v := vs.at(topic)
			v.hears[e.types.id(h.Type)] = true
			v.ignorable = v.ignorable && g.HasAct() && onlyMovesAct(g, h.Type)
			topics = append(topics, topic)
		}
		switch {
		case r.Role == saga.RoleRecords:
			continue
		case r.Role == saga.RoleElse:
			topics = append(topics, deadlines)
		case r.Effect != "":
			topics = append(topics, outcomes)
		}
		for _, topic := range topics {
			v := vs.at(topic)
			for _, said := range r.Says {
				v.says[e.types.id(said.Type)] = true
			}
			for _, name := range r.Uses {
				if t := slices.IndexFunc(g.Tables(), func(t saga.AnyTable) bool { return t.Name() == name }); !g.Tables()[t].Appends() {
					v.tables[t] = true
				}
			}
			for _, effect := range r.Requests {
				v.effects[e.types.id(requested{Request: saga.Request{Effect: effect}}.EventType())] = true
			}
		}
	}
	return vs
}

func (vs voices) at(topic int) *voice {
	v := vs[topic]
	if v == nil {
		v = &voice{hears: map[int]bool{}, says: map[int]bool{}, tables: map[int]bool{}, effects: map[int]bool{}, ignorable: topic >= 0}
		vs[topic] = v
	}
	return v
}
