package sagacheck

import (
	"math/bits"
	"slices"
)

// Steps of different groups mostly have nothing to do with each other, and trying them in every order multiplies the states.
// A stubborn set (Valmari) is a set of steps that is enough to try in a state:
//
// A class is every step that one place can ever do: the deliveries of one queue, one deadline, the answers of one outsider,
// one outbox. Two classes can disturb each other only if they
//
//   - belong to the same group and key: they share the act's document and the outbox;
//   - belong to the same group, and one changes a document of a table that the other reads or changes;
//   - may both append to the same queue: then the order counts;
//   - or compete for what there is once in the world: a place for what will come again, an age.
//
// A set of classes T is enough in state s if it contains a step that is possible and not free to stay away, and is closed:
//
//  1. with a class that has a step in s, it contains all classes that can disturb what these steps do in s;
//  2. with a class that has none, it contains all classes that can give it one.
//
// Why that is enough. Take any run from s to an end. It contains a step of T: the one that is not free stays possible as
// long as only steps outside T happen (by 1 nothing outside T disturbs it, and by 2 nothing outside T gives T other steps
// than those that it has in s), and at an end no such step is possible. The first step of the run that is of T can be moved
// to the front: what is before it is outside T, so it neither disturbs the step nor is it disturbed, and each step is taken
// with the same documents and the same fact as before. So from the state behind that step there is a run to the same end;
// and as every run is finite, repeating this visits every end, and every step that some run takes, upon the documents with
// which it takes it. That includes what is wrong with a step. Runs are finite because each delivery takes something from a
// queue, an answer is given once, a wait begins with the act or with the answer to the one before, and a fact that is said
// more than maxSaid times ends the exploration.
//
// What disturbs what follows from the declaration, but for two things that it does not say: that a group says a fact of
// another key than that of its cause, and that it reads a table that it does not change. Both are taken not to be so until
// a reaction does it. Then the exploration begins anew, knowing it. That is sound: up to its first such step a run keeps to
// what was assumed, so by the argument above that step is taken.

// maxClasses bounds the classes of a world.
const maxClasses = 64 * 8

// set is a set of classes.
type set [maxClasses / 64]uint64

func (b *set) add(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b *set) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b *set) or(o *set) {
	for i := range b {
		b[i] |= o[i]
	}
}

// lessons are what reactions were seen to do that their declaration does not say.
type lessons struct {
	rekeys  map[rekeying]bool
	touches map[touching]bool
}

// rekeying: the group, or (negative, minus one) the party, says facts of this type with another key than that of the cause.
type rekeying struct{ group, typ int }

// touching: the group reads a table, upon facts of a topic, that its reactions do not declare to change; -1 is a deadline.
type touching struct{ group, topic, table int }

// newLesson is what begins the exploration anew.
type newLesson struct{}

// reducer finds sets of steps that are enough.
type reducer struct {
	*explorer
	lessons
	static []voices

	classes []int // the class of each slot, plus one; 0: none yet
	known   []class

	// What follows depends on which keys and questions there are, and is made anew when one is added.
	madeAt    [2]int
	sames     []*set          // by corner: all classes of a group and key
	users     map[[2]int]*set // all classes that may touch a table of a group
	appenders []*set          // by slot: all classes that may give something to its class
	sayers    map[int]*set    // all classes that may say a fact of a type, whatever its key

	enabled [maxClasses]*step
	kept    []step
}

// class is what is asked of one again and again.
type class struct {
	place
	slot, act, outbox int
	ignorable         bool // an act in a final state ignores all that comes
}

func newReducer(e *explorer, known lessons) *reducer {
	r := &reducer{explorer: e, lessons: known, madeAt: [2]int{-1, -1}}
	for _, g := range e.groups {
		r.static = append(r.static, e.voicesOf(g))
	}
	return r
}

