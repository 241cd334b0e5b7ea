package sagacheck

import (
	"slices"

	"tiffin/saga"
)

// What a group requests of the outside world is explored like everything else: an effect that was requested succeeds, is given
// up, or is out of time, at any later time. In the exploration both the request and what came of it are facts that only their group knows.
// Their topic and their types have names that no fact has (Kafka takes no such topic): else they would come into its queues.

// requested is a request on its way to the outside.
type requested struct {
	Group   int
	Of      string // the key
	Request saga.Request
}

func (r requested) EventType() string { return r.Request.Effect + " requested" }
func (r requested) Topic() string     { return "<effects>" }
func (r requested) Key() string       { return r.Of }

// attempted is what came of it.
type attempted struct {
	Requested requested
	Failure   string
	Expired   bool
}

func (a attempted) EventType() string { return a.Requested.Request.Effect + " " + a.how() }
func (a attempted) Topic() string     { return a.Requested.Topic() }
func (a attempted) Key() string       { return a.Requested.Of }

// how is what became of it in a word, with which the type of the cause ends to which the group reacts.
func (a attempted) how() string {
	if a.Failure != "" {
		return "not-performed"
	}
	return "performed"
}

// effectSlots are the places where these two wait: the request for the outside, what came of it for its group.
func (n *interned) effectSlots(info *fact) {
	switch f := info.fact.(type) {
	case requested:
		info.effect = true
		info.parties = []int{n.slot(place{kind: kindEffect, a: f.Group, b: info.typ, key: info.key})}
	case attempted:
		info.effect = true
		info.queues = []receiver{{
			slot: n.slot(place{kind: kindQueue, a: f.Requested.Group, b: n.topics.id(f.Topic()), key: info.key}),
			act:  n.slot(place{kind: kindDocument, a: f.Requested.Group, b: 0, key: info.key}),
		}}
	}
}

// outcomes are what may come of a request: it succeeds, trying again can't mend what is wrong with it, or its time is over. The last
// two are one if the group minds neither.
func (e *explorer) outcomes(request uint16) (out []uint16) {
	r := e.facts[request].fact.(requested)
	may := []attempted{{Requested: r}, {Requested: r, Failure: "given up"}}
	if slices.ContainsFunc(e.reactions[e.groups[r.Group]], func(of saga.Reaction) bool {
		return of.Role == saga.RoleNotPerformed && of.Effect == r.Request.Effect
	}) {
		may = append(may, attempted{Requested: r, Failure: "out of time", Expired: true})
	}
	for _, a := range may {
		out = append(out, e.factID(a))
	}
	return out
}
