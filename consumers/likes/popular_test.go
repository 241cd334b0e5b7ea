package likes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/internal/testservers"
)

// counting is a database that counts what it is asked.
type counting struct {
	DB
	asked atomic.Int64
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.asked.Add(1)
	return c.DB.Query(ctx, sql, args...)
}

// gained writes a part that has gained so much, so long ago, as the group does.
func gained(t *testing.T, db *pgxpool.Pool, post string, shard int, n int64, ago time.Duration) {
	t.Helper()
	var g Gains
	g.add(time.Now().Add(-ago), n)
	execute(t, db, fmt.Sprintf("insert into likes.counts values ('%s', %d, %d, %d, '%s', '%s', %d)", post, shard, n, max(n, -n), g.In5m, g.In1h, g.LastHour))
}

func TestPopularIsWhatGains(t *testing.T) {
	db := database(t)
	gained(t, db, "evergreen", 0, 1000, 30*time.Hour)
	gained(t, db, "yesterday", 0, 500, 20*time.Hour)
	gained(t, db, "yesterday", 3, -100, 10*time.Minute)
	gained(t, db, "now", 0, 30, time.Minute)
	gained(t, db, "now", 1, 20, 50*time.Minute)
	gained(t, db, "b", 0, 7, 0)
	gained(t, db, "a", 0, 7, 0)
	for last, want := range map[time.Duration][]Total{
		time.Hour:      {{"now", 50}, {"a", 7}, {"b", 7}},
		24 * time.Hour: {{"yesterday", 400}, {"now", 50}, {"a", 7}, {"b", 7}},
	} {
		p, err := FindPopular(t.Context(), db, last)
		if err != nil || !slices.Equal(p.Posts, want) {
			t.Errorf("of %v: %+v, %v; want %+v", last, p.Posts, err, want)
		}
		if age := time.Since(p.Since); age < last || age > last+time.Hour {
			t.Errorf("of %v: since %v", last, p.Since)
		}
	}
	if _, err := FindPopular(t.Context(), db, time.Minute); err == nil {
		t.Error("a minute is no window")
	}
}

// However many ask, at however many instances, PostgreSQL is asked once in a while, also without Redis (by each instance then), and
// after it was emptied.
func TestPopularIsKeptForAWhile(t *testing.T) {
	pool := database(t)
	gained(t, pool, "p", 0, 3, 0)
	db := &counting{DB: pool}
	server := testservers.StartRedis(t)
	client := openRedis(t, server.URL())
	readers := []*Reader{NewReader(db, NewCache(client, CacheConfig{Timeout: patient})), NewReader(db, NewCache(client, CacheConfig{Timeout: patient}))}
	for _, r := range readers {
		r.freshFor = time.Hour // this machine may be slow
	}
	ask := func() {
		t.Helper()
		for _, r := range readers {
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if p, err := r.Popular(t.Context(), time.Hour); err != nil || !slices.Equal(p.Posts, []Total{{"p", 3}}) {
						t.Errorf("%+v, %v", p, err)
					}
				})
			}
			all.Wait()
		}
	}
	forget := func() {
		for _, r := range readers {
			r.popular = map[time.Duration]Popular{}
		}
	}
	ask()
	if n := db.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	forget()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	ask()
	if n := db.asked.Load(); n != 2 {
		t.Errorf("asked %d times once Redis was emptied", n)
	}
	forget()
	server.Kill()
	ask()
	ask()
	if n := db.asked.Load(); n != 4 {
		t.Errorf("asked %d times by two without Redis", n)
	}
}
