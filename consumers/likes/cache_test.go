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

func store(t *testing.T, c *Cache, posts ...Post) {
	t.Helper()
	if err := c.Put(t.Context(), posts); err != nil {
		t.Fatal(err)
	}
}

func cached(t *testing.T, c *Cache, postID string, want int64) {
	t.Helper()
	if got, found := c.Get(t.Context(), postID); !found || got != want {
		t.Errorf("%s has %d (found: %v), want %d", postID, got, found, want)
	}
}

// P9: whoever writes last, the newest count stays.
func TestAnOlderCountNeverReplacesANewer(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, _ *redis.Client) {
		if count, found := c.Get(t.Context(), "p1"); found {
			t.Errorf("an empty cache has %d", count)
		}
		store(t, c, Post{"p1", 5, 7}, Post{"p2", 0, 0})
		cached(t, c, "p1", 5)
		cached(t, c, "p2", 0)
		store(t, c, Post{"p1", 4, 6}, Post{"p2", 1, 1})
		cached(t, c, "p1", 5)
		cached(t, c, "p2", 1)
		store(t, c, Post{"p1", 9, 10}) // as numbers, not as texts
		cached(t, c, "p1", 9)
		store(t, c, Post{"p1", 3, 9})
		cached(t, c, "p1", 9)
	})
}

// P9: many writers at once, in any order.
func TestTheNewestOfManyWritersStays(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, _ *redis.Client) {
		versions := rand.Perm(400)
		var writers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() {
				for _, v := range versions[i*100 : (i+1)*100] {
					if err := c.Put(t.Context(), []Post{{"p1", int64(v), int64(v)}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		cached(t, c, "p1", 399)
	})
}

// More than fit into one pipeline.
func TestManyCountsAtOnce(t *testing.T) {
	onRedis(t, time.Minute, func(t *testing.T, c *Cache, client *redis.Client) {
		var posts []Post
		for i := range 2*putAtOnce + 1 {
			posts = append(posts, Post{fmt.Sprint("p", i), int64(i), 1})
		}
		store(t, c, posts...)
		if n := client.DBSize(t.Context()).Val(); n != int64(len(posts)) {
			t.Errorf("%d keys, want %d", n, len(posts))
		}
		cached(t, c, posts[len(posts)-1].PostID, int64(len(posts)-1))
	})
}

// P9: what is wrong is gone after the time to live: neither an older count nor the same again renews it.
func TestAnOldCountGoesAway(t *testing.T) {
	onRedis(t, 400*time.Millisecond, func(t *testing.T, c *Cache, _ *redis.Client) {
		store(t, c, Post{"p1", 5, 7})
		written := time.Now()
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for ; ; <-ticker.C {
			store(t, c, Post{"p1", 3, 6}) // in vain, as long as the other is there
			count, found := c.Get(t.Context(), "p1")
			switch since := time.Since(written); {
			case found && count == 3:
				if since < 250*time.Millisecond {
					t.Errorf("after %v it has gone", since)
				}
				return
			case since > 10*time.Second:
				t.Fatalf("after %v it is still %d", since, count)
			}
			store(t, c, Post{"p1", 5, 7})
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
	if took := time.Since(started); took < DefaultTimeout/2 || took > 10*DefaultTimeout {
		t.Errorf("it was waited for %v, want %v", took, DefaultTimeout)
	}
	asked := taken.Load()
	for time.Since(started) < redisRest {
		if _, found := c.Get(t.Context(), "p1"); found || c.Put(t.Context(), []Post{{"p1", 1, 1}}) == nil {
			t.Fatal("it was written to a server that says nothing")
		}
	}
	if again := taken.Load() - asked; again != 0 {
		t.Errorf("it was asked %d times again", again)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for ; taken.Load() == asked; <-ticker.C {
		if time.Since(started) > 20*time.Second {
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
		store(t, c, Post{"p1", 1, 1})
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
