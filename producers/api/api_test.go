package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"tiffin/producers/api"
	"tiffin/producers/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a network in memory, so that a server can run where time is free.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// serving runs a server under synctest with one route, which answers when released is closed, or, if it heeds that, when its
// request is cancelled, and stops it while a request is in that route.
func serving(t *testing.T, released func() <-chan struct{}, heeds bool, check func(answer <-chan error, served <-chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network, done := newPipes(), released()
		ctx, stop := context.WithCancel(t.Context())
		entered := make(chan struct{})
		e := api.New(api.Config{})
		e.GET("/slow", func(c echo.Context) error {
			close(entered)
			cancelled := c.Request().Context().Done()
			if !heeds {
				cancelled = nil
			}
			select {
			case <-done:
				return c.String(http.StatusOK, "done")
			case <-cancelled:
				return c.Request().Context().Err()
			}
		})
		served := make(chan error, 1)
		go func() { served <- api.Serve(ctx, network, e) }()
		client := &http.Client{Transport: &http.Transport{DialContext: network.dial}}
		defer client.CloseIdleConnections()
		answer := make(chan error, 1)
		go func() {
			response, err := client.Get("http://tiffin/slow")
			if err == nil {
				_, err = io.ReadAll(response.Body)
				err = errors.Join(err, response.Body.Close())
			}
			answer <- err
		}()
		<-entered
		stop()
		synctest.Wait()
		if _, err := client.Get("http://tiffin/livez"); err == nil {
			t.Error("a server that stops takes new connections")
		}
		check(answer, served)
	})
}

func TestServeLetsRequestsEnd(t *testing.T) {
	at := func(d time.Duration) func() <-chan struct{} { // so long after the beginning
		return func() <-chan struct{} {
			done := make(chan struct{})
			time.AfterFunc(d, func() { close(done) })
			return done
		}
	}
	ends := func(within time.Duration) func(answer, served <-chan error) {
		return func(answer, served <-chan error) {
			start := time.Now()
			if err := errors.Join(<-answer, <-served); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > within {
				t.Errorf("stopping took %v", took)
			}
		}
	}
	serving(t, at(time.Second), true, ends(1500*time.Millisecond)) // a server looks twice a second
	serving(t, at(time.Hour), true, ends(2500*time.Millisecond))   // cancelled
	serving(t, at(time.Hour), false, func(answer, served <-chan error) {
		if err := <-served; err == nil || !strings.Contains(err.Error(), "cut off after 3s") {
			t.Errorf("Serve returned %v", err)
		}
		if err := <-answer; err == nil {
			t.Error("the request that was cut off has an answer")
		}
		<-time.After(time.Hour) // so that its handler ends
	})
}

// A client whose body stalls holds no stop up, and is told.
func TestAStopDoesNotWaitForABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		e := api.New(api.Config{})
		e.POST("/", func(c echo.Context) error { _, err := api.Receive(c, api.MaxBodyBytes); return err })
		served := make(chan error, 1)
		go func() { served <- api.Serve(ctx, network, e) }()
		conn, err := network.dial(ctx, "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: tiffin\r\nContent-Length: 100\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%v %v", response, err)
		}
		_ = conn.Close() // the server waits a moment for it
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// Nor does a client that reads nothing of its answer, or of a stream.
func TestAStopDoesNotWaitForAReader(t *testing.T) {
	much := strings.Repeat("x", 1<<20)
	for path, handle := range map[string]func(echo.Context, *api.Followers) error{
		"/answer": func(c echo.Context, _ *api.Followers) error { return c.String(http.StatusOK, much) },
		"/stream": func(c echo.Context, f *api.Followers) error {
			return api.Follow(c, f, func(context.Context) (meal, error) { return meal{State: much}, nil })
		},
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newPipes()
				ctx, stop := context.WithCancel(t.Context())
				e, followers := api.New(api.Config{}), api.NewFollowers(ctx.Done(), 1, 1)
				e.GET(path, func(c echo.Context) error { return handle(c, followers) })
				served := make(chan error, 1)
				go func() { served <- api.Serve(ctx, network, e) }()
				conn, err := network.dial(ctx, "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: tiffin\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestServeFails(t *testing.T) {
	network := newPipes()
	if err := network.Close(); err != nil {
		t.Fatal(err)
	}
	if err := api.Serve(t.Context(), onceClosed{network}, http.NotFoundHandler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// onceClosed has been closed already.
type onceClosed struct{ *pipes }

func (onceClosed) Close() error { return nil }

func TestProbesMayHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		e := api.New(api.Config{Probes: []api.Probe{
			{Name: "kafka", Check: hangs},
			{Name: "database", Check: func(ctx context.Context) error { return ctx.Err() }},
		}})
		start := time.Now()
		response := httptest.NewRecorder()
		e.ServeHTTP(response, httptest.NewRequest("GET", "/readyz", nil))
		if body := response.Body.String(); response.Code != http.StatusServiceUnavailable || !strings.Contains(body, `"/kafka"`) || strings.Contains(body, "database") {
			t.Errorf("%d %s", response.Code, body)
		}
		if took := time.Since(start); took >= time.Second { // who asks gives up after a second
			t.Errorf("took %v", took)
		}
	})
}

// What an API can do without may hang as it likes: /readyz says so soon, and is ready.
func TestAdviceMayHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		e := api.New(api.Config{Probes: []api.Probe{
			{Name: "door", Check: func(context.Context) error { return nil }},
			{Name: "kafka", Check: hangs, Advisory: true},
			{Name: "database", Check: hangs, Advisory: true},
		}})
		start := time.Now()
		response := httptest.NewRecorder()
		e.ServeHTTP(response, httptest.NewRequest("GET", "/readyz", nil))
		if body := response.Body.String(); response.Code != http.StatusOK || !strings.Contains(body, "without kafka: ") || !strings.Contains(body, "without database: ") {
			t.Errorf("%d %s", response.Code, body)
		}
		if took := time.Since(start); took > 200*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// A connection that somebody has opened ahead is no request under way.
func TestAStopDoesNotWaitForFreshConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, listener, api.New(api.Config{})) }()
	fresh, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	response, err := http.Get("http://" + listener.Addr().String() + "/livez") // the server has taken the fresh one before this
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestAPIsShareARegistry, and every one of them shows it.
func TestAPIsShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	first, second := api.New(api.Config{Name: "orders-api", Registry: registry}), api.New(api.Config{Name: "likes-api", Registry: registry})
	first.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/livez", nil))
	response := httptest.NewRecorder()
	second.ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	if want := `tiffin_http_request_duration_seconds_count{api="orders-api",method="GET",route="/livez",status="200"} 1`; !strings.Contains(response.Body.String(), want) {
		t.Errorf("no %s in\n%s", want, response.Body)
	}
}

