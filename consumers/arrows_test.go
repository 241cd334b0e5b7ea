package consumers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// arrow is one line of the map: a group's reaction hears a fact, or the deadline that it is the Else of.
type arrow struct{ group, reaction, hears string }

func arrows(groups []*saga.Group) (out []arrow) {
	for _, g := range groups {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleRecords {
				continue // it has no influence
			}
			for _, h := range r.Hears {
				out = append(out, arrow{g.Name(), r.Name, h.Type})
			}
			if r.Role == saga.RoleElse {
				out = append(out, arrow{g.Name(), r.Name, saga.DeadlineType})
			}
		}
	}
	return out
}

// calmOrder is the world of one order without crashes.
func calmOrder(t testing.TB) sagacheck.World {
	w := oneOrder(t)
	w.Crashes = false
	return w
}

// promptOrder is a world in which everybody answers before any deadline: what waits for one waits for ever.
func promptOrder(t testing.TB) sagacheck.World {
	w := calmOrder(t)
	w.Deadlines = false
	// No payer's payment is put aside for a person.
	w.Initially[len(w.Initially)-1] = sagacheck.Choice{Documents: []any{&fraud.Payer{AccountID: "ann"}, &fraud.Payer{AccountID: "ann", Blocked: true}}}
	return w
}

// transfer is a world in which ann pays bob.
func transfer(t testing.TB) sagacheck.World {
	bob := &payments.Account{AccountID: "bob/INR", Owner: "bob", Currency: "INR"}
	return sagacheck.World{
		Groups:    groups(t),
		Start:     saga.Say(schemas.PaymentInitiated{PaymentID: "p1", From: "ann", To: "bob", Amount: rupees}),
		Initially: []sagacheck.Choice{{Documents: []any{ann(0), ann(price)}}, {Documents: []any{bob}}},
		Final: func(v sagacheck.View) string {
			if v.Said("payment.settled", "p1")+v.Said("payment.failed", "p1") != 1 {
				return "a payment is settled or fails"
			}
			return ""
		},
	}
}

// stores is what one order's world has at the start.
type stores struct {
	dish  *inventory.Dish
	ann   *payments.Account
	room  *kitchen.Room
	fleet *delivery.Fleet
	payer *fraud.Payer
}

func plenty() stores {
	return stores{dal(1), ann(price), room(1), &delivery.Fleet{City: "mumbai", Couriers: 1, Free: 1}, &fraud.Payer{AccountID: "ann"}}
}

// supplied is a world in which everybody outside says yes, and an order has all that it needs but for one thing, which a
// fact from outside changes, before the order or after it.
func supplied(t testing.TB, supply saga.Fact, change func(*stores)) sagacheck.World {
	s := plenty()
	change(&s)
	w := promptOrder(t)
	w.Outside = []*saga.Group{ // nobody refuses, and the customer does not cancel
		saga.Outside("restaurant", saga.Answers(func(f schemas.KitchenAsked) []saga.Fact {
			return saga.Say(schemas.RestaurantAccepted{OrderID: f.OrderID})
		}, saga.Says[schemas.RestaurantAccepted]())),
		saga.Outside("cook", saga.Answers(func(f schemas.KitchenAccepted) []saga.Fact {
			return saga.Say(schemas.MealCooked{OrderID: f.OrderID})
		}, saga.Says[schemas.MealCooked]())),
		saga.Outside("courier", saga.Answers(func(f schemas.DeliveryScheduled) []saga.Fact {
			return saga.Say(schemas.CourierDelivered{OrderID: f.OrderID})
		}, saga.Says[schemas.CourierDelivered]())),
	}
	w.Start = append(slices.Clone(w.Start), supply)
	w.Initially = nil
	for _, d := range []any{s.dish, s.ann, s.room, s.fleet, s.payer} {
		w.Initially = append(w.Initially, sagacheck.Choice{Documents: []any{d}})
	}
	w.Final = nil
	return w
}

// supplies are the worlds for the facts that no saga says: each is of use to an order, or to its failure.
func supplies(t testing.TB) map[string]sagacheck.World {
	one := 1
	return map[string]sagacheck.World{
		"dish.offered": supplied(t, schemas.DishOffered{SKU: "dal", RestaurantID: "rest", Name: "Dal", Price: rupees},
			func(s *stores) { s.dish = &inventory.Dish{SKU: "dal", Free: 1, Delivered: 1} }),
		"stock.delivered":   supplied(t, schemas.StockDelivered{DeliveryID: "d1", SKU: "dal", Quantity: 1}, func(s *stores) { s.dish = dal(0) }),
		"account.credited":  supplied(t, schemas.AccountCredited{CreditID: "c1", AccountID: "ann", Amount: rupees}, func(s *stores) { s.ann = ann(0) }),
		"account.blocked":   supplied(t, schemas.AccountBlocked{AccountID: "ann"}, func(*stores) {}),
		"account.unblocked": supplied(t, schemas.AccountUnblocked{AccountID: "ann"}, func(s *stores) { s.payer.Blocked = true }),
		"restaurant.opened": supplied(t, schemas.RestaurantOpened{RestaurantID: "rest", Name: "Rest", City: "mumbai", Places: &one}, func(s *stores) { s.room = room(0) }),
		"fleet.sized":       supplied(t, schemas.FleetSized{City: "mumbai", Couriers: &one}, func(s *stores) { s.fleet = &delivery.Fleet{City: "mumbai"} }),
	}
}

// P10: every arrow of the map is there for a reason: without it something goes wrong, or something that was declared never
// happens. An arrow without which nothing is different is one too many, or the exploration does not look where it should.
func TestEveryArrowMatters(t *testing.T) {
	order, supplies := []sagacheck.World{promptOrder(t), calmOrder(t), transfer(t)}, supplies(t)
	for _, w := range append(slices.Collect(maps.Values(supplies)), order...) {
		report(t, sagacheck.Explore(w)) // with all arrows nothing is wrong
	}
	for _, a := range arrows(groups(t)) {
		t.Run(strings.Join([]string{a.group, a.reaction, a.hears}, " "), func(t *testing.T) {
			worlds := order
			if supply, ok := supplies[a.hears]; ok {
				worlds = []sagacheck.World{supply}
			}
			for _, w := range worlds {
				if what := difference(w, a); what != "" {
					t.Log(what)
					return
				}
			}
			t.Error("without it nothing is different")
		})
	}
}

// difference is what is different in the world without an arrow; "" if nothing is.
func difference(w sagacheck.World, a arrow) string {
	w.StopAtFirst = true
	changed := sagacheck.Explore(without(w, a))
	if len(changed.Findings) > 0 {
		return changed.Findings[0].String()
	}
	whole := sagacheck.Explore(w)
	for _, gap := range changed.Gaps {
		if !slices.Contains(whole.Gaps, gap) && gap != a.group+"."+a.reaction+" never runs" {
			return gap
		}
	}
	return ""
}

// without is the world without one of its arrows.
func without(w sagacheck.World, a arrow) sagacheck.World {
	w.Groups = slices.Clone(w.Groups)
	for i, g := range w.Groups {
		if g.Name() == a.group {
			w.Groups[i] = g.Without(a.reaction, a.hears)
		}
	}
	return w
}
