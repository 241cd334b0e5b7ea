package likes

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/lane"
)

// database is an empty one with the group's tables.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", Group(Config{}), Migrations); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func execute(t *testing.T, db *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestFindAndTop(t *testing.T) {
	db := database(t)
	execute(t, db, `insert into likes.counts values ('b', -1, 5, 9), ('b', 0, -3, 3), ('b', 7, 1, 1), ('a', 2, 3, 3), ('c', 0, 3, 3), ('c', 1, 4, 4),
		('d', 0, 0, 2), ('d', 3, -1, 1), ('d', 4, 1, 1), ('e', 0, 1, 1)`)
	for id, want := range map[string]int64{"b": 3, "c": 7, "d": 0, "unknown": 0} {
		if got, err := Find(t.Context(), db, id); err != nil || got != (Total{id, want}) {
			t.Errorf("%s is %+v, %v", id, got, err)
		}
	}
	for n, want := range map[int][]Total{0: {}, 2: {{"c", 7}, {"a", 3}}, 9: {{"c", 7}, {"a", 3}, {"b", 3}, {"e", 1}}} {
		if got, err := Top(t.Context(), db, n); err != nil || !slices.Equal(got, want) {
			t.Errorf("the top %d are %+v, %v", n, got, err)
		}
	}
	db.Close()
	if _, err := Find(t.Context(), db, "b"); err == nil || !strings.Contains(err.Error(), "post b") {
		t.Errorf("error %v", err)
	}
	if _, err := Top(t.Context(), db, 1); err == nil {
		t.Error("a closed database has posts")
	}
}

// The tables refuse what would be no count, also from other hands than the group's.
func TestTheTablesRefuseImpossibleCounts(t *testing.T) {
	db := database(t)
	for _, values := range []string{"('p', 0, -2, 1)", "('p', 0, 2, 1)"} {
		if _, err := db.Exec(t.Context(), "insert into likes.counts values "+values); err == nil {
			t.Errorf("%s is taken", values)
		}
	}
}

// What was counted before there were shards counts.
func TestWhatWasCountedBeforeShardsCounts(t *testing.T) {
	url := testservers.Postgres(t)
	first, err := Migrations.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	before := saga.Define("likes", nil) // of the tables that there were
	if err := lane.Migrate(t.Context(), url, "", before, fstest.MapFS{"migrations/00001_init.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	db, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execute(t, db, "insert into likes.posts values ('a', 2, 4), ('b', 0, 2)")
	if err := lane.Migrate(t.Context(), url, "", Group(Config{}), Migrations); err != nil {
		t.Fatal(err)
	}
	execute(t, db, "insert into likes.counts values ('a', 5, -1, 1)") // one of the two unlikes
	for id, want := range map[string]int64{"a": 1, "b": 0} {
		if got, err := Find(t.Context(), db, id); err != nil || got.Count != want {
			t.Errorf("%s is %+v, %v", id, got, err)
		}
	}
}

func TestReadersFillTheCache(t *testing.T) {
	db := database(t)
	c := NewCache(openRedis(t, testservers.Redis(t)), CacheConfig{Timeout: patient})
	r := NewReader(db, c)
	reads := func(want int64) {
		t.Helper()
		if got, err := r.Count(t.Context(), "p1"); err != nil || got != want {
			t.Errorf("reads %d, %v; want %d", got, err, want)
		}
	}
	execute(t, db, "insert into likes.counts values ('p1', 0, 5, 9), ('p1', 3, -2, 2)")
	store(t, c, part(0, 4, 8)) // a part is no count
	reads(3)
	cached(t, c, "p1", 3)
	execute(t, db, "update likes.counts set count = 6, version = 10 where shard = 0")
	reads(3) // from the cache
	store(t, c, part(0, 6, 10))
	reads(4)
	if err := c.Fill(t.Context(), "p1", []Post{part(0, 5, 9), part(3, -2, 2)}); err != nil { // a reader that was slow
		t.Fatal(err)
	}
	reads(4)
	if got, err := NewReader(db, nil).Count(t.Context(), "p1"); err != nil || got != 4 {
		t.Errorf("without a cache it reads %d, %v", got, err)
	}
	if got, err := r.Count(t.Context(), "p2"); err != nil || got != 0 {
		t.Errorf("a post that nobody knows has %d, %v", got, err)
	}
}

// slow is a database that answers when it is released.
type slow struct {
	DB
	release chan struct{}
	err     error
	asked   atomic.Int64
}

func (s *slow) QueryRow(ctx context.Context, _ string, _ ...any) pgx.Row {
	s.asked.Add(1)
	select {
	case <-s.release:
		return row{s.err}
	case <-ctx.Done():
		return row{ctx.Err()}
	}
}

// row is a post with 3 likes, or an error.
type row struct{ err error }

func (r row) Scan(into ...any) error {
	if r.err == nil {
		*into[0].(*[]int), *into[1].(*[]int64), *into[2].(*[]int64) = []int{0, 4}, []int64{5, -2}, []int64{5, 2}
	}
	return r.err
}

// Many who miss the same post at once are one query; who goes away meanwhile takes nothing from the others.
func TestMissesOfOnePostShareAQuery(t *testing.T) {
	for _, failure := range []error{nil, errors.New("no such luck")} {
		synctest.Test(t, func(t *testing.T) {
			db := &slow{release: make(chan struct{}), err: failure}
			r := NewReader(db, nil)
			first, cancel := context.WithCancel(t.Context())
			gone := make(chan error)
			go func() {
				_, err := r.Count(first, "p1")
				gone <- err
			}()
			synctest.Wait()
			const readers = 50
			answers := make(chan int64, readers)
			for range readers {
				go func() {
					count, err := r.Count(t.Context(), "p1")
					if !errors.Is(err, failure) {
						t.Errorf("error %v, want %v", err, failure)
					}
					answers <- count
				}()
			}
			synctest.Wait()
			cancel()
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Errorf("who has gone gets %v", err)
			}
			close(db.release)
			for range readers {
				if count := <-answers; failure == nil && count != 3 {
					t.Errorf("one reads %d", count)
				}
			}
			if n := db.asked.Load(); n != 1 {
				t.Errorf("%d queries for one post", n)
			}
		})
	}
}

// A query that hangs is given up.
func TestAQueryThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(&slow{release: make(chan struct{})}, nil)
		if _, err := r.Count(t.Context(), "p1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}
