package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// loaded is what `tiffin load --json` reports, as far as it is looked at here.
type loaded struct {
	Accepted, Sent, Posts, Sagas, Faults int
	FirstFaults                          []string
}

// load runs `tiffin load` to its end, and returns its report and its exit code.
func (s *site) load(args ...string) (report loaded, code int) {
	s.t.Helper()
	cmd := exec.Command(binary, append([]string{"load", "--json"}, args...)...)
	cmd.Env, cmd.SysProcAttr = s.env, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		s.t.Fatalf("load %v: exit code %d, %v\n%s%s", args, code, err, &out, &errs)
	}
	s.t.Logf("load %v:\n%s", args, &out)
	return report, code
}

// P1, P2: thousands of likes, some said twice and some taken back, and hundreds of orders and payments, some sent twice, and each of
// them is as it was promised.
func TestALoadIsVerified(t *testing.T) {
	s := newSite(t)
	// Nobody may be late here: an order must end as it was meant to, however busy the machine is.
	s.env = append(s.env, "TIFFIN_FRAUD_TIME=5m", "TIFFIN_ACCEPT_TIME=5m", "TIFFIN_PREPARATION_TIME=5m", "TIFFIN_DELIVERY_TIME=5m")
	api := "--target=http://" + s.start(true, "run", "--target=all,simulator").ready().api
	for _, test := range []struct {
		args         []string
		least        int // that must be accepted, on a machine that does much else
		posts, sagas bool
	}{
		{[]string{"likes", "--rate=1000", "--duration=4s", "--duplicates=0.1", "--unlikes=0.1", "--posts=500"}, 2000, true, false},
		{[]string{"likes", "--rate=5000", "--batch=200", "--duration=3s", "--duplicates=0.1", "--unlikes=0.1", "--posts=500"}, 2000, true, false},
		{[]string{"likes", "--rate=500", "--duration=3s", "--burst=1000"}, 1000, true, false},
		{[]string{"orders", "--rate=100", "--duration=3s", "--duplicates=0.1"}, 100, false, true},
		{[]string{"payments", "--rate=100", "--duration=3s", "--duplicates=0.1"}, 100, false, true},
		{[]string{"mixed", "--rate=500", "--duration=3s"}, 500, true, true},
	} {
		report, code := s.load(append(test.args, api)...)
		if code != 0 || report.Accepted < test.least || (report.Posts > 0) != test.posts || (report.Sagas > 0) != test.sagas {
			t.Errorf("load %v: exit code %d, %+v", test.args, code, report)
		}
	}
}

// liar is a proxy before an API that does other than it says with one like.
type liar struct {
	*httputil.ReverseProxy
	lose, double bool
	number       atomic.Int64
	mu           sync.Mutex
	post         string // which it was about
}

func lie(t *testing.T, api string, l *liar) string {
	t.Helper()
	l.ReverseProxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: api})
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return server.URL
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && l.number.Add(1) == 100 {
		l.mu.Lock()
		l.post = strings.Split(r.URL.Path, "/")[2]
		l.mu.Unlock()
		if l.lose {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if l.double {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			twin := r.Clone(r.Context())
			other := regexp.MustCompile(`"u\d+"`).ReplaceAll(body, []byte(`"somebody-else"`))
			twin.Body, twin.ContentLength = io.NopCloser(bytes.NewReader(other)), int64(len(other))
			l.ReverseProxy.ServeHTTP(httptest.NewRecorder(), twin)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
	}
	l.ReverseProxy.ServeHTTP(w, r)
}

// The verification fails when it should: one like of a thousand is answered with a 202 and lost, or counts for two.
func TestALoadFindsOneWrongLike(t *testing.T) {
	s := newSite(t)
	api := s.start(true, "run", "--target=likes,likes-api").ready().api
	for says, l := range map[string]*liar{" 1 missing": {lose: true}, " 1 too many": {double: true}} {
		// Stale counts stay in the cache for ten seconds at most.
		report, code := s.load("likes", "--rate=500", "--duration=2s", "--posts=200", "--patience=15s", "--target="+lie(t, api, l))
		if code != 1 || report.Faults != 1 || !strings.Contains(report.FirstFaults[0], "post "+l.post+" has ") || !strings.Contains(report.FirstFaults[0], says) {
			t.Errorf("a like of %s is wrong; exit code %d, %+v", l.post, code, report)
		}
	}
}

// meddler is a proxy before an API that knows what was accepted, and has something done before the first count is read.
type meddler struct {
	*httputil.ReverseProxy
	accepted sync.Map // posts and users, by the paths and bodies of requests
	meddle   func()
	once     sync.Once
}

// greeting is what the load asks on each connection before it begins.
const greeting = "/livez"

func (m *meddler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		if r.URL.Path != greeting {
			m.once.Do(m.meddle)
		}
		m.ReverseProxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m.ReverseProxy.ServeHTTP(w, r)
	m.accepted.Store(r.URL.Path+string(body), true)
}

// The verification fails when it should, here too: all likes are accepted, sent and counted, and then PostgreSQL loses one, and counts
// another twice.
func TestALoadFindsWhatTheGroupGotWrong(t *testing.T) {
	s := newSite(t)
	api := s.start(true, "run", "--target=likes,likes-api").ready().api
	var lost, doubled string
	var wrong error
	m := &meddler{ReverseProxy: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: api})}
	m.meddle = func() { lost, doubled, wrong = s.meddle(m) }
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	report, code := s.load("likes", "--rate=500", "--duration=2s", "--posts=200", "--patience=15s", "--target="+server.URL)
	if wrong != nil {
		t.Fatal(wrong)
	}
	said := strings.Join(report.FirstFaults, "\n") + "\n"
	if code != 1 || report.Faults != 2 || !regexp.MustCompile("post "+lost+" has .* 1 missing\n").MatchString(said) || !regexp.MustCompile("post "+doubled+" has .* 1 too many\n").MatchString(said) {
		t.Errorf("a like of %s is gone, and one of %s counts twice; exit code %d, %+v", lost, doubled, code, report)
	}
}

