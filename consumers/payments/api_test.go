package payments_test

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/fraud"
	"tiffin/consumers/payments"
	"tiffin/internal/testservers"
	"tiffin/producers/api"
	"tiffin/producers/door"
	producer "tiffin/producers/payments"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/schemas"
)

// ledger is what the API reads, as internal/app wires it.
type ledger struct{ db payments.DB }

func (l ledger) Payment(ctx context.Context, id string) (producer.Payment, bool, error) {
	view, found, err := payments.Find(ctx, l.db, id)
	return producer.Payment{
		PaymentID: view.PaymentID, Status: string(view.Status), Reason: view.Reason,
		Purpose: string(view.Purpose), From: view.From, To: view.To, Amount: &view.Amount,
	}, found, err
}

func (l ledger) Account(ctx context.Context, id string, movements int) (producer.Account, bool, error) {
	s, found, err := payments.StatementOf(ctx, l.db, id, movements)
	account := producer.Account{AccountID: id, Balances: s.Balances}
	for _, e := range s.Entries {
		account.Movements = append(account.Movements, producer.Movement{PaymentID: e.PaymentID, Kind: e.Kind, Amount: e.Amount, Counterparty: e.Counterparty, At: e.At})
	}
	return account, found, err
}

// payers are two instances of the payments API, and the groups that payments need, on real servers.
type payers struct {
	t    *testing.T
	urls [2]string
	door door.Door
}

func newPayers(t *testing.T) *payers {
	t.Helper()
	database := testservers.Postgres(t)
	rules, err := fraud.Compile(fraud.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	groups := []*saga.Group{payments.Group(payments.Config{}), fraud.Group(rules)}
	for i, migrations := range []fs.FS{payments.Migrations, fraud.Migrations} {
		if err := lane.Migrate(t.Context(), database, "", groups[i], migrations); err != nil {
			t.Fatal(err)
		}
	}
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(t)}, TopicPrefix: testservers.Name("payments") + "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var specs []kafka.TopicSpec
	for _, topic := range schemas.Topics() {
		specs = append(specs, kafka.TopicSpec{Name: topic.Name, Partitions: 3})
	}
	for _, g := range groups {
		specs = append(specs, kafka.TopicSpec{Name: g.DeadLetters(), Partitions: 3})
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	running(t, func(ctx context.Context) error {
		return lane.Run(ctx, lane.Config{Kafka: client, DatabaseURL: database, Logger: log}, groups...)
	})
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p := &payers{t: t}
	for i := range p.urls {
		broker := door.NewBroker(door.Config{Kafka: client, Topics: producer.Topics()})
		running(t, broker.Run)
		<-broker.Started()
		e := api.New(api.Config{})
		producer.Routes(e, producer.Config{Common: api.Common{Door: broker}, Ledger: ledger{pool}})
		server := httptest.NewServer(e)
		t.Cleanup(server.Close)
		p.urls[i], p.door = server.URL, broker
	}
	return p
}

// running runs something until the test ends.
func running(t *testing.T, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// do sends a request with a header, and returns the answer.
func (p *payers) do(instance int, method, path, body, header, value string) (response *http.Response, text string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.urls[instance]+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(header, value)
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		p.t.Error(err)
	}
	return response, string(data)
}

// account reads an account until it has so many movements.
func (p *payers) account(id string, movements int) (a producer.Account) {
	p.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(30 * time.Second); len(a.Movements) != movements; <-ticker.C {
		response, text := p.do(0, "GET", "/accounts/"+id, "", "Accept", "application/json")
		if response.StatusCode == http.StatusOK {
			a = producer.Account{}
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				p.t.Fatal(err)
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s has not %d movements: %d %s", id, movements, response.StatusCode, text)
		}
	}
	return a
}

// TestPaymentsFromEndToEnd: accepted by the API, followed by its clients, and in the accounts in the end.
func TestPaymentsFromEndToEnd(t *testing.T) {
	p := newPayers(t)
	rupees := func(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }
	for _, f := range []schemas.AccountCredited{
		{CreditID: "c1", AccountID: "alice", Amount: rupees(20_000)}, {CreditID: "c2", AccountID: "bob", Amount: rupees(1)},
	} {
		if err := p.door.Accept(t.Context(), door.Origin{API: "test"}, f); err != nil {
			t.Fatal(err)
		}
	}
	p.account("alice", 1)
	p.account("bob", 1)

	const body = `{"from":"alice","to":"bob","amount":{"currency":"INR","minorUnits":12500}}`
	first, receipt := p.do(0, "POST", "/payments", body, "Idempotency-Key", "rent-may")
	if first.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", first.StatusCode, receipt)
	}
	location := first.Header.Get("Location")
	for i := range p.urls { // the other instance lets it pass once more
		if again, text := p.do(i, "POST", "/payments", body, "Idempotency-Key", "rent-may"); again.StatusCode != http.StatusAccepted || text != receipt {
			t.Errorf("%d %s, want %s", again.StatusCode, text, receipt)
		}
	}
	listened, events := p.do(1, "GET", location, "", "Accept", "text/event-stream")
	if listened.StatusCode != http.StatusOK || strings.Count(events, "event: succeeded\n") != 1 || !strings.HasSuffix(events, "\n\n") {
		t.Errorf("%d %s", listened.StatusCode, events)
	}
	if listened, text := p.do(0, "GET", location, "", "Accept", "text/event-stream"); !strings.Contains(text, `"amount":{"currency":"INR","minorUnits":12500}`) {
		t.Errorf("%d %s", listened.StatusCode, text)
	}

	poor, _ := p.do(1, "POST", "/payments", strings.Replace(body, "12500", "20000", 1), "Idempotency-Key", "rent-june")
	waited, text := p.do(0, "GET", poor.Header.Get("Location"), "", "Prefer", "wait=30")
	if waited.Header.Get("Preference-Applied") != "wait=30" || !strings.Contains(text, `"status":"failed","reason":"insufficient-funds","purpose":"transfer"`) {
		t.Errorf("%v %s", waited.Header, text)
	}

	alice, bob := p.account("alice", 2), p.account("bob", 2)
	if alice.Balances[0] != rupees(7_500) || bob.Balances[0] != rupees(12_501) {
		t.Errorf("alice has %v, bob %v", alice.Balances, bob.Balances)
	}
	if m := alice.Movements[0]; m.Amount != rupees(-12_500) || m.Kind != "pay" || m.Counterparty != "bob" || "/payments/"+m.PaymentID != location {
		t.Errorf("the movement is %+v", m)
	}
}
