package load

import (
	"math/rand/v2"
	"strconv"

	"tiffin/saga"
	"tiffin/schemas"
)

// Who and what there is in the load's own corner of the world, so that it is nobody else's stock that it sells. There are many of
// each, for the rules of fraud look at who pays too often in a minute, and a restaurant has at most so many places.
const (
	customers   = 1_000
	paupers     = 100
	restaurants = 10
	dishes      = 10 // of each restaurant
	currency    = "INR"
	plenty      = 10_000_000_000 // minor units
)

// World are the facts that make orders and payments end as they must: customers who have money, some who have none, one who is
// blocked; restaurants that have room, and one that has none; a city without couriers, a dish without portions. What a load uses up each
// run brings anew: stock and money are given under ids of the run, but for the little that those have who can't pay.
func World(run string) []saga.Fact {
	room, none := schemas.MaxCount, 0
	var facts []saga.Fact
	offer := func(restaurant, city, sku string, places *int, portions int) {
		facts = append(facts,
			schemas.RestaurantOpened{RestaurantID: restaurant, Name: restaurant, City: city, Places: places},
			schemas.DishOffered{SKU: sku, RestaurantID: restaurant, Name: sku, Price: schemas.Money{Currency: currency, MinorUnits: 12_000}})
		if portions > 0 {
			facts = append(facts, schemas.StockDelivered{DeliveryID: run + "-" + sku, SKU: sku, Quantity: portions})
		}
	}
	for r := range restaurants {
		city := numbered("load-city-", r)
		facts = append(facts, schemas.FleetSized{City: city, Couriers: &room})
		for d := range dishes {
			offer(numbered("load-restaurant-", r), city, numbered("load-dish-", r*dishes+d), &room, schemas.MaxDelivery)
		}
	}
	offer("load-restaurant-0", "load-city-0", "load-dish-sold-out", &room, 0)
	offer("load-restaurant-full", "load-city-0", "load-dish-full", &none, schemas.MaxDelivery)
	facts = append(facts, schemas.FleetSized{City: "load-island", Couriers: &none})
	offer("load-restaurant-island", "load-island", "load-dish-island", &room, schemas.MaxDelivery)

	credit := func(id, account string, minorUnits int64) {
		facts = append(facts, schemas.AccountCredited{
			CreditID: id + "-" + account, AccountID: account, Amount: schemas.Money{Currency: currency, MinorUnits: minorUnits},
		})
	}
	for c := range customers {
		credit(run, numbered("load-customer-", c), plenty)
	}
	for p := range paupers {
		credit("once", numbered("load-pauper-", p), 1) // a hundred runs would else make a payer of each
	}
	credit(run, "load-suspect", plenty)
	return append(facts, schemas.AccountBlocked{AccountID: "load-suspect"})
}

func numbered(name string, n int) string { return name + strconv.Itoa(n) }

// orderErrand are orders, most of which complete; the others fail in each way that needs nobody to misbehave.
func orderErrand() errand {
	order := func(customer func(*rand.Rand) string, restaurant, sku string) func([]byte, *rand.Rand) []byte {
		return func(b []byte, rng *rand.Rand) []byte {
			place, dish := restaurant, sku
			if place == "" {
				n := rng.IntN(restaurants * dishes)
				place, dish = numbered("load-restaurant-", n/dishes), numbered("load-dish-", n)
			}
			b = append(append(b, `{"customerId":"`...), customer(rng)...)
			b = append(append(b, `","restaurantId":"`...), place...)
			b = append(append(b, `","items":[{"sku":"`...), dish...)
			return append(b, `","quantity":1}]}`...)
		}
	}
	return errand{"/orders", []ending{
		{80, "completed", "", order(customer, "", "")},
		{4, "cancelled", schemas.ReasonSoldOut, order(customer, "load-restaurant-0", "load-dish-sold-out")},
		{4, "cancelled", schemas.ReasonInsufficientFunds, order(pauper, "", "")},
		{4, "cancelled", schemas.ReasonFlaggedByFraud, order(suspect, "", "")},
		{4, "cancelled", schemas.ReasonNoRoom, order(customer, "load-restaurant-full", "load-dish-full")},
		{4, "cancelled", schemas.ReasonNoCourier, order(customer, "load-restaurant-island", "load-dish-island")},
	}}
}

// paymentErrand are payments from one customer to another.
func paymentErrand() errand {
	payment := func(from func(*rand.Rand) string) func([]byte, *rand.Rand) []byte {
		return func(b []byte, rng *rand.Rand) []byte {
			payer := from(rng)
			payee := customer(rng)
			for payee == payer {
				payee = customer(rng)
			}
			b = append(append(b, `{"from":"`...), payer...)
			b = append(append(b, `","to":"`...), payee...)
			b = append(b, `","amount":{"currency":"`+currency+`","minorUnits":`...)
			return append(strconv.AppendInt(b, 100+rng.Int64N(10_000), 10), `}}`...)
		}
	}
	return errand{"/payments", []ending{
		{90, "succeeded", "", payment(customer)},
		{5, "failed", schemas.ReasonInsufficientFunds, payment(pauper)},
		{5, "failed", schemas.ReasonFlaggedByFraud, payment(suspect)},
	}}
}

func customer(rng *rand.Rand) string { return numbered("load-customer-", rng.IntN(customers)) }

func pauper(rng *rand.Rand) string { return numbered("load-pauper-", rng.IntN(paupers)) }

func suspect(*rand.Rand) string { return "load-suspect" }
