package likes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Find reads a post's count. A post that nobody has liked has none, at version 0.
func Find(ctx context.Context, db DB, postID string) (Post, error) {
	p := Post{PostID: postID}
	err := db.QueryRow(ctx, "select count, version from likes.posts where post_id = $1", postID).Scan(&p.Count, &p.Version)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Post{}, fmt.Errorf("read the likes of post %s: %w", postID, err)
	}
	return p, nil
}

// Top reads the most liked posts, n at most, the first by name where several are liked as much. It looks at every post, for
// an index by count would be written with every like: ask it every few seconds, not for every visitor.
func Top(ctx context.Context, db DB, n int) ([]Post, error) {
	rows, err := db.Query(ctx, "select post_id, count, version from likes.posts where count > 0 order by count desc, post_id limit $1", n)
	if err != nil {
		return nil, fmt.Errorf("read the most liked posts: %w", err)
	}
	top, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Post])
	if err != nil {
		return nil, fmt.Errorf("read the most liked posts: %w", err)
	}
	return top, nil
}

// findTimeout is how long one query may take.
const findTimeout = 5 * time.Second

// Reader reads counts: from the cache, or else from PostgreSQL, and then fills the cache. It works without Redis, and
// without a cache. Its methods may be called at the same time.
type Reader struct {
	db    DB
	cache *Cache
	// finds are the queries under way: many who miss the same post at once share one.
	finds singleflight.Group
}

// NewReader makes a reader of a pool of connections. The cache may be nil.
func NewReader(db DB, cache *Cache) *Reader { return &Reader{db: db, cache: cache} }

// Count reads how many users like a post; 0 for a post that nobody knows. What it says may be as old as the cache's time to
// live.
func (r *Reader) Count(ctx context.Context, postID string) (int64, error) {
	if r.cache != nil {
		if count, found := r.cache.Get(ctx, postID); found {
			return count, nil
		}
	}
	find := r.finds.DoChan(postID, func() (any, error) {
		// It is not one caller's alone, so it does not end when that one goes.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
		defer cancel()
		p, err := Find(ctx, r.db, postID)
		if err == nil && r.cache != nil {
			_ = r.cache.Put(ctx, []Post{p}) // it may fail: the next one asks PostgreSQL again
		}
		return p.Count, err
	})
	select {
	case found := <-find:
		if found.Err != nil {
			return 0, found.Err
		}
		return found.Val.(int64), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
