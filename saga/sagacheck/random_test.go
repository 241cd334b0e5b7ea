package sagacheck_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// Random choreographies, to hold the reduced search against the full one: three groups, seven types of facts on three topics, every
// role, documents that are shared, facts of other keys, waits, joins, an outsider, and now and then a panic.

// kindOf is one of the seven types; its facts lead only to facts of later ones, so that no choreography goes round in a circle.
type kindOf interface{ number() int }

type (
	k0 struct{}
	k1 struct{}
	k2 struct{}
	k3 struct{}
	k4 struct{}
	k5 struct{}
	k6 struct{}
)

func (k0) number() int { return 0 }
func (k1) number() int { return 1 }
func (k2) number() int { return 2 }
func (k3) number() int { return 3 }
func (k4) number() int { return 4 }
func (k5) number() int { return 5 }
func (k6) number() int { return 6 }

// said is a fact of one of the types. Facts of one type and key may differ.
type said[K kindOf] struct {
	ID   string
	Says int
}

func (said[K]) EventType() string { var k K; return fmt.Sprint("t", k.number()) }
func (said[K]) Topic() string     { var k K; return fmt.Sprint("p", k.number()%3) }
func (s said[K]) Key() string     { return s.ID }
func (s said[K]) says() int       { return s.Says }

// thing is an act's document, common is one that sagas share.
type (
	thing struct {
		saga.Act
		ID string
		N  int
	}
	common struct {
		ID string
		N  int
	}
)

// reacts is what a random reaction does: it computes with its documents, and says what depends on that.
type reacts func(t *thing, c saga.Cause) []saga.Fact

// maker makes the parts of a declaration that have to do with one type of fact.
type maker struct {
	say            func(key string, says int) saga.Fact
	says           saga.Option
	fails          saga.Option
	ends           saga.Option
	upon           saga.Option
	heard          saga.Condition
	does, then, on func(reacts, ...saga.Option) saga.Part
	refuses        func(reacts) saga.Option
	answers        func(func(key string, says int) []saga.Fact, ...saga.Option) saga.Part
}

func makerOf[K kindOf]() maker {
	type F = said[K]
	typed := func(fn reacts) func(*thing, saga.Event[F]) []saga.Fact {
		return func(t *thing, e saga.Event[F]) []saga.Fact { return fn(t, e.Cause) }
	}
	return maker{
		say: func(key string, says int) saga.Fact { return F{key, says} }, says: saga.Says[F](), fails: saga.Fails[F](), ends: saga.ClosesWith[F](), upon: saga.Upon[F](), heard: saga.Heard[F](),
		does: func(fn reacts, o ...saga.Option) saga.Part { return saga.Does(typed(fn), o...) },
		then: func(fn reacts, o ...saga.Option) saga.Part { return saga.Then(typed(fn), o...) },
		on: func(fn reacts, o ...saga.Option) saga.Part {
			return saga.On(func(e saga.Event[F]) []saga.Fact { return fn(nil, e.Cause) }, o...)
		},
		refuses: func(fn reacts) saga.Option { return saga.Refuses(typed(fn)) },
		answers: func(fn func(string, int) []saga.Fact, o ...saga.Option) saga.Part {
			return saga.Answers(func(f F) []saga.Fact { return fn(f.ID, f.Says) }, o...)
		},
	}
}

// heard is what a fact says.
func heard(f saga.Fact) int {
	if s, ok := f.(interface{ says() int }); ok {
		return s.says()
	}
	return 0
}

func makers() []maker {
	return []maker{makerOf[k0](), makerOf[k1](), makerOf[k2](), makerOf[k3](), makerOf[k4](), makerOf[k5](), makerOf[k6]()}
}

// rolls is a random number generator with the few throws that are needed.
type rolls struct{ *rand.Rand }

func (r rolls) oneIn(n int) bool { return r.IntN(n) == 0 }

