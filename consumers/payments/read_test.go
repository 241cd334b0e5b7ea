package payments_test

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/payments"
	"tiffin/internal/testservers"
	"tiffin/saga/lane"
	"tiffin/schemas"
)

// database is an empty one with the group's tables.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", payments.Group(payments.Config{}), payments.Migrations); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func execute(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func money(currency string, n int64) schemas.Money {
	return schemas.Money{Currency: currency, MinorUnits: n}
}

func TestFind(t *testing.T) {
	db := database(t)
	execute(t, db, `insert into payments.payments (payment_id, purpose, payer, payee, restaurant_id, currency, amount, moved, reason, state) values
		('asked',    'transfer', 'ann', 'bob', '', 'INR', 300, false, '', 'done'),
		('paid',     'transfer', 'ann', 'bob', '', 'INR', 300, true, '', 'closed'),
		('flagged',  'transfer', 'ann', 'bob', '', 'INR', 300, false, 'flagged-by-fraud', 'refused'),
		('o-asked',  'order', 'ann', '@escrow', 'rest', 'INR', 500, false, '', 'done'),
		('o-paid',   'order', 'ann', '@escrow', 'rest', 'INR', 500, true, '', 'done'),
		('o-ended',  'order', 'ann', '@escrow', 'rest', 'INR', 500, true, '', 'closed'),
		('o-undone', 'order', 'ann', '@escrow', 'rest', 'INR', 500, false, 'no-courier', 'undone'),
		('o-marked', '', '', '', '', '', 0, false, '', 'barred')`)
	transfer := payments.View{Purpose: schemas.Transfer, From: "ann", To: "bob", Amount: money("INR", 300)}
	order := payments.View{Purpose: schemas.ForOrder, From: "ann", To: "rest", Amount: money("INR", 500)}
	for id, want := range map[string]struct {
		payments.View
		status payments.Status
		reason string
	}{
		"asked": {transfer, payments.Pending, ""}, "paid": {transfer, payments.Succeeded, ""}, "flagged": {transfer, payments.Failed, "flagged-by-fraud"},
		"o-asked": {order, payments.Pending, ""}, "o-paid": {order, payments.Succeeded, ""}, "o-ended": {order, payments.Succeeded, ""},
		"o-undone": {order, payments.Failed, "no-courier"},
	} {
		view := want.View
		view.PaymentID, view.Status, view.Reason = id, want.status, want.reason
		if got, found, err := payments.Find(t.Context(), db, id); err != nil || !found || got != view {
			t.Errorf("%s: %+v %v %v, want %+v", id, got, found, err, view)
		}
	}
	for _, id := range []string{"nobody", "o-marked"} {
		if got, found, err := payments.Find(t.Context(), db, id); found || err != nil {
			t.Errorf("%s: %+v %v", id, got, err)
		}
	}
}

const (
	insertAccount  = `insert into payments.accounts (account_id, owner, currency, balance) values ($1 || '/' || $2, $1, $2, $3)`
	insertMovement = `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
		values ($1, $2, $3, -$4::bigint, $5, $4, $6)`
)

func TestStatement(t *testing.T) {
	db := database(t)
	noon := time.Date(2026, 10, 1, 12, 0, 0, 250e6, time.UTC)
	for _, account := range [][]any{{"ann", "INR", 9_000_000_000_000_000}, {"ann", "EUR", 0}, {"bob", "INR", 20}, {"@outside", "INR", -1}, {"@escrow", "INR", 0}} {
		execute(t, db, insertAccount, account...)
	}
	for i, m := range [][]any{
		{"c1", "credit", "@outside/INR", 1000, "ann/INR"},
		{"o1", "pay", "ann/INR", 500, "@escrow/INR"},
		{"c2", "credit", "@outside/EUR", 7, "ann/EUR"},
		{"o1", "refund", "@escrow/INR", 500, "ann/INR"},
		{"p1", "pay", "ann/INR", 300, "bob/INR"},
		{"p2", "pay", "ann/INR", 1, "ann/INR"}, // in a circle
		{"p3", "pay", "bob/INR", 8, "anna/INR"},
	} {
		execute(t, db, insertMovement, append(m, noon.Add(time.Duration(i)*time.Second))...)
	}
	entry := func(id, kind, currency string, amount int64, other string, second int) payments.Entry {
		return payments.Entry{PaymentID: id, Kind: kind, Amount: money(currency, amount), Counterparty: other, At: noon.Add(time.Duration(second) * time.Second)}
	}
	got, found, err := payments.StatementOf(t.Context(), db, "ann", 10)
	if err != nil || !found || !reflect.DeepEqual(got.Balances, []schemas.Money{money("EUR", 0), money("INR", 9_000_000_000_000_000)}) {
		t.Errorf("%+v %v %v", got, found, err)
	}
	want := []payments.Entry{
		entry("p2", "pay", "INR", 1, "ann", 5), entry("p2", "pay", "INR", -1, "ann", 5),
		entry("p1", "pay", "INR", -300, "bob", 4), entry("o1", "refund", "INR", 500, "@escrow", 3), entry("c2", "credit", "EUR", 7, "@outside", 2),
		entry("o1", "pay", "INR", -500, "@escrow", 1), entry("c1", "credit", "INR", 1000, "@outside", 0),
	}
	if len(got.Entries) == len(want) && got.Entries[0] != want[0] {
		want[0], want[1] = want[1], want[0] // the two legs of one movement have no order
	}
	if !reflect.DeepEqual(got.Entries, want) {
		t.Errorf("got  %+v\nwant %+v", got.Entries, want)
	}
	if got, _, err := payments.StatementOf(t.Context(), db, "ann", 4); err != nil || !reflect.DeepEqual(got.Entries, want[:4]) {
		t.Errorf("the latest four: %+v %v", got.Entries, err)
	}
	if got, found, err := payments.StatementOf(t.Context(), db, "nobody", 10); found || err != nil || got.Entries != nil {
		t.Errorf("%+v %v %v", got, found, err)
	}
	if got, _, err := payments.StatementOf(t.Context(), db, "@escrow", 10); err != nil || got.Entries != nil {
		t.Errorf("the house's entries: %+v %v", got, err)
	}
}

