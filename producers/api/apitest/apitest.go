// Package apitest is what the tests of the APIs share: how they ask, and what each refusal must look like.
package apitest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"tiffin/producers/problem"
	"tiffin/schemas"
)

// Do sends a request; headers are "Name: value". A body is JSON unless they say otherwise.
func Do(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	if body != "" && request.Header.Get(echo.HeaderContentType) == "" {
		request.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

// Refusal is what a refused client reads.
type Refusal struct {
	Type, Title, Detail, RequestID string
	Status                         int
	Errors                         []schemas.Fault
}

// Faults are what was wrong, each as "pointer detail".
func (r Refusal) Faults() (faults []string) {
	for _, fault := range r.Errors {
		faults = append(faults, fault.Pointer+" "+fault.Detail)
	}
	return faults
}

// Refused reads a refusal, and fails the test if it has not the form that all of them have.
func Refused(t testing.TB, response *httptest.ResponseRecorder) (r Refusal) {
	t.Helper()
	if got := response.Header().Get(echo.HeaderContentType); got != problem.MediaType {
		t.Errorf("Content-Type %q of %s", got, response.Body)
	}
	if err := json.Unmarshal(response.Body.Bytes(), &r, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%v in %q", err, response.Body)
	}
	if r.Status != response.Code || !strings.HasPrefix(r.Type, problem.TypePrefix) || r.Title == "" || r.RequestID == "" ||
		r.RequestID != response.Header().Get(echo.HeaderXRequestID) {
		t.Errorf("%d answered with %s", response.Code, response.Body)
	}
	if (response.Code == http.StatusServiceUnavailable) != (response.Header().Get(echo.HeaderRetryAfter) != "") {
		t.Errorf("%d with Retry-After %q", response.Code, response.Header().Get(echo.HeaderRetryAfter))
	}
	return r
}
