package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stub is a Tiffin in memory: it counts at once and exactly, unless a test has it do otherwise.
type stub struct {
	mu       sync.Mutex
	likes    map[string]map[string]bool // by post, then user
	requests int                        // that would change something
	reads    int
	sagas    map[string]outcome
	byKey    map[string]string
	// before is called with each request that would change something, and its number from 1, under the lock; true says that it has answered.
	before func(w http.ResponseWriter, r *http.Request, n int) bool
	// counted changes a count on its way out; one below zero can't be read.
	counted func(post string, count int) int
	// impatience is how long it waits for the head of a connection's first request; 0 is for ever.
	impatience time.Duration
	// ends is how an order or a payment ends; by default as it must.
	ends func(n int, o outcome) outcome
}

func serve(t *testing.T, s *stub) string {
	t.Helper()
	s.likes, s.sagas, s.byKey = map[string]map[string]bool{}, map[string]outcome{}, map[string]string{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /posts/{post}/likes", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			UserID string `json:"userId"`
		}
		s.change(w, r, func() error {
			err := json.UnmarshalRead(r.Body, &body)
			s.opine(r.PathValue("post"), body.UserID, true)
			return err
		})
	})
	mux.HandleFunc("DELETE /posts/{post}/likes/{user}", func(w http.ResponseWriter, r *http.Request) {
		s.change(w, r, func() error { s.opine(r.PathValue("post"), r.PathValue("user"), false); return nil })
	})
	mux.HandleFunc("POST /likes", func(w http.ResponseWriter, r *http.Request) { s.change(w, r, func() error { return s.batch(r.Body) }) })
	mux.HandleFunc("GET /posts/{post}/likes", s.count)
	mux.HandleFunc("POST /orders", s.begin)
	mux.HandleFunc("POST /payments", s.begin)
	mux.HandleFunc("GET /orders/{id}", s.outcome)
	mux.HandleFunc("GET /payments/{id}", s.outcome)
	server := httptest.NewUnstartedServer(mux)
	server.Config.ReadHeaderTimeout = s.impatience
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func (s *stub) change(w http.ResponseWriter, r *http.Request, do func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.before != nil && s.before(w, r, s.requests) {
		return
	}
	if err := do(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *stub) opine(post, user string, likes bool) {
	if s.likes[post] == nil {
		s.likes[post] = map[string]bool{}
	}
	s.likes[post][user] = likes
}

func (s *stub) batch(body io.Reader) error {
	d := jsontext.NewDecoder(body)
	for {
		var line struct {
			PostID string `json:"postId"`
			UserID string `json:"userId"`
			Action string `json:"action"`
		}
		if err := json.UnmarshalDecode(d, &line, json.RejectUnknownMembers(true)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		s.opine(line.PostID, line.UserID, line.Action == "like")
	}
}

func (s *stub) count(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	post, n := r.PathValue("post"), 0
	for _, likes := range s.likes[post] {
		if likes {
			n++
		}
	}
	if s.counted != nil {
		n = s.counted(post, n)
	}
	if n < 0 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, `{"postId":%q,"count":%d}`, post, n)
}

// begin starts an order or a payment, which ends at once.
func (s *stub) begin(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.before != nil && s.before(w, r, s.requests) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	id := s.byKey[key]
	if id == "" {
		id = fmt.Sprintf("id-%d", s.requests)
		s.sagas[id] = s.end(r.URL.Path, string(body))
		if key != "" {
			s.byKey[key] = id
		}
	}
	w.Header().Set("Location", r.URL.Path+"/"+id)
	w.WriteHeader(http.StatusAccepted)
}

// end is how the world has it.
func (s *stub) end(path, body string) outcome {
	bad := map[string]string{"/orders": "cancelled", "/payments": "failed"}[path]
	o := outcome{map[string]string{"/orders": "completed", "/payments": "succeeded"}[path], ""}
	for mark, reason := range map[string]string{
		"sold-out": "sold-out", "pauper": "insufficient-funds", "suspect": "flagged-by-fraud", "dish-full": "no-room", "island": "no-courier",
	} {
		if strings.Contains(body, mark) {
			o = outcome{bad, reason}
		}
	}
	if s.ends != nil {
		o = s.ends(s.requests, o)
	}
	return o
}

func (s *stub) outcome(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	o, found := s.sagas[r.PathValue("id")]
	if !found {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintf(w, `{"status":%q,"reason":%q}`, o.Status, o.Reason)
}

// yes is a server that answers whatever comes with a 202, at the price of two system calls.
func yes(t testing.TB) (address string, stop func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				in := make([]byte, 4096)
				out := []byte("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nLocation: /posts/load-abcdefgh-12345/likes\r\nX-Request-Id: 01234567-89ab-cdef\r\nContent-Length: 61\r\n\r\n" +
					`{"postId":"load-abcdefgh-123","userId":"u12","status":"acc..` + "}")
				for {
					if _, err := c.Read(in); err != nil {
						return
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			})
		}
	})
	return listener.Addr().String(), func() {
		_ = listener.Close()
		serving.Wait()
	}
}
