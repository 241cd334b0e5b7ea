package sagacheck_test

import (
	"errors"
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
// role, documents that are shared, facts of other keys, waits, joins, an outsider, and now and then a CHECK that breaks.

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

// said is a fact of one of the types.
type said[K kindOf] struct{ ID string }

func (said[K]) EventType() string { var k K; return fmt.Sprint("t", k.number()) }
func (said[K]) Topic() string     { var k K; return fmt.Sprint("p", k.number()%3) }
func (s said[K]) Key() string     { return s.ID }

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

// Check breaks in some choreographies.
func (c *common) Check() error {
	if c.N == 9 {
		return errors.New("nine")
	}
	return nil
}

// reacts is what a random reaction does: it computes with its documents, and says what depends on that.
type reacts func(t *thing, c saga.Cause) []saga.Fact

// maker makes the parts of a declaration that have to do with one type of fact.
type maker struct {
	say            func(key string) saga.Fact
	says           saga.Option
	fails          saga.Option
	ends           saga.Option
	upon           saga.Option
	heard          saga.Condition
	does, then, on func(reacts, ...saga.Option) saga.Part
	refuses        func(reacts) saga.Option
	answers        func(func(key string) []saga.Fact, ...saga.Option) saga.Part
}

func makerOf[K kindOf]() maker {
	type F = said[K]
	typed := func(fn reacts) func(*thing, saga.Event[F]) []saga.Fact {
		return func(t *thing, e saga.Event[F]) []saga.Fact { return fn(t, e.Cause) }
	}
	return maker{
		say: func(key string) saga.Fact { return F{key} }, says: saga.Says[F](), fails: saga.Fails[F](), ends: saga.ClosesWith[F](), upon: saga.Upon[F](), heard: saga.Heard[F](),
		does: func(fn reacts, o ...saga.Option) saga.Part { return saga.Does(typed(fn), o...) },
		then: func(fn reacts, o ...saga.Option) saga.Part { return saga.Then(typed(fn), o...) },
		on: func(fn reacts, o ...saga.Option) saga.Part {
			return saga.On(func(e saga.Event[F]) []saga.Fact { return fn(nil, e.Cause) }, o...)
		},
		refuses: func(fn reacts) saga.Option { return saga.Refuses(typed(fn)) },
		answers: func(fn func(string) []saga.Fact, o ...saga.Option) saga.Part {
			return saga.Answers(func(f F) []saga.Fact { return fn(f.ID) }, o...)
		},
	}
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
	limit := 3
	if r.oneIn(6) {
		limit = 10 // a CHECK may break
	}
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
		uses, looks, rekeys, mix := r.oneIn(3), r.oneIn(8), r.oneIn(10), r.IntN(7)
		if uses {
			options = append(options, saga.Uses(commons))
		}
		return func(t *thing, c saga.Cause) (out []saga.Fact) {
			n := mix
			if t != nil {
				t.N = (t.N*3 + mix + 1) % 5
				n = t.N
			}
			if uses {
				shared := commons.Get(c, "x")
				shared.N = (shared.N*2 + n + 1) % limit
				n += shared.N
			} else if looks {
				n += commons.Get(c, "x").N
			}
			for i, u := range later {
				key := c.Key
				if rekeys && n%3 == 0 {
					key = "b"
				}
				if (n+i)%2 == 0 || mustSay && i == 0 {
					out = append(out, kinds[u].say(key))
				}
			}
			return out
		}, options
	}
	var parts []saga.Part
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
func randomWorld(seed uint64) sagacheck.World {
	r := rolls{rand.New(rand.NewPCG(seed, 1))}
	kinds := makers()
	w := sagacheck.World{Name: fmt.Sprint("seed ", seed), Limit: 8_000}
	for i := range 3 {
		w.Groups = append(w.Groups, randomGroup(r, fmt.Sprint("g", i)))
	}
	var optional []saga.Option
	if r.oneIn(2) {
		optional = []saga.Option{saga.Optional()}
	}
	w.Outside = []*saga.Group{
		saga.Outside("somebody", kinds[2].answers(func(key string) []saga.Fact { return saga.Say(kinds[3].say(key), kinds[5].say(key)) },
			append(optional, kinds[3].says, kinds[5].says)...)),
		saga.Outside("somebody-else", kinds[1].answers(func(string) []saga.Fact { return saga.Say(kinds[4].say("b")) }, append(optional, kinds[4].says)...)),
	}
	w.Start = saga.Say(kinds[0].say("a"), kinds[1].say("a"))
	if r.oneIn(3) {
		w.Start = append(w.Start, kinds[0].say("b"))
	}
	w.Deadlines, w.Crashes, w.Ages = r.oneIn(2), r.oneIn(3), r.oneIn(6)
	switch r.IntN(7) {
	case 0:
		w.Duplicates = 1
	case 1:
		w.Again = []string{fmt.Sprint("t", r.IntN(7)), "t6"}
	}
	return w
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

// The reduced search sees the ends, the findings and the outcomes of the full one.
func TestTheReductionsLeaveNothingOut(t *testing.T) {
	full, reduced, compared, large := 0, 0, 0, 0
	for seed := range uint64(700) {
		w := randomWorld(seed)
		w.Full = true
		all := sagacheck.Explore(w)
		if !all.Complete {
			large++
			continue
		}
		w.Full = false
		some := sagacheck.Explore(w)
		if what := difference(all, some); what != "" || !some.Complete {
			t.Errorf("seed %d: %s\nfull: %v\nreduced: %v", seed, what, all, some)
		}
		compared++
		full, reduced = full+all.States, reduced+some.States
	}
	t.Logf("%d random choreographies (%d are too large to compare): %d states in full, %d reduced", compared, large, full, reduced)
	if compared < 300 || reduced*2 > full {
		t.Errorf("%d choreographies compared, %d states of %d: too few, or hardly reduced", compared, reduced, full)
	}
}
