package sagacheck

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"tiffin/saga"
)

type kind uint8

const (
	kindDocument  kind = iota // a: group, b: table
	kindQueue                 // a: group, b: topic
	kindOutbox                // a: group: what it committed and has not sent
	kindParty                 // a: party: the fact it has been asked, or answered
	kindCount                 // a: event type
	kindEffect                // a: group, b: effect: what it requested
	kindDuplicate             // facts that will be delivered once more
	kindBudget                // how many more duplicates there may be
)

// place names a slot.
type place struct {
	kind kind
	a, b int
	key  int
}

// answered marks a party that has answered.
const answered = ^uint16(0)

type document struct {
	image   []byte
	waiting bool
	until   time.Time
}

type documentKey struct {
	table saga.AnyTable
	image string
}

type fact struct {
	fact    saga.Fact
	key     int
	queues  []int // slots of the queues it goes to
	parties []int
	count   int
}

// list is a list of facts: a queue, say.
type list struct {
	facts []uint16
	rest  int32             // the list without its first fact; -1: not known yet
	with  map[uint16]uint16 // the lists with one more fact
}

// interned gives everything that a state is made of a small number, and finds it again by that.
type interned struct {
	groups  []*saga.Group
	outside []party

	slots  map[place]int
	places []place

	keys, types, topics *names
	facts               []fact
	factIDs             map[string]uint16
	lists               []list
	listIDs             map[string]uint16
	documents           []document
	documentIDs         map[documentKey]uint16
	choices             map[int][]uint16 // what the document of a slot may be at the start
}

// party is an answer that somebody outside may give.
type party struct {
	name string
	saga.Reaction
}

func newInterned(groups, outside []*saga.Group) *interned {
	var parties []party
	for _, g := range outside {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleAnswers {
				parties = append(parties, party{g.Name(), r})
			}
		}
	}
	return &interned{
		groups: groups, outside: parties, slots: map[place]int{}, keys: newNames(), types: newNames(), topics: newNames(),
		facts: make([]fact, 1), factIDs: map[string]uint16{}, lists: []list{{rest: -1, with: map[uint16]uint16{}}}, listIDs: map[string]uint16{"": 0},
		documents: make([]document, 1), documentIDs: map[documentKey]uint16{}, choices: map[int][]uint16{},
	}
}

type names struct {
	ids  map[string]int
	list []string
}

func newNames() *names { return &names{ids: map[string]int{}} }

func (n *names) id(s string) int {
	i, ok := n.ids[s]
	if !ok {
		i = len(n.list)
		n.ids[s], n.list = i, append(n.list, s)
	}
	return i
}

// number is a new number; there are fewer than 65,535 of each kind, or the world is not small.
func number(n int, what string) uint16 {
	if n >= int(answered) {
		panic("sagacheck: this world has too many different " + what + "; make it smaller")
	}
	return uint16(n)
}

func (n *interned) slot(p place) int {
	i, ok := n.slots[p]
	if !ok {
		i = len(n.places)
		n.slots[p], n.places = i, append(n.places, p)
	}
	return i
}

func (n *interned) tableOf(d any) saga.AnyTable {
	for _, g := range n.groups {
		for _, t := range g.Tables() {
			if reflect.TypeOf(t.New("")) == reflect.TypeOf(d) {
				return t
			}
		}
	}
	panic(fmt.Sprintf("sagacheck: no group of this world keeps documents of type %T", d))
}

func (n *interned) documentPlace(t saga.AnyTable, key string) place {
	for gi, g := range n.groups {
		if ti := slices.Index(g.Tables(), t); ti >= 0 {
			return place{kind: kindDocument, a: gi, b: ti, key: n.keys.id(key)}
		}
	}
	panic("sagacheck: table " + t.Name() + " is of no group of this world")
}

func (n *interned) documentID(t saga.AnyTable, image []byte) uint16 {
	key := documentKey{t, string(image)}
	id, ok := n.documentIDs[key]
	if !ok {
		id = number(len(n.documents), "documents")
		d := document{image: image}
		if a := t.Act(saga.Decode(image, t)); a != nil {
			d.waiting, d.until = a.Waiting() != "", a.WaitsUntil()
		}
		n.documents = append(n.documents, d)
		n.documentIDs[key] = id
	}
	return id
}

func (n *interned) listID(facts []uint16) uint16 {
	name := make([]byte, 0, 2*len(facts))
	for _, f := range facts {
		name = append(name, byte(f), byte(f>>8))
	}
	id, ok := n.listIDs[string(name)]
	if !ok {
		id = number(len(n.lists), "queues")
		n.lists = append(n.lists, list{slices.Clone(facts), -1, map[uint16]uint16{}})
		n.listIDs[string(name)] = id
	}
	return id
}

// with is the list with one more fact at its end.
func (n *interned) with(id, fact uint16) uint16 {
	longer, known := n.lists[id].with[fact]
	if !known {
		longer = n.listID(append(slices.Clone(n.lists[id].facts), fact))
		n.lists[id].with[fact] = longer
	}
	return longer
}

// rest is the list without its first fact.
func (n *interned) rest(id uint16) uint16 {
	if n.lists[id].rest < 0 {
		shorter := n.listID(n.lists[id].facts[1:])
		n.lists[id].rest = int32(shorter)
	}
	return uint16(n.lists[id].rest)
}

func (n *interned) factID(f saga.Fact) uint16 {
	name := fmt.Sprintf("%s %s", f.EventType(), contents(f))
	if id, ok := n.factIDs[name]; ok {
		return id
	}
	key := n.keys.id(f.Key())
	info := fact{fact: f, key: key, count: n.slot(place{kind: kindCount, a: n.types.id(f.EventType()), key: key})}
	for gi, g := range n.groups {
		if g.Minds(f.EventType()) {
			info.queues = append(info.queues, n.slot(place{kind: kindQueue, a: gi, b: n.topics.id(f.Topic()), key: key}))
		}
	}
	for pi, p := range n.outside {
		if p.Hears[0].Type == f.EventType() {
			info.parties = append(info.parties, n.slot(place{kind: kindParty, a: pi, key: key}))
		}
	}
	n.effectSlots(&info)
	id := number(len(n.facts), "facts")
	n.facts = append(n.facts, info)
	n.factIDs[name] = id
	return id
}
