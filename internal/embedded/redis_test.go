package embedded

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func startRedis(t *testing.T, addr string) *Redis {
	t.Helper()
	r, err := StartRedis(RedisConfig{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// redisClient talks to the server until the test ends.
func redisClient(t *testing.T, r *Redis) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRedisTimesToLiveRunByTheClock(t *testing.T) {
	c := redisClient(t, startRedis(t, "127.0.0.1:0"))
	const ttl = 300 * time.Millisecond
	start := time.Now()
	if err := c.Set(t.Context(), "soon", "x", ttl).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "later", "x", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for c.Exists(t.Context(), "soon").Val() == 1 {
		if time.Since(start) > 20*time.Second {
			t.Fatal("it never expires")
		}
		<-ticker.C
	}
	if took := time.Since(start); took < ttl-expiryInterval {
		t.Errorf("it expired after %v, want %v", took, ttl)
	}
	if left := c.TTL(t.Context(), "later").Val(); left < 59*time.Minute || c.Exists(t.Context(), "later").Val() != 1 {
		t.Errorf("what lives an hour has %v left", left)
	}
}

func TestRedisRunsScripts(t *testing.T) {
	c := redisClient(t, startRedis(t, "127.0.0.1:0"))
	got, err := redis.NewScript("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])").Run(t.Context(), c, []string{"k"}, 7).Text()
	if err != nil || got != "7" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRedisKeepsNothingAndFreesItsPort(t *testing.T) {
	r := startRedis(t, ownAddr(t))
	if err := redisClient(t, r).Set(t.Context(), "k", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := startRedis(t, r.Addr())
	if n := redisClient(t, again).Exists(t.Context(), "k").Val(); n != 0 {
		t.Error("a new start knows what the last one kept")
	}
}

func TestRedisRefusals(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	for name, c := range map[string]struct {
		addr string
		says []string
	}{
		"port taken":     {busy.Addr().String(), []string{"port " + port + " is taken", "Redis", "--redis-addr"}},
		"not an address": {"6379", []string{"not a host:port", "--redis-addr"}},
		"no such port":   {"127.0.0.1:99999", []string{"no such port"}},
		"foreign host":   {"192.0.2.1:0", []string{"can't listen on 192.0.2.1:0", "--redis-addr"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := StartRedis(RedisConfig{Addr: c.addr})
			if err == nil {
				_ = r.Close()
				t.Fatal("started")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