// randomGroup declares one of the groups.
func randomGroup(r rolls, name string) *saga.Group {
	things := saga.In("things", func(t *thing) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}, {Name: "n", At: &t.N}} })
	commons := saga.In("commons", func(c *common) saga.Columns { return saga.Columns{{Name: "id", At: &c.ID}, {Name: "n", At: &c.N}} })
	kinds := makers()
	limit, panics := 3, r.oneIn(6)
	// reaction makes one, and the options that declare it.
	reaction := func(after int, mustSay bool) (reacts, []saga.Option) {
		var options []saga.Option
		var later []int
		for u := after + 1; u < len(kinds); u++ {
			if r.oneIn(4) {
				later = append(later, u)
				options = append(options, kinds[u].says)
			}
		}
		if mustSay && len(later) == 0 {
			later, options = []int{len(kinds) - 1}, []saga.Option{kinds[len(kinds)-1].says}
		}
		uses, looks, rekeys, mix := r.oneIn(3), r.oneIn(4), r.oneIn(10), r.IntN(7)
		if uses {
			options = append(options, saga.Uses(commons))
		}
		return func(t *thing, c saga.Cause) (out []saga.Fact) {
			n := mix + heard(c.Fact)
			if t != nil {
				t.N = (t.N*3 + n + 1) % 5
				n = t.N
			}
			if uses {
				shared := commons.Get(c, "x")
				shared.N = (shared.N*2 + n + 1) % limit
				n += shared.N
			} else if looks {
				n += commons.Get(c, "x").N
			}
			if panics && n%5 == 4 {
				panic("four")
			}
			for i, u := range later {
				key := c.Key
				if rekeys && n%3 == 0 {
					key = "b"
				}
				if (n+i)%2 == 0 || mustSay && i == 0 {
					out = append(out, kinds[u].say(key, n%2))
				}
			}
			return out
		}, options
	}
	parts := []saga.Part{saga.Life(time.Duration(1+name[1]%2) * time.Hour)} // g0 and g2 have another one than g1
	var answers []saga.Part
	does, undoes := false, false
	order := r.Perm(len(kinds))
	for _, k := range order {
		if r.IntN(5) < 3 {
			continue
		}
		switch r.IntN(6) {
		case 0, 1:
			fn, options := reaction(k, true)
			no, _ := reaction(len(kinds)-1, false)
			options = append(options, kinds[k].refuses(func(t *thing, c saga.Cause) []saga.Fact { _ = no; return nil }))
			if r.oneIn(4) {
				options = append(options, saga.Closes())
			}
			parts, does = append(parts, kinds[k].does(fn, options...)), true
		case 2:
			fn, options := reaction(k, false)
			options = append(options, kinds[k].upon)
			if r.oneIn(3) {
				options = append(options, saga.EvenIfNothing())
			}
			parts, undoes = append(parts, saga.Undoes(fn, options...)), true
		case 3:
			fn, options := reaction(k, false)
			if r.oneIn(3) {
				options = append(options, saga.Closes())
			}
			answers = append(answers, kinds[k].then(fn, options...))
		case 4:
			fn, options := reaction(k, false)
			parts = append(parts, kinds[k].on(fn, options...))
		case 5:
			n := r.IntN(5)
			parts = append(parts, saga.Follows(func(t *thing, _ saga.Cause) { t.N = (t.N + n) % 5 }, kinds[k].upon))
		}
	}
	if !does {
		fn, options := reaction(0, true)
		parts = append(parts, kinds[0].does(fn, append(options, kinds[0].refuses(func(*thing, saga.Cause) []saga.Fact { return nil }))...))
	}
	switch {
	case r.oneIn(2):
		fn, _ := reaction(5, true)
		late := func(t *thing, c saga.Cause) []saga.Fact { return fn(t, c) }
		parts = append(parts, saga.Within(time.Hour, append(answers, saga.Else(late, kinds[6].fails, saga.Uses(commons)))...))
	default:
		parts = append(parts, answers...)
	}
	if r.oneIn(3) && !undoes {
		fn, _ := reaction(5, true)
		a, b := r.IntN(5), r.IntN(5)
		parts = append(parts, saga.Once(saga.AllOf(kinds[a].heard, kinds[b].heard), fn, kinds[6].ends, saga.Uses(commons)))
	}
	return saga.Define(name, saga.Documents(things, commons), parts...)
}

// randomWorld is a small world of random groups.
func randomWorld(seed uint64, groups int) sagacheck.World {
	r := rolls{rand.New(rand.NewPCG(seed, 1))}
	kinds := makers()
	w := sagacheck.World{Name: fmt.Sprint("seed ", seed)}
	for i := range groups {
		w.Groups = append(w.Groups, randomGroup(r, fmt.Sprint("g", i)))
	}
	var optional []saga.Option
	if r.oneIn(2) {
		optional = []saga.Option{saga.Optional()}
	}
	w.Outside = []*saga.Group{
		saga.Outside("somebody", kinds[2].answers(func(key string, says int) []saga.Fact { return saga.Say(kinds[3].say(key, says), kinds[5].say(key, 0)) },
			append(optional, kinds[3].says, kinds[5].says)...)),
		saga.Outside("somebody-else", kinds[1].answers(func(_ string, says int) []saga.Fact { return saga.Say(kinds[4].say("b", says)) }, append(optional, kinds[4].says)...)),
	}
	w.Start = saga.Say(kinds[0].say("a", 0), kinds[1].say([]string{"a", "b"}[r.IntN(2)], 1))
	if r.oneIn(3) {
		w.Start = append(w.Start, kinds[r.IntN(3)].say("b", 1))
	}
	w.Deadlines, w.Crashes, w.Ages = r.oneIn(2), r.oneIn(3), r.oneIn(6)
	switch r.IntN(7) {
	case 0:
		w.Duplicates = 1 + r.IntN(2)
	case 1:
		w.Again = []string{fmt.Sprint("t", r.IntN(7)), "t6"}
		if !slices.ContainsFunc(w.Groups, saysTheLast) { // all others are said in each world, or answered
			w.Again = slices.DeleteFunc(w.Again, func(again string) bool { return again == "t6" })
		}
	}
	return w
}

