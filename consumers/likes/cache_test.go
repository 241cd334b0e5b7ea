package likes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tiffin/internal/embedded"
	"tiffin/internal/testservers"
)

// patient is longer than Redis takes on any machine.
const patient = 30 * time.Second

// onRedis runs a test on a real Redis, and on the one that `tiffin up` brings along.
func onRedis(t *testing.T, ttl time.Duration, test func(t *testing.T, c *Cache, client *redis.Client)) {
	t.Helper()
	for name, url := range map[string]func(*testing.T) string{
		"redis": func(t *testing.T) string { t.Helper(); return testservers.Redis(t) },
		"embedded": func(t *testing.T) string {
			t.Helper()
			r, err := embedded.StartRedis(embedded.RedisConfig{Addr: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() }) // it returns nil
			return r.URL()
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := openRedis(t, url(t))
			test(t, NewCache(client, CacheConfig{TTL: ttl, Timeout: patient}), client)
		})
	}
}

func openRedis(t *testing.T, url string) *redis.Client {
	t.Helper()
	client, err := OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// part is one of p1.
func part(shard int, count, version int64) Post {
	return Post{PostID: "p1", Shard: shard, Count: count, Version: version}
}

func store(t *testing.T, c *Cache, posts ...Post) {
	t.Helper()
	if err := c.Put(t.Context(), posts); err != nil {
		t.Fatal(err)
	}
}

// fill stores all parts of p1.
func fill(t *testing.T, c *Cache, parts ...Post) {
	t.Helper()
	if err := c.Fill(t.Context(), "p1", parts); err != nil {
		t.Fatal(err)
	}
}

func cached(t *testing.T, c *Cache, postID string, want int64) {
	t.Helper()
	if got, found := c.Get(t.Context(), postID); !found || got != want {
		t.Errorf("%s has %d (found: %v), want %d", postID, got, found, want)
	}
}

// P9: what the owner of a part writes takes the place of what was there, and of what a reader brings from PostgreSQL only the newer.
func TestAnOlderPartNeverReplacesANewer(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, _ *redis.Client) {
		if count, found := c.Get(t.Context(), "p1"); found {
			t.Errorf("an empty cache has %d", count)
		}
		fill(t, c, part(0, 5, 7), part(3, -2, 8))
		cached(t, c, "p1", 3)
		store(t, c, part(3, -1, 9))
		cached(t, c, "p1", 4)
		store(t, c, part(0, 9, 10))
		cached(t, c, "p1", 8)
		fill(t, c, part(0, 3, 9), part(3, 0, 10), part(-1, 50, 60)) // a reader that was slow, with news for all that; 9 is less than 10
		cached(t, c, "p1", 59)
		store(t, c, part(11, 1, 1)) // a part that is new
		cached(t, c, "p1", 60)
	})
}

// A batch of a mirror may hold several copies of one part: the newest counts, once.
func TestOfCopiesOfOnePartTheNewestStays(t *testing.T) {
	onRedis(t, time.Hour, func(t *testing.T, c *Cache, _ *redis.Client) {
		fill(t, c, part(0, 5, 7), part(1, 1, 1))
		store(t, c, part(0, 8, 9), part(0, 9, 10), part(0, 7, 8)) // at once
		cached(t, c, "p1", 10)
	})
}

// P9: after a loss, what mirrors write is a part of the count, and is not shown for the whole.
func TestPartsAreNoCount(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, client *redis.Client) {
		fill(t, c, part(0, 5, 5), part(1, 5, 5))
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		store(t, c, part(1, 7, 7))
		if count, found := c.Get(t.Context(), "p1"); found {
			t.Errorf("of two parts one is there, and the count is %d", count)
		}
		fill(t, c, part(0, 5, 5), part(1, 6, 6)) // read before the part was written
		cached(t, c, "p1", 12)
		if err := c.Fill(t.Context(), "p2", nil); err != nil {
			t.Fatal(err)
		}
		cached(t, c, "p2", 0) // a post that nobody likes
	})
}

