package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/problem"
)

// meal is a resource that gets from stage to stage, and is eaten at the end.
type meal struct {
	Stage int    `json:"stage"`
	State string `json:"state"`
}

func (m meal) Standing() api.Standing {
	return api.Standing{Status: m.State, Version: strconv.Itoa(m.Stage), Ended: m.State == "eaten"}
}

// kitchen is where the meal is, on a server that runs where time is free.
type kitchen struct {
	mu    sync.Mutex
	meal  meal
	err   error
	looks int

	client *http.Client
	stop   func()
}

func (k *kitchen) set(stage int, state string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.meal = meal{stage, state}
}

func (k *kitchen) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *kitchen) look(ctx context.Context) (meal, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looks++
	return k.meal, errors.Join(k.err, ctx.Err())
}

// following runs a server with room for so many, and the test, under synctest.
func following(t *testing.T, waiters, streams int, test func(t *testing.T, k *kitchen)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		k := &kitchen{meal: meal{0, "raw"}, stop: stop, client: &http.Client{Transport: &http.Transport{DialContext: network.dial}}}
		e := api.New(api.Config{})
		followers := api.NewFollowers(ctx.Done(), waiters, streams)
		e.GET("/meal", func(c echo.Context) error { return api.Follow(c, followers, k.look) })
		served := make(chan error, 1)
		go func() { served <- api.Serve(ctx, network, e) }()
		test(t, k)
		stop()
		k.client.CloseIdleConnections()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// get asks for the meal. The caller closes the body.
func (k *kitchen) get(t *testing.T, ctx context.Context, headers ...string) *http.Response {
	t.Helper()
	return k.ask(t, ctx, "GET", headers...)
}

func (k *kitchen) ask(t *testing.T, ctx context.Context, method string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, "http://tiffin/meal", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	response, err := k.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

const events = "Accept: text/event-stream"

// next reads one event or comment, without the empty line after it; "" at the end.
func next(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && line == "" {
			return all.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if line == "\n" {
			return all.String()
		}
		all.WriteString(line)
	}
}

// TestHeadDoesNotFollow: there is nothing to tell it.
func TestHeadDoesNotFollow(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		for _, wish := range []string{"Prefer: wait=5", events, "Accept: */*"} {
			start := time.Now()
			response := k.ask(t, t.Context(), "HEAD", wish)
			body, err := io.ReadAll(response.Body)
			if err = errors.Join(err, response.Body.Close()); err != nil || len(body) > 0 {
				t.Errorf("%s: body %q, %v", wish, body, err)
			}
			if took := time.Since(start); response.StatusCode != 200 || response.ContentLength != int64(len(`{"stage":0,"state":"raw"}`+"\n")) || took > 0 {
				t.Errorf("%s: %d %v after %v", wish, response.StatusCode, response.Header, took)
			}
		}
	})
}

// TestEventsAsTheyHappen: also after every limit of the server on a request and an answer, and with signs of life between.
func TestEventsAsTheyHappen(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		response := k.get(t, t.Context(), "Accept: text/html;q=0.9 , Text/Event-Stream; q=0.1", "Accept-Encoding: gzip", "Prefer: wait=5")
		defer response.Body.Close()
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Content-Encoding") != "" {
			t.Errorf("%d %v", response.StatusCode, response.Header)
		}
		r := bufio.NewReader(response.Body)
		expect := func(want string) {
			t.Helper()
			if got := next(t, r); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		start := time.Now()
		expect("id: 0\nevent: raw\ndata: {\"stage\":0,\"state\":\"raw\"}\n")
		const hour = 240 // heartbeats
		for range hour {
			expect(":\n")
		}
		if took := time.Since(start); took < hour*15*time.Second || took > hour*17*time.Second {
			t.Errorf("%d signs of life in %v", hour, took)
		}
		if k.looks > 3700 {
			t.Errorf("%d looks in an hour", k.looks)
		}
		k.set(1, "cooking")
		expect("id: 1\nevent: cooking\ndata: {\"stage\":1,\"state\":\"cooking\"}\n")
		k.set(2, "cooking") // soon after a change it is looked at more often
		changed := time.Now()
		expect("id: 2\nevent: cooking\ndata: {\"stage\":2,\"state\":\"cooking\"}\n")
		if took := time.Since(changed); took > 50*time.Millisecond {
			t.Errorf("the next change took %v", took)
		}
		k.fail(errors.New("the database is away")) // a while
		expect(":\n")
		k.fail(nil)
		k.set(3, "eaten")
		expect("id: 3\nevent: eaten\ndata: {\"stage\":3,\"state\":\"eaten\"}\n")
		expect("")
	})
}

