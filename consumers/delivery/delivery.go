// Package delivery sends a courier with each meal that is ready, and gets the courier back whatever happens.
//
// A city has as many couriers as its fleet says; without a free one the delivery fails. A courier who never reports has
// failed too, once the time is over.
package delivery

import (
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config says how long the delivery waits for a courier.
type Config struct {
	// DeliveryTime is how long a courier may take. Defaults to 1 hour.
	DeliveryTime time.Duration
}

// Group declares the delivery.
func Group(cfg Config) *saga.Group {
	if cfg.DeliveryTime == 0 {
		cfg.DeliveryTime = time.Hour
	}
	return saga.Define("delivery", saga.Documents(trips, fleets),
		saga.On(size, saga.Uses(fleets)),
		saga.Does(schedule, saga.Refuses(expired), saga.Uses(fleets), saga.Says[schemas.DeliveryScheduled](), saga.Fails[schemas.DeliveryFailed]()),
		saga.Within(cfg.DeliveryTime,
			saga.Then(delivered, saga.Uses(fleets), saga.Says[schemas.DeliveryCompleted](), saga.Closes()),
			saga.Then(dropped, saga.Uses(fleets), saga.Fails[schemas.DeliveryFailed]()),
			saga.Else(lost, saga.Uses(fleets), saga.Fails[schemas.DeliveryFailed]()),
		),
	)
}

// size sets how many couriers a city has. Said again, it changes nothing; those who are out stay out, and leave when they
// come back if the fleet is too large then.
func size(e saga.Event[schemas.FleetSized]) []saga.Fact {
	f := fleets.Get(e, e.Fact.City)
	f.Couriers = max(*e.Fact.Couriers, f.Out)
	f.Free, f.Leaving = f.Couriers-f.Out, f.Couriers-*e.Fact.Couriers
	return nil
}

// schedule sends a courier, if one is free.
func schedule(t *Trip, e saga.Event[schemas.MealReady]) []saga.Fact {
	t.City = e.Fact.City
	f := fleets.Get(e, t.City)
	if f.Free == 0 {
		return t.failed(schemas.ReasonNoCourier)
	}
	f.Free, f.Out = f.Free-1, f.Out+1
	return saga.Say(schemas.DeliveryScheduled{OrderID: t.OrderID, City: t.City})
}

func expired(t *Trip, _ saga.Event[schemas.MealReady]) []saga.Fact {
	return t.failed(schemas.ReasonExpired)
}

func delivered(t *Trip, e saga.Event[schemas.CourierDelivered]) []saga.Fact {
	t.comeBack(e)
	return saga.Say(schemas.DeliveryCompleted{OrderID: t.OrderID})
}

func dropped(t *Trip, e saga.Event[schemas.CourierFailed]) []saga.Fact {
	t.comeBack(e)
	return t.failed(e.Fact.Reason)
}

func lost(t *Trip, why saga.Cause) []saga.Fact {
	t.comeBack(why)
	return t.failed(schemas.ReasonCourierTimedOut)
}

// comeBack gives the courier back, or lets one go if the fleet has one too many.
func (t *Trip) comeBack(c saga.Asking) {
	f := fleets.Get(c, t.City)
	f.Out--
	if f.Leaving > 0 {
		f.Leaving, f.Couriers = f.Leaving-1, f.Couriers-1
	} else {
		f.Free++
	}
}

func (t *Trip) failed(reason string) []saga.Fact {
	return saga.Say(schemas.DeliveryFailed{OrderID: t.OrderID, Reason: reason})
}
