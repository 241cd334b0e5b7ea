// Package sagacheck explores every interleaving of a choreography's real reactions, in a small world.
//
// A [World] is plain data: the first facts, who answers from outside, what the documents may be at the start, and what may
// go wrong. [Explore] visits every state that the groups can reach in it, breadth first: any group may be ahead of any
// other, any outside party may answer or stay silent, a deadline may pass as long as it is set, a group may crash between
// its commit and its sending, and a fact may be delivered again, at any later time. Each state at which nothing more can
// happen, unless somebody outside breaks a silence, is an end. [Prove] is the same for tests, and holds the ends with faults
// against those without.
//
// It runs the shipped reactions with the library's rules around them, not a model of either. What must hold:
//
//   - no reaction panics, says or changes what it does not declare, breaks a CHECK, or is impure: each runs twice on copies, and must
//     do the same;
//   - no reaction depends on which part of a sharded document ([saga.Table.Sharded]) it gets: on an empty part of another shard it says
//     the same, and does the same to everything else. So one part stands for all, and is their sum. That the reaction only adds to
//     it is for the group's own tests: which columns make up the sum, and how, the declaration does not say;
//   - what a table declares as conserved (a method Conserved() int64 of its documents), each reaction conserves;
//   - every run ends, and every saga that begins ends exactly once, if any group declares that it says an end of it
//     ([saga.Ends]), whether that group ever hears of it or not; the ends that several groups say count together. Which facts begin and
//     end a saga is known by their types. So two things are taken as they may be meant: that a saga goes on under another key, if an
//     end was said of one with which nothing began; and that what begins in two ways, and may end alike, ends in one of them alone,
//     unless who owns the end has heard of it;
//   - at the end every act is refused, undone, barred or closed, or past its pivot and waiting for nobody;
//   - the ends are the same with duplicates and crashes as without;
//   - the world's own Final.
//
// What is found comes with a shortest way to it, which can be drawn and replayed.
//
// # Why not every state is visited
//
// Facts of one topic and key stay in order, as Kafka keeps them; across topics and groups every order is tried. Four
// reductions leave out what can't make a difference, each with its argument beside it: a queue holds just the facts that
// its group minds (intern.go), what an act in a final state ignores is dropped (purge in moves.go), a reaction that has run
// is not run again on the same documents (react.go), and steps that can't disturb each other are not tried in every order
// (reduce.go). A test compares them with the full search on hundreds of random choreographies.
package sagacheck

import (
	"fmt"
	"slices"
	"time"

	"tiffin/saga"
	"tiffin/saga/words"
)

// World is a small world to explore.
type World struct {
	// Name is what the world is called in reports.
	Name string
	// About says in a sentence what happens in it.
	About string
	// Groups are those who take part.
	Groups []*saga.Group
	// Aside are groups that only listen: nobody in the world hears what they say. So they can have no influence on the others
	// nor on each other, and each is explored with the others, but one at a time: together they would multiply the states.
	Aside []*saga.Group
	// Start are the facts with which it begins.
	Start []saga.Fact
	// Outside are those who answer facts from outside ([saga.Outside]).
	Outside []*saga.Group
	// Initially says what documents may be at the start. One that is not mentioned does not exist.
	Initially []Choice
	// Deadlines may pass, and so outside parties may stay silent.
	Deadlines bool
	// Crashes: commit and send are two steps, and everything else may happen in between.
	Crashes bool
	// Duplicates is how many times facts are delivered once more: what one reaction said, again at any later time.
	Duplicates int
	// Again are event types of which the first fact is delivered once more, at any later time; one type at a time, as if
	// each were a world of its own. It takes far less than one duplicate of anything. A type that the world does not know panics: nothing of
	// it would come again, and finding nothing would look like a proof.
	Again []string
	// Ages: at any time a saga may become older than a group lets one be ([saga.Life]), and then that group's marks may expire.
	Ages bool
	// Final says what is wrong with an end; "" if nothing is.
	Final func(View) string
	// StopAtFirst ends the exploration at its first finding.
	StopAtFirst bool
	// Limit is the number of states after which the exploration gives up. Defaults to 12 million.
	Limit int
	// MemoryLimit is how many bytes the states may take before the exploration gives up. Defaults to 2 GB.
	MemoryLimit int64
	// Full visits every state, those too that make no difference, and runs each reaction each time. It takes many times as long.
	Full bool
	// Progress is told from time to time how far the exploration is; nil if nobody wants to know. Parts of a world are explored
	// side by side, so it may be called by several goroutines.
	Progress func(Progress)

	wanted string // the end that is looked for
	plain  bool   // all states that differ in what groups mind, to find shortest ways
}