// check compares what a group did with what is assumed of it, and learns the difference.
func (r *reducer) check(of reacting, topic int, out *outcome) {
	group, key, learned := of.group, of.key, false
	for _, read := range out.reads {
		p := r.places[read.slot]
		own := p.b == 0 && p.key == key && r.groups[group].HasAct()
		if v := r.static[group][topic]; !own && (v == nil || !v.tables[p.b]) && !r.touches[touching{group, topic, p.b}] {
			r.touches[touching{group, topic, p.b}], learned = true, true
		}
	}
	for _, said := range out.says {
		if f := &r.facts[said]; f.key != key && !r.rekeys[rekeying{group, f.typ}] {
			r.rekeys[rekeying{group, f.typ}], learned = true, true
		}
	}
	if learned {
		panic(newLesson{})
	}
}

// checkAnswer does the same for an answer from outside.
func (r *reducer) checkAnswer(party int, asked, answer uint16) {
	if f := &r.facts[answer]; f.key != r.facts[asked].key && !r.rekeys[rekeying{-1 - party, f.typ}] {
		r.rekeys[rekeying{-1 - party, f.typ}] = true
		panic(newLesson{})
	}
}

// class is the class of a slot.
func (r *reducer) class(slot int) int {
	for len(r.classes) <= slot {
		r.classes = append(r.classes, 0)
	}
	if r.classes[slot] == 0 {
		if len(r.known) == maxClasses {
			panic("sagacheck: this world has too many groups, topics and keys; make it smaller")
		}
		c := class{place: r.places[slot], slot: slot}
		if c.kind == kindQueue || c.kind == kindDocument {
			corner := r.corner(c.a, c.key)
			c.act, c.outbox = corner.act, corner.outbox
			c.ignorable = c.kind == kindDocument || r.static[c.a][c.b] != nil && r.static[c.a][c.b].ignorable
		}
		r.known = append(r.known, c)
		r.classes[slot] = len(r.known)
	}
	return r.classes[slot] - 1
}

// refresh forgets the sets that were made when there were fewer keys or questions.
func (r *reducer) refresh() {
	if now := [2]int{len(r.factKeys), r.questions}; r.madeAt != now {
		r.madeAt = now
		r.sames, r.users, r.appenders, r.sayers = nil, map[[2]int]*set{}, nil, map[int]*set{}
	}
}

// enough picks, from the steps that are possible in s, a set that is enough to try.
func (r *reducer) enough(s state, steps []step) []step {
	if len(steps) < 2 || slices.ContainsFunc(steps, func(st step) bool { return st.spoiled() }) {
		return steps
	}
	r.refresh()
	for i := range steps {
		r.enabled[r.class(steps[i].slot)] = &steps[i]
	}
	defer func() {
		for i := range steps {
			r.enabled[r.class(steps[i].slot)] = nil
		}
	}()
	var best set
	fewest := len(steps)
	for i := range steps {
		if steps[i].free {
			continue
		}
		closed, size := r.closure(s, r.class(steps[i].slot), fewest)
		if size < fewest {
			best, fewest = closed, size
		}
		if size == 1 {
			break
		}
	}
	if fewest == len(steps) {
		return steps
	}
	kept := r.kept[:0]
	for i := range steps {
		if best.has(r.class(steps[i].slot)) {
			kept = append(kept, steps[i])
		}
	}
	r.kept = kept
	return kept
}

// spoiled says whether something is wrong with one of the step's ways. It leads nowhere then, so to try it does not stand
// for trying what may happen behind it.
func (st *step) spoiled() bool {
	return slices.ContainsFunc(st.ways, func(w way) bool { return w.out != nil && w.out.bad != "" })
}

// closure is the smallest closed set with this class, and how many of its classes have a step; that is tooMany as soon as
// it has as many.
func (r *reducer) closure(s state, seed, tooMany int) (closed set, size int) {
	var done set
	closed.add(seed)
	for {
		c := -1
		for w := range closed {
			if left := closed[w] &^ done[w]; left != 0 {
				c = w*64 + bits.TrailingZeros64(left)
				break
			}
		}
		if c < 0 {
			return closed, size
		}
		done.add(c)
		everything := false
		if st := r.enabled[c]; st != nil {
			size++
			everything = r.disturbing(s, st, &closed)
		} else {
			r.enabling(s, &r.known[c], &closed)
		}
		if everything || size == tooMany {
			return closed, tooMany
		}
	}
}

