package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/testservers"
)

// binary is the program under test, built with the race detector.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tiffin-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tiffin")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, "tiffin/cmd/tiffin").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// site is one installation: servers, and a prefix of its own on them.
type site struct {
	t        *testing.T
	env      []string
	database string
	binary   string // if it is not the one under test with the race detector
}

// newSite is an installation on the real servers, seeded with the demo data.
func newSite(t *testing.T) *site {
	t.Helper()
	database := testservers.Postgres(t)
	s := &site{t: t, database: database, env: append(environ(t), "KAFKA_BROKERS="+testservers.Kafka(t), "DATABASE_URL="+database, "REDIS_URL="+testservers.Redis(t),
		"TIFFIN_TOPIC_PREFIX="+testservers.Name("e2e")+".", "TIFFIN_DATA="+t.TempDir(),
		"TIFFIN_FRAUD_TIME=3s", "TIFFIN_ACCEPT_TIME=3s", "TIFFIN_PREPARATION_TIME=3s", "TIFFIN_DELIVERY_TIME=3s", "TIFFIN_LOG_LEVEL=warn",
		"TIFFIN_OPS_ADDR=127.0.0.1:0")}
	s.tiffin("topics", "create", "--target=all,simulator")
	return s
}

// tiffin runs a command to its end.
func (s *site) tiffin(args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, cmp.Or(s.binary, binary), args...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tiffin %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// process is a tiffin that runs.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *bytes.Buffer
	gone chan struct{}
	err  error
	api  string // its address; empty if it has no API

	spool string // where it keeps what it has accepted; empty if it has no API, or chooses by itself
}

// start starts a tiffin in a process group of its own, with a new spool if it has an API.
func (s *site) start(api bool, args ...string) *process {
	s.t.Helper()
	if api && args[0] == "run" {
		return s.startOn(s.t.TempDir(), args...)
	}
	return s.launch(&process{}, api, args)
}

// startOn starts a tiffin that has an API, on the spool of one that is gone.
func (s *site) startOn(spool string, args ...string) *process {
	s.t.Helper()
	return s.launch(&process{spool: spool}, true, append(args, "--spool-dir="+spool))
}

func (s *site) launch(p *process, api bool, args []string) *process {
	s.t.Helper()
	p.t, p.log, p.gone = s.t, &bytes.Buffer{}, make(chan struct{})
	if api {
		p.api = testservers.FreeAddr(s.t)
		args = append(args, "--api-addr="+p.api)
	}
	p.cmd = exec.Command(cmp.Or(s.binary, binary), args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("tiffin %v said:\n%s", args, tail(p.log.String()))
		}
	})
	return p
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

// kill is kill -9, and waits until the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.gone
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// behind is what the audit says of groups that have events to read.
func (s *site) behind() string {
	cmd := exec.Command(binary, "audit")
	cmd.Env = s.env
	out, _ := cmd.CombinedOutput() // the books are provisional while orders come in
	_, lag, _ := strings.Cut(string(out), " lag ")
	return lag
}

// ownedBy waits until so many processes share the lanes of the group payments.
func (s *site) ownedBy(processes int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for {
		var owners int
		if err := conn.QueryRow(ctx, "select count(distinct owner) from payments.lanes where owner <> ''").Scan(&owners); err != nil {
			s.t.Fatalf("want %d owners: %v", processes, err)
		}
		if owners == processes {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

// stop is SIGTERM: it must end within ten seconds, without an error.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	begin := time.Now()
	select {
	case <-p.gone:
	case <-time.After(20 * time.Second):
		p.t.Fatal("it does not stop")
	}
	if took := time.Since(begin); took > 10*time.Second || p.err != nil {
		p.t.Errorf("stopped after %v with %v", took, p.err)
	}
}

// ready waits until the API says so.
func (p *process) ready() *process {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		select {
		case <-p.gone:
			p.t.Fatalf("tiffin ended: %v\n%s", p.err, tail(p.log.String()))
		case <-time.After(50 * time.Millisecond):
		}
		if r, err := http.Get("http://" + p.api + "/readyz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p
			}
		}
	}
	p.t.Fatalf("tiffin is not ready\n%s", tail(p.log.String()))
	return nil
}

// environ is the environment without what would lead to servers of others.
func environ(t *testing.T) (env []string) {
	t.Helper()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KAFKA_BROKERS=") && !strings.HasPrefix(v, "DATABASE_URL=") && !strings.HasPrefix(v, "REDIS_URL=") && !strings.HasPrefix(v, "TIFFIN_") {
			env = append(env, v)
		}
	}
	return env
}

