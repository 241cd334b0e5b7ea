package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"

	"tiffin/internal/app"
	"tiffin/internal/audit"
	"tiffin/internal/load"
)

// counter counts likes, and adds to each count what a test wants.
type counter struct {
	mu    sync.Mutex
	likes map[string]map[string]bool
	add   int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/livez" {
		return
	}
	post := strings.Split(r.URL.Path, "/")[2]
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"count":%d}`, len(c.likes[post])+c.add)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.likes[post] == nil {
		c.likes[post] = map[string]bool{}
	}
	c.likes[post][string(body)] = true
	w.WriteHeader(http.StatusAccepted)
}

func TestLoadReportsAndFails(t *testing.T) {
	alone(t)
	for _, test := range []struct{ add, code, faults int }{{0, 0, 0}, {1, exitFailed, 40}} {
		server := httptest.NewServer(&counter{likes: map[string]map[string]bool{}, add: test.add})
		t.Cleanup(server.Close)
		args := []string{"load", "likes", "--target=" + server.URL, "--rate=20000", "--duration=100ms", "--posts=40", "--patience=50ms"}
		got := run(t, append(args, "--json")...)
		var report load.Report
		if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.code != test.code || report.Faults != test.faults || len(report.FirstFaults) != min(20, test.faults) {
			t.Errorf("%d added: %v, %+v", test.add, err, got)
		}
		if !strings.Contains(got.err, "verifying counts and outcomes: ") {
			t.Errorf("the progress says %q", got.err)
		}
		got = run(t, args...)
		if got.code != test.code || strings.Contains(got.out, "Everything is as promised.") != (test.add == 0) {
			t.Errorf("%d added: %+v", test.add, got)
		}
		if more := "and 20 more"; strings.Contains(got.out, more) != (test.add > 0) {
			t.Errorf("the report says\n%s", got.out)
		}
	}
}

func TestLoadRefusesWhatNobodyMeans(t *testing.T) {
	alone(t)
	for args, want := range map[string]result{
		"load":                                    {code: exitUsage, err: "<kind>"},
		"load comments":                           {code: exitUsage, err: "likes"},
		"load likes --duration=0s --batch=-1":     {code: exitUsage, err: "the duration is 0s"},
		"load likes --timeout=-1s":                {code: exitUsage, err: "the timeout is -1s"},
		"load likes --patience=-1s":               {code: exitUsage, err: "the patience is -1s"},
		"load likes --timeout=0s":                 {code: exitUsage, err: "--timeout, --patience and --remember can't be 0"},
		"load likes --users=0":                    {code: exitUsage, err: "--users, --timeout"},
		"load likes --rate=1e6 --duration=1h":     {code: exitUsage, err: "10000000 are remembered"},
		"load orders --target=http://127.0.0.1:1": {code: exitUsage, err: "are named: name its --kafka-brokers"},
		"load mixed --target=http://127.0.0.1:1 --kafka-brokers=127.0.0.1:1":                                            {code: exitUsage, err: "--no-prepare --no-audit"},
		"load orders --target=http://127.0.0.1:1 --no-prepare --no-audit":                                               {code: exitFailed, err: "can't be reached"},
		"load payments --target=http://127.0.0.1:1 --no-audit --kafka-brokers=127.0.0.1:1":                              {code: exitUsage, err: "are named: name its --kafka-brokers and --database-url"}, // to prepare is to wait for the groups
		"load payments --target=http://127.0.0.1:1 --kafka-brokers=127.0.0.1:1 --database-url=postgres://127.0.0.1:1/x": {code: exitFailed, err: "can't be reached"},
		"load orders --target=http://127.0.0.1:8080 --duration=0s":                                                      {code: exitUsage, err: "the duration is 0s"},
		"load likes --target=http://8.8.8.8":                                                                            {code: exitFailed, err: "say --yes if it is yours"},
		"load likes --target=http://127.0.0.1:1":                                                                        {code: exitFailed, err: "can't be reached"},
	} {
		if got := run(t, strings.Fields(args)...); got.code != want.code || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: exit code %d, %q, want %d, %q", args, got.code, got.err, want.code, want.err)
		}
	}
}

// The load writes its world, and reads the books, where its orders go.
func TestLoadNeedsTheServersBehindItsTarget(t *testing.T) {
	alone(t)
	dir := t.TempDir()
	up := `{"kafka":["here:9092"],"topicPrefix":"p.","databaseUrl":"postgres://here/x","api":"http://127.0.0.1:1","pid":1}`
	if err := os.WriteFile(filepath.Join(dir, "servers.json"), []byte(up), 0o600); err != nil {
		t.Fatal(err)
	}
	others := result{code: exitUsage, err: "name their --target"}
	foreign := result{code: exitUsage, err: "only the APIs of another installation"}
	goes := result{code: exitFailed, err: "can't be reached"}
	for args, want := range map[string]result{
		"orders": goes,
		"orders --kafka-brokers=there:9092 --database-url=postgres://there/x":                             others,
		"orders --kafka-brokers=there:9092 --no-audit":                                                    others,
		"payments --database-url=postgres://there/x":                                                      others,
		"mixed --topic-prefix=q.":                                                                         others,
		"mixed --kafka-brokers=here:9092":                                                                 others, // without its prefix
		"orders --kafka-brokers=there:9092 --target=http://127.0.0.1:1":                                   others,
		"orders --kafka-brokers=there:9092 --target=http://127.0.0.1:2":                                   foreign,
		"orders --kafka-brokers=here:9092 --topic-prefix=p. --database-url=postgres://here/x":             goes,
		"orders --kafka-brokers=there:9092 --database-url=postgres://there/x --target=http://127.0.0.1:2": goes,
		"orders --kafka-brokers=there:9092 --database-url=postgres://there/x --no-prepare --no-audit":     goes,
		"likes --kafka-brokers=there:9092":                                                                goes,
		"orders --target=http://127.0.0.1:1/":                                                             goes,
		"orders --target=http://localhost:1":                                                              goes,
		"orders --target=http://localhost:2":                                                              foreign,
		"orders --target=https://127.0.0.1:1":                                                             foreign,
		"orders --target=http://10.0.0.1:1":                                                               foreign,
		"orders --target=http://127.0.0.1:1,http://127.0.0.1:2":                                           foreign,
	} {
		got := run(t, append([]string{"load", "--data=" + dir}, strings.Fields(args)...)...)
		if got.code != want.code || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: exit code %d, %q, want %d, %q", args, got.code, got.err, want.code, want.err)
		}
	}
}

// An order that is on its way for longer than the default deadlines hangs only if the groups run with these.
func TestLoadAuditsWithTheDeadlinesOfTheGroups(t *testing.T) {
	alone(t)
	t.Setenv("TIFFIN_DELIVERY_TIME", "6h")
	var command commandLine
	parser, err := kong.New(&command, kong.DefaultEnvars("TIFFIN"), defaults())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"load", "orders"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := command.Load.config()
	if got, want := cfg.Deadlines, (app.Deadlines{FraudCheck: 15 * time.Minute, Acceptance: 10 * time.Minute, Preparation: 30 * time.Minute, Delivery: 6 * time.Hour}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// Others who are at work make it impossible to say that the books balance, and are no fault.
func TestLoadDoesNotTakeOthersForAFault(t *testing.T) {
	wrong := []audit.Check{{Verdict: audit.Wrong}}
	for name, test := range map[string]struct {
		report   audit.Report
		balanced bool
		err      error
	}{
		"quiet":                {audit.Report{Quiet: true}, true, nil},
		"not quiet":            {audit.Report{}, true, errNotQuiet},
		"wrong":                {audit.Report{Quiet: true, Checks: wrong}, false, nil},
		"wrong, and not quiet": {audit.Report{Checks: wrong}, false, nil},
	} {
		if balanced, _, err := audited(test.report, nil); balanced != test.balanced || !errors.Is(err, test.err) {
			t.Errorf("%s: %t, %v", name, balanced, err)
		}
	}
}
