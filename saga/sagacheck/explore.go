package sagacheck

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tiffin/saga"
	"tiffin/saga/words"
)

// explorer explores one world, or one part of it.
type explorer struct {
	World
	*interned
	name      string
	reduces   bool            // it leaves out what can't make a difference
	again     int             // the event type of which the first fact comes once more; -1: of none
	budget    int             // the slot of how many more duplicates there may be
	ghost     int             // the slot of facts that will be delivered once more
	lives     []time.Duration // how old a saga may be, by any group: ascending, each once
	reactions map[*saga.Group][]saga.Reaction
	heardOf   []string // the types of the world's facts
	stories   []told   // those of which somebody owns the end
	memo      map[reacting]*node
	answers   map[answerKey][]uint16
	coverage  Coverage
	reducer   *reducer
	seeks     map[string]bool // what it looks for, if it is not everything

	*reached
	depth []int32 // of each state

	found       []step // memory of steps
	next, spare state  // memory for states under construction
}

// wrong is a finding whose way is not known yet.
type wrong struct {
	what  string
	at    int
	last  *Step // the move that does it; nil if the state itself is wrong
	depth int
}

// Explore visits the states of the world, and reports what must not be.
func Explore(w World) Report {
	start := time.Now()
	if w.Limit == 0 {
		w.Limit = 12_000_000
	}
	if w.MemoryLimit == 0 {
		w.MemoryLimit = 2 << 30
	}
	w.knowAgain()
	parts := w.parts()
	reports := make([]Report, len(parts))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(parts), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				reports[i] = explore(parts[i].world, parts[i].name, parts[i].again)
			}
		})
	}
	for i := range parts {
		next <- i
	}
	close(next)
	workers.Wait()
	r := reports[0]
	for _, other := range reports[1:] {
		r.merge(other)
	}
	r.World, r.Time = w.Name, time.Since(start)
	return r
}

// part is what is explored by itself.
type part struct {
	world World
	name  string
	again string
}

// parts are the explorations that a world takes: with each of those aside in turn, with each type again in turn.
func (w World) parts() (out []part) {
	for _, aside := range append([]*saga.Group{nil}, w.Aside...) {
		one := w
		name := w.Name
		if aside != nil {
			w.mustBeSilent(aside)
			one.Groups = append(slices.Clip(w.Groups), aside)
			name += ", with " + aside.Name()
		} else if len(w.Groups) == 0 {
			continue
		}
		if len(w.Again) == 0 {
			out = append(out, part{one, name, ""})
		}
		for _, again := range w.Again {
			out = append(out, part{one, name + ", " + again + " again", again})
		}
	}
	if len(out) == 0 {
		panic("sagacheck: a world without groups")
	}
	return out
}

// mustBeSilent panics if somebody in the world hears what a group aside says. Its steps would then have an influence on
// others, and to leave them out would not be sound.
func (w World) mustBeSilent(aside *saga.Group) {
	for _, r := range aside.Reactions() {
		for _, said := range r.Says {
			for _, g := range slices.Concat(w.Groups, w.Aside, w.Outside) {
				if g != aside && g.Minds(said.Type) {
					panic(fmt.Sprintf("sagacheck: %s says %s, which %s hears: move it from the world's Aside to its Groups", aside.Name(), said.Type, g.Name()))
				}
			}
		}
	}
}

// explore explores one part. What it learns about the groups on the way that their declarations don't say makes it begin anew.
func explore(w World, name, again string) Report {
	start := time.Now()
	known := lessons{rekeys: map[rekeying]bool{}, touches: map[touching]bool{}}
	for {
		e := newExplorer(w, name, again, known)
		r, lesson := e.explore()
		if lesson {
			continue
		}
		r.Time = time.Since(start)
		return r
	}
}

func newExplorer(w World, name, again string, known lessons) *explorer {
	e := &explorer{
		World: w, interned: newInterned(w.Groups, w.Outside, !w.Full), name: name, reduces: !w.Full && !w.plain, again: -1,
		reactions: map[*saga.Group][]saga.Reaction{}, memo: map[reacting]*node{}, answers: map[answerKey][]uint16{},
		coverage: declared(w.Groups), reached: newReached(),
	}
	for _, g := range w.Groups {
		e.reactions[g] = g.Reactions()
		if g.HasAct() {
			e.lives = append(e.lives, g.Longest())
		}
	}
	slices.Sort(e.lives)
	e.lives = slices.Compact(e.lives)
	e.heardOf = w.factTypes()
	e.stories = e.storiesWithEnds()
	if again != "" {
		e.again = e.types.id(again)
	}
	e.reducer = newReducer(e, known)
	return e
}

// explore explores it all; lesson says that it has to be done again.
func (e *explorer) explore() (r Report, lesson bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(newLesson); !ok {
				panic(p)
			}
			lesson = true
		}
	}()
	r = Report{EndStates: map[string]bool{}, Complete: true}
	e.begin()
	found := e.search(&r)
	if r.Complete && r.Ends == 0 && len(found) == 0 {
		found = append(found, wrong{what: "no run has an end: nothing was proved"}) // a fault of this search, for every run is finite
	}
	r.Findings = e.findings(found)
	r.States, r.Bytes, r.Coverage = e.len(), e.bytes(), e.coverage
	if n := e.len(); n > 0 {
		r.Depth = int(e.depth[n-1])
	}
	if r.Complete {
		r.Gaps = e.coverage.Gaps()
	}
	return r, false
}

