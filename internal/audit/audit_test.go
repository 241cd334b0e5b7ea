package audit

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tiffin/consumers"
	"tiffin/consumers/fraud"
	"tiffin/internal/demo"
	"tiffin/internal/simulate"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 3

// product is all groups on real servers, with the demo data, and parties that answer at once.
type product struct {
	t      testing.TB
	client *kafka.Client
	cfg    Config
}

func newProduct(t testing.TB) *product {
	t.Helper()
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(t)}, TopicPrefix: testservers.Name("audit") + "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	p := &product{t: t, client: client, cfg: Config{DatabaseURL: testservers.Postgres(t), Kafka: client, Grace: time.Minute}}
	var rules []fraud.Rule
	if err := json.Unmarshal(demo.FraudRules(), &rules); err != nil {
		t.Fatal(err)
	}
	all, err := consumers.All(consumers.Config{FraudRules: rules})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range simulate.Parties(simulate.Config{Instant: true}) {
		all = append(all, consumers.Consumer{Group: s.Group, Migrations: s.Migrations})
	}
	var specs []kafka.TopicSpec
	for _, topic := range schemas.Topics() {
		specs = append(specs, kafka.TopicSpec{Name: topic.Name, Partitions: partitions})
	}
	for _, c := range all {
		p.cfg.Groups = append(p.cfg.Groups, c.Group)
		specs = append(specs, kafka.TopicSpec{Name: c.DeadLetters(), Partitions: partitions})
		if err := lane.Migrate(t.Context(), p.cfg.DatabaseURL, "", c.Group, c.Migrations); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs all groups until the returned function is called.
func (p *product) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(p.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	go func() {
		done <- lane.Run(ctx, lane.Config{Kafka: p.client, DatabaseURL: p.cfg.DatabaseURL, Logger: log}, p.cfg.Groups...)
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	}
}

// say says facts as the outside does, and waits until everything that comes of them has been done.
func (p *product) say(facts ...saga.Fact) {
	p.t.Helper()
	var records []kafka.Record
	for _, f := range facts {
		r, err := wire.Encode(f, saga.Envelope{ID: demo.EventID(f), Source: "/test", Saga: f.Key()}, time.Now(), partitions)
		if err != nil {
			p.t.Fatal(err)
		}
		records = append(records, r)
	}
	p.produce(records...)
}

func (p *product) produce(records ...kafka.Record) {
	p.t.Helper()
	if err := p.client.Produce(p.t.Context(), records); err != nil {
		p.t.Fatal(err)
	}
	cfg := p.cfg
	cfg.Wait = time.Minute
	report, err := Run(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	if !report.OK() || !report.Quiet {
		p.t.Fatalf("the books are to balance, and nothing to be on its way:\n%s", report)
	}
}

func order(id, customer, restaurant, sku string) saga.Fact {
	return schemas.OrderPlaced{OrderID: id, CustomerID: customer, RestaurantID: restaurant, Items: []schemas.Item{{SKU: sku, Quantity: 2}}}
}

// live plays an order for each way to end, and some that are under way.
func (p *product) live() {
	p.t.Helper()
	seeds, err := demo.Facts()
	if err != nil {
		p.t.Fatal(err)
	}
	p.say(seeds...)
	p.say(
		order("done-1", "alice", "annapurna", "masala-dosa"),
		order("done-2", "bob", "annapurna", "idli"),
		order("sold-out", "alice", "annapurna", "mango-kulfi"),
		order("poor", "carol", "annapurna", "idli"),
		order("flagged", "mallory", "annapurna", "idli"),
		order("no-room", "alice", "tiny", "tiny-paratha"),
		order("refused", "alice", "grumpy-griddle", "grumpy-uttapam"),
		order("cancelled", "alice", "silent-spoon", "silent-soup"),
		order("dropped", "alice", "bumpy-road", "bumpy-bhaji"),
		order("no-courier", "alice", "hilltop-hearth", "hilltop-thali"),
		order("checking", "trent", "annapurna", "idli"),
		order("unchecked", "trent", "annapurna", "idli"),
		order("asking", "alice", "silent-spoon", "silent-soup"),
		order("cooking", "alice", "sleepy-stove", "sleepy-biryani"),
		order("riding", "alice", "lost-lane", "lost-lassi"),
		schemas.PostLiked{PostID: "sunset", UserID: "alice"}, schemas.PostLiked{PostID: "sunset", UserID: "bob"},
		schemas.PaymentInitiated{PaymentID: "gift", From: "alice", To: "bob", Amount: schemas.Money{Currency: "INR", MinorUnits: 7}},
	)
	p.say(schemas.CancellationRequested{OrderID: "cancelled"}, schemas.CancellationRequested{OrderID: "unchecked"})
}

// broken is a way to break the books, and the check that must say so.
type broken struct {
	name, sql, check, says string
	verdict                Verdict // Wrong if it is empty
}

func TestTheBooksBalanceAndEveryFaultIsFound(t *testing.T) {
	p := newProduct(t)
	stop := p.run()
	defer stop()
	p.live()
	conn, err := pgx.Connect(t.Context(), p.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	whole := p.audit(t, conn, "select")
	for _, c := range whole.Checks {
		if c.Verdict != OK || c.Counted == 0 && c.Name != "parked" {
			t.Errorf("nothing is broken, and the check of %s says %s (%d %s)", c.Name, c.Verdict, c.Counted, c.Things)
		}
	}
	found := map[string]bool{"outboxes": true, "lag": true, "places": true} // they have a test of their own
	for _, b := range faults {
		t.Run(b.name, func(t *testing.T) {
			c := check(t, p.audit(t, conn, b.sql), b.check)
			want := b.verdict
			if want == "" {
				want = Wrong
			}
			if c.Verdict != want || c.Found == 0 || !strings.Contains(strings.Join(c.Examples, "\n"), b.says) {
				t.Errorf("the check of %s says %s, %q, want %s with %q", b.check, c.Verdict, c.Examples, want, b.says)
			}
		})
		found[b.check] = true
	}
	for _, c := range whole.Checks {
		if !found[c.Name] {
			t.Errorf("nobody has tried whether the check of %s finds anything", c.Name)
		}
	}
	t.Run("what is parked is no fault", func(t *testing.T) { p.parkedIsNoFault(t, conn) })
	t.Run("while events are on their way", func(t *testing.T) { p.provisional(t, conn) })
	t.Run("while a group is astray", func(t *testing.T) { p.astray(t, conn) })
	t.Run("a system that is never quiet", p.neverQuiet)
	t.Run("groups apart", func(t *testing.T) { p.groupsApart(t, conn) })
}

// audit breaks the books in a transaction, audits them as they then are, and mends them.
func (p *product) audit(t *testing.T, conn *pgx.Conn, sql string) Report {
	t.Helper()
	var report Report
	rollback := errors.New("roll back")
	err := pgx.BeginTxFunc(t.Context(), conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		for statement := range strings.SplitSeq(sql, ";") {
			tag, err := tx.Exec(t.Context(), statement)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 && (tag.Update() || tag.Delete() || tag.Insert()) {
				t.Errorf("this breaks nothing: %s", statement)
			}
		}
		var err error
		if report, err = p.cfg.examine(t.Context(), tx); err != nil {
			return err
		}
		p.same(t, tx, report)
		return rollback
	})
	if !errors.Is(err, rollback) {
		t.Fatal(err)
	}
	return report
}

func check(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check of %s:\n%s", name, r)
	return Check{}
}

func (p *product) parkedIsNoFault(t *testing.T, conn *pgx.Conn) {
	const parked = `insert into delivery.parked (lane, key, type, topic, record_offset, record, reason, parked_at)
		values (0, 'riding', 'courier.delivered', 'delivery', 7, '', 'it drives everybody mad', now())`
	r := p.audit(t, conn, `update orders.orders set placed_at = now() - interval '1 day' where order_id = 'riding';
		update delivery.trips set waits_until = now() - interval '1 day' where order_id = 'riding'; `+parked)
	if !r.OK() {
		t.Errorf("an order whose key is parked waits for its redrive:\n%s", r)
	}
	c := check(t, r, "parked")
	if c.Verdict != Noted || c.Found != 1 || c.Examples[0] != "delivery, key riding: 1 event, it drives everybody mad" {
		t.Errorf("parked: %+v", c)
	}
}

func (p *product) provisional(t *testing.T, conn *pgx.Conn) {
	const halfDone = `update payments.payments set state = 'done' where payment_id = 'done-1'`
	for name, onTheWay := range map[string]string{
		"outboxes": `update kitchen.lanes set outbox = 'x' where lane = 1`,
		"lag":      `update payments.lanes set offsets = jsonb_set(offsets, '{delivery}', '0')`,
	} {
		r := p.audit(t, conn, onTheWay+";"+halfDone)
		if c := check(t, r, "completed"); c.Verdict != Provisional || r.Quiet {
			t.Errorf("%s: what is wrong between groups is %s, quiet %v, want provisional", name, c.Verdict, r.Quiet)
		}
		if c := check(t, r, "payments"); c.Verdict != Wrong {
			t.Errorf("%s: what is wrong within a group is %s: that is certain at any time", name, c.Verdict)
		}
		if c := check(t, r, name); c.Verdict != Noted || c.Found != 1 {
			t.Errorf("%s: %+v, want it noted", name, c)
		}
	}
	without := *p
	without.cfg.Kafka = nil
	r := without.audit(t, conn, halfDone)
	if c := check(t, r, "completed"); c.Verdict != Provisional {
		t.Errorf("without Kafka nobody knows what is on its way, and what is wrong between groups is %s", c.Verdict)
	}
	for _, name := range []string{"lag", "places"} {
		if c := check(t, r, name); c.Verdict != Skipped || c.Why == "" {
			t.Errorf("without Kafka: %+v, want it skipped with the reason", c)
		}
	}
}

// A group whose place the log does not have stands still, and nothing of what it should do happens any more: that is wrong, and not quiet.
func (p *product) astray(t *testing.T, conn *pgx.Conn) {
	r := p.audit(t, conn, `update payments.lanes set offsets = jsonb_set(offsets, '{delivery}', '4711') where lane = 1`)
	if c := check(t, r, "places"); r.Quiet || r.OK() || c.Verdict != Wrong || c.Found != 1 ||
		!strings.HasPrefix(c.Examples[0], "payments is at 4711 of delivery, partition 1, whose log has 0 to ") {
		t.Errorf("quiet %v, %+v", r.Quiet, c)
	}
}

// ahead is a log to which somebody always adds one event more.
type ahead struct{ Log }

func (a ahead) Offsets(ctx context.Context, places []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error) {
	ranges, err := a.Log.Offsets(ctx, places)
	for place, r := range ranges {
		ranges[place] = kafka.OffsetRange{First: r.First, End: r.End + 1}
	}
	return ranges, err
}

// A system that never becomes quiet is audited as it is, once the wait is over.
func (p *product) neverQuiet(t *testing.T) {
	cfg := p.cfg
	cfg.Kafka, cfg.Wait = ahead{p.client}, 2*pollEvery
	began := time.Now()
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c := check(t, r, "lag"); r.Quiet || !r.OK() || c.Verdict != Noted || int(c.Found) != len(cfg.Groups) {
		t.Errorf("quiet %v, %+v, want every group to lag", r.Quiet, c)
	}
	if waited := time.Since(began); waited < cfg.Wait {
		t.Errorf("it waited %v, want %v at least", waited, cfg.Wait)
	}
}

// groupsApart audits some of the groups.
func (p *product) groupsApart(t *testing.T, conn *pgx.Conn) {
	apart := *p
	apart.cfg.Groups = nil
	for _, g := range p.cfg.Groups {
		if g.Name() == "payments" {
			apart.cfg.Groups = append(apart.cfg.Groups, g)
		}
	}
	r := apart.audit(t, conn, "select")
	if c := check(t, r, "accounts"); c.Verdict != OK {
		t.Errorf("payments alone: %+v", c)
	}
	if c := check(t, r, "completed"); c.Verdict != Skipped || !strings.Contains(c.Why, "orders") {
		t.Errorf("payments alone: %+v, want it skipped, because of orders", c)
	}
}

func TestADatabaseThatIsNotTheGroups(t *testing.T) {
	all, err := consumers.All(consumers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), Config{DatabaseURL: testservers.Postgres(t), Groups: []*saga.Group{all[0].Group}})
	if err == nil || !strings.Contains(err.Error(), "has this database ever been theirs?") {
		t.Errorf("an empty database: %v", err)
	}
}
