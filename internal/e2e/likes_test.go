package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	consumer "tiffin/consumers/likes"
	"tiffin/internal/testservers"
)

// send makes a request, and returns the status and the body; 0 if there was no answer.
func send(method, url, body string, headers ...string) (int, string) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// like is what one user says of one post, through one API.
func like(t *testing.T, api, post, user string, likes bool) {
	t.Helper()
	status, body := 0, ""
	if likes {
		status, body = send(http.MethodPost, "http://"+api+"/posts/"+post+"/likes", `{"userId":"`+user+`"}`)
	} else {
		status, body = send(http.MethodDelete, "http://"+api+"/posts/"+post+"/likes/"+user, "")
	}
	if status != http.StatusAccepted {
		t.Errorf("%s of %s: %d %s", post, user, status, body)
	}
}

// count is what an API says that a post has.
func count(t *testing.T, api, post string) int {
	t.Helper()
	var answer struct{ Count int }
	status, body := send(http.MethodGet, "http://"+api+"/posts/"+post+"/likes", "")
	if err := json.Unmarshal([]byte(body), &answer); status != http.StatusOK || err != nil {
		t.Errorf("GET: %d %s", status, body)
		return -1
	}
	return answer.Count
}

// becomes waits until the post has so many likes at each of the APIs for half a second.
func becomes(t *testing.T, post string, want int, apis ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for steady := 0; steady < 25; steady++ { // on its way it may be anything, this count too
		<-time.After(20 * time.Millisecond)
		n := count(t, apis[steady%len(apis)], post)
		switch {
		case n == want:
		case time.Now().After(deadline):
			t.Fatalf("%s has %d likes, want %d", post, n, want)
		default:
			steady = -1
		}
	}
}

// P4: where two doors meet, the later acceptance has the last word. One user likes a post and takes it back a thousand times,
// through two doors in turn; others do the same on the side, and end otherwise.
func TestTheLastWordOverTwoDoors(t *testing.T) {
	s := newSite(t)
	s.start(false, "run", "--target=likes")
	first, second := s.start(true, "run", "--target=likes-api").ready(), s.start(true, "run", "--target=likes-api").ready()
	doors := []string{first.api, second.api}
	const users, words = 8, 1000
	var talking sync.WaitGroup
	for u := range users {
		talking.Go(func() {
			for i := range words + u%2 { // an even number of words ends with an unlike
				like(t, doors[(i+i/3)%2], "sunset", fmt.Sprintf("user%d", u), i%2 == 0)
			}
		})
	}
	talking.Wait()
	becomes(t, "sunset", users/2, doors...)
}

// P9: Redis is emptied, killed and frozen under load: likes are accepted all the while, counts are answered, and are exact again
// afterwards, those of `tiffin load` too, which goes on beside. TIFFIN_E2E_AWAY=1m keeps Redis away for a minute.
func TestRedisIsLostUnderLoad(t *testing.T) {
	away := awayTime(t)
	redis := testservers.StartRedis(t)
	s := newSite(t)
	s.env = append(s.env, "REDIS_URL="+redis.URL())
	s.start(false, "run", "--target=likes")
	api := s.start(true, "run", "--target=likes-api").ready().api
	waitFor(t, func() bool { // there are no counts before the group has made its tables
		status, _ := send(http.MethodGet, "http://"+api+"/posts/post0/likes", "")
		return status == http.StatusOK
	})
	batches := s.start(false, "load", "likes", "--rate=1000", "--batch=50", "--duration=1h", "--posts=200", "--unlikes=0.1", "--duplicates=0.1", "--target=http://"+api)
	var liked [4]atomic.Int64
	var stop atomic.Bool
	var reads atomic.Int64
	var talking sync.WaitGroup
	for w := range 4 {
		talking.Go(func() {
			post := fmt.Sprintf("post%d", w)
			for i := 0; !stop.Load(); i++ {
				like(t, api, post, fmt.Sprintf("user%d", i), true)
				liked[w].Add(1)
				if n := count(t, api, post); int64(n) > liked[w].Load() {
					t.Errorf("%s has %d likes, only %d were given", post, n, liked[w].Load())
				}
				reads.Add(1)
			}
		})
	}
	goesOn := func(while string) { // for as long as Redis may be away, and some hundred likes
		before, more := reads.Load(), liked[0].Load()+100
		<-time.After(away)
		read := reads.Load() - before
		t.Logf("%s: %d counts read in %v", while, read, away)
		if float64(read) < 10*away.Seconds() { // Redis's library by itself would wait for as long as Redis is away
			t.Errorf("%s only %d counts were read in %v: that must hold nobody up", while, read, away)
		}
		waitFor(t, func() bool { return liked[0].Load() > more })
	}
	goesOn("with Redis")
	flush(t, redis.URL())
	goesOn("with a Redis that was emptied")
	redis.Kill()
	goesOn("without Redis")
	redis.Start()
	goesOn("with a Redis that is new")
	redis.Freeze()
	goesOn("with a Redis that hangs")
	redis.Thaw()
	goesOn("with a Redis that hung")
	redis.Freeze() // and the last likes of all come meanwhile
	goesOn("with a Redis that hangs again")
	stop.Store(true)
	talking.Wait()
	batches.signal(syscall.SIGINT)
	redis.Thaw()
	<-time.After(consumer.DefaultTTL) // what the cache has missed is gone by now, and not before
	for w := range liked {
		becomes(t, fmt.Sprintf("post%d", w), int(liked[w].Load()), api)
	}
	<-batches.gone
	if said := batches.log.String(); batches.err != nil || !strings.Contains(said, "Everything is as promised.") {
		t.Errorf("the load ended with %v, and said\n%s", batches.err, tail(said))
	}
}

