package saga

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
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
	effects   map[string]*performance
	mirrors   map[AnyTable]func(context.Context, []any) error
	joins     map[string]bool // event types that a Once waits for
	shares    []string        // event types that other groups may say too
	hasAct    bool
	patient   bool
	outside   bool
	at        function // where it is declared
}

// Documents lists a group's tables and journals, each of a type of its own. The first is its act's, if the group has one.
func Documents(tables ...AnyTable) []AnyTable { return tables }

// Life: no saga that this group takes part in lives longer. A do that comes later and has a [Refuses] says its refusal, any other
// runs all the same; and a mark is forgotten after twice that. Defaults to [DefaultLife].
func Life(d time.Duration) Part {
	return func(g *Group) {
		if d <= 0 {
			g.wrong("a saga.Life of %v is over before it begins: configure a time above zero", d)
		}
		if g.life != 0 {
			g.wrong("declares saga.Life twice: leave one")
		}
		g.life = d
	}
}

// Patiently: nobody waits for what the group does, so an event may wait a moment, a tenth of a second, for company: one
// transaction for several costs hardly more than one for each.
func Patiently() Part { return func(g *Group) { g.patient = true } }

// Define declares a group. A declaration that can't work panics, and says why: it is a fault of the program, found by
// the first test that mentions the group.
func Define(name string, tables []AnyTable, parts ...Part) *Group {
	if name == "" {
		panic("saga: a group of no name: give saga.Define, or saga.Outside, one")
	}
	g := &Group{at: caller(), name: name, tables: tables, effects: map[string]*performance{}, mirrors: map[AnyTable]func(context.Context, []any) error{}}
	for _, t := range tables {
		g.verifyColumns(t)
	}
	g.hasAct = len(tables) > 0 && tables[0].Act(tables[0].New("")) != nil
	for _, add := range parts {
		add(g)
	}
	g.life = cmp.Or(g.life, DefaultLife)
	for i, t := range tables {
		for _, other := range tables[:i] {
			if other.Name() == t.Name() {
				g.wrong("has two tables %s: give each a name of its own, once in saga.Documents(...)", t.Name())
			}
			if kind := reflect.TypeOf(t.New("")); reflect.TypeOf(other.New("")) == kind {
				g.wrong("tables %s and %s both hold %v, and tests and worlds know a table by what it holds: give each a type of its own", other.Name(), t.Name(), kind)
			}
		}
		if i > 0 && t.Act(t.New("")) != nil {
			g.wrong("table %s keeps an act, and only the first of saga.Documents(...) may: take the saga.Act out of its documents", t.Name())
		}
		g.verifyShards(t)
		g.verifyFields(t)
	}
	for _, r := range g.reactions {
		g.verify(r)
	}
	g.verifyUndo()
	g.index()
	return g
}

