package sagacheck_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

type (
	Noted struct{ toOrders }
	Wrote struct {
		toOrders
		To string
	}
	letter struct{ To string }
)

func (Noted) EventType() string { return "noted" }
func (Wrote) EventType() string { return "wrote" }

// writer writes two letters upon one fact, each of which may get lost.
func writer() *saga.Group {
	letters := saga.EffectOf[letter]("letter")
	ask := func(e saga.Event[Noted]) []saga.Fact {
		letters.Request(e, letter{"ann"})
		letters.Request(e, letter{"bob"})
		return nil
	}
	wrote := func(l letter, why saga.Cause) []saga.Fact { return saga.Say(Wrote{toOrders{order{why.Key}}, l.To}) }
	return saga.Define("writer", nil, saga.On(ask, saga.Requests(letters)),
		saga.Performs(letters, time.Hour, func(context.Context, string, letter) error { return nil },
			saga.Performed(wrote, saga.Announces[Wrote]()),
			saga.NotPerformed(wrote, saga.Announces[Wrote]())))
}

// An effect comes to one of three ends: it succeeds, it is given up for trying again can't mend it, or its time is over.
func TestEveryOutcomeOfAnEffectIsTried(t *testing.T) {
	calls := saga.EffectOf[letter]("call")
	say := func(to string, why saga.Cause) []saga.Fact { return saga.Say(Wrote{toOrders{order{why.Key}}, to}) }
	caller := func(outcomes ...saga.Part) *saga.Group {
		return saga.Define("caller", nil,
			saga.On(func(e saga.Event[Noted]) []saga.Fact { calls.Request(e, letter{"ann"}); return nil }, saga.Requests(calls)),
			saga.Performs(calls, time.Hour, func(context.Context, string, letter) error { return nil }, outcomes...))
	}
	performed := saga.Performed(func(_ letter, why saga.Cause) []saga.Fact { return say("performed", why) }, saga.Announces[Wrote]())
	notPerformed := saga.NotPerformed(func(_ letter, why saga.Cause) []saga.Fact {
		return say(fmt.Sprint(why.Type, " expired ", why.Attempt.Expired), why)
	}, saga.Announces[Wrote]())
	for _, tt := range []struct {
		group *saga.Group
		want  []string
	}{
		{caller(performed, notPerformed), []string{"call.not-performed expired false", "call.not-performed expired true", "performed"}},
		{caller(performed), []string{"", "performed"}},
	} {
		files := saga.In("lasts", func(l *last) saga.Columns { return saga.Columns{{Name: "id", At: &l.ID}, {Name: "from", At: &l.From}} })
		hears := saga.Define("hears", saga.Documents(files), saga.On(func(e saga.Event[Wrote]) []saga.Fact {
			files.Get(e, "x").From = e.Fact.To
			return nil
		}, saga.Uses(files)))
		var got []string
		sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{tt.group, hears}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Crashes: true,
			Final: func(v sagacheck.View) string {
				from := ""
				if d := sagacheck.Document[last](v, "x"); d != nil {
					from = d.From
				}
				if !slices.Contains(got, from) {
					got = append(got, from)
				}
				return ""
			},
		})
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// Requests of one key wait beside each other.
func TestEachRequestIsPerformedOnce(t *testing.T) {
	for _, full := range []bool{false, true} {
		r := sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{writer()}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Crashes: true, Full: full,
			Final: func(v sagacheck.View) string {
				if v.Said("wrote", "1") != 2 {
					return "two letters are to be written"
				}
				return ""
			},
		})
		if len(r.Findings) > 0 || r.Ends == 0 {
			t.Errorf("full %v: %v %v", full, r, r.Findings)
		}
	}
}

// Who is asked and has no answer holds nobody up.
func TestNobodyWaitsForWhoHasNothingToSay(t *testing.T) {
	silent := saga.Outside("silent", saga.Answers(func(Noted) []saga.Fact { return nil }, saga.Says[Wrote]()))
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{writer()}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Outside: []*saga.Group{silent},
		Final: func(sagacheck.View) string { return "the end is reached" },
	})
	if len(r.Findings) != 1 || r.Ends == 0 {
		t.Errorf("%v %v", r, r.Findings)
	}
}

type (
	Query struct {
		toKitchen
		N int
	}
	Yes struct {
		toPayments
		N int
	}
)

func (Query) EventType() string { return "query" }
func (Yes) EventType() string   { return "yes" }

// Who is asked a second thing answers that too, whether the first one was answered before or not.
func TestEachQuestionIsAnswered(t *testing.T) {
	tallies := saga.In("tallies", func(t *Tally) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}, {Name: "n", At: &t.N}} })
	noted := func(e saga.Event[Noted]) []saga.Fact {
		return saga.Say(Query{toKitchen{order{e.Key}}, 1}, Query{toKitchen{order{e.Key}}, 2})
	}
	yes := func(e saga.Event[Yes]) []saga.Fact {
		total := tallies.Get(e, "all")
		total.N = total.N*10 + e.Fact.N
		if e.Fact.N != 2 {
			return nil
		}
		return saga.Say(Query{toKitchen{order{e.Key}}, 3})
	}
	asker := saga.Define("asker", saga.Documents(tallies), saga.On(noted, saga.Says[Query]()), saga.On(yes, saga.Uses(tallies), saga.Says[Query]()))
	person := saga.Outside("person", saga.Answers(func(q Query) []saga.Fact { return saga.Say(Yes{toPayments(q.toKitchen), q.N}) }, saga.Says[Yes]()))
	for _, full := range []bool{true, false} {
		var got []int
		w := sagacheck.World{
			Groups: []*saga.Group{asker}, Outside: []*saga.Group{person}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Full: full, Duplicates: 1,
			Final: func(v sagacheck.View) string {
				if n := sagacheck.Document[Tally](v, "all").N; n < 1000 && !slices.Contains(got, n) { // else something came twice
					got = append(got, n)
				}
				return ""
			},
		}
		sagacheck.Explore(w)
		if slices.Sort(got); !slices.Equal(got, []int{123, 213, 231}) {
			t.Errorf("full %v: %v, want three answers, in each order in which they may come", full, got)
		}
	}
}

