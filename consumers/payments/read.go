package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/schemas"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Status is what has become of a payment.
type Status string

// The statuses. An order's payment has succeeded when the money is in escrow; if it is refunded from there, it has failed.
const (
	Pending   Status = "pending"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// View is a payment as a reader sees it.
type View struct {
	PaymentID string
	Purpose   schemas.Purpose
	From, To  string // To is the restaurant that an order's money is for, also while that is in escrow
	Amount    schemas.Money
	Status    Status
	Reason    string // of its failure
}

const find = `
select purpose, payer, case purpose when $2 then restaurant_id else payee end, currency, amount, state, moved, reason
from payments.payments where payment_id = $1 and purpose <> ''`

// Find reads a payment, and returns false if none of that id has been opened or refused. An undo that came first leaves a
// row, too, and says nothing of a payment.
func Find(ctx context.Context, db DB, paymentID string) (View, bool, error) {
	view := View{PaymentID: paymentID}
	var state saga.State
	var moved bool
	err := db.QueryRow(ctx, find, paymentID, string(schemas.ForOrder)).Scan((*string)(&view.Purpose), &view.From, &view.To,
		&view.Amount.Currency, &view.Amount.MinorUnits, (*string)(&state), &moved, &view.Reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return View{}, false, nil
	}
	if err != nil {
		return View{}, false, fmt.Errorf("read payment %s: %w", paymentID, err)
	}
	switch {
	case state == saga.Refused, state == saga.Undone:
		view.Status = Failed
	case state == saga.Closed, moved:
		view.Status = Succeeded
	default:
		view.Status = Pending
	}
	return view, true, nil
}

// Statement is what an owner has, and the latest that came and went.
type Statement struct {
	Balances []schemas.Money // one for each currency, in their order
	Entries  []Entry         // the latest first
}

// Entry is one leg of a movement, as the owner of the account sees it.
type Entry struct {
	PaymentID    string // or the credit's id
	Kind         string // credit, pay, refund, settle
	Amount       schemas.Money
	Counterparty string // the owner of the other account: one of the house has an @
	At           time.Time
}

// statement is one query, so that balances and entries are of one moment. It repeats the predicates of the indexes.
const statement = `
select
	(select coalesce(jsonb_agg(jsonb_build_object('currency', currency, 'minorUnits', balance) order by currency), '[]')
	 from payments.accounts where owner = $1),
	(select coalesce(jsonb_agg(jsonb_build_object('paymentId', payment_id, 'kind', kind, 'currency', currency, 'minorUnits', amount,
	                                              'account', other, 'at', at) order by at desc, movement_id desc), '[]')
	 from (
		select leg.*, a.currency
		from payments.accounts a
		cross join lateral (
			(select payment_id, movement_id, kind, from_amount as amount, to_account as other, at from payments.movements
			 where from_account = a.account_id and from_account not like '@%' order by at desc, movement_id desc limit $2)
			union all
			(select payment_id, movement_id, kind, to_amount, from_account, at from payments.movements
			 where to_account = a.account_id and to_account not like '@%' order by at desc, movement_id desc limit $2)
		) leg
		where a.owner = $1 order by at desc, movement_id desc limit $2
	 ) latest)`

// leg is an entry as the query has it.
type leg struct {
	PaymentID  string    `json:"paymentId"`
	Kind       string    `json:"kind"`
	Currency   string    `json:"currency"`
	MinorUnits int64     `json:"minorUnits"`
	Account    string    `json:"account"` // the other one
	At         time.Time `json:"at"`
}

// StatementOf reads a person's accounts, with so many entries at most, and returns false if the person has none. Of the
// house's accounts, through which the money of all goes, it gives no entries.
func StatementOf(ctx context.Context, db DB, owner string, limit int) (Statement, bool, error) {
	var balances, entries []byte
	err := db.QueryRow(ctx, statement, owner, limit).Scan(&balances, &entries)
	var s Statement
	var legs []leg
	if err == nil {
		err = errors.Join(json.Unmarshal(balances, &s.Balances), json.Unmarshal(entries, &legs))
	}
	if err != nil {
		return Statement{}, false, fmt.Errorf("read the accounts of %s: %w", owner, err)
	}
	for _, l := range legs {
		other, _, _ := strings.Cut(l.Account, "/")
		s.Entries = append(s.Entries, Entry{
			PaymentID: l.PaymentID, Kind: l.Kind, Amount: schemas.Money{Currency: l.Currency, MinorUnits: l.MinorUnits},
			Counterparty: other, At: l.At.UTC(),
		})
	}
	return s, len(s.Balances) > 0, nil
}
