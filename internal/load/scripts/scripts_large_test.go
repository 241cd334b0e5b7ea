//go:build large

package scripts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tiffin/internal/load/scripts"
	"tiffin/internal/testservers/server"
)

// api answers as Tiffin does, and minds what it is sent.
type api struct {
	mu       sync.Mutex
	seen     map[string]int // what was accepted
	faults   []string
	refusing bool
}

var ids = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	parts := strings.Split(r.URL.Path, "/")
	switch {
	case a.refusing:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.Method == http.MethodPost && len(parts) == 4 && parts[1] == "posts" && parts[3] == "likes":
		var like struct{ UserID string }
		if err := json.Unmarshal(body, &like); err != nil || !ids.MatchString(like.UserID) || !ids.MatchString(parts[2]) || r.Header.Get("Content-Type") != "application/json" {
			a.faults = append(a.faults, fmt.Sprintf("%s %s", r.URL.Path, body))
		}
		a.seen["likes"]++
	case r.Method == http.MethodPost && r.URL.Path == "/likes":
		for line := range strings.Lines(string(body)) {
			var like struct{ PostID, UserID, Action string }
			if err := json.Unmarshal([]byte(line), &like); err != nil || !ids.MatchString(like.UserID) || !ids.MatchString(like.PostID) || like.Action != "like" || r.Header.Get("Content-Type") != "application/x-ndjson" {
				a.faults = append(a.faults, line)
			}
			a.seen["lines"]++
		}
	case r.Method == http.MethodPost && r.URL.Path == "/orders":
		a.seen["orders"]++
		end := "completed"
		if regexp.MustCompile(`carol|kulfi|tiny`).Match(body) {
			end = "cancelled"
		}
		w.Header().Set("Location", fmt.Sprintf("/orders/%s-%d", end, a.seen["orders"]))
	case r.Method == http.MethodGet && len(parts) == 3 && parts[1] == "orders":
		if r.Header.Get("Prefer") != "wait=30" {
			a.faults = append(a.faults, "it does not wait for the end")
		}
		a.seen["ends"]++
		status, _, _ := strings.Cut(parts[2], "-")
		fmt.Fprintf(w, `{"status":%q}`, status)
		return
	default:
		a.faults = append(a.faults, r.Method+" "+r.URL.Path)
	}
	w.WriteHeader(http.StatusAccepted)
}

func serve(t *testing.T) (*api, string) {
	t.Helper()
	a := &api{seen: map[string]int{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, server.URL
}

// run runs a tool, by this command.
func run(t *testing.T, command ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	return string(text), err
}

// k6Path is k6 of the version that tools/k6.mod says. To build it takes a minute or two, once.
var k6Path = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-modfile=../../../tools/k6.mod", "-n", "k6").Output()
	return strings.TrimSpace(string(out)), err
})

func k6(t *testing.T, url, script string, env ...string) (string, error) {
	t.Helper()
	path, err := k6Path()
	if err != nil {
		t.Fatal("build k6: ", err)
	}
	command := []string{path, "run", "--quiet", "--no-usage-report", "--address=", "-e", "TARGET=" + url, "-e", "DURATION=1s", "-e", "P99=10000"}
	for _, e := range env {
		command = append(command, "-e", e)
	}
	return run(t, append(command, script)...)
}

// On a busy machine k6 starts some late, and drops those for which there is no time any more: half of what it was told to send is enough.
func TestLargeK6Likes(t *testing.T) {
	a, url := serve(t)
	if out, err := k6(t, url, "likes.js", "RATE=100"); err != nil || a.seen["likes"] < 50 || len(a.faults) > 0 {
		t.Errorf("%v, %v, %q\n%s", err, a.seen, a.faults, out)
	}
	a, url = serve(t)
	if out, err := k6(t, url, "likes.js", "RATE=20", "BATCH=50"); err != nil || a.seen["lines"] < 10*50 || len(a.faults) > 0 {
		t.Errorf("in batches: %v, %v, %q\n%s", err, a.seen, a.faults, out)
	}
	a, url = serve(t)
	a.refusing = true
	if out, err := k6(t, url, "likes.js", "RATE=20"); err == nil || !strings.Contains(out, "thresholds on metrics") {
		t.Errorf("all likes are refused: %v\n%s", err, out)
	}
}

func TestLargeK6Orders(t *testing.T) {
	a, url := serve(t)
	if out, err := k6(t, url, "orders.js", "RATE=50"); err != nil || a.seen["orders"] < 25 || a.seen["ends"] != a.seen["orders"] || len(a.faults) > 0 {
		t.Errorf("%v, %v, %q\n%s", err, a.seen, a.faults, out)
	}
	a, url = serve(t)
	a.refusing = true
	if out, err := k6(t, url, "orders.js"); err == nil || !strings.Contains(out, "thresholds on metrics") {
		t.Errorf("all orders are refused: %v\n%s", err, out)
	}
}

func TestLargeWrkLikes(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		if err := server.InstallPackage(t.Context(), "wrk"); err != nil {
			t.Skip(err)
		}
	}
	script := filepath.Join(t.TempDir(), "likes.lua")
	if err := os.WriteFile(script, []byte(scripts.LikesByWrk()), 0o600); err != nil {
		t.Fatal(err)
	}
	a, url := serve(t)
	out, err := run(t, "wrk", "-t1", "-c4", "-d1s", "-s", script, url)
	if err != nil || a.seen["likes"] < 100 || len(a.faults) > 0 || strings.Contains(out, "Non-2xx") || !strings.Contains(out, "Requests/sec") {
		t.Errorf("%v, %v, %q\n%s", err, a.seen, a.faults, out)
	}
}

// What the scripts tell people to run is what was tested.
func TestLargeScriptsNameThisK6(t *testing.T) {
	pinned, err := os.ReadFile("../../../tools/k6.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`go\.k6\.io/k6 (\S+)`).FindSubmatch(pinned)[1]
	for _, script := range []string{"likes.js", "orders.js"} {
		if text, err := os.ReadFile(script); err != nil || !strings.Contains(string(text), "go.k6.io/k6@"+string(version)+" ") {
			t.Errorf("%s does not name k6 %s: %v", script, version, err)
		}
	}
}
