package kafka

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// openReal opens a client of a real broker, with a prefix of the test's own.
func openReal(t testing.TB) *Client {
	t.Helper()
	broker := os.Getenv("TIFFIN_TEST_KAFKA")
	if broker == "" {
		t.Skip("TIFFIN_TEST_KAFKA is not set: run `make test`")
	}
	return openClient(t, Config{Brokers: []string{broker}, TopicPrefix: fmt.Sprintf("test-%x.", time.Now().UnixNano())})
}

func TestRealKafkaProduceAndFetch(t *testing.T) {
	c := openReal(t)
	createTopics(t, c, 3, "orders", "payments")
	createTopics(t, c, 3, "orders", "payments")
	ctx := testContext(t)
	records := facts(3000)
	for i := range records {
		records[i].Partition = i % 3
		records[i].Key = fmt.Append(nil, i)
		records[i].Topic = []string{"orders", "payments"}[i/3%2]
	}
	before := time.Now().Add(-time.Second)
	if err := c.Produce(ctx, records); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"orders", "payments"} {
		for partition := range 3 {
			got := readAll(t, c, topic, partition, 0)
			if len(got) != 500 {
				t.Fatalf("%s/%d has %d records", topic, partition, len(got))
			}
			for i, r := range got {
				if r.Offset != int64(i) || len(r.Headers) != 10 || r.Time.Before(before) || r.Time.After(time.Now().Add(time.Second)) {
					t.Fatalf("record %d: %+v", i, r)
				}
			}
			if !slices.IsSortedFunc(got, func(a, b Record) int { return numberIn(t, a.Key) - numberIn(t, b.Key) }) {
				t.Errorf("%s/%d is not in order", topic, partition)
			}
		}
	}
	fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 600}, {"orders", 1, 500}}, FetchOptions{MaxWait: 10 * time.Millisecond})
	if err != nil || !errors.Is(fetched[0].Err, ErrOffsetOutOfRange) || fetched[1].Err != nil || fetched[1].Next != 500 || fetched[1].HighWatermark != 500 {
		t.Errorf("beyond the end: %+v, %v", fetched, err)
	}
}

func numberIn(t *testing.T, key []byte) int {
	var n int
	if _, err := fmt.Sscan(string(key), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A batch that is larger than the topic allows is halved, against the broker's own way of saying so.
func TestRealKafkaRefusesWhatIsTooLarge(t *testing.T) {
	c := openReal(t)
	ctx := testContext(t)
	spec := TopicSpec{Name: "orders", Partitions: 1, Config: map[string]string{"max.message.bytes": "5000"}}
	if err := c.CreateTopics(ctx, []TopicSpec{spec}, 1); err != nil {
		t.Fatal(err)
	}
	records := recordsOf("orders", 0, 500)
	records[400].Value = noise(6000)
	err := c.Produce(ctx, records)
	failed, ok := err.(*ProduceError)
	if !ok || !slices.Equal(refused(failed), []int{400}) || len(failed.Acknowledged) != 400 || len(failed.Unknown) != 99 {
		t.Errorf("got %v", err)
	}
}

// What a producer of another make puts where by key, Partition finds there.
func TestRealKafkaPartitionsAsOthersDo(t *testing.T) {
	c := openReal(t)
	createTopics(t, c, 12, "orders")
	w := &kafkago.Writer{
		Addr: c.addr, Topic: c.wire("orders"), Balancer: kafkago.Murmur2Balancer{}, RequiredAcks: kafkago.RequireAll, BatchTimeout: time.Millisecond,
		Transport: &kafkago.Transport{Context: c.life},
	}
	var messages []kafkago.Message
	for i := range 200 {
		messages = append(messages, kafkago.Message{Key: fmt.Appendf(nil, "order-%d", i)})
	}
	if err := w.WriteMessages(testContext(t), messages...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Transport.(*kafkago.Transport).CloseIdleConnections()
	found := 0
	for partition := range 12 {
		for _, r := range readAll(t, c, "orders", partition, 0) {
			found++
			if got := Partition(r.Key, 12); got != partition {
				t.Errorf("%s is in %d, not in %d", r.Key, partition, got)
			}
		}
	}
	if found != 200 {
		t.Errorf("found %d of 200", found)
	}
}

func TestRealKafkaGroup(t *testing.T) {
	c := openReal(t)
	topics := []string{"orders", "payments"}
	createTopics(t, c, 4, topics...)
	first, second := make(chan Assignment, 10), make(chan Assignment, 10)
	join(t, c, "kitchen", topics, first)
	old := awaitLanes(t, first, 4)
	if err := old.Commit(testContext(t), []Offset{{"orders", 3, 42, "epoch 7"}}); err != nil {
		t.Fatal(err)
	}
	stop := join(t, c, "kitchen", topics, second)
	a, b := awaitLanes(t, first, 2), awaitLanes(t, second, 2)
	if all := slices.Sorted(slices.Values(append(slices.Clone(a.Lanes), b.Lanes...))); !slices.Equal(all, []int{0, 1, 2, 3}) {
		t.Errorf("%v and %v", a.Lanes, b.Lanes)
	}
	if err := old.Commit(testContext(t), []Offset{{"orders", 3, 43, ""}}); !errors.Is(err, ErrFenced) {
		t.Errorf("from the old generation: %v", err)
	}
	got, err := c.Committed(testContext(t), "kitchen", []TopicPartition{{"orders", 3}, {"orders", 2}})
	if err != nil || len(got) != 1 || got[TopicPartition{"orders", 3}] != (CommittedOffset{42, "epoch 7"}) {
		t.Errorf("committed: %v, %v", got, err)
	}
	left := time.Now()
	stop()
	awaitLanes(t, first, 4)
	if took := time.Since(left); took > 5*time.Second { // no session ends so soon
		t.Errorf("the other took over after %s", took)
	}
}

// leave's last resort says goodbye in the member's name, in a version of the protocol that the broker must know.
func TestRealKafkaLeavingWhileTheGroupIsDealt(t *testing.T) {
	c := openReal(t)
	leaveWhileDealt(t, c, c)
}
