package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"tiffin/consumers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const (
	restaurants = 200
	dishes      = 2000 // ten of each restaurant
	customers   = 20000
	cities      = 10
	// portions, places and couriers are as many as a fact may say; money is more than a customer can spend.
	portions = schemas.MaxDelivery
	places   = 10_000 // of each restaurant
	couriers = 10_000 // in each city
	money    = 100_000_000
	// orderLimit is how long orders may take to end.
	orderLimit = 3 * time.Minute
)

// orderSite is a site where orders can be placed: groups run, dishes are on the shelf, people answer.
type orderSite struct {
	*site
	groups *process
	stop   func() error // of the people
}

// openOrders makes a site, fills its shelves, and starts what orders need on it: the binary's groups, or with a size of batches those of
// [runGroups].
func (l *lab) openOrders(ctx context.Context, batch int) (k *orderSite, err error) {
	s, err := l.newSite(ctx, l.kafka)
	if err != nil {
		return nil, err
	}
	k = &orderSite{site: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if k.groups, err = s.run(ctx, orderGroups); err != nil {
		return k, err
	}
	if err := k.stock(ctx); err != nil {
		return k, err
	}
	if batch != 0 {
		if err := k.groups.stop(); err != nil {
			return k, err
		}
		if k.groups, err = l.startSelf(ctx, serveGroups, s.broker, s.name+".", s.url, strconv.Itoa(batch)); err != nil {
			return k, err
		}
	}
	return k, k.answer(ctx, batch)
}

// answer starts the people, in this process.
func (k *orderSite) answer(ctx context.Context, batch int) error {
	answering := people()
	specs := []kafka.TopicSpec{{Name: consumers.Consumer{Group: answering}.DeadLetters(), Partitions: partitions}}
	if err := k.kafka.CreateTopics(ctx, specs, 1); err != nil {
		return err
	}
	if err := lane.Migrate(ctx, k.url, k.name+".", answering, nil); err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- lane.Run(running, lane.Config{Kafka: k.kafka, DatabaseURL: k.url, MaxBatch: batch}, answering)
	}()
	k.stop = func() error { cancel(); return <-done }
	return nil
}

