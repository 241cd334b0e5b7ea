package likes

import (
	"errors"
	"fmt"
	"net/http"
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
)

// batch accepts the words of many users on many posts, in the order of their lines: all of them, or none.
func (h *handlers) batch(c echo.Context) error {
	data, err := api.ReadLines(c, MaxBatchBytes)
	if err != nil {
		return err
	}
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
		if !w.scan(line) {
			if err := w.read(line); err != nil {
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

// read reads a line of any form, strictly.
func (w *word) read(line string) error {
	*w = word{}
	return api.Decode([]byte(line), w)
}

// scan reads a line of the form that nearly all have: three members, in whatever order, without anything escaped in them. It
// takes a fraction of the time, and of the memory, that reading takes. If it returns false, the line is of another form, or wrong.
func (w *word) scan(line string) bool {
	s := lineScanner{line: line}
	if !s.take('{') {
		return false
	}
	for i := range 3 {
		if i > 0 && !s.take(',') {
			return false
		}
		name := s.text()
		if !s.take(':') {
			return false
		}
		var at *string
		switch name {
		case "postId":
			at = &w.PostID
		case "userId":
			at = &w.UserID
		case "action":
			at = &w.Action
		default:
			return false
		}
		if *at != "" { // it comes twice
			return false
		}
		*at = s.text()
	}
	return s.take('}') && s.ends() && schemas.IsID(w.PostID) && schemas.IsID(w.UserID) && (w.Action == Like || w.Action == Unlike)
}

// lineScanner reads a line.
type lineScanner struct {
	line string
	at   int
}

// take passes over a character, with white space before it.
func (s *lineScanner) take(want byte) bool {
	for s.at < len(s.line) {
		b := s.line[s.at]
		s.at++
		if b == want || !isSpace(b) {
			return b == want
		}
	}
	return false
}

// text takes a text, and returns "" if there is none. One in which something is escaped is no name and no id as it stands.
func (s *lineScanner) text() string {
	if !s.take('"') {
		return ""
	}
	from := s.at
	for ; s.at < len(s.line); s.at++ {
		if s.line[s.at] == '"' {
			s.at++
			return s.line[from : s.at-1]
		}
	}
	return ""
}

// ends says whether nothing but white space is left.
func (s *lineScanner) ends() bool {
	for ; s.at < len(s.line); s.at++ {
		if !isSpace(s.line[s.at]) {
			return false
		}
	}
	return true
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' }
