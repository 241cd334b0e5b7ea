package notification_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"tiffin/consumers/notification"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const (
	partitions = 4
	// childVariable makes this test binary a process that delivers one message and dies of it.
	childVariable  = "TIFFIN_NOTIFICATION_TEST_CHILD"
	deadlyExit     = 3
	sessionTimeout = 2 * time.Second
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(childVariable); spec != "" {
		panic(child(strings.Split(spec, " ")))
	}
	goleak.VerifyTestMain(m)
}

// child dies after it has delivered a message, before anybody hears of it.
func child(spec []string) error {
	client, err := kafka.Open(kafka.Config{Brokers: []string{spec[0]}, TopicPrefix: spec[1]})
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(context.Background(), spec[2])
	if err != nil {
		return err
	}
	dies := delivering{notification.NewMailbox(pool), func(string) { os.Exit(deadlyExit) }}
	return lane.Run(context.Background(), lane.Config{Kafka: client, DatabaseURL: spec[2], SessionTimeout: sessionTimeout}, notification.Group(notification.Config{Channel: dies}))
}

// delivering does something once a message is delivered.
type delivering struct {
	notification.Channel
	then func(key string)
}

func (d delivering) Deliver(ctx context.Context, key string, m notification.Message) error {
	err := d.Channel.Deliver(ctx, key, m)
	if err == nil {
		d.then(key)
	}
	return err
}

// world is the group on real servers.
type world struct {
	t                   *testing.T
	client              *kafka.Client
	broker, prefix, url string
	db                  *pgxpool.Pool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, broker: testservers.Kafka(t), prefix: testservers.Name("notification") + "."}
	w.db, w.url = database(t)
	client, err := kafka.Open(kafka.Config{Brokers: []string{w.broker}, TopicPrefix: w.prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.client = client
	var topics []kafka.TopicSpec
	for _, name := range []string{schemas.TopicOrders, schemas.TopicPayments, schemas.TopicNotifications, "notification.dead-letters"} {
		topics = append(topics, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	if err := client.CreateTopics(t.Context(), topics, 1); err != nil {
		t.Fatal(err)
	}
	return w
}

// run starts the group; stop ends it in good order.
func (w *world) run(cfg notification.Config) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(w.t.Output(), nil))
	go func() {
		done <- lane.Run(ctx, lane.Config{Kafka: w.client, DatabaseURL: w.url, Logger: log, SessionTimeout: sessionTimeout}, notification.Group(cfg))
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

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
	if err := w.client.Produce(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
}

// until polls a query until it gives the wanted value.
func (w *world) until(want any, query string) {
	w.t.Helper()
	var got any
	eventually(w.t, func() bool {
		if err := w.db.QueryRow(w.t.Context(), query).Scan(&got); err != nil {
			w.t.Fatalf("%s: %v", query, err)
		}
		return fmt.Sprint(got) == fmt.Sprint(want)
	})
}

// said is what the topic of notifications holds, as text, once the group has nothing more to say.
func (w *world) said() (values []string) {
	w.t.Helper()
	w.until(0, "select count(*) from notification.effects")
	w.until(0, "select count(*) from notification.lanes where outbox <> ''") // all is acknowledged
	for p := range partitions {
		tp := kafka.TopicPartition{Topic: schemas.TopicNotifications, Partition: p}
		ranges, err := w.client.Offsets(w.t.Context(), []kafka.TopicPartition{tp})
		if err != nil {
			w.t.Fatal(err)
		}
		at := []kafka.Position{{Topic: tp.Topic, Partition: p}}
		for at[0].Offset < ranges[tp].End {
			fetched, err := w.client.Fetch(w.t.Context(), at, kafka.FetchOptions{})
			if err != nil {
				w.t.Fatal(err)
			}
			for _, r := range fetched[0].Records {
				values = append(values, string(r.Value))
			}
			at[0].Offset = fetched[0].Next
		}
	}
	slices.Sort(values)
	return values
}

// wantSaid: these facts were said, whatever their ids, and each once.
func (w *world) wantSaid(want ...string) {
	w.t.Helper()
	said := w.said()
	if len(said) != len(want) {
		w.t.Fatalf("said %q, want %q", said, want)
	}
	for _, text := range want {
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, text) }) {
			w.t.Errorf("said %q, want something with %q", said, text)
		}
	}
}

func ordered(id string) saga.Fact {
	return schemas.OrderPlaced{OrderID: id, CustomerID: "ann", RestaurantID: "r1", Items: []schemas.Item{{SKU: "dal", Quantity: 1}}}
}

