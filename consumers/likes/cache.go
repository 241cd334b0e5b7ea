package likes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	putAtOnce = 100
)

// Cache keeps the counts of posts in Redis. It may be lost at any time, and be wrong for a while:
//
// A count is written after its commit, by any number of writers (the group's mirrors in several processes, readers that
// fill in what they missed), in any order. A script writes it only if its version is newer than what is there, so an older
// count never takes the place of a newer one. What is lost, because Redis was away, frozen or emptied, or because a writer
// gave up or died, leaves at worst an old count. It stays for the time to live of that count, and no longer: nothing but a newer
// version renews it. So the cache is exact again at most one time to live after Redis works again.
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

// redisKey is where a post's count is: a hash of count and version. One key per call, so that it works on a cluster.
func redisKey(postID string) string { return "tiffin:likes:" + postID }

// put writes a count unless the one that is there is as new. Its arguments: count, version, time to live in milliseconds.
var put = redis.NewScript(`
local known = redis.call('HGET', KEYS[1], 'version')
if known and tonumber(known) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'count', ARGV[1], 'version', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)

// errResting: Redis has just failed, and is left alone.
var errResting = errors.New("redis has just failed, and is left alone for a moment")

// Put writes counts, each unless a newer one is there. It fails if Redis does, or is left alone; some may be written then.
func (c *Cache) Put(ctx context.Context, changed []Post) error {
	for some := range slices.Chunk(changed, putAtOnce) {
		err := c.try(ctx, func(ctx context.Context) error {
			err := c.putAll(ctx, some, put.EvalSha)
			if redis.HasErrorPrefix(err, "NOSCRIPT") { // a new server, or one that was restarted
				err = c.putAll(ctx, some, put.Eval)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type evaluate func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func (c *Cache) putAll(ctx context.Context, posts []Post, eval evaluate) error {
	_, err := c.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, p := range posts {
			eval(ctx, pipe, []string{redisKey(p.PostID)}, p.Count, p.Version, c.TTL.Milliseconds())
		}
		return nil
	})
	return err
}

// Get reads a post's count, and returns false if it is not there or can't be had soon.
func (c *Cache) Get(ctx context.Context, postID string) (count int64, found bool) {
	err := c.try(ctx, func(ctx context.Context) (err error) {
		count, err = c.redis.HGet(ctx, redisKey(postID), "count").Int64()
		found = err == nil
		if errors.Is(err, redis.Nil) {
			return nil
		}
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
