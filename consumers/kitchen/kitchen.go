// Package kitchen cooks what has been paid for, and alone judges whether a cancellation came in time.
//
// A paid order takes a place in its restaurant's kitchen, if there is one, and the restaurant is asked. Its acceptance is
// the pivot of the whole saga: before it everything can be undone, after it the food is on the fire and a cancellation
// is too late. A restaurant that never answers refuses; a cook who never says that the meal is ready is assumed to be.
package kitchen

import (
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config says how long the kitchen waits for people.
type Config struct {
	// AcceptTime is how long a restaurant may take to accept or refuse an order. Defaults to 10 minutes.
	AcceptTime time.Duration
	// PreparationTime is how long a cook may take; then the meal is taken to be ready. Defaults to 30 minutes.
	PreparationTime time.Duration
}

func (c Config) withDefaults() Config {
	if c.AcceptTime == 0 {
		c.AcceptTime = 10 * time.Minute
	}
	if c.PreparationTime == 0 {
		c.PreparationTime = 30 * time.Minute
	}
	return c
}

// Group declares the kitchen.
func Group(cfg Config) *saga.Group {
	cfg = cfg.withDefaults()
	return saga.Define("kitchen", saga.Documents(tickets, rooms),
		saga.Concerns(schemas.OfAnOrder),
		saga.On(open, saga.Uses(rooms)),
		saga.Does(ask, saga.Refuses(expired), saga.Uses(rooms), saga.Says[schemas.KitchenAsked](), saga.Fails[schemas.KitchenRejected]()),
		saga.Within(cfg.AcceptTime,
			saga.Then(begin, saga.Pivots(), saga.Says[schemas.KitchenAccepted]()),
			saga.Then(decline, saga.Uses(rooms), saga.Fails[schemas.KitchenRejected]()),
			saga.Else(giveUp, saga.Uses(rooms), saga.Fails[schemas.KitchenRejected]()),
		),
		saga.Undoes(cancel, saga.EvenIfNothing(), saga.Uses(rooms), saga.Upon[schemas.CancellationRequested](), saga.TooLate(refuse),
			saga.Says[schemas.KitchenCancelled](), saga.Says[schemas.CancellationRefused]()),
		saga.Within(cfg.PreparationTime,
			saga.Then(cooked, saga.Uses(rooms), saga.Says[schemas.MealReady]()),
			saga.Else(assumeCooked, saga.Uses(rooms), saga.Says[schemas.MealReady]()),
		),
		saga.Then(writeOff, saga.Says[schemas.MealWrittenOff](), saga.Closes()),
	)
}

// open sets how many orders a restaurant can cook at once. Said again, it changes nothing; said otherwise, orders that
// are being cooked keep their places until they leave them.
func open(e saga.Event[schemas.RestaurantOpened]) []saga.Fact {
	room := rooms.Get(e, e.Fact.RestaurantID)
	room.Name, room.City = e.Fact.Name, e.Fact.City
	room.Places = max(*e.Fact.Places, room.Busy)
	room.Free, room.Closing = room.Places-room.Busy, room.Places-*e.Fact.Places
	return nil
}

// ask takes a place for a paid order, if there is room, and asks the restaurant.
func ask(t *Ticket, e saga.Event[schemas.PaymentSucceeded]) []saga.Fact {
	t.RestaurantID = string(e.Fact.RestaurantID)
	room := rooms.Get(e, t.RestaurantID)
	switch {
	case room.Name == "":
		return t.rejected(schemas.ReasonRestaurantClosed)
	case room.Free == 0:
		return t.rejected(schemas.ReasonNoRoom)
	}
	room.Free, room.Busy = room.Free-1, room.Busy+1
	return saga.Say(schemas.KitchenAsked{OrderID: t.OrderID, RestaurantID: t.RestaurantID})
}

func expired(t *Ticket, _ saga.Event[schemas.PaymentSucceeded]) []saga.Fact {
	return t.rejected(schemas.ReasonBarred(t.MarkedBy()))
}

// begin is the pivot: the restaurant has accepted.
func begin(t *Ticket, _ saga.Event[schemas.RestaurantAccepted]) []saga.Fact {
	return saga.Say(schemas.KitchenAccepted{OrderID: t.OrderID, RestaurantID: t.RestaurantID})
}

func decline(t *Ticket, e saga.Event[schemas.RestaurantRejected]) []saga.Fact {
	t.leave(e)
	return t.rejected(e.Fact.Reason)
}

func giveUp(t *Ticket, why saga.Cause) []saga.Fact {
	t.leave(why)
	return t.rejected(schemas.ReasonRestaurantTimedOut)
}

// cancel gives the place back. It also answers when the order has not come yet: everyone waits for this verdict.
func cancel(t *Ticket, why saga.Cause) []saga.Fact {
	if !why.Nothing {
		t.leave(why)
	}
	return saga.Say(schemas.KitchenCancelled{OrderID: t.OrderID, Reason: schemas.ReasonCancelledByCustomer})
}

// refuse answers a cancellation that came after the pivot.
func refuse(t *Ticket, _ saga.Cause) []saga.Fact {
	return saga.Say(schemas.CancellationRefused{OrderID: t.OrderID, Reason: schemas.ReasonTooLate})
}

func cooked(t *Ticket, e saga.Event[schemas.MealCooked]) []saga.Fact { return t.ready(e) }

func assumeCooked(t *Ticket, why saga.Cause) []saga.Fact { return t.ready(why) }

// writeOff ends the ticket of a meal that never arrived.
func writeOff(t *Ticket, _ saga.Event[schemas.DeliveryFailed]) []saga.Fact {
	return saga.Say(schemas.MealWrittenOff{OrderID: t.OrderID})
}

func (t *Ticket) ready(c saga.Asking) []saga.Fact {
	room := t.leave(c)
	return saga.Say(schemas.MealReady{OrderID: t.OrderID, RestaurantID: t.RestaurantID, City: room.City})
}

// leave gives the ticket's place back, or closes it if the kitchen has one too many.
func (t *Ticket) leave(c saga.Asking) *Room {
	room := rooms.Get(c, t.RestaurantID)
	room.Busy--
	if room.Closing > 0 {
		room.Closing, room.Places = room.Closing-1, room.Places-1
	} else {
		room.Free++
	}
	return room
}

func (t *Ticket) rejected(reason string) []saga.Fact {
	return saga.Say(schemas.KitchenRejected{OrderID: t.OrderID, Reason: reason})
}
