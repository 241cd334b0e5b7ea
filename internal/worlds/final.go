package worlds

import (
	"fmt"

	"tiffin/consumers/delivery"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// settlement is what must hold at an end, beside what sagacheck looks at in every world: each order and each payment is all
// done or all undone, nothing is held for ever, and the money is where it belongs.
type settlement struct {
	orders   []string
	payments []schemas.PaymentInitiated
	till     int64 // what the restaurant has at the start
}

// wrong says what is wrong with an end; "" if nothing is.
func (s settlement) wrong(v sagacheck.View) string {
	has := map[string]int64{"rest": s.till, "bob": 0, "@escrow": 0}
	for _, id := range s.orders {
		if what := orderWrong(v, id); what != "" {
			return what
		}
		has["rest"] += price * int64(v.Said("order.completed", id))
	}
	for _, p := range s.payments {
		if what := paymentWrong(v, p.PaymentID); what != "" {
			return what
		}
		paid := price * int64(v.Said("payment.settled", p.PaymentID))
		has[p.From] -= paid
		has[p.To] += paid
	}
	for _, owner := range []string{"rest", "bob", "@escrow"} {
		if is := balance(v, owner); is != has[owner] {
			return fmt.Sprintf("the money is not where it belongs: %s has %d, and should have %d", owner, is, has[owner])
		}
	}
	return held(v)
}

func balance(v sagacheck.View, owner string) int64 {
	if a := sagacheck.Document[payments.Account](v, owner+"/INR"); a != nil {
		return a.Balance
	}
	return 0
}

// orderWrong is what is wrong with an order: it ends, all of it is done or all of it is undone, and its customer is answered.
func orderWrong(v sagacheck.View, id string) string {
	completed, cancelled := v.Said("order.completed", id), v.Said("order.cancelled", id)
	cooked := v.Said("kitchen.accepted", id) > 0
	used := sagacheck.Act[inventory.Reservation](v, id) == saga.Closed
	settled := sagacheck.Act[payments.Payment](v, id) == saga.Closed
	switch {
	case v.Said("order.placed", id) == 0 && completed+cancelled > 0:
		return "an order ends that was never placed"
	case v.Said("order.placed", id) == 0:
		return ""
	case completed+cancelled == 0:
		return "an order never ends"
	case v.Said("cancellation.requested", id) > 0 && v.Said("cancellation.refused", id) == 0 && completed > 0:
		return "a cancellation is never answered"
	case v.Said("cancellation.refused", id) > 1:
		return "a cancellation is refused twice"
	case used != cooked:
		return fmt.Sprintf("half done: cooked %v, stock used up %v", cooked, used)
	case settled != (completed == 1):
		return fmt.Sprintf("half done: completed %v, settled %v", completed == 1, settled)
	}
	o := sagacheck.Document[orders.Order](v, id)
	switch {
	case o.CustomerID == "" || o.RestaurantID != "rest" || len(o.Items) != 1:
		return "an order has ended, and nobody knows whose it was"
	case v.Said("stock.reserved", id) > 0 && o.Total != rupees:
		return "an order has ended, and nobody knows what it cost"
	case cancelled == 1 && o.Reason == "":
		return "an order is cancelled, and nobody knows why"
	}
	return ""
}

// paymentWrong is what is wrong with a payment between people: it is settled or fails, and no group that cares for orders
// has heard of it.
func paymentWrong(v sagacheck.View, id string) string {
	settled, failed := v.Said("payment.settled", id), v.Said("payment.failed", id)
	switch {
	case settled+failed == 0:
		return "a payment never ends"
	case settled+failed > 1:
		return "a payment ends twice"
	case v.Said("payment.succeeded", id) != settled:
		return "a payment between people succeeds and is not settled"
	case v.Said("order.completed", id)+v.Said("order.cancelled", id) > 0:
		return "a payment between people ends like an order"
	case v.Said("cancellation.requested", id) > 0:
		return "" // then they have
	case sagacheck.Document[inventory.Reservation](v, id) != nil, sagacheck.Document[kitchen.Ticket](v, id) != nil,
		sagacheck.Document[delivery.Trip](v, id) != nil, sagacheck.Document[orders.Order](v, id) != nil:
		return "a payment between people leaves a row with who cares for orders"
	}
	return ""
}

// held says what is held for ever; "" if nothing is.
func held(v sagacheck.View) string {
	if d := sagacheck.Document[inventory.Dish](v, "dal"); d != nil && d.Held != 0 {
		return "stock is held for ever"
	}
	if f := sagacheck.Document[delivery.Fleet](v, "mumbai"); f != nil && f.Out != 0 {
		return "a courier is out for ever"
	}
	if r := sagacheck.Document[kitchen.Room](v, "rest"); r != nil && r.Busy != 0 {
		return "a place in the kitchen is taken for ever"
	}
	return ""
}