// counter only listens: it counts payments.
func counter(options ...saga.Option) *saga.Group {
	totals := saga.In("totals", func(t *Tally) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}, {Name: "n", At: &t.N}} })
	count := func(e saga.Event[Paid]) []saga.Fact {
		totals.Get(e, "all").N++
		return saga.Say(Told{toOrders{order{e.Key}}, 1})
	}
	return saga.Define("counter", saga.Documents(totals), saga.On(count, append(options, saga.Uses(totals), saga.Announces[Told]())...))
}

// Groups that only listen are explored beside the others, one at a time: what is wrong with one of them is found, and they do not
// multiply each other's states.
func TestGroupsAsideAreExploredOneAtATime(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	alone := sagacheck.Explore(w)
	final := w.Final
	w.Final = func(v sagacheck.View) string {
		if n := sagacheck.Document[Tally](v, "all"); n != nil && n.N > 1 {
			return "a payment is counted twice"
		}
		return final(v)
	}
	w.Aside = []*saga.Group{counter()}
	one := sagacheck.Explore(w)
	if len(one.Findings) > 0 || one.States <= alone.States || !slices.Equal(one.Gaps, alone.Gaps) {
		t.Errorf("%v %v, gaps %v", one, one.Findings, one.Gaps)
	}
	w.Aside = append(w.Aside, writer())
	w.Initially = append(w.Initially, sagacheck.Choice{Documents: []any{&Tally{ID: "all"}}}) // of one that is not always there
	if two := sagacheck.Explore(w); two.States >= 2*one.States {
		t.Errorf("a second one multiplies the states: %v, then %v", one, two)
	}
	w.Duplicates = 1
	if twice := sagacheck.Explore(w); len(twice.Findings) != 1 || twice.Findings[0].What != "a payment is counted twice" {
		t.Errorf("%v %v, want that a payment is counted twice", twice, twice.Findings)
	}
}

// Who has an influence can't stand aside.
func TestWhoIsHeardCannotStandAside(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Aside, w.Groups = w.Groups[:1], w.Groups[1:]
	defer func() {
		if what := fmt.Sprint(recover()); !strings.Contains(what, "stock says held, which bank hears") {
			t.Errorf("%s", what)
		}
	}()
	sagacheck.Explore(w)
}

// WroteOnEffects is said on a topic that is called as the exploration might call something of its own.
type WroteOnEffects struct{ Wrote }

func (WroteOnEffects) EventType() string { return "wrote-on-effects" }
func (WroteOnEffects) Topic() string     { return "effects" }

// A topic may have any name: what two groups say on it comes in either order.
func TestATopicMayBeCalledEffects(t *testing.T) {
	says := func(name string) *saga.Group {
		return saga.Define(name, nil, saga.On(func(e saga.Event[Noted]) []saga.Fact {
			return saga.Say(WroteOnEffects{Wrote{e.Fact.toOrders, name}})
		}, saga.Says[WroteOnEffects]()))
	}
	lasts := saga.In("lasts", func(l *last) saga.Columns { return saga.Columns{{Name: "id", At: &l.ID}, {Name: "from", At: &l.From}} })
	hears := saga.Define("hears", saga.Documents(lasts), saga.On(func(e saga.Event[WroteOnEffects]) []saga.Fact {
		lasts.Get(e, "x").From = e.Fact.To
		return nil
	}, saga.Uses(lasts)))
	for _, full := range []bool{true, false} {
		r := sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{says("ann"), says("bob"), hears}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Full: full,
		})
		if len(r.EndStates) != 2 {
			t.Errorf("full %v: %v, want an end in which ann was last, and one in which bob was", full, r)
		}
	}
}

type last struct{ ID, From string }

// LetterRequested is a fact, and not the request of the effect letter.
type LetterRequested struct{ toOrders }

func (LetterRequested) EventType() string { return "letter.requested" }

// A fact may have a name as effects have: who hears it does not hear of the effect.
func TestAFactMayBeCalledLikeARequest(t *testing.T) {
	files := saga.Define("files", nil, saga.On(func(saga.Event[LetterRequested]) []saga.Fact { panic("nobody says it") }))
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{writer(), files}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Crashes: true, Duplicates: 1,
		Final: func(v sagacheck.View) string {
			if n := v.Said("letter.requested", "1"); n > 0 {
				return fmt.Sprint("said ", n, " times")
			}
			return ""
		},
	})
	if len(r.Findings) > 0 || r.Ends == 0 {
		t.Errorf("%v %v", r, r.Findings)
	}
}
