package sagacheck

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"tiffin/saga"
)

// A state is a row of small numbers: each slot is a document, a queue, an outbox, what an outside party has been asked,
// or how often a fact was said; its value is the number of an interned document, list of facts, or fact. Zero is nothing.
type state []uint16

type kind uint8

const (
	kindDocument  kind = iota // a: group, b: table
	kindQueue                 // a: group, b: topic
	kindOutbox                // a: group: what it committed and has not sent
	kindParty                 // a: party: the fact it has been asked, or answered
	kindCount                 // a: event type
	kindDuplicate             // facts that will be delivered once more
	kindBudget                // how many more duplicates there may be
)

// place names a slot.
type place struct {
	kind kind
	a, b int
	key  int
}

// answered marks a party that has answered, or decided not to.
const answered = ^uint16(0)

type document struct {
	image   []byte
	waiting bool
	until   time.Time
}

type fact struct {
	fact    saga.Fact
	key     int
	queues  []int // slots of the queues it goes to
	parties []int
	count   int
}

type explorer struct {
	World
	slots  map[place]int
	places []place

	keys, types, topics *names
	facts               []fact
	factIDs             map[string]uint16
	lists               [][]uint16
	listIDs             map[string]uint16
	documents           []document
	documentIDs         map[string]uint16
	choices             map[int][]uint16
	memo                map[memoKey][]*outcome
	seen                map[string]bool // reactions that ran, facts that were said

	arena   []state
	parents []int32
	index   map[string]int32
}

