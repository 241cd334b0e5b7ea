package sagacheck

import (
	"slices"

	"tiffin/saga"
)

// This file says which classes of steps belong together (see reduce.go): those of one group and key, those that touch one
// table, and those that may give something to one queue or ask one outsider.

// speaks is the class that does what a group does upon facts of a topic with this key.
func (r *reducer) speaks(group, topic, key int) int {
	switch topic {
	case deadlines:
		return r.class(r.corner(group, key).act)
	case outcomes:
		topic = r.topics.id(requested{}.Topic())
	}
	return r.class(r.slot(place{kind: kindQueue, a: group, b: topic, key: key}))
}

// same are all classes of a group and key. If the group touches acts of other keys, it is all of the group.
func (r *reducer) same(group, key int) *set {
	at := key*len(r.groups) + group
	for len(r.sames) <= at {
		r.sames = append(r.sames, nil)
	}
	if r.sames[at] != nil {
		return r.sames[at]
	}
	b := &set{}
	r.sames[at] = b
	keys := []int{key}
	for topic, v := range r.static[group] {
		if r.groups[group].HasAct() && (v.tables[0] || r.touches[touching{group, topic, 0}]) {
			keys = r.factKeys
		}
	}
	for _, k := range keys {
		for topic := range r.static[group] {
			b.add(r.speaks(group, topic, k))
		}
		b.add(r.class(r.corner(group, k).act))
		if r.Crashes {
			b.add(r.class(r.corner(group, k).outbox))
		}
		if r.Ages {
			b.add(r.class(r.corner(group, k).age))
		}
	}
	return b
}

// user are all classes that may touch a table of a group.
func (r *reducer) user(group, table int) *set {
	if known := r.users[[2]int{group, table}]; known != nil {
		return known
	}
	b := &set{}
	r.users[[2]int{group, table}] = b
	for topic, v := range r.static[group] {
		if v.tables[table] || r.touches[touching{group, topic, table}] {
			for _, k := range r.factKeys {
				b.add(r.speaks(group, topic, k))
			}
		}
		for typ := range v.hears { // who gives the group keys that there are not yet
			for speaker := range r.rekeys {
				if speaker.typ == typ {
					b.or(r.sayer(typ))
				}
			}
		}
	}
	return b
}

// sayer are all classes that may put facts of a type on its topic.
func (r *reducer) sayer(typ int) *set {
	if known := r.sayers[typ]; known != nil {
		return known
	}
	b := &set{}
	r.sayers[typ] = b
	for _, k := range r.factKeys {
		r.addSayers(b, typ, k, true)
	}
	return b
}

// addSayers adds all classes that may put facts of a type and key on its topic. With every, the facts of other keys that
// they may say count too.
func (r *reducer) addSayers(b *set, typ, key int, every bool) {
	for group, vs := range r.static {
		for topic, v := range vs {
			if !v.says[typ] {
				continue
			}
			keys := []int{key}
			if !every && r.rekeys[rekeying{group, typ}] {
				keys = r.factKeys
			}
			for _, k := range keys {
				if r.Crashes {
					b.add(r.class(r.corner(group, k).outbox))
				} else {
					b.add(r.speaks(group, topic, k))
				}
			}
		}
	}
	for party, p := range r.parties {
		if !slices.ContainsFunc(p.Says, func(s saga.Said) bool { return r.types.id(s.Type) == typ }) {
			continue
		}
		keys := []int{key}
		if !every && r.rekeys[rekeying{-1 - party, typ}] {
			keys = r.factKeys
		}
		for _, k := range keys {
			r.slot(place{kind: kindParty, a: party, key: k}) // for what it has never been asked yet
			for _, question := range r.questionsOf[[2]int{party, k}] {
				b.add(r.class(question))
			}
		}
	}
}

// appender are all classes that may give something to a queue, or ask somebody outside.
func (r *reducer) appender(slot int) *set {
	for len(r.appenders) <= slot {
		r.appenders = append(r.appenders, nil)
	}
	if r.appenders[slot] != nil {
		return r.appenders[slot]
	}
	b := &set{}
	r.appenders[slot] = b
	switch p := r.places[slot]; p.kind {
	case kindParty:
		r.addSayers(b, r.types.id(r.parties[p.a].Hears[0].Type), p.key, false)
	case kindEffect:
		b.or(r.same(p.a, p.key))
		b.add(r.class(slot))
	case kindQueue:
		if p.b == r.topics.id(requested{}.Topic()) {
			for _, v := range r.static[p.a] {
				for effect := range v.effects {
					b.add(r.class(r.slot(place{kind: kindEffect, a: p.a, b: effect, key: p.key})))
				}
			}
			break
		}
		for typ := range r.static[p.a][p.b].hears {
			r.addSayers(b, typ, p.key, false)
		}
	}
	return b
}
