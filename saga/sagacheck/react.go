package sagacheck

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
)

// outcome is what a group does upon an event when the documents that it reads are these.
type outcome struct {
	reads   []slotValue
	writes  []slotValue
	says    []uint16
	ran     []string
	dropped string
	bad     string
	ends    bool // it takes the act of its key to a final state
}

type slotValue struct {
	slot  int
	value uint16
}

// nothing: the event changed nothing, and nobody hears of it.
func (o *outcome) nothing() bool { return len(o.writes) == 0 && len(o.says) == 0 && o.bad == "" }

// reacting names what a group reacts to. Its reactions are pure, so what they did once they do again whenever the documents that
// they read are the same. That is remembered in a tree.
type reacting struct {
	group, key int
	fact       uint16 // 0 is a deadline
	old        bool   // the saga is older than the group lets one be
}

// node is a place in such a tree: which document is read next, and by its value where to go from there; or the outcome.
type node struct {
	slot int // -1: not known yet
	next map[uint16]*node
	out  *outcome
}

func newNode() *node { return &node{slot: -1, next: map[uint16]*node{}} }

func (n *node) child(value uint16) *node {
	c := n.next[value]
	if c == nil {
		c = newNode()
		n.next[value] = c
	}
	return c
}

// read is a slot's value, if those in chosen are set.
func read(s state, chosen []slotValue, slot int) uint16 {
	for _, c := range chosen {
		if c.slot == slot {
			return c.value
		}
	}
	return s.get(slot)
}

// react finds what a group does, in every way in which the documents may be: one that may be several things at the start
// becomes one of them when it is first read.
func (e *explorer) react(s state, p place, id uint16, emit func(chosen []slotValue, out *outcome)) {
	key := reacting{p.a, p.key, id, e.isOld(s, p.a, p.key)}
	root := e.memo[key]
	if root == nil || e.Full {
		root = newNode()
		e.memo[key] = root
	}
	e.follow(s, key, root, nil, emit)
}

func (e *explorer) follow(s state, key reacting, root *node, chosen []slotValue, emit func([]slotValue, *outcome)) {
	for {
		n := root
		for n.out == nil && n.slot >= 0 {
			value := read(s, chosen, n.slot)
			if open := e.choices[n.slot]; value == 0 && len(open) > 0 {
				for _, choice := range open {
					e.follow(s, key, root, append(slices.Clip(chosen), slotValue{n.slot, choice}), emit)
				}
				return
			}
			n = n.child(value)
		}
		if n.out != nil {
			emit(chosen, n.out)
			return
		}
		e.learn(s, key, root, chosen)
	}
}

// learn runs the reaction and puts what it reads and does into the tree.
func (e *explorer) learn(s state, key reacting, root *node, chosen []slotValue) {
	g, c := e.groups[key.group], e.cause(s, key)
	before := ""
	if c.Fact != nil {
		before = contents(c.Fact)
	}
	first := e.attempt(s, key.group, c, chosen, 0)
	n := root
	for _, r := range first.reads {
		n.slot = r.slot
		n = n.child(r.value)
	}
	if first.open >= 0 {
		n.slot = first.open
		return
	}
	n.out = e.conclude(key.group, c, first)
	if e.reduces {
		e.reducer.check(key, e.topicOf(key), n.out)
	}
	switch again := e.attempt(s, key.group, c, chosen, 0); {
	case c.Fact != nil && contents(c.Fact) != before:
		n.out.bad = fmt.Sprintf("%s changes %s, the fact that it heard: other groups have the same one; copy what is to be changed", e.doing(g, n.out), c.Type)
	case !first.same(again):
		n.out.bad = fmt.Sprintf("%s is not pure: run twice upon %s, on the same documents, it did not do the same. It must read no clock (the event has its time), draw no random number (derive it from the event's id), and not depend on the order of a map or on what it did before",
			e.doing(g, n.out), c.Type)
	case n.out.bad == "" && len(first.parts()) > 0:
		e.checkParts(first, e.attempt(s, key.group, c, chosen, 1), g, c, n.out)
	}
}

// checkParts looks whether a reaction depends on which part of a sharded document it gets, which is the runtime's choice ([saga.Table.Sharded]):
// it runs on an empty part of another shard, which it may always be, and must say the same there, and do the same to everything else. So
// the exploration needs one part, which is their sum. What the reaction adds to the part itself may look different in each.
func (e *explorer) checkParts(first, elsewhere run, g *saga.Group, c saga.Cause, out *outcome) {
	if first.same(elsewhere) {
		return
	}
	what := "does something else"
	if err := elsewhere.got.Err; err != nil {
		what = "fails: " + err.Error()
	}
	out.bad = fmt.Sprintf("%s depends on which part of %s it gets, upon %s: on an empty one of another shard it %s. It may add to a part or take away from it, and nothing else may follow from what is in it",
		e.doing(g, out), strings.Join(first.parts(), " or "), c.Type, what)
}

// parts names the tables of which the run has read a part.
func (r run) parts() (out []string) {
	for _, d := range r.working.Documents() {
		if isPart(d.Table) && !slices.Contains(out, d.Table.Name()) {
			out = append(out, d.Table.Name())
		}
	}
	return out
}

func isPart(t saga.AnyTable) bool { return t.Shard(t.New("")) != nil }

// topicOf is the topic of what a group reacts to, as the reducer has it.
func (e *explorer) topicOf(key reacting) int {
	if key.fact == 0 {
		return deadlines
	}
	f := e.facts[key.fact].fact
	if _, ok := f.(attempted); ok {
		return outcomes
	}
	return e.topics.id(f.Topic())
}

// doing names the reactions that ran, for a finding.
func (e *explorer) doing(g *saga.Group, out *outcome) string {
	if len(out.ran) == 0 {
		return g.Name()
	}
	return g.Name() + "." + strings.Join(out.ran, ", ")
}

