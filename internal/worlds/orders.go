package worlds

import (
	"tiffin/consumers"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// Where a document stands in the Initially of anOrder.
const (
	theDish = iota
	theAccount
	theRoom
	theFleet
	thePayer
)

// anOrder is the world of one order that can fail in every way: there may be a portion or none, money or none, and so on. Who
// is asked from outside gives any answer, or none until a deadline passes, and the customer may cancel at any time.
func anOrder() sagacheck.World {
	return sagacheck.World{
		Groups:    Choreography(),
		Start:     saga.Say(placed("o1")),
		Outside:   append(consumers.Outside(), customer()),
		Deadlines: true,
		Initially: []sagacheck.Choice{
			theDish:    oneOf(dal(0), dal(1)),
			theAccount: oneOf(account("ann", 0), account("ann", price)),
			theRoom:    oneOf(room(0), room(1)),
			theFleet:   oneOf(fleet(0), fleet(1)),
			thePayer:   oneOf(payer("ann"), blocked("ann"), often("ann")),
		},
		Final: settlement{orders: []string{"o1"}}.wrong,
	}
}

// order is the worlds of one order.
func order() []World {
	crash, repeated, twice, prompt, unasked, own, early := anOrder(), anOrder(), anOrder(), anOrder(), anOrder(), anOrder(), anOrder()
	crash.Crashes = true
	repeated.Crashes, repeated.Duplicates = true, 1
	twice.Crashes, twice.Duplicates = true, 2

	prompt.Deadlines = false
	prompt.Initially[thePayer] = oneOf(payer("ann"), blocked("ann")) // a person who is to have a look would never do so

	unasked.Outside = append(unasked.Outside, meddler())
	unasked.Duplicates = 1

	mine := placed("o1")
	mine.CustomerID = "rest"
	own.Start = saga.Say(mine)
	own.Initially[theAccount] = oneOf(account("rest", 0), account("rest", price))
	own.Initially[thePayer] = oneOf(payer("rest"))
	own.Final = ownOrder

	early.Start = saga.Say(schemas.CancellationRequested{OrderID: "o1"})
	early.Outside = append(consumers.Outside(), undecided())
	early.Crashes, early.Duplicates = true, 1

	return []World{
		{
			Name: "one-order", World: crash,
			About: "One order meets every failure, every answer or silence, every deadline, a cancellation at any time, and a crash between commit and send.",
		},
		{
			Name: "prompt-order", World: prompt,
			About: "Nobody is late: no deadline passes, so what waits for one waits for ever.",
		},
		{
			Name: "own-order", World: own,
			About: "A restaurant orders from itself: payer and payee are one account.",
		},
		{
			Name: "early-cancellation", World: early,
			About: "An order is cancelled before it is placed, if it ever is, with a crash and one fact delivered twice.",
		},
		{
			Name: "repeated-order", World: repeated,
			About: "One order, with a crash and one fact delivered twice, the second time at any later time.",
		},
		{
			Name: "unasked-order", World: unasked, Large: true,
			About: "One order about which somebody outside says one thing that nobody may have asked, and one fact is delivered twice.",
		},
		{
			Name: "twice-repeated-order", World: twice, Large: true,
			About: "One order, with a crash and two facts delivered twice, or one three times.",
		},
	}
}

// meddler says one thing about an order, whether he is asked or not.
func meddler() *saga.Group {
	say := func(f schemas.OrderPlaced) []saga.Fact {
		return saga.Say(
			schemas.RestaurantAccepted{OrderID: f.OrderID},
			schemas.RestaurantRejected{OrderID: f.OrderID, Reason: schemas.ReasonRestaurantRefused},
			schemas.MealCooked{OrderID: f.OrderID},
			schemas.CourierDelivered{OrderID: f.OrderID},
			schemas.CourierFailed{OrderID: f.OrderID, Reason: schemas.ReasonCourierFailed})
	}
	return saga.Outside("meddler", saga.Answers(say, saga.Optional(),
		saga.Says[schemas.RestaurantAccepted](), saga.Says[schemas.RestaurantRejected](), saga.Says[schemas.MealCooked](),
		saga.Says[schemas.CourierDelivered](), saga.Says[schemas.CourierFailed]()))
}

// undecided may order what was cancelled.
func undecided() *saga.Group {
	order := func(f schemas.CancellationRequested) []saga.Fact { return saga.Say(placed(f.OrderID)) }
	return saga.Outside("customer", saga.Answers(order, saga.Says[schemas.OrderPlaced](), saga.Optional()))
}

// ownOrder is the settlement of an order by which the restaurant pays itself: it has in the end what it had.
func ownOrder(v sagacheck.View) string {
	if what := orderWrong(v, "o1"); what != "" {
		return what
	}
	if balance(v, "@escrow") != 0 {
		return "the money is not where it belongs: it stays in escrow"
	}
	return held(v)
}

// meetings are the worlds in which an order meets another, or a payment.
func meetings() []World {
	beside, spending, saving, confused := besideAPayment("ann"), besideAPayment("rest"), besideAPayment("rest"), besideAPayment("ann")
	spending.Initially = append(spending.Initially, oneOf(account("rest", 0)), oneOf(payer("rest")))
	saving.Initially = append(saving.Initially, oneOf(account("rest", price)), oneOf(payer("rest")))
	saving.Final = settlement{orders: []string{"o1"}, payments: []schemas.PaymentInitiated{initiated("rest", "bob")}, till: price}.wrong
	beside.Initially[theAccount] = oneOf(account("ann", 0), account("ann", price), account("ann", 2*price))
	confused.Outside = append(confused.Outside, confusedCustomer())

	return []World{
		{
			Name: "order-beside-payment", World: beside, Large: true,
			About: "Who has ordered pays somebody else meanwhile, with money for both, one or none, a crash, and one fact delivered twice.",
		},
		{
			Name: "spending-restaurant", World: spending, Large: true,
			About: "A restaurant that has nothing spends what an order brings as soon as it is there, with a crash, and one fact delivered twice.",
		},
		{
			Name: "saving-restaurant", World: saving, Large: true,
			About: "A restaurant spends what it had before while an order may be refunded, with a crash, and one fact delivered twice.",
		},
		{
			Name: "payment-cancelled-as-order", World: confused, Large: true,
			About: "Somebody cancels an order by the id of a payment, beside a true order, with a crash, and one fact delivered twice.",
		},
		{
			Name: "two-orders", World: twoOrders(), Large: true,
			About: "Two orders share dish, payer, kitchen and courier, of which there is enough for one or for both, with a crash.",
		},
	}
}

// besideAPayment is an order's world in which a payment to bob is made meanwhile.
func besideAPayment(from string) sagacheck.World {
	w, p := anOrder(), initiated(from, "bob")
	w.Start = append(w.Start, p)
	w.Initially = append(w.Initially, oneOf(account("bob", 0)))
	w.Crashes, w.Duplicates = true, 1
	w.Final = settlement{orders: []string{"o1"}, payments: []schemas.PaymentInitiated{p}}.wrong
	return w
}

// confusedCustomer may cancel a payment as if it were an order.
func confusedCustomer() *saga.Group {
	cancel := func(f schemas.PaymentInitiated) []saga.Fact {
		return saga.Say(schemas.CancellationRequested{OrderID: f.PaymentID})
	}
	return saga.Outside("confused", saga.Answers(cancel, saga.Says[schemas.CancellationRequested](), saga.Optional()))
}

func twoOrders() sagacheck.World {
	w := anOrder()
	w.Start = saga.Say(placed("o1"), placed("o2"))
	w.Outside = consumers.Outside()
	w.Crashes = true
	w.Initially = []sagacheck.Choice{
		oneOf(dal(1), dal(2)),
		oneOf(account("ann", price), account("ann", 2*price)),
		oneOf(room(1), room(2)),
		oneOf(fleet(1), fleet(2)),
		oneOf(payer("ann"), blocked("ann"), often("ann")),
	}
	w.Final = settlement{orders: []string{"o1", "o2"}}.wrong
	return w
}
