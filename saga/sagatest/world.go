// Package sagatest runs choreographies in memory, without any server, in microseconds per saga.
//
// [World] runs several groups together: facts go round until nobody has anything more to say, and time passes when the
// test says so. [Group] tests one group, and reads as "given these documents, hearing this, says that":
//
//	sagatest.Group(t, kitchen.Group(kitchen.Config{AcceptTime: time.Minute})).
//		Given(&Room{RestaurantID: "annapurna", Places: 1, Free: 1}).
//		Hears(schemas.PaymentSucceeded{...}).Says(schemas.KitchenAsked{...}).
//		Passes(time.Minute).Says(schemas.KitchenRejected{...})
package sagatest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/saga/words"
)

// Epoch is the time at which a world begins.
var Epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Heard is one line of what happened: a group handled an event.
type Heard struct {
	Group string
	Cause saga.Cause
	saga.Outcome
}

// World is groups, their documents, and the facts on their way. Facts are delivered in the order in which they were said.
type World struct {
	// Outside answers facts as people and other systems would; nil for nobody. It is asked once per fact. Like them, it does not know when
	// a saga began.
	Outside func(saga.Fact) []saga.Fact
	// Perform does the effects that groups request, once: an error that is not [saga.Permanent] stands for one that came
	// until the effect's time was over. Nil: all succeed.
	Perform func(saga.Request) error
	// Limit is how many facts one [World.Run] delivers. More are taken for a choreography that goes round in a circle.
	// Defaults to 1 million.
	Limit int
	// History is everything that was handled, in order.
	History []Heard
	// Said is every fact, in order.
	Said []saga.Fact

	groups []*saga.Group
	stored map[storedKey][]byte
	rows   map[place][]any
	queue  []saga.Cause
	now    time.Time
}

// place is a group's table. Groups that share the variable of one have a table each, as in the runtime each has a schema.
type place struct {
	group *saga.Group
	table saga.AnyTable
}

type storedKey struct {
	place
	key string
}

// New is a world of these groups, in which nothing has happened yet.
func New(groups ...*saga.Group) *World {
	return &World{groups: groups, stored: map[storedKey][]byte{}, rows: map[place][]any{}, now: Epoch}
}

// Now is the world's time. Only [World.Advance] moves it.
func (w *World) Now() time.Time { return w.now }

// Given puts documents into their tables: pointers to documents of the groups' types. It panics if no group has such, or two have.
func (w *World) Given(documents ...any) {
	for _, d := range documents {
		p := w.placeOf(d)
		w.stored[storedKey{p, *p.table.Columns(d)[0].At.(*string)}] = saga.Encode(nil, p.table, d)
	}
}

// Say puts facts on their way, as somebody outside would.
func (w *World) Say(facts ...saga.Fact) {
	for _, f := range facts {
		w.send(f, saga.Envelope{ID: fmt.Sprintf("outside-%d", len(w.Said)), Source: "/outside", Started: w.now, Saga: f.Key()})
	}
}

func (w *World) send(f saga.Fact, e saga.Envelope) {
	e.Type, e.Key, e.Time = f.EventType(), f.Key(), w.now
	w.Said = append(w.Said, f)
	w.queue = append(w.queue, saga.Cause{Envelope: e, Fact: f})
	if w.Outside != nil {
		for _, answer := range w.Outside(f) {
			w.send(answer, saga.Envelope{ID: e.ID + "/answer/" + answer.EventType(), Source: "/outside", Started: w.now, Saga: e.Saga, CauseID: e.ID})
		}
	}
}

