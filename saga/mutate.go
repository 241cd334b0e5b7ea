package saga

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Mutation is one mistake in a group, as data: the kind of mistake that people make. [Group.Mutate] makes it. It is for
// tests of choreographies: one that finds nothing wrong with a mistake in it does not test what was mistaken.
type Mutation struct {
	Group    string // whose mistake it is
	Reaction string // the reaction's name, or that of its [TooLate] or its [Refuses]; empty for [NotConcerns]
	Op       Op
	Fact     string          // the event type that the Op is about; [DeadlineType] for an [Else] that is not heard
	Other    Fact            // any fact of the type that is heard instead, or also
	As       func(Fact) Fact // what it is taken for, by a reaction that takes one type of facts
	Table    string          // the table whose documents are not changed
	Key      string          // only this document of it
}

// Op is a kind of mistake. Its text completes the sentence "the reaction ...".
type Op string

// Mistakes in a declaration.
const (
	HearsNot         Op = "does not hear"                       // Fact
	HearsAlso        Op = "also hears"                          // Other
	HearsInstead     Op = "hears instead"                       // Fact, Other
	NotPivots        Op = "is no pivot"                         // without Pivots
	NotCloses        Op = "closes nothing"                      // without Closes, ClosesWith
	NotFails         Op = "fails without refusing the act"      // Says for Fails
	NotEvenIfNothing Op = "says nothing if nothing is to undo"  // without EvenIfNothing
	NotRefuses       Op = "refuses nothing that comes too late" // without Refuses
	AnswersNoWait    Op = "stands outside of its wait"          // its line is not in the Within
	AsOn             Op = "has no part in the act"              // On for Does, Then or Undoes: it runs each time
	NotConcerns      Op = "is concerned by everything"          // the group, without Concerns
)

// Mistakes in a reaction.
const (
	SaysNot        Op = "keeps to itself"               // Fact; empty: all that it says
	SaysTwice      Op = "says twice"                    // Fact; empty: all that it says
	SaysReversed   Op = "says the last thing first"     // in another order
	ChangesNot     Op = "does not change"               // Table, and Key if not all of it
	ChangesTwice   Op = "changes everything twice"      // and says it once
	IgnoresNothing Op = "undoes although there is none" // it does not look at Cause.Nothing
)

// Mistakes in the library's rules, as somebody makes them who keeps the rules by hand.
const (
	RunsAgain    Op = "runs again when it is repeated" // a Does or an Undoes
	LeavesNoMark Op = "leaves no mark"                 // an Undoes that comes first
	AnswersLate  Op = "answers though nobody waits"    // an answer to a wait
	RefusesAgain Op = "refuses each time"              // a TooLate
)