// planned is a database that answers a query with its plan.
type planned struct {
	t    *testing.T
	pool *pgxpool.Pool
	plan string
}

func (p *planned) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.pool.Query(ctx, "explain (analyze) "+sql, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		p.t.Fatal(err)
	}
	p.plan = strings.Join(lines, "\n")
	return nothing{}
}

type nothing struct{}

func (nothing) Scan(...any) error { return errors.New("only a plan") }

var manyRows = regexp.MustCompile(`actual time=\S+ rows=\d{4}`)

// TestReadingUsesTheIndexes, however long the ledger: of a busy account only the latest entries are looked at.
func TestReadingUsesTheIndexes(t *testing.T) {
	db := database(t)
	execute(t, db, `insert into payments.payments (payment_id, purpose, payer, payee, restaurant_id, currency, amount, moved)
		select 'p' || n, 'transfer', '', '', '', 'INR', 1, true from generate_series(1, 20000) n`)
	execute(t, db, `insert into payments.accounts (account_id, owner, currency, balance) select 'a' || n || '/INR', 'a' || n, 'INR', 0 from generate_series(0, 999) n`)
	execute(t, db, `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
		select 'p' || n, 'pay', case when n % 2 = 0 then 'a' || n % 1000 || '/INR' else '@escrow/INR' end, -1, 'a1/INR', 1, now() + n * interval '1 ms'
		from generate_series(1, 50000) n`)
	execute(t, db, `analyze payments.payments, payments.accounts, payments.movements`)
	p := &planned{t: t, pool: db}
	for name, read := range map[string]func() error{
		"payment":   func() error { _, _, err := payments.Find(t.Context(), p, "p77"); return err },
		"statement": func() error { _, _, err := payments.StatementOf(t.Context(), p, "a1", 50); return err },
	} {
		if read() == nil {
			t.Errorf("%s: a plan passed for an answer", name)
		}
		if strings.Contains(p.plan, "Seq Scan") || manyRows.MatchString(p.plan) || !strings.Contains(p.plan, "Index") {
			t.Errorf("the plan of the %s is\n%s", name, p.plan)
		}
	}
}

// TestTheLedgerOfBeforeIsReadable: the migration keeps what there was.
func TestTheLedgerOfBeforeIsReadable(t *testing.T) {
	url := testservers.Postgres(t)
	first, err := fs.ReadFile(payments.Migrations, "migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	old := fstest.MapFS{"migrations/00001_init.sql": {Data: first}}
	if err := lane.Migrate(t.Context(), url, "", payments.Group(payments.Config{}), old); err == nil || !strings.Contains(err.Error(), "lacks payments.reason") {
		t.Fatal(err)
	}
	db, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execute(t, db, `insert into payments.payments (payment_id, purpose, payer, payee, restaurant_id, currency, amount, moved, state)
		values ('p1', 'transfer', 'ann', 'bob', '', 'INR', 300, false, 'refused')`)
	execute(t, db, insertAccount, "ann", "INR", 1)
	execute(t, db, insertMovement, "c1", "credit", "@outside/INR", 1, "ann/INR", time.Now())
	if err := lane.Migrate(t.Context(), url, "", payments.Group(payments.Config{}), payments.Migrations); err != nil {
		t.Fatal(err)
	}
	if got, found, err := payments.Find(t.Context(), db, "p1"); err != nil || !found || got.Status != payments.Failed {
		t.Errorf("%+v %v %v", got, found, err)
	}
	if got, found, err := payments.StatementOf(t.Context(), db, "ann", 10); err != nil || !found || len(got.Entries) != 1 {
		t.Errorf("%+v %v %v", got, found, err)
	}
}