type memoKey struct {
	group, key int
	fact       uint16
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

// move is a step from one state to the next.
type move struct {
	slot int
	next state
	out  *outcome
	sent []uint16
	note string
	bad  string
}

type names struct {
	ids  map[string]int
	list []string
}

func (n *names) id(s string) int {
	i, ok := n.ids[s]
	if !ok {
		i = len(n.list)
		n.ids[s], n.list = i, append(n.list, s)
	}
	return i
}

func newNames() *names { return &names{ids: map[string]int{}} }

// Explore visits every state of the world.
func Explore(w World) Report {
	if w.Limit == 0 {
		w.Limit = 5_000_000
	}
	start := time.Now()
	e := &explorer{World: w, slots: map[place]int{}, keys: newNames(), types: newNames(), topics: newNames(),
		facts: make([]fact, 1), factIDs: map[string]uint16{}, lists: make([][]uint16, 1), listIDs: map[string]uint16{"": 0},
		documents: make([]document, 1), documentIDs: map[string]uint16{}, choices: map[int][]uint16{},
		memo: map[memoKey][]*outcome{}, seen: map[string]bool{}, index: map[string]int32{}}
	e.begin()
	r := Report{EndStates: map[string]bool{}, Complete: true}
	found := map[string]bool{}
	find := func(i int, what string, last *move) {
		if !found[what] {
			found[what] = true
			r.Findings = append(r.Findings, Finding{what, e.way(i, last)})
		}
	}
	for i := 0; i < len(e.arena); i++ {
		if len(e.arena) > w.Limit {
			r.Complete = false
			break
		}
		s, moved := e.wide(e.arena[i]), false
		e.moves(s, func(m *move) {
			moved = true
			r.Transitions++
			if m.bad != "" {
				find(i, m.bad, m)
				return
			}
			e.insert(m.next, int32(i))
		})
		if !moved {
			r.Ends++
			r.EndStates[e.describe(s)] = true
			if w.Final != nil {
				if what := w.Final(View{e, s}); what != "" {
					find(i, what, nil)
				}
			}
		}
	}
	r.States, r.Time, r.Gaps = len(e.arena), time.Since(start), e.gaps()
	return r
}

func (e *explorer) begin() {
	s := e.wide(nil)
	for _, c := range e.Initially {
		t := e.tableOf(c.Documents[0])
		slot := e.slot(e.documentPlace(t, *t.Columns(c.Documents[0])[0].At.(*string)))
		var ids []uint16
		for _, d := range c.Documents {
			ids = append(ids, e.documentID(t, saga.Encode(nil, t, d)))
		}
		if s = e.wide(s); len(ids) == 1 {
			s[slot] = ids[0]
		} else {
			e.choices[slot] = ids
		}
	}
	budget := e.slot(place{kind: kindBudget})
	s = e.wide(s)
	s[budget] = uint16(e.Duplicates)
	var first []uint16
	for _, f := range e.Start {
		first = append(first, e.factID(f))
	}
	m := &move{next: e.wide(s)}
	e.send(m, first, func(m *move) { e.insert(m.next, -1) })
}

// wide is a copy of s with room for all slots that are known by now.
func (e *explorer) wide(s state) state {
	out := make(state, len(e.places))
	copy(out, s)
	return out
}

// grow makes sure that a state under construction has the slot.
func (s *state) at(slot int) *uint16 {
	for len(*s) <= slot {
		*s = append(*s, 0)
	}
	return &(*s)[slot]
}

func (e *explorer) slot(p place) int {
	i, ok := e.slots[p]
	if !ok {
		i = len(e.places)
		e.slots[p], e.places = i, append(e.places, p)
	}
	return i
}

func (e *explorer) keyID(key string) int { return e.keys.id(key) }

func (e *explorer) typeID(eventType string) int { return e.types.id(eventType) }

func (e *explorer) tableOf(d any) saga.AnyTable {
	for _, g := range e.Groups {
		for _, t := range g.Tables() {
			if reflect.TypeOf(t.New("")) == reflect.TypeOf(d) {
				return t
			}
		}
	}
	panic(fmt.Sprintf("sagacheck: no group of this world keeps documents of type %T", d))
}

func (e *explorer) documentPlace(t saga.AnyTable, key string) place {
	for gi, g := range e.Groups {
		if ti := slices.Index(g.Tables(), t); ti >= 0 {
			return place{kind: kindDocument, a: gi, b: ti, key: e.keyID(key)}
		}
	}
	panic("sagacheck: table " + t.Name() + " is of no group of this world")
}

func (e *explorer) documentID(t saga.AnyTable, image []byte) uint16 {
	name := t.Name() + "\x00" + string(image)
	id, ok := e.documentIDs[name]
	if !ok {
		id = e.next(len(e.documents), "documents")
		d := document{image: image}
		if a := t.Act(saga.Decode(image, t)); a != nil {
			d.waiting, d.until = a.Waiting() != "", a.WaitsUntil()
		}
		e.documents = append(e.documents, d)
		e.documentIDs[name] = id
	}
	return id
}

func (e *explorer) listID(facts []uint16) uint16 {
	var b strings.Builder
	for _, f := range facts {
		b.WriteByte(byte(f))
		b.WriteByte(byte(f >> 8))
	}
	id, ok := e.listIDs[b.String()]
	if !ok {
		if len(facts) > 64 {
			panic("sagacheck: a queue grows without end: the choreography goes round in a circle")
		}
		id = e.next(len(e.lists), "queues")
		e.lists = append(e.lists, slices.Clone(facts))
		e.listIDs[b.String()] = id
	}
	return id
}

// next is a new number; there are fewer than 65,535 of each kind, or the world is not small.
func (e *explorer) next(n int, what string) uint16 {
	if n >= int(answered) {
		panic("sagacheck: this world has too many different " + what + "; make it smaller")
	}
	return uint16(n)
}

func (e *explorer) factID(f saga.Fact) uint16 {
	name := fmt.Sprintf("%s %+v", f.EventType(), f)
	if id, ok := e.factIDs[name]; ok {
		return id
	}
	key := e.keyID(f.Key())
	info := fact{fact: f, key: key, count: e.slot(place{kind: kindCount, a: e.typeID(f.EventType()), key: key})}
	for gi, g := range e.Groups {
		if g.Minds(f.EventType()) {
			info.queues = append(info.queues, e.slot(place{kind: kindQueue, a: gi, b: e.topics.id(f.Topic()), key: key}))
		}
	}
	for pi, p := range e.Outside {
		if p.When == f.EventType() {
			info.parties = append(info.parties, e.slot(place{kind: kindParty, a: pi, key: key}))
		}
	}
	id := e.next(len(e.facts), "facts")
	e.facts = append(e.facts, info)
	e.factIDs[name] = id
	return id
}

// deliver puts facts into the queues of everyone who minds them, and asks the outside.
func (e *explorer) deliver(s *state, facts []uint16, count uint16) {
	for _, id := range facts {
		f := &e.facts[id]
		for _, q := range f.queues {
			at := s.at(q)
			*at = e.listID(append(slices.Clone(e.lists[*at]), id))
		}
		for _, p := range f.parties {
			if at := s.at(p); *at == 0 {
				*at = id
			}
		}
		*s.at(f.count) += count
	}
}

// send emits the move with the facts delivered, and once more with the facts set aside to be delivered again later.
func (e *explorer) send(m *move, facts []uint16, emit func(*move)) {
	m.sent = facts
	before := slices.Clone(m.next)
	e.deliver(&m.next, facts, 1)
	emit(m)
	budget, again := e.slot(place{kind: kindBudget}), e.slot(place{kind: kindDuplicate})
	if len(facts) == 0 || *before.at(budget) == 0 || *before.at(again) != 0 {
		return
	}
	d := *m
	d.next = before
	e.deliver(&d.next, facts, 1)
	*d.next.at(budget)--
	*d.next.at(again) = e.listID(facts)
	d.note = strings.TrimPrefix(d.note+", will be delivered again", ", ")
	emit(&d)
}

// moves calls emit for each step that is possible in s.
func (e *explorer) moves(s state, emit func(*move)) {
	for slot, value := range s {
		if value == 0 {
			continue
		}
		switch p := e.places[slot]; p.kind {
		case kindQueue:
			e.handle(s, slot, e.lists[value][0], emit)
		case kindDocument:
			if e.Deadlines && p.b == 0 && e.documents[value].waiting {
				e.handle(s, slot, 0, emit)
			}
		case kindOutbox:
			m := &move{slot: slot, next: slices.Clone(s), note: "sends what it committed"}
			m.next[slot] = 0
			e.send(m, e.lists[value], emit)
		case kindParty:
			if value != answered {
				e.answer(s, slot, emit)
			}
		case kindDuplicate:
			m := &move{slot: slot, next: slices.Clone(s), sent: e.lists[value], note: "delivers again"}
			m.next[slot] = 0
			e.deliver(&m.next, e.lists[value], 0)
			emit(m)
		}
	}
}

func (e *explorer) answer(s state, slot int, emit func(*move)) {
	p := e.Outside[e.places[slot].a]
	quiet := &move{slot: slot, next: slices.Clone(s), note: "never answers"}
	quiet.next[slot] = answered
	if e.Deadlines || p.Optional {
		emit(quiet)
	}
	for _, f := range p.May(e.facts[s[slot]].fact) {
		m := &move{slot: slot, next: slices.Clone(quiet.next)}
		e.send(m, []uint16{e.factID(f)}, emit)
	}
}

// handle lets a group react to the first fact of a queue, or (fact 0) to a deadline, in every way in which the documents
// may be. A group that has not sent what it committed handles nothing for that key.
func (e *explorer) handle(s state, slot int, id uint16, emit func(*move)) {
	p := e.places[slot]
	outbox := e.slot(place{kind: kindOutbox, a: p.a, key: p.key})
	if outbox < len(s) && s[outbox] != 0 {
		return
	}
	e.react(s, p, id, func(from state, out *outcome) {
		m := &move{slot: slot, next: slices.Clone(from), out: out, note: out.note, bad: out.bad}
		if id != 0 {
			m.next[slot] = e.listID(e.lists[m.next[slot]][1:])
		}
		for _, w := range out.writes {
			*m.next.at(w.slot) = w.value
		}
		if e.Crashes && len(out.says) > 0 {
			*m.next.at(outbox) = e.listID(out.says)
			emit(m)
			return
		}
		e.send(m, out.says, emit)
	})
}

// react finds what a group does, from memory if it has done it before on the same documents. A document that may be
// several things at the start becomes one of them when it is first read.
func (e *explorer) react(s state, p place, id uint16, emit func(state, *outcome)) {
	key := memoKey{p.a, p.key, id}
	value := func(slot int) uint16 {
		if slot < len(s) {
			return s[slot]
		}
		return 0
	}
	for _, out := range e.memo[key] {
		if !slices.ContainsFunc(out.reads, func(r slotValue) bool { return value(r.slot) != r.value }) {
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
		*chosen.at(open) = choice
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
	} else {
		c.Time = e.documents[s[e.slot(e.documentPlace(g.Tables()[0], c.Key))]].until
	}
	c.ID, c.Saga = c.Type+"/"+c.Key, c.Key
	var working saga.Working
	out = &outcome{}
	for {
		got := g.React(&working, c)
		for _, n := range got.Needs {
			slot := e.slot(e.documentPlace(n.Table, n.Key))
			at := *s.at(slot)
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
			e.conclude(g, out, &working, got)
			return out, -1
		}
	}
}

var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// conserved is a document that is part of a sum which no reaction may change.
type conserved interface{ Conserved() int64 }

func (e *explorer) conclude(g *saga.Group, out *outcome, working *saga.Working, got saga.Outcome) {
	out.note = strings.TrimPrefix(strings.Join(got.Ran, ", ")+", "+got.Dropped, ", ")
	out.note = strings.TrimSuffix(out.note, ", ")
	if got.Err != nil {
		out.bad = got.Err.Error()
	}
	for _, name := range got.Ran {
		e.seen[g.Name()+"."+name] = true
	}
	sum := map[string]int64{}
	for i, d := range working.Documents() {
		if !d.Dirty {
			continue
		}
		id := e.documentID(d.Table, saga.Encode(nil, d.Table, d.Value))
		out.writes = append(out.writes, slotValue{out.reads[i].slot, id})
		if c, ok := d.Value.(conserved); ok {
			sum[d.Table.Name()] += c.Conserved()
			if before := e.documents[out.reads[i].value].image; before != nil {
				sum[d.Table.Name()] -= saga.Decode(before, d.Table).(conserved).Conserved()
			}
		}
	}
	for table, diff := range sum {
		if diff != 0 {
			out.bad = fmt.Sprintf("%s (%s) does not conserve %s: %+d", g.Name(), out.note, table, diff)
		}
	}
	for _, f := range got.Facts {
		e.seen[g.Name()+" says "+f.EventType()] = true
		out.says = append(out.says, e.factID(f))
	}
}

// insert adds a state unless it is known.
func (e *explorer) insert(s state, parent int32) {
	for len(s) > 0 && s[len(s)-1] == 0 {
		s = s[:len(s)-1] // slots are added while exploring: a state is the same with and without empty ones at its end
	}
	b := make([]byte, 0, 2*len(s))
	for _, v := range s {
		b = append(b, byte(v), byte(v>>8))
	}
	if _, known := e.index[string(b)]; known {
		return
	}
	e.index[string(b)] = int32(len(e.arena))
	e.arena = append(e.arena, s)
	e.parents = append(e.parents, parent)
}

// describe is an end by its contents, whatever numbers its slots have.
func (e *explorer) describe(s state) string {
	var parts []string
	for slot, value := range s {
		p := e.places[slot]
		switch {
		case value == 0:
		case p.kind == kindDocument:
			parts = append(parts, fmt.Sprint(p.a, p.b, e.keys.list[p.key], string(e.documents[value].image)))
		case p.kind == kindCount:
			parts = append(parts, fmt.Sprint(e.types.list[p.a], e.keys.list[p.key], value))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, "|")
}

// gaps lists what is declared and was never seen.
func (e *explorer) gaps() (out []string) {
	for _, g := range e.Groups {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleOn || r.Role == saga.RoleRecords {
				continue
			}
			for _, name := range []string{r.Name, r.TooLateName, r.RefusesName} {
				if name != "" && !e.seen[g.Name()+"."+name] {
					out = append(out, g.Name()+"."+name+" never ran")
				}
			}
			for _, s := range r.Says {
				if !e.seen[g.Name()+" says "+s.Type] {
					out = append(out, g.Name()+" never says "+s.Type)
				}
			}
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}

// way is a shortest way to state i, and a last move from it.
func (e *explorer) way(i int, last *move) (steps []Step) {
	var path []int
	for ; i >= 0; i = int(e.parents[i]) {
		path = append([]int{i}, path...)
	}
	for n := 0; n+1 < len(path); n++ {
		from, to := e.wide(e.arena[path[n]]), e.wide(e.arena[path[n+1]])
		done := false
		e.moves(from, func(m *move) {
			if !done && slices.Equal(e.wide(m.next), to) {
				done = true
				steps = append(steps, e.step(from, m))
			}
		})
	}
	if last != nil {
		steps = append(steps, e.step(e.wide(e.arena[path[len(path)-1]]), last))
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
		s.Who, s.Hears = e.Groups[p.a].Name(), e.facts[e.lists[from[m.slot]][0]].fact.EventType()
	case kindDocument:
		s.Who, s.Hears = e.Groups[p.a].Name(), "its deadline"
	case kindOutbox:
		s.Who = e.Groups[p.a].Name()
	case kindParty:
		s.Who = e.Outside[p.a].Name
	default:
		s.Who = "broker"
	}
	if m.out != nil {
		for _, r := range m.out.reads {
			if r.slot >= len(from) || from[r.slot] == 0 {
				if len(e.choices[r.slot]) > 0 {
					s.Note += fmt.Sprintf("; choice of %s", e.Groups[e.places[r.slot].a].Tables()[e.places[r.slot].b].Name())
				}
			}
		}
	}
	return s
}
