package api

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/producers/problem"
)

// What is followed is looked at firstPause after each change, and then after half as much again each time, up to lastPause
// for who waits for the end, and up to lastStreamPause for who listens: most of what fails does so at once, changes come
// close together, and who has listened to a cook for an hour does not mind a second.
const (
	firstPause      = 20 * time.Millisecond
	lastPause       = 250 * time.Millisecond
	lastStreamPause = time.Second
)

const (
	// heartbeat is after how long without an event a stream says that it is still there, or proxies would cut it.
	heartbeat = 15 * time.Second
	// streamWriteTimeout is how long a client may take to read what is sent to it.
	streamWriteTimeout = 10 * time.Second
	// streamRetryAfter is what a client is told that finds too many before it: streams last for minutes.
	streamRetryAfter = 10 * time.Second
)

const mediaEvents = "text/event-stream"

// Followed is something that changes until it ends, as it was when somebody looked.
type Followed interface{ Standing() Standing }

// Standing is how far something has come.
type Standing struct {
	Status  string // in one word: "pending"
	Version string // differs from that of each earlier state, and has no line break
	Ended   bool   // it will not change any more, or not in a way that one waits for
}

// Followers bounds how many clients follow something at once.
type Followers struct {
	stopping <-chan struct{}
	waiters  chan struct{} // holds a value for each client that waits
	streams  chan struct{} // and for each that listens
}

// Common is what every API stands on whose clients are told an id and follow what becomes of it.
type Common struct {
	// Door takes the facts. It has to be set.
	Door door.Door
	// IDKey is what ids are certified with. All instances need the same. Defaults to [ids.DefaultKey].
	IDKey string
	// Once remembers requests with an Idempotency-Key. Defaults to a memory of this API's own.
	Once *Once
	// Stopping is closed when the server begins to stop: nobody waits for an outcome then. Defaults to never.
	Stopping <-chan struct{}
	// MaxWaiters is how many clients may wait for an outcome (Prefer: wait) at once; further ones are answered at once.
	// Defaults to 1,000.
	MaxWaiters int
	// MaxStreams is how many clients may listen (Accept: text/event-stream) at once; further ones are told to come back later.
	// Defaults to 1,000.
	MaxStreams int
}

// Acceptor accepts in the API's name, under ids of this kind of thing.
func (c Common) Acceptor(api, kind string) Acceptor {
	return NewAcceptor(api, c.Door, ids.NewMaker(c.IDKey, kind), c.Once)
}

// Followers are the API's.
func (c Common) Followers() *Followers {
	return NewFollowers(c.Stopping, cmp.Or(c.MaxWaiters, 1_000), cmp.Or(c.MaxStreams, 1_000))
}

// NewFollowers has room for so many clients that wait, and so many that listen. All stop when stopping is closed.
func NewFollowers(stopping <-chan struct{}, maxWaiters, maxStreams int) *Followers {
	return &Followers{stopping: stopping, waiters: make(chan struct{}, maxWaiters), streams: make(chan struct{}, maxStreams)}
}

// Follow answers a GET of something that changes, which find looks up; its errors say what to answer.
//
// It answers at once; or, with "Prefer: wait=10", at its end or after ten seconds, unless too many wait already; or, with
// "Accept: text/event-stream", with each change as it happens, as server-sent events until the end. An event is named for
// the status, its data is the whole resource as JSON, and its id the version: a client that lost the connection and sends
// the last id hears of what it has missed, and nothing twice. Changes that come between two looks come as one event; what
// happened is in the resource. Who has heard of the end already gets 204, which tells a browser not to come back.
func Follow[T Followed](c echo.Context, f *Followers, find func(context.Context) (T, error)) error {
	request := c.Request()
	now, err := find(request.Context())
	if err != nil {
		return err
	}
	if wantsEvents(request.Header) {
		return stream(c, f, now, find)
	}
	if wait := Wait(request.Header); wait > 0 {
		var applied bool
		if now, applied, err = awaitEnd(request.Context(), f, now, find, wait); err != nil {
			return err
		}
		if applied {
			c.Response().Header().Set("Preference-Applied", fmt.Sprintf("wait=%d", int(wait.Seconds())))
		}
	}
	return Write(c, http.StatusOK, now)
}

// wantsEvents: a client that names the media type gets a stream, however much it would like something else.
func wantsEvents(header http.Header) bool {
	for _, line := range header.Values(echo.HeaderAccept) {
		for _, media := range split(line, ',') {
			if strings.EqualFold(strings.TrimSpace(split(media, ';')[0]), mediaEvents) {
				return true
			}
		}
	}
	return false
}