// flush empties a Redis.
func flush(t *testing.T, url string) {
	t.Helper()
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(options)
	defer c.Close()
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

// P5: a like that is sent again under its Idempotency-Key is one like, at whatever instance, and has the same answer. At an instance that
// remembers the key, a repetition leaves what the user has said since; at one that does not, it is a new word, which is the last one.
func TestOneKeyIsOneLike(t *testing.T) {
	s := newSite(t)
	s.start(false, "run", "--target=likes")
	here, there := s.start(true, "run", "--target=likes-api").ready().api, s.start(true, "run", "--target=likes-api").ready().api
	const body = `{"userId":"alice"}`
	first := ""
	again := func(api string) {
		t.Helper()
		status, answer := send(http.MethodPost, "http://"+api+"/posts/sunset/likes", body, "Idempotency-Key", "one-like")
		if status != http.StatusAccepted || first != "" && answer != first {
			t.Errorf("%d %s, and before %s", status, answer, first)
		}
		first = answer
	}
	for range 3 {
		again(here)
		again(there)
	}
	like(t, here, "sunset", "bob", true)
	becomes(t, "sunset", 2, here, there)
	like(t, there, "sunset", "alice", false)
	becomes(t, "sunset", 1, here, there)
	for range 3 {
		again(here)
		again(there)
	}
	like(t, here, "sunset", "carol", true)
	becomes(t, "sunset", 2, here, there)
	if status, answer := send(http.MethodPost, "http://"+here+"/posts/sunset/likes", `{"userId": "alice"}`, "Idempotency-Key", "one-like"); status != http.StatusUnprocessableEntity {
		t.Errorf("another body under the same key: %d %s", status, answer)
	}
	forgetful := s.start(true, "run", "--target=likes-api").ready().api
	again(forgetful)
	becomes(t, "sunset", 3, here, there, forgetful)
}

// P5: the same Idempotency-Key from 50 connections at once, over two instances: one answer, one order.
func TestOneKeyIsOneOrder(t *testing.T) {
	s := newSite(t)
	first := s.start(true, "run", "--target=all,simulator").ready()
	second := s.start(true, "run", "--target=orders-api").ready()
	s.tiffin("seed")
	const body = `{"customerId":"alice","restaurantId":"annapurna","items":[{"sku":"idli","quantity":1}]}`
	var mu sync.Mutex
	answers := map[string]int{}
	var asking sync.WaitGroup
	for i := range 50 {
		asking.Go(func() {
			api := []string{first.api, second.api}[i%2]
			status, answer := http.StatusConflict, ""
			for status == http.StatusConflict { // the first is still in flight at this instance
				status, answer = send(http.MethodPost, "http://"+api+"/orders", body, "Idempotency-Key", "one-dinner")
			}
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(status, " ", answer)]++
		})
	}
	asking.Wait()
	if len(answers) != 1 {
		t.Fatalf("answers %v, want one", answers)
	}
	var receipt struct{ OrderID string }
	for answer := range answers {
		if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, "202 ")), &receipt); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	}
	allEnd(t, first.api, []string{receipt.OrderID})
	if status, _ := send(http.MethodPost, "http://"+first.api+"/orders", strings.Replace(body, "idli", "medu-vada", 1), "Idempotency-Key", "one-dinner"); status != http.StatusUnprocessableEntity {
		t.Errorf("another payload under the same key: %d", status)
	}
	s.tiffin("audit", "--wait=30s")
	_, account := send(http.MethodGet, "http://"+first.api+"/accounts/alice", "")
	if n := strings.Count(account, `"kind":"pay"`); n != 1 {
		t.Errorf("alice has paid %d times: %s", n, account)
	}
	_, sold := send(http.MethodGet, "http://"+first.api+"/analytics/orders", "")
	if !strings.Contains(sold, `"placed":1`) {
		t.Errorf("one order was placed; the numbers say %s", sold)
	}
}

// P8: an API that is stopped under load refuses nobody who has heeded /readyz, and what it has accepted is on Kafka when it
// is gone.
func TestAStopRefusesNobody(t *testing.T) {
	s := newSite(t)
	s.env = append(s.env, "TIFFIN_DRAIN_TIME=3s") // the most: on a busy machine the load balancer below may be late to look
	s.start(false, "run", "--target=likes")
	leaving, staying := s.start(true, "run", "--target=likes-api").ready(), s.start(true, "run", "--target=likes-api").ready()
	var mu sync.Mutex
	doors := []string{leaving.api, staying.api}
	var stop atomic.Bool
	var liked atomic.Int64
	var talking sync.WaitGroup
	for w := range 4 {
		talking.Go(func() {
			for i := 0; !stop.Load(); i++ {
				mu.Lock()
				door := doors[i%len(doors)]
				mu.Unlock()
				like(t, door, "sunset", fmt.Sprintf("user%d-%d", w, i), true)
				liked.Add(1)
			}
		})
	}
	talking.Go(func() { // the load balancer looks every 200 ms
		for !stop.Load() {
			if status, _ := send(http.MethodGet, "http://"+leaving.api+"/readyz", ""); status != http.StatusOK {
				mu.Lock()
				doors = slices.DeleteFunc(doors, func(d string) bool { return d == leaving.api })
				mu.Unlock()
				return
			}
			<-time.After(200 * time.Millisecond)
		}
	})
	waitFor(t, func() bool { return liked.Load() > 500 })
	leaving.stop()
	before := liked.Load()
	waitFor(t, func() bool { return liked.Load() > before+200 })
	stop.Store(true)
	talking.Wait()
	becomes(t, "sunset", int(liked.Load()), staying.api)
}

func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !so() {
		select {
		case <-deadline:
			t.Fatal("it did not happen within a minute")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
