package worlds

import (
	"tiffin/consumers/inventory"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// transfers are the worlds of a payment between people.
func transfers() []sagacheck.World {
	cancelled, aged := aPayment(), aPayment()
	cancelled.Outside = []*saga.Group{confusedCustomer()}
	aged.Outside = []*saga.Group{confusedCustomer()}
	return []sagacheck.World{
		named("payment", "Ann pays bob, if she has the money, with a crash, deadlines, and two facts delivered twice.", repeated(2, crashing(aPayment()))),
		named("cancelled-payment", "Somebody cancels an order by the id of a payment, with a crash, deadlines, and two facts delivered twice.",
			repeated(2, crashing(cancelled))),
		named("old-payment", "A payment may become older than any should, and somebody cancels an order by its id.", ageing(aged, settlement{payments: []schemas.PaymentInitiated{initiated("ann", "bob")}})),
	}
}

func aPayment() sagacheck.World {
	p := initiated("ann", "bob")
	return sagacheck.World{
		Groups:    Choreography(),
		Start:     saga.Say(p),
		Deadlines: true,
		Initially: []sagacheck.Choice{
			oneOf(account("ann", 0), account("ann", price)),
			oneOf(account("bob", 0)),
			oneOf(payer("ann"), blocked("ann"), often("ann")),
		},
		Final: settlement{payments: []schemas.PaymentInitiated{p}}.wrong,
	}
}

// supplies are the worlds of the facts that no saga says: each is of use to an order, or to its failure, and may come
// before it or after it.
func supplies() []sagacheck.World {
	one := 1
	return []sagacheck.World{
		supplied("offered-dish", "A dish is offered while somebody orders it.", theDish,
			schemas.DishOffered{SKU: "dal", RestaurantID: "rest", Name: "Dal", Price: rupees}, &inventory.Dish{SKU: "dal", Free: 1, Delivered: 1}),
		supplied("delivered-stock", "Stock comes in while somebody orders of it.", theDish,
			schemas.StockDelivered{DeliveryID: "d1", SKU: "dal", Quantity: 1}, dal(0)),
		supplied("credited-account", "Somebody gets money while paying with it.", theAccount,
			schemas.AccountCredited{CreditID: "c1", AccountID: "ann", Amount: rupees}, account("ann", 0)),
		supplied("blocked-account", "An account is blocked while somebody pays from it.", thePayer,
			schemas.AccountBlocked{AccountID: "ann"}, payer("ann")),
		supplied("unblocked-account", "An account may be used again while somebody pays from it.", thePayer,
			schemas.AccountUnblocked{AccountID: "ann"}, blocked("ann")),
		supplied("opened-restaurant", "A restaurant gets a place while somebody needs it.", theRoom,
			schemas.RestaurantOpened{RestaurantID: "rest", Name: "Rest", City: "mumbai", Places: &one}, room(0)),
		supplied("sized-fleet", "A city gets a courier while somebody needs one.", theFleet,
			schemas.FleetSized{City: "mumbai", Couriers: &one}, fleet(0)),
	}
}

// suppliers are the types of facts that no order waits for.
var suppliers = []string{
	"dish.offered", "stock.delivered", "account.credited", "account.blocked", "account.unblocked", "restaurant.opened", "fleet.sized", "payment.initiated",
}

// supplied is a world in which everybody outside says yes, and an order has all that it needs but for one document, which a
// fact from outside changes.
func supplied(name, about string, which int, supply saga.Fact, lacking any) sagacheck.World {
	w := anOrder()
	w.Deadlines = false
	w.Outside = willing()
	w.Start = append(w.Start, supply)
	w.Initially = []sagacheck.Choice{
		theDish: oneOf(dal(1)), theAccount: oneOf(account("ann", price)), theRoom: oneOf(room(1)), theFleet: oneOf(fleet(1)), thePayer: oneOf(payer("ann")),
	}
	w.Initially[which] = oneOf(lacking)
	return named(name, about, repeated(1, w))
}

// willing are people who all say yes.
func willing() []*saga.Group {
	return []*saga.Group{
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
}