// saysTheLast says whether the group declares to say facts of the last type.
func saysTheLast(g *saga.Group) bool {
	return slices.ContainsFunc(g.Reactions(), func(r saga.Reaction) bool {
		return slices.ContainsFunc(r.Says, func(s saga.Said) bool { return s.Type == "t6" })
	})
}

// whats are the findings without their ways.
func whats(r sagacheck.Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.What)
	}
	slices.Sort(out)
	return out
}

// difference says in what two reports of one world differ, and must not; "" if in nothing.
func difference(full, reduced sagacheck.Report) string {
	switch {
	case !maps.Equal(full.EndStates, reduced.EndStates):
		return fmt.Sprintf("%d ends in full, %d reduced", len(full.EndStates), len(reduced.EndStates))
	case !slices.Equal(whats(full), whats(reduced)):
		return fmt.Sprintf("findings in full %q, reduced %q", whats(full), whats(reduced))
	case !slices.Equal(full.Gaps, reduced.Gaps):
		return fmt.Sprintf("gaps in full %q, reduced %q", full.Gaps, reduced.Gaps)
	}
	return ""
}

// compare holds the reduced search against one that leaves less out, or nothing, on random choreographies.
func compare(t *testing.T, seeds uint64, groups, limit int, more func(sagacheck.World) sagacheck.World) (compared int) {
	t.Helper()
	full, reduced := 0, 0
	for seed := range seeds {
		w := randomWorld(seed, groups)
		w.Limit = limit
		all := sagacheck.Explore(more(w))
		if !all.Complete {
			continue // too large to compare
		}
		some := sagacheck.Explore(w)
		if what := difference(all, some); what != "" || !some.Complete {
			t.Errorf("seed %d: %s\nfull: %v\nreduced: %v", seed, what, all, some)
		}
		compared++
		full, reduced = full+all.States, reduced+some.States
	}
	t.Logf("%d random choreographies compared, the others are too large: %d states in full, %d reduced", compared, full, reduced)
	if reduced*2 > full {
		t.Errorf("%d states of %d: hardly reduced", reduced, full)
	}
	return compared
}

func everything(w sagacheck.World) sagacheck.World {
	w.Full = true
	return w
}

