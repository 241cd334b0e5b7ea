package simulate

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// instant declares all parties in one group, without delays and, for restaurants whose couriers are prompt, without a
// document: what an order costs is then the product's own work.
func (s simulator) instant() *saga.Group {
	return saga.Define("simulator", saga.Documents(tasks),
		saga.On(s.acceptNow, saga.Uses(tasks), saga.Says[schemas.RestaurantAccepted](), saga.Says[schemas.RestaurantRejected]()),
		saga.On(s.cookNow, saga.Says[schemas.MealCooked]()),
		saga.On(s.rideNow, saga.Says[schemas.CourierDelivered](), saga.Says[schemas.CourierFailed]()),
	)
}

func (s simulator) acceptNow(e saga.Event[schemas.KitchenAsked]) []saga.Fact {
	if s.Manners[e.Fact.RestaurantID].Courier != Prompt {
		tasks.Get(e, e.Fact.OrderID).RestaurantID = e.Fact.RestaurantID
	}
	return s.accepts(e.Fact.OrderID, e.Fact.RestaurantID)
}

func (s simulator) cookNow(e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
	return s.cooks(e.Fact.OrderID, e.Fact.RestaurantID)
}

// rideNow delivers also when it does not know the restaurant yet, which happens to a group that has much to catch up on.
func (s simulator) rideNow(e saga.Event[schemas.DeliveryScheduled]) []saga.Fact {
	return s.rides(e.Fact.OrderID, tasks.Get(e, e.Fact.OrderID).RestaurantID)
}
