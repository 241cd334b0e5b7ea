package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// idleLimit is how long a connection on which something was asked is trusted: servers hang up on idle ones, and what is sent at that
	// moment has no answer.
	idleLimit = 45 * time.Second
	// maxAnswerBytes is how much of an answer is read.
	maxAnswerBytes = 1 << 20
)

// notAccepted is how an API says in a 503 that what it was sent will never count. Any other failure of a server leaves that open.
const notAccepted = "It was not accepted"

// verdict is what became of something that was sent.
type verdict int

const (
	accepted verdict = iota // it must count
	refused                 // it must not
	unsure                  // it may or may not
)

// request is one request. Its buffers are used again.
type request struct {
	method, mediaType string
	path, body        []byte
	key               string // Idempotency-Key, if any
	units             int    // how many likes, orders or payments it has
}

// answer is what a server said. The body is valid until the next request.
type answer struct {
	status   int // 0 if there was none
	location string
	body     []byte
	unsent   bool // nothing has left
}

// verdict: a 4xx is a refusal, and so is a 503 that says so; after all else that is no 202 nobody knows, as after no answer at all.
func (a answer) verdict() verdict {
	switch {
	case a.status == http.StatusAccepted:
		return accepted
	case a.unsent, a.status >= 300 && a.status < 500, a.status == http.StatusServiceUnavailable && bytes.Contains(a.body, []byte(notAccepted)):
		return refused
	}
	return unsure
}

// conn is one connection to a target, kept alive; it dials when it has none. It repeats nothing, follows nothing, and has no goroutine
// of its own: net/http's client has two a connection, and hands each request over to them and back.
type conn struct {
	target  target
	timeout time.Duration
	net     net.Conn
	in      *bufio.Reader
	out     []byte
	body    bytes.Buffer
	used    time.Time
}

// do sends a request and returns the answer. An error says why there is none; answer.unsent, whether the request has left at all.
func (c *conn) do(r *request) (answer, error) {
	now := time.Now()
	if c.net != nil && now.Sub(c.used) > idleLimit {
		c.close()
	}
	if c.net == nil {
		if err := c.dial(); err != nil {
			return answer{unsent: true}, err
		}
	}
	_ = c.net.SetDeadline(now.Add(c.timeout)) // on a connection that is open it does not fail
	if _, err := c.net.Write(c.encode(r)); err != nil {
		c.close()
		return answer{}, err
	}
	response, err := http.ReadResponse(c.in, nil)
	for err == nil && response.StatusCode < http.StatusOK { // 1xx
		response, err = http.ReadResponse(c.in, nil)
	}
	if err != nil {
		c.close()
		return answer{}, err
	}
	c.body.Reset()
	n, err := io.Copy(&c.body, io.LimitReader(response.Body, maxAnswerBytes))
	// The status is the answer; if the rest did not arrive, only the connection is of no use any more.
	if c.used = time.Now(); err != nil || n == maxAnswerBytes || response.Close {
		c.close()
	}
	return answer{status: response.StatusCode, location: response.Header.Get("Location"), body: c.body.Bytes()}, nil
}

// get asks for a resource and returns its body. Anything but a 200 is an error.
func (c *conn) get(path string) ([]byte, error) {
	a, err := c.do(&request{method: http.MethodGet, path: []byte(path)})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %d %s", path, a.status, a.body[:min(len(a.body), 200)])
	}
	return a.body, nil
}

func (c *conn) encode(r *request) []byte {
	b := append(append(c.out[:0], r.method...), ' ')
	b = append(append(b, r.path...), " HTTP/1.1\r\nHost: "...)
	b = append(b, c.target.host...)
	if r.key != "" {
		b = append(append(b, "\r\nIdempotency-Key: "...), r.key...)
	}
	if len(r.body) > 0 {
		b = append(append(b, "\r\nContent-Type: "...), r.mediaType...)
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(r.body)), 10)
	}
	b = append(append(b, "\r\n\r\n"...), r.body...)
	c.out = b
	return b
}

func (c *conn) dial() error {
	nc, err := c.target.dial()
	if err != nil {
		return err
	}
	if c.target.tls {
		secure := tls.Client(nc, &tls.Config{ServerName: c.target.name})
		_ = nc.SetDeadline(time.Now().Add(dialTimeout))
		if err := secure.Handshake(); err != nil {
			return errors.Join(err, nc.Close())
		}
		nc = secure
	}
	if c.in == nil {
		c.in = bufio.NewReader(nc)
	}
	c.in.Reset(nc)
	c.net, c.used = nc, time.Now()
	return nil
}

func (c *conn) close() {
	if c.net != nil {
		_ = c.net.Close() // whatever was to be known is known
		c.net = nil
	}
}