// epoch is when every world begins.
var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// cause is the event that a group reacts to.
func (e *explorer) cause(s state, key reacting) saga.Cause {
	g := e.groups[key.group]
	c := saga.Cause{Envelope: saga.Envelope{Type: saga.DeadlineType, Key: e.keys.list[key.key], Time: epoch, Started: epoch, Source: "/sagacheck"}}
	if key.old {
		c.Time = epoch.Add(g.Longest() + time.Second)
	}
	if key.fact == 0 {
		if until := e.documents[s.get(e.corner(key.group, key.key).act)].until; until.After(c.Time) {
			c.Time = until
		}
	} else {
		c.Fact = e.facts[key.fact].fact
		c.Type = c.Fact.EventType()
		if a, ok := c.Fact.(attempted); ok {
			c.Type = a.Requested.Request.Effect + "." + a.how()
			c.Fact, c.Attempt = nil, &saga.Attempt{Request: a.Requested.Request, Failure: a.Failure, Expired: a.Expired}
		}
	}
	c.ID, c.Saga = c.Type+"/"+c.Key, c.Key
	if key.fact != 0 {
		c.ID = e.facts[key.fact].id
	}
	return c
}

// run is one run of a group's reactions.
type run struct {
	working *saga.Working
	reads   []slotValue
	got     saga.Outcome
	shard   int // of which it got the parts of sharded documents
	open    int // the slot of a document that must be chosen first, or -1
}

// attempt calls the real reactions, on copies of the documents. Of a sharded document they get the part of this shard: what there is of
// the first one, an empty one of any other.
func (e *explorer) attempt(s state, group int, c saga.Cause, chosen []slotValue, shard int) run {
	r := run{working: &saga.Working{}, shard: shard, open: -1}
	for {
		r.got = e.groups[group].React(r.working, c)
		if r.got.Needs == nil {
			return r
		}
		for _, n := range r.got.Needs {
			slot := e.slot(e.documentPlace(group, n.Table, n.Key))
			value := read(s, chosen, slot)
			if value == 0 && len(e.choices[slot]) > 0 {
				r.open = slot
				return r
			}
			r.reads = append(r.reads, slotValue{slot, value})
			d := n.Table.New(n.Key)
			part := n.Table.Shard(d)
			if part != nil {
				*part = shard
			}
			if value == 0 || part != nil && shard != 0 {
				r.working.Put(n.Table, n.Key, d, false)
			} else {
				r.working.Put(n.Table, n.Key, saga.Decode(e.documents[value].image, n.Table), true)
			}
		}
	}
}

// same says whether two runs did the same.
func (r run) same(other run) bool {
	a, b := r.got, other.got
	errors := [2]string{}
	for i, err := range []error{a.Err, b.Err} {
		if err != nil {
			errors[i] = err.Error()
		}
	}
	sameFact := func(f, g saga.Fact) bool { return f.EventType() == g.EventType() && contents(f) == contents(g) }
	return errors[0] == errors[1] && slices.Equal(r.reads, other.reads) && slices.EqualFunc(a.Facts, b.Facts, sameFact) &&
		slices.EqualFunc(a.Requests, b.Requests, func(f, g saga.Request) bool { return sameFact(requested{Request: f}, requested{Request: g}) }) &&
		slices.EqualFunc(r.working.Documents(), other.working.Documents(), func(d, o *saga.Document) bool {
			anyPart := r.shard != other.shard && isPart(d.Table) && d.Table == o.Table && d.Key == o.Key
			return anyPart || bytes.Equal(saga.Encode(nil, d.Table, d.Value), saga.Encode(nil, o.Table, o.Value))
		}) && slices.EqualFunc(r.working.Rows(), other.working.Rows(), func(d, o saga.Row) bool {
		return d.Table == o.Table && bytes.Equal(saga.Encode(nil, d.Table, d.Value), saga.Encode(nil, o.Table, o.Value))
	})
}

// conserved is a document that is part of a sum which no reaction may change.
type conserved interface{ Conserved() int64 }

// conclude notes what a run did: what it wrote and said, and what was wrong with it.
func (e *explorer) conclude(group int, c saga.Cause, r run) *outcome {
	g := e.groups[group]
	out := &outcome{reads: r.reads, ran: r.got.Ran, dropped: r.got.Dropped}
	if r.got.Err != nil {
		out.bad = r.got.Err.Error()
	}
	sums := map[saga.AnyTable]int64{}
	for i, d := range r.working.Documents() {
		if !d.Dirty {
			continue
		}
		id := e.documentID(d.Table, saga.Encode(nil, d.Table, d.Value))
		out.writes = append(out.writes, slotValue{out.reads[i].slot, id})
		out.ends = out.ends || e.documents[id].final && out.reads[i].slot == e.corner(group, e.keys.id(c.Key)).act
		if sum, ok := d.Value.(conserved); ok {
			sums[d.Table] += sum.Conserved()
			if before := e.documents[out.reads[i].value].image; before != nil {
				sums[d.Table] -= saga.Decode(before, d.Table).(conserved).Conserved()
			}
		}
	}
	for _, t := range g.Tables() {
		if sums[t] != 0 {
			out.bad = fmt.Sprintf("%s does not conserve %s: upon %s their sum changes by %+d", e.doing(g, out), t.Name(), c.Type, sums[t])
		}
	}
	for _, request := range r.got.Requests {
		out.says = append(out.says, e.factID(requested{group, c.Key, request}))
	}
	e.continues(e.keys.id(c.Key), r.got.Facts...)
	for _, f := range r.got.Facts {
		out.says = append(out.says, e.factID(f))
	}
	e.cover(g, c, r.got, out)
	return out
}
