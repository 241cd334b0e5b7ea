package lane_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
)

// A small choreography: the counter gives a ticket, the gate lets in or refuses, and then the counter takes it back.
type (
	wanted   struct{ ID, Show string }
	given    struct{ ID, Show string }
	refused  struct{ ID string }
	entered  struct{ ID string }
	returned struct{ ID string }
	praised  struct{ ID, Show string }
)

func (wanted) EventType() string   { return "ticket.wanted" }
func (given) EventType() string    { return "ticket.given" }
func (refused) EventType() string  { return "entry.refused" }
func (entered) EventType() string  { return "entry.granted" }
func (returned) EventType() string { return "ticket.returned" }
func (praised) EventType() string  { return "show.praised" }
func (praised) Topic() string      { return "counter" }
func (f praised) Key() string      { return f.ID }
func (wanted) Topic() string       { return "counter" }
func (given) Topic() string        { return "counter" }
func (refused) Topic() string      { return "gate" }
func (entered) Topic() string      { return "gate" }
func (returned) Topic() string     { return "counter" }
func (f wanted) Key() string       { return f.ID }
func (f given) Key() string        { return f.ID }
func (f refused) Key() string      { return f.ID }
func (f entered) Key() string      { return f.ID }
func (f returned) Key() string     { return f.ID }

type ticket struct {
	saga.Act
	ID, Show string
}

type show struct {
	Name               string
	Sold, Back, Praise int
}

type visit struct {
	saga.Act
	ID string
}

var (
	tickets = saga.In("tickets", func(t *ticket) saga.Columns { return saga.Columns{{"id", &t.ID}, {"show", &t.Show}} })
	shows   = saga.In("shows", func(s *show) saga.Columns {
		return saga.Columns{{"name", &s.Name}, {"sold", &s.Sold}, {"back", &s.Back}, {"praise", &s.Praise}}
	})
	visits = saga.In("visits", func(v *visit) saga.Columns { return saga.Columns{{"id", &v.ID}} })
)

var counterTables = fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
create table tickets (id text primary key, show text not null, like act including all);
create index on tickets (waits_until) where waits_until is not null;
create table shows (name text primary key, sold bigint not null check (sold <= 1000000), back bigint not null, praise bigint not null, check (name <> 'cursed'));
`)}}

var gateTables = fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
create table visits (id text primary key, like act including all);
create index on visits (waits_until) where waits_until is not null;
`)}}

func counter(patience time.Duration) *saga.Group {
	return saga.Define("counter", saga.Documents(tickets, shows),
		saga.On(praise, saga.Uses(shows)),
		saga.Does(giveTicket, saga.Refuses(noTicket), saga.Uses(shows), saga.Says[given](), saga.Fails[refused]()),
		saga.Within(patience,
			saga.Then(arrived, saga.Closes()),
			saga.Else(missed, saga.Uses(shows), saga.Fails[returned]())),
		saga.Undoes(takeBack, saga.Uses(shows), saga.Upon[refused](), saga.Says[returned]()))
}

// praise has no act that would know a copy: here nothing but the lane's marks does.
func praise(e saga.Event[praised]) []saga.Fact {
	shows.Get(e, e.Fact.Show).Praise++
	return nil
}

func giveTicket(t *ticket, e saga.Event[wanted]) []saga.Fact {
	if e.Fact.Show == "panic" {
		panic("this show drives everybody mad")
	}
	if e.Fact.Show == "deadly" {
		os.Exit(deadlyExit)
	}
	t.Show = e.Fact.Show
	shows.Get(e, t.Show).Sold++
	return saga.Say(given{t.ID, t.Show})
}

func noTicket(t *ticket, _ saga.Event[wanted]) []saga.Fact { return saga.Say(refused{t.ID}) }

func arrived(*ticket, saga.Event[entered]) []saga.Fact { return nil }

func missed(t *ticket, why saga.Cause) []saga.Fact {
	if t.Show == "deadly late" {
		os.Exit(deadlyExit)
	}
	return takeBack(t, why)
}

func takeBack(t *ticket, why saga.Cause) []saga.Fact {
	shows.Get(why, t.Show).Back++
	return saga.Say(returned{t.ID})
}

func gate() *saga.Group {
	return saga.Define("gate", saga.Documents(visits),
		saga.Does(letIn, saga.Says[entered](), saga.Fails[refused]()))
}

