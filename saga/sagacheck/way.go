package sagacheck

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
)

// Finding is something that must not be, and a shortest way to it.
type Finding struct {
	// World is the one in which it was found.
	World string
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
	Ages     Deed = "grows old" // the saga is older than the longest life of one
	Forgets  Deed = "forgets"   // a mark is older than marks are kept
)

// Step is one thing that happens on the way to a finding. All of it together names the move: see [Replay].
type Step struct {
	Who   string   `json:"who"` // a group, somebody outside, or broker, clock, everybody
	Does  Deed     `json:"does"`
	Fact  string   `json:"fact,omitzero"`  // the type of what is heard, answered or performed
	Key   string   `json:"key,omitzero"`   // which saga
	Chose []Chosen `json:"chose,omitzero"` // what documents turn out to have been since the start
	Ran   []string `json:"ran,omitzero"`   // the reactions that ran
	Why   string   `json:"why,omitzero"`   // why none did, or not all
	Says  []Saying `json:"says,omitzero"`
	Later bool     `json:"later,omitzero"` // what is said is committed, and not sent yet
	Again bool     `json:"again,omitzero"` // what is said will be delivered once more
}

// Saying is a fact that is said, with its value as it goes over the wire.
type Saying struct {
	Type string `json:"type"`
	Key  string `json:"key"`
	JSON string `json:"json"`
}

// Chosen is what a document, of which the world says that it may be several things, turns out to be.
type Chosen struct {
	Table    string `json:"table"`
	Key      string `json:"key"`
	Document string `json:"document"` // as people read it: "dishes dal: free 1, delivered 1"
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
	steps := e.way(f.at)
	if f.last != nil {
		steps = append(steps, *f.last)
	}
	return Finding{World: e.name, What: f.what, Steps: steps, Shortest: shortest}
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
	st := Step{Who: "everybody", Does: Starts, Again: s.get(e.ghost) != 0}
	for _, f := range e.Start {
		st.Says = append(st.Says, e.saying(e.factID(f)))
	}
	return st
}

func (e *explorer) saying(id uint16) Saying {
	f := &e.facts[id]
	return Saying{Type: f.fact.EventType(), Key: f.fact.Key(), JSON: contents(f.fact)}
}

// describeMove is a move for people, and for a replay.
func (e *explorer) describeMove(from state, m *move) Step {
	p := e.places[m.slot]
	st := Step{Key: e.keys.list[p.key], Again: m.again}
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
		st.Who, st.Does, st.Fact = "outside", Performs, e.types.list[p.b]
	case kindAge:
		st.Who, st.Does = "clock", Ages
	default:
		st.Who, st.Does, st.Key = "broker", Repeats, ""
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
		st.Chose = append(st.Chose, Chosen{t.Name(), e.keys.list[at.key], show(t, saga.Decode(e.documents[c.value].image, t))})
	}
	return st
}

// show is a document for people: its table and key, and the columns that hold something.
func show(t saga.AnyTable, d any) string {
	columns := t.Columns(d)
	var parts []string
	for _, c := range columns[1:] {
		value := c.At
		if j, ok := value.(saga.JSONColumn); ok {
			value = j.V
		}
		v := reflect.ValueOf(value).Elem()
		if v.IsZero() {
			continue
		}
		if at, ok := v.Interface().(time.Time); ok {
			parts = append(parts, c.Name+" "+at.UTC().Format(time.RFC3339))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %v", c.Name, v.Interface()))
	}
	if len(parts) == 0 {
		parts = []string{"nothing in it"}
	}
	return fmt.Sprintf("%s %s: %s", t.Name(), *columns[0].At.(*string), strings.Join(parts, ", "))
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
	if s.Again {
		line += ", which will come again"
	}
	for _, c := range s.Chose {
		line += "; " + c.Document
	}
	return line
}
