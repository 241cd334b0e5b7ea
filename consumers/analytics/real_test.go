package analytics_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tiffin/consumers/analytics"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const partitions = 4

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// P2: each fact counts once, although every one is logged three times, and the lanes are claimed again and again in between.
func TestEachFactCountsOnce(t *testing.T) {
	const many = 1500
	db, url := database(t)
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(t)}, TopicPrefix: testservers.Name("analytics") + "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var topics []kafka.TopicSpec
	for _, name := range []string{schemas.TopicOrders, schemas.TopicPayments, schemas.TopicLikes, "analytics.dead-letters"} {
		topics = append(topics, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	if err := client.CreateTopics(t.Context(), topics, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- lane.Run(ctx, lane.Config{Kafka: client, DatabaseURL: url, MaxBatch: 100, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}, analytics.Group())
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	numbers := map[string]int64{}
	for from := 0; from < many; from += 300 {
		var records []kafka.Record
		for i := from; i < from+300; i++ {
			for _, f := range factsOf(i) {
				r, err := wire.Encode(f, saga.Envelope{ID: fmt.Sprint(f.EventType(), i), Source: "/tiffin/door", Saga: f.Key()}, time.Now(), partitions)
				if err != nil {
					t.Fatal(err)
				}
				target := fmt.Sprint(r.Topic, "/", r.Partition)
				numbers[target]++
				wire.Stamp(&r, wire.Mark{Lane: "door/0", Epoch: 1, Number: numbers[target]})
				records = append(records, r)
			}
		}
		for copies := range 3 {
			if err := client.Produce(t.Context(), records); err != nil {
				t.Fatal(err)
			}
			if copies > 0 {
				continue
			}
			if _, err := db.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tiffin lane analytics' and datname = current_database()"); err != nil {
				t.Fatal(err)
			}
		}
	}

	eventually(t, func() bool { // everything is read, the copies too
		var read int64
		err := db.QueryRow(t.Context(), "select coalesce(sum(o.value::bigint), 0) from analytics.lanes, jsonb_each_text(offsets) o").Scan(&read)
		return err == nil && read == 3*4*many
	})
	days, err := analytics.LikesPerDay(t.Context(), db, 1000)
	wantRead(t, "days", days, err, []analytics.Day{{Date: today, Likes: many}})
	ends, err := analytics.Orders(t.Context(), db)
	wantRead(t, "orders", ends, err, analytics.Ends{Orders: "all", Placed: many, Completed: many / 2, Cancelled: many / 2, Reasons: map[string]int64{"sold-out": many / 2}})
	dishes, err := analytics.TopDishes(t.Context(), db, 10)
	wantRead(t, "dishes", dishes, err, []analytics.Dish{{SKU: "dal", Portions: 2 * many}})
	moved, err := analytics.Moved(t.Context(), db)
	wantRead(t, "money", moved, err, []analytics.Money{{Currency: "INR", Paid: 7 * many}})
}

// accepted is when all likes of the test were accepted, so that they are of one day.
var (
	accepted = time.Now().UTC().Add(-time.Minute)
	today    = accepted.Format(time.DateOnly)
)

// factsOf is what is said of the i-th order, and of one post.
func factsOf(i int) []saga.Fact {
	id := fmt.Sprint("o", i)
	var end saga.Fact = schemas.OrderCompleted{OrderID: id}
	if i%2 == 1 {
		end = schemas.OrderCancelled{OrderID: id, Reason: "sold-out"}
	}
	return saga.Say(
		schemas.OrderPlaced{OrderID: id, CustomerID: "ann", RestaurantID: "r1", Items: []schemas.Item{{SKU: "dal", Quantity: 2}}},
		schemas.PaymentSucceeded{PaymentID: id, Purpose: schemas.ForOrder, RestaurantID: "r1", Amount: schemas.Money{Currency: "INR", MinorUnits: 7}},
		end,
		schemas.PostLiked{PostID: "post", UserID: fmt.Sprint("u", i), AcceptedAt: schemas.MomentOf(accepted)},
	)
}

// eventually waits until the condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(60 * time.Second); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}
