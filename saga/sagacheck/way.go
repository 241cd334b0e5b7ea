package sagacheck

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/saga"
)

// Finding is something that must not be, and a shortest way to it.
type Finding struct {
	// World is the one in which it was found.
	World string
	// Part is what is special of the part of the world that was explored then: "payment.refunded again"; mostly empty.
	Part string
	// What must not be: "the saga o1 never ends: ...".
	What string
	// Steps lead to it from the beginning.
	Steps []Step
	// Shortest says that no way is shorter: every state was visited up to there. Else the way is a shortest one among those
	// that were tried.
	Shortest bool
}

// Deed is what happens in a step.
type Deed string

// The deeds.
const (
	Starts   Deed = "starts"    // the world begins: its first facts are said
	Hears    Deed = "hears"     // a group handles a fact, or what came of its effect
	Expires  Deed = "deadline"  // a wait is over
	Sends    Deed = "sends"     // a group sends what it had committed before
	Answers  Deed = "answers"   // somebody outside does
	Performs Deed = "performs"  // somebody outside does what a group requested, or it is given up
	Repeats  Deed = "repeats"   // the broker delivers facts once more
	Ages     Deed = "grows old" // the saga becomes older than a group lets one be ([saga.Life])
	Forgets  Deed = "forgets"   // a mark is older than marks are kept
)

// Who acts, when it is no group and nobody who was declared.
const (
	everybody = "everybody" // who says the first facts
	outside   = "outside"   // who performs effects
	broker    = "broker"
	clock     = "clock"
)

// Step is one thing that happens on the way to a finding. Who, Does, Fact, Key, Chose and Again name the move, and for what
// is no group also Says; the rest tells what came of it. See [Replay].
type Step struct {
	Who     string   `json:"who"` // a group, somebody outside, or broker, clock, everybody
	Does    Deed     `json:"does"`
	Fact    string   `json:"fact,omitzero"`    // the type of what is heard, answered or performed
	Key     string   `json:"key,omitzero"`     // which saga
	Chose   []Chosen `json:"chose,omitzero"`   // what documents turn out to have been since the start
	Ran     []string `json:"ran,omitzero"`     // the reactions that ran
	Why     string   `json:"why,omitzero"`     // why none did, or not all; of a saga that grows old: for whom, if not for all
	Changed []string `json:"changed,omitzero"` // documents beside the act's own: "accounts till: balance 5 -> 0"
	Act     string   `json:"act,omitzero"`     // where the group's act stands then: "done, waits for giveUp"; empty: not begun
	Says    []Saying `json:"says,omitzero"`
	Later   bool     `json:"later,omitzero"` // what is said is committed, and not sent yet
	Again   []string `json:"again,omitzero"` // the types of what is said that will be delivered once more
	Wrong   bool     `json:"wrong,omitzero"` // it is this step that must not be, not where all of them lead
}

// Saying is a fact that is said, with its value as it goes over the wire.
type Saying struct {
	Type string         `json:"type"`
	Key  string         `json:"key"`
	JSON jsontext.Value `json:"json"`
}

// Chosen is what a document, of which the world says that it may be several things, turns out to be.
type Chosen struct {
	Table    string `json:"table"`
	Key      string `json:"key"`
	Document string `json:"document"` // in what it differs from the others, as people read it: "dishes dal: free 1, delivered 1"
}

// findings finds the ways to what was found: shortest ones if that does not take too long.
func (e *explorer) findings(found []wrong) (out []Finding) {
	ways := map[string]Finding{}
	if e.reduces && len(found) > 0 {
		ways = e.seek(found)
	}
	for _, f := range found {
		finding, shorter := ways[f.what]
		if !shorter {
			finding = e.finding(f, !e.reduces)
		}
		out = append(out, finding)
	}
	return out
}

func (e *explorer) finding(f wrong, shortest bool) Finding {
	steps := e.tidied(e.way(f.at))
	if f.last != nil {
		last := *f.last
		last.Wrong = true
		steps = append(steps, last)
	}
	return Finding{World: e.Name, Part: strings.TrimPrefix(strings.TrimPrefix(e.name, e.Name), ", "), What: f.what, Steps: steps, Shortest: shortest}
}

// seekLimit is how many states are visited, of all that there are, for a shortest way to what was found among few.
const seekLimit = 1_000_000