// Choice says what one document may be at the start: one of Documents, each a pointer to a document with the same key.
type Choice struct{ Documents []any }

// Progress is how far an exploration is.
type Progress struct {
	World  string // with what is special of this part of it: "two orders, payment.refunded again"
	States int
	Depth  int // how many steps the states are from the beginning that are visited now
	Bytes  int64
	Time   time.Duration
}

// String is a line for people: "one order: 1,204,000 states, depth 41, 310,000/s, 190 MB".
func (p Progress) String() string {
	rate := float64(p.States) / max(p.Time.Seconds(), 1e-3)
	return fmt.Sprintf("%s: %s %s, depth %d, %s/s, %d MB", p.World, words.Thousands(p.States), words.Noun(p.States, "state"), p.Depth, words.Thousands(int(rate)/1000*1000), p.Bytes>>20)
}

// Report is what an exploration found.
type Report struct {
	World                     string
	States, Transitions, Ends int
	Depth                     int   // how many steps the longest run has
	Bytes                     int64 // the memory that the states took at most
	Time                      time.Duration
	Findings                  []Finding
	// Coverage is what of the declarations was seen.
	Coverage Coverage
	// Gaps are outcomes that were declared and never seen: "kitchen.refuse never ran", "kitchen.ask never says kitchen.asked".
	// An exploration that is not complete lists none.
	Gaps []string
	// EndStates is the set of ends by their contents, to compare one world's with another's.
	EndStates map[string]bool
	// Complete says that every state was visited; if not, finding nothing proves nothing.
	Complete bool
}

// String sums the report up in a line.
func (r Report) String() string {
	verdict := "no finding"
	if n := len(r.Findings); n > 0 {
		verdict = words.Count(n, "finding")
	}
	switch {
	case !r.Complete && len(r.Findings) == 0:
		verdict = "bound reached, nothing found so far: not a proof"
	case !r.Complete:
		verdict += ", not every state was visited"
	}
	counted := func(n int, noun string) string { return words.Thousands(n) + " " + words.Noun(n, noun) }
	return fmt.Sprintf("%s, %s, %s (%d distinct), depth %d, %d MB, %v: %s",
		counted(r.States, "state"), counted(r.Transitions, "transition"), counted(r.Ends, "end"), len(r.EndStates), r.Depth, r.Bytes>>20, r.Time.Round(time.Millisecond), verdict)
}

// merge adds what another exploration of the same world found.
func (r *Report) merge(other Report) {
	r.States += other.States
	r.Transitions += other.Transitions
	r.Ends += other.Ends
	r.Depth, r.Bytes = max(r.Depth, other.Depth), max(r.Bytes, other.Bytes)
	r.Complete = r.Complete && other.Complete
	for end := range other.EndStates {
		r.EndStates[end] = true
	}
	for _, f := range other.Findings {
		if !slices.ContainsFunc(r.Findings, func(known Finding) bool { return known.What == f.What }) {
			r.Findings = append(r.Findings, f)
		}
	}
	r.Coverage = r.Coverage.Union(other.Coverage)
	r.Gaps = nil
	if r.Complete {
		r.Gaps = r.Coverage.Gaps()
	}
}

// View lets Final look at an end.
type View struct {
	e *explorer
	s state
}

func (v View) at(p place) uint16 {
	if slot, ok := v.e.slots[p]; ok {
		return v.s.get(slot)
	}
	return 0
}

// Said is how often a fact of this type and key was said; being delivered again does not count. It panics if the world knows no such type:
// a misspelt one would never be said, and a Final that looks for it would find nothing wrong.
func (v View) Said(eventType, key string) int {
	mustKnow(v.e.heardOf, eventType)
	return v.said(eventType, key)
}

func (v View) said(eventType, key string) int {
	return int(v.at(place{kind: kindCount, a: v.e.types.id(eventType), key: v.e.keys.id(key)}))
}

// Document is D's document with this key; nil if there is none, if the world leaves open what it is and nobody has looked, or
// if its group stands aside ([World].Aside) and another one is explored.
func Document[D any](v View, key string) *D {
	if v.e.standsAside(new(D)) {
		return nil
	}
	group, t := v.e.tableOf(new(D))
	id := v.at(v.e.documentPlace(group, t, key))
	if id == 0 {
		return nil
	}
	return saga.Decode(v.e.documents[id].image, t).(*D)
}

// Act is the state of D's act with this key; New where there is none.
func Act[D any](v View, key string) saga.State {
	d := Document[D](v, key)
	if d == nil {
		return saga.New
	}
	_, t := v.e.tableOf(d)
	return t.Act(d).State()
}
