package simulate

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// instant declares all parties in one group, without delays and, for restaurants whose couriers are prompt, without a
// document: what an order costs is then the product's own work.
func (s simulator) instant() *saga.Group {
	i := instant{s, newTasks()}
	return saga.Define("simulator", saga.Documents(i.tasks),
		saga.On(i.acceptNow, saga.Uses(i.tasks), saga.Says[schemas.RestaurantAccepted](), saga.Says[schemas.RestaurantRejected]()),
		saga.On(i.cookNow, saga.Says[schemas.MealCooked]()),
		saga.On(i.rideNow, saga.Says[schemas.CourierDelivered](), saga.Says[schemas.CourierFailed]()),
	)
}

// instant has the reactions of parties that answer at once.
type instant struct {
	simulator
	tasks *saga.Table[Task]
}

func (i instant) acceptNow(e saga.Event[schemas.KitchenAsked]) []saga.Fact {
	if i.Manners[e.Fact.RestaurantID].Courier != Prompt {
		i.tasks.Get(e, e.Fact.OrderID).RestaurantID = e.Fact.RestaurantID
	}
	return i.accepts(e.Fact.OrderID, e.Fact.RestaurantID)
}

func (i instant) cookNow(e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
	return i.cooks(e.Fact.OrderID, e.Fact.RestaurantID)
}

// rideNow delivers also when it does not know the restaurant yet, which happens to a group that has much to catch up on.
func (i instant) rideNow(e saga.Event[schemas.DeliveryScheduled]) []saga.Fact {
	return i.rides(e.Fact.OrderID, i.tasks.Get(e, e.Fact.OrderID).RestaurantID)
}
