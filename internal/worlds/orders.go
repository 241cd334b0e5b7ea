package worlds

import (
	"slices"

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

// alone are the worlds of one order.
func alone() []sagacheck.World {
	return []sagacheck.World{
		named("one-order", "One order meets every failure, every answer or silence, every deadline, a cancellation at any time, and a crash between commit and send.",
			crashing(anOrder())),
		named("prompt-order", "Nobody is late: no deadline passes, so what waits for one waits for ever.", prompt()),
		named("own-order", "A restaurant orders from itself: payer and payee are one account.", ownOrder()),
		named("early-cancellation", "An order is cancelled before it is placed, if it ever is, with a crash, and one fact delivered twice.",
			repeated(1, crashing(early()))),
		named("old-order", "An order may become older than any should, and be cancelled before or after; marks of what came first may have expired.",
			ageing(anOrder(), settlement{orders: []string{"o1"}})),
		named("old-cancellation", "A cancellation comes first, and the order, if it ever comes, may come when the marks have expired.",
			ageing(early(), settlement{orders: []string{"o1"}})),
		named("repeated-order", "One order, with a crash, and one fact delivered twice, the second time at any later time.", repeated(1, crashing(anOrder()))),
		named("twice-repeated-order", "One order, with a crash, and two facts delivered twice, or one three times.", repeated(2, crashing(anOrder()))),
		named("unasked-order", "Somebody says one thing about an order that nobody may have asked, and one fact is delivered twice.", repeated(1, unasked())),
	}
}

func named(name, about string, w sagacheck.World) sagacheck.World {
	w.Name, w.About = name, about
	return w
}

func crashing(w sagacheck.World) sagacheck.World {
	w.Crashes = true
	return w
}

func repeated(times int, w sagacheck.World) sagacheck.World {
	w.Duplicates = times
	return w
}

// again lets each type of facts that has an influence on an order come once more.
func again(w sagacheck.World) sagacheck.World {
	for _, g := range w.Groups {
		for _, r := range g.Reactions() {
			for _, heard := range r.Hears {
				if g.Minds(heard.Type) && !slices.Contains(w.Again, heard.Type) && !slices.Contains(suppliers, heard.Type) {
					w.Again = append(w.Again, heard.Type)
				}
			}
		}
	}
	return w
}

// ageing lets sagas become too old, and settle in the end all the same.
func ageing(w sagacheck.World, s settlement) sagacheck.World {
	s.old = true
	w.Ages, w.Final = true, s.wrong
	return w
}

func prompt() sagacheck.World {
	w := anOrder()
	w.Deadlines = false
	w.Initially[thePayer] = oneOf(payer("ann"), blocked("ann")) // a person who is to have a look would never do so
	return w
}

// ownOrder is the world of an order by which the restaurant pays itself: it has in the end what it had.
func ownOrder() sagacheck.World {
	w, mine := anOrder(), placed("o1")
	mine.CustomerID = "rest"
	w.Start = saga.Say(mine)
	w.Initially[theAccount] = oneOf(account("rest", 0), account("rest", price))
	w.Initially[thePayer] = oneOf(payer("rest"))
	w.Final = func(v sagacheck.View) string {
		if what := orderWrong(v, "o1"); what != "" {
			return what
		}
		if balance(v, "@escrow") != 0 {
			return "the money is not where it belongs: it stays in escrow"
		}
		return held(v)
	}
	return w
}

// early is the world of a cancellation upon which the customer may order.
func early() sagacheck.World {
	w := anOrder()
	order := func(f schemas.CancellationRequested) []saga.Fact { return saga.Say(placed(f.OrderID)) }
	w.Start = saga.Say(schemas.CancellationRequested{OrderID: "o1"})
	w.Outside = append(consumers.Outside(), saga.Outside("customer", saga.Answers(order, saga.Says[schemas.OrderPlaced](), saga.Optional())))
	return w
}

// unasked is the world of an order about which a meddler says one thing, whether he is asked or not.
func unasked() sagacheck.World {
	w := anOrder()
	w.Outside = append(w.Outside, meddler())
	return w
}

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

// meetings are the worlds in which an order meets another, or a payment.
func meetings() []sagacheck.World {
	beside, confused := besideAPayment("ann"), besideAPayment("ann")
	beside.Initially[theAccount] = oneOf(account("ann", 0), account("ann", price), account("ann", 2*price))
	confused.Outside = append(confused.Outside, confusedCustomer())

	return []sagacheck.World{
		named("order-beside-payment", "Who has ordered pays somebody else meanwhile, with money for both, one or none, a crash, and one fact delivered twice.",
			repeated(1, crashing(beside))),
		named("spending-restaurant", "A restaurant that has nothing spends what an order brings as soon as it is there, with a crash, and one fact delivered twice.",
			repeated(1, crashing(spending(0)))),
		named("saving-restaurant", "A restaurant spends what it had before while an order may be refunded, with a crash, and one fact delivered twice.",
			repeated(1, crashing(spending(price)))),
		named("payment-cancelled-as-order", "Somebody cancels an order by the id of a payment, beside a true order, with a crash.",
			crashing(confused)),
		named("two-orders", "Two orders share dish, payer, kitchen and courier, of which there is enough for one or for both, with a crash.",
			crashing(twoOrders())),
		named("two-orders-again", "The same, without the crash; instead the first fact of each type comes once more, at any later time.", again(twoOrders())),
	}
}

// spending is the world of a restaurant that pays bob while an order is under way.
func spending(till int64) sagacheck.World {
	w := besideAPayment("rest")
	w.Initially = append(w.Initially, oneOf(account("rest", till)), oneOf(payer("rest")))
	w.Final = settlement{orders: []string{"o1"}, payments: []schemas.PaymentInitiated{initiated("rest", "bob")}, till: till}.wrong
	return w
}

// besideAPayment is an order's world in which a payment to bob is made meanwhile.
func besideAPayment(from string) sagacheck.World {
	w, p := anOrder(), initiated(from, "bob")
	w.Start = append(w.Start, p)
	w.Initially = append(w.Initially, oneOf(account("bob", 0)))
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
