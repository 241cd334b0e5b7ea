package door

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"tiffin/producers/door/spool"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv(childVariable); arguments != "" {
		fmt.Fprintln(os.Stderr, "the child of a test ended:", childMain(arguments))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const (
	patience   = 30 * time.Second // how long a test waits for what should come at once
	partitions = 4
)

var topics = []string{schemas.TopicOrders, schemas.TopicKitchen}

// newKafka starts a broker with the topics, and a client of it.
func newKafka(t *testing.T) (*kfake.Cluster, *kafka.Client) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kafka.Open(kafka.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var specs []kafka.TopicSpec
	for _, name := range topics {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	return cluster, client
}

// open runs a door until the test ends or stop is called, which returns what Run returned.
func open(t *testing.T, cfg Config) (b *Broker, stop func() error) {
	t.Helper()
	cfg.Topics = topics
	b = NewBroker(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err // for who asks again
		return err
	}
	t.Cleanup(func() { _ = stop() }) // the tests that care have called it
	select {
	case <-b.Started():
	case <-time.After(patience):
		t.Fatal("the door does not open")
	}
	return b, stop
}

// readAll reads the log of all partitions.
func readAll(t *testing.T, client *kafka.Client) map[kafka.TopicPartition][]kafka.Record {
	t.Helper()
	var all []kafka.TopicPartition
	for _, topic := range topics {
		for p := range partitions {
			all = append(all, kafka.TopicPartition{Topic: topic, Partition: p})
		}
	}
	ends, err := client.Offsets(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	records := map[kafka.TopicPartition][]kafka.Record{}
	for _, tp := range all {
		for from := ends[tp].First; from < ends[tp].End; {
			fetched, err := client.Fetch(t.Context(), []kafka.Position{{Topic: tp.Topic, Partition: tp.Partition, Offset: from}}, kafka.FetchOptions{})
			if err != nil || fetched[0].Err != nil {
				t.Fatal(err, fetched)
			}
			records[tp] = append(records[tp], fetched[0].Records...)
			from = fetched[0].Next
		}
	}
	return records
}

// receive does what a receiver does with a partition: it drops copies, and fails the test at a gap, or where one number
// was given to two facts. It returns the facts' values.
func receive(t *testing.T, lane string, records []kafka.Record) (values []string) {
	t.Helper()
	ids := map[int64]string{}
	for i := range records {
		envelope, mark, err := wire.Decode(&records[i])
		if err != nil {
			t.Fatal(err)
		}
		if mark.Lane != lane {
			t.Fatalf("mark %s, want lane %s", mark, lane)
		}
		last := int64(len(ids))
		switch {
		case mark.Number > last+1:
			t.Fatalf("%s comes after %d: a gap", mark, last)
		case mark.Number == last+1:
			ids[mark.Number] = envelope.ID
			values = append(values, string(records[i].Value))
		case ids[mark.Number] != envelope.ID:
			t.Fatalf("%s is the number of two facts", mark)
		}
	}
	return values
}

func accepted(orderID string) schemas.RestaurantAccepted {
	return schemas.RestaurantAccepted{OrderID: orderID}
}

func TestAcceptWritesAFact(t *testing.T) {
	_, client := newKafka(t)
	b, _ := open(t, Config{Kafka: client})
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	err := b.Accept(t.Context(), Origin{API: "orders-api", Trace: trace}, schemas.CancellationRequested{OrderID: "o1"}, accepted("o1"))
	if err != nil {
		t.Fatal(err)
	}
	p := kafka.Partition([]byte("o1"), partitions)
	all := readAll(t, client)
	records := slices.Concat(all[kafka.TopicPartition{Topic: "orders", Partition: p}], all[kafka.TopicPartition{Topic: "kitchen", Partition: p}])
	if len(all) != 2 || len(records) != 2 {
		t.Fatalf("the log has %v", all)
	}
	for i, want := range []struct{ eventType, value string }{
		{"cancellation.requested", `{"orderId":"o1"}`}, {"restaurant.accepted", `{"orderId":"o1"}`},
	} {
		envelope, mark, err := wire.Decode(&records[i])
		if err != nil {
			t.Fatal(err)
		}
		if envelope.Type != want.eventType || string(records[i].Value) != want.value || string(records[i].Key) != "o1" {
			t.Errorf("got %s %s of key %s, want %+v", envelope.Type, records[i].Value, records[i].Key, want)
		}
		if envelope.Source != "/tiffin/orders-api" || envelope.Saga != "o1" || envelope.Trace != trace || envelope.CauseID != "" ||
			!envelope.Started.Equal(records[i].Time) {
			t.Errorf("envelope %+v", envelope)
		}
		if mark.Lane != b.Lane() || mark.Number != 1 || mark.Epoch < 1_790_000_000_000 || !strings.HasPrefix(mark.Lane, "door-") {
			t.Errorf("mark %s", mark)
		}
	}
}

// TestBothDoorsWriteTheSame: what a Disk writes by itself is what a Broker has written for it, header by header.
func TestBothDoorsWriteTheSame(t *testing.T) {
	_, client := newKafka(t)
	from := Origin{API: "orders-api", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	fact := schemas.OrderPlaced{OrderID: "o1", CustomerID: "alice", RestaurantID: "r", Items: []schemas.Item{{SKU: "dosa", Quantity: 2}}}
	b, stopBroker := open(t, Config{Kafka: client})
	d, stopDisk := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: t.TempDir()}})
	for i, door := range []Door{b, d} {
		if err := door.Accept(t.Context(), from, fact); err != nil {
			t.Fatal(err)
		}
		if err := []func() error{stopBroker, stopDisk}[i](); err != nil {
			t.Fatal(err)
		}
	}
	records := readAll(t, client)[kafka.TopicPartition{Topic: schemas.TopicOrders, Partition: kafka.Partition([]byte("o1"), partitions)}]
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	one, other := records[0], records[1]
	if string(one.Key) != string(other.Key) || string(one.Value) != string(other.Value) || len(one.Headers) != len(other.Headers) {
		t.Fatalf("%+v and %+v", one, other)
	}
	for i := range one.Headers {
		a, b := one.Headers[i], other.Headers[i]
		switch a.Key {
		case wire.HeaderID, wire.HeaderTime, wire.HeaderLane: // each has its own
			a.Value, b.Value = nil, nil
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("header %d: %s=%q and %s=%q", i, a.Key, a.Value, b.Key, b.Value)
		}
	}
	for i, lane := range []string{b.Lane(), d.Lane()} {
		if _, mark, err := wire.Decode(&records[i]); err != nil || mark.Lane != lane || mark.Number != 1 {
			t.Errorf("mark %s, %v", mark, err)
		}
	}
}

// TestDiskRefusesWhatIsWrong, before anything is written.
func TestDiskRefusesWhatIsWrong(t *testing.T) {
	_, client := newKafka(t)
	d, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: t.TempDir()}})
	var invalid *schemas.Invalid
	err := d.Accept(t.Context(), Origin{API: "a"}, accepted("o1"), schemas.CancellationRequested{OrderID: "o 1"})
	if !errors.As(err, &invalid) || invalid.Faults[0].Pointer != "/orderId" {
		t.Errorf("got %v", err)
	}
	if err := d.Accept(t.Context(), Origin{API: "a"}, schemas.CourierDelivered{OrderID: "o1"}); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("a topic that the door was not opened for: %v", err)
	}
	if err := d.Accept(t.Context(), Origin{API: "a"}, slices.Repeat([]saga.Fact{accepted("o1")}, 10_000)...); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("more than a group takes: %v", err)
	}
	if err := d.Accept(t.Context(), Origin{API: "a"}); err != nil {
		t.Errorf("nothing: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	checkUnavailable(t, d.Accept(gone, Origin{API: "a"}, accepted("o1")), TimeOut, false)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if all := readAll(t, client); len(all) != 0 {
		t.Errorf("the log has %v", all)
	}
}

