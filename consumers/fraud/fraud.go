// Package fraud scores payments against rules, which are data: expressions over the amount, the payer's payments in the
// event's minute, and whether the payer is blocked. A payment is cleared, flagged with the reasons, or put aside for a
// person to review, which says nothing: payments waits only so long.
package fraud

import (
	"tiffin/saga"
	"tiffin/schemas"
)

// Group declares fraud with its rules. A verdict leaves nothing to undo, whatever becomes of the payment.
func Group(rules Rules) *saga.Group {
	g := judge{rules}
	return saga.Define("fraud", saga.Documents(cases, payers),
		saga.On(block, saga.Uses(payers)),
		saga.On(unblock, saga.Uses(payers)),
		saga.Does(g.score, saga.Closes(), saga.Refuses(expired), saga.Uses(payers), saga.Says[schemas.PaymentCleared](), saga.Fails[schemas.PaymentFlagged]()),
	)
}

// judge scores payments by its rules.
type judge struct{ rules Rules }

func block(e saga.Event[schemas.AccountBlocked]) []saga.Fact {
	payers.Get(e, e.Fact.AccountID).Blocked = true
	return nil
}

func unblock(e saga.Event[schemas.AccountUnblocked]) []saga.Fact {
	payers.Get(e, e.Fact.AccountID).Blocked = false
	return nil
}

// score judges a payment. The minute is the event's: a backlog that is worked off in a second is no burst.
func (j judge) score(c *Case, e saga.Event[schemas.PaymentRequested]) []saga.Fact {
	payer := payers.Get(e, e.Fact.From)
	minute := e.Time.Unix() / 60
	inMinute := 1
	if payer.Minute == minute {
		inMinute = payer.Payments + 1
	}
	verdict, reasons := j.rules.judge(payment{
		From: e.Fact.From, To: e.Fact.To, Purpose: string(e.Fact.Purpose), Currency: e.Fact.Amount.Currency,
		Amount: int(e.Fact.Amount.MinorUnits), PerMinute: inMinute, Blocked: payer.Blocked,
	})
	if verdict == review {
		return nil
	}
	if minute >= payer.Minute {
		payer.Minute, payer.Payments = minute, inMinute
	}
	if verdict == flag {
		return saga.Say(schemas.PaymentFlagged{PaymentID: c.PaymentID, Purpose: e.Fact.Purpose, Reasons: reasons})
	}
	return saga.Say(schemas.PaymentCleared{PaymentID: c.PaymentID, Purpose: e.Fact.Purpose})
}

func expired(c *Case, e saga.Event[schemas.PaymentRequested]) []saga.Fact {
	return saga.Say(schemas.PaymentFlagged{PaymentID: c.PaymentID, Purpose: e.Fact.Purpose, Reasons: []string{schemas.ReasonExpired}})
}