func letIn(v *visit, e saga.Event[given]) []saga.Fact {
	switch {
	case strings.HasPrefix(e.Fact.Show, "full"):
		return saga.Say(refused{v.ID})
	case strings.HasPrefix(e.Fact.Show, "silent"):
		return nil
	}
	return saga.Say(entered{v.ID})
}

// world is the choreography on real servers.
type world struct {
	metrics prometheus.Gatherer // of the process that was started last
	t       *testing.T
	client  *kafka.Client
	url     string
	db      *pgx.Conn
	counter,
	gate *saga.Group
	broker, prefix string
	log            logbook
}

// logbook is what the processes of a world log.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) has(text string) bool { return strings.Contains(l.all(), text) }

func (l *logbook) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// shows waits until the process that was started last shows a figure of the group counter.
func (w *world) shows(name string, want float64) {
	w.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-ticker.C {
		got := -1.0
		families, err := w.metrics.Gather()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == name && m.GetLabel()[0].GetValue() == "counter" {
					got = m.GetGauge().GetValue()
				}
			}
		}
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is %v, want %v", name, got, want)
		}
	}
}

// logs waits until somebody has logged this text.
func (w *world) logs(text string) {
	w.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); !w.log.has(text); <-ticker.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("nobody logs %q", text)
		}
	}
}

const partitions = 4

func newWorld(t *testing.T, patience time.Duration) *world {
	t.Helper()
	return newWorldOn(t, patience, testservers.Kafka(t))
}

func newWorldOn(t *testing.T, patience time.Duration, broker string) *world {
	t.Helper()
	url := testservers.Postgres(t)
	ctx := t.Context()
	prefix := ""
	if broker == os.Getenv(testservers.KafkaVariable) {
		prefix = testservers.Name("lane") + "." // others use it too
	}
	client, err := kafka.Open(kafka.Config{Brokers: []string{broker}, TopicPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{t: t, client: client, url: url, counter: counter(patience), gate: gate(), broker: broker, prefix: prefix}
	var specs []kafka.TopicSpec
	for _, name := range []string{"counter", "gate", "counter.dead-letters", "gate.dead-letters"} {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	if err := client.CreateTopics(ctx, specs, 1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(lane.Migrate(ctx, url, "", w.counter, counterTables), lane.Migrate(ctx, url, "", w.gate, gateTables)); err != nil {
		t.Fatal(err)
	}
	if w.db, err = pgx.Connect(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close(context.Background()) })
	return w
}

// run starts a process with these groups; stop ends it in good order.
func (w *world) run(groups ...*saga.Group) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	registry := prometheus.NewRegistry()
	w.metrics = registry
	log := slog.New(slog.NewTextHandler(io.MultiWriter(w.t.Output(), &w.log), &slog.HandlerOptions{Level: slog.LevelInfo}))
	go func() {
		done <- lane.Run(ctx, lane.Config{Kafka: w.client, DatabaseURL: w.url, Logger: log, Metrics: lane.NewMetrics(registry)}, groups...)
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// say sends facts as a stranger would, or (marked) as a door with a lane of its own.
func (w *world) say(facts ...saga.Fact) {
	w.t.Helper()
	var records []kafka.Record
	for _, f := range facts {
		r, err := wire.Encode(f, saga.Envelope{ID: "id-" + f.Key() + f.EventType(), Source: "/test", Saga: f.Key()}, time.Now(), partitions)
		if err != nil {
			w.t.Fatal(err)
		}
		records = append(records, r)
	}
	w.produce(records...)
}

func (w *world) produce(records ...kafka.Record) {
	w.t.Helper()
	if err := w.client.Produce(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wish(group, key, wish string) {
	w.t.Helper()
	if parked, err := lane.Wish(w.t.Context(), w.db, group, key, wish); err != nil || !parked {
		w.t.Fatalf("%s of %s: parked %v, %v", wish, key, parked, err)
	}
}

func (w *world) exec(statement string) {
	w.t.Helper()
	if _, err := w.db.Exec(w.t.Context(), statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// until polls a query until it gives the wanted value.
func (w *world) until(want any, query string, args ...any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	var got any
	for {
		if err := w.db.QueryRow(ctx, query, args...).Scan(&got); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			w.t.Fatalf("%s: %v (last value %v, want %v)", query, err, got, want)
		}
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: got %v, want %v", query, got, want)
		case <-ticker.C:
		}
	}
}
