package consumers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tiffin/consumers/orders"
	"tiffin/internal/simulate"
	"tiffin/internal/testservers"
	"tiffin/producers/api"
	"tiffin/producers/door"
	producer "tiffin/producers/orders"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/sagatest"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// oncePartitions is how many partitions each topic of these tests has.
const oncePartitions = 3

// P5: the same Idempotency-Key from fifty connections at once, over two instances, is one order, and what either of them
// accepts later under that key, be it something else, changes nothing.
func TestOneKeyIsOneOrder(t *testing.T) {
	client := onKafka(t)
	instances := []string{ordersAPI(t, client), ordersAPI(t, client)}
	m := meals["completed"]
	const body = `{"customerId":"%s","restaurantId":"%s","items":[{"sku":"%s","quantity":%d}]}`
	placement := fmt.Sprintf(body, m.customer, m.restaurant, m.sku, 2)

	var locations sync.Map
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 50 {
		all.Go(func() {
			<-start
			for { // 409 asks for that
				status, location := placeOrder(t, instances[i%2], placement)
				if status == http.StatusAccepted {
					locations.Store(location, true)
				}
				if status != http.StatusConflict {
					return
				}
			}
		})
	}
	close(start)
	all.Wait()
	var id string
	locations.Range(func(location, _ any) bool {
		if id != "" {
			t.Errorf("one key is %s and %s", id, location)
		}
		id = strings.TrimPrefix(location.(string), "/orders/")
		return true
	})
	// A third has never heard of the key, and takes another order for it.
	if status, location := placeOrder(t, ordersAPI(t, client), fmt.Sprintf(body, m.customer, m.restaurant, m.sku, 3)); status != http.StatusAccepted || location != "/orders/"+id {
		t.Errorf("%d %s, want /orders/%s", status, location, id)
	}

	placed := ordersPlaced(t, client)
	if len(placed) != 3 {
		t.Errorf("%d facts, want one of each instance: %v", len(placed), placed)
	}
	w := demoWorld(t, simulate.Config{})
	w.Say(placed...)
	run(t, w)
	pass(t, w, longest)
	m.hasEnded(t, w, id)
	everythingIsConserved(t, w)
	if n := w.TimesSaid("stock.reserved", id) + w.TimesSaid("stock.rejected", id); n != 1 {
		t.Errorf("inventory answered %d times", n)
	}
	if o, _ := sagatest.Load[orders.Order](w, id); len(o.Items) != 1 || o.Items[0].Quantity != 2 || o.Total.MinorUnits != 2*12000 {
		t.Errorf("the order is %+v", o)
	}
}

// onKafka is a client of real Kafka, with the topics of the orders API.
func onKafka(t *testing.T) *kafka.Client {
	t.Helper()
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(t)}, TopicPrefix: testservers.Name("once") + "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var specs []kafka.TopicSpec
	for _, topic := range producer.Topics() {
		specs = append(specs, kafka.TopicSpec{Name: topic, Partitions: oncePartitions})
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	return client
}

// ordersAPI is an instance of the API, with a door and a memory of its own. It returns the URL.
func ordersAPI(t *testing.T, client *kafka.Client) string {
	t.Helper()
	broker := door.NewBroker(door.Config{Kafka: client, Topics: producer.Topics()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- broker.Run(ctx) }()
	<-broker.Started()
	e := api.New(api.Config{})
	producer.Routes(e, producer.Config{Common: api.Common{Door: broker}})
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// placeOrder sends an order with the key of this test.
func placeOrder(t *testing.T, url, body string) (status int, location string) {
	request, err := http.NewRequestWithContext(t.Context(), "POST", url+"/orders", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "key-1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	text, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if s := response.StatusCode; err != nil || s != http.StatusAccepted && s != http.StatusConflict {
		t.Errorf("%d %s %v", s, text, err)
	}
	return response.StatusCode, response.Header.Get("Location")
}

// ordersPlaced reads what the doors have put on Kafka, in its order.
func ordersPlaced(t *testing.T, client *kafka.Client) (placed []saga.Fact) {
	t.Helper()
	var from []kafka.Position
	for p := range oncePartitions {
		from = append(from, kafka.Position{Topic: schemas.TopicOrders, Partition: p})
	}
	fetched, err := client.Fetch(t.Context(), from, kafka.FetchOptions{MaxWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fetched {
		if f.Err != nil {
			t.Fatal(f.Err)
		}
		for i := range f.Records {
			envelope, _, err := wire.Decode(&f.Records[i])
			if err != nil {
				t.Fatal(err)
			}
			fact, err := schemas.Decode(envelope.Type, f.Records[i].Value)
			if err != nil {
				t.Fatal(err)
			}
			placed = append(placed, fact.(saga.Fact))
		}
	}
	return placed
}
