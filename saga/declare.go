package saga

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Role is how a reaction moves its group's act.
type Role string

// The roles.
const (
	RoleDoes    Role = "does"
	RoleThen    Role = "then"
	RoleElse    Role = "else"
	RoleUndoes  Role = "undoes"
	RoleOnce    Role = "once"
	RoleFollows Role = "follows"
	RoleRecords Role = "records"
	RoleOn      Role = "on"

	RoleBegins  Role = "begins"
	RoleAnswers Role = "answers"

	RolePerformed    Role = "performed"
	RoleNotPerformed Role = "not performed"
)

// word is what a declaration says for the role: "saga.Does".
func (r Role) word() string {
	word := "saga."
	for part := range strings.FieldsSeq(string(r)) {
		word += strings.ToUpper(part[:1]) + part[1:]
	}
	return word
}

// FactType is a fact's name and the topic it is said on.
type FactType struct {
	Type, Topic string
	goType      string // "schemas.OrderPlaced", for who is told what line to write
}

// Said is a fact that a reaction may say, and what saying it means for the act.
type Said struct {
	FactType
	Fails  bool // the act is refused
	Closes bool // the act is closed, past undoing
	Ends   bool // the saga is over; implies Closes
	Final  bool // nobody in the choreography needs to hear it
}

// Reaction is one arrow of a group: what it hears, what it may say, and what it means for the act.
type Reaction struct {
	Name  string // the function's
	At    string // the function's file and line, for people: "kitchen/kitchen.go:45"
	File  string // the function's file, with the path that it was compiled from; for [Begins] and for methods, the declaration's
	Line  int    // and the line in it
	Role  Role
	Hears []FactType
	Says  []Said
	Uses  []string // tables that it may change beside the act's own

	Requests []string // effects that it may request
	Effect   string   // the effect whose outcome it reacts to

	Pivots        bool                                     // it takes the act past the point of no return
	Closes        bool                                     // after it the act is past undoing
	EvenIfNothing bool                                     // an undo that also runs when there is nothing to undo
	Silently      bool                                     // a do that has acted although it says nothing
	Optional      bool                                     // an answer from outside that may stay away for ever
	Within        time.Duration                            // it answers a wait (or is the Else of one) of this length
	Wait          string                                   // the wait that it answers, by the name of its Else
	TooLateName   string                                   // what runs instead of the undo after the pivot
	RefusesName   string                                   // what runs instead of a do that may not run any more
	Condition     *Condition                               // what a Once waits for
	pkg           string                                   // the path of the package that File belongs to
	twice         string                                   // an option that was given twice, and may be once
	never         bool                                     // an Else that a test has taken out
	rule          func(*Group, *Reaction, *Outcome, Cause) // a rule that a test has broken, for the library's
	next          string                                   // the wait that comes after the reaction; see Next
	nods          bool                                     // an answer that goes on by saying nothing
	decoders      map[string]func([]byte) (Fact, error)
	run           func(doc any, c Cause) []Fact
	tooLate       func(doc any, c Cause) []Fact
	refuses       func(doc any, c Cause) []Fact
	takes         []reflect.Type // the documents that its functions take
	request       reflect.Type   // what the outcome of an effect takes of it
	refusesType   string         // the event type that its Refuses takes
	loads         func(Fact) []Need
	loadsType     string // the event type that its Loads takes
}

// Option says more about a reaction.
type Option func(*Reaction)

// Part is a line of a group's declaration: a reaction, a [Within], [Concerns].
type Part func(*Group)

func factType[F Fact]() FactType {
	var f F
	return typeOf(f)
}

func typeOf(f Fact) FactType { return FactType{f.EventType(), f.Topic(), reflect.TypeOf(f).String()} }

func (r *Reaction) hear(t FactType, decode func([]byte) (Fact, error)) {
	if _, twice := r.decoders[t.Type]; !twice {
		r.Hears = append(r.Hears, t)
		r.decoders[t.Type] = decode
	}
}

