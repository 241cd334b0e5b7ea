package sagacheck_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

func TestAGoodShopHasNoFinding(t *testing.T) {
	ends := map[string]bool{}
	for _, tt := range []struct {
		crashes    bool
		duplicates int
	}{{false, 0}, {true, 0}, {false, 1}, {true, 2}} {
		w := shop(stock(holds1, uses, releases), bank(pays, refunds))
		w.Crashes, w.Duplicates = tt.crashes, tt.duplicates
		r := sagacheck.Explore(w)
		t.Logf("%+v: %v", tt, r)
		if !r.Complete || len(r.Findings) > 0 || len(r.Gaps) > 0 || !strings.HasSuffix(r.String(), ": no finding") {
			t.Errorf("%+v: %v %v %v", tt, r, r.Findings, r.Gaps)
		}
		// What may go wrong on the way changes no end: of 7, as many as there are ways to be cancelled, lost, or neither.
		if len(ends) == 0 {
			ends = r.EndStates
		}
		if len(ends) != 7 || len(r.EndStates) != len(ends) {
			t.Errorf("%+v: %d ends, want 7", tt, len(r.EndStates))
		}
		for end := range r.EndStates {
			if !ends[end] {
				t.Errorf("%+v: an end of its own: %s", tt, end)
			}
		}
	}
}

// way is a finding's steps, in short.
func way(f sagacheck.Finding) (out []string) {
	for _, s := range f.Steps[1:] {
		switch {
		case s.Does == sagacheck.Hears:
			out = append(out, s.Who+" "+s.Fact)
		case s.Does == sagacheck.Expires:
			out = append(out, s.Who+" its deadline")
		default:
			var says []string
			for _, f := range s.Says {
				says = append(says, f.Type)
			}
			out = append(out, s.Who+" says "+strings.Join(says, ", "))
		}
	}
	return out
}

// Each fault is found, in a way that is a shortest one, and not in the world that lacks what it takes to meet it.
func TestSeededFaultsAreFound(t *testing.T) {
	goodStock, goodBank := stock(holds1, uses, releases), bank(pays, refunds)
	spared := 0
	for _, tt := range []struct {
		fault string
		world sagacheck.World
		takes func(*sagacheck.World)
		want  string
		way   []string
	}{
		{
			"an undo that hears another group's compensation",
			courierOnly(shop(stock(holds1, uses, saga.Undoes(release, saga.Upon[Refunded](), saga.Uses(shelves), saga.Says[Released]())), goodBank)),
			nil, "what was accepted is used, and nothing else",
			[]string{"stock placed", "bank held", "kitchen paid", "courier says lost", "bank lost", "stock refunded", "stock accepted"},
		}, {
			"a deadline against success",
			shop(stock(holds1, releases, saga.Within(time.Hour, uses, saga.Else(expire, saga.Uses(shelves), saga.Fails[Released]()))), goodBank),
			func(w *sagacheck.World) { w.Deadlines = true },
			"what was accepted is used, and nothing else",
			[]string{"stock placed", "stock its deadline", "bank held", "kitchen paid", "stock accepted"},
		}, {
			"a refund that is no undo, and so is done twice",
			shop(goodStock, bank(pays, saga.Undoes(refund, saga.Upon[Cancelled](), saga.Uses(accounts), saga.Says[Refunded]()),
				saga.On(refundLost, saga.Uses(accounts), saga.Says[Refunded]()))),
			func(w *sagacheck.World) { w.Duplicates = 1 },
			"the money goes back when there is no meal, and only then",
			[]string{"stock placed", "bank held", "kitchen paid", "stock accepted", "courier says lost", "broker says lost", "bank lost", "bank lost"},
		}, {
			"money from nothing",
			shop(goodStock, bank(pays, saga.Undoes(mint, saga.Upon[Cancelled](), saga.Upon[Lost](), saga.Uses(accounts), saga.Says[Refunded]()))),
			nil, "bank.mint does not conserve accounts: upon cancelled their sum changes by +5",
			[]string{"stock placed", "customer says cancel-asked", "bank held", "kitchen cancel-asked", "bank cancelled"},
		}, {
			"a payment that looks at no balance",
			shop(goodStock, goodBank),
			func(w *sagacheck.World) {
				w.Initially[1] = sagacheck.Choice{Documents: []any{&Account{ID: "ann", Balance: 5}, &Account{ID: "ann"}}}
			},
			`leaves accounts "ann" broken: an account is overdrawn`,
			[]string{"stock placed", "bank held"},
		}, {
			"an undo that is missing",
			shop(stock(holds1, uses), goodBank),
			nil, "something is held for ever",
			[]string{"stock placed", "customer says cancel-asked", "kitchen cancel-asked", "bank cancelled", "bank held"},
		},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			is := func(f sagacheck.Finding) bool { return strings.Contains(f.What, tt.want) }
			if tt.takes != nil {
				if r := sagacheck.Explore(tt.world); slices.ContainsFunc(r.Findings, is) {
					t.Fatalf("found without what it takes: %v", r.Findings)
				}
				tt.takes(&tt.world)
			}
			r := sagacheck.Explore(tt.world)
			found := slices.IndexFunc(r.Findings, is)
			if found < 0 || !r.Complete {
				t.Fatalf("%v %v, want among the findings: %s", r, r.Findings, tt.want)
			}
			if got := way(r.Findings[found]); len(got) != len(tt.way) || !r.Findings[found].Shortest {
				t.Errorf("found in %d steps\n  %s\nwant %d, as in\n  %s", len(got), strings.Join(got, "\n  "), len(tt.way), strings.Join(tt.way, "\n  "))
			}
			tt.world.StopAtFirst = true
			if first := sagacheck.Explore(tt.world); len(first.Findings) == 0 || first.States > r.States {
				t.Errorf("stopped at the first: %v %v", first, first.Findings)
			} else {
				spared += r.Transitions - first.Transitions
			}
		})
	}
	if spared == 0 {
		t.Error("stopping at the first finding has spared nothing")
	}
}

