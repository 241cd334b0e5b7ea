package sagacheck

import (
	"fmt"
	"slices"

	"tiffin/saga"
)

// maxSaid is how often a fact of one type and key may be said in a small world. What is said more often goes on for ever.
const maxSaid = 16

// step is what one place may do in a state, in one of several ways.
type step struct {
	slot int
	free bool // it need not happen: somebody outside may stay silent for ever
	ways []way
}

// way is one of them.
type way struct {
	chosen []slotValue // documents that become one of what they may be at the start, for they are read now
	out    *outcome    // what a group does; nil if none does anything
	facts  []uint16    // what goes to the topics now
	sets   uint16      // the new value of the step's slot
}

// move is a step from one state to the next. It is valid, its next state above all, only until emit returns.
type move struct {
	*step
	*way
	next  state
	again bool // what it sends will be delivered once more
	bad   string
}

// steps finds all that may happen in s. They are valid until the next call.
func (e *explorer) steps(s state) []step {
	e.found = e.found[:0]
	for slot := range s.slots() {
		value := s.get(slot)
		if value == 0 {
			continue
		}
		switch p := e.places[slot]; p.kind {
		case kindQueue:
			e.handle(s, slot, e.lists[value].facts[0], e.rest(value))
		case kindDocument:
			if p.b != 0 {
				continue
			}
			d := &e.documents[value]
			if e.Deadlines && d.waiting {
				e.handle(s, slot, 0, value)
			}
			if d.barred && e.isOld(s, p.a, p.key) {
				e.expire(slot, p)
			}
		case kindOutbox:
			e.may(slot, false).add(way{facts: e.lists[value].facts})
		case kindParty:
			if value != answered {
				e.answer(slot, value)
			}
		case kindEffect:
			st := e.may(slot, false)
			for i, request := range e.lists[value].facts {
				left := e.listID(slices.Delete(slices.Clone(e.lists[value].facts), i, i+1))
				for _, f := range e.outcomes(request) {
					st.add(way{facts: []uint16{f}, sets: left})
				}
			}
		case kindDuplicate:
			e.may(slot, false).add(way{facts: e.lists[value].facts})
		case kindAge:
			if int(value) < int(young)+len(e.lives) {
				e.may(slot, true).add(way{sets: value + 1})
			}
		}
	}
	return e.found
}

// may adds a step.
func (e *explorer) may(slot int, free bool) *step {
	n := len(e.found)
	if n < cap(e.found) {
		e.found = e.found[:n+1] // with the memory of an earlier step's ways
	} else {
		e.found = append(e.found, step{})
	}
	st := &e.found[n]
	st.slot, st.free, st.ways = slot, free, st.ways[:0]
	return st
}

func (st *step) add(w way) { st.ways = append(st.ways, w) }

// answer lets an outside party answer, in each way in which it may.
func (e *explorer) answer(slot int, asked uint16) {
	party := e.places[slot].a
	p := &e.parties[party]
	key := answerKey{party, asked}
	answers, known := e.answers[key]
	if !known {
		for _, f := range p.Answers(e.facts[asked].fact) {
			if !slices.ContainsFunc(p.Says, func(s saga.Said) bool { return s.Type == f.EventType() }) {
				panic(fmt.Sprintf("sagacheck: %s answers %s, which it does not declare: add saga.Says[...]() for it to its saga.Answers (%s)", p.name, f.EventType(), p.At))
			}
			e.continues(e.facts[asked].key, f)
			id := e.factID(f)
			if e.reduces {
				e.reducer.checkAnswer(party, asked, id)
			}
			answers = append(answers, id)
		}
		e.answers[key] = answers
	}
	if len(answers) == 0 {
		return // nobody waits for somebody who has nothing to say
	}
	st := e.may(slot, e.Deadlines || p.Optional)
	for i := range answers {
		st.add(way{facts: answers[i : i+1], sets: answered})
	}
}

type answerKey struct {
	party int
	fact  uint16
}

// handle lets a group react to the first fact of a queue, or (fact 0) to a deadline, in every way in which the documents
// may be. A group that has not sent what it committed handles nothing for that key.
func (e *explorer) handle(s state, slot int, id, sets uint16) {
	p := e.places[slot]
	if e.Crashes && s.get(e.corner(p.a, p.key).outbox) != 0 {
		return
	}
	st := e.may(slot, false)
	e.react(s, p, id, func(chosen []slotValue, out *outcome) {
		if id == 0 && out.nothing() {
			return // a wait whose Else does not run: nothing happens, now or later
		}
		w := way{chosen: chosen, out: out, sets: sets}
		if !e.Crashes {
			w.facts = out.says
		}
		st.add(w)
	})
	if len(st.ways) == 0 {
		e.found = e.found[:len(e.found)-1]
	}
}

