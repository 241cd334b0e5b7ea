// Package sagacheck explores every interleaving of a choreography's real reactions, in a small world.
//
// A [World] is plain data: the first facts, who answers from outside, what the documents may be at the start, and what may
// go wrong. [Explore] visits every state that the groups can reach in it, breadth first: any group may be ahead of any
// other, any outside party may answer or stay silent, a deadline may pass as long as it is set, a group may crash between
// its commit and its sending, and a fact may be delivered again, at any later time. Each state at which nothing more can
// happen, unless somebody outside breaks a silence, is an end, and must satisfy the world's Final. What is found comes with a
// shortest way to it. A choreography that goes round in a circle is a finding too.
//
// It runs the shipped reactions with the library's rules around them, not a model of either. Facts of one topic and key
// stay in order, as Kafka keeps them; across topics and groups every order is tried. The only reduction is that a group's
// queue holds just the facts that it minds: what it ignores, or only records in a journal, can have no influence.
package sagacheck

import (
	"fmt"
	"strings"
	"time"

	"tiffin/saga"
)

// World is a small world to explore.
type World struct {
	Groups []*saga.Group
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
	// Final says what is wrong with an end; "" if nothing is.
	Final func(View) string
	// StopAtFirst ends the exploration at its first finding.
	StopAtFirst bool
	// Limit is the number of states after which the exploration gives up. Defaults to 5 million.
	Limit int
}

// Choice says what one document may be at the start: one of Documents, each a pointer to a document with the same key.
type Choice struct{ Documents []any }

// Report is what an exploration found.
type Report struct {
	States, Transitions, Ends int
	Time                      time.Duration
	Findings                  []Finding
	// Gaps are outcomes that were declared and never seen: "kitchen.refuse never ran", "kitchen never says kitchen.asked".
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
	switch n := len(r.Findings); n {
	case 0:
	case 1:
		verdict = "1 finding"
	default:
		verdict = fmt.Sprintf("%d findings", n)
	}
	switch {
	case !r.Complete && len(r.Findings) == 0:
		verdict += ", bound reached: not a proof"
	case !r.Complete:
		verdict += ", not every state was visited"
	}
	return fmt.Sprintf("%d states, %d transitions, %d ends (%d distinct) in %v: %s",
		r.States, r.Transitions, r.Ends, len(r.EndStates), r.Time.Round(time.Millisecond), verdict)
}

// Finding is something that must not be, and a shortest way to it.
type Finding struct {
	What  string
	Steps []Step
}

// Step is one line of the way to a finding.
type Step struct {
	Who, Hears string
	Note       string
	Says       []string
}

// String is the finding as a sequence of steps, one a line.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", f.What)
	for i, s := range f.Steps {
		fmt.Fprintf(&b, "  %2d  %-12s", i+1, s.Who)
		var does []string
		if s.Hears != "" {
			does = append(does, "hears "+s.Hears)
		}
		if len(s.Says) > 0 {
			does = append(does, "says "+strings.Join(s.Says, ", "))
		}
		b.WriteString(" " + strings.Join(does, ", "))
		if s.Note != "" {
			fmt.Fprintf(&b, "  (%s)", s.Note)
		}
		b.WriteByte('\n')
	}
	return b.String()
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

// Said is how often a fact of this type and key was said; being delivered again does not count.
func (v View) Said(eventType, key string) int {
	return int(v.at(place{kind: kindCount, a: v.e.types.id(eventType), key: v.e.keys.id(key)}))
}

// Document is D's document with this key; nil if there is none, or if the world leaves open what it is and nobody has
// looked.
func Document[D any](v View, key string) *D {
	t := v.e.tableOf(new(D))
	id := v.at(v.e.documentPlace(t, key))
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
	return v.e.tableOf(d).Act(d).State()
}
