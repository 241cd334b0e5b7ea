package lane_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/testservers"
	"tiffin/saga/lane"
	"tiffin/saga/lane/storetest"
)

// realDatabase is the suite's, on PostgreSQL.
type realDatabase struct {
	url  string
	conn *pgx.Conn
}

func (d realDatabase) Open(t testing.TB) lane.Store {
	t.Helper()
	s, err := lane.Connect(t.Context(), d.url, storetest.Group(), storetest.Partitions)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d realDatabase) Wish(t testing.TB, key, wish string) bool {
	t.Helper()
	parked, err := lane.Wish(t.Context(), d.conn, "trials", key, wish)
	if err != nil {
		t.Fatal(err)
	}
	return parked
}

func (d realDatabase) Journal(t testing.TB) (n int) {
	t.Helper()
	if err := d.conn.QueryRow(t.Context(), "select count(*) from trials.entries").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPostgresIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, within func(storetest.Database)) {
		d := realDatabase{url: testservers.Postgres(t)}
		if err := lane.Migrate(t.Context(), d.url, "", storetest.Group(), storetest.Migrations); err != nil {
			t.Fatal(err)
		}
		var err error
		if d.conn, err = pgx.Connect(t.Context(), d.url); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.conn.Close(context.Background()) }()
		within(d)
	})
}

// P1: two installations on one database would take each other's lanes, and count their offsets in other topics. The second is refused.
func TestASchemaBelongsToOneInstallation(t *testing.T) {
	url := testservers.Postgres(t)
	migrate := func(prefix string) error {
		return lane.Migrate(t.Context(), url, prefix, storetest.Group(), storetest.Migrations)
	}
	if err := errors.Join(migrate("one."), migrate("one.")); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "two."} {
		err := migrate(prefix)
		if err == nil || !strings.Contains(err.Error(), `prefix "one."`) || !strings.Contains(err.Error(), "a database of its own") {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

// P6: a claim does not end an owner that works, however long that takes: two that are slow would end each other for ever.
func TestAClaimWaitsForAnOwnerThatWorks(t *testing.T) {
	w := newWorldOn(t, time.Minute, fakeBroker(t, nobody, func() bool { return false }))
	w.exec("create function counter.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(3); return null; end $$")
	w.exec("create trigger slow before insert on counter.shows for each statement execute function counter.slow()")
	w.run(w.counter)
	w.say(praised{"p1", "open"})
	w.until(1, "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()")
	next, err := lane.Connect(t.Context(), w.url, w.counter, partitions)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := next.Claim(t.Context(), []int{0}, partitions, "next"); err != nil {
		t.Fatal(err)
	}
	w.until(1, "select coalesce((select praise from counter.shows where name = 'open'), 0)")
	if w.log.has("claiming the lanes again") {
		t.Error("the owner was ended in the middle of its batch")
	}
}