// say adds to what the reaction may say. That it is announced may stand beside what it means for the act.
func (r *Reaction) say(s Said) {
	for i, other := range r.Says {
		if moves := s.Fails || s.Closes || other.Fails || other.Closes; s.Type == other.Type && s.Final != other.Final && moves {
			r.Says[i] = Said{s.FactType, s.Fails || other.Fails, s.Closes || other.Closes, s.Ends || other.Ends, true}
			return
		}
	}
	r.Says = append(r.Says, s)
}

// once notes that an option has been given before: it would replace what was given.
func (r *Reaction) once(option string, given bool) {
	if given {
		r.twice = option
	}
}

// Says: the reaction may say an F.
func Says[F Fact]() Option {
	return func(r *Reaction) { r.say(Said{FactType: factType[F]()}) }
}

// Fails: the reaction may say an F, and then the act is refused, for good.
func Fails[F Fact]() Option {
	return func(r *Reaction) { r.say(Said{FactType: factType[F](), Fails: true}) }
}

// Ends: the reaction may say an F, and then the saga is over.
func Ends[F Fact]() Option {
	return func(r *Reaction) { r.say(Said{FactType: factType[F](), Closes: true, Ends: true}) }
}

// ClosesWith: the reaction may say an F, and then the act is past undoing.
func ClosesWith[F Fact]() Option {
	return func(r *Reaction) { r.say(Said{FactType: factType[F](), Closes: true}) }
}

// Closes: after this reaction the act is past undoing, whatever it says.
func Closes() Option { return func(r *Reaction) { r.Closes = true } }

// Pivots: unless it fails, the reaction takes the act past the point of no return: an undo is then too late.
func Pivots() Option { return func(r *Reaction) { r.Pivots = true } }

// Uses: the reaction may change documents of these tables, or add to these journals, beside its act's own document.
func Uses(tables ...AnyTable) Option {
	return func(r *Reaction) {
		for _, t := range tables {
			r.Uses = append(r.Uses, t.Name())
		}
	}
}

// Loads: the [On] will ask for these documents upon a fact, so that a batch can load them before it runs. That is no more
// than advice, which saves round trips: without it, a document is loaded once a reaction has asked for it, and later events of
// the same key wait for that.
func Loads[F Fact](fn func(F) []Need) Option {
	return func(r *Reaction) {
		r.once("Loads", r.loads != nil)
		r.loads, r.loadsType = func(f Fact) []Need { return fn(f.(F)) }, factType[F]().Type
	}
}

// Upon: an [Undoes] or a [Follows] reacts to an F.
func Upon[F Fact]() Option {
	return func(r *Reaction) { r.hear(factType[F](), decoderOf[F]()) }
}

// EvenIfNothing: the undo also runs, with [Cause].Nothing, when there is nothing to undo. It is for the judge of a race,
// whose verdict others wait for.
func EvenIfNothing() Option { return func(r *Reaction) { r.EvenIfNothing = true } }

// Silently: the do has acted although it says nothing. It begins a wait, say.
func Silently() Option { return func(r *Reaction) { r.Silently = true } }

// TooLate: once the act has passed its pivot, fn runs instead of the undo, and only once. What the undo's line declares of the
// act, with [ClosesWith] say, is so of what fn says, too.
func TooLate[P actor](fn func(P, Cause) []Fact) Option {
	return func(r *Reaction) {
		r.once("TooLate", r.tooLate != nil)
		r.TooLateName = nameOf(fn).name
		r.takes = append(r.takes, reflect.TypeFor[P]())
		r.tooLate = func(doc any, c Cause) []Fact { return fn(doc.(P), c) }
	}
}

// Refuses: fn says the refusal of a do that may not run any more, because its undo came first or because the saga is
// older than the longest life of one. It changes nothing but its own act's document, and what it says is declared with [Fails],
// or with [Ends]. Dropped silently, such a do would leave a saga that never ends.
func Refuses[P actor, E Fact](fn func(P, Event[E]) []Fact) Option {
	return func(r *Reaction) {
		r.once("Refuses", r.refuses != nil)
		r.RefusesName = nameOf(fn).name
		r.takes, r.refusesType = append(r.takes, reflect.TypeFor[P]()), factType[E]().Type
		r.refuses = func(doc any, c Cause) []Fact { return fn(doc.(P), Event[E]{c, c.Fact.(E)}) }
	}
}

