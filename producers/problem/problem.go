// Package problem is how the APIs say no: one error type, one table from domain errors to HTTP statuses, and one form on
// the wire, RFC 9457's application/problem+json.
//
// Handlers return errors, and [Handler] writes them. That holds for every refusal: a fault in the body with a JSON pointer
// to it, an unknown route, a wrong method, a body that is too large, a Kafka that is away, and a bug, of which the client
// learns no more than the id of its request, by which the log has the rest.
package problem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/door"
	"tiffin/schemas"
)

// Code is the stable name of a kind of problem; the type member is "urn:tiffin:problem:" and the code.
type Code string

// The codes.
const (
	Invalid          Code = "invalid"                // what was sent can't be accepted as it is; faults say why
	NotFound         Code = "not-found"              // there is no such thing, or no such route
	MethodNotAllowed Code = "method-not-allowed"     // the route is there for other methods
	TooSlow          Code = "request-timeout"        // the body did not arrive in time
	InFlight         Code = "in-flight"              // the first request with this Idempotency-Key has no answer yet
	TooLarge         Code = "too-large"              // the body is over the limit
	UnsupportedMedia Code = "unsupported-media-type" // the body is not application/json
	KeyReused        Code = "key-reused"             // another body came with this Idempotency-Key before
	Unavailable      Code = "unavailable"            // try again after a while: it may have been accepted, or not
	NotReady         Code = "not-ready"              // a probe's answer: something that is needed is away
	Internal         Code = "internal"               // a bug of ours
)

// kind is what a code means in HTTP.
type kind struct {
	code   Code
	status int
	title  string
}

// kinds is the table of codes, the first of a status being the one that the status alone means. It is never written to.
var kinds = [...]kind{
	{Invalid, http.StatusBadRequest, "The request is not valid"},
	{NotFound, http.StatusNotFound, "There is no such resource"},
	{MethodNotAllowed, http.StatusMethodNotAllowed, "The resource does not take this method"},
	{TooSlow, http.StatusRequestTimeout, "The request took too long to arrive"},
	{InFlight, http.StatusConflict, "A request with this key is under way"},
	{TooLarge, http.StatusRequestEntityTooLarge, "The body is too large"},
	{UnsupportedMedia, http.StatusUnsupportedMediaType, "The body has a media type that is not understood"},
	{KeyReused, http.StatusUnprocessableEntity, "The key belongs to another request"},
	{Unavailable, http.StatusServiceUnavailable, "The service is not available at the moment"},
	{NotReady, http.StatusServiceUnavailable, "The service is not ready"},
	{Internal, http.StatusInternalServerError, "Something went wrong here"},
}

// DefaultRetryAfter is what a client is told to wait after a 503 that does not say otherwise.
const DefaultRetryAfter = time.Second

// Error is a refusal.
type Error struct {
	Code       Code
	Detail     string          // for the client: what to do about it
	Faults     []schemas.Fault // one for each thing that is wrong
	RetryAfter time.Duration   // of a 503; 0 is DefaultRetryAfter
	Cause      error           // for the log, never for the client
}

// New makes a refusal with a detail for the client.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Because makes a refusal whose cause only the log shows.
func Because(code Code, cause error, detail string) *Error {
	return &Error{Code: code, Detail: detail, Cause: cause}
}

// Error says what the client sees, and the cause.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Detail
	for _, fault := range e.Faults {
		text += "; " + fault.Pointer + " " + fault.Detail
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// From finds the refusal that an error is, or stands for. What nobody thought of is [Internal].
func From(err error) *Error {
	var refusal *Error
	var invalid *schemas.Invalid
	var large *http.MaxBytesError
	var plain *echo.HTTPError
	var closed *door.Unavailable
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &invalid):
		return &Error{Code: Invalid, Detail: "Mend what errors point at, and send it again.", Faults: invalid.Faults}
	case errors.As(err, &large):
		return New(TooLarge, "Send no more than %d bytes.", large.Limit)
	case errors.As(err, &closed):
		return &Error{Code: Unavailable, Detail: detailOf(closed), RetryAfter: closed.RetryAfter, Cause: err}
	case errors.Is(err, door.ErrUnavailable):
		return Because(Unavailable, err, detailOfUnsure)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Because(Unavailable, err, "It took too long. Try again.")
	case errors.As(err, &plain):
		return fromStatus(plain)
	}
	return &Error{Code: Internal, Detail: detailOfBugs, Cause: err}
}

const detailOfUnsure = "It took too long. Try again: what was sent may or may not be accepted yet."

// detailOf says what became of what was sent, in the client's words: how a door works is not for him.
func detailOf(closed *door.Unavailable) string {
	switch {
	case closed.Unsure:
		return detailOfUnsure
	case closed.Cause == door.Full, closed.Cause == door.Failed:
		return "It was not accepted: nothing more can be kept at the moment. Try again later."
	default:
		return "It was not accepted. Try again."
	}
}

const detailOfBugs = "It is not your fault. The log has the details under this requestId."

// fromStatus translates what Echo's router and middleware return.
func fromStatus(plain *echo.HTTPError) *Error {
	for _, k := range kinds {
		if k.status == plain.Code && k.code != Internal {
			return &Error{Code: k.code, Detail: "See /openapi.yaml for what there is.", Cause: plain.Internal}
		}
	}
	if plain.Code >= 400 && plain.Code < 500 {
		return Because(Invalid, plain, http.StatusText(plain.Code)+".")
	}
	return &Error{Code: Internal, Detail: detailOfBugs, Cause: plain}
}

// kindOf is the table's row for a code; an unknown code is a bug, and so internal.
func kindOf(code Code) kind {
	for _, k := range kinds {
		if k.code == code {
			return k
		}
	}
	return kinds[len(kinds)-1]
}
