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
	hangs := map[[2]int]bool{} // the acts that are open because they never say the end, by group and key
	for _, st := range e.stories {
		for _, key := range e.factKeys {
			said := e.endsSaid(s, st, key)
			if len(said) > 1 {
				out = append(out, fmt.Sprintf("the saga %s ends more than once: %s", e.keys.list[key], strings.Join(said, " and ")))
			} else if why := e.mustEnd(s, st, key); len(said) == 0 && why != "" {
				out = append(out, fmt.Sprintf("the saga %s never ends: %s", e.keys.list[key], why))
				for _, g := range st.owners {
					hangs[[2]int{g, key}] = true
				}
			}
		}
	}
	for slot := range s.slots() {
		p, value := e.places[slot], s.get(slot)
		if p.kind != kindDocument || p.b != 0 || value == 0 || !e.groups[p.a].HasAct() || hangs[[2]int{p.a, p.key}] {
			continue
		}
		g, key := e.groups[p.a], e.keys.list[p.key]
		act := e.actOf(g, value)
		if open := act.State() == saga.Done && !act.Pivoted() || act.Waiting() != ""; open {
			what := "nothing closes, undoes or refuses it any more (if it is past undoing where it stands, say saga.Closes())"
			if act.Waiting() != "" {
				what = "it waits for ever, and " + act.Waiting() + " never runs"
			}
			out = append(out, fmt.Sprintf("the act of %s in the saga %s stays open: %s", g.Name(), key, what))
		}
	}
	return out
}

// told is a story of which somebody owns the end.
type told struct {
	saga.Story
	owners []int    // the groups that may say one of its ends
	whose  []string // of each end, who may say it
	shared bool     // another story may have the same end and no need of this one's beginning, so a saga with that need not end: what they say may tell them apart
}

// storiesWithEnds are the stories of the world of which somebody owns the end. Ends of which no start is known, for the world begins
// in the middle, make one more.
func (e *explorer) storiesWithEnds() (out []told) {
	var middle saga.Story
	stories := saga.Stories(slices.Concat(e.groups, e.World.Outside)...)
	for _, g := range e.groups {
		for _, end := range e.endsOf(g) {
			if !slices.ContainsFunc(append(stories, middle), func(st saga.Story) bool { return slices.Contains(st.Ends, end) }) {
				middle.Ends = append(middle.Ends, end)
			}
		}
	}
	for _, st := range append(stories, middle) {
		if len(st.Ends) > 0 {
			out = append(out, e.owned(st))
		}
	}
	for i := range out {
		for j := range out {
			out[i].shared = out[i].shared || i != j && anyOf(out[i].Ends, out[j].Ends) && !anyOf(out[i].Starts, out[j].Through)
		}
	}
	return out
}

func anyOf(these, those []string) bool {
	return slices.ContainsFunc(these, func(s string) bool { return slices.Contains(those, s) })
}

// owned is the story with who owns its ends.
func (e *explorer) owned(st saga.Story) told {
	out := told{Story: st, whose: make([]string, len(st.Ends))}
	for i, g := range e.groups {
		owns := false
		for _, end := range e.endsOf(g) {
			if n := slices.Index(st.Ends, end); n >= 0 {
				owns, out.whose[n] = true, strings.TrimPrefix(out.whose[n]+" or "+g.Name(), " or ")
			}
		}
		if owns {
			out.owners = append(out.owners, i)
		}
	}
	return out
}

// endsOf are the types of the facts by which a group says that a saga is over.
func (e *explorer) endsOf(g *saga.Group) (out []string) {
	for _, r := range e.reactions[g] {
		for _, f := range r.Says {
			if f.Ends && !slices.Contains(out, f.Type) {
				out = append(out, f.Type)
			}
		}
	}
	return out
}

// endsSaid are the ends of a story that were said of a key, by whichever group, with who says them; one entry for each time.
func (e *explorer) endsSaid(s state, st told, key int) (out []string) {
	for i, end := range st.Ends {
		for range (View{e, s}).said(end, e.keys.list[key]) {
			out = append(out, st.whose[i]+" says "+end)
		}
	}
	return out
}

// mustEnd says why a story of a key must have an end: one who owns it has heard of the saga, or what begins it was said; "" if neither.
func (e *explorer) mustEnd(s state, st told, key int) string {
	var owners []string
	for _, i := range st.owners {
		g := e.groups[i]
		if value := s.get(e.corner(i, key).act); value != 0 && g.HasAct() {
			if act := e.actOf(g, value); !act.State().Final() && (act.Joining() || act.State() == saga.Done) {
				return g.Name() + " has heard of it and says none of its ends"
			}
		}
		owners = append(owners, g.Name())
	}
	if st.shared || !e.begun(s, st, key) || slices.Contains(e.endElsewhere(s, st), key) {
		return ""
	}
	return fmt.Sprintf("it begins with %s, and %s says none of its ends", strings.Join(st.Starts, " and "), strings.Join(owners, " or "))
}

// begun says whether all that begins a story was said of a key.
func (e *explorer) begun(s state, st told, key int) bool {
	lacks := func(eventType string) bool { return View{e, s}.said(eventType, e.keys.list[key]) == 0 }
	return len(st.Starts) > 0 && !slices.ContainsFunc(st.Starts, lacks)
}

// endElsewhere are keys with which the story has begun and has no end, but for which an end was said of a key with which it has not begun:
// then what began under one key has gone on under another, an order as a parcel. One such end is the end of one saga: that which led to
// its key, or, where that is not known or has an end of its own, any one.
func (e *explorer) endElsewhere(s state, st told) (out []int) {
	var open, ended []int
	for _, key := range e.factKeys {
		switch begun, ends := e.begun(s, st, key), len(e.endsSaid(s, st, key)) > 0; {
		case begun && !ends:
			open = append(open, key)
		case !begun && ends:
			ended = append(ended, key)
		}
	}
	for _, key := range ended {
		if i := slices.Index(open, e.sagaOf(key)); i >= 0 {
			out, open = append(out, open[i]), slices.Delete(open, i, i+1)
		}
	}
	return append(out, open[:min(len(open), len(ended)-len(out))]...)
}

// actOf is the act in a document of the group's first table.
func (e *explorer) actOf(g *saga.Group, document uint16) *saga.Act {
	t := g.Tables()[0]
	return t.Act(saga.Decode(e.documents[document].image, t))
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