// courierOnly is the world without its customer: nothing is cancelled, some may be lost.
func courierOnly(w sagacheck.World) sagacheck.World {
	w.Outside = w.Outside[1:]
	return w
}

func TestAFindingReadsAsASequence(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Crashes = true
	w.Initially[1] = sagacheck.Choice{Documents: []any{&Account{ID: "ann", Balance: 5}, &Account{ID: "ann"}}}
	r := sagacheck.Explore(w)
	if len(r.Findings) != 1 {
		t.Fatalf("%v %v, want one finding", r, r.Findings)
	}
	_, steps, _ := strings.Cut(r.Findings[0].String(), "\n")
	want := `   0  everybody    starts, says placed
   1  stock        hears placed of o1: hold, commits held
   2  stock        sends of o1, says held
   3  bank         hears held of o1; accounts ann: balance 0
`
	if steps != want {
		t.Errorf("reads\n%swant\n%s", steps, want)
	}
	if !strings.HasSuffix(r.String(), ": 1 finding") {
		t.Errorf("sums up as %q", r)
	}
}

// tally counts two askers by telling each what the count was, and adding one to that: an update between is lost.
type (
	Tally struct {
		ID string
		N  int
	}
	Asked struct{ toOrders }
	Told  struct {
		toOrders
		N int
	}
)

func (Asked) EventType() string { return "asked" }
func (Told) EventType() string  { return "told" }

func tally() *saga.Group {
	tallies := saga.In("tallies", func(t *Tally) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}, {Name: "n", At: &t.N}} })
	tell := func(e saga.Event[Asked]) []saga.Fact {
		return saga.Say(Told{e.Fact.toOrders, tallies.Get(e, "all").N})
	}
	add := func(e saga.Event[Told]) []saga.Fact {
		tallies.Get(e, "all").N = e.Fact.N + 1
		return nil
	}
	return saga.Define("tally", saga.Documents(tallies), saga.On(tell, saga.Says[Told]()), saga.On(add, saga.Uses(tallies)))
}

