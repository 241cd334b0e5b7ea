package analytics_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/analytics"
	"tiffin/internal/testservers"
	"tiffin/saga/lane"
)

// database is an empty one with the group's tables.
func database(t *testing.T) (pool *pgxpool.Pool, url string) {
	t.Helper()
	url = testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", analytics.Group(), analytics.Migrations); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, url
}

// wantRead: reading gave this.
func wantRead[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
	}
}

func TestRead(t *testing.T) {
	db, _ := database(t)
	ends, err := analytics.Orders(t.Context(), db)
	wantRead(t, "nothing yet", ends, err, analytics.Ends{Orders: "all"})
	moved, err := analytics.Moved(t.Context(), db)
	wantRead(t, "nothing yet", moved, err, []analytics.Money{})

	var now time.Time // of the database; its minute may end before this test does, so that the edges are a minute off
	if err := db.QueryRow(t.Context(), "select date_trunc('minute', now())").Scan(&now); err != nil {
		t.Fatal(err)
	}
	now = now.UTC()
	if _, err := db.Exec(t.Context(), `
		insert into analytics.ends values ('all', 5, 2, 3, '{"sold-out": 2, "no-room": 1}');
		insert into analytics.money values ('INR', 1, 2, 3, 4), ('EUR', 5, 6, 7, 8)`); err != nil {
		t.Fatal(err)
	}
	ends, err = analytics.Orders(t.Context(), db)
	wantRead(t, "orders", ends, err, analytics.Ends{Orders: "all", Placed: 5, Completed: 2, Cancelled: 3, Reasons: map[string]int64{"sold-out": 2, "no-room": 1}})
	moved, err = analytics.Moved(t.Context(), db)
	wantRead(t, "money", moved, err, []analytics.Money{{"EUR", 5, 6, 7, 8}, {"INR", 1, 2, 3, 4}})

	var minutes []analytics.Minute
	for _, ago := range []int{62, 57, 1, 0} {
		start := now.Add(-time.Duration(ago) * time.Minute)
		minutes = append(minutes, analytics.Minute{OfDay: start.Format("15:04"), Start: start, Likes: int64(ago), Unlikes: 1})
		if _, err := db.Exec(t.Context(), "insert into analytics.minutes values ($1, $2, $3, 1)", start.Format("15:04"), start, ago); err != nil {
			t.Fatal(err)
		}
	}
	last, err := analytics.LikesPerMinute(t.Context(), db, 60)
	wantRead(t, "minutes", last, err, minutes[1:])

	var days []analytics.Day
	for _, ago := range []int{32, 28, 1, 0} {
		date := now.AddDate(0, 0, -ago).Format(time.DateOnly)
		days = append(days, analytics.Day{Date: date, Likes: int64(ago), Unlikes: 1})
		if _, err := db.Exec(t.Context(), "insert into analytics.days values ($1, $2, 1)", date, ago); err != nil {
			t.Fatal(err)
		}
	}
	month, err := analytics.LikesPerDay(t.Context(), db, 30)
	wantRead(t, "days", month, err, days[1:])
}
