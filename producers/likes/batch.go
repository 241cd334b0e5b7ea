package likes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/problem"
	"tiffin/saga"
	"tiffin/schemas"
)

const (
	// MaxBatchLines is how many words may come together.
	MaxBatchLines = 10_000
	// MaxBatchBytes is how much they may be, also unpacked: twice what so many of the longest words are.
	MaxBatchBytes = 4 << 20
	// batchesBytes bounds the bodies of all batches that are under way, in a process that may take as much memory as it likes; and, beside
	// these, of those that are arriving.
	batchesBytes = 2 * MaxBatchBytes
	// batchMemory is how many bytes of memory there have to be for each byte of a body, until it is on the disk: 24 as measured, and what
	// one that is arriving takes.
	batchMemory = 24 + 3
	// batchWait is how long a batch waits for others to be through. It is refused then: who sends so much can send it again.
	batchWait = 2 * time.Second
)

// batch accepts the words of many users on many posts, in the order of their lines: all of them, or none.
func (h *handlers) batch(c echo.Context) error {
	r := c.Request()
	place := &place{ReadCloser: r.Body, h: h, c: c, weight: min(weigh(r), h.room)}
	defer place.leave()
	r.Body = place
	data, err := api.Receive(c, MaxBatchBytes)
	if err != nil {
		return err
	}
	if r.Header.Get(echo.HeaderContentEncoding) == "" {
		place.weighs(len(data))
	}
	if err := place.enter(); err != nil {
		return err
	}
	if data, err = api.Lines(c, data, MaxBatchBytes); err != nil {
		return err
	}
	place.weighs(len(data))
	facts, err := factsOf(string(data), h.clock.several)
	if err != nil {
		return err
	}
	err = h.acceptor.AcceptFacts(c, "", facts)
	switch {
	case errors.Is(err, door.ErrTooMany): // a spool that was configured to be small
		return problem.Because(problem.TooLarge, err, fmt.Sprintf("This instance keeps less at once than %d such lines. Send fewer together.", len(facts)))
	case err != nil:
		return err
	}
	return api.Write(c, http.StatusAccepted, BatchReceipt{Count: len(facts), Status: Accepted})
}

// place is the room that a batch has. As long as its body arrives that is what has arrived: a client that sends slowly, or nothing, is in
// nobody's way. When it is whole it weighs what it takes until it is on the disk; before that only if too much is arriving, and then it has to
// be whole within batchWait: who sends slowly gives way to those who wait for room.
type place struct {
	io.ReadCloser // the body
	h             *handlers
	c             echo.Context
	weight        int64
	entered       bool
	arrived       int64 // that counts among what is arriving
}

func (p *place) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if p.entered || n == 0 {
		return n, err
	}
	p.arrived += int64(n)
	if p.h.arriving.Add(int64(n)) > p.h.room {
		if full := p.enter(); full != nil {
			return 0, full
		}
		_ = http.NewResponseController(p.c.Response()).SetReadDeadline(time.Now().Add(batchWait)) // net/http sets the next request's anew
	}
	return n, err
}

// enter waits for the whole room.
func (p *place) enter() error {
	if p.entered {
		return nil
	}
	if !p.h.batches.TryAcquire(p.weight) {
		ctx, cancel := context.WithTimeout(p.c.Request().Context(), batchWait)
		defer cancel()
		if err := p.h.batches.Acquire(ctx, p.weight); err != nil {
			return &door.Unavailable{Cause: door.Busy, Err: errors.New("too many batches are under way")}
		}
	}
	p.entered = true
	p.arrive()
	return nil
}

// weighs says what the body weighs after all, where it might have been more.
func (p *place) weighs(bytes int) {
	less := p.weight - min(p.weight, int64(bytes))
	p.weight -= less
	if p.entered {
		p.h.batches.Release(less)
	}
}

// arrive ends that its body counts among what is arriving.
func (p *place) arrive() {
	p.h.arriving.Add(-p.arrived)
	p.arrived = 0
}

func (p *place) leave() {
	p.arrive()
	if p.entered {
		p.h.batches.Release(p.weight)
	}
}

// roomForBatches is how much the bodies of batches may be together: less where the process has a memory limit (GOMEMLIMIT). What is larger
// than all of that comes alone.
func roomForBatches() int64 {
	return min(batchesBytes, max(1, debug.SetMemoryLimit(-1)/batchMemory)) // a negative limit only asks
}

// weigh is how much a batch counts towards batchesBytes: as much as it may become, if its length says nothing of that.
func weigh(r *http.Request) int64 {
	if r.ContentLength < 0 || r.ContentLength > MaxBatchBytes || r.Header.Get(echo.HeaderContentEncoding) != "" {
		return MaxBatchBytes
	}
	return r.ContentLength
}

// factsOf makes a fact of each line, accepted one after the other. All bad lines are named, [schemas.MaxFaults] at most.
func factsOf(text string, moments func(now time.Time, n int) schemas.Moment) ([]saga.Fact, error) {
	count := strings.Count(text, "\n")
	if text != "" && text[len(text)-1] != '\n' {
		count++
	}
	var check schemas.Check
	switch {
	case count > MaxBatchLines:
		return nil, problem.New(problem.TooLarge, "Send no more than %d lines.", MaxBatchLines)
	case count == 0:
		check.Fault("", fmt.Sprintf("must hold 1 to %d lines, each an object", MaxBatchLines))
		return nil, check.Err()
	}
	facts, at := make([]saga.Fact, 0, count), moments(time.Now(), count)
	var w word
	bad := 0
	for i := range count {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		w = word{}
		if !w.Scan(line) {
			if err := api.Decode([]byte(line), &w); err != nil {
				check.Fault(faultOf(i, err))
				if bad++; bad == schemas.MaxFaults {
					break
				}
				continue
			}
		}
		facts = append(facts, w.fact(at+schemas.Moment(i)))
	}
	return facts, check.Err()
}

// faultOf is the first thing that is wrong with a line: the pointer begins with the line's number, counted from 0.
func faultOf(line int, err error) (pointer, detail string) {
	pointer = "/" + strconv.Itoa(line)
	var invalid *schemas.Invalid
	if !errors.As(err, &invalid) {
		return pointer, err.Error()
	}
	return pointer + invalid.Faults[0].Pointer, invalid.Faults[0].Detail
}