// Does is the group's act: it runs once per saga, and never after its undo. One that says nothing has not acted, and must not
// have changed anything, unless it is [Silently].
func Does[P actor, E Fact](fn func(P, Event[E]) []Fact, options ...Option) Part {
	return typed(RoleDoes, fn, options)
}

// Then runs while the act is done, from the first fact after the one that did it.
func Then[P actor, E Fact](fn func(P, Event[E]) []Fact, options ...Option) Part {
	return typed(RoleThen, fn, options)
}

// Undoes runs once per saga, [Upon] each of some facts: on a done act it takes it back. Before the act there is nothing to
// take back, but it bars the act: the late do then says its refusal.
func Undoes[P actor](fn func(P, Cause) []Fact, options ...Option) Part {
	return caused(RoleUndoes, fn, options)
}

// Else runs when the time of its [Within] is over.
func Else[P actor](fn func(P, Cause) []Fact, options ...Option) Part {
	return caused(RoleElse, fn, options)
}

// Once runs as soon as its condition holds, in whatever order the facts come. The library remembers what was heard.
func Once[P actor](c Condition, fn func(P, Cause) []Fact, options ...Option) Part {
	return caused(RoleOnce, fn, append([]Option{func(r *Reaction) {
		r.Condition = &c
		c.each(func(leaf Condition) { r.hear(leaf.fact, leaf.decode) })
	}}, options...))
}

// Records runs [Upon] each of some facts, and does nothing but add rows to journals: a timeline, a log. It gets no
// document, and may change none, so it has no influence on the saga.
func Records(fn func(Cause), options ...Option) Part {
	return part(RoleRecords, fn, func(_ any, c Cause) []Fact { fn(c); return nil }, nil, options)
}

// Follows runs [Upon] each of some facts, in every state of the act, also after its end, and says nothing: for what a
// document keeps of a saga beside the act.
func Follows[P actor](fn func(P, Cause), options ...Option) Part {
	said := func(doc P, c Cause) []Fact { fn(doc, c); return nil }
	return part(RoleFollows, fn, func(doc any, c Cause) []Fact { return said(doc.(P), c) }, reflect.TypeFor[P](), options)
}

// On runs for facts that have no act: the documents that it asks for are keyed as it likes.
func On[E Fact](fn func(Event[E]) []Fact, options ...Option) Part {
	run := func(_ any, c Cause) []Fact { return fn(Event[E]{c, c.Fact.(E)}) }
	return part(RoleOn, fn, run, nil, append([]Option{Upon[E]()}, options...))
}

// Next is the wait that may begin once the reaction has run, by its name: the first one after a do, the one that follows after an answer. It is
// "" if there is none, or if the act is over then, whatever the reaction has said.
func (r *Reaction) Next() string {
	goesOn := r.Silently || r.nods || !r.closes()
	if begins := r.Role == RoleDoes || r.Wait != ""; !begins || r.Closes || !goesOn {
		return ""
	}
	return r.next
}

// StaysOpen says whether an act may be done after the reaction, a do, and neither refused nor closed.
func (r *Reaction) StaysOpen() bool {
	return !r.Closes && (r.Silently || slices.ContainsFunc(r.Says, func(s Said) bool { return !s.Fails && !s.Closes }))
}

// closes says whether the act is over after the reaction, whatever it has said.
func (r *Reaction) closes() bool {
	return r.Closes || len(r.Says) > 0 && !slices.ContainsFunc(r.Says, func(s Said) bool { return !s.Closes && !s.Fails })
}

// onlyFails says whether the reaction declares failures alone.
func (r *Reaction) onlyFails() bool {
	return len(r.Says) > 0 && !slices.ContainsFunc(r.Says, func(s Said) bool { return !s.Fails })
}

