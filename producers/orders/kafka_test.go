package orders_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tiffin/producers/api"
	"tiffin/producers/api/apitest"
	"tiffin/producers/door"
	"tiffin/producers/orders"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// TestAcceptedIsOnKafka: 202 means that the fact is in the log, and without Kafka there is none.
func TestAcceptedIsOnKafka(t *testing.T) {
	const partitions = 3
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kafka.Open(kafka.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var specs []kafka.TopicSpec
	for _, topic := range orders.Topics() {
		specs = append(specs, kafka.TopicSpec{Name: topic, Partitions: partitions})
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	broker := door.NewBroker(door.Config{Kafka: client, Topics: orders.Topics(), AcceptTimeout: 2 * time.Second, StopTimeout: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- broker.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err == nil {
			t.Error("the door ended without an error, although Kafka is gone")
		}
	}()
	<-broker.Started()

	w := newWorld()
	e := api.New(api.Config{Probes: []api.Probe{{Name: "door", Check: broker.Ready}, {Name: "kafka", Check: client.Ping}}})
	orders.Routes(e, orders.Config{Common: api.Common{Door: broker}, Orders: w, Restaurants: w, Menus: w})
	post := func() *httptest.ResponseRecorder {
		request := httptest.NewRequest("POST", "/orders", strings.NewReader(placement))
		request.Header.Set("Content-Type", "application/json")
		response := httptest.NewRecorder()
		e.ServeHTTP(response, request)
		return response
	}
	response := post()
	if response.Code != http.StatusAccepted {
		t.Fatalf("%d %s", response.Code, response.Body)
	}
	id := strings.TrimPrefix(response.Header().Get("Location"), "/orders/")
	at := kafka.Position{Topic: schemas.TopicOrders, Partition: kafka.Partition([]byte(id), partitions)}
	fetched, err := client.Fetch(t.Context(), []kafka.Position{at}, kafka.FetchOptions{})
	if err != nil || fetched[0].Err != nil || len(fetched[0].Records) != 1 {
		t.Fatalf("%v %+v", err, fetched)
	}
	envelope, mark, err := wire.Decode(&fetched[0].Records[0])
	if err != nil || envelope.Type != "order.placed" || envelope.Key != id || envelope.Source != "/tiffin/orders-api" || mark.Number != 1 {
		t.Errorf("%+v %v %v", envelope, mark, err)
	}
	if _, err := schemas.DecodeAs[schemas.OrderPlaced](fetched[0].Records[0].Value); err != nil {
		t.Error(err)
	}

	cluster.Close()
	if d := apitest.Refused(t, post()); d.Status != http.StatusServiceUnavailable {
		t.Errorf("without Kafka: %+v", d)
	}
	response = httptest.NewRecorder()
	e.ServeHTTP(response, httptest.NewRequest("GET", "/readyz", nil))
	if d := apitest.Refused(t, response); d.Status != http.StatusServiceUnavailable || d.Errors[0].Pointer != "/kafka" {
		t.Errorf("ready without Kafka: %+v", d)
	}
}
