package sagacheck_test

import (
	"errors"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// The tests' choreography is a shop: an order holds one thing on the shelf, its money goes into the till, and the kitchen
// accepts it, which is the pivot, or cancels it. What was accepted is delivered, or lost on its way: then the money goes back.

type order struct{ ID string }

func (o order) Key() string { return o.ID }

type (
	toOrders   struct{ order }
	toStock    struct{ order }
	toPayments struct{ order }
	toKitchen  struct{ order }

	Placed      struct{ toOrders }
	CancelAsked struct{ toOrders }
	Lost        struct{ toOrders }
	Delivered   struct{ toOrders }
	Held        struct{ toStock }
	NotHeld     struct{ toStock }
	Released    struct{ toStock }
	Paid        struct{ toPayments }
	NotPaid     struct{ toPayments }
	Refunded    struct{ toPayments }
	Accepted    struct{ toKitchen }
	NotAccepted struct{ toKitchen }
	Cancelled   struct{ toKitchen }
	TooLate     struct{ toKitchen }
)

func (toOrders) Topic() string   { return "orders" }
func (toStock) Topic() string    { return "stock" }
func (toPayments) Topic() string { return "payments" }
func (toKitchen) Topic() string  { return "kitchen" }

func (Placed) EventType() string      { return "placed" }
func (CancelAsked) EventType() string { return "cancel-asked" }
func (Lost) EventType() string        { return "lost" }
func (Delivered) EventType() string   { return "delivered" }
func (Held) EventType() string        { return "held" }
func (NotHeld) EventType() string     { return "not-held" }
func (Released) EventType() string    { return "released" }
func (Paid) EventType() string        { return "paid" }
func (NotPaid) EventType() string     { return "not-paid" }
func (Refunded) EventType() string    { return "refunded" }
func (Accepted) EventType() string    { return "accepted" }
func (NotAccepted) EventType() string { return "not-accepted" }
func (Cancelled) EventType() string   { return "cancelled" }
func (TooLate) EventType() string     { return "too-late" }

type Hold struct {
	saga.Act
	OrderID string
}

type Payment struct {
	saga.Act
	OrderID string
}

type Ticket struct {
	saga.Act
	OrderID string
}

// Shelf is what a shop has of one thing.
type Shelf struct {
	ID               string
	Free, Held, Used int
}

// Account is somebody's money.
type Account struct {
	ID      string
	Balance int
}

func (a *Account) Check() error {
	if a.Balance < 0 {
		return errors.New("an account is overdrawn")
	}
	return nil
}

// Conserved makes up the sum of all accounts.
func (a *Account) Conserved() int64 { return int64(a.Balance) }

var (
	holds    = saga.In("acts", func(h *Hold) saga.Columns { return saga.Columns{{Name: "order_id", At: &h.OrderID}} })
	payments = saga.In("acts", func(p *Payment) saga.Columns { return saga.Columns{{Name: "order_id", At: &p.OrderID}} })
	tickets  = saga.In("acts", func(t *Ticket) saga.Columns { return saga.Columns{{Name: "order_id", At: &t.OrderID}} })
	shelves  = saga.In("shelves", func(s *Shelf) saga.Columns {
		return saga.Columns{{Name: "id", At: &s.ID}, {Name: "free", At: &s.Free}, {Name: "held", At: &s.Held}, {Name: "used", At: &s.Used}}
	})
	accounts = saga.In("accounts", func(a *Account) saga.Columns {
		return saga.Columns{{Name: "id", At: &a.ID}, {Name: "balance", At: &a.Balance}}
	})
)

func hold(_ *Hold, e saga.Event[Placed]) []saga.Fact {
	s := shelves.Get(e, "s")
	if s.Free == 0 {
		return saga.Say(NotHeld{toStock(e.Fact.toOrders)})
	}
	s.Free, s.Held = s.Free-1, s.Held+1
	return saga.Say(Held{toStock(e.Fact.toOrders)})
}

func holdNot(_ *Hold, e saga.Event[Placed]) []saga.Fact {
	return saga.Say(NotHeld{toStock(e.Fact.toOrders)})
}

func release(h *Hold, why saga.Cause) []saga.Fact {
	s := shelves.Get(why, "s")
	s.Free, s.Held = s.Free+1, s.Held-1
	return saga.Say(Released{toStock{order{h.OrderID}}})
}

func use(_ *Hold, e saga.Event[Accepted]) []saga.Fact {
	s := shelves.Get(e, "s")
	s.Held, s.Used = s.Held-1, s.Used+1
	return nil
}

func pay(_ *Payment, e saga.Event[Held]) []saga.Fact {
	transfer(e, "ann", "till")
	return saga.Say(Paid{toPayments(e.Fact.toStock)})
}

func payNot(_ *Payment, e saga.Event[Held]) []saga.Fact {
	return saga.Say(NotPaid{toPayments(e.Fact.toStock)})
}

func refund(p *Payment, why saga.Cause) []saga.Fact {
	transfer(why, "till", "ann")
	return saga.Say(Refunded{toPayments{order{p.OrderID}}})
}

func settle(*Payment, saga.Event[Delivered]) []saga.Fact { return nil }

func transfer(c saga.Asking, from, to string) {
	pair := accounts.All(c, from, to)
	pair[0].Balance, pair[1].Balance = pair[0].Balance-5, pair[1].Balance+5
}

func accept(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
	return saga.Say(Accepted{toKitchen(e.Fact.toPayments)})
}

func acceptNot(_ *Ticket, e saga.Event[Paid]) []saga.Fact {
	return saga.Say(NotAccepted{toKitchen(e.Fact.toPayments)})
}

func cancel(t *Ticket, _ saga.Cause) []saga.Fact {
	return saga.Say(Cancelled{toKitchen{order{t.OrderID}}})
}

func refuse(t *Ticket, _ saga.Cause) []saga.Fact {
	return saga.Say(TooLate{toKitchen{order{t.OrderID}}})
}

// The lines of the declarations, which the seeded faults leave out or replace.
var (
	holds1   = saga.Does(hold, saga.Refuses(holdNot), saga.Uses(shelves), saga.Says[Held](), saga.Fails[NotHeld]())
	uses     = saga.Then(use, saga.Uses(shelves), saga.Closes())
	releases = saga.Undoes(release, saga.Upon[Cancelled](), saga.Uses(shelves), saga.Says[Released]())
	pays     = saga.Does(pay, saga.Refuses(payNot), saga.Uses(accounts), saga.Says[Paid](), saga.Fails[NotPaid]())
	settles  = saga.Then(settle, saga.Closes())
	refunds  = saga.Undoes(refund, saga.Upon[Cancelled](), saga.Upon[Lost](), saga.Uses(accounts), saga.Says[Refunded]())
)

func stock(parts ...saga.Part) *saga.Group {
	return saga.Define("stock", saga.Documents(holds, shelves), parts...)
}

func bank(parts ...saga.Part) *saga.Group {
	return saga.Define("bank", saga.Documents(payments, accounts), append(parts, settles)...)
}

func kitchen() *saga.Group {
	return saga.Define("kitchen", saga.Documents(tickets),
		saga.Does(accept, saga.Refuses(acceptNot), saga.Pivots(), saga.Says[Accepted](), saga.Fails[NotAccepted]()),
		saga.Undoes(cancel, saga.EvenIfNothing(), saga.Upon[CancelAsked](), saga.TooLate(refuse), saga.Says[Cancelled](), saga.Says[TooLate]()))
}

// shop is a world with one order, and one thing on the shelf.
func shop(stock, bank *saga.Group) sagacheck.World {
	return sagacheck.World{
		Groups: []*saga.Group{stock, bank, kitchen()},
		Start:  saga.Say(Placed{toOrders{order{"o1"}}}),
		Outside: []*saga.Group{
			saga.Outside("customer", saga.Answers(thinksAgain, saga.Says[CancelAsked](), saga.Optional())),
			saga.Outside("courier", saga.Answers(delivers, saga.Says[Lost](), saga.Says[Delivered]())),
		},
		Initially: []sagacheck.Choice{
			{Documents: []any{&Shelf{ID: "s", Free: 1}}},
			{Documents: []any{&Account{ID: "ann", Balance: 5}}},
			{Documents: []any{&Account{ID: "till", Balance: 5}}},
		},
		Final: goodShop,
	}
}

func thinksAgain(p Placed) []saga.Fact { return saga.Say(CancelAsked(p)) }

func delivers(a Accepted) []saga.Fact {
	return saga.Say(Lost{toOrders(a.toKitchen)}, Delivered{toOrders(a.toKitchen)})
}

func goodShop(v sagacheck.View) string {
	accepted, back := v.Said("accepted", "o1") > 0, v.Said("cancelled", "o1")+v.Said("lost", "o1") > 0
	shelf := sagacheck.Document[Shelf](v, "s")
	ann := sagacheck.Document[Account](v, "ann") // nil: nobody has looked which one it is
	switch {
	case (shelf.Used == 1) != accepted:
		return "what was accepted is used, and nothing else"
	case shelf.Held != 0:
		return "something is held for ever"
	case (ann == nil || ann.Balance == 5) != back:
		return "the money goes back when there is no meal, and only then"
	}
	return ""
}

// Reactions with faults.

// expire gives up a hold after a time, though others may still act upon it.
func expire(h *Hold, why saga.Cause) []saga.Fact { return release(h, why) }

// refundLost gives money back, and is no undo.
func refundLost(e saga.Event[Lost]) []saga.Fact {
	transfer(e, "till", "ann")
	return saga.Say(Refunded{toPayments(e.Fact.toOrders)})
}

// mint gives money back that it does not take from anywhere.
func mint(p *Payment, why saga.Cause) []saga.Fact {
	accounts.Get(why, "ann").Balance += 5
	return saga.Say(Refunded{toPayments{order{p.OrderID}}})
}