// seek looks for shortest ways to what was found, in all states.
func (e *explorer) seek(wanted []wrong) map[string]Finding {
	w := e.World
	w.plain, w.Limit, w.Progress, w.StopAtFirst = true, seekLimit, nil, false
	again := ""
	if e.again >= 0 {
		again = e.types.list[e.again]
	}
	full := newExplorer(w, e.name, again, lessons{})
	full.seeks = map[string]bool{}
	for _, f := range wanted {
		full.seeks[f.what] = true
	}
	full.begin()
	out := map[string]Finding{}
	for _, f := range full.search(&Report{EndStates: map[string]bool{}}) {
		out[f.what] = full.finding(f, true)
	}
	return out
}

// way is the way on which state i was first reached.
func (e *explorer) way(i int) (steps []Step) {
	var path []int
	for ; i >= 0; i = int(e.parents[i]) {
		path = append(path, i)
	}
	slices.Reverse(path)
	steps = append(steps, e.first(e.at(path[0])))
	for n := 0; n+1 < len(path); n++ {
		from, to := slices.Clone(e.at(path[n])), e.at(path[n+1])
		found := false
		e.all(from, func(m *move) {
			if !found && bytes.Equal(m.next.trimmed(), to) {
				found = true
				steps = append(steps, e.describeMove(from, m))
			}
		})
		if !found {
			panic("sagacheck: a step on the way can't be found again: a reaction is not pure, or what somebody outside answers changes")
		}
	}
	return steps
}

// all calls emit for every move that is possible in s.
func (e *explorer) all(s state, emit func(*move)) {
	steps := e.steps(s)
	for n := range steps {
		for k := range steps[n].ways {
			e.apply(s, &steps[n], &steps[n].ways[k], emit)
		}
	}
}

// first is the step that begins the world.
func (e *explorer) first(s state) Step {
	st := Step{Who: everybody, Does: Starts, Again: e.comingAgain(s)}
	for _, f := range e.Start {
		st.Says = append(st.Says, e.saying(e.factID(f)))
	}
	return st
}

func (e *explorer) saying(id uint16) Saying {
	f := &e.facts[id]
	return Saying{Type: f.fact.EventType(), Key: f.fact.Key(), JSON: jsontext.Value(contents(f.fact))}
}