func TestInvalidFactsAreNotSent(t *testing.T) {
	_, client := newKafka(t)
	b, _ := open(t, Config{Kafka: client})
	var invalid *schemas.Invalid
	err := b.Accept(t.Context(), Origin{API: "a"}, accepted("o1"), schemas.CancellationRequested{OrderID: "o 1"})
	if !errors.As(err, &invalid) || invalid.Faults[0].Pointer != "/orderId" {
		t.Errorf("got %v", err)
	}
	if err := b.Accept(t.Context(), Origin{API: "a"}, schemas.CourierDelivered{OrderID: "o1"}); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("a topic that the door was not opened for: %v", err)
	}
	if all := readAll(t, client); len(all) != 0 {
		t.Errorf("the log has %v", all)
	}
}

// flaky loses every third answer after the records have been sent, and on top of that sends every fifth request's records twice.
type flaky struct {
	*kafka.Client
	requests int
}

func (f *flaky) Produce(ctx context.Context, records []kafka.Record) error {
	f.requests++
	err := f.Client.Produce(ctx, records)
	if f.requests%5 == 0 {
		err = f.Client.Produce(ctx, records)
	}
	if f.requests%3 == 0 {
		return &kafka.ProduceError{Unknown: indexes(len(records)), Err: context.DeadlineExceeded}
	}
	return err
}

