package likes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
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
// A count is kept as its parts, and their sum. A part is written after its commit, by any number of writers, in any order: a
// script writes it only if its version is newer than what is there, so an older one never takes the place of a newer one, and
// the sum follows. The group's mirrors write the parts that have changed; a sum of some of the parts is not shown. A reader who
// finds no whole count reads all parts, from PostgreSQL, writes them in the same way, and then the count is whole.
//
// What is lost, because Redis was away, frozen or emptied, or because a writer gave up or died, leaves at worst an old part. It
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

// redisKey is where a post's count is: a hash of the sum, whether it is whole, and of each part the count ("c3") and the
// version ("v3"). One key per call, so that it works on a cluster.
func redisKey(postID string) string { return "tiffin:posts:" + postID }

// put writes parts of a count, each unless the one that is there is as new. Its arguments: 1 if these are all parts there are, the
// time to live in milliseconds, and shard, count and version of each part. A shard comes once. It asks Redis as little as can be: at 50,000 likes a
// second most of its time is this.
var put = redis.NewScript(`
local key, whole, ask = KEYS[1], ARGV[1] == '1', {'count'}
for i = 3, #ARGV, 3 do
  ask[#ask + 1], ask[#ask + 2] = 'c' .. ARGV[i], 'v' .. ARGV[i]
end
local known = redis.call('HMGET', key, unpack(ask))
local sum, set = tonumber(known[1] or '0'), {'count', ''}
for i = 2, #ask, 2 do
  local c, v = ARGV[i * 3 / 2 + 1], ARGV[i * 3 / 2 + 2]
  if not known[i + 1] or tonumber(known[i + 1]) < tonumber(v) then
    sum = sum + tonumber(c) - tonumber(known[i] or '0')
    set[#set + 1], set[#set + 2], set[#set + 3], set[#set + 4] = ask[i], c, ask[i + 1], v
  end
end
if whole then set[#set + 1], set[#set + 2] = 'whole', '1' end
set[2] = string.format('%d', sum)
redis.call('HSET', key, unpack(set))
if whole or not known[1] then redis.call('PEXPIRE', key, ARGV[2]) end
return 1`)

// errResting: Redis has just failed, and is left alone.
var errResting = errors.New("redis has just failed, and is left alone for a moment")

// Put writes parts of counts, each unless a newer one is there. It fails if Redis does, or is left alone; some may be written then.
func (c *Cache) Put(ctx context.Context, changed []Post) error {
	of := map[string]int{} // where in calls a post is
	var calls []call
	for _, p := range changed {
		i, known := of[p.PostID]
		if !known {
			i = len(calls)
			of[p.PostID] = i
			calls = append(calls, call{postID: p.PostID})
		}
		calls[i].add(p)
	}
	return c.put(ctx, calls)
}

// Fill writes all parts that a post has, as they were at one moment: then the count can be read.
func (c *Cache) Fill(ctx context.Context, postID string, parts []Post) error {
	return c.put(ctx, []call{{postID, parts, true}})
}

// call is what the script is called with for one post.
type call struct {
	postID string
	parts  []Post
	whole  bool
}

// add adds a part, unless a newer copy of it is there.
func (c *call) add(p Post) {
	for i := range c.parts {
		if known := &c.parts[i]; known.Shard == p.Shard {
			if known.Version < p.Version {
				*known = p
			}
			return
		}
	}
	c.parts = append(c.parts, p)
}

func (c *Cache) put(ctx context.Context, calls []call) error {
	for some := range slices.Chunk(calls, putAtOnce) {
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

func (c *Cache) putAll(ctx context.Context, calls []call, eval evaluate) error {
	_, err := c.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, one := range calls {
			args := make([]any, 0, 2+3*len(one.parts))
			args = append(args, one.whole, c.TTL.Milliseconds())
			for _, p := range one.parts {
				args = append(args, p.Shard, p.Count, p.Version)
			}
			eval(ctx, pipe, []string{redisKey(one.postID)}, args...)
		}
		return nil
	})
	return err
}

// Get reads a post's count, and returns false if it is not there as a whole or can't be had soon.
func (c *Cache) Get(ctx context.Context, postID string) (count int64, found bool) {
	err := c.try(ctx, func(ctx context.Context) error {
		known, err := c.redis.HMGet(ctx, redisKey(postID), "whole", "count").Result()
		if err != nil || known[0] == nil {
			return err
		}
		text, _ := known[1].(string)
		count, err = strconv.ParseInt(text, 10, 64)
		found = err == nil
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
