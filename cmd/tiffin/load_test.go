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

	"github.com/go-json-experiment/json"

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
		"load mixed --target=http://127.0.0.1:1 --kafka-brokers=127.0.0.1:1":               {code: exitUsage, err: "--no-prepare --no-audit"},
		"load orders --target=http://127.0.0.1:1 --no-prepare --no-audit":                  {code: exitFailed, err: "can't be reached"},
		"load payments --target=http://127.0.0.1:1 --no-audit --kafka-brokers=127.0.0.1:1": {code: exitUsage, err: "name its --kafka-brokers and --database-url"},
		"load orders --target=http://localhost:8080/ --duration=0s":                        {code: exitUsage, err: "the duration is 0s"},
		"load orders --target=http://127.0.0.1:8080 --duration=0s":                         {code: exitUsage, err: "the duration is 0s"},
		"load likes --target=http://8.8.8.8":                                               {code: exitFailed, err: "say --yes if it is yours"},
		"load likes --target=http://127.0.0.1:1":                                           {code: exitFailed, err: "can't be reached"},
	} {
		if got := run(t, strings.Fields(args)...); got.code != want.code || !strings.Contains(got.err, want.err) {
			t.Errorf("%s: exit code %d, %q, want %d, %q", args, got.code, got.err, want.code, want.err)
		}
	}
}

// Servers that the environment names are another installation's than the API that happens to run here: nothing is said to them.
func TestLoadMixesNoInstallations(t *testing.T) {
	alone(t)
	data := t.TempDir()
	t.Setenv("TIFFIN_DATA", data)
	here := `{"kafka":["127.0.0.1:9092"],"databaseUrl":"postgres://here/x","api":"http://127.0.0.1:1"}`
	if err := os.WriteFile(filepath.Join(data, "servers.json"), []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, servers := range []string{"--kafka-brokers=prod:9092 --database-url=postgres://prod/x", "--kafka-brokers=prod:9092", "--database-url=postgres://prod/x"} {
		if got := run(t, strings.Fields("load orders "+servers)...); got.code != exitUsage || !strings.Contains(got.err, "name other servers than those of the tiffin up") {
			t.Errorf("%s: exit code %d, %q", servers, got.code, got.err)
		}
	}
	if got := run(t, strings.Fields("load orders --kafka-brokers=127.0.0.1:9092 --database-url=postgres://here/x")...); got.code != exitFailed {
		t.Errorf("its own servers: exit code %d, %q", got.code, got.err)
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
