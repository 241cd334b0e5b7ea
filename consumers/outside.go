package consumers

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// Outside is everybody who says facts and is no consumer group: the APIs, the operator of the platform, and the people whom an
// order waits for.
func Outside() []*saga.Group {
	return []*saga.Group{
		saga.Outside("orders-api", saga.Begins[schemas.OrderPlaced](), saga.Begins[schemas.CancellationRequested]()),
		saga.Outside("payments-api", saga.Begins[schemas.PaymentInitiated]()),
		saga.Outside("likes-api", saga.Begins[schemas.PostLiked](), saga.Begins[schemas.PostUnliked]()),
		saga.Outside("operator",
			saga.Begins[schemas.RestaurantOpened](), saga.Begins[schemas.DishOffered](), saga.Begins[schemas.StockDelivered](),
			saga.Begins[schemas.FleetSized](), saga.Begins[schemas.AccountCredited](),
			saga.Begins[schemas.AccountBlocked](), saga.Begins[schemas.AccountUnblocked]()),
		saga.Outside("restaurant",
			saga.Answers(acceptOrReject, saga.Says[schemas.RestaurantAccepted](), saga.Says[schemas.RestaurantRejected]())),
		saga.Outside("cook", saga.Answers(cook, saga.Says[schemas.MealCooked]())),
		saga.Outside("courier",
			saga.Answers(deliverOrFail, saga.Says[schemas.CourierDelivered](), saga.Says[schemas.CourierFailed]())),
	}
}

func acceptOrReject(f schemas.KitchenAsked) []saga.Fact {
	return saga.Say(
		schemas.RestaurantAccepted{OrderID: f.OrderID},
		schemas.RestaurantRejected{OrderID: f.OrderID, Reason: schemas.ReasonRestaurantRefused})
}

func cook(f schemas.KitchenAccepted) []saga.Fact {
	return saga.Say(schemas.MealCooked{OrderID: f.OrderID})
}

func deliverOrFail(f schemas.DeliveryScheduled) []saga.Fact {
	return saga.Say(
		schemas.CourierDelivered{OrderID: f.OrderID},
		schemas.CourierFailed{OrderID: f.OrderID, Reason: schemas.ReasonCourierFailed})
}
