// Package worlds has the small worlds in which Tiffin's choreography is proved: the groups that ship, the few documents
// and facts with which a world begins, who may answer from outside, what may go wrong, and what must be true at its end.
//
// A world is plain data for package sagacheck, which visits every state that it can reach. Each is as small as what it
// shows lets it be: one order meets every failure, and two meet each other. The command "tiffin prove" lists and explores
// them; the tests do so too, and then break the choreography in every way that they can think of, to see that a world
// finds it.
package worlds

import (
	"fmt"
	"slices"

	"tiffin/consumers"
	"tiffin/consumers/fraud"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// Small are the worlds that take moments: they are explored by every "go test".
func Small() []sagacheck.World {
	return slices.Concat(alone(), transfers(), supplies(), listeners())
}

// Large are those that take longer.
func Large() []sagacheck.World { return meetings() }

// Find is the world of this name.
func Find(name string) (w sagacheck.World, found bool) {
	all := append(Small(), Large()...)
	i := slices.IndexFunc(all, func(w sagacheck.World) bool { return w.Name == name })
	if i < 0 {
		return w, false
	}
	return all[i], true
}

// listening are the groups that have no influence on orders and payments: they have worlds of their own, and would multiply
// the states of others by theirs.
var listening = []string{"likes", "notification", "analytics"}

// Groups are all groups that ship.
func Groups() []*saga.Group { return groups(func(string) bool { return true }) }

// Choreography is the groups that take part in orders and payments, with rules for fraud that a small world can break.
func Choreography() []*saga.Group {
	return groups(func(name string) bool { return !slices.Contains(listening, name) })
}

func groups(wanted func(name string) bool) (out []*saga.Group) {
	all, err := consumers.All(consumers.Config{FraudRules: []fraud.Rule{
		{Reason: "account-blocked", When: "Blocked", Then: "flag"},
		{Reason: "look-at-it", When: fmt.Sprintf("PerMinute > %d", manyPayments), Then: "review"},
	}})
	if err != nil {
		panic("worlds: the groups can't be declared: " + err.Error()) // it is always the same configuration
	}
	for _, c := range all {
		if wanted(c.Name()) {
			out = append(out, c.Group)
		}
	}
	return out
}
