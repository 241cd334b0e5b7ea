package sagacheck

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

type kind uint8

const (
	kindDocument  kind = iota // a: group, b: table
	kindQueue                 // a: group, b: topic
	kindOutbox                // a: group: what it committed and has not sent
	kindParty                 // a: party, b: fact, 0 for any that there is not yet: that it has been asked this, or answered
	kindCount                 // a: event type
	kindEffect                // a: group, b: effect: what it requested
	kindDuplicate             // facts that will be delivered once more
	kindBudget                // how many more duplicates there may be
	kindAge                   // young, plus one for each life that the saga is older than
)

// place names a slot.
type place struct {
	kind kind
	a, b int
	key  int
}

// answered marks a party that has answered what it was asked.
const answered = ^uint16(0)

// young is what the slot of an age holds at first.
const young uint16 = 1

type document struct {
	image   []byte
	waiting bool
	final   bool // refused, undone or closed: the act ignores whatever comes
	barred  bool
	until   time.Time
}

type documentKey struct {
	table saga.AnyTable
	image string
}

// fact is a fact that was said in the world, and who gets it.
type fact struct {
	fact    saga.Fact
	id      string // of its event: facts that differ have ids that differ
	typ     int
	key     int
	queues  []receiver
	parties []int // slots of those outside whom it asks
	count   int
	effect  bool // it is no fact, but a request of an effect, or what came of one
}

// receiver is a queue that a fact goes to. A fact that an act in a final state ignores does not go there.
type receiver struct {
	slot, act int
	dead      bool // an act in a final state ignores it
}

// list is a list of facts: a queue, say.
type list struct {
	facts []uint16
	rest  int32             // the list without its first fact; -1: not known yet
	with  map[uint16]uint16 // the lists with one more fact
}

// party is an answer that somebody outside may give.
type party struct {
	name string
	saga.Reaction
}

// interned gives everything that a state is made of a small number, and finds it again by that.
type interned struct {
	groups  []*saga.Group
	parties []party
	minds   bool // queues hold only what their group minds

	slots  map[place]int
	places []place

	keys, types, topics *names
	factKeys            []int // the keys of facts, among those of documents
	sagas               []int // by key: the key with which its saga began, which has the age
	facts               []fact
	factIDs             map[string]uint16
	lists               []list
	listIDs             map[string]uint16
	documents           []document
	documentIDs         map[documentKey]uint16
	choices             map[int][]uint16 // what the document of a slot may be at the start
	corners             []corner
	hashes              map[[2]int][2]uint64
	queuesOf            map[[2]int][]int  // the slots of the queues of a group and key
	questionsOf         map[[2]int][]int  // the slots of what a party may be asked of a key
	questions           int               // how many those are, of all
	living              map[[2]int]uint16 // slot and queue -> the queue without what an act in a final state ignores
}

func newInterned(groups, outside []*saga.Group, minds bool) *interned {
	n := &interned{
		groups: groups, minds: minds, slots: map[place]int{}, keys: newNames(), types: newNames(), topics: newNames(),
		facts: make([]fact, 1), factIDs: map[string]uint16{}, lists: []list{{rest: -1, with: map[uint16]uint16{}}}, listIDs: map[string]uint16{"": 0},
		documents: make([]document, 1), documentIDs: map[documentKey]uint16{}, choices: map[int][]uint16{},
		queuesOf: map[[2]int][]int{}, questionsOf: map[[2]int][]int{}, hashes: map[[2]int][2]uint64{}, living: map[[2]int]uint16{},
	}
	for _, g := range outside {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleAnswers {
				n.parties = append(n.parties, party{g.Name(), r})
			}
		}
	}
	return n
}

// corner is what one group has of one key, whatever the topics and tables.
type corner struct{ act, outbox, age int }

// corner finds the slots of a group and key, most of which many steps ask for.
func (n *interned) corner(group, key int) *corner {
	i := key*len(n.groups) + group
	for len(n.corners) <= i {
		n.corners = append(n.corners, corner{act: -1})
	}
	c := &n.corners[i]
	if c.act < 0 {
		*c = corner{
			act: n.slot(place{kind: kindDocument, a: group, key: key}), outbox: n.slot(place{kind: kindOutbox, a: group, key: key}),
			age: n.slot(place{kind: kindAge, key: n.sagaOf(key)}),
		}
	}
	return c
}

// sagaOf is the key with which the saga of a key began: its own, unless it is one under which a saga goes on (see continues).
func (n *interned) sagaOf(key int) int {
	for len(n.sagas) <= key {
		n.sagas = append(n.sagas, len(n.sagas))
	}
	return n.sagas[key]
}

// continues notes that facts were said because of one of this key. A key that is new goes on with that saga, and is as old. Of several
// that lead to it, it is the one that did so first.
func (n *interned) continues(key int, says ...saga.Fact) {
	for _, f := range says {
		if as := n.keys.id(f.Key()); !slices.Contains(n.factKeys, as) {
			n.sagaOf(as)
			n.sagas[as] = n.sagaOf(key)
		}
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
		if p.kind == kindQueue {
			n.queuesOf[[2]int{p.a, p.key}] = append(n.queuesOf[[2]int{p.a, p.key}], i)
		}
		if p.kind == kindParty {
			n.questionsOf[[2]int{p.a, p.key}] = append(n.questionsOf[[2]int{p.a, p.key}], i)
			n.questions++
		}
	}
	return i
}

