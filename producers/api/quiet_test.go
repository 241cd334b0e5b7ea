package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
)

const patience = 10 * time.Second // how long a test waits for what should come at once

// visits is a server with two handlers that read a body and then wait: one that wants to be left alone, one that does not.
type visits struct {
	echo    *echo.Echo
	addr    string
	entered chan struct{}   // a handler has read its body
	leave   chan struct{}   // lets it answer
	gone    chan error      // what its context says then
	reads   *countingListen // of one byte
}

// countingListen counts reads of one byte, which is how net/http waits for a disconnect.
type countingListen struct {
	net.Listener
	single chan struct{}
	half   chan struct{} // a connection was closed for writing
}

func (l *countingListen) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &countingConn{conn, l}, err
}

type countingConn struct {
	net.Conn
	listener *countingListen
}

func (c *countingConn) Read(p []byte) (int, error) {
	if len(p) == 1 {
		c.listener.single <- struct{}{}
	}
	return c.Conn.Read(p)
}

func (c *countingConn) CloseWrite() error {
	c.listener.half <- struct{}{}
	return c.Conn.(*net.TCPConn).CloseWrite()
}

func visit(t *testing.T) *visits {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &visits{
		echo: api.New(api.Config{}), addr: listener.Addr().String(), entered: make(chan struct{}, 100), leave: make(chan struct{}), gone: make(chan error, 100),
		reads: &countingListen{listener, make(chan struct{}, 100), make(chan struct{}, 100)},
	}
	handle := func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		v.entered <- struct{}{}
		select {
		case <-v.leave:
		case <-c.Request().Context().Done():
		}
		v.gone <- c.Request().Context().Err()
		return c.String(http.StatusOK, string(body)+"!")
	}
	e := v.echo
	e.POST("/quiet", handle, api.Quiet)
	e.POST("/heedful", handle)
	e.DELETE("/quiet", handle, api.Quiet)
	e.GET("/heedful", handle)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, v.reads, e) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return v
}

func (v *visits) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", v.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func send(t *testing.T, conn net.Conn, path, body string) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: tiffin\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body); err != nil {
		t.Fatal(err)
	}
}

func answered(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || string(body) != want {
		t.Fatalf("%d %q %v, want %q", response.StatusCode, body, err, want)
	}
}

// TestQuietKeepsConnectionsAlive: one request after another, quiet or not, and several sent before the first is answered.
func TestQuietKeepsConnectionsAlive(t *testing.T) {
	v := visit(t)
	close(v.leave)
	conn, r := v.dial(t)
	for i := range 20 {
		body := strings.Repeat("x", i*500)
		send(t, conn, []string{"/quiet", "/heedful"}[i%2], body)
		answered(t, r, body+"!")
	}
	for _, path := range []string{"/quiet", "/quiet", "/heedful", "/quiet", "/heedful"} {
		send(t, conn, path, path)
	}
	for _, path := range []string{"/quiet", "/quiet", "/heedful", "/quiet", "/heedful"} {
		answered(t, r, path+"!")
	}
	if _, err := io.WriteString(conn, "DELETE /quiet HTTP/1.1\r\nHost: tiffin\r\n\r\n"); err != nil { // no body: net/http waits before the handler can say anything
		t.Fatal(err)
	}
	answered(t, r, "!")
	send(t, conn, "/quiet", "last")
	answered(t, r, "last!")
}

// TestQuietIsQuiet: nothing waits for the client while a quiet handler works, and his going changes nothing for it. Other handlers hear of it.
func TestQuietIsQuiet(t *testing.T) {
	v := visit(t)
	conn, r := v.dial(t)
	const requests = 40
	for range requests {
		send(t, conn, "/quiet", "a")
		<-v.entered
		v.leave <- struct{}{}
		answered(t, r, "a!")
		if err := <-v.gone; err != nil {
			t.Error(err)
		}
	}
	if n := len(v.reads.single); n > 0 {
		t.Errorf("somebody waited for the client to go in %d of %d requests to a quiet handler", n, requests)
	}
	send(t, conn, "/quiet", "b")
	<-v.entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	v.leave <- struct{}{}
	if err := <-v.gone; err != nil {
		t.Errorf("a quiet handler has heard: %v", err)
	}

	conn, r = v.dial(t)
	send(t, conn, "/quiet", "c")
	<-v.entered
	v.leave <- struct{}{}
	answered(t, r, "c!")
	if err := <-v.gone; err != nil {
		t.Error(err)
	}
	send(t, conn, "/heedful", "d")
	<-v.entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-v.gone:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the client went, and the context says %v", err)
		}
	case <-time.After(patience):
		t.Error("nobody tells a handler that its client has gone")
	}
}

// TestQuietLeavesTheNextRequestAlone: who comes after a quiet request without a body hears that the client goes.
func TestQuietLeavesTheNextRequestAlone(t *testing.T) {
	v := visit(t)
	v.echo.Pre(func(next echo.HandlerFunc) echo.HandlerFunc { // as if net/http's read began before the handler, always
		return func(c echo.Context) error {
			select {
			case <-v.reads.single:
			case <-time.After(patience):
				t.Errorf("nobody waits for the client to go in %s %s", c.Request().Method, c.Request().URL.Path)
			}
			return next(c)
		}
	})
	conn, r := v.dial(t)
	ask := func(method, path string) {
		if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: tiffin\r\n\r\n", method, path); err != nil {
			t.Fatal(err)
		}
		<-v.entered
	}
	ask("DELETE", "/quiet")
	v.leave <- struct{}{}
	if err := <-v.gone; err != nil {
		t.Errorf("its client has gone: %v", err)
	}
	answered(t, r, "!")
	ask("GET", "/heedful")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-v.gone:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the client went, and the context says %v", err)
		}
	case <-time.After(patience):
		t.Error("nobody tells a handler that its client has gone")
	}
}

// TestRefusedWhileSending: a client that sends too much reads why.
func TestRefusedWhileSending(t *testing.T) {
	v := visit(t)
	conn, r := v.dial(t)
	go func() { // the server stops reading it
		_, _ = fmt.Fprintf(conn, "POST /nowhere HTTP/1.1\r\nHost: tiffin\r\nContent-Length: 10000000\r\n\r\n%s", strings.Repeat("x", 10_000_000))
	}()
	response, err := http.ReadResponse(r, nil)
	if err != nil || response.StatusCode != http.StatusNotFound {
		t.Fatalf("%v %v", response, err)
	}
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Error(err)
	}
	select {
	case <-v.reads.half:
	case <-time.After(patience):
		t.Error("the connection is not closed for writing, but at once: what the client has not read yet may be lost")
	}
}
