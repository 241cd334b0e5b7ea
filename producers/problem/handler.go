package problem

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"tiffin/schemas"
)

// MediaType is RFC 9457's.
const MediaType = "application/problem+json"

// TypePrefix and a code make the type member.
const TypePrefix = "urn:tiffin:problem:"

// document is what a client sees.
type document struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail,omitzero"`
	RequestID string          `json:"requestId,omitzero"`
	Errors    []schemas.Fault `json:"errors,omitempty"`
}

// Handler writes every error that a handler, a middleware or the router returns. What is our fault, or a dependency's, goes
// to the log with its cause.
func Handler(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		refusal := From(err)
		k := kindOf(refusal.Code)
		requestID := c.Response().Header().Get(echo.HeaderXRequestID)
		gone := c.Request().Context().Err() != nil
		if k.status >= http.StatusInternalServerError && !(gone && goneBrings(err, refusal.Code)) {
			log.Log(c.Request().Context(), levelOf(refusal.Code), "request failed", "requestId", requestID,
				"method", c.Request().Method, "route", c.Path(), "status", k.status, "error", err)
		}
		if c.Response().Committed {
			return // too late to say anything else
		}
		write(c, refusal, k, requestID)
	}
}

// goneBrings says whether an error is what becomes of a request whose client has gone: what it waited for was given up, or the connection
// does not take the answer, or does not give the whole of the body. Anything else is a bug, and no less so because nobody waits.
func goneBrings(err error, code Code) bool {
	var network *net.OpError
	return code != Internal || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}

// levelOf: a bug is for somebody to mend; an outage is known by other means; probes ask every few seconds.
func levelOf(code Code) slog.Level {
	switch code {
	case Unavailable:
		return slog.LevelWarn
	case NotReady:
		return slog.LevelDebug
	default:
		return slog.LevelError
	}
}

func write(c echo.Context, refusal *Error, k kind, requestID string) {
	header := c.Response().Header()
	if k.status == http.StatusServiceUnavailable {
		wait := refusal.RetryAfter
		if wait <= 0 {
			wait = DefaultRetryAfter
		}
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	if c.Request().Method == http.MethodHead {
		header.Set(echo.HeaderContentType, MediaType)
		_ = c.NoContent(k.status) // fails only if the client has gone
		return
	}
	body, err := json.Marshal(document{
		Type: TypePrefix + string(k.code), Title: k.title, Status: k.status,
		Detail: refusal.Detail, RequestID: requestID, Errors: refusal.Faults,
	})
	if err != nil { // a fault that quotes bytes which are not UTF-8
		body = []byte(`{"type":"` + TypePrefix + string(k.code) + `","title":"` + k.title + `","status":` + strconv.Itoa(k.status) + `}`)
	}
	_ = Body(c, k.status, MediaType, body) // fails only if the client has gone
}

// Body answers with a value of JSON, whatever it says, and the end of a line: a shell's prompt shall not follow it on the same. It may write
// behind the data.
func Body(c echo.Context, status int, mediaType string, data []byte) error {
	return c.Blob(status, mediaType, append(data, '\n'))
}
