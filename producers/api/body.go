package api

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

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
	return decode(data, into)
}

// ReadOptional is [Read] for a body that may be left out: then into stays as it is.
func ReadOptional(c echo.Context, into Body) error {
	data, err := read(c)
	if err != nil || len(data) == 0 {
		return err
	}
	return decode(data, into)
}

func decode(data []byte, into Body) error {
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
	request := c.Request()
	if request.ContentLength > MaxBodyBytes {
		return nil, &http.MaxBytesError{Limit: MaxBodyBytes}
	}
	data, err := readAll(c)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.Because(problem.TooSlow, err, "The body did not arrive in time.")
	case err != nil:
		return nil, problem.Because(problem.Invalid, err, "The body did not arrive as a whole.")
	case len(data) == 0:
		return nil, nil
	}
	noteBody(c, data)
	if coding := request.Header.Get(echo.HeaderContentEncoding); coding != "" && coding != "identity" {
		return nil, problem.New(problem.UnsupportedMedia, "Send the body as it is, without Content-Encoding.")
	}
	if !isJSON(request.Header.Get(echo.HeaderContentType)) {
		return nil, problem.New(problem.UnsupportedMedia, "Send JSON, and say so: Content-Type: application/json.")
	}
	return data, nil
}

// readAll reads the body into memory of just its size, if that is known.
func readAll(c echo.Context) ([]byte, error) {
	request := c.Request()
	if request.ContentLength < 0 {
		return io.ReadAll(http.MaxBytesReader(c.Response().Writer, request.Body, MaxBodyBytes))
	}
	data := make([]byte, request.ContentLength)
	_, err := io.ReadFull(request.Body, data)
	return data, err
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
		data = own.AppendJSON(nil)
	} else if data, err = json.Marshal(body); err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, data)
}