// expire takes a mark away that is older than marks are kept.
func (e *explorer) expire(slot int, p place) {
	t := e.groups[p.a].Tables()[0]
	e.may(slot, true).add(way{sets: e.documentID(t, saga.Encode(nil, t, t.New(e.keys.list[p.key])))})
}

// apply calls emit with where a step leads to: one state, or, while there may be duplicates, also one in which what is sent
// will be delivered again.
func (e *explorer) apply(s state, st *step, w *way, emit func(*move)) {
	m := move{step: st, way: w}
	e.next = append(e.next[:0], s...)
	for _, c := range w.chosen {
		e.next.set(c.slot, c.value)
	}
	e.next.set(st.slot, w.sets)
	p := e.places[st.slot]
	if w.out != nil {
		m.bad = w.out.bad
		for _, c := range w.out.writes {
			e.next.set(c.slot, c.value)
		}
		if e.Crashes && len(w.out.says) > 0 {
			e.next.set(e.corner(p.a, p.key).outbox, e.listID(w.out.says))
		}
		if w.out.ends && e.reduces {
			e.purge(p.a, p.key)
		}
	}
	m.next = e.next
	if p.kind == kindDuplicate {
		e.deliver(&m, 0)
		emit(&m)
		return
	}
	e.send(&m, emit)
}

// purge empties the queues of an act in a final state of what it ignores.
//
// Handling such a fact changes nothing and says nothing, now and for ever: so whether it is handled before or after
// anything else, or never, makes no difference to any other step, nor to the ends. What is heard beside the act (saga.On,
// saga.Follows) stays.
func (e *explorer) purge(group, key int) {
	for _, q := range e.queuesOf[[2]int{group, key}] {
		if value := e.next.get(q); value != 0 {
			e.next.set(q, e.alive(q, value))
		}
	}
}

// deliver puts facts into the queues of everyone who minds them, and asks the outside.
func (e *explorer) deliver(m *move, count uint16) {
	for _, id := range m.facts {
		f := &e.facts[id]
		for _, q := range f.queues {
			if q.dead && e.reduces && e.documents[m.next.get(q.act)].final {
				continue // see purge
			}
			m.next.set(q.slot, e.with(m.next.get(q.slot), id))
		}
		for _, p := range f.parties {
			switch asked := m.next.get(p); {
			case e.places[p].kind == kindEffect:
				m.next.set(p, e.with(asked, id)) // requests of one key wait beside each other
			case asked == 0:
				m.next.set(p, id)
			}
		}
		said := m.next.get(f.count) + count
		m.next.set(f.count, said)
		if said > maxSaid {
			m.bad = fmt.Sprintf("%s is said of %q more than %d times: the choreography goes round in a circle", f.fact.EventType(), f.fact.Key(), maxSaid)
		}
	}
}

// send emits the move with the facts delivered; and once more with the facts set aside to be delivered again later.
func (e *explorer) send(m *move, emit func(*move)) {
	if len(m.facts) == 0 {
		emit(m)
		return
	}
	if e.again >= 0 {
		e.sendAgain(m, emit)
		return
	}
	onTopics := e.onTopics(m.facts)
	twice := m.next.get(e.budget) > 0 && m.next.get(e.ghost) == 0 && len(onTopics) > 0
	if twice {
		e.spare = append(e.spare[:0], m.next...)
	}
	e.deliver(m, 1)
	e.next = m.next
	emit(m)
	if !twice || m.bad != "" {
		return
	}
	d := *m
	d.next, d.again = e.spare, true
	e.deliver(&d, 1)
	d.next.set(e.budget, d.next.get(e.budget)-1)
	d.next.set(e.ghost, e.listID(onTopics))
	e.spare = d.next
	emit(&d)
}

// onTopics is the facts without what concerns effects: that is kept in the group's own tables, where nothing comes twice.
func (e *explorer) onTopics(facts []uint16) []uint16 {
	effect := func(id uint16) bool { return e.facts[id].effect }
	if !slices.ContainsFunc(facts, effect) {
		return facts
	}
	return slices.DeleteFunc(slices.Clone(facts), effect)
}

// sendAgain sends facts in a world in which the first one of one type is delivered once more.
func (e *explorer) sendAgain(m *move, emit func(*move)) {
	e.deliver(m, 1)
	if m.next.get(e.budget) > 0 {
		for _, f := range m.facts {
			if e.facts[f].typ == e.again {
				m.next.set(e.budget, 0)
				m.next.set(e.ghost, e.listID([]uint16{f}))
				m.again = true
				break
			}
		}
	}
	e.next = m.next
	emit(m)
}
