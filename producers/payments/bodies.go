package payments

import (
	"time"

	"tiffin/producers/api"
	"tiffin/schemas"
)

// payment is the body that pays.
type payment struct {
	From   string    `json:"from"`
	To     string    `json:"to"`
	Amount amount    `json:"amount"`
	Extra  api.Extra `json:",embed"`
}

type amount struct {
	Currency   string    `json:"currency"`
	MinorUnits int64     `json:"minorUnits"`
	Extra      api.Extra `json:",embed"`
}

// Check implements [api.Body]. The house's accounts are no party to a payment: no id that passes here has an @.
func (p *payment) Check(c *schemas.Check) {
	c.ID("/from", p.From)
	c.ID("/to", p.To)
	if p.From == p.To && p.From != "" {
		c.Fault("/to", "must differ from the account that pays")
	}
	c.Amount("/amount", p.money())
	if len(p.Amount.Currency) == 3 && !isCurrency(p.Amount.Currency) {
		c.Fault("/amount/currency", "must be a currency that is in use, by its code in ISO 4217, such as INR")
	}
	p.Extra.Check(c, "")
	p.Amount.Extra.Check(c, "/amount")
}

func (p *payment) money() schemas.Money {
	return schemas.Money{Currency: p.Amount.Currency, MinorUnits: p.Amount.MinorUnits}
}

func (p *payment) fact(paymentID string) schemas.PaymentInitiated {
	return schemas.PaymentInitiated{PaymentID: paymentID, From: p.From, To: p.To, Amount: p.money()}
}

// Receipt answers a payment that was accepted.
type Receipt struct {
	PaymentID string `json:"paymentId"`
	Status    string `json:"status"`
}

// Pending is the status of a payment at the start; all others are ends.
const Pending = "pending"

// Payment is how a payment goes.
type Payment struct {
	PaymentID string         `json:"paymentId"`
	Status    string         `json:"status"`
	Reason    string         `json:"reason,omitzero"` // of its failure
	Purpose   string         `json:"purpose,omitzero"`
	From      string         `json:"from,omitzero"`
	To        string         `json:"to,omitzero"`
	Amount    *schemas.Money `json:"amount,omitzero"`
}

// Standing implements [api.Followed]. A payment that nobody has got to yet becomes one that is known.
func (p Payment) Standing() api.Standing {
	version := p.Status
	if p.Purpose == "" {
		version = "accepted"
	}
	return api.Standing{Status: p.Status, Version: version, Ended: p.Status != Pending}
}

// Account is what an owner has.
type Account struct {
	AccountID string          `json:"accountId"`
	Balances  []schemas.Money `json:"balances"`  // one for each currency
	Movements []Movement      `json:"movements"` // the latest first
}

// Movement is money that came or went.
type Movement struct {
	PaymentID    string        `json:"paymentId"` // or the id of a credit from outside
	Kind         string        `json:"kind"`
	Amount       schemas.Money `json:"amount"`       // negative if it went
	Counterparty string        `json:"counterparty"` // with an @ if it is the house: @escrow, @outside
	At           time.Time     `json:"at"`
}
