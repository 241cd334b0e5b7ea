package consumers_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"tiffin/consumers"
	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

const (
	price = 500
	order = "o1"
)

var rupees = schemas.Money{Currency: "INR", MinorUnits: price}

// listeners are the groups that have no influence on orders and payments.
var listeners = []string{"likes", "notification", "analytics"}

// groups are those that take part in an order or a payment. The others only listen: they have no influence on it, and would
// multiply the states of the world by theirs.
func groups(t testing.TB) []*saga.Group {
	t.Helper()
	all, err := consumers.All(consumers.Config{FraudRules: []fraud.Rule{
		{Reason: "account-blocked", When: "Blocked", Then: "flag"},
		{Reason: "look-at-it", When: "PerMinute > 90", Then: "review"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out []*saga.Group
	for _, c := range all {
		if !slices.Contains(listeners, c.Name()) {
			out = append(out, c.Group)
		}
	}
	return out
}

// Who is left out of the exploration must have nothing to say that anybody in it hears.
func TestWhoOnlyListensIsNotExplored(t *testing.T) {
	all, err := consumers.All(consumers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	explored := groups(t)
	for _, c := range all {
		for _, r := range c.Reactions() {
			for _, said := range r.Says {
				for _, g := range explored {
					if slices.Contains(listeners, c.Name()) && g.Hears(said.Type) {
						t.Errorf("%s says %s, which %s hears: explore it", c.Name(), said.Type, g.Name())
					}
				}
			}
		}
	}
}

// oneOrder is a world in which one order meets every failure, every answer or silence from outside, every deadline, and a
// cancellation at any time.
func oneOrder(t testing.TB) sagacheck.World {
	return sagacheck.World{
		Groups:    groups(t),
		Start:     []saga.Fact{schemas.OrderPlaced{OrderID: order, CustomerID: "ann", RestaurantID: "rest", Items: []schemas.Item{{SKU: "dal", Quantity: 1}}}},
		Deadlines: true,
		Crashes:   true,
		Outside:   append(consumers.Outside(), saga.Outside("customer", saga.Answers(thinkAgain, saga.Says[schemas.CancellationRequested](), saga.Optional()))),
		Initially: []sagacheck.Choice{
			{Documents: []any{dal(0), dal(1)}},
			{Documents: []any{ann(0), ann(price)}},
			{Documents: []any{&payments.Account{AccountID: "@outside/INR", Owner: "@outside", Currency: "INR", Balance: -price}}},
			{Documents: []any{room(0), room(1)}},
			{Documents: []any{&delivery.Fleet{City: "mumbai"}, &delivery.Fleet{City: "mumbai", Couriers: 1, Free: 1}}},
			{Documents: []any{
				&fraud.Payer{AccountID: "ann"}, &fraud.Payer{AccountID: "ann", Blocked: true},
				&fraud.Payer{AccountID: "ann", Minute: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Unix() / 60, Payments: 90},
			}},
		},
		Final: allDoneOrAllUndone,
	}
}

func thinkAgain(f schemas.OrderPlaced) []saga.Fact {
	return saga.Say(schemas.CancellationRequested{OrderID: f.OrderID})
}

func dal(free int) *inventory.Dish {
	return &inventory.Dish{SKU: "dal", RestaurantID: "rest", Name: "Dal", Price: rupees, Free: free, Delivered: free}
}

func ann(balance int64) *payments.Account {
	return &payments.Account{AccountID: "ann/INR", Owner: "ann", Currency: "INR", Balance: balance}
}

func room(places int) *kitchen.Room {
	return &kitchen.Room{RestaurantID: "rest", Name: "Rest", City: "mumbai", Places: places, Free: places}
}

// allDoneOrAllUndone is what must hold once nothing more can happen.
func allDoneOrAllUndone(v sagacheck.View) string {
	completed, cancelled := v.Said("order.completed", order), v.Said("order.cancelled", order)
	cooked := v.Said("kitchen.accepted", order) > 0
	used := sagacheck.Act[inventory.Reservation](v, order) == saga.Closed
	settled := sagacheck.Act[payments.Payment](v, order) == saga.Closed
	switch {
	case completed+cancelled == 0:
		return "the order never ends"
	case completed+cancelled > 1:
		return "the order ends twice"
	case v.Said("cancellation.requested", order) > 0 && v.Said("cancellation.refused", order) == 0 && completed > 0:
		return "a cancellation is never answered"
	case v.Said("cancellation.refused", order) > 1:
		return "a cancellation is refused twice"
	case used != cooked:
		return fmt.Sprintf("half done: cooked %v, stock used up %v", cooked, used)
	case settled != (completed == 1):
		return fmt.Sprintf("half done: completed %v, settled %v", completed == 1, settled)
	case sagacheck.Act[payments.Payment](v, order) == saga.Done:
		return "the order has ended and its payment is open"
	}
	o := sagacheck.Document[orders.Order](v, order)
	switch {
	case o.CustomerID != "ann" || o.RestaurantID != "rest" || len(o.Items) != 1:
		return "the order has ended and nobody knows whose it was"
	case v.Said("stock.reserved", order) > 0 && o.Total != rupees:
		return "the order has ended and nobody knows what it cost"
	}
	return nothingHeld(v, completed)
}

func nothingHeld(v sagacheck.View, completed int) string {
	if d := sagacheck.Document[inventory.Dish](v, "dal"); d != nil && d.Held != 0 {
		return "stock is held for ever"
	}
	if f := sagacheck.Document[delivery.Fleet](v, "mumbai"); f != nil && f.Out != 0 {
		return "a courier is out for ever"
	}
	if r := sagacheck.Document[kitchen.Room](v, "rest"); r != nil && r.Busy != 0 {
		return "a place in the kitchen is taken for ever"
	}
	if a := sagacheck.Document[payments.Account](v, "@escrow/INR"); a != nil && a.Balance != 0 {
		return "money stays in escrow for ever"
	}
	if a := sagacheck.Document[payments.Account](v, "rest/INR"); (a != nil && a.Balance == price) != (completed == 1) {
		return "the restaurant has what it should not, or lacks what it should have"
	}
	return ""
}

// P3: every saga ends, all done or all undone, whatever fails, in every interleaving.
func TestEveryInterleavingOfOneOrder(t *testing.T) {
	r := sagacheck.Explore(oneOrder(t))
	report(t, r)
	// A late do that meets its mark refuses; only an inventory, delivery or fraud that is a day late does so here.
	known := []string{
		"delivery.expired never runs", "fraud.expired never runs", "payments.openTransfer never runs",
		"payments.expiredTransfer never runs", "payments.move never says payment.settled",
		"payments.openTransfer never says payment.failed", "payments.openTransfer never says payment.requested",
	}
	for _, g := range r.Gaps {
		if !slices.Contains(known, g) {
			t.Errorf("a hole in the exploration, or a dead declaration: %s", g)
		}
	}
}

// P2: what is delivered again changes no end.
func TestADuplicateChangesNoEnd(t *testing.T) {
	once := sagacheck.Explore(oneOrder(t))
	w := oneOrder(t)
	w.Duplicates = 1
	twice := sagacheck.Explore(w)
	report(t, twice)
	if !maps.Equal(once.EndStates, twice.EndStates) {
		t.Errorf("%d different ends without a duplicate, %d with one", len(once.EndStates), len(twice.EndStates))
	}
}

func report(t *testing.T, r sagacheck.Report) {
	t.Helper()
	t.Log(r)
	if !r.Complete {
		t.Error("not every state was visited")
	}
	for _, f := range r.Findings {
		t.Error(f)
	}
}
