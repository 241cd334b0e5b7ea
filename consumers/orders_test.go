package consumers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/consumers"
	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/internal/demo"
	"tiffin/internal/simulate"
	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

// demoWorld is all groups with the demo data, and its restaurants, cooks and couriers simulated.
func demoWorld(t testing.TB, s simulate.Config) *sagatest.World {
	t.Helper()
	rules := []fraud.Rule{}
	if err := json.Unmarshal(demo.FraudRules(), &rules); err != nil {
		t.Fatal(err)
	}
	return world(t, s, rules)
}

func world(t testing.TB, s simulate.Config, rules []fraud.Rule) *sagatest.World {
	t.Helper()
	all, err := consumers.All(consumers.Config{FraudRules: rules})
	if err != nil {
		t.Fatal(err)
	}
	var groups []*saga.Group
	for _, c := range all {
		groups = append(groups, c.Group)
	}
	for _, p := range simulate.Parties(s) {
		groups = append(groups, p.Group)
	}
	w := sagatest.New(groups...)
	facts, err := demo.Facts()
	if err != nil {
		t.Fatal(err)
	}
	w.Say(facts...)
	run(t, w)
	return w
}

func run(t testing.TB, w *sagatest.World) {
	t.Helper()
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
}

func pass(t testing.TB, w *sagatest.World, d time.Duration) {
	t.Helper()
	if err := w.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// longest is more than all deadlines on an order's way together.
const longest = 3 * time.Hour

// meal is an order for two portions of one dish, and what is to come of it.
type meal struct {
	customer, restaurant, sku string
	cancelAfter               time.Duration // when the customer cancels; 0 for never
	ends                      orders.Status
	reason                    string
	// without and with are facts that must not, and must, have been said.
	without, with []string
}

var meals = map[string]meal{
	"completed": {
		customer: "alice", restaurant: "annapurna", sku: "masala-dosa", ends: orders.Completed,
		with: []string{"stock.reserved", "payment.settled", "meal.cooked", "courier.delivered", "delivery.completed"}, without: []string{"stock.released", "payment.refunded"},
	},
	"sold out": {
		customer: "alice", restaurant: "annapurna", sku: "mango-kulfi", ends: orders.Cancelled, reason: schemas.ReasonSoldOut,
		without: []string{"payment.requested"},
	},
	"flagged": {
		customer: "mallory", restaurant: "annapurna", sku: "idli", ends: orders.Cancelled, reason: schemas.ReasonFlaggedByFraud,
		with: []string{"stock.released"}, without: []string{"payment.succeeded"},
	},
	"too little money": {
		customer: "carol", restaurant: "annapurna", sku: "idli", ends: orders.Cancelled, reason: schemas.ReasonInsufficientFunds,
		with: []string{"stock.released"}, without: []string{"payment.succeeded", "kitchen.asked"},
	},
	"no account": {
		customer: "nobody", restaurant: "annapurna", sku: "idli", ends: orders.Cancelled, reason: schemas.ReasonUnknownAccount,
		with: []string{"stock.released"}, without: []string{"payment.succeeded"},
	},
	"no room": {
		customer: "alice", restaurant: "tiny", sku: "tiny-paratha", ends: orders.Cancelled, reason: schemas.ReasonNoRoom,
		with: []string{"payment.refunded", "stock.released"}, without: []string{"kitchen.asked"},
	},
	"the restaurant refuses": {
		customer: "bob", restaurant: "grumpy-griddle", sku: "grumpy-uttapam", ends: orders.Cancelled, reason: schemas.ReasonRestaurantRefused,
		with: []string{"payment.refunded", "stock.released"}, without: []string{"kitchen.accepted"},
	},
	"the restaurant never answers": {
		customer: "bob", restaurant: "silent-spoon", sku: "silent-soup", ends: orders.Cancelled, reason: schemas.ReasonRestaurantTimedOut,
		with: []string{"kitchen.rejected", "payment.refunded", "stock.released"}, without: []string{"restaurant.accepted"},
	},
	"the restaurant is slow": {
		customer: "bob", restaurant: "slow-simmer", sku: "slow-dal", ends: orders.Completed,
	},
	"no courier": {
		customer: "alice", restaurant: "hilltop-hearth", sku: "hilltop-thali", ends: orders.Cancelled, reason: schemas.ReasonNoCourier,
		with: []string{"payment.refunded", "meal.written-off"}, without: []string{"stock.released", "delivery.scheduled"},
	},
	"the courier fails": {
		customer: "alice", restaurant: "bumpy-road", sku: "bumpy-bhaji", ends: orders.Cancelled, reason: schemas.ReasonCourierFailed,
		with: []string{"payment.refunded", "meal.written-off"}, without: []string{"stock.released", "payment.settled"},
	},
	"the courier never answers": {
		customer: "alice", restaurant: "lost-lane", sku: "lost-lassi", ends: orders.Cancelled, reason: schemas.ReasonCourierTimedOut,
		with: []string{"payment.refunded", "meal.written-off"}, without: []string{"stock.released", "courier.delivered"},
	},
	"the cook never answers": {
		customer: "alice", restaurant: "sleepy-stove", sku: "sleepy-biryani", ends: orders.Completed,
		with: []string{"meal.ready", "payment.settled"}, without: []string{"meal.cooked"},
	},
	"the fraud check never answers": {
		customer: "trent", restaurant: "annapurna", sku: "idli", ends: orders.Cancelled, reason: schemas.ReasonFraudCheckTimedOut,
		with: []string{"stock.released"}, without: []string{"payment.cleared", "payment.flagged"},
	},
	"cancelled in time": {
		customer: "alice", restaurant: "slow-simmer", sku: "slow-dal", cancelAfter: 5 * time.Second, ends: orders.Cancelled, reason: schemas.ReasonCancelledByCustomer,
		with: []string{"kitchen.cancelled", "payment.refunded", "stock.released"}, without: []string{"restaurant.accepted", "cancellation.refused"},
	},
	"cancelled while fraud is checked": {
		customer: "trent", restaurant: "annapurna", sku: "idli", cancelAfter: time.Second, ends: orders.Cancelled, reason: schemas.ReasonCancelledByCustomer,
		with: []string{"kitchen.cancelled", "payment.failed", "stock.released"}, without: []string{"payment.succeeded"},
	},
	"cancelled too late": {
		customer: "alice", restaurant: "annapurna", sku: "idli", cancelAfter: 400 * time.Millisecond, ends: orders.Completed,
		with: []string{"cancellation.refused"}, without: []string{"kitchen.cancelled"},
	},
	"cancelled after the end": {
		customer: "alice", restaurant: "annapurna", sku: "idli", cancelAfter: time.Hour, ends: orders.Completed,
		with: []string{"cancellation.refused"}, without: []string{"kitchen.cancelled"},
	},
	"an unknown dish": {
		customer: "alice", restaurant: "annapurna", sku: "dragon", ends: orders.Cancelled, reason: schemas.ReasonUnknownDish,
	},
	"a dish of another restaurant": {
		customer: "alice", restaurant: "annapurna", sku: "slow-dal", ends: orders.Cancelled, reason: schemas.ReasonWrongRestaurant,
	},
}

// P3: every order ends, all done or all undone, and what there was before is there after.
func TestEveryEnd(t *testing.T) {
	for name, m := range meals {
		t.Run(name, func(t *testing.T) {
			w := demoWorld(t, simulate.Config{})
			w.Say(m.placed("o1"))
			run(t, w)
			if m.cancelAfter > 0 {
				pass(t, w, m.cancelAfter)
				w.Say(schemas.CancellationRequested{OrderID: "o1"})
				run(t, w)
			}
			pass(t, w, longest)
			m.hasEnded(t, w, "o1")
			everythingIsConserved(t, w)
			// What is said again changes nothing.
			said := len(w.Said)
			again := slices.Clone(w.Said)
			w.Say(again...)
			run(t, w)
			pass(t, w, longest)
			if more := w.Types()[said+len(again):]; len(more) > 0 {
				t.Errorf("when all is heard again, somebody says %v", more)
			}
			everythingIsConserved(t, w)
		})
	}
}

// All of them at once, in one world, each ends as it does alone.
func TestEveryEndAtOnce(t *testing.T) {
	w := demoWorld(t, simulate.Config{})
	for name, m := range meals {
		w.Say(m.placed(id(name)))
	}
	run(t, w)
	var cancelled []string
	for name, m := range meals {
		if m.cancelAfter > 0 {
			cancelled = append(cancelled, name)
		}
	}
	slices.SortFunc(cancelled, func(a, b string) int { return int(meals[a].cancelAfter - meals[b].cancelAfter) })
	for at := time.Duration(0); len(cancelled) > 0; cancelled = cancelled[1:] {
		after := meals[cancelled[0]].cancelAfter
		pass(t, w, after-at)
		at = after
		w.Say(schemas.CancellationRequested{OrderID: id(cancelled[0])})
		run(t, w)
	}
	pass(t, w, longest)
	for name, m := range meals {
		m.hasEnded(t, w, id(name))
	}
	everythingIsConserved(t, w)
}

func id(name string) string { return strings.ReplaceAll(name, " ", "-") }

func (m meal) placed(orderID string) saga.Fact {
	return schemas.OrderPlaced{OrderID: orderID, CustomerID: m.customer, RestaurantID: m.restaurant, Items: []schemas.Item{{SKU: m.sku, Quantity: 2}}}
}

func (m meal) hasEnded(t *testing.T, w *sagatest.World, orderID string) {
	t.Helper()
	o, _ := sagatest.Load[orders.Order](w, orderID)
	if o.Ending != m.ends || o.Reason != m.reason {
		t.Errorf("order %s is %q (%s), want %s (%s)", orderID, o.Ending, o.Reason, m.ends, m.reason)
	}
	if n := w.TimesSaid("order.completed", orderID) + w.TimesSaid("order.cancelled", orderID); n != 1 {
		t.Errorf("order %s ended %d times", orderID, n)
	}
	for _, eventType := range m.with {
		if w.TimesSaid(eventType, orderID) != 1 {
			t.Errorf("%s was said %d times of %s, want once", eventType, w.TimesSaid(eventType, orderID), orderID)
		}
	}
	for _, eventType := range m.without {
		if w.TimesSaid(eventType, orderID) > 0 {
			t.Errorf("%s was said of %s", eventType, orderID)
		}
	}
}

// everythingIsConserved: when all orders have ended nothing is held, taken or on the road, all money is somebody's, and
// there is as much of it as came in.
func everythingIsConserved(t *testing.T, w *sagatest.World) {
	t.Helper()
	facts, err := demo.Facts()
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string]bool{"@escrow": true, "@outside": true}
	for _, f := range facts {
		switch f := f.(type) {
		case schemas.AccountCredited:
			owners[f.AccountID] = true
		case schemas.RestaurantOpened:
			owners[f.RestaurantID] = true
			if r, _ := sagatest.Load[kitchen.Room](w, f.RestaurantID); r.Busy != 0 || r.Free != *f.Places {
				t.Errorf("restaurant %s has %d free and %d busy places, want %d free", r.RestaurantID, r.Free, r.Busy, *f.Places)
			}
		case schemas.FleetSized:
			if c, _ := sagatest.Load[delivery.Fleet](w, f.City); c.Out != 0 || c.Free != *f.Couriers {
				t.Errorf("city %s has %d free couriers and %d on the road, want %d free", c.City, c.Free, c.Out, *f.Couriers)
			}
		case schemas.StockDelivered:
			if d, _ := sagatest.Load[inventory.Dish](w, f.SKU); d.Held != 0 || d.Free+d.Sold != f.Quantity {
				t.Errorf("dish %s has %d free, %d held and %d sold of %d", d.SKU, d.Free, d.Held, d.Sold, f.Quantity)
			}
		}
	}
	var sum int64
	for owner := range owners {
		a, _ := sagatest.Load[payments.Account](w, owner+"/INR")
		sum += a.Balance
		if owner == "@escrow" && a.Balance != 0 {
			t.Errorf("%d stays in escrow", a.Balance)
		}
	}
	if sum != 0 {
		t.Errorf("all balances sum to %d", sum)
	}
}

// One completed order, from its placing to its end, all groups and parties in memory: what the reactions themselves cost.
func BenchmarkCompletedOrder(b *testing.B) {
	// Without rules: thousands of orders of one customer in one minute would be flagged.
	w := world(b, simulate.Config{Instant: true}, []fraud.Rule{})
	m := meals["completed"]
	facts := 0
	for i := 0; b.Loop(); i++ {
		before := len(w.Said)
		w.Say(m.placed(fmt.Sprintf("order-%d", i)))
		run(b, w)
		if w.Said[len(w.Said)-1].EventType() != "order.completed" {
			b.Fatalf("it ends with %s", w.Said[len(w.Said)-1].EventType())
		}
		facts = len(w.Said) - before
		if i%1000 == 999 {
			w.Said, w.History = nil, nil
		}
	}
	b.ReportMetric(float64(facts), "facts/order")
}
