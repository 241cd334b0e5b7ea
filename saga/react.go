package saga

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Outcome is what a group did upon one event.
type Outcome struct {
	// Facts are said, in this order.
	Facts []Fact
	// Dropped says why no reaction ran, or not all of them; empty otherwise: "nobody waits".
	Dropped string
	// Ran names the reactions that ran.
	Ran []string
	// Requests are effects to perform once this is committed.
	Requests []Request
	// Started is when the saga began of which the facts and requests are, as far as the event tells or the act remembers.
	Started time.Time
	// Needs are documents that must be put into the working set; then the event is to be handled again. Nothing else
	// has happened.
	Needs []Need
	// Err says that the event can't be handled: a reaction panics, or does what its declaration does not say. Nothing
	// else has happened.
	Err error
}

// React handles one event on the documents of the working set: the library's rules, and within them the group's reactions.
func (g *Group) React(w *Working, c Cause) (out Outcome) {
	tx := &transaction{working: w, key: c.Key}
	c.tx = tx
	defer func() {
		if p := recover(); p != nil {
			out = Outcome{}
			switch p := p.(type) {
			case missing:
				out.Needs = p
			case trespass:
				out.Err = fmt.Errorf("%s %w", g.running(tx), p)
			default:
				out.Err = fmt.Errorf("%s panics upon %s, at %s: %v", g.running(tx), c.Type, whereItPanicked(), p)
			}
		}
		switch {
		case out.Err != nil:
			out = Outcome{Err: out.Err} // what other reactions to the same event said is taken back too
			tx.takeBack()
		case out.Needs != nil:
			tx.takeBack()
		default:
			tx.keep()
			for i := range tx.requested {
				tx.requested[i].ID = DeriveID(c.Envelope, g.name+"/effects", i)
			}
			out.Requests = tx.requested
		}
	}()
	if c.Fact == nil {
		react := g.expire
		if c.Attempt != nil {
			react = g.conclude
		}
		if r := react(&out, c); r != nil && out.Err == nil {
			g.check(&out, r, tx)
		}
		return out
	}
	if !g.Concerned(c.Fact) {
		out.Dropped = "passes by"
		return out
	}
	g.note(c)
	for _, r := range g.byType[c.Type] {
		ran := len(out.Ran)
		g.hear(&out, r, c)
		switch {
		case out.Err != nil:
			return out
		case len(out.Ran) > ran:
			g.check(&out, r, tx)
		default:
			tx.changes(func(*Document, AnyTable) {}) // the library's, the next reaction's declaration has nothing to do with it
		}
		if out.Err != nil {
			return out
		}
	}
	return out
}

// document is the act's document for an event; the group's first table holds it. An act that waits remembers when its saga began, and an
// answer from outside does not know: with each of them the saga would be young again.
func (g *Group) document(c *Cause) (any, *Act) {
	d := c.tx.get(g.tables[0], c.Key)
	a := g.tables[0].Act(d)
	if !a.started.IsZero() && a.started.Before(c.Started) {
		c.Started = a.started
	}
	return d, a
}

// expire runs the Else of the wait that is on, if its time is over indeed.
func (g *Group) expire(out *Outcome, c Cause) *Reaction {
	d, a := g.document(&c)
	r := g.elses[a.waiting]
	if a.state != Done || r == nil || r.never || c.Time.Before(a.waitsUntil) {
		out.drop("no deadline is due")
		return nil
	}
	c.tx.reaction = r
	g.finish(out, r, a, c, r.run(d, c))
	return r
}

// running names the reaction that runs, or just the group.
func (g *Group) running(tx *transaction) string {
	if tx.reaction == nil {
		return g.name
	}
	return fmt.Sprintf("%s.%s (%s)", g.name, tx.reaction.Name, tx.reaction.At)
}

// whereItPanicked is the line that panicked, for the deferred function that recovers.
func whereItPanicked() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") || !more {
			return place(f.File, f.Line)
		}
	}
}

// note remembers what the joins wait for, while the act is open.
func (g *Group) note(c Cause) {
	if !g.joins[c.Type] {
		return
	}
	if _, a := g.document(&c); !a.state.Final() {
		a.hears(c.Type)
	}
	c.tx.changes(func(*Document, AnyTable) {}) // the library's, no reaction's
}

