package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tiffin/internal/embedded"
	"tiffin/producers/orders"
	"tiffin/saga/kafka"
)

// An API that starts anew while Kafka is away goes on accepting, so load balancers have to send it what there is to accept: it is
// ready as soon as its door is open, and says what it is without. Only with a spool that is new it has to ask Kafka first.
func TestAnAPIThatAcceptsIsReady(t *testing.T) {
	broker, err := embedded.StartKafka(embedded.KafkaConfig{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Kafka: kafka.Config{Brokers: []string{broker.Addr()}}, DatabaseURL: "postgres://127.0.0.1:1/x",
		APIAddr: "127.0.0.1:0", SpoolDir: t.TempDir(), Partitions: 1,
	}
	if _, err := CreateTopics(t.Context(), cfg, []string{orders.Name}); err != nil {
		t.Fatal(err)
	}
	first := runApp(t, cfg, orders.Name)
	first.becomes(http.StatusOK)
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	if err := broker.Close(); err != nil {
		t.Error(err)
	}

	again := runApp(t, cfg, orders.Name)
	<-again.app.api.started()
	status, body := again.get("/readyz")
	if status != http.StatusOK || !strings.Contains(body, "without kafka: ") || !strings.Contains(body, "without schemas: ") {
		t.Errorf("with a spool that knows the topics /readyz answers %d %s", status, body)
	}
	fresh := cfg
	fresh.SpoolDir = t.TempDir()
	fresher := runApp(t, fresh, orders.Name)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(patience); !strings.Contains(body, "how many partitions"); {
		select {
		case <-over:
			t.Fatalf("with a new spool /readyz answers %d %s", status, body)
		case <-tick.C:
			status, body = fresher.get("/readyz")
		}
	}
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"/door"`) {
		t.Errorf("with a new spool /readyz answers %d %s", status, body)
	}
}
