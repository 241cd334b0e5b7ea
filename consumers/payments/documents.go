package payments

import (
	"embed"
	"errors"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// The house's own accounts. No id that a person may choose has an @.
const (
	escrow  = "@escrow"  // has an order's money until the meal is delivered
	outside = "@outside" // what has come in is what it owes: the only account below zero
)

// Payment is an order's payment, or a transfer from one account to another.
type Payment struct {
	saga.Act
	PaymentID              string
	Purpose                schemas.Purpose
	From, To, RestaurantID string
	Amount                 schemas.Money
	Moved                  bool
	Reason                 string // why it failed, or was refunded
}

// Account is what one owner has in one currency. Its id is both: "alice/INR".
type Account struct {
	AccountID, Owner, Currency string
	Balance                    int64
}

// Check is the table's CHECK.
func (a *Account) Check() error {
	if a.Balance < 0 && a.Owner != outside {
		return errors.New("an account is overdrawn")
	}
	return nil
}

// Conserved is what the sum of all accounts is made of: no reaction may change it.
func (a *Account) Conserved() int64 { return a.Balance }

// Credit is money that came in from outside.
type Credit struct {
	CreditID, AccountID string
	Amount              schemas.Money
}

// Movement is an entry of the ledger. Its two legs sum to zero.
type Movement struct {
	PaymentID, Kind        string // which payment or credit, and why: credit, pay, refund, settle
	FromAccount, ToAccount string
	FromAmount, ToAmount   int64
	At                     time.Time
}

var (
	payments = saga.In("payments", func(p *Payment) saga.Columns {
		return saga.Columns{
			{"payment_id", &p.PaymentID},
			{"purpose", (*string)(&p.Purpose)},
			{"payer", &p.From},
			{"payee", &p.To},
			{"restaurant_id", &p.RestaurantID},
			{"currency", &p.Amount.Currency},
			{"amount", &p.Amount.MinorUnits},
			{"moved", &p.Moved},
			{"reason", &p.Reason},
		}
	})
	accounts = saga.In("accounts", func(a *Account) saga.Columns {
		return saga.Columns{{"account_id", &a.AccountID}, {"owner", &a.Owner}, {"currency", &a.Currency}, {"balance", &a.Balance}}
	})
	credits = saga.In("credits", func(c *Credit) saga.Columns {
		return saga.Columns{{"credit_id", &c.CreditID}, {"account_id", &c.AccountID}, {"currency", &c.Amount.Currency}, {"amount", &c.Amount.MinorUnits}}
	})
	movements = saga.JournalIn("movements", func(m *Movement) saga.Columns {
		return saga.Columns{
			{"payment_id", &m.PaymentID},
			{"kind", &m.Kind},
			{"from_account", &m.FromAccount},
			{"from_amount", &m.FromAmount},
			{"to_account", &m.ToAccount},
			{"to_amount", &m.ToAmount},
			{"at", &m.At},
		}
	})
)

func accountID(owner, currency string) string { return owner + "/" + currency }

// account is the owner's account in this currency; an empty one, without an owner, if there is none.
func account(c saga.Asking, owner, currency string) *Account {
	return accounts.Get(c, accountID(owner, currency))
}

// transfer is one movement of the ledger; it opens the accounts that it needs. Payer and payee may be the same.
func transfer(c saga.Asking, id, kind, from, to string, amount schemas.Money, at time.Time) {
	pair := accounts.All(c, accountID(from, amount.Currency), accountID(to, amount.Currency))
	for i, owner := range []string{from, to} {
		pair[i].Owner, pair[i].Currency = owner, amount.Currency
	}
	pair[0].Balance -= amount.MinorUnits
	pair[1].Balance += amount.MinorUnits
	movements.Add(c, Movement{
		PaymentID: id, Kind: kind, At: at,
		FromAccount: pair[0].AccountID, FromAmount: -amount.MinorUnits,
		ToAccount: pair[1].AccountID, ToAmount: amount.MinorUnits,
	})
}