// meddle waits until all that was accepted is counted, and then has one like of a post never been, and one of another count once more. As
// whoever changes a count, it raises its version: or the cache would not hear of it.
func (s *site) meddle(m *meddler) (lost, doubled string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := pgx.Connect(ctx, s.database)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = db.Close(context.Background()) }()
	want, counted := 0, -1
	m.accepted.Range(func(any, any) bool { want++; return true })
	for counted != want {
		if err := db.QueryRow(ctx, "select count(*) from likes.likes where liked").Scan(&counted); err != nil {
			return "", "", fmt.Errorf("%d likes were accepted, and %d are counted: %w", want, counted, err)
		}
		<-time.After(20 * time.Millisecond)
	}
	const change = "update likes.counts set count = count + $2, version = version + 1 where (post_id, shard) = (select post_id, min(shard) from likes.counts where post_id = $1 group by post_id)"
	err = db.QueryRow(ctx, "select min(post_id), max(post_id) from likes.counts").Scan(&lost, &doubled)
	if err == nil {
		_, err = db.Exec(ctx, "delete from likes.likes where like_id = (select min(like_id) from likes.likes where like_id like $1 || '/%')", lost)
	}
	for post, by := range map[string]int{lost: -1, doubled: 1} {
		if err == nil {
			_, err = db.Exec(ctx, change, post, by)
		}
	}
	return lost, doubled, err
}

// The first Ctrl-C ends the load, and what was sent is verified; a second one ends it at once.
func TestALoadIsInterrupted(t *testing.T) {
	s := newSite(t)
	api := s.start(true, "run", "--target=likes,likes-api").ready().api
	var calls atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: api})
	var hidden atomic.Bool
	var looked atomic.Int64 // at counts that are hidden
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == greeting {
			proxy.ServeHTTP(w, r)
			return
		}
		if hidden.Load() && r.Method == http.MethodGet {
			looked.Add(1)
			_, _ = io.WriteString(w, `{"count":0}`)
			return
		}
		calls.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(counting.Close)
	args := []string{"load", "likes", "--rate=200", "--duration=10m", "--patience=10m", "--target=" + counting.URL}

	p := s.start(false, args...)
	waitFor(t, func() bool { return calls.Load() > 200 })
	p.signal(syscall.SIGINT)
	<-p.gone
	if said := p.log.String(); p.err != nil || !strings.Contains(said, "interrupted") || !strings.Contains(said, "Everything is as promised.") {
		t.Errorf("ended with %v, and said\n%s", p.err, said)
	}

	hidden.Store(true) // so that the verification waits for ever
	p = s.start(false, args...)
	before := calls.Load()
	waitFor(t, func() bool { return calls.Load() > before+200 })
	p.signal(syscall.SIGINT)
	waitFor(t, func() bool { return looked.Load() > 0 })
	p.signal(syscall.SIGINT)
	select {
	case <-p.gone:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if p.err == nil || strings.Contains(p.log.String(), "promised") {
		t.Errorf("ended with %v, and said\n%s", p.err, p.log)
	}
}
