package sagacheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

// maxSaid is how often a fact of one type and key may be said in a small world. What is said more often goes on for ever.
const maxSaid = 16

type memoKey struct {
	group, key int
	fact       uint16
}

type answerKey struct {
	party int
	fact  uint16
}

// outcome is what a group does upon an event when the documents it reads are these.
type outcome struct {
	reads  []slotValue
	writes []slotValue
	says   []uint16
	note   string
	bad    string
}

type slotValue struct {
	slot  int
	value uint16
}

// move is a step from one state to the next. It is valid, its next state above all, only until emit returns.
type move struct {
	slot int
	next state
	out  *outcome
	sent []uint16
	note string
	bad  string
	free bool // it need not happen: somebody outside may stay silent for ever
}

// contents tells facts apart: as they go over the wire.
func contents(f saga.Fact) string {
	b, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("sagacheck: %s can't be written as JSON: %v", f.EventType(), err))
	}
	return string(b)
}

// moves calls emit for each step that is possible in s.
func (e *explorer) moves(s state, emit func(*move)) {
	for slot := range s.slots() {
		value := s.get(slot)
		if value == 0 {
			continue
		}
		switch p := e.places[slot]; p.kind {
		case kindQueue:
			e.handle(s, slot, e.lists[value].facts[0], emit)
		case kindDocument:
			if e.Deadlines && p.b == 0 && e.documents[value].waiting {
				e.handle(s, slot, 0, emit)
			}
		case kindOutbox:
			e.send(&move{slot: slot, next: e.without(s, slot, 0), note: "sends what it committed"}, e.lists[value].facts, emit)
		case kindParty:
			if value != answered {
				e.answer(s, slot, emit)
			}
		case kindEffect:
			e.perform(s, slot, emit)
		case kindDuplicate:
			m := &move{slot: slot, next: e.without(s, slot, 0), sent: e.lists[value].facts, note: "delivers again"}
			e.deliver(m, m.sent, 0)
			emit(m)
		}
	}
}

// without is the next state under construction: s, with another value in this slot.
func (e *explorer) without(s state, slot int, value uint16) state {
	e.next = append(e.next[:0], s...)
	e.next.set(slot, value)
	return e.next
}

