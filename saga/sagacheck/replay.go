package sagacheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tiffin/saga"
)

// Replayed is what came of a replay.
type Replayed struct {
	// Findings are what is wrong on this way now, each with the steps as they are now; none: it is mended.
	Findings []Finding
	// Steps are what happened: those that were asked for, as they turn out now, those that had to come before one of them, and those
	// that were still due when they were over.
	Steps []Step
}

// Replay takes exactly these steps, with the real reactions, and searches nothing: it tells whether a way on which something was wrong
// has been mended. The steps are told by what names a move (see [Step]); what the reactions say and change is what they do today.
//
// A choreography that has been mended is no longer the one in which the steps were found. So three things happen by themselves: what stands
// in a queue before the fact that is to be heard is handled first, what is committed is sent before its group goes on, and what there is no
// more to do (the group does not hear the fact now, or there are fewer of them, or it waits for nothing) is passed over. Behind
// the last step, what is still due happens, deadlines last, so that it can be said how the saga ends.
//
// A step that can't happen because nothing leads to it any more is an [ImpossibleError]. What is returned beside it is how the saga ends
// if it goes on from there by itself.
//
// If the steps repeat facts, or have a crash between commit and send, and nothing else is wrong, their end must be among
// those that the world has without such faults: for that the world is explored.
func Replay(w World, steps []Step) (Replayed, error) {
	if len(steps) == 0 || steps[0].Does != Starts {
		return Replayed{}, fmt.Errorf("a replay begins with the step in which everybody %s, and this one does not", Starts)
	}
	w.Groups = slices.Clip(w.Groups)
	for _, g := range w.Aside {
		if slices.ContainsFunc(steps, func(s Step) bool { return s.Who == g.Name() }) {
			w.Groups = append(w.Groups, g)
		}
	}
	w.plain = true
	w.knowAgain()
	again := ""
	for _, s := range steps {
		if len(w.Again) > 0 && len(s.Again) > 0 {
			again = s.Again[0]
		}
	}
	r := replay{explorer: newExplorer(w, w.Name, again, lessons{}), asked: steps, were: map[choice]string{}}
	for _, s := range steps {
		for _, c := range s.Chose {
			r.were[choice{s.Who, c.Table, c.Key}] = c.Document
		}
	}
	r.begin()
	if err := r.known(); err != nil {
		return Replayed{}, err
	}
	if err := r.start(); err != nil {
		return Replayed{}, err
	}
	var impossible error
	for i := 1; i < len(steps) && r.bad == "" && impossible == nil; i++ {
		impossible = r.take(i)
	}
	if err := r.settle(); err != nil {
		return Replayed{Steps: r.done}, err
	}
	out, err := r.judge()
	return out, cmp.Or(impossible, err)
}

// ImpossibleError says that a step of a replay can't happen any more.
type ImpossibleError struct {
	Number  int // of the step, from 0
	Step    Step
	Why     string
	Instead []string // what can happen then
}

func (e *ImpossibleError) Error() string {
	return fmt.Sprintf("step %d, %s, can't happen any more: %s. What can happen then: %s. If that is what mends it, leave out this step and those after it",
		e.Number, nameOf(e.Step), e.Why, strings.Join(e.Instead, "; "))
}

// replay is a replay that is under way.
type replay struct {
	*explorer
	asked []Step
	were  map[choice]string // what the steps say of documents at the start
	now   state
	done  []Step
	bad   string // what was wrong with the last move
}

type choice struct{ who, table, key string }

// known says whether the world still lets documents be at the start what the steps say of them.
func (r *replay) known() error {
	for _, s := range r.asked {
		g := r.group(s.Who)
		for _, c := range s.Chose {
			slot := -1
			if g >= 0 {
				if t := slices.IndexFunc(r.groups[g].Tables(), func(t saga.AnyTable) bool { return t.Name() == c.Table }); t >= 0 {
					slot = r.slot(place{kind: kindDocument, a: g, b: t, key: r.keys.id(c.Key)})
				}
			}
			var may []string
			for _, id := range r.choices[slot] {
				may = append(may, r.showChosen(r.groups[g].Tables()[r.places[slot].b], slotValue{slot, id}))
			}
			if len(may) > 0 && !slices.Contains(may, c.Document) {
				return fmt.Errorf("in the world %s as it is now there is no %q at the start; there is %s", r.Name, c.Document, strings.Join(may, "; or "))
			}
		}
	}
	return nil
}

