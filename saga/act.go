package saga

import (
	"slices"
	"strings"
	"time"
)

// State is where a group's act in one saga stands.
type State string

// The states of an act. The last four are final.
const (
	New     State = ""        // not acted yet
	Done    State = "done"    // acted, and can be undone
	Refused State = "refused" // said no: nothing to undo
	Undone  State = "undone"  // acted, then undone
	Barred  State = "barred"  // the undo came first: a late do says its refusal
	Closed  State = "closed"  // past undoing
)

// Final says that no reaction moves the act any more.
func (s State) Final() bool { return s != New && s != Done }

// Act is embedded in the document that a group keeps per saga. The library keeps it, in columns of its own beside the
// document's ([ActColumns]); a reaction may look at its state and change nothing of it.
type Act struct {
	state      State
	pivoted    bool      // past the point of no return: an undo is too late
	late       bool      // an undo that came too late was refused, once
	waiting    string    // the Else of the wait that is on
	waitsUntil time.Time // when that Else runs
	heard      string    // what the joins have heard so far: event types, sorted, a space between two
	markUntil  time.Time // until when the mark of an undo that came first is kept
	markedBy   string    // the type of the fact that left the mark
	started    time.Time // while it waits: when its saga began, and its trace, for what a deadline, or an answer from outside, leads to
	trace      string
}

func (a *Act) act() *Act { return a }

// actor is a document with an act.
type actor interface{ act() *Act }

// State is where the act stands.
func (a *Act) State() State { return a.state }

// Pivoted says that the act is past its point of no return.
func (a *Act) Pivoted() bool { return a.pivoted }

// WaitsUntil is when the deadline of the wait that is on passes; zero if the act waits for nothing.
func (a *Act) WaitsUntil() time.Time { return a.waitsUntil }

// Started is when the saga of an act that waits began: what its deadline says, or an answer leads to, belongs to that saga.
func (a *Act) Started() time.Time { return a.started }

// MarkUntil is until when the mark of an undo that came first is kept; zero if there is none.
func (a *Act) MarkUntil() time.Time { return a.markUntil }

// MarkedBy is the type of the fact that left the mark of an undo that came first; "" if there is none. A refusal may say it
// as its reason.
func (a *Act) MarkedBy() string { return a.markedBy }

// Waiting names the reaction that runs when the wait that is on is over; empty if the act waits for nothing.
func (a *Act) Waiting() string { return a.waiting }

// Joining says whether the act has heard some of what a [Once] waits for.
func (a *Act) Joining() bool { return a.heard != "" }

func (a *Act) hears(eventType string) {
	all := strings.Fields(a.heard)
	if i, found := slices.BinarySearch(all, eventType); !found {
		a.heard = strings.Join(slices.Insert(all, i, eventType), " ")
	}
}

func (a *Act) hasHeard(eventType string) bool {
	return slices.Contains(strings.Fields(a.heard), eventType)
}

// rest: an act in a final state waits for nobody and joins nothing.
func (a *Act) rest() {
	a.stopWaiting()
	a.heard = ""
}

func (a *Act) stopWaiting() {
	a.waiting, a.waitsUntil, a.started, a.trace = "", noTime, noTime, ""
}

// columns are the columns in which a table keeps the acts of its documents, beside the columns that it declares.
// Their types in PostgreSQL stand in package lane's template table.
func (a *Act) columns() Columns {
	return Columns{
		{"state", (*string)(&a.state)},
		{"pivoted", &a.pivoted},
		{"late", &a.late},
		{"waiting", &a.waiting},
		{"waits_until", &a.waitsUntil},
		{"heard", &a.heard},
		{"mark_until", &a.markUntil},
		{"marked_by", &a.markedBy},
		{"started", &a.started},
		{"trace", &a.trace},
	}
}

var noTime time.Time

// ActColumns are the names of the columns in which a table keeps its documents' acts, in order.
func ActColumns() []string {
	var names []string
	for _, c := range new(Act).columns() {
		names = append(names, c.Name)
	}
	return names
}