// disturbing adds the classes that can disturb a step that is possible; all says that it is every one.
func (r *reducer) disturbing(s state, st *step, b *set) (all bool) {
	p := r.places[st.slot]
	switch p.kind {
	case kindQueue, kindDocument:
		b.or(r.same(p.a, p.key))
	case kindEffect:
		r.appending(s, st.slot, b)
	case kindAge:
		if len(r.rekeys) > 0 {
			return true // a key that there is not yet may be as old, see continues
		}
		for g := range r.groups {
			b.or(r.same(g, p.key))
		}
	}
	for i := range st.ways {
		w := &st.ways[i]
		if w.out != nil {
			for _, read := range w.out.reads {
				if at := r.places[read.slot]; at.b != 0 || at.key != p.key || !r.groups[p.a].HasAct() {
					b.or(r.user(p.a, at.b))
				}
			}
		}
		if len(w.facts) > 0 && r.sending(s, w.facts, p.kind == kindDuplicate, b) {
			return true
		}
	}
	return false
}

// sending adds the classes that can disturb the sending of facts.
//
// What is set aside to come again is like a class for each sender that may fill it. Those that may bring something to a
// queue to which the step appends are filled by who may append there, who is in the set anyway. Only the one that is filled
// now has a step.
//
// While one more may be set aside, each sender may be the one: who is it loses nothing by the others' steps coming first,
// nor do they by its. With two or more left they compete, for there is one place for them. (No example is known in which
// that counts; without a proof that there is none, it is taken to.)
func (r *reducer) sending(s state, facts []uint16, repeats bool, b *set) (all bool) {
	for _, id := range facts {
		f := &r.facts[id]
		for _, q := range f.queues {
			if !q.dead || !r.documents[s.get(q.act)].final {
				r.appending(s, q.slot, b)
			}
		}
		for _, asked := range f.parties {
			if r.places[asked].kind == kindEffect { // who asks a person the same makes no difference, whoever is first
				r.appending(s, asked, b)
			}
		}
		if !repeats && r.again == f.typ && s.get(r.budget) > 0 {
			b.or(r.sayer(f.typ)) // the first one comes again
		}
	}
	left := s.get(r.budget)
	if repeats || r.again >= 0 || left == 0 {
		return false
	}
	b.add(r.class(r.ghost)) // it makes room for one more
	return left > 1 && s.get(r.ghost) == 0
}

// appending adds the classes that may give something to a queue, or ask somebody outside.
func (r *reducer) appending(s state, slot int, b *set) {
	b.or(r.appender(slot))
	for _, id := range r.lists[s.get(r.ghost)].facts {
		f := &r.facts[id]
		if slices.Contains(f.parties, slot) || slices.ContainsFunc(f.queues, func(q receiver) bool { return q.slot == slot }) {
			b.add(r.class(r.ghost))
		}
	}
}

// enabling adds the classes that can make a step possible of a class that has none.
func (r *reducer) enabling(s state, c *class, b *set) {
	switch c.kind {
	case kindQueue, kindDocument:
		switch {
		case r.Crashes && s.get(c.outbox) != 0:
			if c.kind == kindDocument || s.get(c.slot) != 0 {
				b.add(r.class(c.outbox))
				return
			}
		case c.ignorable && r.documents[s.get(c.act)].final:
			return
		}
		if c.kind == kindDocument {
			b.or(r.same(c.a, c.key))
			return
		}
		r.appending(s, c.slot, b)
	case kindOutbox:
		b.or(r.same(c.a, c.key))
	case kindEffect:
		r.appending(s, c.slot, b)
	case kindParty:
		if s.get(c.slot) == 0 {
			r.appending(s, c.slot, b)
		}
	}
}