// hear runs one reaction upon a fact, if the act's state lets it.
func (g *Group) hear(out *Outcome, r *Reaction, c Cause) {
	c.tx.reaction = r
	if r.rule != nil {
		r.rule(g, r, out, c)
		return
	}
	switch r.Role {
	case RoleOn, RoleRecords:
		g.declared(out, r, c, r.run(nil, c))
		out.Ran = append(out.Ran, r.Name)
	case RoleFollows:
		d, _ := g.document(&c)
		g.declared(out, r, c, r.run(d, c))
		out.Ran = append(out.Ran, r.Name)
	case RoleDoes:
		g.do(out, r, c)
	case RoleThen:
		g.then(out, r, c)
	case RoleUndoes:
		g.undo(out, r, c)
	case RoleOnce:
		d, a := g.document(&c)
		if !a.state.Final() && r.Condition.holds(a) {
			g.finish(out, r, a, c, r.run(d, c))
		}
	}
}

func (g *Group) do(out *Outcome, r *Reaction, c Cause) {
	d, a := g.document(&c)
	old := !c.Started.IsZero() && c.Time.Sub(c.Started) > g.life
	switch {
	case r.refuses != nil && (a.state == Barred || a.state == New && old):
		if g.refuse(out, r, c, r.refuses(d, c)) {
			a.rest()
			a.state, a.markUntil, a.markedBy = Refused, noTime, ""
			out.Ran = append(out.Ran, r.RefusesName)
		}
		return
	case a.state != New:
		out.drop("already " + string(a.state))
		return
	}
	said := r.run(d, c)
	if len(said) == 0 && !r.Silently {
		c.tx.changes(func(_ *Document, t AnyTable) {
			out.Err = fmt.Errorf("%s.%s (%s) changes %s and says nothing: a do that says nothing has not acted", g.name, r.Name, r.At, t.Name())
		})
		if len(c.tx.requested) > 0 {
			out.Err = fmt.Errorf("%s.%s (%s) requests %s and says nothing: a do that says nothing has not acted", g.name, r.Name, r.At, c.tx.requested[0].Effect)
		}
		out.drop("not acted")
		return
	}
	a.state, c.tx.acted = Done, true
	g.wait(a, r.next, c)
	g.finish(out, r, a, c, said)
}

// refuse says a refusal, and nothing that others could take for a success.
func (g *Group) refuse(out *Outcome, r *Reaction, c Cause, said []Fact) bool {
	c.tx.refuses = true
	for _, f := range said {
		if s := r.said(f); s != nil && !s.Fails && !s.Ends {
			out.Err = fmt.Errorf("%s.%s (%s) refuses and says %s, which is no failure: say what its line declares with saga.Fails, or saga.Ends", g.name, r.RefusesName, r.At, f.EventType())
			return false
		}
	}
	return g.declared(out, r, c, said)
}

func (g *Group) then(out *Outcome, r *Reaction, c Cause) {
	d, a := g.document(&c)
	switch {
	case a.state == New:
		out.drop("not done yet")
	case a.state.Final():
		out.drop("already " + string(a.state))
	case c.tx.acted:
		out.drop("not done before")
	case r.Wait != "" && (r.Wait != a.waiting || c.tx.answered):
		out.drop("nobody waits")
	default:
		g.finish(out, r, a, c, r.run(d, c))
	}
}

func (g *Group) undo(out *Outcome, r *Reaction, c Cause) {
	d, a := g.document(&c)
	switch {
	case a.state == Barred:
		a.markUntil = c.Time.Add(2 * g.life)
		out.drop("barred already")
	case a.state.Final():
		out.drop("already " + string(a.state))
	case a.pivoted && a.late:
		out.drop("refused before")
	case a.pivoted:
		a.late = true
		g.finishAs(r.TooLateName, out, r, a, c, r.tooLate(d, c))
	case a.state == New:
		c.Nothing = true
		if r.EvenIfNothing {
			g.finish(out, r, a, c, r.run(d, c))
		} else {
			out.drop("nothing to undo yet")
		}
		if !a.state.Final() {
			a.rest()
			a.state, a.markUntil, a.markedBy = Barred, c.Time.Add(2*g.life), c.Type
		}
	default:
		g.finish(out, r, a, c, r.run(d, c))
		if !a.state.Final() {
			a.rest()
			a.state = Undone
		}
	}
}

// finish moves the act as the reaction's declaration says.
func (g *Group) finish(out *Outcome, r *Reaction, a *Act, c Cause, said []Fact) {
	g.finishAs(r.Name, out, r, a, c, said)
}

