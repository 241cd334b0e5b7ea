package app

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tiffin/internal/embedded"
	"tiffin/internal/testservers"
	"tiffin/producers/orders"
	"tiffin/saga/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; much longer than it takes.
const patience = 30 * time.Second

// running is an app that runs until it is stopped, or the test ends.
type running struct {
	t    *testing.T
	app  *App
	url  string
	stop func() error
}

func runApp(t *testing.T, cfg Config, targets ...string) running {
	t.Helper()
	cfg.OpsAddr, cfg.SpoolDir = "127.0.0.1:0", cmp.Or(cfg.SpoolDir, t.TempDir())
	a, err := New(cfg, targets, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r := running{t: t, app: a, url: "http://" + a.httpAddr(), stop: func() error {
		cancel()
		err := <-ended
		ended <- err // for whoever stops it again
		return err
	}}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func (r running) get(path string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Close = true // no connection that is kept for later
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// becomes waits until /readyz answers with this status and names these faults and no others, and /livez never minds.
func (r running) becomes(status int, faults ...string) {
	r.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for {
		got, body := r.get("/readyz")
		so := got == status
		for _, name := range []string{"/process", "/kafka", "/database"} {
			so = so && strings.Contains(body, `"`+name+`"`) == strings.Contains(strings.Join(faults, " "), name)
		}
		if live, _ := r.get("/livez"); live != http.StatusOK {
			r.t.Fatalf("/livez answers %d while /readyz says %d %s", live, got, body)
		}
		if so {
			return
		}
		select {
		case <-over:
			r.t.Fatalf("/readyz says %d %s, want %d with %v", got, body, status, faults)
		case <-tick.C:
		}
	}
}

func TestOperationsWhereNothingIsThere(t *testing.T) {
	r := runApp(t, Config{Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, DatabaseURL: "postgres://u:secret@127.0.0.1:1/x"}, "kitchen", Simulator)
	r.becomes(http.StatusServiceUnavailable, "/process", "/kafka", "/database")
	if _, body := r.get("/readyz"); strings.Contains(body, "secret") {
		t.Errorf("a password is shown: %s", body)
	}
	_, metrics := r.get("/metrics")
	for _, name := range []string{"\ngo_goroutines ", "\ngo_gc_duration_seconds_count ", "\nprocess_resident_memory_bytes ", "\nprocess_cpu_seconds_total ", `api="operations"`} {
		if !strings.Contains(metrics, name) {
			t.Errorf("/metrics has no %q", name)
		}
	}
	if status, _ := r.get("/orders"); status != http.StatusNotFound {
		t.Errorf("/orders answers %d without the API", status)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// Servers come and go, and /readyz says so; a process whose groups own nothing is as ready as the one that owns it.
func TestOperationsFollowTheServers(t *testing.T) {
	postgres := testservers.StartPostgres(t)
	broker := embedded.KafkaConfig{Dir: t.TempDir(), Addr: testservers.FreeAddr(t)} // the same over restarts
	start := func() func() {
		server, err := embedded.StartKafka(broker)
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	stop := start()
	defer func() { stop() }()
	cfg := Config{Kafka: kafka.Config{Brokers: []string{broker.Addr}}, DatabaseURL: postgres.URL(), Partitions: 1}
	if _, err := CreateTopics(t.Context(), cfg, []string{"kitchen"}); err != nil {
		t.Fatal(err)
	}
	first := runApp(t, cfg, "kitchen")
	first.becomes(http.StatusOK)
	second := runApp(t, cfg, "kitchen")
	second.becomes(http.StatusOK)

	postgres.Stop()
	first.becomes(http.StatusServiceUnavailable, "/database")
	postgres.Start()
	first.becomes(http.StatusOK)

	stop()
	first.becomes(http.StatusServiceUnavailable, "/kafka")
	stop = start()
	first.becomes(http.StatusOK)
	for _, r := range []running{first, second} {
		if err := r.stop(); err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
}

func TestOperationsTakeAPortOnlyIfTheyHaveTo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{SpoolDir: t.TempDir(), Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, DatabaseURL: "postgres://127.0.0.1:1/x", APIAddr: "127.0.0.1:0", OpsAddr: taken.Addr().String()}
	_, err = New(cfg, []string{"kitchen"}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "port "+port+" is taken") || !strings.Contains(err.Error(), "--ops-addr") {
		t.Errorf("error %v, want one with the port and the flag", err)
	}
	nowhere := cfg
	nowhere.OpsAddr = ""
	for name, test := range map[string]struct {
		cfg    Config
		target string
		served bool
	}{
		"the API has them":  {cfg, orders.Name, true},
		"nobody wants them": {nowhere, "kitchen", false},
	} {
		a, err := New(test.cfg, []string{test.target}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (a.httpAddr() != "") != test.served {
			t.Errorf("%s: served on %q", name, a.httpAddr())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.Run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