// Run delivers facts until none is on its way. It ends with the first event that a group can't handle, and with an error
// at the world's Limit.
func (w *World) Run() error {
	for n := 0; len(w.queue) > 0; n++ {
		if limit := cmp.Or(w.Limit, 1_000_000); n == limit {
			last := w.Types()[max(0, len(w.Said)-5):]
			return fmt.Errorf("sagatest: %d facts and no end: the choreography goes round in a circle; the last ones are %s", limit, strings.Join(last, ", "))
		}
		c := w.queue[0]
		w.queue = w.queue[1:]
		for _, g := range w.groups {
			if !g.Hears(c.Type) {
				continue
			}
			if err := w.handle(g, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// Advance lets time pass: deadlines run in their order, each when its time has come, and what they lead to runs too.
func (w *World) Advance(d time.Duration) error {
	end := w.now.Add(d)
	for {
		g, key, due := w.nextDeadline()
		if g == nil || due.After(end) {
			w.now = end
			return nil
		}
		w.now = due
		d, _ := w.load(place{g, g.Tables()[0]}, key)
		a := g.Tables()[0].Act(d)
		c := saga.Cause{Envelope: saga.Envelope{
			ID: saga.DeadlineType + "/" + key + "/" + a.Waiting(), Type: saga.DeadlineType, Key: key, Saga: key,
			Source: "/" + g.Name(), Time: w.now, Started: a.Started(),
		}}
		if err := w.handle(g, c); err != nil {
			return err
		}
		if left, _ := w.load(place{g, g.Tables()[0]}, key); g.Tables()[0].Act(left).WaitsUntil().Equal(due) {
			return fmt.Errorf("the act of %s in the saga %s waits for %s, and nothing runs when that is over: the group has no such saga.Else (any more)", g.Name(), key, a.Waiting())
		}
		if err := w.Run(); err != nil {
			return err
		}
	}
}

func (w *World) nextDeadline() (group *saga.Group, key string, due time.Time) {
	for _, g := range w.groups {
		if !g.HasAct() {
			continue
		}
		t := g.Tables()[0]
		for id, image := range w.stored {
			if id.place != (place{g, t}) {
				continue
			}
			until := t.Act(saga.Decode(image, t)).WaitsUntil()
			earlier := group == nil || until.Before(due) || until.Equal(due) && id.key < key
			if !until.IsZero() && earlier {
				group, key, due = g, id.key, until
			}
		}
	}
	return group, key, due
}

func (w *World) handle(g *saga.Group, c saga.Cause) error {
	var working saga.Working
	for {
		out := g.React(&working, c)
		for _, n := range out.Needs {
			value, exists := w.load(place{g, n.Table}, n.Key)
			working.Put(n.Table, n.Key, value, exists)
		}
		if out.Needs != nil {
			continue
		}
		if out.Err != nil {
			return out.Err
		}
		w.save(g, &working)
		w.History = append(w.History, Heard{g.Name(), c, out})
		for i, f := range out.Facts {
			w.send(f, saga.Envelope{ID: saga.DeriveID(c.Envelope, g.Name(), i), Source: "/" + g.Name(), Started: out.Started, Saga: c.Saga, CauseID: c.ID})
		}
		c.Started = out.Started
		return w.perform(g, c, out.Requests)
	}
}

// perform does what was requested, at once, and brings the group the outcome.
func (w *World) perform(g *saga.Group, c saga.Cause, requests []saga.Request) error {
	for _, r := range requests {
		a := &saga.Attempt{Request: r}
		e := c.Envelope
		e.ID, e.CauseID, e.Type = r.ID, c.ID, r.Effect+".performed"
		if w.Perform != nil {
			if err := w.Perform(r); err != nil {
				a.Failure, a.Expired, e.Type = err.Error(), !saga.IsPermanent(err), r.Effect+".not-performed"
			}
		}
		if err := w.handle(g, saga.Cause{Envelope: e, Attempt: a}); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) load(p place, key string) (any, bool) {
	if image, ok := w.stored[storedKey{p, key}]; ok {
		return saga.Decode(image, p.table), true
	}
	return p.table.New(key), false
}

func (w *World) save(g *saga.Group, working *saga.Working) {
	for _, d := range working.Documents() {
		if d.Dirty {
			w.stored[storedKey{place{g, d.Table}, d.Key}] = saga.Encode(nil, d.Table, d.Value)
		}
	}
	for _, r := range working.Rows() {
		p := place{g, r.Table}
		w.rows[p] = append(w.rows[p], r.Value)
	}
}

// Load is the document of D's table with this key, and whether there is one.
func Load[D any](w *World, key string) (*D, bool) {
	d, ok := w.load(w.placeOf(new(D)), key)
	return d.(*D), ok
}

// Rows are what was added to the journal of D.
func Rows[D any](w *World) []*D {
	var out []*D
	for _, r := range w.rows[w.placeOf(new(D))] {
		out = append(out, r.(*D))
	}
	return out
}

// Types are the event types of everything said, in order.
func (w *World) Types() []string {
	out := make([]string, len(w.Said))
	for i, f := range w.Said {
		out[i] = f.EventType()
	}
	return out
}

// TimesSaid is how often a fact of this type was said with this key. It panics if none was said of a type that no group here knows: a
// misspelt one would never be said, and a test that it was not would be content.
func (w *World) TimesSaid(eventType, key string) (n int) {
	known := w.Types()
	for _, g := range w.groups {
		known = append(known, g.Facts()...)
	}
	if !slices.Contains(known, eventType) {
		panic(fmt.Sprintf("sagatest: no group here says or hears a fact of type %s: the nearest is %s", eventType,
			strings.Join(words.Nearest(eventType, known), ", or ")))
	}
	for _, f := range w.Said {
		if f.EventType() == eventType && f.Key() == key {
			n++
		}
	}
	return n
}

// placeOf is where documents like this one are kept. It panics if no group has such, or if two have: then nobody knows whose is meant.
func (w *World) placeOf(document any) (found place) {
	kind := reflect.TypeOf(document)
	for _, g := range w.groups {
		i := slices.IndexFunc(g.Tables(), func(t saga.AnyTable) bool { return reflect.TypeOf(t.New("")) == kind })
		switch {
		case i < 0:
		case found.group != nil:
			panic(fmt.Sprintf("sagatest: %s and %s both keep documents of type %v, each its own, and nothing says whose is meant: give each a type", found.group.Name(), g.Name(), kind))
		default:
			found = place{g, g.Tables()[i]}
		}
	}
	if found.group == nil {
		panic(fmt.Sprintf("sagatest: no group here keeps documents of type %v", kind))
	}
	return found
}
