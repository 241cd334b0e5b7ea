package sagacheck

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"tiffin/saga"
)

// A state is a row of small numbers, two bytes each: each slot is a document, a queue, an outbox, what an outside party has
// been asked, or how often a fact was said; its value is the number of an interned document, list of facts, or fact. Zero is
// nothing. Slots are added while exploring: a state is the same with and without empty ones at its end.
type state []byte

func (s state) get(slot int) uint16 {
	if at := 2 * slot; at < len(s) {
		return binary.LittleEndian.Uint16(s[at:])
	}
	return 0
}

func (s *state) set(slot int, value uint16) {
	for len(*s) <= 2*slot {
		*s = append(*s, 0, 0)
	}
	binary.LittleEndian.PutUint16((*s)[2*slot:], value)
}

func (s state) slots() int { return len(s) / 2 }

// trimmed is s without empty slots at its end.
func (s state) trimmed() state {
	for len(s) > 0 && s[len(s)-1] == 0 && s[len(s)-2] == 0 {
		s = s[:len(s)-2]
	}
	return s
}

type explorer struct {
	World
	*interned
	budget, again int // the slots of kindBudget and kindDuplicate
	memo          map[memoKey][]*outcome
	answers       map[answerKey][]uint16
	seen          map[string]bool // reactions that ran, facts that were said

	reached []string // the states, in the order in which they were found
	parents []int32
	index   map[string]int32

	next, spare state // memory for states under construction
}

// wrong is a finding whose way is not known yet.
type wrong struct {
	what string
	at   int
	last *move
}

// Explore visits every state of the world.
func Explore(w World) Report {
	if w.Limit == 0 {
		w.Limit = 5_000_000
	}
	start := time.Now()
	e := &explorer{
		World: w, interned: newInterned(w.Groups, w.Outside), memo: map[memoKey][]*outcome{}, answers: map[answerKey][]uint16{},
		seen: map[string]bool{}, index: map[string]int32{},
	}
	e.begin()
	r := Report{EndStates: map[string]bool{}, Complete: true}
	found := e.search(&r)
	for _, f := range found {
		r.Findings = append(r.Findings, Finding{f.what, e.way(f.at, f.last)})
	}
	r.States, r.Time = len(e.reached), time.Since(start)
	if r.Complete {
		r.Gaps = e.gaps()
	}
	return r
}

// search visits the states in the order in which they were found, so that the first way to anything is a shortest one.
func (e *explorer) search(r *Report) (found []wrong) {
	known := map[string]bool{}
	find := func(f wrong) {
		if !known[f.what] {
			known[f.what] = true
			found = append(found, f)
		}
	}
	var s state
	for i := 0; i < len(e.reached); i++ {
		if len(e.reached) > e.Limit || e.StopAtFirst && len(found) > 0 {
			r.Complete = false
			break
		}
		s = append(s[:0], e.reached[i]...)
		moved := false
		e.moves(s, func(m *move) {
			moved = moved || !m.free
			r.Transitions++
			if m.bad != "" {
				find(wrong{m.bad, i, &move{slot: m.slot, out: m.out, sent: m.sent, note: m.note}})
				return
			}
			e.insert(m.next, int32(i))
		})
		if moved {
			continue // this is no end; one in which all that may happen is free to stay away is
		}
		r.Ends++
		r.EndStates[e.describe(s)] = true
		if e.Final != nil {
			if what := e.Final(View{e, s}); what != "" {
				find(wrong{what: what, at: i})
			}
		}
	}
	return found
}

// begin inserts the first states.
func (e *explorer) begin() {
	var s state
	for _, c := range e.Initially {
		t := e.tableOf(c.Documents[0])
		slot := e.slot(e.documentPlace(t, *t.Columns(c.Documents[0])[0].At.(*string)))
		var ids []uint16
		for _, d := range c.Documents {
			ids = append(ids, e.documentID(t, saga.Encode(nil, t, d)))
		}
		if len(ids) == 1 {
			s.set(slot, ids[0])
		} else {
			e.choices[slot] = ids
		}
	}
	e.budget, e.again = e.slot(place{kind: kindBudget}), e.slot(place{kind: kindDuplicate})
	s.set(e.budget, uint16(e.Duplicates))
	var first []uint16
	for _, f := range e.Start {
		first = append(first, e.factID(f))
	}
	e.send(&move{next: s}, first, func(m *move) { e.insert(m.next, -1) })
}

// insert adds a state unless it is known.
func (e *explorer) insert(s state, parent int32) {
	s = s.trimmed()
	if _, known := e.index[string(s)]; known {
		return
	}
	reached := string(s)
	e.index[reached] = int32(len(e.reached))
	e.reached = append(e.reached, reached)
	e.parents = append(e.parents, parent)
}

// describe is an end by its contents, whatever numbers its slots have.
func (e *explorer) describe(s state) string {
	var parts []string
	for slot := range s.slots() {
		value, p := s.get(slot), e.places[slot]
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
