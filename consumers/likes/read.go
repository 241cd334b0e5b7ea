package likes

import (
	"context"
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

// Total is how many users like a post.
type Total struct {
	PostID string
	Count  int64
}

// Find reads how many users like a post: 0, if nobody knows it.
func Find(ctx context.Context, db DB, postID string) (Total, error) {
	parts, err := partsOf(ctx, db, postID)
	return Total{postID, sum(parts)}, err
}

// partsOf reads a post's parts, as they were at one moment.
func partsOf(ctx context.Context, db DB, postID string) ([]Post, error) {
	var shards []int
	var counts, versions []int64
	err := db.QueryRow(ctx, "select array_agg(shard), array_agg(count), array_agg(version) from likes.counts where post_id = $1", postID).
		Scan(&shards, &counts, &versions)
	if err != nil {
		return nil, fmt.Errorf("read the likes of post %s: %w", postID, err)
	}
	parts := make([]Post, len(shards))
	for i := range shards {
		parts[i] = Post{PostID: postID, Shard: shards[i], Count: counts[i], Version: versions[i]}
	}
	return parts, nil
}

func sum(parts []Post) (count int64) {
	for _, p := range parts {
		count += p.Count
	}
	return count
}

// Top reads the most liked posts, n at most, the first by name where several are liked as much. It looks at every post, for
// an index by count would be written with every like: ask it every few seconds, not for every visitor.
func Top(ctx context.Context, db DB, n int) ([]Total, error) {
	rows, err := db.Query(ctx, `select post_id, sum(count)::bigint as count from likes.counts
		group by post_id having sum(count) > 0 order by 2 desc, post_id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("read the most liked posts: %w", err)
	}
	top, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Total])
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
		parts, err := partsOf(ctx, r.db, postID)
		if err == nil && r.cache != nil {
			_ = r.cache.Fill(ctx, postID, parts) // it may fail: the next one asks PostgreSQL again
		}
		return sum(parts), err
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