// awaitEnd looks until it has ended or the wait is over, and returns what it saw last. It does not wait if too many do so
// already; then applied is false.
func awaitEnd[T Followed](ctx context.Context, f *Followers, now T, find func(context.Context) (T, error), wait time.Duration) (last T, applied bool, err error) {
	if now.Standing().Ended {
		return now, true, nil
	}
	select {
	case f.waiters <- struct{}{}:
		defer func() { <-f.waiters }()
	default:
		return now, false, nil
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for next, err := range looks(ctx, f.stopping, over.C, now, find, lastPause) {
		if now = next; err != nil || now.Standing().Ended {
			return now, true, err
		}
	}
	select {
	case <-f.stopping:
		return now, false, nil
	default:
		return now, true, ctx.Err() // of a client that has gone
	}
}

// looks looks again and again, and gives what it finds, until the caller has seen enough, over has a value, the server
// stops, or ctx ends.
func looks[T Followed](ctx context.Context, stopping <-chan struct{}, over <-chan time.Time, seen T, find func(context.Context) (T, error), most time.Duration) iter.Seq2[T, error] {
	return func(give func(T, error) bool) {
		next := firstPause
		pause := time.NewTimer(next)
		defer pause.Stop()
		for {
			select {
			case <-pause.C:
			case <-over:
				return
			case <-stopping:
				return
			case <-ctx.Done():
				return
			}
			now, err := find(ctx)
			if !give(now, err) {
				return
			}
			next = min(next*3/2, most)
			if err == nil && now.Standing().Version != seen.Standing().Version {
				seen, next = now, firstPause
			}
			pause.Reset(next)
		}
	}
}

// stream tells of each change until the end. A look that fails is made again: a browser comes back after a stream that
// ends, but not after an answer that is no stream, which is what it would get now.
func stream[T Followed](c echo.Context, f *Followers, now T, find func(context.Context) (T, error)) error {
	seen := c.Request().Header.Get("Last-Event-ID")
	if now.Standing().Ended && now.Standing().Version == seen {
		return c.NoContent(http.StatusNoContent)
	}
	select {
	case f.streams <- struct{}{}:
		defer func() { <-f.streams }()
	default:
		return &problem.Error{
			Code: problem.Unavailable, RetryAfter: streamRetryAfter,
			Detail: "Too many clients listen already. Try again, or ask without Accept: " + mediaEvents + ".",
		}
	}
	out := beginEvents(c, seen)
	err := out.tell(now)
	if err != nil || now.Standing().Ended {
		return err
	}
	ctx := c.Request().Context()
	for next, failed := range looks(ctx, f.stopping, nil, now, find, lastStreamPause) {
		if failed == nil {
			now = next
		}
		if err := out.tell(now); err != nil || now.Standing().Ended {
			return err
		}
	}
	return nil
}

// events is a stream of server-sent events, to one client.
type events struct {
	response *echo.Response
	control  *http.ResponseController
	last     string // the id of the last event that the client has
	wroteAt  time.Time
}

func beginEvents(c echo.Context, last string) *events {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, mediaEvents)
	header.Set("X-Accel-Buffering", "no") // nginx would else keep the events until there are enough of them
	c.Response().WriteHeader(http.StatusOK)
	return &events{response: c.Response(), control: http.NewResponseController(c.Response()), last: last}
}

// tell sends what the client does not know yet; if that is nothing, a comment when it is time for a sign of life.
func (e *events) tell(now Followed) error {
	standing := now.Standing()
	switch {
	case standing.Version != e.last:
		data, err := json.Marshal(now)
		if err != nil {
			return err
		}
		e.last = standing.Version
		return e.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", standing.Version, standing.Status, data))
	case time.Since(e.wroteAt) >= heartbeat:
		return e.write(":\n\n")
	}
	return nil
}

// write moves the server's own limit, which is for a whole answer. It fails if the client has gone, or does not read.
func (e *events) write(text string) error {
	e.wroteAt = time.Now()
	_ = e.control.SetWriteDeadline(e.wroteAt.Add(streamWriteTimeout)) // a test's recorder has none
	_, err := e.response.Write([]byte(text))
	if err == nil {
		err = e.control.Flush()
	}
	if err != nil {
		return problem.Because(problem.Unavailable, err, "The events can't be sent.") // for the log: nobody else hears of it
	}
	return nil
}