// deliver puts facts into the queues of everyone who minds them, and asks the outside.
func (e *explorer) deliver(m *move, facts []uint16, count uint16) {
	for _, id := range facts {
		f := &e.facts[id]
		for _, q := range f.queues {
			m.next.set(q, e.with(m.next.get(q), id))
		}
		for _, p := range f.parties {
			if m.next.get(p) == 0 {
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

// send emits the move with the facts delivered, and once more with the facts set aside to be delivered again later.
func (e *explorer) send(m *move, facts []uint16, emit func(*move)) {
	m.sent = facts
	twice := len(facts) > 0 && m.next.get(e.budget) > 0 && m.next.get(e.again) == 0
	if twice {
		e.spare = append(e.spare[:0], m.next...)
	}
	e.deliver(m, facts, 1)
	emit(m)
	if !twice || m.bad != "" {
		return
	}
	d := *m
	d.next = e.spare
	e.deliver(&d, facts, 1)
	d.next.set(e.budget, d.next.get(e.budget)-1)
	d.next.set(e.again, e.listID(facts))
	d.note = strings.TrimPrefix(d.note+", will be delivered again", ", ")
	emit(&d)
}

// answer lets an outside party answer, in each way in which it may.
func (e *explorer) answer(s state, slot int, emit func(*move)) {
	p := &e.outside[e.places[slot].a]
	key := answerKey{e.places[slot].a, s.get(slot)}
	answers, known := e.answers[key]
	if !known {
		for _, f := range p.Answers(e.facts[s.get(slot)].fact) {
			answers = append(answers, e.factID(f))
		}
		e.answers[key] = answers
	}
	for i := range answers {
		e.send(&move{slot: slot, next: e.without(s, slot, answered), free: e.Deadlines || p.Optional}, answers[i:i+1], emit)
	}
}

// handle lets a group react to the first fact of a queue, or (fact 0) to a deadline, in every way in which the documents
// may be. A group that has not sent what it committed handles nothing for that key.
func (e *explorer) handle(s state, slot int, id uint16, emit func(*move)) {
	p := e.places[slot]
	outbox := e.slot(place{kind: kindOutbox, a: p.a, key: p.key})
	if s.get(outbox) != 0 {
		return
	}
	e.react(s, p, id, func(from state, out *outcome) {
		next := from.get(slot)
		if id != 0 {
			next = e.rest(next)
		} else if out.nothing() {
			return // a wait whose Else does not run: nothing happens, now or later
		}
		m := &move{slot: slot, next: e.without(from, slot, next), out: out, note: out.note, bad: out.bad}
		for _, w := range out.writes {
			m.next.set(w.slot, w.value)
		}
		if e.Crashes && len(out.says) > 0 {
			m.next.set(outbox, e.listID(out.says))
			emit(m)
			return
		}
		e.send(m, out.says, emit)
	})
}

// nothing: the event changed nothing, and nobody hears of it.
func (o *outcome) nothing() bool { return len(o.writes) == 0 && len(o.says) == 0 && o.bad == "" }

// react finds what a group does, from memory if it has done it before on the same documents. A document that may be
// several things at the start becomes one of them when it is first read.
func (e *explorer) react(s state, p place, id uint16, emit func(state, *outcome)) {
	key := memoKey{p.a, p.key, id}
	for _, out := range e.memo[key] {
		if out.reads == nil || !slices.ContainsFunc(out.reads, func(r slotValue) bool { return s.get(r.slot) != r.value }) {
			emit(s, out)
			return
		}
	}
	out, open := e.run(s, p, id)
	if open < 0 {
		e.memo[key] = append(e.memo[key], out)
		emit(s, out)
		return
	}
	for _, choice := range e.choices[open] {
		chosen := slices.Clone(s)
		chosen.set(open, choice)
		e.react(chosen, p, id, emit)
	}
}

// run calls the real reaction. open is the slot of a document that must be chosen first, or -1.
func (e *explorer) run(s state, p place, id uint16) (out *outcome, open int) {
	g := e.Groups[p.a]
	c := saga.Cause{Envelope: saga.Envelope{Type: saga.DeadlineType, Key: e.keys.list[p.key], Time: epoch, Started: epoch}}
	if id != 0 {
		c.Fact = e.facts[id].fact
		c.Type = c.Fact.EventType()
		if a, ok := c.Fact.(attempted); ok {
			c.Fact, c.Attempt = nil, &saga.Attempt{Request: a.Requested.Request, Failure: a.Failure}
		}
	} else {
		c.Time = e.documents[s.get(e.slot(e.documentPlace(g.Tables()[0], c.Key)))].until
	}
	c.ID, c.Saga = c.Type+"/"+c.Key, c.Key
	var working saga.Working
	out = &outcome{}
	for {
		got := g.React(&working, c)
		for _, n := range got.Needs {
			slot := e.slot(e.documentPlace(n.Table, n.Key))
			at := s.get(slot)
			if at == 0 && len(e.choices[slot]) > 0 {
				return nil, slot
			}
			out.reads = append(out.reads, slotValue{slot, at})
			if at == 0 {
				working.Put(n.Table, n.Key, n.Table.New(n.Key), false)
			} else {
				working.Put(n.Table, n.Key, saga.Decode(e.documents[at].image, n.Table), true)
			}
		}
		if got.Needs == nil {
			e.conclude(g, c.Key, out, &working, got)
			return out, -1
		}
	}
}

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// conserved is a document that is part of a sum which no reaction may change.
type conserved interface{ Conserved() int64 }

func (e *explorer) conclude(g *saga.Group, key string, out *outcome, working *saga.Working, got saga.Outcome) {
	out.note = strings.TrimSuffix(strings.TrimPrefix(strings.Join(got.Ran, ", ")+", "+got.Dropped, ", "), ", ")
	if got.Err != nil {
		out.bad = got.Err.Error()
	}
	for _, name := range got.Ran {
		e.seen[g.Name()+"."+name] = true
	}
	sums := map[saga.AnyTable]int64{}
	for i, d := range working.Documents() {
		if !d.Dirty {
			continue
		}
		id := e.documentID(d.Table, saga.Encode(nil, d.Table, d.Value))
		out.writes = append(out.writes, slotValue{out.reads[i].slot, id})
		if c, ok := d.Value.(conserved); ok {
			sums[d.Table] += c.Conserved()
			if before := e.documents[out.reads[i].value].image; before != nil {
				sums[d.Table] -= saga.Decode(before, d.Table).(conserved).Conserved()
			}
		}
	}
	for _, t := range g.Tables() {
		if sums[t] != 0 {
			out.bad = fmt.Sprintf("%s (%s) does not conserve %s: %+d", g.Name(), out.note, t.Name(), sums[t])
		}
	}
	for _, r := range got.Requests {
		out.says = append(out.says, e.factID(requested{slices.Index(e.Groups, g), key, r}))
	}
	for _, f := range got.Facts {
		e.seen[g.Name()+" says "+f.EventType()] = true
		out.says = append(out.says, e.factID(f))
	}
}
