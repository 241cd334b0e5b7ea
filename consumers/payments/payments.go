// Package payments moves money once fraud has cleared it: an order's into escrow, and from there on to the restaurant or
// back; another payment's straight from account to account.
//
// Money that may have to go back stays in escrow until the meal is delivered, for a restaurant that has spent it can't
// refund. The ledger is double-entry: each movement has two legs whose sum is zero, and no account of a person is ever
// overdrawn.
package payments

import (
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config says how long payments wait.
type Config struct {
	// FraudTime is how long the fraud check may take. Defaults to 15 minutes.
	FraudTime time.Duration
}

// Group declares payments.
func Group(cfg Config) *saga.Group {
	if cfg.FraudTime == 0 {
		cfg.FraudTime = 15 * time.Minute
	}
	return saga.Define("payments", saga.Documents(payments, accounts, credits, movements),
		saga.On(credit, saga.Uses(accounts, credits, movements)),
		saga.Does(openOrder, saga.Refuses(expiredOrder), saga.Says[schemas.PaymentRequested](), saga.Fails[schemas.PaymentFailed]()),
		saga.Does(openTransfer, saga.Refuses(expiredTransfer), saga.Says[schemas.PaymentRequested](), saga.Fails[schemas.PaymentFailed]()),
		saga.Within(cfg.FraudTime,
			saga.Then(move, saga.Uses(accounts, movements), saga.Says[schemas.PaymentSucceeded](), saga.Fails[schemas.PaymentFailed](),
				saga.ClosesWith[schemas.PaymentSettled]()),
			saga.Then(flagged, saga.Fails[schemas.PaymentFailed]()),
			saga.Else(unchecked, saga.Fails[schemas.PaymentFailed]()),
		),
		saga.Undoes(refund, saga.Uses(accounts, movements),
			saga.Upon[schemas.KitchenRejected](), saga.Upon[schemas.KitchenCancelled](), saga.Upon[schemas.DeliveryFailed](),
			saga.Says[schemas.PaymentRefunded](), saga.Says[schemas.PaymentFailed]()),
		saga.Then(settle, saga.Uses(accounts, movements), saga.ClosesWith[schemas.PaymentSettled]()),
	)
}

// credit adds money from outside, once: a credit that is announced again is known by its id.
func credit(e saga.Event[schemas.AccountCredited]) []saga.Fact {
	c := credits.Get(e, e.Fact.CreditID)
	if c.AccountID != "" {
		return nil
	}
	c.AccountID, c.Amount = e.Fact.AccountID, e.Fact.Amount
	transfer(e, e.Fact.CreditID, "credit", outside, e.Fact.AccountID, e.Fact.Amount, e.Time)
	return nil
}

// openOrder opens the payment of an order whose stock is reserved. The money is to wait in escrow.
func openOrder(p *Payment, e saga.Event[schemas.StockReserved]) []saga.Fact {
	p.ofOrder(e.Fact)
	return p.requested()
}

// openTransfer opens a payment that a person initiated; the house's accounts are no party to such a one.
func openTransfer(p *Payment, e saga.Event[schemas.PaymentInitiated]) []saga.Fact {
	p.ofPerson(e.Fact)
	if strings.HasPrefix(p.From, "@") || strings.HasPrefix(p.To, "@") {
		return p.failed(schemas.ReasonHouseAccount)
	}
	return p.requested()
}

func expiredOrder(p *Payment, e saga.Event[schemas.StockReserved]) []saga.Fact {
	p.ofOrder(e.Fact) // for who looks at the payment, and wonders
	return p.failed(schemas.ReasonBarred(p.MarkedBy()))
}

func expiredTransfer(p *Payment, e saga.Event[schemas.PaymentInitiated]) []saga.Fact {
	p.ofPerson(e.Fact)
	return p.failed(schemas.ReasonBarred(p.MarkedBy()))
}

// move pays. An order's money waits in escrow; another payment is settled at once, past undoing.
func move(p *Payment, e saga.Event[schemas.PaymentCleared]) []saga.Fact {
	payer := account(e, p.From, p.Amount.Currency)
	switch {
	case payer.Owner == "", p.Purpose == schemas.Transfer && account(e, p.To, p.Amount.Currency).Owner == "":
		return p.failed(schemas.ReasonUnknownAccount)
	case payer.Balance < p.Amount.MinorUnits:
		return p.failed(schemas.ReasonInsufficientFunds)
	}
	transfer(e, p.PaymentID, "pay", p.From, p.To, p.Amount, e.Time)
	p.Moved = true
	succeeded := schemas.PaymentSucceeded{PaymentID: p.PaymentID, Purpose: p.Purpose, RestaurantID: schemas.OptionalID(p.RestaurantID), Amount: p.Amount}
	if p.Purpose == schemas.Transfer {
		return saga.Say(succeeded, p.settled(p.To))
	}
	return saga.Say(succeeded)
}

func flagged(p *Payment, _ saga.Event[schemas.PaymentFlagged]) []saga.Fact {
	return p.failed(schemas.ReasonFlaggedByFraud)
}

func unchecked(p *Payment, _ saga.Cause) []saga.Fact {
	return p.failed(schemas.ReasonFraudCheckTimedOut)
}

// refund gives the money back if it was moved; otherwise the payment fails.
func refund(p *Payment, why saga.Cause) []saga.Fact {
	reason := schemas.ReasonOf(why.Fact)
	if !p.Moved {
		return p.failed(reason)
	}
	transfer(why, p.PaymentID, "refund", p.To, p.From, p.Amount, why.Time)
	p.Moved, p.Reason = false, reason
	return saga.Say(schemas.PaymentRefunded{PaymentID: p.PaymentID, Purpose: p.Purpose, Amount: p.Amount, Reason: reason})
}

// settle pays the restaurant out of escrow. A delivery of what was never paid is a stranger's word, and what is in escrow
// then is the money of others.
func settle(p *Payment, e saga.Event[schemas.DeliveryCompleted]) []saga.Fact {
	if !p.Moved {
		return nil
	}
	transfer(e, p.PaymentID, "settle", p.To, p.RestaurantID, p.Amount, e.Time)
	return saga.Say(p.settled(p.RestaurantID))
}

func (p *Payment) ofOrder(f schemas.StockReserved) {
	p.Purpose, p.From, p.To, p.RestaurantID, p.Amount = schemas.ForOrder, f.CustomerID, escrow, f.RestaurantID, f.Total
}

func (p *Payment) ofPerson(f schemas.PaymentInitiated) {
	p.Purpose, p.From, p.To, p.Amount = schemas.Transfer, f.From, f.To, f.Amount
}

func (p *Payment) requested() []saga.Fact {
	return saga.Say(schemas.PaymentRequested{PaymentID: p.PaymentID, Purpose: p.Purpose, From: p.From, To: p.To, Amount: p.Amount})
}

func (p *Payment) failed(reason string) []saga.Fact {
	p.Reason = reason
	return saga.Say(schemas.PaymentFailed{PaymentID: p.PaymentID, Purpose: p.Purpose, Reason: reason})
}

func (p *Payment) settled(to string) schemas.PaymentSettled {
	return schemas.PaymentSettled{PaymentID: p.PaymentID, Purpose: p.Purpose, To: to, Amount: p.Amount}
}