// String is the mistake as a sentence: "inventory.release hears payment.refunded instead of kitchen.rejected".
func (m Mutation) String() string {
	what := []string{string(m.Op), m.Fact, m.Table, m.Key}
	switch {
	case m.Other != nil && m.Op == HearsAlso:
		what = []string{string(m.Op), m.Other.EventType()}
	case m.Other != nil && m.Op == HearsInstead:
		what = []string{"hears", m.Other.EventType(), "instead of", m.Fact}
	}
	words := append([]string{strings.Trim(m.Group+"."+m.Reaction, ".")}, what...)
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Mutate is the group with this mistake in it. It panics if there is nothing in the group that could be so mistaken.
func (g *Group) Mutate(m Mutation) *Group {
	mutant, made := g.mutate(m)
	if !made {
		g.wrong("a mutation is to say %q, and nothing that is so named could: look at its names, and at what its Op is for", m)
	}
	return mutant
}

// Mutations are the mistakes in the group of which one would expect that they matter: an arrow, an option or a rule is lost, a
// fact is kept to itself, a table is not changed.
func (g *Group) Mutations() (out []Mutation) {
	add := func(m Mutation) {
		m.Group = g.name
		if _, made := g.mutate(m); made {
			out = append(out, m)
		}
	}
	add(Mutation{Op: NotConcerns})
	for _, r := range g.reactions {
		if r.Role == RoleRecords {
			continue // it has no influence
		}
		for _, heard := range append(slices.Clip(r.Hears), FactType{Type: DeadlineType}) {
			add(Mutation{Reaction: r.Name, Op: HearsNot, Fact: heard.Type})
		}
		for _, op := range []Op{
			NotPivots, NotCloses, NotFails, NotEvenIfNothing, NotRefuses, AnswersNoWait, AsOn, IgnoresNothing,
			RunsAgain, LeavesNoMark, AnswersLate, RefusesAgain,
		} {
			add(Mutation{Reaction: r.Name, Op: op})
		}
		for _, said := range r.Says {
			add(Mutation{Reaction: r.Name, Op: SaysNot, Fact: said.Type})
		}
		for _, t := range g.tables {
			if !t.Appends() && slices.Contains(r.Uses, t.Name()) {
				add(Mutation{Reaction: r.Name, Op: ChangesNot, Table: t.Name()})
			}
		}
	}
	return out
}

// mutate makes the mistake, and says whether it could.
func (g *Group) mutate(m Mutation) (*Group, bool) {
	mutant := *g
	mutant.reactions = nil
	made := m.Op == NotConcerns && m.Reaction == "" && g.concerns != nil
	if made {
		mutant.concerns = nil
	}
	copies := map[*Reaction]*Reaction{}
	for _, r := range g.reactions {
		kept := *r
		if m.Reaction != "" && slices.Contains([]string{r.Name, r.TooLateName, r.RefusesName}, m.Reaction) {
			made = kept.mistakes(m) || kept.misreacts(g, m) || kept.misrules(m) || made
		}
		copies[r] = &kept
		mutant.reactions = append(mutant.reactions, &kept)
	}
	mutant.effects = map[string]*performance{}
	for name, p := range g.effects {
		kept := *p
		kept.performed, kept.notPerformed = copies[p.performed], copies[p.notPerformed]
		mutant.effects[name] = &kept
	}
	mutant.index()
	return &mutant, made
}

// Without is the group without one of its arrows: the reaction of this name does not hear facts of this type, or, for
// [DeadlineType], never runs as the Else of its wait. It panics if there is no such arrow.
func (g *Group) Without(reaction, eventType string) *Group {
	return g.Mutate(Mutation{Group: g.name, Reaction: reaction, Op: HearsNot, Fact: eventType})
}

// mistakes makes a mistake of the declaration, and says whether it could.
func (r *Reaction) mistakes(m Mutation) bool {
	switch m.Op {
	case HearsNot:
		return r.hearsNot(m.Fact)
	case HearsAlso:
		return m.Other != nil && r.Role != RoleOnce && r.hearsToo(m)
	case HearsInstead:
		if m.Other == nil || !r.hearsNot(m.Fact) {
			return false
		}
		if r.Condition != nil {
			instead := r.Condition.instead(m.Fact, Condition{fact: typeOf(m.Other), decode: decoderLike(m.Other)})
			r.Condition = &instead
		}
		return r.hearsToo(m)
	case NotPivots:
		return lose(&r.Pivots)
	case NotCloses:
		lost := lose(&r.Closes)
		return r.says(func(s *Said) bool { return lose(&s.Closes) }) || lost
	case NotFails:
		return r.says(func(s *Said) bool { return lose(&s.Fails) })
	case NotEvenIfNothing:
		return lose(&r.EvenIfNothing)
	case NotRefuses:
		had := r.refuses != nil
		r.refuses = nil
		return had
	case AnswersNoWait:
		had := r.Wait != "" && r.Role == RoleThen
		r.Wait, r.Within, r.next = "", 0, ""
		return had
	case AsOn:
		had := r.Role == RoleDoes || r.Role == RoleThen || r.Role == RoleUndoes
		r.Role = RoleFollows
		return had
	}
	return false
}

// lose takes an option away, and says whether it was there.
func lose(option *bool) bool {
	had := *option
	*option = false
	return had
}

// says changes what it may say, in a copy.
func (r *Reaction) says(change func(*Said) bool) (changed bool) {
	r.Says = slices.Clone(r.Says)
	for i := range r.Says {
		changed = change(&r.Says[i]) || changed
	}
	return changed
}

func (r *Reaction) hearsNot(eventType string) bool {
	if eventType == DeadlineType {
		r.never = r.Role == RoleElse
		return r.never
	}
	before := len(r.Hears)
	r.Hears = slices.DeleteFunc(slices.Clone(r.Hears), func(t FactType) bool { return t.Type == eventType })
	return len(r.Hears) < before
}

// hearsToo lets it hear one more fact, and take it for what it knows.
func (r *Reaction) hearsToo(m Mutation) bool {
	known := r.decoders
	r.decoders, r.Hears = map[string]func([]byte) (Fact, error){}, slices.Clone(r.Hears)
	for t, decode := range known {
		r.decoders[t] = decode
	}
	delete(r.decoders, m.Other.EventType())
	r.hear(typeOf(m.Other), decoderLike(m.Other))
	if m.As == nil {
		return r.Role != RoleThen && r.Role != RoleOn && r.Role != RoleDoes // those take one type alone
	}
	for _, body := range []*func(any, Cause) []Fact{&r.run, &r.refuses} {
		if run := *body; run != nil {
			*body = func(doc any, c Cause) []Fact {
				if c.Type == m.Other.EventType() {
					c.Fact = m.As(c.Fact)
				}
				return run(doc, c)
			}
		}
	}
	return true
}

// decoderLike reads facts of f's type, as decoderOf does.
func decoderLike(f Fact) func([]byte) (Fact, error) {
	return func(data []byte) (Fact, error) {
		read := reflect.New(reflect.TypeOf(f))
		if err := json.Unmarshal(data, read.Interface()); err != nil {
			return nil, fmt.Errorf("%s does not parse: %w", f.EventType(), err)
		}
		fact := read.Elem().Interface().(Fact)
		return fact, validate(fact)
	}
}

// instead is the condition with another leaf in the place of one.
func (c Condition) instead(eventType string, leaf Condition) Condition {
	if c.fact.Type == eventType {
		return leaf
	}
	c.of = slices.Clone(c.of)
	for i := range c.of {
		c.of[i] = c.of[i].instead(eventType, leaf)
	}
	return c
}

// misreacts makes a mistake of the reaction itself, with what runs in its place, or of the latter alone if that is named; and
// says whether it could.
func (r *Reaction) misreacts(g *Group, m Mutation) (made bool) {
	for _, body := range []struct {
		name string
		run  *func(any, Cause) []Fact
	}{{r.Name, &r.run}, {r.TooLateName, &r.tooLate}, {r.RefusesName, &r.refuses}} {
		if m.Reaction != r.Name && m.Reaction != body.name || *body.run == nil {
			continue
		}
		if mistaken := r.misreaction(g, m, *body.run); mistaken != nil {
			*body.run, made = mistaken, true
		}
	}
	return made
}

// misreaction is a function with a mistake in it; nil if there could be none.
func (r *Reaction) misreaction(g *Group, m Mutation, run func(any, Cause) []Fact) func(any, Cause) []Fact {
	about := func(eventType string) bool { return m.Fact == "" || m.Fact == eventType }
	may := slices.ContainsFunc(r.Says, func(s Said) bool { return about(s.Type) })
	changes := slices.Contains(r.Uses, m.Table) || len(r.takes) > 0 && m.Table == g.tables[0].Name()
	switch {
	case m.Op == SaysNot && may:
		return func(doc any, c Cause) []Fact {
			return slices.DeleteFunc(run(doc, c), func(f Fact) bool { return about(f.EventType()) })
		}
	case m.Op == SaysTwice && may:
		return func(doc any, c Cause) (said []Fact) {
			for _, f := range run(doc, c) {
				if said = append(said, f); about(f.EventType()) {
					said = append(said, f)
				}
			}
			return said
		}
	case m.Op == SaysReversed && len(r.Says) > 1:
		return func(doc any, c Cause) []Fact {
			said := run(doc, c)
			slices.Reverse(said)
			return said
		}
	case m.Op == ChangesNot && changes:
		return func(doc any, c Cause) []Fact {
			said := run(doc, c)
			c.tx.forget(m.Table, m.Key)
			return said
		}
	case m.Op == ChangesTwice:
		return func(doc any, c Cause) []Fact {
			said := run(doc, c)
			run(doc, c)
			return said
		}
	case m.Op == IgnoresNothing && r.EvenIfNothing:
		return func(doc any, c Cause) []Fact {
			c.Nothing = false
			return run(doc, c)
		}
	}
	return nil
}

// forget makes the documents of a table, or one of them, what they were before the reaction.
func (tx *transaction) forget(table, key string) {
	for _, d := range tx.touched {
		if d.Table.Name() == table && (key == "" || d.Key == key) {
			reflect.ValueOf(d.Value).Elem().Set(reflect.ValueOf(Decode(d.image, d.Table)).Elem())
		}
	}
}

// misrules breaks one of the library's rules for this reaction, and says whether it could.
func (r *Reaction) misrules(m Mutation) bool {
	switch {
	case m.Op == RunsAgain && (r.Role == RoleDoes || r.Role == RoleUndoes):
		run, before, after := (*Group).do, New, []State{Done, Undone, Closed}
		if r.Role == RoleUndoes {
			run, before, after = (*Group).undo, Done, []State{Undone}
		}
		r.rule = func(g *Group, r *Reaction, out *Outcome, c Cause) {
			_, a := g.document(&c)
			was := a.state
			if slices.Contains(after, was) {
				a.state = before
				c.tx.changes(func(*Document, AnyTable) {}) // not the reaction's
			}
			if run(g, out, r, c); a.state == before {
				a.state = was
			}
		}
	case m.Op == LeavesNoMark && r.Role == RoleUndoes:
		r.rule = func(g *Group, r *Reaction, out *Outcome, c Cause) {
			_, a := g.document(&c)
			was := *a
			if g.undo(out, r, c); was.state == New {
				*a = was
			}
		}
	case m.Op == AnswersLate && r.Role == RoleThen && r.Wait != "":
		r.rule = func(g *Group, r *Reaction, out *Outcome, c Cause) {
			if _, a := g.document(&c); a.state == Done {
				a.waiting = r.Wait
			}
			g.then(out, r, c)
		}
	case m.Op == RefusesAgain && r.tooLate != nil:
		r.rule = func(g *Group, r *Reaction, out *Outcome, c Cause) {
			_, a := g.document(&c)
			a.late = false
			g.undo(out, r, c)
		}
	default:
		return false
	}
	r.Role = RoleFollows // who looks at roles must not take it for something that an act in a final state ignores
	return true
}
