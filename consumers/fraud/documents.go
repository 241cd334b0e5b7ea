package fraud

import (
	"embed"

	"tiffin/saga"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Case is one payment's.
type Case struct {
	saga.Act
	PaymentID string
}

// Payer is what is known of an account that pays: whether it is blocked, and how often it paid in its last minute.
type Payer struct {
	AccountID string
	Blocked   bool
	Minute    int64 // minutes since 1970
	Payments  int   // in that minute
}

var (
	cases = saga.In("cases", func(c *Case) saga.Columns {
		return saga.Columns{{"payment_id", &c.PaymentID}}
	})
	payers = saga.In("payers", func(p *Payer) saga.Columns {
		return saga.Columns{{"account_id", &p.AccountID}, {"blocked", &p.Blocked}, {"minute", &p.Minute}, {"payments", &p.Payments}}
	})
)