// TestEventsGoOnWhereTheyBrokeOff, by Last-Event-ID.
func TestEventsGoOnWhereTheyBrokeOff(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		k.set(1, "cooking")
		response := k.get(t, t.Context(), events, "Last-Event-ID: 1")
		r := bufio.NewReader(response.Body)
		if got := next(t, r); got != ":\n" {
			t.Errorf("what was heard before comes again: %q", got)
		}
		k.set(3, "eaten")
		if got := next(t, r); !strings.HasPrefix(got, "id: 3\nevent: eaten\n") {
			t.Errorf("got %q", got)
		}
		_ = response.Body.Close()
		synctest.Wait() // the server lets the place go when it has noticed
		for last, want := range map[string]int{"3": http.StatusNoContent, "1": http.StatusOK, "": http.StatusOK} {
			response := k.get(t, t.Context(), events, "Last-Event-ID: "+last)
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != want || err != nil || (want == http.StatusOK) != strings.Contains(string(body), "event: eaten") {
				t.Errorf("after %q: %d %s %v", last, response.StatusCode, body, err)
			}
			_ = response.Body.Close()
			synctest.Wait()
		}
	})
}

func TestListenersAreBounded(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		ctx, leave := context.WithCancel(t.Context())
		first := k.get(t, ctx, events)
		second := k.get(t, t.Context(), events)
		body, _ := io.ReadAll(second.Body)
		if second.StatusCode != http.StatusServiceUnavailable || second.Header.Get("Retry-After") != "10" || second.Header.Get("Content-Type") != problem.MediaType {
			t.Errorf("one too many: %d %v %s", second.StatusCode, second.Header, body)
		}
		_ = second.Body.Close()
		if plain := k.get(t, t.Context()); plain.StatusCode != http.StatusOK {
			t.Errorf("who does not listen: %d", plain.StatusCode)
		} else {
			_ = plain.Body.Close()
		}
		leave() // and make room
		_ = first.Body.Close()
		synctest.Wait()
		looks := k.looks
		third := k.get(t, t.Context(), events)
		if third.StatusCode != http.StatusOK {
			t.Errorf("after the first has gone: %d", third.StatusCode)
		}
		if k.looks != looks+1 {
			t.Errorf("somebody looks for the client that has gone")
		}
		k.stop()
		_ = third.Body.Close()
	})
}

// TestAClientThatDoesNotRead holds its place for as long as a write may take.
func TestAClientThatDoesNotRead(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		first := k.get(t, t.Context(), events)
		k.set(1, strings.Repeat("x", 1<<20)) // net.Pipe has no buffer, the client's reader has a small one
		<-time.After(12 * time.Second)
		synctest.Wait()
		second := k.get(t, t.Context(), events)
		if second.StatusCode != http.StatusOK {
			t.Errorf("its place is taken still: %d", second.StatusCode)
		}
		_ = first.Body.Close()
		k.stop()
		_ = second.Body.Close()
	})
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		response := k.get(t, t.Context(), events)
		defer response.Body.Close()
		r := bufio.NewReader(response.Body)
		next(t, r)
		start := time.Now()
		k.stop()
		if got := next(t, r); got != "" || time.Since(start) != 0 {
			t.Errorf("got %q after %v", got, time.Since(start))
		}
	})
}

// TestALongWaitOutlivesTheServersLimits: of 15 seconds for a request to arrive, that is.
func TestALongWaitOutlivesTheServersLimits(t *testing.T) {
	following(t, 1, 1, func(t *testing.T, k *kitchen) {
		start := time.Now()
		time.AfterFunc(50*time.Second, func() { k.set(1, "eaten") })
		response := k.get(t, t.Context(), "Prefer: wait=60")
		body, err := io.ReadAll(response.Body)
		if took := time.Since(start); err != nil || string(body) != `{"stage":1,"state":"eaten"}`+"\n" || response.Header.Get("Preference-Applied") != "wait=60" || took < 50*time.Second || took > 51*time.Second {
			t.Errorf("%s %v %v after %v", body, response.Header, err, took)
		}
		_ = response.Body.Close()
	})
}

// TestWhatCannotBeFound is said before a stream begins.
func TestWhatCannotBeFound(t *testing.T) {
	e := api.New(api.Config{})
	e.GET("/meal", func(c echo.Context) error {
		return api.Follow(c, api.NewFollowers(nil, 1, 1), func(context.Context) (meal, error) {
			return meal{}, problem.New(problem.NotFound, "There is no meal.")
		})
	})
	request := httptest.NewRequest("GET", "/meal", nil)
	request.Header.Set("Accept", "text/event-stream")
	response := httptest.NewRecorder()
	e.ServeHTTP(response, request)
	if response.Code != http.StatusNotFound || response.Header().Get("Content-Type") != problem.MediaType {
		t.Errorf("%d %v", response.Code, response.Header())
	}
}
