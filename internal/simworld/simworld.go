// Package simworld is Tiffin in the simulator: all its groups, the people outside, orders, payments and likes, and a judge
// who asks what the audit asks.
package simworld

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tiffin/consumers"
	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/notification"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagasim"
	"tiffin/schemas"
)

// World is the food order, payments and likes, with short deadlines.
func World() (sagasim.World, error) {
	const patience = 6 * time.Second
	all, err := consumers.All(consumers.Config{
		Payments: payments.Config{FraudTime: patience},
		Kitchen:  kitchen.Config{AcceptTime: patience, PreparationTime: patience},
		Delivery: delivery.Config{DeliveryTime: patience},
		Notify:   notification.Config{Channel: channel{}},
		FraudRules: []fraud.Rule{
			{Reason: "account-blocked", When: "Blocked", Then: "flag"},
			{Reason: "look-at-it", When: `From == "trent"`, Then: "review"},
		},
	})
	if err != nil {
		return sagasim.World{}, err
	}
	w := sagasim.World{Outside: consumers.Outside(), Setup: setup(), Saga: begin}
	for _, c := range all {
		w.Groups = append(w.Groups, c.Group)
	}
	w.Judge = func(e *sagasim.End) []sagasim.Finding {
		b := NewBooks(e.Groups(), e, e.Now(), patience)
		return append(b.Wrong(), b.miscounted(e)...)
	}
	return w, nil
}

// channel delivers messages in the simulated world.
type channel struct{}

func (channel) Deliver(ctx context.Context, key string, _ notification.Message) error {
	return sagasim.Perform(ctx, key)
}

func rupees(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }

var (
	restaurants = []string{"annapurna", "tiny"}
	dishes      = map[string][]string{"annapurna": {"idli", "dosa"}, "tiny": {"paratha", "kulfi"}}
	people      = []string{"alice", "bob", "carol", "mallory", "trent"}
)

// setup is two restaurants, one with hardly any room, in two cities, one with hardly a courier.
func setup() []saga.Fact {
	many, one := 100, 1
	facts := []saga.Fact{
		schemas.RestaurantOpened{RestaurantID: "annapurna", Name: "Annapurna", City: "mumbai", Places: &many},
		schemas.RestaurantOpened{RestaurantID: "tiny", Name: "Tiny", City: "pune", Places: &one},
		schemas.FleetSized{City: "mumbai", Couriers: &many},
		schemas.FleetSized{City: "pune", Couriers: &one},
		schemas.AccountBlocked{AccountID: "mallory"},
	}
	for _, r := range restaurants {
		for i, sku := range dishes[r] {
			facts = append(facts,
				schemas.DishOffered{SKU: sku, RestaurantID: r, Name: sku, Price: rupees(500)},
				schemas.StockDelivered{DeliveryID: "first-" + sku, SKU: sku, Quantity: []int{10_000, 3}[i]})
		}
	}
	for _, p := range people {
		amount := int64(1_000_000)
		if p == "carol" {
			amount = 700
		}
		facts = append(facts, schemas.AccountCredited{AccountID: p, CreditID: "first-" + p, Amount: rupees(amount)})
	}
	return facts
}

// begin is an order, which may be cancelled at any time, a payment, or somebody who likes and unlikes.
func begin(r *rand.Rand, n int) []sagasim.Saying {
	switch r.IntN(8) {
	case 0:
		from := r.IntN(len(people))
		to := (from + 1 + r.IntN(len(people)-1)) % len(people)
		return []sagasim.Saying{{Fact: schemas.PaymentInitiated{
			PaymentID: fmt.Sprintf("pay-%d", n), From: people[from], To: people[to], Amount: rupees(1 + r.Int64N(1000)),
		}}}
	case 1:
		return like(r)
	}
	id := fmt.Sprintf("order-%d", n)
	restaurant := pick(r, restaurants)
	said := []sagasim.Saying{{Fact: schemas.OrderPlaced{
		OrderID: id, CustomerID: pick(r, people), RestaurantID: restaurant,
		Items: []schemas.Item{{SKU: pick(r, dishes[restaurant]), Quantity: 1 + r.IntN(2)}},
	}}}
	if r.IntN(3) == 0 {
		said = append(said, sagasim.Saying{At: time.Duration(r.Int64N(int64(20 * time.Second))), Fact: schemas.CancellationRequested{OrderID: id}})
	}
	return said
}

func like(r *rand.Rand) []sagasim.Saying {
	post, user := fmt.Sprintf("post-%d", r.IntN(2)), pick(r, people)
	at := sagasim.Epoch.Add(time.Duration(r.Int64N(int64(time.Minute))))
	said := []sagasim.Saying{{Fact: schemas.PostLiked{PostID: post, UserID: user, AcceptedAt: schemas.MomentOf(at)}}}
	if r.IntN(2) == 0 {
		said = append(said, sagasim.Saying{At: time.Second, Fact: schemas.PostUnliked{PostID: post, UserID: user, AcceptedAt: schemas.MomentOf(at.Add(time.Second))}})
	}
	return said
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }
