package worlds

import (
	"fmt"

	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
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
	old      bool  // something may be too old to be judged and counted
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
	if what := s.miscounted(v); what != "" {
		return what
	}
	return held(v)
}

// at is the document with this key, or an empty one.
func at[D any](v sagacheck.View, key string) (document D) {
	if d := sagacheck.Document[D](v, key); d != nil {
		document = *d
	}
	return document
}

func balance(v sagacheck.View, owner string) int64 {
	return at[payments.Account](v, owner+"/INR").Balance
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
	o := at[orders.Order](v, id)
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
	switch {
	case at[inventory.Dish](v, "dal").Held != 0:
		return "stock is held for ever"
	case at[delivery.Fleet](v, "mumbai").Out != 0:
		return "a courier is out for ever"
	case at[kitchen.Room](v, "rest").Busy != 0:
		return "a place in the kitchen is taken for ever"
	}
	return ""
}

// miscounted says that a payer's payments were not counted once each; "" if they were.
func (s settlement) miscounted(v sagacheck.View) string {
	judged := map[string]int{}
	for _, id := range s.orders {
		judged["ann"] += v.Said("payment.cleared", id) + v.Said("payment.flagged", id)
	}
	for _, p := range s.payments {
		judged[p.From] += v.Said("payment.cleared", p.PaymentID) + v.Said("payment.flagged", p.PaymentID)
	}
	for owner, n := range judged {
		if is := at[fraud.Payer](v, owner).Payments; !s.old && is != n && is != manyPayments {
			return fmt.Sprintf("%s's payments are counted as %d, and fraud has judged %d", owner, is, n)
		}
	}
	return ""
}
