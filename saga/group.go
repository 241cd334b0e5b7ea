package saga

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"time"
)

// DefaultLife is how long a saga may live, from its first fact to its last, unless [Life] says otherwise.
const DefaultLife = 24 * time.Hour

// Group is one consumer group's declaration. It is made by [Define] and does not change.
type Group struct {
	name      string
	tables    []AnyTable
	reactions []*Reaction
	waits     []string
	concerns  func(Fact) bool
	life      time.Duration
	byType    map[string][]*Reaction
	decoders  map[string]func([]byte) (Fact, error)
	elses     map[string]*Reaction
	joins     map[string]bool // event types that a Once waits for
	hasAct    bool
}

// Documents lists a group's tables and journals. The first is its act's, if the group has one.
func Documents(tables ...AnyTable) []AnyTable { return tables }

// Life: no saga that this group takes part in lives longer. A do that comes later says its refusal, and a mark is
// forgotten after twice that. Defaults to [DefaultLife].
func Life(d time.Duration) Part { return func(g *Group) { g.life = d } }

// Define declares a group. A declaration that can't work panics, and says why: it is a fault of the program, found by
// the first test that mentions the group.
func Define(name string, tables []AnyTable, parts ...Part) *Group {
	g := &Group{name: name, tables: tables, life: DefaultLife, byType: map[string][]*Reaction{},
		decoders: map[string]func([]byte) (Fact, error){}, elses: map[string]*Reaction{}, joins: map[string]bool{}}
	g.hasAct = len(tables) > 0 && tables[0].Act(tables[0].New("")) != nil
	for _, add := range parts {
		add(g)
	}
	for _, r := range g.reactions {
		g.index(r)
		g.verify(r)
	}
	g.verifyUndo()
	return g
}

func (g *Group) index(r *Reaction) {
	for _, h := range r.Hears {
		g.byType[h.Type] = append(g.byType[h.Type], r)
		g.decoders[h.Type] = r.decoders[h.Type]
		if r.Role == RoleOnce {
			g.joins[h.Type] = true
		}
	}
	if r.Role == RoleElse {
		g.elses[r.Name] = r
	}
}

func (g *Group) wrong(format string, args ...any) {
	panic("saga: group " + g.name + ": " + fmt.Sprintf(format, args...))
}

func (g *Group) verify(r *Reaction) {
	if len(r.Hears) == 0 && r.Role != RoleElse {
		g.wrong("%s (%s) hears nothing: add saga.Upon[...]() to its line", r.Name, r.At)
	}
	if r.Role == RoleElse && r.Wait == "" {
		g.wrong("%s (%s) is an Else of no wait: put it into a saga.Within(...)", r.Name, r.At)
	}
	if (r.Role == RoleFollows || r.Role == RoleRecords) && len(r.Says) > 0 {
		g.wrong("%s (%s) %s, so it says nothing: take its saga.Says away", r.Name, r.At, r.Role)
	}
	if kind := r.documentOfKind; kind != nil {
		if len(g.tables) == 0 || reflect.TypeOf(g.tables[0].New("")) != kind {
			g.wrong("%s (%s) takes a %v: the first table of saga.Documents(...) must hold them", r.Name, r.At, kind)
		}
	}
	for _, used := range r.Uses {
		if !slices.ContainsFunc(g.tables, func(t AnyTable) bool { return t.Name() == used }) {
			g.wrong("%s (%s) uses %s: add that table to saga.Documents(...)", r.Name, r.At, used)
		}
	}
}

func (g *Group) verifyUndo() {
	undoes, pivots, late := false, false, false
	for _, r := range g.reactions {
		undoes = undoes || r.Role == RoleUndoes
		pivots, late = pivots || r.Pivots, late || r.tooLate != nil
	}
	if late && !pivots {
		g.wrong("saga.TooLate without saga.Pivots: too late for what?")
	}
	for _, r := range g.reactions {
		if undoes && r.Role == RoleDoes && r.refuses == nil {
			g.wrong("%s (%s) can be barred by an undo that comes first: add saga.Refuses(...), which says its refusal", r.Name, r.At)
		}
		if pivots && r.Role == RoleUndoes && r.tooLate == nil {
			g.wrong("%s (%s) can come after the pivot: add saga.TooLate(...)", r.Name, r.At)
		}
	}
}

// Name is the group's name: of its Kafka consumer group, its PostgreSQL schema, and its target.
func (g *Group) Name() string { return g.name }

// Tables are the group's tables and journals; the first is its act's, if it has one.
func (g *Group) Tables() []AnyTable { return g.tables }

// Reactions are the group's arrows, in the order of the declaration.
func (g *Group) Reactions() []Reaction {
	out := make([]Reaction, len(g.reactions))
	for i, r := range g.reactions {
		out[i] = *r
	}
	return out
}

// Hears says whether any reaction hears facts of this type.
func (g *Group) Hears(eventType string) bool { return len(g.byType[eventType]) > 0 }

// Minds says whether facts of this type can have any influence: whether a reaction hears them that does more than record.
func (g *Group) Minds(eventType string) bool {
	return slices.ContainsFunc(g.byType[eventType], func(r *Reaction) bool { return r.Role != RoleRecords })
}

// MovesAct says whether facts of this type may move the act of the saga that they belong to.
func (g *Group) MovesAct(eventType string) bool {
	return slices.ContainsFunc(g.byType[eventType], func(r *Reaction) bool { return r.Role != RoleRecords && r.Role != RoleOn })
}

// Topics are those that the group reads, sorted.
func (g *Group) Topics() []string {
	seen := map[string]bool{}
	for _, r := range g.reactions {
		for _, h := range r.Hears {
			seen[h.Topic] = true
		}
	}
	return sorted(seen)
}

// SaysTopics are those that the group writes, sorted.
func (g *Group) SaysTopics() []string {
	seen := map[string]bool{}
	for _, r := range g.reactions {
		for _, s := range r.Says {
			seen[s.Topic] = true
		}
	}
	return sorted(seen)
}

// HasAct says whether the first table keeps an act per saga.
func (g *Group) HasAct() bool { return g.hasAct }

// DeadLetters is the topic of the group's dead letters.
func (g *Group) DeadLetters() string { return g.name + ".dead-letters" }

// Decode reads a fact of a type that the group hears, and validates it.
func (g *Group) Decode(eventType string, data []byte) (Fact, error) {
	decode := g.decoders[eventType]
	if decode == nil {
		return nil, fmt.Errorf("%s does not hear %s", g.name, eventType)
	}
	return decode(data)
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}
