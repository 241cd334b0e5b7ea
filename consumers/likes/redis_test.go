package likes_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/redis/go-redis/v9"

	"tiffin/consumers/likes"
	"tiffin/internal/testservers"
	"tiffin/producers/api"
	"tiffin/producers/door"
	likesapi "tiffin/producers/likes"
)

const (
	post = "celebrity"
	ttl  = 2 * time.Second
	// tooLong is much longer than the cache's time-out and a query, and much shorter than what Redis's library waits by itself.
	tooLong = 2 * time.Second
)

// site is the API, the group, and a Redis of its own.
type site struct {
	*world
	redis  *testservers.PrivateRedis
	direct *redis.Client // to look at Redis, and to break it
	cache  *likes.Cache
	api    http.Handler

	liked   atomic.Int64 // how many users have liked the post, each once
	slowest atomic.Int64 // of the requests since the last fault, in nanoseconds
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{world: newWorld(t), redis: testservers.StartRedis(t)}
	open := func() *redis.Client {
		client, err := likes.OpenRedis(s.redis.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() }) // nothing is pending on it
		return client
	}
	s.direct = open()
	s.cache = likes.NewCache(open(), likes.CacheConfig{TTL: ttl})
	for range 2 { // processes
		s.run(likes.Config{Mirror: s.cache.Put})
	}

	broker := door.NewBroker(door.Config{Kafka: s.client, Topics: likesapi.Topics()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- broker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-broker.Started()
	e := api.New(api.Config{})
	s.api = e
	likesapi.Routes(e, likesapi.Config{Door: broker, Counts: likes.NewReader(s.db, s.cache)})
	return s
}

func (s *site) do(method, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	response := httptest.NewRecorder()
	started := time.Now()
	s.api.ServeHTTP(response, request)
	for took := int64(time.Since(started)); ; {
		slowest := s.slowest.Load()
		if took <= slowest || s.slowest.CompareAndSwap(slowest, took) {
			return response
		}
	}
}

// count is what the API answers.
func (s *site) count() int64 {
	s.t.Helper()
	response := s.do("GET", "/posts/"+post+"/likes", "")
	var count likesapi.Count
	if err := json.Unmarshal(response.Body.Bytes(), &count); err != nil || response.Code != http.StatusOK || count.PostID != post {
		s.t.Errorf("GET answers %d %s", response.Code, response.Body)
	}
	return count.Count
}

// load has clients like the post and look at its count, until the stop that it returns.
func (s *site) load() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				u := s.liked.Add(1) // before it is answered: it may be counted sooner
				if response := s.do("POST", "/posts/"+post+"/likes", fmt.Sprintf(`{"userId":"%s"}`, user(int(u)))); response.Code != http.StatusAccepted {
					s.t.Errorf("a like is answered with %d %s", response.Code, response.Body)
				}
				if count := s.count(); count > s.liked.Load() {
					s.t.Errorf("the count is %d of %d likes", count, s.liked.Load())
				}
			}
		})
	}
	return func() { cancel(); clients.Wait() }
}

// during runs load until there are so many more likes.
func (s *site) during(more int64, fault func()) {
	s.t.Helper()
	stop := s.load()
	defer stop()
	begin := s.liked.Load()
	s.eventually("likes are accepted", func() bool { return s.liked.Load() > begin+more })
	fault()
	s.slowest.Store(0)
	begin = s.liked.Load()
	s.eventually("likes are accepted", func() bool { return s.liked.Load() > begin+more })
}

// counted waits until all that was accepted is in the tables.
func (s *site) counted() {
	s.t.Helper()
	s.eventually("all likes are counted", func() bool {
		p, err := likes.Find(s.t.Context(), s.db, post)
		if err != nil {
			s.t.Fatal(err)
		}
		return p.Count == s.liked.Load()
	})
}

// exact: whoever asks gets the count of all that was accepted, soon.
func (s *site) exact(when string) {
	s.t.Helper()
	for range 20 {
		if got, want := s.count(), s.liked.Load(); got != want {
			s.t.Errorf("%s the count is %d, want %d", when, got, want)
		}
	}
	if slowest := time.Duration(s.slowest.Load()); slowest > tooLong {
		s.t.Errorf("%s somebody waited %v", when, slowest)
	}
}

// mirrors: the cache works again, and the group writes it.
func (s *site) mirrors() {
	s.t.Helper()
	<-time.After(ttl) // what went stale is gone by now
	s.exact("a time to live after the fault")
	s.during(50, func() {})
	s.counted()
	s.eventually("the cache has the last count", func() bool {
		count, found := s.cache.Get(s.t.Context(), post)
		return found && count == s.liked.Load()
	})
	s.exact("at the end")
	s.consistent()
}

// process is Redis's.
func (s *site) process() int {
	s.t.Helper()
	info, err := s.direct.Info(s.t.Context(), "server").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "process_id:")
	pid, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func (s *site) signal(pid int, signal syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		s.t.Fatal(err)
	}
}

// P9: Redis is killed under load, and comes back empty.
func TestRedisIsKilled(t *testing.T) {
	s := newSite(t)
	s.during(200, s.redis.Kill)
	s.counted()
	s.exact("without Redis")
	s.redis.Start()
	s.mirrors()
}

// P9: somebody empties Redis under load.
func TestRedisIsFlushed(t *testing.T) {
	s := newSite(t)
	s.during(200, func() {
		if err := s.direct.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	})
	s.counted()
	s.mirrors()
}

// P9: Redis hangs under load, which is worse than to be dead: it takes connections, and what was sent to it is done when it
// wakes up.
func TestRedisIsFrozen(t *testing.T) {
	s := newSite(t)
	pid := s.process()
	s.during(200, func() { s.signal(pid, syscall.SIGSTOP) })
	s.counted()
	s.exact("with a Redis that hangs")
	s.signal(pid, syscall.SIGCONT)
	s.mirrors()
}

// P9: a writer that missed its last write leaves an old count behind, for a time to live at most.
func TestAMissedWriteIsForgotten(t *testing.T) {
	s := newSite(t)
	s.during(50, func() {})
	s.counted()
	s.eventually("the cache has the last count", func() bool {
		count, found := s.cache.Get(t.Context(), post)
		return found && count == s.liked.Load()
	})
	// A like that another process counts, and whose mirror never gets through.
	if _, err := s.db.Exec(t.Context(), `update likes.counts set count = count + 1, version = version + 1
		where (post_id, shard) = (select post_id, min(shard) from likes.counts group by post_id)`); err != nil {
		t.Fatal(err)
	}
	want, missed := s.liked.Load()+1, time.Now()
	s.eventually("the count is right again", func() bool { return s.count() == want })
	if took := time.Since(missed); took > ttl+tooLong {
		t.Errorf("it took %v, want %v at most", took, ttl)
	}
}
