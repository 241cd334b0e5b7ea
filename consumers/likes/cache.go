package likes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// DefaultTTL is how long a count stays in the cache.
	DefaultTTL = 10 * time.Second
	// DefaultTimeout is how long anything may wait for Redis: what it answers later, PostgreSQL answers sooner.
	DefaultTimeout = 100 * time.Millisecond
	// redisRest is how long Redis is left alone after an error.
	redisRest = time.Second
	// putAtOnce is how many counts one pipeline writes: few enough for a slow server in that time.
	putAtOnce = 250
)

// Cache keeps the counts of posts in Redis, 7 or later. It may be lost at any time, and be wrong for a while:
//
// A count is kept as its parts. The group's mirrors write the parts that have changed, after their commit and over what is there: a part
// has one writer, the owner of its lane, so the last one is the newest. A count of which there are only some parts is not shown. A
// reader who finds no whole count reads all parts, from PostgreSQL, and writes them, by a script that leaves alone what is
// newer: meanwhile the owner may have written. Then the count is whole, and is the sum.
//
// What is lost, because Redis was away, frozen or emptied, or because a writer gave up or died, leaves at worst an old part; so
// does an owner that was paused for long, and writes once more after the lane has gone to another. It
// stays for the time to live of that count, and no longer: nothing renews it but a reader who has read all parts anew. So the cache
// is exact again at most one time to live after Redis works again.
//
// The methods may be called at the same time.
type Cache struct {
	redis redis.UniversalClient
	CacheConfig
	rests   atomic.Int64 // until when Redis is left alone, in nanoseconds since 1970
	failing atomic.Bool  // the log knows
}

// CacheConfig configures a cache. The zero value works.
type CacheConfig struct {
	// Prefix is put into the names of all keys, so that several installations can share a Redis. Defaults to none.
	Prefix string
	// TTL is how long a count may stay. Defaults to [DefaultTTL].
	TTL time.Duration
	// Timeout is how long Redis may take for one read, or for one pipeline of writes. Defaults to [DefaultTimeout].
	Timeout time.Duration
	// Logger hears when Redis fails, and when it works again. Defaults to silence.
	Logger *slog.Logger
}

// NewCache makes a cache of a client, which the caller closes, and which has to heed the time-outs of contexts: [OpenRedis]
// makes such.
func NewCache(client redis.UniversalClient, cfg CacheConfig) *Cache {
	if cfg.TTL == 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cache{redis: client, CacheConfig: cfg}
}

// OpenRedis makes a client for a cache, of a URL such as redis://user:password@host:6379/0. It connects when it is first
// used.
func OpenRedis(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("the Redis URL (want redis://host:6379/0): %w", err)
	}
	// By default the library waits for seconds, whatever the context says, dials five times, and tries three times.
	o.ContextTimeoutEnabled = true
	o.DialTimeout, o.DialerRetries, o.MaxRetries = time.Second, 1, -1
	// Nothing is said to the server but what is needed: not every server, and not every fake, knows the rest.
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}

// key is where a post's count is: a hash with a field for each part, whose name is the shard and whose value the version and the
// count ("7 5"), and the field whole, if no part is missing. One key per call, so that it works on a cluster.
func (c *Cache) key(postID string) string { return "tiffin:" + c.Prefix + "likes:" + postID }

const whole = "whole"

// value is what a part's field has.
func value(p Post) string {
	var room [40]byte
	b := append(strconv.AppendInt(room[:0], p.Version, 10), ' ')
	return string(strconv.AppendInt(b, p.Count, 10))
}

// total is the sum of a hash's parts; false if it is not whole.
func total(fields map[string]string) (count int64, found bool, err error) {
	_, found = fields[whole]
	for shard, v := range fields {
		if shard == whole {
			continue
		}
		_, text, _ := strings.Cut(v, " ")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, false, fmt.Errorf("a count in Redis has a part that is none: %q", v)
		}
		count += n
	}
	return count, found, nil
}

