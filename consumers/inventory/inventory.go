// Package inventory holds what an order needs until its restaurant has accepted it, or until the order fails.
//
// It prices an order from its own catalogue, for a price never comes from a client, and reserves all of it or nothing.
// Once the kitchen has accepted, the reservation is used up, past undoing.
package inventory

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// maxTotal is the most that one order may cost, in minor units: what a fact can carry as an amount.
const maxTotal = schemas.MaxMinorUnits

// Group declares the inventory.
func Group() *saga.Group {
	return saga.Define("inventory", saga.Documents(reservations, dishes, deliveries),
		saga.Concerns(schemas.OfAnOrder),
		saga.On(offer, saga.Uses(dishes)),
		saga.On(shelve, saga.Uses(dishes, deliveries)),
		saga.Does(reserve, saga.Refuses(expired), saga.Uses(dishes), saga.Says[schemas.StockReserved](), saga.Fails[schemas.StockRejected]()),
		saga.Then(consume, saga.Uses(dishes), saga.Closes()),
		saga.Undoes(release, saga.Uses(dishes), saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.KitchenRejected](), saga.Upon[schemas.KitchenCancelled](),
			saga.Says[schemas.StockReleased]()),
	)
}

// offer puts a dish on its restaurant's menu, or changes its name or price. Orders that are reserved keep their price.
func offer(e saga.Event[schemas.DishOffered]) []saga.Fact {
	d := dishes.Get(e, e.Fact.SKU)
	d.RestaurantID, d.Name, d.Price = e.Fact.RestaurantID, e.Fact.Name, e.Fact.Price
	return nil
}

// shelve adds a delivery to the stock, once: a delivery that is announced again is known by its id.
func shelve(e saga.Event[schemas.StockDelivered]) []saga.Fact {
	delivery := deliveries.Get(e, e.Fact.DeliveryID)
	if delivery.SKU != "" {
		return nil
	}
	d := dishes.Get(e, e.Fact.SKU)
	d.Free, d.Delivered = d.Free+e.Fact.Quantity, d.Delivered+e.Fact.Quantity
	delivery.SKU, delivery.Quantity = e.Fact.SKU, e.Fact.Quantity
	return nil
}

// reserve holds everything that the order asks for, or nothing.
func reserve(r *Reservation, e saga.Event[schemas.OrderPlaced]) []saga.Fact {
	wanted := dishes.All(e, skus(e.Fact.Items)...)
	total, reason := price(e.Fact, wanted)
	if reason != "" {
		return saga.Say(schemas.StockRejected{OrderID: r.OrderID, Reason: reason})
	}
	for i, item := range e.Fact.Items {
		wanted[i].Free, wanted[i].Held = wanted[i].Free-item.Quantity, wanted[i].Held+item.Quantity
	}
	r.Items = e.Fact.Items
	return saga.Say(schemas.StockReserved{OrderID: r.OrderID, CustomerID: e.Fact.CustomerID, RestaurantID: e.Fact.RestaurantID, Total: total})
}

// price is what the order costs, or the reason why it can't be had.
func price(order schemas.OrderPlaced, wanted []*Dish) (total schemas.Money, reason string) {
	for i, item := range order.Items {
		d := wanted[i]
		switch {
		case d.RestaurantID == "":
			return total, schemas.ReasonUnknownDish
		case d.RestaurantID != order.RestaurantID:
			return total, schemas.ReasonWrongRestaurant
		case d.Free < item.Quantity:
			return total, schemas.ReasonSoldOut
		case i > 0 && d.Price.Currency != total.Currency:
			return total, schemas.ReasonMixedCurrencies
		}
		total.Currency = d.Price.Currency
		total.MinorUnits += d.Price.MinorUnits * int64(item.Quantity)
		if total.MinorUnits > maxTotal {
			return total, schemas.ReasonTooExpensive
		}
	}
	return total, ""
}

func expired(r *Reservation, _ saga.Event[schemas.OrderPlaced]) []saga.Fact {
	return saga.Say(schemas.StockRejected{OrderID: r.OrderID, Reason: schemas.ReasonBarred(r.MarkedBy())})
}

// release puts back what reserve held.
func release(r *Reservation, why saga.Cause) []saga.Fact {
	for i, d := range dishes.All(why, skus(r.Items)...) {
		d.Free, d.Held = d.Free+r.Items[i].Quantity, d.Held-r.Items[i].Quantity
	}
	return saga.Say(schemas.StockReleased{OrderID: r.OrderID, Reason: schemas.ReasonOf(why.Fact)})
}

// consume: the kitchen has it; from here on a failure writes it off.
func consume(r *Reservation, e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
	for i, d := range dishes.All(e, skus(r.Items)...) {
		d.Held, d.Sold = d.Held-r.Items[i].Quantity, d.Sold+r.Items[i].Quantity
	}
	return nil
}

func skus(items []schemas.Item) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item.SKU
	}
	return out
}