// finishAs does so for the reaction, or for what ran in its place.
func (g *Group) finishAs(name string, out *Outcome, r *Reaction, a *Act, c Cause, said []Fact) {
	if !g.declared(out, r, c, said) {
		return
	}
	out.Ran = append(out.Ran, name)
	for _, f := range said {
		switch s := r.said(f); {
		case s.Fails:
			a.state = Refused
		case s.Closes:
			a.state = Closed
		}
	}
	if r.Closes && !a.state.Final() {
		a.state = Closed
	}
	switch {
	case a.state.Final():
		a.rest()
	case r.Wait != "":
		c.tx.answered = true
		g.wait(a, r.next, c)
	}
	if r.Pivots && !a.state.Final() {
		a.pivoted = true
	}
}

// wait begins a wait, or ends the last one if there is none of that name.
func (g *Group) wait(a *Act, name string, c Cause) {
	if name == "" {
		a.stopWaiting()
		return
	}
	a.waiting, a.waitsUntil = name, c.Time.Add(g.elses[name].Within)
	a.started, a.trace = c.Started, c.Trace
}

// declared refuses facts that the reaction's declaration does not say, and adds the others to the outcome.
func (g *Group) declared(out *Outcome, r *Reaction, c Cause, said []Fact) bool {
	for _, f := range said {
		if r.said(f) == nil {
			out.Err = fmt.Errorf("%s.%s says %s, which it does not declare: add saga.Says[...]() for it to its line (%s)", g.name, r.Name, f.EventType(), r.At)
		} else if err := validate(f); err != nil {
			out.Err = fmt.Errorf("%s.%s (%s) says %s, which is not valid: %w", g.name, r.Name, r.At, f.EventType(), err)
		}
	}
	if out.Err != nil {
		return false
	}
	out.Facts = append(out.Facts, said...)
	if out.Started.IsZero() || c.Started.Before(out.Started) { // of several reactions that of the act may know more
		out.Started = c.Started
	}
	return true
}

// checker is a document that knows its table's CHECKs, so that what breaks one is refused with its cause, and before
// PostgreSQL refuses the whole batch.
type checker interface{ Check() error }

// check refuses changes that the reaction's declaration does not say, or that break a CHECK.
func (g *Group) check(out *Outcome, r *Reaction, tx *transaction) {
	refused := func(does, what string) {
		out.Err = fmt.Errorf("%s.%s (%s) refuses and %s %s: a refusal changes nothing but its own act's document; leave it to who hears what it says", g.name, r.RefusesName, r.At, does, what)
	}
	tx.changes(func(d *Document, t AnyTable) {
		if tx.refuses && (d == nil || t != g.tables[0] || d.Key != tx.key) {
			refused("changes", t.Name())
			return
		}
		g.used(out, r, t)
		if d == nil || out.Err != nil {
			return
		}
		if c, ok := d.Value.(checker); ok {
			if err := c.Check(); err != nil {
				out.Err = fmt.Errorf("%s.%s (%s) leaves %s %q broken: %w", g.name, r.Name, r.At, t.Name(), d.Key, err)
			}
		}
	})
	for _, request := range tx.requested[tx.checkedRequested:] {
		if tx.refuses {
			refused("requests", request.Effect)
		} else if !slices.Contains(r.Requests, request.Effect) {
			out.Err = fmt.Errorf("%s.%s requests %s, which it does not declare: add saga.Requests(...) for it to its line (%s)", g.name, r.Name, request.Effect, r.At)
		}
	}
	tx.checkedRequested, tx.refuses = len(tx.requested), false
}

func (g *Group) used(out *Outcome, r *Reaction, t AnyTable) {
	if t == g.tables[0] && len(r.takes) > 0 {
		return
	}
	if slices.Contains(r.Uses, t.Name()) {
		return
	}
	if r.Role == RoleRecords && !t.Appends() {
		out.Err = fmt.Errorf("%s.%s (%s) records, so it can't change %s: make it a saga.On, with saga.Uses(%[4]s)", g.name, r.Name, r.At, t.Name())
		return
	}
	out.Err = fmt.Errorf("%s.%s changes %s, which it does not declare: add saga.Uses(%s) to its line (%s)", g.name, r.Name, t.Name(), t.Name(), r.At)
}

func (r *Reaction) said(f Fact) *Said {
	for i := range r.Says {
		if r.Says[i].Type == f.EventType() {
			return &r.Says[i]
		}
	}
	return nil
}

func (o *Outcome) drop(why string) {
	if !strings.Contains(o.Dropped, why) {
		o.Dropped = strings.TrimPrefix(o.Dropped+", "+why, ", ")
	}
}