// nodsAt says whether the reaction is an answer that declares failures alone, and goes on by saying nothing: as it must where no answer to its
// wait could go on otherwise, or the next wait would never begin.
func (r *Reaction) nodsAt(answers []*Reaction) bool {
	return r.Role == RoleThen && r.next != "" && !r.Closes && r.onlyFails() &&
		!slices.ContainsFunc(answers, func(other *Reaction) bool { return other.Wait == r.Wait && !other.closes() })
}

// Within is a wait: once the act is done, exactly one of these reactions runs: the first answer, or the [Else] when the
// time is over. What comes later, or answers another wait, is dropped. Several waits of one act follow one another, and
// each has an answer of its own, also where they hear the same type of fact. A wait is stored by the name of its Else, so that
// is to be a function with a name.
func Within(d time.Duration, reactions ...Part) Part {
	return func(g *Group) {
		first := len(g.reactions)
		for _, add := range reactions {
			add(g)
		}
		wait := ""
		for _, r := range g.reactions[first:] {
			switch {
			case r.Role == RoleElse && (wait != "" || slices.Contains(g.waits, r.Name)):
				g.wrong("%s (%s): a wait is known by its Else, so each saga.Within has one, a function of its own", r.Name, r.At)
			case r.Role == RoleElse:
				wait = r.Name
			case r.Role != RoleThen:
				g.wrong("%s (%s) is a %s, which is no answer to a wait: move its line out of the saga.Within", r.Name, r.At, r.Role.word())
			}
		}
		for i, r := range g.reactions[first:] {
			for _, earlier := range g.reactions[first : first+i] {
				if r.Role == RoleThen && earlier.Role == RoleThen && r.Hears[0].Type == earlier.Hears[0].Type {
					g.wrong("%s (%s) hears %s, and so does %s: only the first answer ends a saga.Within, so leave one", r.Name, r.At, r.Hears[0].Type, earlier.Name)
				}
			}
		}
		if wait == "" {
			g.wrong("a Within without an Else waits for ever: add saga.Else(...)")
		}
		if d <= 0 {
			g.wrong("a Within of %v is over before it begins: configure a time above zero", d)
		}
		for _, r := range g.reactions[first:] {
			r.Within, r.Wait = d, wait
		}
		if n := len(g.waits); n > 0 {
			for _, r := range g.reactions {
				if r.Wait == g.waits[n-1] {
					r.next = wait
				}
			}
		}
		g.waits = append(g.waits, wait)
	}
}

// Concerns: facts for which fn says no pass the group by, before any do, undo, mark or refusal: they leave no row. F is
// [Fact], or any interface that facts have; one without its methods concerns the group.
func Concerns[F any](fn func(F) bool) Part {
	return func(g *Group) {
		if g.concerns != nil {
			g.wrong("declares saga.Concerns twice, of which each would replace the other: let one function ask both")
		}
		g.concerns = func(f Fact) bool {
			asked, ok := f.(F)
			return !ok || fn(asked)
		}
	}
}

func typed[P actor, E Fact](role Role, fn func(P, Event[E]) []Fact, options []Option) Part {
	run := func(doc any, c Cause) []Fact { return fn(doc.(P), Event[E]{c, c.Fact.(E)}) }
	return part(role, fn, run, reflect.TypeFor[P](), append([]Option{Upon[E]()}, options...))
}

func caused[P actor](role Role, fn func(P, Cause) []Fact, options []Option) Part {
	run := func(doc any, c Cause) []Fact { return fn(doc.(P), c) }
	return part(role, fn, run, reflect.TypeFor[P](), options)
}

func part(role Role, fn any, run func(any, Cause) []Fact, document reflect.Type, options []Option) Part {
	r := &Reaction{Role: role, run: run, decoders: map[string]func([]byte) (Fact, error){}}
	named := nameOf(fn)
	r.Name, r.At, r.File, r.Line, r.pkg = named.name, place(named.file, named.line), named.file, named.line, named.pkg
	if document != nil {
		r.takes = append(r.takes, document)
	}
	for _, o := range options {
		o(r)
	}
	return func(g *Group) {
		added := *r // a part that is used in two groups must not share its waits
		g.reactions = append(g.reactions, &added)
	}
}

