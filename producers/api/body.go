package api

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"tiffin/producers/door"
	"tiffin/producers/problem"
	"tiffin/schemas"
)

// Body is what a request's JSON is read into.
type Body interface {
	// Check enters all that is wrong with it.
	Check(*schemas.Check)
}

// Extra takes the members of an object that nobody expects, so that each can be refused: a client that sends one believes
// in it. Use it as
//
//	Extra api.Extra `json:",embed"`
type Extra map[string]jsontext.Value

// Check enters a fault for each of the members, of the object at the pointer.
func (e Extra) Check(c *schemas.Check, pointer string) {
	e.CheckWith(c, pointer, func(string) string { return "it is not known here" })
}

// CheckWith is Check where more can be said of why a member must be absent.
func (e Extra) CheckWith(c *schemas.Check, pointer string, why func(name string) string) {
	for _, name := range slices.Sorted(maps.Keys(e)) {
		c.Fault(pointer+string(jsontext.Pointer("").AppendToken(name)), "must be absent: "+why(name))
	}
}

// Read reads a request's JSON body strictly, and checks it. Errors say what to answer.
func Read(c echo.Context, into Body) error {
	data, err := read(c)
	if err != nil {
		return err
	}
	return Decode(data, into)
}

// ReadOptional is [Read] for a body that may be left out: then into stays as it is.
func ReadOptional(c echo.Context, into Body) error {
	data, err := read(c)
	if err != nil || len(data) == 0 {
		return err
	}
	return Decode(data, into)
}

// Scanner is a [Body] that reads the form itself in which nearly everybody sends it, in a fraction of the time that reading any takes. If
// Scan returns false, the text is of another form, or wrong: nothing is to be left of it in the body then. If true, it has been
// checked.
type Scanner interface{ Scan(text string) bool }

// Decode reads JSON strictly, and checks it. Its error is an [*schemas.Invalid].
func Decode(data []byte, into Body) error {
	if s, ok := into.(Scanner); ok && s.Scan(string(data)) {
		return nil
	}
	if err := schemas.Unmarshal(data, into); err != nil {
		return err
	}
	var check schemas.Check
	if jsontext.Value(data).Kind() != '{' { // null is no fault to a decoder
		check.Fault("", "must be an object")
	}
	into.Check(&check)
	return check.Err()
}

// read returns the body, if it is of a kind and size that is read here. No body is of any kind.
func read(c echo.Context) ([]byte, error) {
	data, err := Receive(c, MaxBodyBytes)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	noteBody(c, data)
	header := c.Request().Header
	if coding := first(header, echo.HeaderContentEncoding); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, problem.New(problem.UnsupportedMedia, "Send the body as it is, without Content-Encoding.")
	}
	if !isJSON(first(header, echo.HeaderContentType)) {
		return nil, problem.New(problem.UnsupportedMedia, "Send JSON, and say so: Content-Type: application/json.")
	}
	return data, nil
}

// MediaLines is the media type of JSON lines.
const MediaLines = "application/x-ndjson"

// Lines are a request's body of JSON lines, which has been received as it is or with Content-Encoding: gzip. It takes so many bytes at
// most, also unpacked. No body is of any kind.
func Lines(c echo.Context, data []byte, maxBytes int64) (_ []byte, err error) {
	if len(data) == 0 {
		return nil, nil
	}
	header := c.Request().Header
	if media, _, err := mime.ParseMediaType(header.Get(echo.HeaderContentType)); err != nil || media != MediaLines {
		return nil, problem.New(problem.UnsupportedMedia, "Send JSON, one object a line, and say so: Content-Type: %s.", MediaLines)
	}
	switch strings.ToLower(header.Get(echo.HeaderContentEncoding)) {
	case "", "identity":
	case "gzip":
		if data, err = unpack(data, maxBytes); err != nil {
			return nil, err
		}
	default:
		return nil, problem.New(problem.UnsupportedMedia, "Send the body as it is, or with Content-Encoding: gzip.")
	}
	noteBody(c, data) // unpacked: who packs the same again need not get the same
	return data, nil
}

// unpack undoes gzip, of which a few bytes may make as many gigabytes as somebody likes.
func unpack(data []byte, maxBytes int64) ([]byte, error) {
	from, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(from, maxBytes+1))
	}
	switch {
	case err != nil:
		return nil, problem.Because(problem.Invalid, err, "The body is not gzip, as its Content-Encoding says, or not whole.")
	case int64(len(data)) > maxBytes:
		return nil, &http.MaxBytesError{Limit: maxBytes}
	}
	return data, nil
}

// Receive returns the body as it was sent, unless it is too large, or does not arrive.
func Receive(c echo.Context, maxBytes int64) ([]byte, error) {
	if c.Request().ContentLength > maxBytes {
		return nil, &http.MaxBytesError{Limit: maxBytes}
	}
	data, err := readAll(c, maxBytes)
	if err == nil {
		return data, nil
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), errors.Is(err, door.ErrUnavailable): // a reader of the handler's own found no room
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.Because(problem.TooSlow, err, "The body did not arrive in time.")
	}
	return nil, problem.Because(problem.Invalid, err, "The body did not arrive as a whole.")
}

// readAll reads the body: a small one into memory of just its size, if that is known. For a large one, memory is taken as it arrives,
// and not for what somebody says will.
func readAll(c echo.Context, maxBytes int64) ([]byte, error) {
	request := c.Request()
	if size := request.ContentLength; 0 <= size && size <= MaxBodyBytes {
		data := make([]byte, size)
		_, err := io.ReadFull(request.Body, data)
		return data, err
	}
	return io.ReadAll(http.MaxBytesReader(c.Response().Writer, request.Body, maxBytes))
}

// first is header.Get of a name that is in its canonical form already.
func first(header http.Header, name string) string {
	if lines := header[name]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

func isJSON(contentType string) bool {
	if contentType == echo.MIMEApplicationJSON { // what nearly everybody sends
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == echo.MIMEApplicationJSON
}

// Write answers with JSON. A body that has a method AppendJSON(b []byte) []byte writes its own.
func Write(c echo.Context, status int, body any) (err error) {
	var data []byte
	if own, ok := body.(interface{ AppendJSON(b []byte) []byte }); ok {
		data = own.AppendJSON(make([]byte, 0, 160))
	} else if data, err = json.Marshal(body); err != nil {
		return err
	}
	return problem.Body(c, status, echo.MIMEApplicationJSON, data)
}
