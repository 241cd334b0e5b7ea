package sagacheck_test

import (
	"slices"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// The union of several worlds covers what each of them does not; what none does is asked about.
func TestCoverageIsReadable(t *testing.T) {
	good := func() sagacheck.World { return shop(stock(holds1, uses, releases), bank(pays, refunds)) }
	quiet := good()
	quiet.Outside = quiet.Outside[1:] // nothing is cancelled
	r := sagacheck.Explore(quiet)
	want := `bank      5 of  7 outcomes; its act was done, undone, closed; never refused, barred
         bank.pay never says not-paid: can't it, or does no world ask for it?
         bank.payNot never runs: is it dead, or does no world ask for it?
kitchen   2 of  8 outcomes; its act was done; never refused, undone, barred
         kitchen.accept never says not-accepted: can't it, or does no world ask for it?
         kitchen.acceptNot never runs: is it dead, or does no world ask for it?
         kitchen.cancel never runs: is it dead, or does no world ask for it?
         kitchen.refuse never runs: is it dead, or does no world ask for it?
stock     3 of  7 outcomes; its act was done, closed; never refused, undone, barred
         stock.hold never says not-held: can't it, or does no world ask for it?
         stock.holdNot never runs: is it dead, or does no world ask for it?
         stock.release never runs: is it dead, or does no world ask for it?
`
	if got := r.Coverage.String(); got != want {
		t.Errorf("reads\n%swant\n%s", got, want)
	}
	want = `bank      7 of  7 outcomes; its act was done, refused, undone, barred, closed
kitchen   8 of  8 outcomes; its act was done, refused, barred; never undone
stock     7 of  7 outcomes; its act was done, refused, undone, barred, closed
`
	if got := r.Coverage.Union(sagacheck.Explore(good()).Coverage).String(); got != want {
		t.Errorf("together\n%swant\n%s", got, want)
	}
}

// One function may be two reactions. That it ran as the one says nothing of the other.
func TestCoverageTellsTheRolesOfOneFunctionApart(t *testing.T) {
	giveUp := func(t *Ticket, _ saga.Cause) []saga.Fact { return saga.Say(Cancelled{toKitchen{order{t.OrderID}}}) }
	take := func(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
		return saga.Say(Accepted{toKitchen(e.Fact.toPayments)})
	}
	give := func(*Ticket, saga.Event[Delivered]) []saga.Fact { return nil }
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{saga.Define("kitchen", saga.Documents(tickets),
			saga.Does(take, saga.Refuses(acceptNot), saga.Says[Accepted](), saga.Fails[NotAccepted]()),
			saga.Within(time.Hour, saga.Then(give, saga.Closes()), saga.Else(giveUp, saga.ClosesWith[Cancelled]())),
			saga.Undoes(giveUp, saga.Upon[CancelAsked](), saga.Says[Cancelled]()))},
		Start:     saga.Say(Paid{toPayments{order{"o1"}}}),
		Deadlines: true,
	})
	for gap, want := range map[string]bool{"kitchen.func1 (undoes) never runs": true, "kitchen.func1 (else) never runs": false} {
		if slices.Contains(r.Gaps, gap) != want {
			t.Errorf("%q is a gap: %v, want %v: %q", gap, !want, want, r.Gaps)
		}
	}
}

// An undo that ran only when there was nothing to undo is as good as untried: what it does to what was done, nobody has seen. That of a
// judge whose every do is the pivot never has anything to undo.
func TestAnUndoThatUndidNothingIsAGap(t *testing.T) {
	take := func(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
		return saga.Say(Accepted{toKitchen(e.Fact.toPayments)})
	}
	giveUp := func(t *Ticket, why saga.Cause) []saga.Fact {
		if !why.Nothing {
			panic("nobody has tried this")
		}
		return saga.Say(Cancelled{toKitchen{order{t.OrderID}}})
	}
	asked, paid := CancelAsked{toOrders{order{"o1"}}}, Paid{toPayments{order{"o1"}}}
	for _, tt := range []struct {
		name  string
		pivot bool
		undo  func(*Ticket, saga.Cause) []saga.Fact
		start []saga.Fact
		gap   bool
	}{
		{"nothing was done", false, giveUp, saga.Say(asked), true},
		{"something was done", false, cancel, saga.Say(asked, paid), false},
		{"nothing can be undone", true, giveUp, saga.Say(asked), false},
		{"nobody asks", true, giveUp, saga.Say(paid), true},
	} {
		does := []saga.Option{saga.Refuses(acceptNot), saga.Says[Accepted](), saga.Fails[NotAccepted]()}
		undoes := []saga.Option{saga.EvenIfNothing(), saga.Upon[CancelAsked](), saga.Says[Cancelled]()}
		if tt.pivot {
			does, undoes = append(does, saga.Pivots()), append(undoes, saga.TooLate(refuse), saga.Announces[TooLate]())
		}
		r := sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{saga.Define("kitchen", saga.Documents(tickets), saga.Does(take, does...), saga.Undoes(tt.undo, undoes...))},
			Start:  tt.start,
		})
		gap := slices.ContainsFunc(r.Gaps, func(gap string) bool {
			return gap == "kitchen.cancel never runs" || gap == "kitchen.func2 never runs"
		})
		if gap != tt.gap {
			t.Errorf("%s: the undo is a gap: %v, want %v: %q", tt.name, gap, tt.gap, r.Gaps)
		}
	}
}

// A late refusal closes the act if its line says so: the proof sees it where the declaration promises it.
func TestALateRefusalThatClosesIsSeenToClose(t *testing.T) {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Groups[2] = saga.Define("kitchen", saga.Documents(tickets),
		saga.Does(accept, saga.Refuses(acceptNot), saga.Pivots(), saga.Says[Accepted](), saga.Fails[NotAccepted]()),
		saga.Undoes(cancel, saga.EvenIfNothing(), saga.Upon[CancelAsked](), saga.TooLate(refuse), saga.Says[Cancelled](), saga.ClosesWith[TooLate]()))
	r := sagacheck.Explore(w)
	if len(r.Findings) > 0 || !r.Coverage[sagacheck.Covered{Group: "kitchen", State: saga.Closed}] {
		t.Errorf("findings %v, gaps %q", r.Findings, r.Gaps)
	}
}
