package api

import (
	"cmp"
	"container/list"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/ids"
	"tiffin/producers/problem"
	"tiffin/schemas"
)

// keyHeader is the header of draft-ietf-httpapi-idempotency-key-header-07.
const keyHeader = "Idempotency-Key"

// maxKeyBytes is how long a key may be: a UUID has 36.
const maxKeyBytes = 255

// OnceConfig configures what an instance remembers of requests with an Idempotency-Key. The zero value works.
type OnceConfig struct {
	// MaxRequests is how many requests are remembered, those under way among them. Each takes some 200 bytes, whatever
	// was in it. Defaults to 100,000.
	MaxRequests int
	// MaxAge is how long a request is remembered after its answer, unless there are too many. Defaults to 24 h.
	MaxAge time.Duration
}

// Once is what an instance remembers of requests with an Idempotency-Key: not their answers, which follow from the requests
// themselves, but which of them it has accepted, and a hash of what was in them.
//
// That a repeated request has one effect does not depend on this memory: the id that derives from the key sees to that, at
// every instance and for ever. By the memory a request is answered at once that has been accepted already; and by it 409 and
// 422 are judged, so another instance, or this one after a restart, or when so many others came since, lets the same key pass
// with another body. It is accepted then, and means nothing: the first one counts.
type Once struct {
	cfg OnceConfig

	mu    sync.Mutex
	known map[ids.Seed]*attempt
	ended *list.List // of those *attempt that are not under way, by the time of their end
}

// attempt is a request with an Idempotency-Key.
type attempt struct {
	seed     ids.Seed
	body     [sha256.Size]byte
	accepted bool
	endedAt  time.Time
	place    *list.Element // in Once.ended; nil while the request is under way
}

// NewOnce makes an empty memory.
func NewOnce(cfg OnceConfig) *Once {
	cfg.MaxRequests = cmp.Or(cfg.MaxRequests, 100_000)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 24*time.Hour)
	return &Once{cfg: cfg, known: map[ids.Seed]*attempt{}, ended: list.New()}
}

// do accepts, unless that has been done before.
func (o *Once) do(seed ids.Seed, body [sha256.Size]byte, accept func() error) error {
	repeated, err := o.begin(seed, body)
	if err != nil || repeated {
		return err
	}
	accepted := false
	defer func() { o.end(seed, accepted) }() // also if it panics
	err = accept()
	accepted = err == nil
	return err
}

// begin says whether the request has been accepted before; otherwise it is under way from now on. One that failed may be
// made again, with the same body: it may have got through the door all the same.
func (o *Once) begin(seed ids.Seed, body [sha256.Size]byte) (repeated bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(func(oldest *attempt) bool { return time.Since(oldest.endedAt) > o.cfg.MaxAge })
	a := o.known[seed]
	switch {
	case a == nil:
		return false, o.remember(&attempt{seed: seed, body: body})
	case a.body != body:
		return false, problem.New(problem.KeyReused, "Another body came with this %s before, compared byte for byte. Take a new key for a new request.", keyHeader)
	case a.place == nil:
		return false, problem.New(problem.InFlight, "The first request with this %s has no answer yet. Repeat this one in a moment.", keyHeader)
	case a.accepted:
		return true, nil
	}
	o.ended.Remove(a.place)
	a.place = nil
	return false, nil
}

// remember makes room for a new request. What is under way is never forgotten.
func (o *Once) remember(a *attempt) error {
	o.forget(func(*attempt) bool { return len(o.known) >= o.cfg.MaxRequests })
	if len(o.known) >= o.cfg.MaxRequests {
		return problem.Because(problem.Unavailable, fmt.Errorf("%d requests with an %s are under way", len(o.known), keyHeader),
			"Too many requests are under way. It was not accepted. Try again.")
	}
	o.known[a.seed] = a
	return nil
}

// forget forgets the requests that ended first, while that is wanted.
func (o *Once) forget(wanted func(oldest *attempt) bool) {
	for first := o.ended.Front(); first != nil && wanted(first.Value.(*attempt)); first = o.ended.Front() {
		delete(o.known, first.Value.(*attempt).seed)
		o.ended.Remove(first)
	}
}

func (o *Once) end(seed ids.Seed, accepted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.known[seed]
	a.accepted, a.endedAt, a.place = accepted, time.Now(), o.ended.PushBack(a)
}

// idempotencyKey is the key in the header, if there is one: a string of RFC 8941, or without its quotes, as most clients
// send it.
func idempotencyKey(header http.Header) (key string, given bool, err error) {
	lines := header[keyHeader]
	if len(lines) == 0 {
		return "", false, nil
	}
	text := strings.Trim(lines[0], " ")
	valid := false
	if strings.HasPrefix(text, `"`) {
		key, valid = unquote(text)
	} else {
		key, valid = text, !strings.ContainsAny(text, ` ",;\`) // where a list or parameters would begin
	}
	if len(lines) > 1 || !valid || key == "" || len(key) > maxKeyBytes || strings.ContainsFunc(key, notPrintable) {
		var check schemas.Check
		check.Fault("/"+keyHeader, fmt.Sprintf(`must come once, as 1 to %d printable ASCII characters: "in quotes", or with none of space , ; " \ among them`, maxKeyBytes))
		return "", false, check.Err()
	}
	return key, true, nil
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// unquote reads RFC 8941's sf-string.
func unquote(text string) (string, bool) {
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return out.String(), i == len(text)-1
		case '\\':
			if i++; i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", false
			}
		}
		out.WriteByte(text[i])
	}
	return "", false
}

// bodyKey is where the hash of a request's body is noted in its context.
const bodyKey = "tiffin.body"

// noteBody keeps the hash of a body that is read, if the request will be compared with others.
func noteBody(c echo.Context, data []byte) {
	if first(c.Request().Header, keyHeader) != "" {
		c.Set(bodyKey, sha256.Sum256(data))
	}
}

// bodyOf is the hash of the request's body; of no bytes, if it has none.
func bodyOf(c echo.Context) [sha256.Size]byte {
	if hash, noted := c.Get(bodyKey).([sha256.Size]byte); noted {
		return hash
	}
	return sha256.Sum256(nil)
}
