package likes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/api/apitest"
	"tiffin/producers/door"
	"tiffin/producers/likes"
	"tiffin/saga"
	"tiffin/schemas"
)

// world is a door and counts in memory.
type world struct {
	err     error // what the door and the counts fail with
	counts  map[string]int64
	log     bytes.Buffer
	handler *echo.Echo
	hold    chan struct{} // the door lets nobody through before it is closed; nil if it does

	mu       sync.Mutex
	accepted []saga.Fact
	origins  []door.Origin
}

func newWorld() *world {
	w := &world{counts: map[string]int64{}}
	w.handler = api.New(api.Config{Name: "test", Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	likes.Routes(w.handler, likes.Config{Door: w, Counts: w, Tops: w})
	return w
}

func (w *world) Accept(_ context.Context, from door.Origin, facts ...saga.Fact) error {
	for _, fact := range facts {
		if err := fact.(schemas.Fact).Validate(); err != nil {
			return fmt.Errorf("the API let an invalid fact pass, %v", err) // a 500
		}
	}
	if w.err != nil {
		return w.err
	}
	if w.hold != nil {
		<-w.hold
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted = append(w.accepted, facts...)
	w.origins = append(w.origins, from)
	return nil
}

func (w *world) Count(ctx context.Context, postID string) (int64, error) {
	if _, limited := ctx.Deadline(); !limited {
		return 0, errors.New("the API would wait for ever")
	}
	return w.counts[postID], w.err
}

// do sends a request; headers are "Name: value". A body is JSON unless they say otherwise.
func (w *world) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return apitest.Do(w.handler, method, path, body, headers...)
}

// momentOf is when the fact was accepted, and the fact without that.
func momentOf(t testing.TB, fact saga.Fact) (schemas.Moment, saga.Fact) {
	t.Helper()
	switch f := fact.(type) {
	case schemas.PostLiked:
		at := f.AcceptedAt
		f.AcceptedAt = 0
		return at, f
	case schemas.PostUnliked:
		at := f.AcceptedAt
		f.AcceptedAt = 0
		return at, f
	}
	t.Fatalf("the API says %s", fact.EventType())
	return 0, nil
}

func TestLikeAndUnlike(t *testing.T) {
	w := newWorld()
	before := time.Now()
	for _, call := range []struct {
		method, path, body, answer string
		want                       saga.Fact
	}{
		{"POST", "/posts/p1/likes", `{"userId":"alice"}`, `{"postId":"p1","userId":"alice","status":"accepted"}` + "\n", schemas.PostLiked{PostID: "p1", UserID: "alice"}},
		{"DELETE", "/posts/p1/likes/alice", "", "", schemas.PostUnliked{PostID: "p1", UserID: "alice"}},
	} {
		w.accepted, w.origins = nil, nil
		response := w.do(call.method, call.path, call.body, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if response.Code != http.StatusAccepted || response.Body.String() != call.answer || response.Header().Get("Location") != "/posts/p1/likes" {
			t.Errorf("%s: %d %s, Location %s", call.method, response.Code, response.Body, response.Header().Get("Location"))
		}
		if len(w.accepted) != 1 {
			t.Fatalf("%s: accepted %v", call.method, w.accepted)
		}
		at, fact := momentOf(t, w.accepted[0])
		if !reflect.DeepEqual(fact, call.want) {
			t.Errorf("%s: accepted %+v, want %+v", call.method, fact, call.want)
		}
		if at < schemas.MomentOf(before) || at > schemas.MomentOf(time.Now().Add(time.Second)) {
			t.Errorf("%s: accepted at %v", call.method, at)
		}
		if w.origins[0] != (door.Origin{API: "likes-api", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
			t.Errorf("%s: origin %+v", call.method, w.origins[0])
		}
	}
}

func TestCount(t *testing.T) {
	w := newWorld()
	w.counts["p1"] = 1 << 40
	for path, want := range map[string]string{
		"/posts/p1/likes":      `{"postId":"p1","count":1099511627776}`,
		"/posts/unknown/likes": `{"postId":"unknown","count":0}`,
	} {
		if response := w.do("GET", path, ""); response.Code != http.StatusOK || response.Body.String() != want+"\n" {
			t.Errorf("%s: %d %s, want %s", path, response.Code, response.Body, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	const isID = " must be 1 to 64 letters, digits, hyphens or underscores"
	const like = `{"userId":"alice"}`
	long := strings.Repeat("x", 65)
	for _, test := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               []string // faults; the detail may be cut
	}{
		{"POST", "/posts/p1/likes", "", nil, 400, []string{" must be JSON: "}},
		{"POST", "/posts/p1/likes", "null", nil, 400, []string{" must be an object", "/userId" + isID}},
		{"POST", "/posts/p1/likes", "[]", nil, 400, []string{" must be an object"}},
		{"POST", "/posts/p1/likes", "{}", nil, 400, []string{"/userId" + isID}},
		{"POST", "/posts/p1/likes", like + like, nil, 400, []string{" must be JSON: "}},
		{"POST", "/posts/p1/likes", `{"userId":"a","userId":"b"}`, nil, 400, []string{"/userId must not come twice"}},
		{"POST", "/posts/p1/likes", `{"userId":7}`, nil, 400, []string{"/userId must be a string"}},
		{
			"POST", "/posts/p1/likes", `{"userId":"a b","postId":"p2","acceptedAt":"2026-11-26T04:30:00.123456Z"}`, nil, 400,
			[]string{"/userId" + isID, "/acceptedAt must be absent", "/postId must be absent"},
		},
		{"POST", "/posts/p1/likes", `{"userId":"` + long + `"}`, nil, 400, []string{"/userId" + isID}},
		{"POST", "/posts/p1/likes", like, []string{"Content-Type: text/plain"}, 415, nil},
		{"POST", "/posts/p1/likes", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, nil},
		{"POST", "/posts/p%201/likes", like, nil, 400, []string{"/postId" + isID}},
		{"POST", "/posts/" + long + "/likes", like, nil, 400, []string{"/postId" + isID}},
		{"DELETE", "/posts/p%201/likes/a%2Fb", "", nil, 400, []string{"/postId" + isID, "/userId" + isID}},
		{"DELETE", "/posts/p1/likes", "", nil, 405, nil},
		{"POST", "/posts/p1/likes/alice", like, nil, 405, nil},
		{"GET", "/posts/%00/likes", "", nil, 400, []string{"/postId" + isID}},
		{"GET", "/posts/p1", "", nil, 404, nil},
	} {
		w := newWorld()
		response := w.do(test.method, test.path, test.body, test.headers...)
		name := test.method + " " + test.path + " " + test.body[:min(len(test.body), 100)]
		if response.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, response.Code, response.Body, test.status)
			continue
		}
		d := apitest.Refused(t, response)
		if len(d.Errors) != len(test.want) {
			t.Errorf("%s: faults %q, want %q", name, d.Errors, test.want)
			continue
		}
		for i, fault := range d.Errors {
			if got := fault.Pointer + " " + fault.Detail; !strings.HasPrefix(got, test.want[i]) {
				t.Errorf("%s: fault %q, want %q", name, got, test.want[i])
			}
		}
		if len(w.accepted) != 0 || w.log.Len() != 0 {
			t.Errorf("%s: accepted %v, logged %s", name, w.accepted, &w.log)
		}
	}
}

func TestUnavailable(t *testing.T) {
	for _, err := range []error{fmt.Errorf("%w: secret", door.ErrUnavailable), fmt.Errorf("secret: %w", context.DeadlineExceeded)} {
		for _, request := range []string{"POST /posts/p1/likes", "DELETE /posts/p1/likes/alice", "GET /posts/p1/likes"} {
			w := newWorld()
			w.err = err
			method, path, _ := strings.Cut(request, " ")
			body := ""
			if method == "POST" {
				body = `{"userId":"alice"}`
			}
			response := w.do(method, path, body)
			if d := apitest.Refused(t, response); d.Status != http.StatusServiceUnavailable || response.Header().Get("Retry-After") == "" || strings.Contains(d.Detail, "secret") {
				t.Errorf("%s: %+v", request, d)
			}
		}
	}
}

// FuzzHandlers: nothing that a client sends can provoke a 500, and what is accepted is valid.
func FuzzHandlers(f *testing.F) {
	methods := []string{http.MethodPost, http.MethodDelete, http.MethodGet}
	for i := range methods {
		f.Add(i, "p1", "alice", "application/json", `{"userId":"alice"}`)
	}
	f.Add(0, "p1", "", "application/json; charset=x", `{"userId":null,"é\ud800":1}`)
	f.Add(0, "", "/", "text/plain;;=", "\xff")
	f.Add(1, "%zz/../\x00", "a/b", "", "")
	f.Fuzz(func(t *testing.T, method int, post, user, contentType, body string) {
		w := newWorld()
		request := httptest.NewRequest(methods[uint(method)%3], "/", strings.NewReader(body))
		request.URL.Path = "/posts/" + post + "/likes"
		if request.Method == http.MethodDelete {
			request.URL.Path += "/" + user
		}
		request.Header["Content-Type"] = []string{contentType}
		response := httptest.NewRecorder()
		w.handler.ServeHTTP(response, request)
		if response.Code >= 500 || w.log.Len() > 0 {
			t.Fatalf("%s %q: %d %s\n%s", request.Method, request.URL.Path, response.Code, response.Body, &w.log)
		}
		if response.Code >= 400 {
			apitest.Refused(t, response)
		}
		if accepted := response.Code == http.StatusAccepted; accepted != (len(w.accepted) == 1) {
			t.Fatalf("%d, accepted %v", response.Code, w.accepted)
		}
		for _, fact := range w.accepted {
			data, err := schemas.Encode(fact.(schemas.Fact))
			if err != nil {
				t.Fatal(err)
			}
			if again, err := schemas.Decode(fact.EventType(), data); err != nil || !reflect.DeepEqual(again, fact) {
				t.Fatalf("%s is read as %+v, %v", data, again, err)
			}
		}
	})
}

func TestTheReceiptIsJSON(t *testing.T) {
	receipt := likes.Receipt{PostID: "sunset", UserID: "alice", Status: likes.Accepted}
	want, err := json.Marshal(receipt)
	if got := string(receipt.AppendJSON(nil)); err != nil || got != string(want) {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
}
