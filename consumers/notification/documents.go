package notification

import (
	"embed"

	"tiffin/saga"
)

// Migrations create the group's tables, the mailbox among them.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Matter is an order or a payment whose end is to be told.
type Matter struct {
	saga.Act
	About      string // the order's or the payment's id
	CustomerID string // who has ordered, or pays
	PayeeID    string // of a payment
}

var matters = saga.In("matters", func(m *Matter) saga.Columns {
	return saga.Columns{{"about", &m.About}, {"customer_id", &m.CustomerID}, {"payee_id", &m.PayeeID}}
})