func TestALostUpdateIsFound(t *testing.T) {
	ask := func(id string) saga.Fact { return Asked{toOrders{order{id}}} }
	world := func(start ...saga.Fact) sagacheck.World {
		return sagacheck.World{Groups: []*saga.Group{tally()}, Start: start, Final: func(v sagacheck.View) string {
			if sagacheck.Document[Tally](v, "all").N != len(start) {
				return "a count is lost"
			}
			return ""
		}}
	}
	if r := sagacheck.Explore(world(ask("a"))); len(r.Findings) > 0 {
		t.Errorf("one alone loses: %v", r.Findings)
	}
	r := sagacheck.Explore(world(ask("a"), ask("b")))
	if len(r.Findings) != 1 || len(r.Findings[0].Steps) != 5 {
		t.Fatalf("%v %v, want one finding of four steps after the start", r, r.Findings)
	}
	if s := r.Findings[0].Steps[1]; s.Key != "a" && s.Key != "b" || s.Says[0].Key != s.Key {
		t.Errorf("of several sagas, the steps must tell which: %v", s)
	}
}

type (
	Ping struct{ toOrders }
	Pong struct{ toStock }
)

func (Ping) EventType() string { return "ping" }
func (Pong) EventType() string { return "pong" }

func TestAnEndlessCircleIsReported(t *testing.T) {
	back := func(e saga.Event[Ping]) []saga.Fact { return saga.Say(Pong{toStock(e.Fact.toOrders)}) }
	forth := func(e saga.Event[Pong]) []saga.Fact { return saga.Say(Ping{toOrders(e.Fact.toStock)}) }
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{saga.Define("a", nil, saga.On(back, saga.Says[Pong]())), saga.Define("b", nil, saga.On(forth, saga.Says[Ping]()))},
		Start:  saga.Say(Ping{toOrders{order{"1"}}}),
	})
	want := `ping is said of "1" more than 16 times: the choreography goes round in a circle`
	if len(r.Findings) != 1 || r.Findings[0].What != want || !r.Complete {
		t.Fatalf("%v %v, want %s", r, r.Findings, want)
	}
	if steps := r.Findings[0].Steps; len(steps) != 33 || steps[32].Who != "b" {
		t.Errorf("found after %d steps, want 33: the ping of the start, and 16 rounds", len(steps))
	}
}

func TestABoundThatIsReachedProvesNothing(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Limit = 10
	r := sagacheck.Explore(w)
	if r.Complete || !strings.HasSuffix(r.String(), "bound reached, nothing found so far: not a proof") || len(r.Gaps) > 0 {
		t.Errorf("%v, gaps %v", r, r.Gaps)
	}
}

func TestWhoMaySayNothing(t *testing.T) {
	for _, tt := range []struct {
		name      string
		options   []saga.Option
		deadlines bool
		ends      int
	}{
		{"must answer", nil, false, 1},
		{"may stay silent", []saga.Option{saga.Optional()}, false, 2},
		{"may stay silent, for deadlines pass", nil, true, 2},
	} {
		r := sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{tally()}, Start: saga.Say(Asked{toOrders{order{"a"}}}), Deadlines: tt.deadlines,
			Outside: []*saga.Group{saga.Outside("somebody", saga.Answers(losesIt, append(tt.options, saga.Says[Lost]())...))},
		})
		if len(r.EndStates) != tt.ends {
			t.Errorf("%s: %d ends, want %d", tt.name, len(r.EndStates), tt.ends)
		}
	}
}

func losesIt(e Told) []saga.Fact { return saga.Say(Lost{toOrders{order{e.Key()}}}) }