// demoOrders are orders of the demo data: half of them can be completed, the others end in each way that there is.
func demoOrders() (bodies []string) {
	order := func(customer, restaurant, sku string) {
		bodies = append(bodies, fmt.Sprintf(`{"customerId":%q,"restaurantId":%q,"items":[{"sku":%q,"quantity":1}]}`, customer, restaurant, sku))
	}
	for _, customer := range []string{"alice", "bob"} {
		for _, sku := range []string{"masala-dosa", "idli", "medu-vada", "lemon-rice", "filter-coffee"} {
			order(customer, "annapurna", sku)
		}
	}
	order("alice", "annapurna", "mango-kulfi")
	order("mallory", "annapurna", "idli")
	order("carol", "annapurna", "idli")
	order("alice", "tiny", "tiny-paratha")
	order("alice", "grumpy-griddle", "grumpy-uttapam")
	order("alice", "silent-spoon", "silent-soup")
	order("bob", "slow-simmer", "slow-dal")
	order("bob", "sleepy-stove", "sleepy-biryani")
	order("bob", "bumpy-road", "bumpy-bhaji")
	order("bob", "lost-lane", "lost-lassi")
	order("alice", "hilltop-hearth", "hilltop-thali")
	return bodies
}

// load places orders until it is told to stop, and remembers those that got a 202.
type load struct {
	t        *testing.T
	bodies   []string
	mu       sync.Mutex
	apis     []string
	accepted []string
	refused  int
	stopped  chan struct{}
	workers  sync.WaitGroup
}

func startLoad(t *testing.T, workers int, pause time.Duration, bodies []string, apis ...string) *load {
	l := &load{t: t, bodies: bodies, apis: apis, stopped: make(chan struct{})}
	for range workers {
		l.workers.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for {
				select {
				case <-l.stopped:
					return
				case <-ticker.C:
					l.place()
				}
			}
		})
	}
	return l
}

// use says which APIs take orders from now on.
func (l *load) use(apis ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apis = apis
}

var client = &http.Client{Timeout: time.Minute}

// place places one order, and cancels one in five right away.
func (l *load) place() {
	l.mu.Lock()
	api := l.apis[rand.IntN(len(l.apis))]
	l.mu.Unlock()
	body := l.bodies[rand.IntN(len(l.bodies))]
	r, err := client.Post("http://"+api+"/orders", "application/json", bytes.NewReader([]byte(body)))
	if err == nil {
		defer r.Body.Close()
		var answer struct{ OrderID string }
		if r.StatusCode == http.StatusAccepted {
			if err = json.NewDecoder(r.Body).Decode(&answer); err == nil {
				l.mu.Lock()
				l.accepted = append(l.accepted, answer.OrderID)
				l.mu.Unlock()
				if rand.IntN(5) == 0 {
					cancelOrder(api, answer.OrderID)
				}
				return
			}
		}
	}
	l.mu.Lock()
	l.refused++
	l.mu.Unlock()
}

func cancelOrder(api, id string) {
	if r, err := client.Post("http://"+api+"/orders/"+id+"/cancellation", "application/json", nil); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// until waits until so many orders were accepted.
func (l *load) until(n int) {
	l.t.Helper()
	deadline := time.After(2 * time.Minute)
	for l.count() < n {
		select {
		case <-deadline:
			l.t.Fatalf("%d orders accepted, %d refused, want %d", l.count(), l.refused, n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the load and returns the orders that got a 202.
func (l *load) stop() []string {
	close(l.stopped)
	l.workers.Wait()
	l.t.Logf("%d orders got a 202, %d requests did not", len(l.accepted), l.refused)
	return l.accepted
}

// allEnd waits until every order has ended, and counts how.
func allEnd(t *testing.T, api string, ids []string) map[string]int {
	t.Helper()
	ends := map[string]int{}
	var mu sync.Mutex
	var workers sync.WaitGroup
	todo := make(chan string)
	var failures []error
	for range 16 {
		workers.Go(func() {
			for id := range todo {
				end, err := endOf(api, id)
				mu.Lock()
				ends[end]++
				if err != nil {
					failures = append(failures, err)
				}
				mu.Unlock()
			}
		})
	}
	for _, id := range ids {
		todo <- id
	}
	close(todo)
	workers.Wait()
	if len(failures) > 0 {
		t.Fatalf("%d of %d orders: %v", len(failures), len(ids), errors.Join(failures[:min(5, len(failures))]...))
	}
	t.Logf("%d orders: %v", len(ids), ends)
	return ends
}

func endOf(api, id string) (string, error) {
	patient := &http.Client{Timeout: time.Minute}
	for range 3 {
		req, err := http.NewRequest(http.MethodGet, "http://"+api+"/orders/"+id, nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("Prefer", "wait=30")
		r, err := patient.Do(req)
		if err != nil {
			return "", err
		}
		var answer struct{ Status, Reason string }
		err = json.NewDecoder(r.Body).Decode(&answer)
		_ = r.Body.Close()
		if err != nil {
			return "", err
		}
		if answer.Status == "completed" || answer.Status == "cancelled" {
			return answer.Status + " " + answer.Reason, nil
		}
	}
	return "open", fmt.Errorf("order %s has not ended", id)
}