// corners are small worlds in which one reason not to leave something out counts, and random ones hardly meet it.
func corners() []sagacheck.World {
	k := makers()
	type counts = *saga.Table[common] // in which order facts came, as digits
	type part func(counts) saga.Part
	group := func(name string, parts ...part) *saga.Group {
		things := saga.In("things", func(t *thing) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}, {Name: "n", At: &t.N}} })
		own := saga.In("counts", func(c *common) saga.Columns { return saga.Columns{{Name: "id", At: &c.ID}, {Name: "n", At: &c.N}} })
		var declared []saga.Part
		for _, p := range parts {
			declared = append(declared, p(own))
		}
		return saga.Define(name, saga.Documents(things, own), declared...)
	}
	// leads says one fact upon another; counting notes in which order facts come, key by key.
	on := func(kind int, fn func(counts, saga.Cause) []saga.Fact, options func(counts) []saga.Option) part {
		return func(own counts) saga.Part {
			return k[kind].on(func(_ *thing, c saga.Cause) []saga.Fact { return fn(own, c) }, options(own)...)
		}
	}
	says := func(kind int) func(counts) []saga.Option {
		return func(counts) []saga.Option { return []saga.Option{k[kind].says} }
	}
	saysAndUses := func(kind int) func(counts) []saga.Option {
		return func(own counts) []saga.Option { return []saga.Option{k[kind].says, saga.Uses(own)} }
	}
	leads := func(from, to int, key string, says1 int) part {
		return on(from, func(counts, saga.Cause) []saga.Fact { return saga.Say(k[to].say(key, says1)) }, says(to))
	}
	theSecond := func(from, to int) part {
		return on(from, func(own counts, c saga.Cause) []saga.Fact {
			n := own.Get(c, "x")
			if n.N++; n.N < 2 {
				return nil
			}
			return saga.Say(k[to].say("a", 0))
		}, saysAndUses(to))
	}
	leadsOnce := func(from, to int) part {
		return func(counts) saga.Part {
			return k[from].does(func(_ *thing, c saga.Cause) []saga.Fact { return saga.Say(k[to].say(c.Key, 0)) }, k[to].says, saga.Closes())
		}
	}
	counting := func(kind int, key string, digit int) part {
		return on(kind, func(own counts, c saga.Cause) []saga.Fact {
			n := own.Get(c, key+c.Key[:min(len(c.Key), 1-len(key))])
			n.N = n.N*10 + digit + heard(c.Fact)
			return nil
		}, func(own counts) []saga.Option { return []saga.Option{saga.Uses(own)} })
	}
	answers := k[2].answers(func(key string, says int) []saga.Fact { return saga.Say(k[3].say(key, says)) }, k[3].says)
	return []sagacheck.World{
		{
			Name: "two ask one outsider", Start: saga.Say(k[0].say("a", 0), k[1].say("a", 0)), Outside: []*saga.Group{saga.Outside("somebody", answers)},
			Groups: []*saga.Group{group("g0", leads(0, 2, "a", 0)), group("g1", leads(1, 2, "a", 1)), group("g2", counting(3, "", 1))},
		}, {
			Name: "two sagas speak to a third", Start: saga.Say(k[0].say("a", 0), k[1].say("b", 0)),
			Groups: []*saga.Group{group("g0", leads(0, 3, "b", 0)), group("g1", leads(1, 3, "b", 1)), group("g2", counting(3, "", 1))},
		}, {
			Name: "one saga reads what another changes", Start: saga.Say(k[0].say("x", 0), k[1].say("b", 0)),
			Groups: []*saga.Group{group("g0", counting(0, "", 1), on(1, func(own counts, c saga.Cause) []saga.Fact { return saga.Say(k[4].say("b", own.Get(c, "x").N)) }, says(4))), group("g1", counting(4, "", 1))},
		}, {
			// What two copies of t4 lead to comes into the same queue, between the two copies of t3.
			Name: "two come again, one late", Start: saga.Say(k[0].say("a", 0), k[1].say("a", 0)), Duplicates: 2,
			Groups: []*saga.Group{
				group("g0", leadsOnce(0, 3)), group("g1", leadsOnce(1, 4)), group("g2", counting(3, "", 1), counting(6, "", 2)), group("g3", theSecond(4, 6)),
			},
		}, {
			Name: "what leads to another comes again, and so does the other", Start: saga.Say(k[0].say("a", 0), k[1].say("a", 0)), Duplicates: 2,
			Groups: []*saga.Group{
				group("g0", leadsOnce(1, 4)), group("g1", counting(1, "", 1)), group("g2", counting(4, "", 1)), group("g3", leads(0, 1, "a", 1)),
			},
		}, {
			Name: "either may be the first", Start: saga.Say(k[0].say("a", 0), k[1].say("b", 0)), Again: []string{"t4"},
			Groups: []*saga.Group{group("g0", leads(0, 4, "a", 0)), group("g1", leads(1, 4, "b", 0)), group("g2", counting(4, "", 1))},
		}, {
			Name: "a crash between two sagas", Start: saga.Say(k[0].say("a", 0), k[0].say("b", 1), k[3].say("b", 1)), Crashes: true,
			Groups: []*saga.Group{group("g0", on(0, func(own counts, c saga.Cause) []saga.Fact {
				n := own.Get(c, "x")
				n.N = n.N*10 + 1 + heard(c.Fact)
				return saga.Say(k[6].say(c.Key, 0))
			}, saysAndUses(6)), counting(3, "x", 5))},
		},
	}
}

// The reduced search sees the ends, the findings and the outcomes of the full one.
func TestTheReductionsLeaveNothingOut(t *testing.T) {
	for _, w := range corners() {
		all := sagacheck.Explore(everything(w))
		some := sagacheck.Explore(w)
		if what := difference(all, some); what != "" || !some.Complete || !all.Complete || some.States >= all.States {
			t.Errorf("%s: %s\nfull: %v\nreduced: %v", w.Name, what, all, some)
		}
	}
	if n := compare(t, 400, 3, 4000, sagacheck.Plain); n < 150 {
		t.Errorf("%d choreographies compared: too few", n)
	}
	if n := compare(t, 200, 2, 400, everything); n < 50 {
		t.Errorf("%d choreographies compared in full: too few", n)
	}
}