// P2: a message is in the mailbox once, and said to be sent once, although the process dies when it is there.
func TestAMailboxHasAMessageOnceThoughItsProcessDies(t *testing.T) {
	w := newWorld(t)
	w.say(ordered("o1"), schemas.OrderCompleted{OrderID: "o1"})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	process := exec.CommandContext(ctx, os.Args[0])
	process.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{w.broker, w.prefix, w.url}, " "))
	var exit *exec.ExitError
	if err := process.Run(); !errors.As(err, &exit) || exit.ExitCode() != deadlyExit {
		t.Fatalf("the process ended with %v", err)
	}
	w.until(1, "select count(*) from notification.mailbox")
	w.until(1, "select count(*) from notification.effects") // nobody has noted it
	again := make(chan string, 10)
	w.run(notification.Config{Channel: delivering{notification.NewMailbox(w.db), func(key string) { again <- key }}})
	w.wantSaid(`"customerId":"ann","about":"o1","kind":"order-completed"}`)
	w.until(1, "select count(*) from notification.mailbox")
	if key := <-again; len(again) > 0 {
		t.Error("delivered more than twice")
	} else {
		w.until(key, "select notification_id from notification.mailbox")
	}
}

// P2: the same when the owner of the lanes loses its connection just then, and claims them again.
func TestAMailboxHasAMessageOnceThoughItsLanesAreClaimedAgain(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var keys []string
	cut := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		if keys = append(keys, key); len(keys) > 1 {
			return
		}
		if _, err := w.db.Exec(context.Background(), "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tiffin lane notification' and datname = current_database()"); err != nil {
			t.Error(err)
		}
	}
	w.run(notification.Config{Channel: delivering{notification.NewMailbox(w.db), cut}})
	w.say(ordered("o1"), schemas.OrderCancelled{OrderID: "o1", Reason: "sold-out"})
	w.until(1, "select count(*) from notification.mailbox")
	w.wantSaid(`"customerId":"ann","about":"o1","kind":"order-cancelled"}`)
	w.until(1, "select count(*) from notification.mailbox")
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 2 || keys[0] != keys[1] {
		t.Errorf("delivered under the keys %v, want one key twice", keys)
	}
}

// Both parties of a payment are told, and a post office that refuses twice is asked again, under the same Message-ID.
func TestAMailIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	o := newPostOffice(t)
	busy := &smtp.SMTPError{Code: 451, Message: "try again later"}
	o.step, o.refuses = "DATA", []error{busy, busy}
	w.run(notification.Config{Channel: o.channel(t, "smtp", "postman:secret@", "")})
	amount := schemas.Money{Currency: "INR", MinorUnits: 12_500}
	w.say(schemas.PaymentInitiated{PaymentID: "p1", From: "ann", To: "bob", Amount: amount},
		schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: amount})
	w.until(1, "select count(*) from notification.matters where state = 'closed'")
	w.wantSaid(`"customerId":"ann","about":"p1","kind":"payment-sent"}`, `"customerId":"bob","about":"p1","kind":"payment-received"}`)
	asked := map[string]int{}
	for _, id := range o.asked {
		asked[id]++
	}
	slices.Sort(o.to)
	if len(o.asked) != 4 || len(asked) != 2 || !slices.Equal(o.to, []string{"ann@example.com", "bob@example.com"}) {
		t.Errorf("asked for %v, took letters to %v", asked, o.to)
	}
}

// What the receiver will never take is given up at once, and what nobody takes when its time is over; both are said.
func TestAMailIsGivenUp(t *testing.T) {
	w := newWorld(t)
	gone := newPostOffice(t)
	gone.step, gone.refuses = "RCPT", []error{&smtp.SMTPError{Code: 550, Message: "no such user ann@example.com"}}
	stop := w.run(notification.Config{Channel: gone.channel(t, "smtp", "", "")})
	w.say(ordered("o1"), schemas.OrderCompleted{OrderID: "o1"})
	w.until(1, "select count(*) from notification.matters where state = 'closed'")
	w.wantSaid(`"about":"o1","kind":"order-completed","reason":"undeliverable"}`)
	stop()

	away := newPostOffice(t)
	away.addr = "127.0.0.1:1"
	w.run(notification.Config{Channel: away.channel(t, "smtp", "", ""), Within: time.Second})
	w.say(ordered("o2"), schemas.OrderCompleted{OrderID: "o2"})
	w.until(2, "select count(*) from notification.matters where state = 'closed'")
	w.wantSaid(`"about":"o1","kind":"order-completed","reason":"undeliverable"}`, `"about":"o2","kind":"order-completed","reason":"delivery-timed-out"}`)
}