// P9: the owner of a part writes, and readers bring what they have read some time ago, in any order.
func TestTheNewestOfManyWritersStays(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, _ *redis.Client) {
		const last = 200
		var writers sync.WaitGroup
		for shard := range 2 {
			writers.Go(func() {
				for v := int64(1); v <= last; v++ {
					if err := c.Put(t.Context(), []Post{part(shard, v, v)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 2 {
			writers.Go(func() {
				for _, v := range rand.Perm(last) {
					if err := c.Fill(t.Context(), "p1", []Post{part(i, int64(v), int64(v))}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		cached(t, c, "p1", 2*last)
	})
}

// More than fit into one pipeline.
func TestManyCountsAtOnce(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, client *redis.Client) {
		var parts []Post
		for i := range 2*putAtOnce + 1 {
			parts = append(parts, Post{fmt.Sprint("p", i), 0, int64(i), 1000, 0, 0, ""}, Post{fmt.Sprint("p", i), 1, 1, 1, 0, 0, ""})
		}
		store(t, c, parts...)
		if n := client.DBSize(t.Context()).Val(); n != 2*putAtOnce+1 {
			t.Errorf("%d keys, want %d", n, 2*putAtOnce+1)
		}
		last := 2 * putAtOnce
		if got := client.HGetAll(t.Context(), c.key(fmt.Sprint("p", last))).Val(); len(got) != 2 || got["0"] != fmt.Sprint("1000 ", last) || got["1"] != "1 1" {
			t.Errorf("the last one has %v", got)
		}
	})
}

// P9: what is wrong is gone after the time to live: neither the same again nor news of another part renews it.
func TestAnOldCountGoesAway(t *testing.T) {
	onRedis(t, 400*time.Millisecond, func(t *testing.T, c *Cache, _ *redis.Client) {
		written := time.Now() // or before: this machine may be slow
		fill(t, c, part(0, 5, 7), part(1, 0, 0))
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for news := int64(1); ; news++ {
			<-ticker.C
			_, found := c.Get(t.Context(), "p1")
			switch since := time.Since(written); {
			case !found:
				if since < 250*time.Millisecond {
					t.Errorf("after %v it has gone", since)
				}
				return
			case since > time.Minute:
				t.Fatalf("after %v it is still there", since)
			}
			store(t, c, part(0, 5, 7), part(1, news, news))
		}
	})
}

// frozen is the address of a server that takes connections and never answers, and how many it has taken.
func frozen(t *testing.T) (addr string, taken *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken = &atomic.Int64{}
	ended := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			taken.Add(1)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String(), taken
}

// P9: a Redis that does not answer is waited for once, for a moment, and then left alone for a second.
func TestARedisThatFailsIsLeftAlone(t *testing.T) {
	addr, taken := frozen(t)
	c := NewCache(openRedis(t, "redis://"+addr), CacheConfig{})
	started := time.Now()
	if _, found := c.Get(t.Context(), "p1"); found {
		t.Fatal("a server that says nothing has a count")
	}
	if took := time.Since(started); took < DefaultTimeout/2 || took > 25*DefaultTimeout {
		t.Errorf("it was waited for %v, want %v", took, DefaultTimeout)
	}
	asked := taken.Load()
	for time.Since(started) < redisRest/2 {
		if _, found := c.Get(t.Context(), "p1"); found || c.Put(t.Context(), []Post{part(0, 1, 1)}) == nil {
			t.Fatal("it was written to a server that says nothing")
		}
	}
	if again := taken.Load() - asked; again != 0 {
		t.Errorf("it was asked %d times again", again)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for ; taken.Load() == asked; <-ticker.C {
		if time.Since(started) > time.Minute {
			t.Fatal("it is never asked again")
		}
		c.Get(t.Context(), "p1")
	}
}

// A client that goes away says nothing of Redis.
func TestACallerThatHasGoneIsNoFault(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, _ *redis.Client) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, found := c.Get(gone, "p1"); found {
			t.Error("found")
		}
		if c.rests.Load() != 0 {
			t.Error("Redis is left alone, although it works")
		}
		store(t, c, part(0, 1, 1))
	})
}

func TestOpenRedisRefusesNonsense(t *testing.T) {
	for _, url := range []string{"", "localhost:6379", "http://localhost", "redis://h:1/x"} {
		if c, err := OpenRedis(url); err == nil {
			_ = c.Close()
			t.Errorf("%q is a Redis URL", url)
		}
	}
}

// Installations that share a Redis, each with a prefix, see nothing of each other.
func TestInstallationsShareARedis(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, client *redis.Client) {
		other := NewCache(client, CacheConfig{Prefix: "staging.", TTL: time.Minute, Timeout: patient})
		if err := c.Fill(t.Context(), "shared", []Post{{PostID: "shared", Count: 5, Version: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := c.putTop(t.Context(), Day, Gains{Posts: []Gain{{"shared", 5}}}); err != nil {
			t.Fatal(err)
		}
		if n, found := other.Get(t.Context(), "shared"); found {
			t.Errorf("another's post has %d likes here", n)
		}
		if gains, found, _ := other.top(t.Context(), Day); found {
			t.Errorf("another's list is here: %v", gains)
		}
		if n, found := c.Get(t.Context(), "shared"); !found || n != 5 {
			t.Errorf("its own has %d, %v", n, found)
		}
	})
}
