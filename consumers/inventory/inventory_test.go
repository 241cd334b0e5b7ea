package inventory

import (
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

func inr(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }

func dish(sku string, price int64, free, held, sold int) *Dish {
	return &Dish{SKU: sku, RestaurantID: "annapurna", Name: "Dish", Price: inr(price), Free: free, Held: held, Sold: sold, Delivered: free + held + sold}
}

func placed(items ...schemas.Item) schemas.OrderPlaced {
	return schemas.OrderPlaced{OrderID: "o1", CustomerID: "ann", RestaurantID: "annapurna", Items: items}
}

var (
	twoAndOne = placed(schemas.Item{SKU: "dosa", Quantity: 2}, schemas.Item{SKU: "idli", Quantity: 1})
	reserved  = schemas.StockReserved{OrderID: "o1", CustomerID: "ann", RestaurantID: "annapurna", Total: inr(310)}
	accepted  = schemas.KitchenAccepted{OrderID: "o1", RestaurantID: "annapurna"}
)

func rejected(reason string) schemas.StockRejected {
	return schemas.StockRejected{OrderID: "o1", Reason: reason}
}

// script has dosas for 120 and idlis for 70, five of each. That free, held and sold are what was delivered is the dishes'
// Check, after every reaction.
func script(t *testing.T) *sagatest.Script {
	return sagatest.Group(t, Group()).Given(dish("dosa", 120, 5, 0, 0), dish("idli", 70, 5, 0, 0))
}

func TestADishIsOfferedAndDelivered(t *testing.T) {
	offered := schemas.DishOffered{SKU: "vada", RestaurantID: "annapurna", Name: "Dish", Price: inr(60)}
	delivered := schemas.StockDelivered{DeliveryID: "d1", SKU: "vada", Quantity: 8}
	again := schemas.StockDelivered{DeliveryID: "d2", SKU: "vada", Quantity: 1}
	script(t).
		Hears(offered).SaysNothing().Keeps(dish("vada", 60, 0, 0, 0)).
		Hears(delivered).SaysNothing().Keeps(dish("vada", 60, 8, 0, 0), &Delivery{DeliveryID: "d1", SKU: "vada", Quantity: 8}).
		Hears(delivered).SaysNothing().Keeps(dish("vada", 60, 8, 0, 0)).
		Hears(again).Keeps(dish("vada", 60, 9, 0, 0)).
		Hears(offered).Keeps(dish("vada", 60, 9, 0, 0))
}

func TestADishMayBeDeliveredBeforeItIsOffered(t *testing.T) {
	script(t).
		Hears(schemas.StockDelivered{DeliveryID: "d1", SKU: "vada", Quantity: 8}).
		Keeps(&Dish{SKU: "vada", Free: 8, Delivered: 8}).
		Hears(placed(schemas.Item{SKU: "vada", Quantity: 1})).Says(rejected(schemas.ReasonUnknownDish))
}

func TestAnOrderIsReservedAndUsedUp(t *testing.T) {
	script(t).
		Hears(twoAndOne).Says(reserved).Act("o1", saga.Done).
		Keeps(dish("dosa", 120, 3, 2, 0), dish("idli", 70, 4, 1, 0), &Reservation{OrderID: "o1", Items: twoAndOne.Items}).
		Hears(twoAndOne).SaysNothing().Keeps(dish("dosa", 120, 3, 2, 0)).
		Hears(accepted).SaysNothing().Act("o1", saga.Closed).
		Keeps(dish("dosa", 120, 3, 0, 2), dish("idli", 70, 4, 0, 1)).
		Hears(accepted).SaysNothing().Keeps(dish("dosa", 120, 3, 0, 2)).
		Hears(schemas.KitchenRejected{OrderID: "o1", Reason: "no-room"}).SaysNothing().Keeps(dish("dosa", 120, 3, 0, 2))
}

func TestTheLastPortionCanBeHad(t *testing.T) {
	script(t).Hears(placed(schemas.Item{SKU: "dosa", Quantity: 5})).
		Says(schemas.StockReserved{OrderID: "o1", CustomerID: "ann", RestaurantID: "annapurna", Total: inr(600)}).
		Keeps(dish("dosa", 120, 0, 5, 0))
}

func TestAReservedOrderKeepsItsPrice(t *testing.T) {
	script(t).Hears(twoAndOne).Says(reserved).
		Hears(schemas.DishOffered{SKU: "dosa", RestaurantID: "annapurna", Name: "Dish", Price: inr(999)}).
		Keeps(dish("dosa", 999, 3, 2, 0)).
		Hears(accepted).Keeps(dish("dosa", 999, 3, 0, 2))
}

// All of an order or nothing: whatever is wrong with one item, the others stay on the shelf.
func TestAnOrderIsRefused(t *testing.T) {
	elsewhere := dish("pav", 50, 5, 0, 0)
	elsewhere.RestaurantID = "tiny"
	abroad := dish("cake", 3, 5, 0, 0)
	abroad.Price.Currency = "EUR"
	dear := dish("truffle", schemas.MaxMinorUnits, 5, 0, 0)
	one := func(sku string) schemas.Item { return schemas.Item{SKU: sku, Quantity: 1} }
	for reason, test := range map[string]schemas.Item{
		schemas.ReasonUnknownDish:     one("dragon"),
		schemas.ReasonWrongRestaurant: one("pav"),
		schemas.ReasonSoldOut:         {SKU: "idli", Quantity: 6},
		schemas.ReasonMixedCurrencies: one("cake"),
		schemas.ReasonTooExpensive:    one("truffle"),
	} {
		t.Run(reason, func(t *testing.T) {
			script(t).Given(elsewhere, abroad, dear).
				Hears(placed(one("dosa"), test)).Says(rejected(reason)).Act("o1", saga.Refused).
				Keeps(dish("dosa", 120, 5, 0, 0), dish("idli", 70, 5, 0, 0)).
				Hears(accepted).SaysNothing().
				Hears(schemas.KitchenCancelled{OrderID: "o1", Reason: "changed-my-mind"}).SaysNothing().
				Keeps(dish("dosa", 120, 5, 0, 0))
		})
	}
}

func TestTheMostThatAnOrderMayCost(t *testing.T) {
	script(t).Given(dish("truffle", schemas.MaxMinorUnits, 5, 0, 0)).
		Hears(placed(schemas.Item{SKU: "truffle", Quantity: 1})).
		Says(schemas.StockReserved{OrderID: "o1", CustomerID: "ann", RestaurantID: "annapurna", Total: inr(schemas.MaxMinorUnits)})
	script(t).Given(dish("truffle", schemas.MaxMinorUnits, 99, 0, 0)).
		Hears(placed(schemas.Item{SKU: "truffle", Quantity: 99})).Says(rejected(schemas.ReasonTooExpensive))
}

func undos(reason string) []saga.Fact {
	return saga.Say(
		schemas.PaymentFailed{PaymentID: "o1", Purpose: schemas.ForOrder, Reason: reason},
		schemas.KitchenRejected{OrderID: "o1", Reason: reason},
		schemas.KitchenCancelled{OrderID: "o1", Reason: reason},
	)
}

func TestWhatWasHeldGoesBack(t *testing.T) {
	released := schemas.StockReleased{OrderID: "o1", Reason: "why-not"}
	for _, undo := range undos("why-not") {
		t.Run(undo.EventType(), func(t *testing.T) {
			s := script(t).Hears(twoAndOne).Hears(undo).Says(released).Act("o1", saga.Undone).
				Keeps(dish("dosa", 120, 5, 0, 0), dish("idli", 70, 5, 0, 0))
			for _, again := range undos("another") {
				s.Hears(again).SaysNothing()
			}
			s.Hears(accepted).SaysNothing().Hears(twoAndOne).SaysNothing().Keeps(dish("dosa", 120, 5, 0, 0))
		})
		t.Run(undo.EventType()+" comes first", func(t *testing.T) {
			script(t).Hears(undo).SaysNothing().Act("o1", saga.Barred).
				Hears(twoAndOne).Says(rejected(schemas.ReasonBarred(undo.EventType()))).Act("o1", saga.Refused).
				Keeps(dish("dosa", 120, 5, 0, 0))
		})
	}
}

func TestAnOrderThatIsTooOldIsRefused(t *testing.T) {
	script(t).HearsLate(twoAndOne, 25*time.Hour).Says(rejected(schemas.ReasonExpired)).Keeps(dish("dosa", 120, 5, 0, 0))
}

func TestAnotherPaymentLeavesNoTrace(t *testing.T) {
	s := script(t).Hears(schemas.PaymentFailed{PaymentID: "p1", Purpose: schemas.Transfer, Reason: "why-not"}).SaysNothing()
	if _, exists := sagatest.Load[Reservation](s.World(), "p1"); exists {
		t.Error("a payment from account to account left a reservation")
	}
}