func TestHeadAndAddresses(t *testing.T) {
	e := api.New(api.Config{})
	var address string
	e.GET("/address", func(c echo.Context) error { address = c.RealIP(); return c.NoContent(http.StatusOK) })
	e.GET("/fails", func(echo.Context) error { return problem.New(problem.Unavailable, "later") })
	request := httptest.NewRequest("GET", "/address", nil)
	request.Header.Set("X-Forwarded-For", "10.0.0.1")
	request.RemoteAddr = "192.0.2.7:1234"
	e.ServeHTTP(httptest.NewRecorder(), request)
	if address != "192.0.2.7" {
		t.Errorf("the client is %s, by its own word", address)
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/openapi.yaml", "/address"} {
		response := httptest.NewRecorder()
		if e.ServeHTTP(response, httptest.NewRequest("HEAD", path, nil)); response.Code != http.StatusOK {
			t.Errorf("HEAD %s answers %d", path, response.Code)
		}
	}
	response := httptest.NewRecorder()
	e.ServeHTTP(response, httptest.NewRequest("HEAD", "/fails", nil))
	if response.Code != http.StatusServiceUnavailable || response.Body.Len() != 0 || response.Header().Get("Retry-After") != "1" ||
		response.Header().Get("Content-Type") != problem.MediaType {
		t.Errorf("%d %v %s", response.Code, response.Header(), response.Body)
	}
}

// A shell's prompt stands on a line of its own, whatever was answered; and HEAD tells the length that GET has.
func TestEveryBodyEndsItsLine(t *testing.T) {
	e := api.New(api.Config{})
	e.GET("/count", func(c echo.Context) error { return api.Write(c, http.StatusOK, map[string]int{"count": 3}) })
	e.GET("/fails", func(echo.Context) error { return problem.New(problem.Unavailable, "later") })
	server := httptest.NewServer(e)
	defer server.Close()
	for _, path := range []string{"/count", "/fails", "/nowhere", "/", "/livez", "/readyz", "/openapi.yaml"} {
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it was read
		if err != nil || !strings.HasSuffix(string(body), "\n") || strings.HasSuffix(string(body), "\n\n") {
			t.Errorf("%s: %q, %v", path, body, err)
		}
		if length := response.ContentLength; length != int64(len(body)) && length != -1 {
			t.Errorf("%s: %d bytes, and Content-Length is %d", path, len(body), length)
		}
		if path != "/count" {
			continue
		}
		head, err := server.Client().Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = head.Body.Close() // it has none
		if head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD %s has Content-Length %d, and GET %d bytes", path, head.ContentLength, len(body))
		}
	}
}

// Who has nothing but the address is told where to go on, at it and beside it; and how to order where orders are taken.
func TestAStrangerFindsTheContract(t *testing.T) {
	e := api.New(api.Config{})
	get := func(path string) (int, string) {
		response := httptest.NewRecorder()
		e.ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		return response.Code, response.Body.String()
	}
	if code, body := get("/nowhere"); code != http.StatusNotFound || !strings.Contains(body, "/openapi.yaml") {
		t.Errorf("elsewhere: %d %s", code, body)
	}
	if code, body := get("/"); code != http.StatusOK || !strings.Contains(body, "/openapi.yaml") || strings.Contains(body, "curl") {
		t.Errorf("without orders: %d %s", code, body)
	}
	e.POST("/orders", func(echo.Context) error { return nil })
	if code, body := get("/"); code != http.StatusOK || !strings.Contains(body, "curl -i http://example.com/orders") {
		t.Errorf("with orders: %d %s", code, body)
	}
}
