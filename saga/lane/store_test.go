package lane_test

import (
	"context"
	"errors"
	"strings"
	"testing"

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
