package notification_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
	if err := lane.Migrate(t.Context(), url, "", notification.Group(notification.Config{}), notification.Migrations); err != nil {
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

// insert is what a mailbox writes at a time, to a database that answers when it is told to.
type insert struct {
	keys   []string
	answer chan error
}

type inserts chan insert

func (i inserts) Exec(ctx context.Context, _ string, args ...any) (pgconn.CommandTag, error) {
	w := insert{slices.Clone(args[1].([]string)), make(chan error)}
	select {
	case i <- w:
	case <-ctx.Done():
		return pgconn.CommandTag{}, ctx.Err()
	}
	select {
	case err := <-w.answer:
		return pgconn.CommandTag{}, err
	case <-ctx.Done():
		return pgconn.CommandTag{}, ctx.Err()
	}
}

// deliveries delivers messages under these keys at the same time; they come to an error, or to nil, by key.
func deliveries(ctx context.Context, box *notification.Mailbox, keys ...string) map[string]chan error {
	out := map[string]chan error{}
	for _, k := range keys {
		done := make(chan error, 1)
		out[k] = done
		go func() { done <- box.Deliver(ctx, k, told) }()
	}
	synctest.Wait()
	return out
}

// A group delivers many messages at a time, and each commit costs a sync of the disk: what comes while one is written is written together.
func TestMessagesAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := make(inserts)
		box := notification.NewMailbox(db)
		first := deliveries(t.Context(), box, "a")
		w := <-db
		rest := deliveries(t.Context(), box, "b", "c", "d")
		w.answer <- nil
		if err := <-first["a"]; err != nil {
			t.Error(err)
		}
		together := <-db
		if slices.Sort(together.keys); !slices.Equal(together.keys, []string{"b", "c", "d"}) {
			t.Errorf("what is written at a time is %v", together.keys)
		}
		late := deliveries(t.Context(), box, "e")
		gone := errors.New("the database is gone")
		together.answer <- gone
		for k, done := range rest {
			if err := <-done; !errors.Is(err, gone) {
				t.Errorf("%s: %v", k, err)
			}
		}
		(<-db).answer <- nil
		if err := <-late["e"]; err != nil {
			t.Error(err)
		}
	})
}

// A message that the database refuses fails alone.
func TestARefusedMessageFailsAlone(t *testing.T) {
	db, _ := database(t)
	box := notification.NewMailbox(db)
	const bad = "zero\x00byte"
	errs := make([]error, 20)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			m := told
			if i == 7 {
				m.Text = bad
			}
			errs[i] = box.Deliver(t.Context(), key(i), m)
		})
	}
	all.Wait()
	for i, err := range errs {
		if (err != nil) != (i == 7) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if got, err := notification.Read(t.Context(), db, told.CustomerID, "", 50); err != nil || len(got) != len(errs)-1 {
		t.Errorf("%d messages are there (%v), want %d", len(got), err, len(errs)-1)
	}
}

// A database that hangs holds up nobody for longer than they want to wait, and nothing is written any more for who has gone.
func TestAMailboxThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := make(inserts)
		box := notification.NewMailbox(db)
		longer, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		first := deliveries(longer, box, "a")
		<-db
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := box.Deliver(ctx, "b", told); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := <-first["a"]; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits longer is told %v", err)
		}
		again := deliveries(t.Context(), box, "a")
		w := <-db
		if !slices.Equal(w.keys, []string{"a"}) {
			t.Errorf("then %v is written", w.keys)
		}
		w.answer <- nil
		if err := <-again["a"]; err != nil {
			t.Error(err)
		}
	})
}

// Who writes for others and goes takes nobody with him who has come since.
func TestWhoWritesMayGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := make(inserts)
		box := notification.NewMailbox(db)
		ctx, cancel := context.WithCancel(t.Context())
		first := deliveries(ctx, box, "a")
		<-db
		rest := deliveries(t.Context(), box, "b")
		cancel()
		if err := <-first["a"]; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		(<-db).answer <- nil
		if err := <-rest["b"]; err != nil {
			t.Error(err)
		}
	})
}