// index makes the maps by which an event finds its reactions.
func (g *Group) index() {
	g.byType, g.decoders = map[string][]*Reaction{}, map[string]func([]byte) (Fact, error){}
	g.elses, g.joins = map[string]*Reaction{}, map[string]bool{}
	for _, r := range g.reactions {
		if r.Role == RoleDoes && len(g.waits) > 0 {
			r.next = g.waits[0]
		}
		r.nods = r.nodsAt(g.reactions)
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
}

func (g *Group) wrong(format string, args ...any) {
	panic("saga: group " + g.name + ": " + fmt.Sprintf(format, args...))
}

func (g *Group) verify(r *Reaction) {
	if (r.Role == RoleBegins || r.Role == RoleAnswers) && len(g.tables) > 0 {
		g.wrong("a group does not speak for somebody outside: move its saga.Begins and saga.Answers into a saga.Outside(...)")
	}
	if len(r.Hears) == 0 && r.Role != RoleElse && r.Role != RoleBegins && r.Effect == "" {
		g.wrong("%s (%s) hears nothing: add saga.Upon[...]() to its line", r.Name, r.At)
	}
	if r.Condition != nil {
		if part, comesTo := r.Condition.empty(); part != "" {
			g.wrong("%s (%s) waits for a saga.%s() of nothing, which %s: name the facts, or take it away", r.Name, r.At, part, comesTo)
		}
	}
	if r.Role == RoleElse && r.Wait == "" {
		g.wrong("%s (%s) is an Else of no wait: put it into a saga.Within(...)", r.Name, r.At)
	}
	if (r.Role == RoleFollows || r.Role == RoleRecords) && len(r.Says) > 0 {
		g.wrong("%s (%s) %s, so it says nothing: take its saga.Says away", r.Name, r.At, r.Role)
	}
	for _, kind := range r.takes {
		if len(g.tables) == 0 || reflect.TypeOf(g.tables[0].New("")) != kind {
			g.wrong("%s (%s) takes a %v: the first table of saga.Documents(...) must hold them", r.Name, r.At, kind)
		}
	}
	g.verifyOptions(r)
	if outcome := r.Role == RolePerformed || r.Role == RoleNotPerformed; outcome && r.Effect == "" {
		g.wrong("%s (%s) is the outcome of no effect: put it into a saga.Performs(...)", r.Name, r.At)
	}
	for _, effect := range r.Requests {
		if g.effects[effect] == nil {
			g.wrong("%s (%s) requests %s, which nobody performs: add saga.Performs(...) for it", r.Name, r.At, effect)
		}
	}
	for _, used := range r.Uses {
		i := slices.IndexFunc(g.tables, func(t AnyTable) bool { return t.Name() == used })
		if i < 0 {
			g.wrong("%s (%s) uses %s: add that table to saga.Documents(...)", r.Name, r.At, used)
		}
		if r.Role == RoleRecords && !g.tables[i].Appends() {
			g.wrong("%s (%s) records, so it can't use %s, which is no journal: take it out of its saga.Uses, or make the reaction a saga.On", r.Name, r.At, used)
		}
	}
	if r.Role == RoleRecords && len(r.Requests) > 0 {
		g.wrong("%s (%s) records, so it can't request %s: take its saga.Requests away, or make the reaction a saga.On", r.Name, r.At, r.Requests[0])
	}
}

// verifyOptions refuses what would have no effect, or would panic upon the first fact.
func (g *Group) verifyOptions(r *Reaction) {
	takesOne := r.Role == RoleDoes || r.Role == RoleThen || r.Role == RoleOn || r.Role == RoleAnswers
	takesNone := r.Role == RoleElse || r.Role == RolePerformed || r.Role == RoleNotPerformed
	beyond := r.Condition != nil && slices.ContainsFunc(r.Hears, func(h FactType) bool { return !r.Condition.waitsFor(h.Type) })
	if takesOne && len(r.Hears) > 1 || takesNone && len(r.Hears) > 0 || beyond {
		g.wrong("%s (%s) is a %s, so it can't hear %s: take its saga.Upon away", r.Name, r.At, r.Role.word(), r.Hears[len(r.Hears)-1].Type)
	}
	if r.loads != nil && r.Role == RoleOn && r.loadsType != r.Hears[0].Type {
		g.wrong("%s (%s) hears %s, and its saga.Loads takes a %s: let both take the same", r.Name, r.At, r.Hears[0].Type, r.loadsType)
	}
	if r.refuses != nil && r.Role == RoleDoes && r.refusesType != r.Hears[0].Type {
		g.wrong("%s (%s) hears %s, and its saga.Refuses takes a %s: let both take the same", r.Name, r.At, r.Hears[0].Type, r.refusesType)
	}
	if r.twice != "" {
		g.wrong("%s (%s) has two saga.%s, of which each would replace the other: leave one", r.Name, r.At, r.twice)
	}
	moves := r.Closes || r.Pivots
	for i, s := range r.Says {
		moves = moves || s.Fails || s.Closes
		if slices.ContainsFunc(r.Says[:i], func(other Said) bool { return other.Type == s.Type }) {
			g.wrong("%s (%s) declares twice that it says %s: leave one", r.Name, r.At, s.Type)
		}
	}
	undoes := r.Role == RoleUndoes
	actless := r.Role == RoleOn || r.Role == RoleFollows || r.Role == RoleRecords || r.Role == RoleAnswers || r.Effect != ""
	for _, o := range []struct {
		misplaced bool
		option    string
	}{
		{r.refuses != nil && r.Role != RoleDoes, "Refuses"},
		{r.tooLate != nil && !undoes, "TooLate"},
		{r.EvenIfNothing && !undoes, "EvenIfNothing"},
		{r.Silently && r.Role != RoleDoes, "Silently"},
		{r.Optional && r.Role != RoleAnswers, "Optional"},
		{r.Pivots && undoes, "Pivots"},
		{r.loads != nil && r.Role != RoleOn, "Loads"},
		{moves && actless, "Fails, Closes, ClosesWith, Ends or Pivots"},
	} {
		if o.misplaced {
			g.wrong("%s (%s) is a %s, where saga.%s has no effect: take it away", r.Name, r.At, r.Role.word(), o.option)
		}
	}
}

// verifyUndo refuses acts that can't begin, and undos that leave a race open.
func (g *Group) verifyUndo() {
	does := slices.ContainsFunc(g.reactions, func(r *Reaction) bool { return r.Role == RoleDoes })
	joins := slices.ContainsFunc(g.reactions, func(r *Reaction) bool { return r.Role == RoleOnce })
	undoes, pivots, late := false, false, false
	for _, r := range g.reactions {
		undoes = undoes || r.Role == RoleUndoes
		pivots, late = pivots || r.Pivots, late || r.tooLate != nil
	}
	if late && !pivots {
		g.wrong("saga.TooLate without saga.Pivots: too late for what?")
	}
	for _, r := range g.reactions {
		if !does && (r.Role == RoleThen || r.Role == RoleElse) {
			g.wrong("%s (%s) runs once the act is done, and nothing does it: add a saga.Does(...)", r.Name, r.At)
		}
		if bars := joins && r.EvenIfNothing; !does && !bars && r.Role == RoleUndoes { // it answers for a join that it bars
			g.wrong("%s (%s) takes an act back, and nothing does one: add a saga.Does(...), or take it away", r.Name, r.At)
		}
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

// Concerned says whether the fact concerns the group, as far as it was declared with [Concerns].
func (g *Group) Concerned(f Fact) bool { return g.concerns == nil || g.concerns(f) }

// Longest is how long a saga that this group takes part in may live ([Life]).
func (g *Group) Longest() time.Duration { return g.life }

// Waits are the names of the group's waits, which are those of their Elses, in the order in which they follow one another.
func (g *Group) Waits() []string { return slices.Clone(g.waits) }

// Waiting is how long an act of the group waits at most, all its waits together.
func (g *Group) Waiting() (sum time.Duration) {
	for _, wait := range g.waits {
		sum += g.elses[wait].Within
	}
	return sum
}

// Patient says whether the group was declared with [Patiently].
func (g *Group) Patient() bool { return g.patient }

// MovesAct says whether facts of this type may move the act of the saga that they belong to.
func (g *Group) MovesAct(eventType string) bool {
	return slices.ContainsFunc(g.byType[eventType], func(r *Reaction) bool { return r.Role != RoleRecords && r.Role != RoleOn })
}

// Expects are documents that the reactions to this fact will ask for, as far as their [Loads] say so.
func (g *Group) Expects(f Fact) (needs []Need) {
	defer func() {
		if recover() != nil { // then the reaction may panic too, and that is seen
			needs = nil
		}
	}()
	for _, r := range g.byType[f.EventType()] {
		if r.loads != nil {
			needs = append(needs, r.loads(f)...)
		}
	}
	return needs
}

// Topics are those that the group reads, sorted.
func (g *Group) Topics() []string {
	seen := map[string]bool{}
	for _, r := range g.reactions {
		for _, h := range r.Hears {
			seen[h.Topic] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// SaysTopics are those that the group writes, sorted.
func (g *Group) SaysTopics() []string {
	seen := map[string]bool{}
	for _, r := range g.reactions {
		for _, s := range r.Says {
			seen[s.Topic] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Facts are the types of all that the group hears or may say, sorted.
func (g *Group) Facts() []string {
	seen := map[string]bool{}
	for _, r := range g.reactions {
		for _, h := range r.Hears {
			seen[h.Type] = true
		}
		for _, s := range r.Says {
			seen[s.Type] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
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
