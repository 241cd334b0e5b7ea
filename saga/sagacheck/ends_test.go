package sagacheck_test

import (
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

type (
	EndedWell  struct{ toOrders }
	EndedBadly struct{ toOrders }
)

func (EndedWell) EventType() string  { return "ended-well" }
func (EndedBadly) EventType() string { return "ended-badly" }

// owner is a group that says how an order ends, upon these facts.
func owner(name string, conditions ...saga.Condition) *saga.Group {
	var parts []saga.Part
	for _, c := range conditions {
		parts = append(parts, saga.Once(c, endWell, saga.Ends[EndedWell]()))
	}
	return saga.Define(name, saga.Documents(files()), parts...)
}

func files() *saga.Table[File] {
	return saga.In("files", func(f *File) saga.Columns { return saga.Columns{{Name: "order_id", At: &f.OrderID}} })
}

func endWell(f *File, _ saga.Cause) []saga.Fact {
	return saga.Say(EndedWell{toOrders{order{f.OrderID}}})
}

func endBadly(f *File, _ saga.Cause) []saga.Fact {
	return saga.Say(EndedBadly{toOrders{order{f.OrderID}}})
}

// shelf is a world in which an order gets the last thing on the shelf, or finds it empty.
func shelf(groups ...*saga.Group) sagacheck.World {
	holds2 := saga.Does(hold, saga.Closes(), saga.Uses(shelves), saga.Says[Held](), saga.Fails[NotHeld]())
	return sagacheck.World{
		Groups: append([]*saga.Group{stock(holds2)}, groups...), Start: saga.Say(Placed{toOrders{order{"o1"}}}),
		Initially: []sagacheck.Choice{{Documents: []any{&Shelf{ID: "s", Free: 1}, &Shelf{ID: "s"}}}}, Crashes: true, Duplicates: 1,
	}
}

// Who owns the end must say it, also of a saga that he never hears of.
func TestASagaOfWhichItsOwnerNeverHearsNeverEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		ends []saga.Condition
		want string
	}{
		{"both ways", []saga.Condition{saga.Heard[Held](), saga.Heard[NotHeld]()}, ""},
		{"the good one alone", []saga.Condition{saga.Heard[Held]()}, "the saga o1 never ends: it begins with placed, and orders says none of its ends"},
	} {
		got := strings.Join(whats(sagacheck.Verify(shelf(owner("orders", tt.ends...)))), "\n")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What no saga begins with need not end: a key that only takes part in one, or of which nobody owns the end.
func TestOnlyASagaWithAnOwnerMustEnd(t *testing.T) {
	w := shelf(owner("orders", saga.AllOf(saga.Heard[Placed](), saga.AnyOf(saga.Heard[Held](), saga.Heard[NotHeld]()))))
	w.Start = append(w.Start, Delivered{toOrders{order{"o2"}}})
	if r := sagacheck.Verify(w); len(r.Findings) > 0 {
		t.Errorf("a key of which no saga begins: %v", r.Findings)
	}
	if r := sagacheck.Verify(shelf()); len(r.Findings) > 0 {
		t.Errorf("nobody owns the end: %v", r.Findings)
	}
}

type subscriber struct{ ID string }

// A saga that only leads to another one's beginning has that one's end, and is no excuse for it. That one must end also if a group begins it.
func TestASagaThatAnotherLeadsToMustEnd(t *testing.T) {
	orders := func(saga.Event[CancelAsked]) []saga.Fact { return nil }
	subscribers := saga.In("subscribers", func(s *subscriber) saga.Columns { return saga.Columns{{Name: "id", At: &s.ID}} })
	api := saga.Outside("api", saga.Begins[Placed](), saga.Begins[CancelAsked](), saga.Shared[Placed]())
	again := saga.Define("again", saga.Documents(subscribers), saga.Shared[Placed](), saga.On(orders, saga.Says[Placed]()))
	for _, tt := range []struct {
		name   string
		groups []*saga.Group
		want   string
	}{
		{"it is begun from outside alone", []*saga.Group{owner("orders", saga.Heard[Held]())}, "the saga o1 never ends: it begins with placed, and orders says none of its ends"},
		{"a group begins it, too", []*saga.Group{again, owner("orders", saga.Heard[Held]())}, "the saga o1 never ends: it begins with placed, and orders says none of its ends"},
		{"a group begins it, too, and it ends", []*saga.Group{again, owner("orders", saga.Heard[Held](), saga.Heard[NotHeld]())}, ""},
	} {
		w := shelf(tt.groups...)
		w.Outside = []*saga.Group{api}
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// An end is the saga's, whoever says it: two groups that each say one make two.
func TestASagaThatTwoGroupsEndEndsTwice(t *testing.T) {
	sure := saga.AnyOf(saga.Heard[Held](), saga.Heard[NotHeld]())
	support := saga.Define("support", saga.Documents(files()), saga.Once(sure, endBadly, saga.Ends[EndedBadly]()))
	for _, tt := range []struct {
		second *saga.Group
		want   string
	}{
		{support, "the saga o1 ends more than once: orders says ended-well and support says ended-badly"},
		{owner("desk", sure), "the saga o1 ends more than once: orders or desk says ended-well and orders or desk says ended-well"},
	} {
		got := strings.Join(whats(sagacheck.Verify(shelf(owner("orders", sure), tt.second))), "\n")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.second.Name(), got, tt.want)
		}
	}
}

// Sagas that have one key are told apart by what begins them: each has an end of its own.
func TestEachOfTwoSagasOfOneKeyHasItsEnd(t *testing.T) {
	returns := saga.In("returns", func(f *File) saga.Columns { return saga.Columns{{Name: "order_id", At: &f.OrderID}} })
	w := shelf(owner("orders", saga.AnyOf(saga.Heard[Held](), saga.Heard[NotHeld]())),
		saga.Define("returns", saga.Documents(returns), saga.Does(func(f *File, _ saga.Event[Lost]) []saga.Fact { return endBadly(f, saga.Cause{}) }, saga.Ends[EndedBadly]())))
	w.Start = append(w.Start, Lost{toOrders{order{"o1"}}})
	if r := sagacheck.Verify(w); len(r.Findings) > 0 {
		t.Errorf("%v", r.Findings)
	}
}

// A world may begin in the middle of a saga. An end that either of two groups may say is one end there, too.
func TestAnEndThatTwoGroupsMaySayIsOneInTheMiddleOfASaga(t *testing.T) {
	w := shelf(owner("orders", saga.Heard[Refunded]()), owner("desk", saga.Heard[Delivered]()))
	w.Groups, w.Start = w.Groups[1:], saga.Say(Refunded{toPayments{order{"o1"}}})
	w.Initially = nil
	if r := sagacheck.Verify(w); len(r.Findings) > 0 {
		t.Errorf("%v", r.Findings)
	}
}

// Who owns an end must come to rest even if somebody else has said one.
func TestAnActStaysOpenAlthoughAnotherGroupSaysTheEnd(t *testing.T) {
	take := func(_ *Payment, e saga.Event[Placed]) []saga.Fact { return saga.Say(Paid{toPayments(e.Fact.toOrders)}) }
	deliver := func(_ *Payment, e saga.Event[Delivered]) []saga.Fact { return saga.Say(EndedWell(e.Fact)) }
	ride := func(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
		if shelves.Get(e, "s").Free == 0 {
			return saga.Say(Lost{toOrders(e.Fact.toPayments)})
		}
		return saga.Say(Delivered{toOrders(e.Fact.toPayments)})
	}
	loses := saga.Once(saga.AllOf(saga.Heard[Placed](), saga.Heard[Lost]()), endBadly, saga.Ends[EndedBadly]())
	for _, tt := range []struct {
		name string
		end  saga.Part
		want string
	}{
		{"it closes then", saga.Then(writeOff, saga.Closes()), ""},
		{"it is forgotten", nil, "the act of bank in the saga o1 stays open: nothing closes, undoes or refuses it any more (if it is past undoing where it stands, say saga.Closes())"},
	} {
		parts := []saga.Part{saga.Does(take, saga.Says[Paid]()), saga.Then(deliver, saga.Ends[EndedWell]())}
		if tt.end != nil {
			parts = append(parts, tt.end)
		}
		w := sagacheck.World{
			Groups: []*saga.Group{
				saga.Define("bank", saga.Documents(payments), parts...),
				saga.Define("courier", saga.Documents(tickets, shelves), saga.Does(ride, saga.Closes(), saga.Uses(shelves), saga.Says[Delivered](), saga.Says[Lost]())),
				saga.Define("orders", saga.Documents(files()), loses),
			},
			Start:     saga.Say(Placed{toOrders{order{"o1"}}}),
			Initially: []sagacheck.Choice{{Documents: []any{&Shelf{ID: "s", Free: 1}, &Shelf{ID: "s"}}}},
		}
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func writeOff(*Payment, saga.Event[Lost]) []saga.Fact { return nil }

// An end belongs to its saga also if only what somebody asks for from outside leads to it.
func TestAnEndUponARequestIsAnEndOfItsSaga(t *testing.T) {
	cook := func(_ *Ticket, e saga.Event[Placed]) []saga.Fact {
		return saga.Say(Accepted{toKitchen(e.Fact.toOrders)})
	}
	cookNot := func(*Ticket, saga.Event[Placed]) []saga.Fact { return nil }
	cooks := saga.Does(cook, saga.Refuses(cookNot), saga.Pivots(), saga.Says[Accepted]())
	cancels := saga.Undoes(cancel, saga.EvenIfNothing(), saga.Upon[CancelAsked](), saga.TooLate(refuse), saga.Says[Cancelled](), saga.Announces[TooLate]())
	well := saga.Once(saga.AllOf(saga.Heard[Placed](), saga.Heard[Accepted]()), endWell, saga.Ends[EndedWell]())
	badly := func(upon saga.Condition) saga.Part {
		return saga.Once(saga.AllOf(saga.Heard[Placed](), upon), endBadly, saga.Ends[EndedBadly]())
	}
	one, o1 := saga.Define("orders", saga.Documents(files()), well, badly(saga.Heard[Cancelled]())), toOrders{order{"o1"}}
	for _, tt := range []struct {
		name   string
		groups []*saga.Group
		want   string
	}{
		{"cancelled before it begins", []*saga.Group{saga.Define("kitchen", saga.Documents(tickets), cooks, cancels), one}, ""},
		{
			"two groups end it, one upon the request",
			[]*saga.Group{
				saga.Define("kitchen", saga.Documents(tickets), cooks), saga.Define("orders", saga.Documents(files()), well),
				saga.Define("support", saga.Documents(files()), badly(saga.Heard[CancelAsked]())),
			},
			"the saga o1 ends more than once: orders says ended-well and support says ended-badly",
		},
	} {
		w := sagacheck.World{Groups: tt.groups, Start: saga.Say(CancelAsked{o1}, Placed{o1}), Outside: []*saga.Group{saga.Outside("api", saga.Begins[Placed](), saga.Begins[CancelAsked]())}}
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A saga may go on under another key: an order as a parcel, of which the end is said. It must have one all the same.
func TestASagaThatGoesOnUnderAnotherKeyEndsThere(t *testing.T) {
	pack := func(_ *Ticket, e saga.Event[Placed]) []saga.Fact {
		return saga.Say(Accepted{toKitchen{order{"parcel-of-" + e.Fact.ID}}})
	}
	arrive := func(f *File, e saga.Event[Accepted]) []saga.Fact { return endWell(f, saga.Cause{}) }
	lose := func(f *File, e saga.Event[Accepted]) []saga.Fact { return nil }
	packs := saga.Define("parcels", saga.Documents(tickets), saga.Does(pack, saga.Closes(), saga.Says[Accepted]()))
	for _, full := range []bool{false, true} {
		w := sagacheck.World{Groups: []*saga.Group{packs, nil}, Start: saga.Say(Placed{toOrders{order{"o1"}}}), Full: full}
		w.Groups[1] = saga.Define("orders", saga.Documents(files()), saga.Does(arrive, saga.Ends[EndedWell]()))
		if r := sagacheck.Verify(w); len(r.Findings) > 0 {
			t.Errorf("%v", r.Findings)
		}
		w.Groups[1] = saga.Define("orders", saga.Documents(files()), saga.Does(lose, saga.Ends[EndedWell]()))
		if got, want := strings.Join(whats(sagacheck.Verify(w)), "\n"), "the saga o1 never ends: it begins with placed, and orders says none of its ends"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// One parcel that arrives is the end of one order, and not of another one whose parcel is lost.
func TestAnEndUnderAnotherKeyIsTheEndOfOneSaga(t *testing.T) {
	placed := func(id string) saga.Fact { return Placed{toOrders{order{id}}} }
	for _, tt := range []struct {
		lost  string
		start []saga.Fact
		want  string
	}{
		{"o2", saga.Say(placed("o2")), "the saga o2 never ends: it begins with placed, and orders says none of its ends"},
		{"o2", saga.Say(placed("o1"), placed("o2")), "the saga o2 never ends: it begins with placed, and orders says none of its ends"},
		{"o1", saga.Say(placed("o1"), placed("o2")), "the saga o1 never ends: it begins with placed, and orders says none of its ends"},
		{"none", saga.Say(placed("o1"), placed("o2")), ""},
	} {
		pack := func(_ *Ticket, e saga.Event[Placed]) []saga.Fact {
			parcel := toKitchen{order{"parcel-of-" + e.Fact.ID}}
			if e.Fact.ID == tt.lost {
				return saga.Say(NotAccepted{parcel})
			}
			return saga.Say(Accepted{parcel})
		}
		arrive := func(f *File, _ saga.Event[Accepted]) []saga.Fact { return endWell(f, saga.Cause{}) }
		w := sagacheck.World{Start: tt.start, Groups: []*saga.Group{
			saga.Define("parcels", saga.Documents(tickets), saga.Does(pack, saga.Closes(), saga.Says[Accepted](), saga.Says[NotAccepted]())),
			saga.Define("orders", saga.Documents(files()), saga.Does(arrive, saga.Ends[EndedWell]())),
		}}
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); got != tt.want {
			t.Errorf("%s is lost: %q, want %q", tt.lost, got, tt.want)
		}
	}
}

// Two kinds of saga may say the same fact, and be told apart by what is in it: money for an order, and on its own account.
func TestASagaNeedNotHaveTheEndOfAnotherKind(t *testing.T) {
	topUp := func(_ *Payment, e saga.Event[CancelAsked]) []saga.Fact {
		return saga.Say(Paid{toPayments(e.Fact.toOrders)})
	}
	take := func(_ *Payment, e saga.Event[Placed]) []saga.Fact { return saga.Say(Paid{toPayments(e.Fact.toOrders)}) }
	cook := func(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
		return saga.Say(Accepted{toKitchen(e.Fact.toPayments)})
	}
	end := func(f *File, e saga.Event[Accepted]) []saga.Fact { return endWell(f, saga.Cause{}) }
	ofOrders := saga.Concerns(func(f saga.Fact) bool { return !strings.HasPrefix(f.Key(), "top-up") })
	w := sagacheck.World{Start: saga.Say(CancelAsked{toOrders{order{"top-up"}}}, Placed{toOrders{order{"o1"}}})}
	w.Groups = []*saga.Group{
		saga.Define("bank", saga.Documents(payments), saga.Does(take, saga.Closes(), saga.Says[Paid]()), saga.Does(topUp, saga.Closes(), saga.Says[Paid]())),
		saga.Define("kitchen", saga.Documents(tickets), ofOrders, saga.Does(cook, saga.Closes(), saga.Says[Accepted]())),
		saga.Define("orders", saga.Documents(files()), saga.Does(end, saga.Ends[EndedWell]())),
	}
	if r := sagacheck.Verify(w); len(r.Findings) > 0 {
		t.Errorf("%v", r.Findings)
	}
}

// Each group has a schema of its own, so two that share a table variable don't share a row: what one has done, the other has not.
func TestGroupsThatShareATableVariableShareNoDocument(t *testing.T) {
	pays := func(_ *File, e saga.Event[Placed]) []saga.Fact { return saga.Say(Paid{toPayments(e.Fact.toOrders)}) }
	cooks := func(_ *File, e saga.Event[Placed]) []saga.Fact {
		return saga.Say(Accepted{toKitchen(e.Fact.toOrders)})
	}
	for _, tt := range []struct {
		name string
		cook saga.Part
		want string
	}{
		{"both are right", saga.Does(cooks, saga.Closes(), saga.Says[Accepted]()), ""},
		{
			"the second never closes", saga.Does(cooks, saga.Says[Accepted]()),
			"the act of b in the saga o1 stays open: nothing closes, undoes or refuses it any more (if it is past undoing where it stands, say saga.Closes())",
		},
	} {
		shared := saga.Documents(files())
		w := sagacheck.World{
			Groups: []*saga.Group{saga.Define("a", shared, saga.Does(pays, saga.Closes(), saga.Says[Paid]())), saga.Define("b", shared, tt.cook)},
			Start:  saga.Say(Placed{toOrders{order{"o1"}}}),
			Final: func(v sagacheck.View) string {
				if v.Said("paid", "o1") != 1 || v.Said("accepted", "o1") != 1 {
					return "one of them has not done its part"
				}
				return ""
			},
		}
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
