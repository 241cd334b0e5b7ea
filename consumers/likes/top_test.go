package likes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"tiffin/internal/testservers"
)

// insertPart puts a part into the table.
func insertPart(t *testing.T, db *pgxpool.Pool, p Post) {
	t.Helper()
	if _, err := db.Exec(t.Context(), "insert into likes.counts values ($1, $2, $3, $4, $5, $6, $7)", p.PostID, p.Shard, p.Count, p.Version, p.Slot, p.Gained, p.Earlier); err != nil {
		t.Fatal(err)
	}
}

// What the database sums over all shards is what the parts say.
func TestGainsSinceSumsAllShards(t *testing.T) {
	db := database(t)
	execute(t, db, "insert into likes.counts values ('old', 0, 50, 50)") // counted before there were gains
	want := map[time.Duration]map[string]int64{Hour: {}, Day: {}}
	now := noon.Add(30 * time.Hour)
	for n := range 7 {
		id := fmt.Sprint("p", n)
		for shard := range 3 {
			p := grown(moved{0, 9}, moved{time.Duration(8+3*shard+n) * time.Hour, 1 + n}, moved{29*time.Hour + time.Duration(10*n)*time.Minute, 3 - n})
			p.PostID, p.Shard = id, shard
			insertPart(t, db, *p)
			for window, gains := range want {
				gains[id] += p.GainedSince(beginOf(window, now))
			}
		}
	}
	for window, gains := range want {
		var list []Gain
		for id, gained := range gains {
			if gained > 0 {
				list = append(list, Gain{id, gained})
			}
		}
		slices.SortFunc(list, func(a, b Gain) int {
			if a.Gained != b.Gained {
				return int(b.Gained - a.Gained)
			}
			return int(a.PostID[1]) - int(b.PostID[1])
		})
		if len(list) < 3 || len(list) == 7 && window == Hour {
			t.Fatalf("%v tests nothing: %v", window, list)
		}
		for _, n := range []int{0, 2, 100} {
			got, err := GainsSince(t.Context(), db, beginOf(window, now), n)
			if err != nil || !slices.Equal(got, list[:min(n, len(list))]) {
				t.Errorf("the first %d in %v are %v, %v; want those of %v", n, window, got, err, list)
			}
		}
	}
	db.Close()
	if _, err := GainsSince(t.Context(), db, noon, 1); err == nil {
		t.Error("a closed database has posts")
	}
}

// asked is a database that counts queries.
type asked struct {
	DB
	queries atomic.Int64
	err     error
}

func (a *asked) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	a.queries.Add(1)
	if a.err != nil {
		return nil, a.err
	}
	return a.DB.Query(ctx, sql, args...)
}

// recently is a post that has gained so much a moment ago.
func recently(id string, gained int64) Post {
	return Post{PostID: id, Count: gained, Version: gained, Slot: slotOf(time.Now()), Gained: gained}
}

func topIs(t *testing.T, r *TopReader, window time.Duration, want ...Gain) {
	t.Helper()
	top, err := r.Top(t.Context(), window)
	if err != nil || !slices.Equal(top.Posts, want) {
		t.Errorf("the top is %v, %v; want %v", top, err, want)
	}
	if ago := time.Since(top.Since); err == nil && (ago < window || ago > window+Hour+time.Minute) {
		t.Errorf("the window of %v began %v ago", window, ago)
	}
}

// However many ask many processes, each window is one query; after FLUSHALL it is one more.
func TestManyAskersAreOneQuery(t *testing.T) {
	db := &asked{DB: database(t)}
	insertPart(t, db.DB.(*pgxpool.Pool), recently("p1", 5))
	onRedis(t, 0, func(t *testing.T, c *Cache, client *redis.Client) {
		topIs(t, NewTopReader(db, c), Hour, Gain{"p1", 5})
		before := db.queries.Load()
		var askers sync.WaitGroup
		for range 8 {
			process := NewTopReader(db, c)
			for range 50 {
				askers.Go(func() { topIs(t, process, Hour, Gain{"p1", 5}) })
			}
		}
		askers.Wait()
		// The turn may have come once meanwhile, on a machine that is slow.
		if n := db.queries.Load() - before; n > 1 {
			t.Errorf("400 who ask 8 processes are %d queries", n)
		}
		before = db.queries.Load()
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		topIs(t, NewTopReader(db, c), Hour, Gain{"p1", 5})
		if n := db.queries.Load() - before; n != 1 {
			t.Errorf("after FLUSHALL there are %d queries", n)
		}
		if _, found, _ := c.top(t.Context(), Hour); !found {
			t.Error("the list is not back in Redis")
		}
	})
}

// P9: without Redis PostgreSQL answers, once for all who ask this process.
func TestTheTopWithoutRedis(t *testing.T) {
	db := &asked{DB: database(t)}
	insertPart(t, db.DB.(*pgxpool.Pool), recently("p1", 5))
	private := testservers.StartRedis(t)
	c := NewCache(openRedis(t, private.URL()), CacheConfig{})
	private.Kill()
	for name, r := range map[string]*TopReader{"killed": NewTopReader(db, c), "none": NewTopReader(db, nil)} {
		before := db.queries.Load()
		var askers sync.WaitGroup
		for range 50 {
			askers.Go(func() { topIs(t, r, Day, Gain{"p1", 5}) })
		}
		askers.Wait()
		if n := db.queries.Load() - before; n != 1 {
			t.Errorf("with Redis %s, 50 are %d queries", name, n)
		}
	}
}

// A list that can't be made anew is better than none, for a while.
func TestAnOldTopIsBetterThanNone(t *testing.T) {
	db := &asked{DB: database(t), err: errors.New("no such luck")}
	c := NewCache(openRedis(t, testservers.Redis(t)), CacheConfig{Timeout: patient})
	if err := c.putTop(t.Context(), Hour, Gains{beginOf(Hour, time.Now()), []Gain{{"p1", 3}}}); err != nil {
		t.Fatal(err)
	}
	topIs(t, NewTopReader(db, c), Hour, Gain{"p1", 3})
	if _, err := NewTopReader(db, c).Top(t.Context(), Day); !errors.Is(err, db.err) {
		t.Errorf("error %v", err)
	}
	if _, err := NewTopReader(db, nil).Top(t.Context(), time.Minute); err == nil {
		t.Error("there is a window of a minute")
	}
}

// hanging is a database that does not answer.
type hanging struct{ DB }

func (hanging) Query(ctx context.Context, _ string, _ ...any) (pgx.Rows, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Who goes away does not wait, and a query that hangs is given up.
func TestATopThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewTopReader(hanging{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Top(ctx, Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone gets %v", err)
		}
		if _, err := r.Top(t.Context(), Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}
