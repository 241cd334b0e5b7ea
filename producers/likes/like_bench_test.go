package likes_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/likes"
	"tiffin/saga"
)

// open is a door that keeps nothing.
type open struct{}

func (open) Accept(context.Context, door.Origin, ...saga.Fact) error { return nil }

// forgetful is a response that goes nowhere.
type forgetful struct{ header http.Header }

func (f *forgetful) Header() http.Header         { return f.header }
func (f *forgetful) Write(b []byte) (int, error) { return len(b), nil }
func (f *forgetful) WriteHeader(int)             {}

// BenchmarkLike is what the API itself costs, without server, disk and Kafka; "nothing" is a handler behind the same middleware that only answers.
func BenchmarkLike(b *testing.B) {
	e := api.New(api.Config{Name: "bench"})
	likes.Routes(e, likes.Config{Door: open{}})
	e.POST("/nothing/:postId/likes", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderLocation, "/posts/"+c.Param("postId")+"/likes")
		return c.Blob(http.StatusAccepted, echo.MIMEApplicationJSON, []byte(`{"postId":"p1","userId":"u1234567","status":"accepted"}`+"\n"))
	})
	for name, path := range map[string]string{"like": "/posts/p4711/likes", "nothing": "/nothing/p4711/likes"} {
		b.Run(name, func(b *testing.B) {
			text := []byte(`{"userId":"u1234567"}`)
			body := bytes.NewReader(text)
			request := httptest.NewRequest(http.MethodPost, path, nil)
			request.Header.Set("Content-Type", "application/json")
			request.Body, request.ContentLength = io.NopCloser(body), int64(len(text))
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(text)
				e.ServeHTTP(&forgetful{http.Header{}}, request)
			}
		})
	}
}
