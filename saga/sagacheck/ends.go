package sagacheck

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tiffin/saga"
)

// end looks at a state in which nothing more can happen.
func (e *explorer) end(s state, i int, ends map[string]bool, find func(wrong)) {
	name := e.describe(s)
	ends[name] = true
	if name == e.wanted {
		find(wrong{what: strings.Join(e.contentsOf(s), "; "), at: i, depth: int(e.depth[i])})
		return
	}
	for _, what := range e.endsWrong(s) {
		find(wrong{what: what, at: i, depth: int(e.depth[i])})
	}
	if e.Final != nil {
		if what := e.Final(View{e, s}); what != "" {
			find(wrong{what: what, at: i, depth: int(e.depth[i])})
		}
	}
}

// endsWrong is what must not be at any end, whatever the choreography is about.
func (e *explorer) endsWrong(s state) (out []string) {
	hangs := map[int]bool{} // keys of which that has been said
	for slot := range s.slots() {
		p, value := e.places[slot], s.get(slot)
		if p.kind != kindDocument || p.b != 0 || value == 0 || !e.groups[p.a].HasAct() {
			continue
		}
		g, key := e.groups[p.a], e.keys.list[p.key]
		t := g.Tables()[0]
		act := t.Act(saga.Decode(e.documents[value].image, t))
		if said, last := e.endsOf(s, g, p.key); len(said) > 0 || last {
			switch {
			case len(said) > 1:
				out = append(out, fmt.Sprintf("the saga %s ends more than once: %s says %s", key, g.Name(), strings.Join(said, " and ")))
			case len(said) == 0 && !act.State().Final() && (act.Joining() || act.State() == saga.Done):
				hangs[p.key] = true
				out = append(out, fmt.Sprintf("the saga %s never ends: %s has heard of it and says none of its ends", key, g.Name()))
			}
			continue
		}
		if open := act.State() == saga.Done && !act.Pivoted() || act.Waiting() != ""; open {
			what := "nothing closes, undoes or refuses it any more (if it is past undoing where it stands, say saga.Closes())"
			if act.Waiting() != "" {
				what = "it waits for ever, and " + act.Waiting() + " never runs"
			}
			out = append(out, fmt.Sprintf("the act of %s in the saga %s stays open: %s", g.Name(), key, what))
		}
	}
	for _, st := range e.stories {
		for _, key := range e.factKeys {
			said := func(eventType string) bool { return View{e, s}.Said(eventType, e.keys.list[key]) > 0 }
			lacks := func(eventType string) bool { return !said(eventType) }
			if hangs[key] || slices.ContainsFunc(st.Starts, lacks) || slices.ContainsFunc(st.Ends, said) {
				continue
			}
			out = append(out, fmt.Sprintf("the saga %s never ends: it begins with %s, and %s says none of its ends",
				e.keys.list[key], strings.Join(st.Starts, " and "), strings.Join(e.ownersOf(st), " or ")))
		}
	}
	return out
}

// ownersOf are the groups that may say an end of the story.
func (e *explorer) ownersOf(st saga.Story) (out []string) {
	for _, g := range e.groups {
		for _, r := range e.reactions[g] {
			if slices.ContainsFunc(r.Says, func(f saga.Said) bool { return f.Ends && slices.Contains(st.Ends, f.Type) }) && !slices.Contains(out, g.Name()) {
				out = append(out, g.Name())
			}
		}
	}
	return out
}

// endsOf are the ends that were said of a key, one entry for each time; owner says whether it is for this group to say one.
func (e *explorer) endsOf(s state, g *saga.Group, key int) (said []string, owner bool) {
	for _, r := range e.reactions[g] {
		for _, f := range r.Says {
			if !f.Ends {
				continue
			}
			owner = true
			if typ, ok := e.types.ids[f.Type]; ok {
				if slot, ok := e.slots[place{kind: kindCount, a: typ, key: key}]; ok && !slices.Contains(said, f.Type) {
					for range s.get(slot) {
						said = append(said, f.Type)
					}
				}
			}
		}
	}
	return said, owner
}

// describe names an end by its contents, whatever numbers its slots have: a hash of each document, and of how often each fact was
// said, added up.
func (e *explorer) describe(s state) string {
	var sum [2]uint64
	for slot := range s.slots() {
		if value := s.get(slot); value != 0 {
			h := e.hash(slot, value)
			sum[0], sum[1] = sum[0]+h[0], sum[1]+h[1]
		}
	}
	return fmt.Sprintf("%016x%016x", sum[0], sum[1])
}

// hash is of what a slot holds; zero if that is no part of an end.
func (e *explorer) hash(slot int, value uint16) [2]uint64 {
	key := [2]int{slot, int(value)}
	if h, known := e.hashes[key]; known {
		return h
	}
	h := sha256.New() // the hashes are added up, so a linear hash would not do
	switch p := e.places[slot]; p.kind {
	case kindDocument:
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00", e.groups[p.a].Name(), e.groups[p.a].Tables()[p.b].Name(), e.keys.list[p.key])
		h.Write(e.documents[value].image)
	case kindCount:
		fmt.Fprintf(h, "%s\x00%s\x00%d", e.types.list[p.a], e.keys.list[p.key], value)
	default:
		e.hashes[key] = [2]uint64{}
		return [2]uint64{}
	}
	sum := h.Sum(nil)
	e.hashes[key] = [2]uint64{binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])}
	return e.hashes[key]
}

// contentsOf lists what an end holds, for people.
func (e *explorer) contentsOf(s state) (out []string) {
	for slot := range s.slots() {
		p, value := e.places[slot], s.get(slot)
		switch {
		case value == 0:
		case p.kind == kindDocument:
			t := e.groups[p.a].Tables()[p.b]
			out = append(out, e.groups[p.a].Name()+" has "+show(t, saga.Decode(e.documents[value].image, t)))
		case p.kind == kindCount:
			out = append(out, fmt.Sprintf("%s(%s) was said %s", e.types.list[p.a], e.keys.list[p.key], times(int(value))))
		}
	}
	sort.Strings(out)
	return out
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprint(n, " times")
}
