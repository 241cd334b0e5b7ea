package orders

import (
	"slices"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

var (
	inr        = schemas.Money{Currency: "INR", MinorUnits: 500}
	placed     = schemas.OrderPlaced{OrderID: "o1", CustomerID: "ann", RestaurantID: "rest", Items: []schemas.Item{{SKU: "dal", Quantity: 2}}}
	reserved   = schemas.StockReserved{OrderID: "o1", CustomerID: "ann", RestaurantID: "rest", Total: inr}
	delivered  = schemas.DeliveryCompleted{OrderID: "o1"}
	writtenOff = schemas.MealWrittenOff{OrderID: "o1"}
	completed  = schemas.OrderCompleted{OrderID: "o1"}
)

func rejected(reason string) schemas.StockRejected {
	return schemas.StockRejected{OrderID: "o1", Reason: reason}
}

func released(reason string) schemas.StockReleased {
	return schemas.StockReleased{OrderID: "o1", Reason: reason}
}

func failed(reason string) schemas.PaymentFailed {
	return schemas.PaymentFailed{PaymentID: "o1", Purpose: schemas.ForOrder, Reason: reason}
}

func refunded(reason string) schemas.PaymentRefunded {
	return schemas.PaymentRefunded{PaymentID: "o1", Purpose: schemas.ForOrder, Amount: inr, Reason: reason}
}

func cancelled(reason string) schemas.OrderCancelled {
	return schemas.OrderCancelled{OrderID: "o1", Reason: reason}
}

func script(t *testing.T) *sagatest.Script { return sagatest.Group(t, Group()) }

// kept is the order as the group keeps it.
func kept(ending Status, reason string) *Order {
	return &Order{OrderID: "o1", CustomerID: "ann", RestaurantID: "rest", Items: placed.Items, Total: inr, Ending: ending, Reason: reason, PlacedAt: sagatest.Epoch}
}

// lines are the types of a timeline.
func lines(s *sagatest.Script) []string {
	var out []string
	for _, l := range sagatest.Rows[Line](s.World()) {
		out = append(out, l.Type)
	}
	return out
}

func wantLines(t *testing.T, s *sagatest.Script, want ...string) {
	t.Helper()
	if got := lines(s); !slices.Equal(got, want) {
		t.Errorf("the timeline is\n%q, want\n%q", got, want)
	}
}

func TestAnOrderIsCompleted(t *testing.T) {
	s := script(t).
		Hears(placed).SaysNothing().
		Hears(reserved).SaysNothing().Keeps(kept("", "")).Act("o1", saga.New).
		Hears(delivered).Says(completed).Act("o1", saga.Closed).Keeps(kept(Completed, "")).
		Hears(delivered).SaysNothing()
	wantLines(t, s, "order.placed", "stock.reserved", "delivery.completed", "order.completed", "delivery.completed")
}

// Who asks twice under one Idempotency-Key, at two instances, may say two things of one order. The first is what was ordered:
// inventory reserves that, and drops the other.
func TestTheFirstPlacingCounts(t *testing.T) {
	other := schemas.OrderPlaced{OrderID: "o1", CustomerID: "bob", RestaurantID: "cafe", Items: []schemas.Item{{SKU: "tea", Quantity: 9}}}
	s := script(t).Hears(placed).Hears(reserved).Passes(time.Minute).
		Hears(other).SaysNothing().Keeps(kept("", "")).
		Hears(delivered).Says(completed).
		Hears(other).SaysNothing().Keeps(kept(Completed, ""))
	wantLines(t, s, "order.placed", "stock.reserved", "order.placed", "delivery.completed", "order.completed", "order.placed")
}

// Facts of several topics come in any order; the order's own may be the last.
func TestAnOrderThatIsHeardOfLateEndsToo(t *testing.T) {
	script(t).Hears(reserved).Hears(delivered).SaysNothing().Hears(placed).Says(completed).Keeps(kept(Completed, ""))
	script(t).Hears(rejected("sold-out")).SaysNothing().Hears(placed).Says(cancelled("sold-out"))
	script(t).Hears(refunded("no-room")).Hears(released("no-room")).SaysNothing().Hears(placed).Says(cancelled("no-room"))
}

// The goods are back or written off, and the money is back or was never moved: only both together end an order.
func TestAnOrderIsCancelledWhenEverythingIsUndone(t *testing.T) {
	script(t).Hears(placed).Hears(rejected("sold-out")).Says(cancelled("sold-out")).Act("o1", saga.Closed)
	for name, pair := range map[string][]saga.Fact{
		"released, failed":      saga.Say(released("no-room"), failed("no-room")),
		"released, refunded":    saga.Say(released("no-room"), refunded("no-room")),
		"written off, refunded": saga.Say(writtenOff, refunded("no-room")),
		"written off, failed":   saga.Say(writtenOff, failed("no-room")),
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				s := script(t).Hears(placed).Hears(reserved).
					Hears(pair[0]).SaysNothing().
					Hears(pair[0]).SaysNothing().
					Hears(pair[1]).Says(cancelled("no-room")).Act("o1", saga.Closed).Keeps(kept(Cancelled, "no-room")).
					Hears(pair[1]).SaysNothing().Hears(delivered).SaysNothing().Hears(placed).SaysNothing()
				if n := s.World().TimesSaid("order.cancelled", "o1"); n != 1 {
					t.Errorf("cancelled %d times", n)
				}
				slices.Reverse(pair)
			}
		})
	}
}