// TestOrderAndNumbersSurviveFailures: whatever goes wrong between door and log, a receiver that drops copies sees each accepted fact once, those
// of a key in the order in which they were accepted, and no gap.
func TestOrderAndNumbersSurviveFailures(t *testing.T) {
	cluster, client := newKafka(t)
	for _, err := range []*kerr.Error{ // half of them come after the records are in the log
		kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotEnoughReplicas,
	} {
		for p := range int32(partitions) {
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{p}, Err: err, Count: 1})
		}
	}
	b, stop := open(t, Config{Kafka: &flaky{Client: client}, AcceptTimeout: patience})
	const callers, each = 20, 6
	var calling sync.WaitGroup
	for caller := range callers {
		calling.Go(func() {
			for i := range each {
				// The key is the caller's, the n-th fact names itself in its items.
				order := schemas.OrderPlaced{
					OrderID: fmt.Sprint("caller-", caller), CustomerID: fmt.Sprint("fact-", i), RestaurantID: "r",
					Items: []schemas.Item{{SKU: "dosa", Quantity: 1}},
				}
				if err := b.Accept(context.Background(), Origin{API: "a"}, order, accepted(order.OrderID)); err != nil {
					t.Errorf("caller %d, fact %d: %v", caller, i, err)
				}
			}
		})
	}
	calling.Wait()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	next, pairs, copies := map[string]int{}, 0, 0
	for tp, records := range readAll(t, client) {
		values := receive(t, b.Lane(), records)
		copies += len(records) - len(values)
		if tp.Topic == schemas.TopicKitchen {
			pairs += len(values)
			continue
		}
		for _, value := range values {
			order, err := schemas.DecodeAs[schemas.OrderPlaced]([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprint("fact-", next[order.OrderID]); order.CustomerID != want {
				t.Errorf("%s: %s comes where %s should", order.OrderID, order.CustomerID, want)
			}
			next[order.OrderID]++
		}
	}
	for caller := range callers {
		if n := next[fmt.Sprint("caller-", caller)]; n != each {
			t.Errorf("caller %d: %d facts, want %d", caller, n, each)
		}
	}
	if pairs != callers*each || copies == 0 {
		t.Errorf("%d second facts, %d copies: want %d, and some", pairs, copies, callers*each)
	}
}

func TestBrokerAway(t *testing.T) {
	cluster, client := newKafka(t)
	b, stop := open(t, Config{Kafka: client, AcceptTimeout: 2 * time.Second, StopTimeout: 50 * time.Millisecond})
	if err := b.Accept(t.Context(), Origin{API: "a"}, accepted("o1")); err != nil {
		t.Fatal(err)
	}
	cluster.Close()
	for range 2 {
		if err := b.Accept(t.Context(), Origin{API: "a"}, accepted("o2")); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if err := stop(); err == nil || !strings.Contains(err.Error(), "1 fact;") {
		t.Errorf("Run returned %v, want the fact that was on its way", err)
	}
}

// TestTopicsAreFoundAtTheStart: a topic that does not exist is an error that says how to create it.
func TestTopicsAreFoundAtTheStart(t *testing.T) {
	_, client := newKafka(t)
	b := NewBroker(Config{Kafka: client, Topics: []string{schemas.TopicOrders, schemas.TopicDelivery, schemas.TopicFraud}})
	err := b.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "delivery, fraud") || !strings.Contains(err.Error(), "tiffin topics create") {
		t.Errorf("Run without the topics: %v", err)
	}
	if err := b.Accept(t.Context(), Origin{API: "a"}, schemas.CancellationRequested{OrderID: "o1"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Accept of a door that did not open: %v", err)
	}
}
