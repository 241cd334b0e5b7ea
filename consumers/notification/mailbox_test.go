package notification_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/notification"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/lane"
)

// database is an empty one with the group's tables.
func database(t *testing.T) (pool *pgxpool.Pool, url string) {
	t.Helper()
	url = testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, notification.Group(notification.Config{}), notification.Migrations); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, url
}

// key is the idempotency key of a message whose cause was logged so many milliseconds after noon.
func key(millisecond int) string {
	at := told.At.Add(time.Duration(millisecond) * time.Millisecond)
	return saga.DeriveID(saga.Envelope{ID: fmt.Sprint("cause", millisecond), Time: at}, "notification/effects", 0)
}

func TestTheMailbox(t *testing.T) {
	db, _ := database(t)
	box, err := notification.Open("mailbox:", notification.ChannelConfig{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	var want []notification.Delivered        // the newest first
	for _, i := range []int{2, 0, 1, 2, 0} { // in any order, and some again
		m := told
		m.About = fmt.Sprint("o", i)
		if err := box.Deliver(t.Context(), key(i), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{2, 1, 0} {
		m := told
		m.About = fmt.Sprint("o", i)
		want = append(want, notification.Delivered{NotificationID: key(i), Message: m})
	}
	other := told
	other.CustomerID = "bob"
	if err := box.Deliver(t.Context(), key(3), other); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		before string
		limit  int
		want   []notification.Delivered
	}{
		{"", 10, want}, {"", 2, want[:2]}, {key(1), 2, want[2:]}, {key(0), 2, want[3:]}, {"zzz", 1, want[:1]},
	} {
		if got, err := notification.Read(t.Context(), db, "ann", test.before, test.limit); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%d before %q: %+v, %v, want %+v", test.limit, test.before, got, err, test.want)
		}
	}
}

// A mailbox that has been filled for years is read by its newest page.
func TestReadingUsesTheIndex(t *testing.T) {
	db, _ := database(t)
	if _, err := db.Exec(t.Context(), `insert into notification.mailbox (customer_id, notification_id, kind, about, subject, text, at)
		select 'c' || n % 100, 'n' || n, 'order-completed', 'o1', '', '', now() from generate_series(1, 20000) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "analyze notification.mailbox"); err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	_, err := notification.Read(t.Context(), explaining{db, &plan}, "c7", "n5", 50)
	if text := plan.String(); err == nil || strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") || !strings.Contains(text, "mailbox_pkey") {
		t.Errorf("%v\n%s", err, text)
	}
}

// explaining is a database that answers a query with its plan, which it keeps, and no rows.
type explaining struct {
	pool *pgxpool.Pool
	plan *strings.Builder
}

func (e explaining) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := e.pool.Query(ctx, "explain "+sql, args...)
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	e.plan.WriteString(strings.Join(lines, "\n"))
	return nil, errors.Join(err, errors.New("only a plan"))
}