// Who only came too late says "expired"; the reason that others give says more, whichever comes first.
func TestTheReasonIsThatOfTheFailure(t *testing.T) {
	script(t).Hears(placed).Hears(failed("expired")).Hears(refunded("too-busy")).Hears(released("x")).Says(cancelled("too-busy"))
	script(t).Hears(placed).Hears(failed("flagged-by-fraud")).Hears(refunded("expired")).Hears(released("x")).Says(cancelled("flagged-by-fraud"))
	script(t).Hears(placed).Hears(failed("expired")).Hears(released("x")).Says(cancelled("expired"))
	script(t).Hears(placed).Hears(rejected("sold-out")).Hears(failed("no-room")).SaysNothing().
		Keeps(&Order{OrderID: "o1", CustomerID: "ann", RestaurantID: "rest", Items: placed.Items, Ending: Cancelled, Reason: "sold-out", PlacedAt: sagatest.Epoch})
}

func TestAnOrderThatHasEndedKeepsItsReason(t *testing.T) {
	script(t).Hears(placed).Hears(reserved).Hears(failed("expired")).Hears(released("x")).Says(cancelled("expired")).
		Hears(refunded("too-busy")).SaysNothing().Keeps(kept(Cancelled, "expired"))
	script(t).Hears(placed).Hears(reserved).Hears(delivered).Says(completed).
		Hears(failed("no-room")).SaysNothing().Keeps(kept(Completed, ""))
}

// heard is one fact of each type that the timeline shows.
func heard() []saga.Fact {
	return saga.Say(placed, schemas.CancellationRequested{OrderID: "o1"},
		reserved, rejected("r"), released("r"),
		schemas.PaymentRequested{PaymentID: "o1", Purpose: schemas.ForOrder, From: "ann", To: "@escrow", Amount: inr},
		schemas.PaymentCleared{PaymentID: "o1", Purpose: schemas.ForOrder}, schemas.PaymentFlagged{PaymentID: "o1", Purpose: schemas.ForOrder, Reasons: []string{"odd"}},
		schemas.PaymentSucceeded{PaymentID: "o1", Purpose: schemas.ForOrder, RestaurantID: "rest", Amount: inr}, failed("r"), refunded("r"),
		schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.ForOrder, To: "rest", Amount: inr},
		schemas.KitchenAsked{OrderID: "o1", RestaurantID: "rest"}, schemas.RestaurantAccepted{OrderID: "o1"}, schemas.RestaurantRejected{OrderID: "o1", Reason: "r"},
		schemas.KitchenAccepted{OrderID: "o1", RestaurantID: "rest"}, schemas.KitchenRejected{OrderID: "o1", Reason: "r"},
		schemas.KitchenCancelled{OrderID: "o1", Reason: "r"}, schemas.CancellationRefused{OrderID: "o1", Reason: "r"},
		schemas.MealCooked{OrderID: "o1"}, schemas.MealReady{OrderID: "o1", RestaurantID: "rest", City: "mumbai"}, writtenOff,
		schemas.DeliveryScheduled{OrderID: "o1", City: "mumbai"}, schemas.CourierDelivered{OrderID: "o1"}, schemas.CourierFailed{OrderID: "o1", Reason: "r"},
		delivered, schemas.DeliveryFailed{OrderID: "o1", Reason: "r"})
}

// Also what nobody asked for, and what comes after the end, is shown.
func TestTheTimelineShowsEverything(t *testing.T) {
	var want []string
	s := script(t)
	s.Hears(placed).Hears(delivered).Says(completed)
	want = append(want, "order.placed", "delivery.completed", "order.completed")
	for _, f := range heard() {
		s.Passes(time.Second).Hears(f).SaysNothing()
		want = append(want, f.EventType())
	}
	wantLines(t, s, want...)
	for i, l := range sagatest.Rows[Line](s.World()) {
		if l.OrderID != "o1" || l.At.Before(sagatest.Epoch) || i > 2 && l.At != sagatest.Epoch.Add(time.Duration(i-2)*time.Second) {
			t.Errorf("line %d is %+v", i, l)
		}
		if l.Type == "courier.failed" && (l.Reason != "r" || l.Group != "outside") {
			t.Errorf("%+v does not say why, or who said so", l)
		}
	}
	for _, r := range Group().Reactions() {
		for _, h := range r.Hears {
			if !slices.ContainsFunc(heard(), func(f saga.Fact) bool { return f.EventType() == h.Type }) {
				t.Errorf("no test shows what becomes of %s", h.Type)
			}
		}
	}
}

func TestWhatIsSaidOfAnOrderThatNobodyPlacedEndsNothing(t *testing.T) {
	s := script(t)
	for _, f := range heard()[1:] {
		s.Hears(f).SaysNothing()
	}
	s.Act("o1", saga.New)
	if n := len(lines(s)); n != len(heard())-1 {
		t.Errorf("%d lines, want all %d", n, len(heard())-1)
	}
}

func TestAnotherPaymentLeavesNoTrace(t *testing.T) {
	s := script(t)
	for _, f := range saga.Say(
		schemas.PaymentRequested{PaymentID: "p1", Purpose: schemas.Transfer, From: "ann", To: "bob", Amount: inr},
		schemas.PaymentSucceeded{PaymentID: "p1", Purpose: schemas.Transfer, Amount: inr},
		schemas.PaymentFailed{PaymentID: "p1", Purpose: schemas.Transfer, Reason: "r"},
		schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: inr},
	) {
		s.Hears(f).SaysNothing()
	}
	if _, exists := sagatest.Load[Order](s.World(), "p1"); exists || len(lines(s)) > 0 {
		t.Errorf("a payment from account to account left an order, or the lines %v", lines(s))
	}
}

func TestWhoSpeaks(t *testing.T) {
	for source, want := range map[string]string{"/tiffin/kitchen": "kitchen", "/tiffin/seed": "seed", "kitchen": "kitchen"} {
		if got := speaker(source); got != want {
			t.Errorf("%q is said by %q, want %q", source, got, want)
		}
	}
}
