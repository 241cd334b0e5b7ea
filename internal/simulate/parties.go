package simulate

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// restaurant declares the restaurant: asked by the kitchen it accepts or refuses, unless the order is cancelled first.
func (s simulator) restaurant() *saga.Group {
	return saga.Define("simulated-restaurant", saga.Documents(newTasks()),
		saga.Does(s.askRestaurant, saga.Silently()),
		saga.Within(s.AcceptDelay,
			saga.Else(s.answer, saga.ClosesWith[schemas.RestaurantAccepted](), saga.ClosesWith[schemas.RestaurantRejected]())),
		saga.Within(s.SlowDelay,
			saga.Else(s.answerLate, saga.Closes(), saga.Says[schemas.RestaurantAccepted]())),
		saga.Then(cancelled, saga.Closes()),
		saga.Then(givenUp, saga.Closes()),
	)
}

func (s simulator) askRestaurant(t *Task, e saga.Event[schemas.KitchenAsked]) []saga.Fact {
	t.RestaurantID = e.Fact.RestaurantID
	return nil
}

func (s simulator) answer(t *Task, _ saga.Cause) []saga.Fact {
	if s.Manners[t.RestaurantID].Restaurant == Slow {
		return nil
	}
	return s.accepts(t.OrderID, t.RestaurantID)
}

func (s simulator) answerLate(t *Task, _ saga.Cause) []saga.Fact {
	return s.accepts(t.OrderID, t.RestaurantID)
}

// cancelled: nobody waits for the restaurant's answer any more.
func cancelled(*Task, saga.Event[schemas.KitchenCancelled]) []saga.Fact { return nil }

// givenUp: somebody has refused in the restaurant's place, or the kitchen has waited long enough.
func givenUp(*Task, saga.Event[schemas.KitchenRejected]) []saga.Fact { return nil }

// cook declares the cook, who says when the meal is ready.
func (s simulator) cook() *saga.Group {
	return saga.Define("simulated-cook", saga.Documents(newTasks()),
		saga.Does(s.askCook, saga.Silently()),
		saga.Within(s.CookDelay, saga.Else(s.dishUp, saga.ClosesWith[schemas.MealCooked]())),
		saga.Within(s.SlowDelay, saga.Else(s.dishUpLate, saga.Closes(), saga.Says[schemas.MealCooked]())),
	)
}

func (s simulator) askCook(t *Task, e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
	t.RestaurantID = e.Fact.RestaurantID
	return nil
}

func (s simulator) dishUp(t *Task, _ saga.Cause) []saga.Fact {
	if s.Manners[t.RestaurantID].Cook == Slow {
		return nil
	}
	return s.cooks(t.OrderID, t.RestaurantID)
}

func (s simulator) dishUpLate(t *Task, _ saga.Cause) []saga.Fact {
	return s.cooks(t.OrderID, t.RestaurantID)
}

// courier declares the courier, who delivers or fails. That a delivery is scheduled does not say from which restaurant:
// the courier remembers what the kitchen was asked. The two facts come on different topics, perhaps in the other order,
// but a deadline runs only when its lane has read everything before it: by the end of the ride both are known.
func (s simulator) courier() *saga.Group {
	return saga.Define("simulated-courier", saga.Documents(newTasks()),
		saga.Follows(remember, saga.Upon[schemas.KitchenAsked]()),
		saga.Does(s.askCourier, saga.Silently()),
		saga.Within(s.RideDelay,
			saga.Else(s.arrive, saga.ClosesWith[schemas.CourierDelivered](), saga.ClosesWith[schemas.CourierFailed]())),
		saga.Within(s.SlowDelay,
			saga.Else(s.arriveLate, saga.Closes(), saga.Says[schemas.CourierDelivered]())),
	)
}

func remember(t *Task, why saga.Cause) {
	t.RestaurantID = why.Fact.(schemas.KitchenAsked).RestaurantID
}

func (s simulator) askCourier(t *Task, _ saga.Event[schemas.DeliveryScheduled]) []saga.Fact {
	return nil
}

func (s simulator) arrive(t *Task, _ saga.Cause) []saga.Fact {
	if s.Manners[t.RestaurantID].Courier == Slow {
		return nil
	}
	return s.rides(t.OrderID, t.RestaurantID)
}

func (s simulator) arriveLate(t *Task, _ saga.Cause) []saga.Fact {
	return s.rides(t.OrderID, t.RestaurantID)
}