// tableOf is the table of a world's groups that keeps documents like this one, and the number of its group.
func (n *interned) tableOf(d any) (group int, t saga.AnyTable) {
	if group, t = keeper(n.groups, d); t == nil {
		panic(fmt.Sprintf("sagacheck: no group of this world keeps documents of type %T", d))
	}
	return group, t
}

// keeper is who keeps documents like this one, and in which table; nil if nobody does. Each group has documents of its own, also where
// two share a table variable, so with two of them nobody knows whose is meant.
func keeper(groups []*saga.Group, d any) (group int, table saga.AnyTable) {
	for gi, g := range groups {
		for _, t := range g.Tables() {
			if reflect.TypeOf(t.New("")) != reflect.TypeOf(d) {
				continue
			}
			if table == nil {
				group, table = gi, t
			} else if group != gi {
				panic(fmt.Sprintf("sagacheck: %s and %s both keep documents of type %T, each its own, and nothing says whose is meant: give each a type", groups[group].Name(), g.Name(), d))
			}
		}
	}
	return group, table
}

// documentPlace is where a group has the document of this table and key.
func (n *interned) documentPlace(group int, t saga.AnyTable, key string) place {
	ti := slices.Index(n.groups[group].Tables(), t)
	if ti < 0 {
		panic("sagacheck: table " + t.Name() + " is none of " + n.groups[group].Name())
	}
	return place{kind: kindDocument, a: group, b: ti, key: n.keys.id(key)}
}

func (n *interned) documentID(t saga.AnyTable, image []byte) uint16 {
	key := documentKey{t, string(image)}
	id, ok := n.documentIDs[key]
	if !ok {
		id = number(len(n.documents), "documents")
		d := document{image: image}
		if a := t.Act(saga.Decode(image, t)); a != nil {
			d.waiting, d.until = a.Waiting() != "", a.WaitsUntil()
			d.barred = a.State() == saga.Barred
			d.final = a.State().Final() && !d.barred
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

// alive is the queue in this slot without the facts that an act in a final state ignores.
func (n *interned) alive(slot int, id uint16) uint16 {
	shorter, known := n.living[[2]int{slot, int(id)}]
	if !known {
		shorter = n.listID(slices.DeleteFunc(slices.Clone(n.lists[id].facts), func(f uint16) bool {
			return slices.ContainsFunc(n.facts[f].queues, func(r receiver) bool { return r.slot == slot && r.dead })
		}))
		n.living[[2]int{slot, int(id)}] = shorter
	}
	return shorter
}

func (n *interned) factID(f saga.Fact) uint16 {
	name := fmt.Sprintf("%s %s", f.EventType(), contents(f))
	if id, ok := n.factIDs[name]; ok {
		return id
	}
	key, typ := n.keys.id(f.Key()), n.types.id(f.EventType())
	if !slices.Contains(n.factKeys, key) {
		n.factKeys = append(n.factKeys, key)
	}
	id := number(len(n.facts), "facts")
	info := fact{fact: f, id: fmt.Sprintf("%s/%s/%08x", f.EventType(), f.Key(), crc32.ChecksumIEEE([]byte(name))), key: key, typ: typ, count: n.slot(place{kind: kindCount, a: typ, key: key})}
	for gi, g := range n.groups {
		if n.gets(g, f) {
			info.queues = append(info.queues, receiver{
				slot: n.slot(place{kind: kindQueue, a: gi, b: n.topics.id(f.Topic()), key: key}),
				act:  n.slot(place{kind: kindDocument, a: gi, b: 0, key: key}),
				dead: g.HasAct() && onlyMovesAct(g, f.EventType()),
			})
		}
	}
	for pi, p := range n.parties {
		if p.Hears[0].Type == f.EventType() {
			info.parties = append(info.parties, n.slot(place{kind: kindParty, a: pi, b: int(id), key: key}))
		}
	}
	n.effectSlots(&info)
	n.facts = append(n.facts, info)
	n.factIDs[name] = id
	return id
}

// gets says whether a fact goes into a queue of the group's.
//
// What a group does not hear, what does not concern it, and what it only records in a journal, which no reaction reads, changes
// nothing and says nothing when it is handled. So its place in the queue makes no difference, and it is left out.
func (n *interned) gets(g *saga.Group, f saga.Fact) bool {
	if n.minds {
		return g.Minds(f.EventType()) && g.Concerned(f)
	}
	return slices.Contains(g.Topics(), f.Topic())
}

// onlyMovesAct says whether all that the group does upon facts of this type is to move its act: once that is in a final
// state, they are ignored.
func onlyMovesAct(g *saga.Group, eventType string) bool {
	for _, r := range g.Reactions() {
		if slices.ContainsFunc(r.Hears, func(t saga.FactType) bool { return t.Type == eventType }) {
			switch r.Role {
			case saga.RoleDoes, saga.RoleThen, saga.RoleUndoes, saga.RoleOnce, saga.RoleRecords:
			default:
				return false
			}
		}
	}
	return true
}

// contents tells facts apart: as they go over the wire.
func contents(f saga.Fact) string {
	b, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("sagacheck: %s can't be written as JSON: %v", f.EventType(), err))
	}
	return string(b)
}