// A wait whose Else never runs is an end like any other, at which Final looks.
func TestAWaitForEverIsAnEnd(t *testing.T) {
	g := stock(holds1, saga.Within(time.Hour, uses, saga.Else(expire, saga.Uses(shelves), saga.Fails[Released]())))
	for _, tt := range []struct {
		name  string
		group *saga.Group
		want  int
	}{{"with its deadline", g, 0}, {"without it", g.Without("expire", saga.DeadlineType), 2}} {
		w := shop(tt.group, bank(pays, refunds))
		w.Groups, w.Initially, w.Outside, w.Deadlines = w.Groups[:1], w.Initially[:1], nil, true // nobody answers the hold
		w.Final = func(v sagacheck.View) string {
			if v.Said("released", "o1") == 0 {
				return "held for ever"
			}
			return ""
		}
		if r := sagacheck.Explore(w); len(r.Findings) != tt.want || r.Ends != 1 {
			t.Errorf("%s: %v %v", tt.name, r, r.Findings)
		}
	}
}

func TestWhatIsDeclaredAndNeverSeenIsAGap(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Outside = w.Outside[1:]
	want := []string{
		"bank.pay never says not-paid", "bank.payNot never runs",
		"kitchen.accept never says not-accepted", "kitchen.acceptNot never runs", "kitchen.cancel never runs",
		"kitchen.cancel never says cancelled", "kitchen.cancel never says too-late", "kitchen.refuse never runs",
		"stock.hold never says not-held", "stock.holdNot never runs", "stock.release never runs", "stock.release never says released",
	}
	if r := sagacheck.Explore(w); !slices.Equal(r.Gaps, want) {
		t.Errorf("gaps %q, want %q", r.Gaps, want)
	}
}

func TestEveryChoiceOfADocumentIsTried(t *testing.T) {
	found := map[int]bool{}
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{tally()}, Start: saga.Say(Asked{toOrders{order{"a"}}}),
		Initially: []sagacheck.Choice{{Documents: []any{&Tally{"all", 0}, &Tally{"all", 5}, &Tally{"all", 7}}}},
		Final: func(v sagacheck.View) string {
			found[sagacheck.Document[Tally](v, "all").N] = true
			return ""
		},
	})
	if len(found) != 3 || !found[1] || !found[6] || !found[8] || r.Ends != 3 {
		t.Errorf("%v: ends with %v, want 1, 6 and 8", r, found)
	}
}

// Facts of one topic and key stay in order, and no others do.
func TestFactsOfOneTopicAndKeyStayInOrder(t *testing.T) {
	told := func(id string, n int) saga.Fact { return Told{toOrders{order{id}}, n} }
	for _, tt := range []struct {
		name  string
		start []saga.Fact
		want  int
	}{
		{"one key", saga.Say(told("a", 1), told("a", 2), told("a", 3)), 1},
		{"two keys", saga.Say(told("a", 1), told("b", 2)), 2},
		{"three keys", saga.Say(told("a", 1), told("b", 2), told("c", 3)), 3},
	} {
		ends := map[int]bool{}
		r := sagacheck.Explore(sagacheck.World{Groups: []*saga.Group{tally()}, Start: tt.start, Final: func(v sagacheck.View) string {
			ends[sagacheck.Document[Tally](v, "all").N] = true
			return ""
		}})
		if len(ends) != tt.want || !ends[len(tt.start)+1] {
			t.Errorf("%s: %v: ends with %v, want %d possible ones", tt.name, r, ends, tt.want)
		}
	}
}

// What is only recorded has no influence, and so costs no state.
func TestRecordsCostNoStates(t *testing.T) {
	plain := shop(stock(holds1, uses, releases), bank(pays, refunds))
	recorded := plain
	recorded.Groups = append(slices.Clone(plain.Groups), saga.Define("log", nil,
		saga.Records(func(saga.Cause) {}, saga.Upon[Placed](), saga.Upon[Held](), saga.Upon[Paid](), saga.Upon[Cancelled]())))
	a, b := sagacheck.Explore(plain), sagacheck.Explore(recorded)
	if a.States != b.States || a.Transitions != b.Transitions {
		t.Errorf("%v without records, %v with them", a, b)
	}
}