// begin inserts the first states.
func (e *explorer) begin() {
	var s state
	for _, c := range e.Initially {
		if e.standsAside(c.Documents[0]) {
			continue
		}
		group, t := e.tableOf(c.Documents[0])
		keyOf := func(d any) string { return *t.Columns(d)[0].At.(*string) }
		key := keyOf(c.Documents[0])
		slot := e.slot(e.documentPlace(group, t, key))
		var ids []uint16
		for _, d := range c.Documents {
			if other := keyOf(d); other != key {
				panic(fmt.Sprintf("sagacheck: a Choice is what one document may be, and this one has those of %s and %s in %s: make it one for each", key, other, t.Name()))
			}
			ids = append(ids, e.documentID(t, saga.Encode(nil, t, d)))
		}
		if len(ids) == 1 {
			s.set(slot, ids[0])
		} else {
			e.choices[slot] = ids
		}
	}
	e.budget, e.ghost = e.slot(place{kind: kindBudget}), e.slot(place{kind: kindDuplicate})
	s.set(e.budget, uint16(e.Duplicates))
	if e.again >= 0 {
		s.set(e.budget, 1)
	}
	w := way{}
	for _, f := range e.Start {
		id := e.factID(f)
		w.facts = append(w.facts, id)
		if e.Ages {
			s.set(e.corner(0, e.facts[id].key).age, young)
		}
	}
	e.send(&move{step: &step{slot: e.ghost}, way: &w, next: s}, func(m *move) { e.insert(m.next, -1) })
}

// factTypes are those of all facts that anybody in the world says or hears, or that it starts with.
func (w World) factTypes() (out []string) {
	for _, g := range slices.Concat(w.Groups, w.Aside, w.Outside) {
		out = append(out, g.Facts()...)
	}
	for _, f := range w.Start {
		out = append(out, f.EventType())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mustKnow panics unless this is one of the world's types of facts.
func mustKnow(types []string, eventType string) {
	if !slices.Contains(types, eventType) {
		panic(fmt.Sprintf("sagacheck: nobody in this world says, hears or starts with a fact of type %s: the nearest is %s",
			eventType, strings.Join(words.Nearest(eventType, types), ", or ")))
	}
}

// knowAgain panics if nobody knows what is to come again.
func (w World) knowAgain() {
	types := w.factTypes()
	for _, again := range w.Again {
		mustKnow(types, again)
	}
}

// standsAside says whether who keeps documents like this one stands aside, while another one is explored.
func (e *explorer) standsAside(d any) bool {
	if _, t := keeper(e.groups, d); t != nil {
		return false
	}
	return slices.ContainsFunc(e.Aside, func(g *saga.Group) bool {
		_, t := keeper([]*saga.Group{g}, d)
		return t != nil
	})
}

// isOld says whether a key's saga is older than a group lets one be.
//
// Groups may differ in that, so a saga that is too old for one need not be for another. Only the order of their lives counts, not how
// long they are: a saga grows old in as many steps as there are different lives, and may stay for ever in each.
func (e *explorer) isOld(s state, group, key int) bool {
	if !e.Ages {
		return false
	}
	life, _ := slices.BinarySearch(e.lives, e.groups[group].Longest())
	return int(s.get(e.corner(group, key).age)) > int(young)+life
}

// insert adds a state unless it is known.
func (e *explorer) insert(s state, parent int) {
	if _, isNew := e.add(s, int32(parent)); isNew {
		depth := int32(0)
		if parent >= 0 {
			depth = e.depth[parent] + 1
		}
		e.depth = append(e.depth, depth)
	}
}

// progressEvery is how many states are visited between two words of progress.
const progressEvery = 1 << 15

// search visits the states in the order in which they were found, so that the first way to anything is a shortest one among
// those that are tried.
func (e *explorer) search(r *Report) (found []wrong) {
	start := time.Now()
	known := map[string]bool{}
	find := func(f wrong) {
		if !known[f.what] && (e.seeks == nil || e.seeks[f.what]) {
			known[f.what] = true
			found = append(found, f)
		}
	}
	ends := map[string]bool{}
	var s state
	for i := 0; i < e.len(); i++ {
		enough := e.StopAtFirst && len(found) > 0 || e.seeks != nil && len(found) == len(e.seeks)
		if enough || e.len() > e.Limit || e.bytes() > e.MemoryLimit {
			r.Complete = false
			break
		}
		if e.Progress != nil && i%progressEvery == progressEvery-1 {
			e.Progress(Progress{e.name, e.len(), int(e.depth[i]), e.bytes(), time.Since(start)})
		}
		s = append(s[:0], e.at(i)...)
		steps := e.steps(s)
		if !slices.ContainsFunc(steps, func(st step) bool { return !st.free }) {
			r.Ends++
			e.end(s, i, ends, find) // all that may still happen is free to stay away
		} else if e.reduces {
			steps = e.reducer.enough(s, steps)
		}
		for n := range steps {
			st := &steps[n]
			for k := range st.ways {
				e.apply(s, st, &st.ways[k], func(m *move) {
					r.Transitions++
					if m.bad != "" {
						if !known[m.bad] {
							last := e.describeMove(s, m)
							find(wrong{what: m.bad, at: i, last: &last, depth: int(e.depth[i]) + 1})
						}
						return
					}
					e.insert(m.next, i)
				})
			}
		}
	}
	maps.Copy(r.EndStates, ends)
	return found
}