// start takes the first step.
func (r *replay) start() error {
	want := r.asked[0]
	var first []string
	for i := range r.len() {
		s := r.first(r.at(i))
		if first = said(s); slices.Equal(first, said(want)) && slices.Equal(s.Again, want.Again) {
			r.now, r.done = slices.Clone(r.at(i)), append(r.done, s)
			return nil
		}
	}
	if !slices.Equal(first, said(want)) {
		return fmt.Errorf("the world %s begins with %s now, and the replay with %s", r.Name, strings.Join(first, ", "), strings.Join(said(want), ", "))
	}
	return fmt.Errorf("in the world %s as it is now, %s does not come again: it needs Duplicates, or Again", r.Name, strings.Join(want.Again, ", "))
}

// take takes a step, and before it those that it has to wait for.
func (r *replay) take(i int) error {
	want := r.asked[i]
	for {
		if r.move(func(s Step) int { return likeness(s, want) }) {
			return nil
		}
		// What stands in its way goes first.
		if r.move(func(s Step) int { return r.obstructs(s, want) }) {
			if r.bad != "" {
				return nil
			}
			continue
		}
		why := r.impossible(want)
		if why == "" {
			return nil
		}
		return &ImpossibleError{i, want, why, r.possible()}
	}
}

// move makes the move that is liked best, if any is; it says no to those with 0.
func (r *replay) move(like func(Step) int) bool {
	var best Step
	var next state
	most, bad := 0, ""
	r.all(r.now, func(m *move) {
		if !r.agrees(m) {
			return
		}
		s := r.describeMove(r.now, m)
		if n := like(s); n > most {
			most, best, bad = n, s, m.bad
			next = slices.Clone(m.next.trimmed())
		}
	})
	if most == 0 {
		return false
	}
	best.Wrong = bad != ""
	r.done, r.bad = append(r.done, best), bad
	if bad == "" {
		r.now = next
	}
	return true
}

// agrees says whether a move takes documents to be what the steps say that they have been.
func (r *replay) agrees(m *move) bool {
	for _, c := range m.chosen {
		at := r.places[c.slot]
		t := r.groups[at.a].Tables()[at.b]
		known, ok := r.were[choice{r.groups[at.a].Name(), t.Name(), r.keys.list[at.key]}]
		if ok && known != r.showChosen(t, c) {
			return false
		}
	}
	return true
}

// likeness says how much a move is like the one that is wanted; 0: it is another.
func likeness(s, want Step) int {
	if s.Who != want.Who || s.Does != want.Does || s.Fact != want.Fact || s.Key != want.Key {
		return 0
	}
	n := 1
	switch s.Does {
	case Answers, Performs:
		if !slices.Equal(said(s), said(want)) {
			return 0
		}
		if slices.EqualFunc(s.Says, want.Says, sameSaying) {
			n += 2
		}
	case Starts, Hears, Expires, Sends, Repeats, Ages, Forgets:
	}
	if slices.Equal(s.Again, want.Again) {
		n++
	} else if len(s.Again) > 0 {
		return 0 // it can do without: what is repeated is not said any more
	}
	return n
}

// obstructs says how much a move stands in the way of the one that is wanted.
func (r *replay) obstructs(s, want Step) int {
	g, key := r.group(want.Who), r.keyOf(want)
	if g < 0 || s.Who != want.Who || s.Key != want.Key || len(s.Again) > 0 || want.Does != Hears && want.Does != Expires {
		return 0
	}
	if s.Does == Sends {
		return 1
	}
	if s.Does != Hears || want.Does != Hears {
		return 0
	}
	for _, q := range r.queuesOf[[2]int{g, key}] {
		queue := r.lists[r.now.get(q)].facts
		isWanted := func(f uint16) bool { return r.types.list[r.facts[f].typ] == want.Fact }
		if len(queue) > 0 && slices.ContainsFunc(queue, isWanted) && r.types.list[r.facts[queue[0]].typ] == s.Fact {
			return 1
		}
	}
	return 0
}

// group is the number of the group of this name, or -1.
func (r *replay) group(name string) int {
	return slices.IndexFunc(r.groups, func(g *saga.Group) bool { return g.Name() == name })
}

func (r *replay) keyOf(s Step) int { return r.keys.id(s.Key) }