// stock opens restaurants and fills shelves, rooms and accounts, and waits until every group has heard of it.
func (k *orderSite) stock(ctx context.Context) error {
	if err := k.say(ctx, provisions()...); err != nil {
		return err
	}
	for query, want := range map[string]int{
		"select count(*) from payments.credits": customers, "select count(*) from inventory.deliveries": dishes, "select count(*) from kitchen.rooms": restaurants,
		"select count(*) from delivery.fleets": cities,
	} {
		err := until(ctx, orderLimit, query, func(ctx context.Context) (bool, error) {
			n := 0
			err := k.db.QueryRow(ctx, query).Scan(&n)
			return n >= want, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *orderSite) close() error {
	var errs []error
	if k.stop != nil {
		errs = append(errs, k.stop())
	}
	if k.groups != nil {
		k.groups.Kill()
	}
	return errors.Join(append(errs, k.site.close())...)
}

func provisions() (facts []saga.Fact) {
	rooms, fleet := places, couriers
	for i := range restaurants {
		facts = append(facts, schemas.RestaurantOpened{RestaurantID: restaurant(i), Name: "Restaurant", City: city(i % cities), Places: &rooms})
	}
	for i := range dishes {
		facts = append(facts, schemas.DishOffered{SKU: dish(i), RestaurantID: restaurant(i % restaurants), Name: "Dish", Price: rupees(100)},
			schemas.StockDelivered{DeliveryID: "delivery-" + dish(i), SKU: dish(i), Quantity: portions})
	}
	for i := range customers {
		facts = append(facts, schemas.AccountCredited{CreditID: fmt.Sprint("credit-", i), AccountID: customer(i), Amount: rupees(money)})
	}
	for i := range cities {
		facts = append(facts, schemas.FleetSized{City: city(i), Couriers: &fleet})
	}
	return facts
}

func rupees(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }
func restaurant(i int) string      { return "restaurant-" + strconv.Itoa(i) }
func city(i int) string            { return "city-" + strconv.Itoa(i) }
func dish(i int) string            { return "sku-" + strconv.Itoa(i) }
func customer(i int) string        { return "customer-" + strconv.Itoa(i) }

// wish chooses the dish that an order wants.
type wish func() int

func anyDish() int      { return rand.IntN(dishes) }
func oneDish() int      { return 0 }
func ofOneKitchen() int { return restaurants * rand.IntN(dishes/restaurants) }

func order(choose wish) schemas.OrderPlaced {
	d := choose()
	return schemas.OrderPlaced{
		OrderID: uuid.Must(uuid.NewV7()).String(), CustomerID: customer(rand.IntN(customers)),
		RestaurantID: restaurant(d % restaurants), Items: []schemas.Item{{SKU: dish(d), Quantity: 1}},
	}
}

// trial is what became of some orders.
type trial struct {
	all  time.Duration   // from the first that was placed to the last that was completed
	took []time.Duration // each, from when it was due to when a reader of Kafka saw that it was completed
}

// burst places orders as fast as it goes.
func (k *orderSite) burst(ctx context.Context, n int, choose wish) (trial, error) {
	return k.place(ctx, n, float64(n), choose)
}

const paceTick = 10 * time.Millisecond

// steady places orders at a rate, those of every 10 ms together.
func (k *orderSite) steady(ctx context.Context, rate float64, during time.Duration, choose wish) (trial, error) {
	return k.place(ctx, max(int(rate*during.Seconds()), 1), rate*paceTick.Seconds(), choose)
}

// place places n orders, so many every 10 ms, whatever becomes of them, and waits until all are completed.
func (k *orderSite) place(ctx context.Context, n int, perTick float64, choose wish) (t trial, err error) {
	ctx, cancel := context.WithTimeout(ctx, orderLimit)
	defer cancel()
	from, _, err := k.ends(ctx, schemas.TopicOrders)
	if err != nil {
		return t, err
	}
	var mu sync.Mutex
	due := map[string]time.Time{}
	seen := make(chan error, 1)
	var last time.Time
	go func() {
		seen <- k.completions(ctx, from, func(id string, at time.Time) bool {
			mu.Lock()
			defer mu.Unlock()
			if since, ok := due[id]; ok {
				t.took, last = append(t.took, at.Sub(since)), at
				delete(due, id)
			}
			return len(t.took) < n
		})
	}()
	ticker := time.NewTicker(paceTick)
	defer ticker.Stop()
	begin := time.Now()
	for placed := 0; placed < n; {
		elapsed := 1 + time.Since(begin)/paceTick // ticks that were missed are made up for: orders come whether we are late or not
		var facts []saga.Fact
		mu.Lock()
		for ; placed < n && float64(placed) < float64(elapsed)*perTick; placed++ {
			o := order(choose)
			due[o.OrderID] = begin.Add(time.Duration(float64(placed)/perTick) * paceTick)
			facts = append(facts, o)
		}
		mu.Unlock()
		if err := k.say(ctx, facts...); err != nil {
			cancel()
			return t, errors.Join(err, <-seen)
		}
		if placed < n {
			<-ticker.C
		}
	}
	if err := <-seen; err != nil {
		return t, fmt.Errorf("%d of %d orders were completed: %w", len(t.took), n, err)
	}
	t.all = last.Sub(begin)
	return t, nil
}

// completions reads the orders that are completed, from places on, until seen says that it is enough. None may be cancelled: there is enough of
// everything, and what is undone is another saga than the one that is measured.
func (k *orderSite) completions(ctx context.Context, places []kafka.Position, seen func(id string, at time.Time) bool) error {
	completed, cancelled := (schemas.OrderCompleted{}).EventType(), (schemas.OrderCancelled{}).EventType()
	for {
		fetched, err := k.kafka.Fetch(ctx, places, kafka.FetchOptions{})
		if err != nil {
			return err
		}
		now := time.Now()
		for i, f := range fetched {
			if f.Err != nil {
				return errors.Join(f.Err, ctx.Err())
			}
			places[i].Offset = f.Next
			for _, r := range f.Records {
				switch kind := header(&r, wire.HeaderType); {
				case kind == cancelled:
					return fmt.Errorf("an order was cancelled: %s: %s", r.Key, r.Value)
				case kind == completed && !seen(string(r.Key), now):
					return nil
				}
			}
		}
	}
}

func header(r *kafka.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
