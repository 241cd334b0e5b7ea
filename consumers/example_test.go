package consumers_test

import (
	"errors"
	"fmt"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

// PointsGranted says that a customer has points for an order.
type PointsGranted struct {
	OrderID    string `json:"orderId"`
	CustomerID string `json:"customerId"`
	Points     int    `json:"points"`
}

func (PointsGranted) EventType() string { return "points.granted" }
func (PointsGranted) Topic() string     { return "loyalty" }
func (f PointsGranted) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f PointsGranted) Validate() error {
	var c schemas.Check
	c.ID("/orderId", f.OrderID)
	c.Account("/customerId", f.CustomerID)
	if f.Points < 0 || f.Points > schemas.MaxMinorUnits/100 {
		c.Fault("/points", "must be 0, or as many as an order may cost rupees")
	}
	return c.Err()
}

// PointsWithdrawn says that the order failed, and its points are gone. It undoes points.granted.
type PointsWithdrawn struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (PointsWithdrawn) EventType() string { return "points.withdrawn" }
func (PointsWithdrawn) Topic() string     { return "loyalty" }
func (f PointsWithdrawn) Key() string     { return f.OrderID }

// Grant is the group's part in one order.
type Grant struct {
	saga.Act
	OrderID, CustomerID string
	Points              int
}

// Card is what a customer has collected.
type Card struct {
	CustomerID string
	Points     int
}

// Check is the table's CHECK.
func (c *Card) Check() error {
	if c.Points < 0 {
		return errors.New("a card has less than no points")
	}
	return nil
}

var (
	grants = saga.In("grants", func(g *Grant) saga.Columns {
		return saga.Columns{{"order_id", &g.OrderID}, {"customer_id", &g.CustomerID}, {"points", &g.Points}}
	})
	cards = saga.In("cards", func(c *Card) saga.Columns {
		return saga.Columns{{"customer_id", &c.CustomerID}, {"points", &c.Points}}
	})
)

// Group declares the loyalty programme.
func Group() *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants, cards),
		saga.Concerns(schemas.OfAnOrder),
		saga.Does(grant, saga.Refuses(withhold), saga.Uses(cards),
			saga.Announces[PointsGranted](), saga.Fails[PointsWithdrawn](), saga.Announces[PointsWithdrawn]()),
		saga.Undoes(withdraw, saga.Uses(cards), saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded](),
			saga.Announces[PointsWithdrawn]()),
		saga.Then(keep, saga.Closes()),
	)
}

// grant gives a point for each rupee that the customer is about to pay.
func grant(g *Grant, e saga.Event[schemas.PaymentRequested]) []saga.Fact {
	g.CustomerID, g.Points = e.Fact.From, int(e.Fact.Amount.MinorUnits/100)
	cards.Get(e, g.CustomerID).Points += g.Points
	return saga.Say(PointsGranted{OrderID: g.OrderID, CustomerID: g.CustomerID, Points: g.Points})
}

// withhold answers an order whose failure was heard before it.
func withhold(g *Grant, _ saga.Event[schemas.PaymentRequested]) []saga.Fact {
	return saga.Say(PointsWithdrawn{OrderID: g.OrderID, Reason: schemas.ReasonBarred(g.MarkedBy())})
}

// withdraw takes the points back.
func withdraw(g *Grant, why saga.Cause) []saga.Fact {
	cards.Get(why, g.CustomerID).Points -= g.Points
	return saga.Say(PointsWithdrawn{OrderID: g.OrderID, Reason: schemas.ReasonOf(why.Fact)})
}

// keep: the restaurant has its money, so the points are past undoing.
func keep(*Grant, saga.Event[schemas.PaymentSettled]) []saga.Fact { return nil }

// A group of one's own, as the README's tutorial makes it: points for an order are granted, and taken back if it fails.
func Example() {
	rupees := schemas.Money{Currency: "INR", MinorUnits: 25000}
	requested := schemas.PaymentRequested{PaymentID: "o1", Purpose: schemas.ForOrder, From: "alice", To: "@escrow", Amount: rupees}
	settled := schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.ForOrder, To: "annapurna", Amount: rupees}
	refunded := schemas.PaymentRefunded{PaymentID: "o1", Purpose: schemas.ForOrder, Amount: rupees, Reason: "no-courier"}
	for _, facts := range [][]saga.Fact{{requested, settled, refunded}, {requested, refunded}, {refunded, requested}} {
		w := sagatest.New(Group())
		w.Say(facts...)
		if err := w.Run(); err != nil {
			panic(err)
		}
		card, _ := sagatest.Load[Card](w, "alice")
		act, _ := sagatest.Load[Grant](w, "o1")
		fmt.Println(w.Types()[len(facts):], "points:", card.Points, "act:", act.State())
	}
	// Output:
	// [points.granted] points: 250 act: closed
	// [points.granted points.withdrawn] points: 0 act: undone
	// [points.withdrawn] points: 0 act: refused
}
