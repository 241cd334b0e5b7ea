package problem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/door"
	"tiffin/producers/problem"
	"tiffin/schemas"
)

func TestFrom(t *testing.T) {
	invalid := schemas.CancellationRequested{}.Validate()
	tests := []struct {
		err    error
		code   problem.Code
		status int
	}{
		{problem.New(problem.NotFound, "no %d", 1), problem.NotFound, 404},
		{fmt.Errorf("wrapped: %w", problem.New(problem.TooSlow, "")), problem.TooSlow, 408},
		{fmt.Errorf("wrapped: %w", invalid), problem.Invalid, 400},
		{fmt.Errorf("wrapped: %w", door.ErrUnavailable), problem.Unavailable, 503},
		{problem.New(problem.InFlight, ""), problem.InFlight, 409},
		{problem.New(problem.KeyReused, ""), problem.KeyReused, 422},
		{context.Canceled, problem.Unavailable, 503},
		{&http.MaxBytesError{Limit: 7}, problem.TooLarge, 413},
		{echo.ErrNotFound, problem.NotFound, 404},
		{echo.ErrMethodNotAllowed, problem.MethodNotAllowed, 405},
		{echo.ErrUnsupportedMediaType, problem.UnsupportedMedia, 415},
		{echo.ErrTeapot, problem.Invalid, 400},
		{echo.ErrServiceUnavailable, problem.Unavailable, 503},
		{echo.ErrBadGateway, problem.Internal, 500},
		{errors.New("what?"), problem.Internal, 500},
		{problem.New("no-such-code", ""), "no-such-code", 500},
	}
	for _, test := range tests {
		if got := problem.From(test.err); got.Code != test.code {
			t.Errorf("%v: %s, want %s", test.err, got.Code, test.code)
		}
		e := echo.New()
		response := httptest.NewRecorder()
		problem.Handler(slog.New(slog.DiscardHandler))(test.err, e.NewContext(httptest.NewRequest("GET", "/", nil), response))
		if response.Code != test.status || response.Header().Get("Content-Type") != problem.MediaType {
			t.Errorf("%v: %d %v, want %d", test.err, response.Code, response.Header(), test.status)
		}
	}
}

// TestAClosedDoor: the client is told whether what he sent may be accepted, and when to come again.
func TestAClosedDoor(t *testing.T) {
	for _, test := range []struct {
		closed     door.Unavailable
		retryAfter string
		detail     string
	}{
		{door.Unavailable{Cause: door.TimeOut, Unsure: true}, "1", "may or may not be accepted"},
		{door.Unavailable{Cause: door.Failed, Unsure: true, RetryAfter: 5 * time.Second}, "5", "may or may not be accepted"},
		{door.Unavailable{Cause: door.Full, RetryAfter: 5 * time.Second}, "5", "It was not accepted: nothing more can be kept"},
		{door.Unavailable{Cause: door.Busy}, "1", "It was not accepted."},
	} {
		test.closed.Err = errors.New("secret")
		response := httptest.NewRecorder()
		problem.Handler(slog.New(slog.DiscardHandler))(fmt.Errorf("wrapped: %w", &test.closed), echo.New().NewContext(httptest.NewRequest("POST", "/", nil), response))
		body := response.Body.String()
		if response.Code != http.StatusServiceUnavailable || response.Header().Get("Retry-After") != test.retryAfter || !strings.Contains(body, test.detail) || strings.Contains(body, "secret") {
			t.Errorf("%+v: %d %v %s", test.closed, response.Code, response.Header(), body)
		}
	}
}

func TestHandler(t *testing.T) {
	var log strings.Builder
	handle := problem.Handler(slog.New(slog.NewTextHandler(&log, nil)))
	e := echo.New()

	response := httptest.NewRecorder()
	handle(&problem.Error{Code: problem.Unavailable, RetryAfter: 1500 * time.Millisecond, Cause: errors.New("secret")},
		e.NewContext(httptest.NewRequest("GET", "/", nil), response))
	if response.Header().Get("Retry-After") != "2" || strings.Contains(response.Body.String(), "secret") || !strings.Contains(log.String(), "secret") {
		t.Errorf("%v %s, log %s", response.Header(), response.Body, &log)
	}

	response = httptest.NewRecorder()
	handle(&problem.Error{Code: problem.Invalid, Faults: []schemas.Fault{{Pointer: "/\xff"}}}, e.NewContext(httptest.NewRequest("GET", "/", nil), response))
	if want := `{"type":"urn:tiffin:problem:invalid","title":"The request is not valid","status":400}` + "\n"; response.Code != 400 || response.Body.String() != want {
		t.Errorf("%d %s, want %s", response.Code, response.Body, want)
	}

	response = httptest.NewRecorder()
	c := e.NewContext(httptest.NewRequest("GET", "/", nil), response)
	if err := c.String(http.StatusOK, "begun"); err != nil {
		t.Fatal(err)
	}
	handle(errors.New("too late"), c)
	if response.Code != http.StatusOK || response.Body.String() != "begun" || !strings.Contains(log.String(), "too late") {
		t.Errorf("%d %s, log %s", response.Code, response.Body, &log)
	}
}

// A panic is somebody's to mend, also if the client did not wait for it or for the rest of its answer; what a client that is gone brings about
// is not.
func TestABugIsLoggedThoughTheClientIsGone(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, test := range []struct {
		err        error
		here, gone bool // whether it is logged while the client is there, and when it has gone; both also if the answer was begun
	}{
		{errors.New("panic: what?"), true, true},
		{fmt.Errorf("read the body: %w", reset), true, false},
		{fmt.Errorf("read the body: %w", io.ErrUnexpectedEOF), true, false},
		{fmt.Errorf("write the answer: %w", &net.OpError{Op: "write", Net: "tcp", Err: os.ErrDeadlineExceeded}), true, false},
		{context.Canceled, true, false},
		{problem.Because(problem.Unavailable, errors.New("it was cut off"), ""), true, false},
		{problem.New(problem.NotFound, ""), false, false},
	} {
		for ctx, want := range map[context.Context]bool{t.Context(): test.here, left: test.gone} {
			for _, begun := range []bool{false, true} {
				var log strings.Builder
				c := echo.New().NewContext(httptest.NewRequestWithContext(ctx, "GET", "/", nil), httptest.NewRecorder())
				if begun {
					c.Response().WriteHeader(http.StatusOK)
				}
				problem.Handler(slog.New(slog.NewTextHandler(&log, nil)))(test.err, c)
				if got := strings.Contains(log.String(), "request failed"); got != want {
					t.Errorf("%v: logged %t, want %t (answer begun: %t, client: %v)", test.err, got, want, begun, ctx.Err())
				}
			}
		}
	}
}
