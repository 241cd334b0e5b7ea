// Package worlds has the small worlds in which Tiffin's choreography is proved: the groups that ship, the few documents
// and facts with which a world begins, who may answer from outside, what may go wrong, and what must be true at its end.
//
// A world is plain data for package sagacheck, which visits every state that it can reach. Each is as small as what it
// shows lets it be: one order meets every failure, and two meet each other. The command "tiffin prove" lists and explores
// them; the tests do so too, and then break the choreography in every way that they can think of, to see that a world
// finds it.
package worlds

import (
	"slices"

	"tiffin/consumers"
	"tiffin/consumers/fraud"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// World is a small world with what it is good for.
type World struct {
	sagacheck.World
	// Name is what it is called: "one-order".
	Name string
	// About says in a sentence what may happen in it.
	About string
	// Large says that to explore it takes more than a few seconds.
	Large bool
}

// All is every world, small ones first.
func All() []World {
	return slices.Concat(order(), payment(), supplies(), listeners(), meetings())
}

// Find is the world of this name.
func Find(name string) (World, bool) {
	all := All()
	i := slices.IndexFunc(all, func(w World) bool { return w.Name == name })
	if i < 0 {
		return World{}, false
	}
	return all[i], true
}

// With is the world with these groups in place of those that have their names.
func (w World) With(groups ...*saga.Group) World {
	w.Groups = slices.Clone(w.Groups)
	for i, g := range w.Groups {
		for _, other := range groups {
			if other.Name() == g.Name() {
				w.Groups[i] = other
			}
		}
	}
	return w
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
		{Reason: "look-at-it", When: "PerMinute > 90", Then: "review"},
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