// impossible says why a step can't happen; "" if it need not, because there is nothing to do in it any more.
func (r *replay) impossible(want Step) string {
	g := r.group(want.Who)
	switch want.Does {
	case Hears:
		if g < 0 {
			return "the world has no group " + want.Who
		}
		return r.unheard(want)
	case Expires, Sends, Forgets:
		if g < 0 {
			return "the world has no group " + want.Who
		}
		return ""
	case Repeats:
		return ""
	case Answers, Performs:
		return "nothing asks for it, or it has been answered"
	case Ages:
		return "no saga grows old in this world: it needs Ages"
	case Starts:
	}
	return "it begins the world"
}

// unheard says why a group can't hear a fact; "" if it has passed the group by, or is not said so often any more.
func (r *replay) unheard(want Step) string {
	for _, f := range r.facts[1:] {
		if f.fact.EventType() == want.Fact && f.fact.Key() == want.Key && r.now.get(f.count) > 0 {
			return ""
		}
	}
	return "nobody has said " + want.Fact + " of " + want.Key
}

// possible names all moves that can happen now.
func (r *replay) possible() (out []string) {
	r.all(r.now, func(m *move) {
		if name := nameOf(r.describeMove(r.now, m)); !slices.Contains(out, name) {
			out = append(out, name)
		}
	})
	if out == nil {
		out = []string{"nothing"}
	}
	return out
}

// nameOf names a step: "kitchen hears paid of o1".
func nameOf(s Step) string {
	words := []string{s.Who, string(s.Does)}
	if s.Fact != "" {
		words = append(words, s.Fact)
	}
	if s.Key != "" {
		words = append(words, "of "+s.Key)
	}
	if s.Does == Answers || s.Does == Performs || s.Does == Repeats {
		words = append(words, "("+strings.Join(said(s), ", ")+")")
	}
	return strings.Join(words, " ")
}

// settleLimit is how many steps may still be due when those of the replay are over. In a small world there are fewer.
const settleLimit = 10_000

// settle lets everything happen that is due: first what is heard, sent and answered, at last what deadlines lead to.
func (r *replay) settle() error {
	for range settleLimit {
		if r.bad != "" {
			return nil
		}
		due := map[string]bool{}
		for _, st := range r.steps(r.now) {
			if !st.free {
				r.apply(r.now, &st, &st.ways[0], func(m *move) { due[nameOfMove(r.describeMove(r.now, m))] = true })
			}
		}
		if len(due) == 0 {
			return nil
		}
		r.move(func(s Step) int {
			switch {
			case !due[nameOfMove(s)] || len(s.Again) > 0:
				return 0
			case s.Does == Expires:
				return 1
			}
			return 2
		})
	}
	return fmt.Errorf("after %d further steps there is still something to do: the choreography goes round in a circle", settleLimit)
}

// nameOfMove names a move whichever way of it is taken.
func nameOfMove(s Step) string {
	return strings.Join([]string{s.Who, string(s.Does), s.Fact, s.Key}, " ")
}

// judge says what is wrong at the end.
func (r *replay) judge() (Replayed, error) {
	out := Replayed{Steps: r.done}
	wrong := []string{r.bad}
	if r.bad == "" {
		wrong = r.endsWrong(r.now)
		if r.Final != nil {
			if what := r.Final(View{r.explorer, r.now}); what != "" {
				wrong = append(wrong, what)
			}
		}
	}
	if len(wrong) == 0 && r.faulty() {
		calm := r.calm()
		calm.plain, calm.Aside = false, nil // who has a part in it is among the groups
		calm.Initially = slices.DeleteFunc(slices.Clone(calm.Initially), func(c Choice) bool { return r.standsAside(c.Documents[0]) })
		without := Explore(calm)
		if !without.Complete {
			return out, fmt.Errorf("whether the world %s has this end without faults too can't be said: %v", r.Name, without)
		}
		if !without.EndStates[r.describe(r.now)] {
			wrong = append(wrong, onlyWithFaults+": "+strings.Join(r.contentsOf(r.now), "; "))
		}
	}
	for _, what := range wrong {
		out.Findings = append(out.Findings, Finding{World: r.Name, What: what, Steps: r.done})
	}
	return out, nil
}

// faulty says whether a fact came twice, or something happened between a commit and its sending.
func (r *replay) faulty() bool {
	for i, s := range r.done {
		if len(s.Again) > 0 || s.Later && (i+1 == len(r.done) || r.done[i+1].Does != Sends) {
			return true
		}
	}
	return false
}
