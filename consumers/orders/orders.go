// Package orders keeps the timeline of each order, from which its status follows, and owns its end. It steers nobody: it listens, and
// says how the order ended once everything is done, or everything is undone.
package orders

import (
	"strings"

	"tiffin/saga"
	"tiffin/schemas"
)

// Group declares orders.
func Group() *saga.Group {
	return saga.Define("orders", saga.Documents(orders, timeline),
		saga.Concerns(schemas.OfAnOrder),
		saga.Records(line, saga.Uses(timeline),
			saga.Upon[schemas.OrderPlaced](), saga.Upon[schemas.CancellationRequested](),
			saga.Upon[schemas.StockReserved](), saga.Upon[schemas.StockRejected](), saga.Upon[schemas.StockReleased](),
			saga.Upon[schemas.PaymentRequested](), saga.Upon[schemas.PaymentCleared](), saga.Upon[schemas.PaymentFlagged](),
			saga.Upon[schemas.PaymentSucceeded](), saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded](), saga.Upon[schemas.PaymentSettled](),
			saga.Upon[schemas.KitchenAsked](), saga.Upon[schemas.RestaurantAccepted](), saga.Upon[schemas.RestaurantRejected](),
			saga.Upon[schemas.KitchenAccepted](), saga.Upon[schemas.KitchenRejected](), saga.Upon[schemas.KitchenCancelled](), saga.Upon[schemas.CancellationRefused](),
			saga.Upon[schemas.MealCooked](), saga.Upon[schemas.MealReady](), saga.Upon[schemas.MealWrittenOff](),
			saga.Upon[schemas.DeliveryScheduled](), saga.Upon[schemas.CourierDelivered](), saga.Upon[schemas.CourierFailed](),
			saga.Upon[schemas.DeliveryCompleted](), saga.Upon[schemas.DeliveryFailed](),
		),
		saga.Follows(note, saga.Upon[schemas.OrderPlaced](), saga.Upon[schemas.StockReserved](),
			saga.Upon[schemas.StockRejected](), saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded]()),
		saga.Once(saga.AllOf(saga.Heard[schemas.OrderPlaced](), saga.Heard[schemas.DeliveryCompleted]()), complete,
			saga.Uses(timeline), saga.Ends[schemas.OrderCompleted]()),
		saga.Once(saga.AllOf(saga.Heard[schemas.OrderPlaced](), undone), cancel,
			saga.Uses(timeline), saga.Ends[schemas.OrderCancelled]()),
	)
}

// undone: nothing was ever done, or both the goods and the money are back.
var undone = saga.AnyOf(saga.Heard[schemas.StockRejected](), saga.AllOf(
	saga.AnyOf(saga.Heard[schemas.StockReleased](), saga.Heard[schemas.MealWrittenOff]()),
	saga.AnyOf(saga.Heard[schemas.PaymentFailed](), saga.Heard[schemas.PaymentRefunded]()),
))

func complete(o *Order, why saga.Cause) []saga.Fact {
	o.Ending = Completed
	return o.end(why, schemas.OrderCompleted{OrderID: o.OrderID}, "")
}

func cancel(o *Order, why saga.Cause) []saga.Fact {
	o.Ending = Cancelled
	return o.end(why, schemas.OrderCancelled{OrderID: o.OrderID, Reason: o.Reason}, o.Reason)
}

func (o *Order) end(why saga.Cause, end saga.Fact, reason string) []saga.Fact {
	timeline.Add(why, Line{OrderID: o.OrderID, Type: end.EventType(), Group: "orders", Reason: reason, At: why.Time})
	return saga.Say(end)
}

// note keeps what was ordered, what it costs, and why it failed. An order that is placed again, with whatever in it, is the
// one that was placed first: so the other groups have it too.
func note(o *Order, why saga.Cause) {
	switch f := why.Fact.(type) {
	case schemas.OrderPlaced:
		if o.CustomerID != "" {
			return
		}
		o.CustomerID, o.RestaurantID, o.Items, o.PlacedAt = f.CustomerID, f.RestaurantID, f.Items, why.Time
	case schemas.StockReserved:
		o.Total = f.Total
	default:
		o.fail(schemas.ReasonOf(why.Fact))
	}
}

// fail keeps the reason of the failure. A group that only came too late says so ("expired"); a reason that says more
// wins, whichever comes first.
func (o *Order) fail(reason string) {
	if !o.State().Final() && (o.Reason == "" || o.Reason == schemas.ReasonExpired) {
		o.Reason = reason
	}
}

// line writes the timeline: all that was said of an order, also what nobody had asked for or what came too late.
func line(why saga.Cause) {
	timeline.Add(why, Line{OrderID: why.Key, Type: why.Type, Group: speaker(why.Source), Reason: schemas.ReasonOf(why.Fact), At: why.Time})
}

// speaker is the group or door in an event's source: "/tiffin/kitchen" is kitchen. Who gives no source is a stranger.
func speaker(source string) string {
	if source == "" {
		return "stranger"
	}
	return source[strings.LastIndexByte(source, '/')+1:]
}