// fillScript writes all parts that a post has, each unless a newer one is there. Its arguments: the time to live in milliseconds, and
// shard and value of each part.
var fillScript = redis.NewScript(`
local set = {'whole', '1'}
for i = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or tonumber(string.match(known, '^%d+')) < tonumber(string.match(ARGV[i + 1], '^%d+')) then
    set[#set + 1], set[#set + 2] = ARGV[i], ARGV[i + 1]
  end
end
redis.call('HSET', KEYS[1], unpack(set))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`)

// errResting: Redis has just failed, and is left alone.
var errResting = errors.New("redis has just failed, and is left alone for a moment")

// Put writes parts of counts over older ones. It fails if Redis does, or is left alone; some may be written then.
func (c *Cache) Put(ctx context.Context, changed []Post) error {
	of := map[string]int{} // where in posts a post is
	var posts [][]Post
	for _, p := range changed {
		i, known := of[p.PostID]
		if !known {
			i = len(posts)
			of[p.PostID] = i
			posts = append(posts, nil)
		}
		posts[i] = append(posts[i], p)
	}
	for some := range slices.Chunk(posts, putAtOnce) {
		if err := c.try(ctx, func(ctx context.Context) error { return c.putAll(ctx, some) }); err != nil {
			return err
		}
	}
	return nil
}

// putAll writes parts, those of one post together. At 50,000 likes a second a third of them comes here, so it asks Redis for as little as
// can be: a script that compared versions cost four times as much.
func (c *Cache) putAll(ctx context.Context, posts [][]Post) error {
	_, err := c.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, parts := range posts {
			key := c.key(parts[0].PostID)
			slices.SortStableFunc(parts, func(a, b Post) int { return cmp.Compare(a.Version, b.Version) }) // of copies of one the newest is last
			args := make([]any, 0, 2+2*len(parts))
			args = append(args, "hset", key)
			for _, p := range parts {
				args = append(args, p.Shard, value(p))
			}
			pipe.Do(ctx, args...)
			pipe.Do(ctx, "pexpire", key, c.TTL.Milliseconds(), "nx") // no news renews what may be old beside it
		}
		return nil
	})
	return err
}

// Fill writes all parts that a post has, as they were at one moment: then the count can be read. A part that is newer stays.
func (c *Cache) Fill(ctx context.Context, postID string, parts []Post) error {
	args := make([]any, 0, 1+2*len(parts))
	args = append(args, c.TTL.Milliseconds())
	for _, p := range parts {
		args = append(args, p.Shard, value(p))
	}
	return c.try(ctx, func(ctx context.Context) error {
		return fillScript.Run(ctx, c.redis, []string{c.key(postID)}, args...).Err()
	})
}

// Get reads a post's count, and returns false if it is not there as a whole or can't be had soon.
func (c *Cache) Get(ctx context.Context, postID string) (count int64, found bool) {
	err := c.try(ctx, func(ctx context.Context) error {
		fields, err := c.redis.HGetAll(ctx, c.key(postID)).Result()
		if err != nil {
			return err
		}
		count, found, err = total(fields)
		return err
	})
	return count, found && err == nil
}

// try asks Redis, for a short time, unless it has just failed.
func (c *Cache) try(ctx context.Context, ask func(context.Context) error) error {
	if time.Now().UnixNano() < c.rests.Load() {
		return errResting
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	err := ask(limited)
	switch {
	case err == nil:
		if c.failing.CompareAndSwap(true, false) {
			c.Logger.Info("redis works again")
		}
	case ctx.Err() == nil: // else the caller has gone, which says nothing of Redis
		c.rests.Store(time.Now().Add(redisRest).UnixNano())
		if c.failing.CompareAndSwap(false, true) {
			c.Logger.Warn("redis fails: likes are counted all the same, and PostgreSQL answers", "error", err)
		}
	}
	return err
}