// comingAgain are the types of the facts that will be delivered once more.
func (e *explorer) comingAgain(s state) (out []string) {
	for _, id := range e.lists[s.get(e.ghost)].facts {
		if t := e.facts[id].fact.EventType(); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// describeMove is a move for people, and for a replay.
func (e *explorer) describeMove(from state, m *move) Step {
	p := e.places[m.slot]
	st := Step{Key: e.keys.list[p.key]}
	if m.again {
		st.Again = e.comingAgain(m.next)
	}
	says := m.facts
	switch p.kind {
	case kindQueue:
		st.Who, st.Does = e.groups[p.a].Name(), Hears
		st.Fact = e.types.list[e.facts[e.lists[from.get(m.slot)].facts[0]].typ]
	case kindDocument:
		st.Who, st.Does = e.groups[p.a].Name(), Expires
		if m.out == nil {
			st.Does = Forgets
		}
	case kindOutbox:
		st.Who, st.Does = e.groups[p.a].Name(), Sends
	case kindParty:
		st.Who, st.Does, st.Fact = e.parties[p.a].name, Answers, e.parties[p.a].Hears[0].Type
	case kindEffect:
		st.Who, st.Does, st.Fact = outside, Performs, e.types.list[p.b]
	case kindAge:
		st.Who, st.Does, st.Why = clock, Ages, e.tooOldFor(m.sets)
	default:
		st.Who, st.Does, st.Key = broker, Repeats, ""
	}
	if m.out != nil {
		st.Ran, st.Why = m.out.ran, m.out.dropped
		says, st.Later = m.out.says, e.Crashes && len(m.out.says) > 0
	}
	for _, id := range says {
		st.Says = append(st.Says, e.saying(id))
	}
	for _, c := range m.chosen {
		at := e.places[c.slot]
		t := e.groups[at.a].Tables()[at.b]
		st.Chose = append(st.Chose, Chosen{t.Name(), e.keys.list[at.key], e.showChosen(t, c)})
	}
	if p.kind == kindQueue || p.kind == kindDocument {
		st.Act, st.Changed = e.actAfter(p, m), e.changes(from, p, m)
	}
	return st
}

// tooOldFor names the groups for which a saga becomes too old with an age; empty if they all let one be equally old.
func (e *explorer) tooOldFor(age uint16) string {
	var names []string
	for _, g := range e.groups {
		if g.HasAct() && g.Longest() == e.lives[age-young-1] && len(e.lives) > 1 {
			names = append(names, g.Name())
		}
	}
	return strings.Join(names, ", ")
}

// actAfter says where the act of a group stands after a move.
func (e *explorer) actAfter(p place, m *move) string {
	g := e.groups[p.a]
	id := m.next.get(e.corner(p.a, p.key).act)
	if !g.HasAct() || id == 0 {
		return ""
	}
	a := e.actOf(g, id)
	words := []string{string(a.State())}
	if a.Pivoted() && !a.State().Final() {
		words = append(words, "pivoted")
	}
	if a.Waiting() != "" {
		words = append(words, "waits for "+a.Waiting())
	}
	if a.Joining() {
		words = append(words, "waits for more")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
}

// changes are what a move does to documents beside the act's own, for people.
func (e *explorer) changes(from state, p place, m *move) (out []string) {
	if m.out == nil {
		return nil
	}
	for _, w := range m.out.writes {
		at := e.places[w.slot]
		t := e.groups[at.a].Tables()[at.b]
		if w.slot == e.corner(p.a, p.key).act && t.Act(t.New("")) != nil {
			continue
		}
		after := saga.Decode(e.documents[w.value].image, t)
		before := read(from, m.chosen, w.slot)
		if before == 0 {
			out = append(out, show(t, after))
			continue
		}
		was, is := t.Columns(saga.Decode(e.documents[before].image, t)), t.Columns(after)
		var parts []string
		for i, c := range is {
			if b, a := showColumn(was[i]), showColumn(c); a != b {
				parts = append(parts, fmt.Sprintf("%s %s -> %s", c.Name, b, a))
			}
		}
		out = append(out, fmt.Sprintf("%s %s: %s", t.Name(), *is[0].At.(*string), strings.Join(parts, ", ")))
	}
	return out
}

// showChosen is what a document turns out to be, in the columns in which it differs from what else it may be.
func (e *explorer) showChosen(t saga.AnyTable, c slotValue) string {
	columns := t.Columns(saga.Decode(e.documents[c.value].image, t))
	var parts []string
	for i, column := range columns {
		mine := showColumn(column)
		if slices.ContainsFunc(e.choices[c.slot], func(other uint16) bool {
			return showColumn(t.Columns(saga.Decode(e.documents[other].image, t))[i]) != mine
		}) {
			parts = append(parts, column.Name+" "+mine)
		}
	}
	return fmt.Sprintf("%s %s: %s", t.Name(), *columns[0].At.(*string), strings.Join(parts, ", "))
}

// show is a document for people: its table and key, and the columns that hold something.
func show(t saga.AnyTable, d any) string {
	columns := t.Columns(d)
	empty := t.Columns(t.New(""))
	var parts []string
	for i, c := range columns[1:] {
		if value := showColumn(c); value != showColumn(empty[i+1]) {
			parts = append(parts, c.Name+" "+value)
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing in it"}
	}
	return fmt.Sprintf("%s %s: %s", t.Name(), *columns[0].At.(*string), strings.Join(parts, ", "))
}

// showColumn is a column's value for people.
func showColumn(c saga.Column) string {
	switch at := c.At.(type) {
	case *string:
		if *at == "" {
			return `""`
		}
		return *at
	case *time.Time:
		if at.IsZero() {
			return "never"
		}
		return at.UTC().Format(time.RFC3339Nano)
	case saga.JSONColumn:
		b, err := json.Marshal(at.V, json.Deterministic(true))
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return fmt.Sprint(reflect.ValueOf(c.At).Elem().Interface())
}

// String is the finding as a sequence of steps, one a line.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", f.What)
	for i, s := range f.Steps {
		fmt.Fprintf(&b, "  %2d  %s\n", i, s)
	}
	return b.String()
}

// String is the step in a line.
func (s Step) String() string {
	words := []string{fmt.Sprintf("%-12s %s", s.Who, s.Does)}
	if s.Fact != "" {
		words = append(words, s.Fact)
	}
	if s.Key != "" {
		words = append(words, "of "+s.Key)
	}
	var says []string
	for _, f := range s.Says {
		says = append(says, f.Type)
	}
	line := strings.Join(words, " ")
	if len(s.Ran) > 0 {
		line += ": " + strings.Join(s.Ran, ", ")
	}
	if s.Why != "" {
		line += " (" + s.Why + ")"
	}
	if len(says) > 0 {
		verb := ", says "
		if s.Later {
			verb = ", commits "
		}
		line += verb + strings.Join(says, ", ")
	}
	switch {
	case len(s.Again) == 0:
	case len(s.Again) == len(says):
		line += ", which will come again"
	default:
		line += ", of which " + strings.Join(s.Again, ", ") + " will come again"
	}
	for _, c := range s.Chose {
		line += "; " + c.Document
	}
	return line
}
