package likes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// The windows in which the posts that gained most can be told.
const (
	Hour = time.Hour
	Day  = 24 * time.Hour
)

// MostGains is how long the longest list is.
const MostGains = 100

// Gain is how many more users like a post than at the beginning of a window.
type Gain struct {
	PostID string
	Gained int64
}

// Gains are the posts that gained most since a moment, the first one first.
type Gains struct {
	Since time.Time
	Posts []Gain
}

// beginOf is when a window of that length, which ends now, begins: that of a day at a full hour, that of an hour at five minutes.
func beginOf(window time.Duration, now time.Time) time.Time {
	first := slotOf(now.Add(-window))
	if window > Hour {
		first = hourOf(first)
	}
	return time.Unix(int64(first)*slotSeconds, 0).UTC()
}

// GainsSince reads the posts that gained most since a moment, n at most, the first by name where several gained as much. The moment is the
// beginning of a window. It looks at every post that changed since: ask it every few seconds, not for every visitor.
func GainsSince(ctx context.Context, db DB, since time.Time, n int) ([]Gain, error) {
	// Most posts changed in one slot alone, and have nothing to take apart.
	rows, err := db.Query(ctx, `select post_id, sum(gained)::bigint from (
			select post_id, gained + case when earlier = '' then 0 else (
				select coalesce(sum(split_part(e, ':', 2)::bigint), 0) from unnest(string_to_array(earlier, ' ')) e
				where slot - split_part(e, ':', 1)::integer >= $1) end as gained
			from likes.counts where slot >= $1) parts
		group by post_id having sum(gained) > 0 order by 2 desc, post_id limit $2`, slotOf(since), n)
	if err != nil {
		return nil, fmt.Errorf("read the posts that gained most: %w", err)
	}
	gains, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Gain])
	if err != nil {
		return nil, fmt.Errorf("read the posts that gained most: %w", err)
	}
	return gains, nil
}

const (
	// freshFor is how old a list may be before it is made anew, by one of all processes.
	freshFor = 3 * time.Second
	// keptFor is how long the others show the old one at most while it is made: if it can't be made, it is gone then.
	keptFor = freshFor + findTimeout
	// trustedFor is how long a process shows what it found in Redis before it looks there again.
	trustedFor = time.Second
)

// TopReader reads the posts that gained most in a window: from Redis, where the list is for all processes, or else from PostgreSQL.
// However many ask, and wherever, PostgreSQL is asked once in three seconds for each window; without Redis by each process. Its
// methods may be called at the same time.
type TopReader struct {
	db    DB
	cache *Cache
	reads singleflight.Group

	mu    sync.Mutex
	known map[time.Duration]knownGains
}

type knownGains struct {
	gains Gains
	until time.Time
}

// NewTopReader makes a reader of a pool of connections. The cache may be nil.
func NewTopReader(db DB, cache *Cache) *TopReader {
	return &TopReader{db: db, cache: cache, known: map[time.Duration]knownGains{}}
}

// Top reads the posts that gained most in a window, [Hour] or [Day], up to [MostGains]. The list may be a few seconds old. Nobody changes it.
func (r *TopReader) Top(ctx context.Context, window time.Duration) (Gains, error) {
	if window != Hour && window != Day {
		return Gains{}, fmt.Errorf("there is no window of %v: it is %v or %v", window, Hour, Day)
	}
	r.mu.Lock()
	known := r.known[window]
	r.mu.Unlock()
	if time.Now().Before(known.until) {
		return known.gains, nil
	}
	read := r.reads.DoChan(window.String(), func() (any, error) {
		// It is not one caller's alone, so it does not end when that one goes.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
		defer cancel()
		gains, fresh, err := r.read(ctx, window)
		if err == nil {
			r.mu.Lock()
			r.known[window] = knownGains{gains, time.Now().Add(fresh)}
			r.mu.Unlock()
		}
		return gains, err
	})
	select {
	case result := <-read:
		if result.Err != nil {
			return Gains{}, result.Err
		}
		return result.Val.(Gains), nil
	case <-ctx.Done():
		return Gains{}, ctx.Err()
	}
}

// read reads the list, and how long it may be shown.
func (r *TopReader) read(ctx context.Context, window time.Duration) (gains Gains, fresh time.Duration, err error) {
	var found, turn bool
	if r.cache != nil {
		if gains, found, turn = r.cache.top(ctx, window); found && !turn {
			return gains, trustedFor, nil
		}
	}
	made := Gains{Since: beginOf(window, time.Now())}
	made.Posts, err = GainsSince(ctx, r.db, made.Since, MostGains)
	switch {
	case err != nil && found: // better an old one than none
		return gains, trustedFor, nil
	case err != nil:
		return Gains{}, 0, err
	case r.cache != nil:
		_ = r.cache.putTop(ctx, window, made) // it may fail: others ask PostgreSQL then
	}
	return made, freshFor, nil
}

// topKey is where a window's list is; beside it, under the same hash tag, whose turn it is to make it.
func (c *Cache) topKey(window time.Duration) string {
	return "{tiffin:" + c.Prefix + "top:" + window.String() + "}"
}

// top reads a window's list, and whether it is this caller's turn to make it anew. Of all who ask, that is one in [freshFor], and whoever
// finds none.
func (c *Cache) top(ctx context.Context, window time.Duration) (gains Gains, found, turn bool) {
	err := c.try(ctx, func(ctx context.Context) error {
		pipe := c.redis.Pipeline()
		first, list := pipe.SetNX(ctx, c.topKey(window)+":turn", 1, freshFor), pipe.Get(ctx, c.topKey(window))
		if _, err := pipe.Exec(ctx); err != nil && err != redis.Nil { //nolint:errorlint // the library returns it as it is
			return err
		}
		turn = first.Val()
		if text, err := list.Bytes(); err == nil {
			found = json.Unmarshal(text, &gains) == nil // of another version: it is made anew
		}
		return nil
	})
	return gains, found, turn || err != nil
}

// putTop writes a window's list.
func (c *Cache) putTop(ctx context.Context, window time.Duration, gains Gains) error {
	text, err := json.Marshal(gains)
	if err != nil {
		return err
	}
	return c.try(ctx, func(ctx context.Context) error { return c.redis.Set(ctx, c.topKey(window), text, keptFor).Err() })
}