// function is a function's name without its package, its package's path, and where it stands.
type function struct {
	name, pkg, file string
	line            int
}

func nameOf(fn any) function {
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	file, line := f.FileLine(f.Entry())
	if file == "<autogenerated>" { // a method's value is a function that stands nowhere: then the declaration does
		at := caller()
		file, line = at.file, at.line
	}
	pkg, name := splitName(f.Name())
	name = strings.ReplaceAll(strings.TrimSuffix(name, "-fm"), "[...]", "")
	return function{name[strings.LastIndexByte(name, '.')+1:], pkg, file, line}
}

// caller is the function that called into this package, and the line in it.
func caller() function {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	own := ""
	for {
		frame, more := frames.Next()
		pkg, name := splitName(frame.Function)
		if own == "" {
			own = pkg
		}
		if pkg != own || !more {
			return function{name, pkg, frame.File, frame.Line}
		}
	}
}

// splitName parts a function's full name, "tiffin/saga.(*Group).Name", after its package's path.
func splitName(full string) (pkg, name string) {
	slash := strings.LastIndexByte(full, '/') + 1
	pkg, name, _ = strings.Cut(full[slash:], ".")
	return full[:slash] + strings.ReplaceAll(pkg, "%2e", "."), name
}

// place is a line of a file, with no more of the path than a reader needs.
func place(file string, line int) string {
	return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
}

// Condition is what a [Once] waits for.
type Condition struct {
	fact   FactType
	decode func([]byte) (Fact, error)
	any    bool
	of     []Condition
}

// Heard holds once an F has been heard.
func Heard[F Fact]() Condition { return Condition{fact: factType[F](), decode: decoderOf[F]()} }

// AllOf holds once all of these do.
func AllOf(c ...Condition) Condition { return Condition{of: c} }

// AnyOf holds once one of these does.
func AnyOf(c ...Condition) Condition { return Condition{of: c, any: true} }

func (c *Condition) holds(a *Act) bool { return c.given(a.hasHeard) }

// given says whether the condition holds once these facts have been heard.
func (c *Condition) given(heard func(eventType string) bool) bool {
	if c.fact.Type != "" {
		return heard(c.fact.Type)
	}
	for i := range c.of {
		if c.of[i].given(heard) == c.any {
			return c.any
		}
	}
	return !c.any
}

func (c *Condition) each(f func(Condition)) {
	if c.fact.Type != "" {
		f(*c)
	}
	for i := range c.of {
		c.of[i].each(f)
	}
}

// waitsFor says whether facts of this type are among what the condition is about.
func (c *Condition) waitsFor(eventType string) (found bool) {
	c.each(func(leaf Condition) { found = found || leaf.fact.Type == eventType })
	return found
}

// empty is a part of the condition of nothing, and what that comes to; "" if it has none.
func (c *Condition) empty() (part, comesTo string) {
	switch {
	case c.fact.Type != "":
		return "", ""
	case len(c.of) == 0 && c.any:
		return "AnyOf", "never holds"
	case len(c.of) == 0:
		return "AllOf", "always holds"
	}
	for i := range c.of {
		if part, comesTo = c.of[i].empty(); part != "" {
			break
		}
	}
	return part, comesTo
}

// Parts takes the condition apart: into the fact that a [Heard] waits for, or, if that has no type, into conditions of which one
// (any), or each, must hold.
func (c *Condition) Parts() (fact FactType, any bool, of []Condition) { return c.fact, c.any, c.of }

// String is the condition in words: "order.placed and (stock.released or meal.written-off)".
func (c *Condition) String() string {
	if c.fact.Type != "" {
		return c.fact.Type
	}
	words := make([]string, len(c.of))
	for i := range c.of {
		if words[i] = c.of[i].String(); len(c.of[i].of) > 1 {
			words[i] = "(" + words[i] + ")"
		}
	}
	if c.any {
		return strings.Join(words, " or ")
	}
	return strings.Join(words, " and ")
}
