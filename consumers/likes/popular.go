package likes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
)

const (
	// maxPopular is how many posts a list of what is popular has.
	maxPopular = 100
	// freshFor is how long such a list stays, at least; and share how many times as long as it took to make: making lists takes
	// so small a part of PostgreSQL's time however many posts there are.
	freshFor = 3 * time.Second
	share    = 20
)

// Popular is which posts have gained most likes since a time, the first by name where several have gained as much: up to 100.
type Popular struct {
	Since time.Time `json:"since"`
	Posts []Total   `json:"posts"` // what each has gained
	Until int64     `json:"until"` // how long a reader keeps the list, in milliseconds since 1970
}

func (p Popular) fresh(now time.Time) bool { return now.UnixMilli() < p.Until }

// FindPopular reads what is popular in the last hour, or in the last 24. It looks at each post that has been liked in that time.
func FindPopular(ctx context.Context, db DB, last time.Duration) (Popular, error) {
	w, err := windowOf(last)
	if err != nil {
		return Popular{}, err
	}
	p := Popular{Since: w.since(time.Now())}
	gained := map[string]int64{}
	rows, err := db.Query(ctx, "select post_id, "+w.column+" from likes.counts where last_hour >= $1", windows[1].bucketOf(p.Since))
	if err == nil {
		var post, text string
		_, err = pgx.ForEachRow(rows, []any{&post, &text}, func() error {
			gained[post] += buckets(text).since(w.bucketOf(p.Since))
			return nil
		})
	}
	if err != nil {
		return Popular{}, fmt.Errorf("read what is popular: %w", err)
	}
	for post, n := range gained {
		if n > 0 {
			p.Posts = append(p.Posts, Total{post, n})
		}
	}
	slices.SortFunc(p.Posts, func(a, b Total) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.PostID, b.PostID)) })
	p.Posts = slices.Clone(p.Posts[:min(len(p.Posts), maxPopular)])
	return p, nil
}

// Popular is [FindPopular], and some seconds old: this reader remembers it, and shares it with others in the cache.
func (r *Reader) Popular(ctx context.Context, last time.Duration) (Popular, error) {
	r.mu.Lock()
	known := r.popular[last]
	r.mu.Unlock()
	if known.fresh(time.Now()) {
		return known, nil
	}
	return findOnce(ctx, r, "popular/"+last.String(), func(ctx context.Context) (p Popular, err error) {
		found := false
		if r.cache != nil {
			p, found = r.cache.getPopular(ctx, last)
		}
		if !found {
			began := time.Now()
			p, err = FindPopular(ctx, r.db, last)
			p.Until = time.Now().Add(max(r.freshFor, share*time.Since(began))).UnixMilli()
			if err == nil && r.cache != nil {
				_ = r.cache.putPopular(ctx, last, p) // it may fail: others ask PostgreSQL, too
			}
		}
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.popular[last] = p
		}
		return p, err
	})
}

// popularKey is where the list is that all readers share. (Posts' ids have no slash.)
func popularKey(last time.Duration) string { return "tiffin:popular/" + last.String() }

func (c *Cache) getPopular(ctx context.Context, last time.Duration) (p Popular, found bool) {
	err := c.try(ctx, func(ctx context.Context) error {
		lists, err := c.redis.MGet(ctx, popularKey(last)).Result()
		if err != nil || lists[0] == nil {
			return err
		}
		text, _ := lists[0].(string)
		found = json.Unmarshal([]byte(text), &p) == nil && p.fresh(time.Now()) // one that can't be read is of another version
		return nil
	})
	return p, found && err == nil
}

func (c *Cache) putPopular(ctx context.Context, last time.Duration, p Popular) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.try(ctx, func(ctx context.Context) error {
		return c.redis.Set(ctx, popularKey(last), text, max(time.Until(time.UnixMilli(p.Until)), time.Millisecond)).Err()
	})
}
