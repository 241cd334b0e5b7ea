package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tiffin/consumers"
	"tiffin/consumers/notification"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const (
	partitions  = 12
	restaurants = 200
	customers   = 20000
)

// site is one run's: topics of a prefix of its own, and a database of its own.
type site struct {
	client *kafka.Client
	broker string
	admin  *pgx.Conn
	db     *pgx.Conn
	name   string
	url    string
	groups []*saga.Group
	door   string
	epoch  int64
	said   map[string]int64
	skus   int

	metrics *prometheus.Registry
	mail    *pgxpool.Pool // of the mailbox
}

func open(ctx context.Context, skus int) (*site, error) {
	broker, admin := os.Getenv("TIFFIN_TEST_KAFKA"), os.Getenv("TIFFIN_TEST_DATABASE_URL")
	if broker == "" || admin == "" {
		return nil, errors.New("TIFFIN_TEST_KAFKA and TIFFIN_TEST_DATABASE_URL are not set: run `make bench`, which starts the servers")
	}
	name := "bench_" + uuid.NewString()[:8]
	s := &site{broker: broker, name: name, door: "door-" + name, epoch: time.Now().UnixMilli(), said: map[string]int64{}, skus: skus}
	var err error
	if s.admin, err = pgx.Connect(ctx, admin); err != nil {
		return nil, err
	}
	if _, err := s.admin.Exec(ctx, "create database "+name); err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(admin)
	if err != nil {
		return nil, err
	}
	s.url = fmt.Sprintf("postgres://%s:%s@%s:%d/%s?sslmode=disable", config.User, config.Password, config.Host, config.Port, name)
	if s.db, err = pgx.Connect(ctx, s.url); err != nil {
		return nil, err
	}
	if s.client, err = kafka.Open(kafka.Config{Brokers: []string{broker}, TopicPrefix: name + "."}); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

func (s *site) prepare(ctx context.Context) error {
	var err error
	if s.mail, err = pgxpool.New(ctx, s.url); err != nil {
		return err
	}
	all, err := consumers.All(consumers.Config{Notify: notification.Config{Channel: notification.Mailbox{DB: s.mail}}})
	if err != nil {
		return err
	}
	all = append(all, consumers.Consumer{Group: atOnce()})
	var specs []kafka.TopicSpec
	for _, t := range schemas.Topics() {
		specs = append(specs, kafka.TopicSpec{Name: t.Name, Partitions: partitions})
	}
	for _, c := range all {
		s.groups = append(s.groups, c.Group)
		specs = append(specs, kafka.TopicSpec{Name: c.DeadLetters(), Partitions: partitions})
		if err := lane.Migrate(ctx, s.url, c.Group, c.Migrations); err != nil {
			return err
		}
	}
	if err := s.client.CreateTopics(ctx, specs, 1); err != nil {
		return err
	}
	return s.say(ctx, s.seed())
}

// atOnce is a restaurant, a cook and a courier who answer at once.
func atOnce() *saga.Group {
	return saga.Define("outside", nil,
		saga.On(func(e saga.Event[schemas.KitchenAsked]) []saga.Fact {
			return saga.Say(schemas.RestaurantAccepted{OrderID: e.Key})
		}, saga.Says[schemas.RestaurantAccepted]()),
		saga.On(func(e saga.Event[schemas.KitchenAccepted]) []saga.Fact {
			return saga.Say(schemas.MealCooked{OrderID: e.Key})
		},
			saga.Says[schemas.MealCooked]()),
		saga.On(func(e saga.Event[schemas.DeliveryScheduled]) []saga.Fact {
			return saga.Say(schemas.CourierDelivered{OrderID: e.Key})
		}, saga.Says[schemas.CourierDelivered]()))
}

func (s *site) close(ctx context.Context) {
	s.client.Close()
	_ = s.db.Close(ctx)
	s.mail.Close()
	if _, err := s.admin.Exec(ctx, "drop database "+s.name+" with (force)"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = s.admin.Close(ctx)
}

func (s *site) seed() (facts []saga.Fact) {
	plenty, many := 1000000, 10000
	for i := range restaurants {
		facts = append(facts, schemas.RestaurantOpened{RestaurantID: restaurant(i), Name: "Restaurant", City: "mumbai", Places: &many})
	}
	for i := range max(s.skus, restaurants) {
		sku := "sku-" + strconv.Itoa(i)
		facts = append(facts, schemas.DishOffered{SKU: sku, RestaurantID: restaurant(i % restaurants), Name: "Dish", Price: rupees(100)},
			schemas.StockDelivered{DeliveryID: "delivery-" + sku, SKU: sku, Quantity: plenty})
	}
	for i := range customers {
		facts = append(facts, schemas.AccountCredited{CreditID: fmt.Sprint("credit-", i), AccountID: customer(i), Amount: rupees(100000000)})
	}
	return append(facts, schemas.FleetSized{City: "mumbai", Couriers: &many})
}

func rupees(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }
func restaurant(i int) string      { return "restaurant-" + strconv.Itoa(i) }
func customer(i int) string        { return "customer-" + strconv.Itoa(i) }

func (s *site) order() schemas.OrderPlaced {
	sku := rand.IntN(s.skus)
	return schemas.OrderPlaced{
		OrderID: uuid.Must(uuid.NewV7()).String(), CustomerID: customer(rand.IntN(customers)),
		RestaurantID: restaurant(sku % restaurants), Items: []schemas.Item{{SKU: "sku-" + strconv.Itoa(sku), Quantity: 1}},
	}
}

// say sends facts as a door does: from a lane, numbered.
func (s *site) say(ctx context.Context, facts []saga.Fact) error {
	for len(facts) > 0 {
		n := min(len(facts), 2000)
		var records []kafka.Record
		for _, f := range facts[:n] {
			id := uuid.Must(uuid.NewV7()).String()
			r, err := wire.Encode(f, saga.Envelope{
				ID: id, Source: "/tiffin/bench", Saga: f.Key(),
				Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			}, time.Now(), partitions)
			if err != nil {
				return err
			}
			target := r.Topic + "/" + strconv.Itoa(r.Partition)
			s.said[target]++
			wire.Stamp(&r, wire.Mark{Lane: s.door, Epoch: s.epoch, Number: s.said[target]})
			records = append(records, r)
		}
		if err := s.client.Produce(ctx, records); err != nil {
			return err
		}
		facts = facts[n:]
	}
	return nil
}

// run starts all groups, and waits until they have worked off what was seeded.
func (s *site) run(ctx context.Context) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	level := slog.LevelWarn
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	s.metrics = prometheus.NewRegistry()
	c := lane.Config{Kafka: s.client, DatabaseURL: s.url, Logger: log, Metrics: lane.NewMetrics(s.metrics)}
	go func() { done <- lane.Run(ctx, c, s.groups...) }()
	return func() error { cancel(); return <-done }, nil
}

// awaitCount polls a count until it is reached.
func (s *site) awaitCount(ctx context.Context, want int, query string) error {
	for {
		var n int
		if err := s.db.QueryRow(ctx, query).Scan(&n); err != nil {
			return err
		}
		if n >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: got %d, want %d", query, n, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

type measurement struct {
	took time.Duration
	cpu  cpu
}

// saturate seeds, puts all orders on Kafka, lets the groups work them off, and measures that.
func saturate(ctx context.Context, orders, skus int) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s, err := open(ctx, skus)
	if err != nil {
		return m, err
	}
	defer s.close(context.WithoutCancel(ctx))
	stop, err := s.run(ctx)
	if err != nil {
		return m, err
	}
	if err := errors.Join(
		s.awaitCount(ctx, customers, "select count(*) from payments.credits"),
		s.awaitCount(ctx, max(skus, restaurants), "select count(*) from inventory.deliveries"),
		s.awaitCount(ctx, restaurants, "select count(*) from kitchen.rooms"),
		stop()); err != nil {
		return m, err
	}
	var placed []saga.Fact
	for range orders {
		placed = append(placed, s.order())
	}
	if err := s.say(ctx, placed); err != nil {
		return m, err
	}
	who, err := findServers(ctx, s.db, s.broker)
	if err != nil {
		return m, err
	}
	before, err := who.spent()
	if err != nil {
		return m, err
	}
	start := time.Now()
	stop, err = s.run(ctx)
	if err != nil {
		return m, err
	}
	if err := s.awaitCount(ctx, orders, "select count(*) from orders.orders where ending = 'completed'"); err != nil {
		_ = stop()
		return m, err
	}
	m.took = time.Since(start)
	after, err := who.spent()
	m.cpu = after.since(before)
	if *verbose {
		s.printBatches(m.took)
	}
	return m, errors.Join(err, stop())
}

// latencies places orders at a steady rate and reads their ends from Kafka.
func latencies(ctx context.Context, rate int, during time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s, err := open(ctx, 2000)
	if err != nil {
		return nil, err
	}
	defer s.close(context.WithoutCancel(ctx))
	stop, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stop() }()
	if err := s.awaitCount(ctx, customers, "select count(*) from payments.credits"); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	accepted, took := map[string]time.Time{}, []time.Duration{}
	total := rate * int(during.Seconds())
	finished := make(chan error, 1)
	go func() {
		finished <- s.watchEnds(ctx, func(order string, at time.Time) bool {
			mu.Lock()
			defer mu.Unlock()
			if from, ok := accepted[order]; ok {
				took = append(took, at.Sub(from))
				delete(accepted, order)
			}
			return len(took) < total
		})
	}()
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for range total {
		<-ticker.C
		o := s.order()
		mu.Lock()
		accepted[o.OrderID] = time.Now() // before the acknowledgement: the end must not overtake the note of its begin
		mu.Unlock()
		if err := s.say(ctx, []saga.Fact{o}); err != nil {
			return nil, err
		}
		mu.Lock()
		if _, open := accepted[o.OrderID]; open {
			accepted[o.OrderID] = time.Now()
		}
		mu.Unlock()
	}
	err = <-finished
	if *verbose {
		s.printHops(ctx)
	}
	return took, err
}

// printHops says how long each step of an order took.
func (s *site) printHops(ctx context.Context) {
	rows, err := s.db.Query(ctx, `select coalesce(before, '') || ' -> ' || type, count(*), percentile_cont(0.5) within group (order by ms), percentile_cont(0.99) within group (order by ms), max(ms)
		from (select type, lag(type) over w before, extract(epoch from at - lag(at) over w)::float8 * 1000 ms from orders.timeline window w as (partition by order_id order by at, line_id)) hops
		where ms is not null group by 1 having count(*) > 50 order by 4 desc`)
	if err != nil {
		return
	}
	var hop string
	var n int
	var p50, p99, most float64
	_, _ = pgx.ForEachRow(rows, []any{&hop, &n, &p50, &p99, &most}, func() error {
		fmt.Fprintf(os.Stderr, "%-50s %6d  p50 %5.0f  p99 %5.0f  max %5.0f ms\n", hop, n, p50, p99, most)
		return nil
	})
}

func (s *site) watchEnds(ctx context.Context, seen func(order string, at time.Time) bool) error {
	var places []kafka.Position
	for p := range partitions {
		places = append(places, kafka.Position{Topic: schemas.TopicOrders, Partition: p})
	}
	for {
		fetched, err := s.client.Fetch(ctx, places, kafka.FetchOptions{})
		if err != nil {
			return err
		}
		now := time.Now()
		for i, f := range fetched {
			if f.Err != nil {
				return f.Err
			}
			places[i].Offset = f.Next
			for _, r := range f.Records {
				e, _, err := wire.Decode(&r)
				if err == nil && e.Type == (schemas.OrderCompleted{}).EventType() && !seen(e.Key, now) {
					return nil
				}
			}
		}
	}
}

// printBatches says how each group worked.
func (s *site) printBatches(took time.Duration) {
	families, err := s.metrics.Gather()
	if err != nil {
		return
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h != nil {
				fmt.Fprintf(os.Stderr, "%s %s: n %d, sum %.2f, mean %.4f (of %.2f s)\n", f.GetName(), m.GetLabel()[0].GetValue(),
					h.GetSampleCount(), h.GetSampleSum(), h.GetSampleSum()/float64(h.GetSampleCount()), took.Seconds())
			}
		}
	}
}
