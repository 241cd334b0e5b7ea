package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tiffin/internal/testservers"
)

func TestProduceKeepsTheOrderOfEachPartition(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 3, "orders", "payments")
	var records []Record
	for i := range 300 {
		topic := []string{"orders", "payments"}[i%2]
		records = append(records, Record{Topic: topic, Partition: i % 3, Value: fmt.Append(nil, i)})
	}
	if err := c.Produce(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"orders", "payments"} {
		for partition := range 3 {
			want := slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.Topic != topic || r.Partition != partition })
			if got := readAll(t, c, topic, partition, 0); values(got) != values(want) {
				t.Errorf("%s/%d: %s, want %s", topic, partition, values(got), values(want))
			}
		}
	}
}

func TestProduceSendsOneRequestToEachLeader(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 6, "orders", "payments")
	requests := count(cluster, kmsg.Produce)
	var partitions [2]atomic.Int64 // by node
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			partitions[cluster.CurrentNode()].Add(int64(len(topic.Partitions)))
		}
		return nil, nil, false
	})
	var records []Record
	for i := range 120 {
		records = append(records, Record{Topic: []string{"orders", "payments"}[i%2], Partition: i % 6, Value: []byte("x")})
	}
	for i := range 6 {
		records = append(records, recordsOf("orders", i, 1)...)
		records = append(records, recordsOf("payments", i, 1)...)
	}
	if err := c.Produce(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	one, other := partitions[0].Load(), partitions[1].Load()
	if requests() != 2 || one == 0 || other == 0 || one+other != 12 {
		t.Errorf("%d requests, for %d and %d partitions", requests(), one, other)
	}
}

// A batch must be under the broker's limit, and the next one for a partition may leave only when the one before is acknowledged.
func TestProduceCutsBatches(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 2, "orders")
	requests := count(cluster, kmsg.Produce)
	var largest atomic.Int64
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			seen := map[int32]bool{}
			for _, p := range topic.Partitions {
				if seen[p.Partition] {
					t.Errorf("two batches for partition %d in one request", p.Partition)
				}
				seen[p.Partition] = true
				largest.Store(max(largest.Load(), int64(len(p.Records))))
			}
		}
		return nil, nil, false
	})
	var records []Record
	for i := range 100 { // 4 MB in one partition, 2 MB in the other
		records = append(records, Record{Topic: "orders", Partition: 0, Key: fmt.Append(nil, i), Value: noise(40_000)})
		records = append(records, Record{Topic: "orders", Partition: 1, Key: fmt.Append(nil, i), Value: noise(20_000)})
	}
	if err := c.Produce(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	if n := largest.Load(); n > 1_000_000 || n < 800_000 {
		t.Errorf("the largest batch has %d bytes", n)
	}
	if n := requests(); n != 5 {
		t.Errorf("%d requests, want 5: as many as the larger partition has batches", n)
	}
	for partition := range 2 {
		for i, r := range readAll(t, c, "orders", partition, 0) {
			if string(r.Key) != fmt.Sprint(i) {
				t.Fatalf("record %d of partition %d has key %s", i, partition, r.Key)
			}
		}
	}
}

func TestProduceCutsRequests(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 12, "orders")
	requests := count(cluster, kmsg.Produce)
	var records []Record
	for partition := range 12 {
		records = append(records, Record{Topic: "orders", Partition: partition, Value: noise(890_000)})
	}
	if err := c.Produce(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	if n := requests(); n != 2 {
		t.Errorf("%d requests for 10.7 MB, want 2", n)
	}
}

func TestProduceAfterTheLeaderMoved(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	if err := c.Produce(ctx, recordsOf("orders", 0, 1)); err != nil {
		t.Fatal(err)
	}
	moveLeader(t, cluster, "test.orders", 0)
	err := c.Produce(ctx, recordsOf("orders", 0, 2))
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(failed.Unknown, []int{0, 1}) || !Retryable(err) {
		t.Fatalf("to the old leader: %v", err)
	}
	if err := c.Produce(ctx, recordsOf("orders", 0, 2)); err != nil {
		t.Fatal(err)
	}
	if got := values(readAll(t, c, "orders", 0, 0)); got != "0 0 1" {
		t.Errorf("the log has %s", got)
	}
}

func TestProduceReportsEachPartitionByItself(t *testing.T) {
	for _, c := range []struct {
		fault     *kerr.Error
		retryable bool
		outcome   func(*ProduceError) []int
	}{
		{kerr.NotEnoughReplicas, true, unknown},
		{kerr.RequestTimedOut, true, unknown},
		{kerr.NotLeaderForPartition, true, unknown},
		{kerr.TopicAuthorizationFailed, false, refused},
	} {
		t.Run(c.fault.Message, func(t *testing.T) {
			cluster := newCluster(t)
			client := newClient(t, cluster)
			createTopics(t, client, 2, "orders")
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{1}, Err: c.fault})
			records := []Record{
				{Topic: "orders", Partition: 1, Value: []byte("a")},
				{Topic: "orders", Partition: 0, Value: []byte("b")},
				{Topic: "orders", Partition: 1, Value: []byte("c")},
			}
			err := client.Produce(testContext(t), records)
			var failed *ProduceError
			if !errors.As(err, &failed) {
				t.Fatalf("got %v", err)
			}
			if !slices.Equal(failed.Acknowledged, []int{1}) || !slices.Equal(c.outcome(failed), []int{0, 2}) {
				t.Errorf("acknowledged %v, refused %v, unknown %v", failed.Acknowledged, failed.Refused, failed.Unknown)
			}
			if Retryable(err) != c.retryable {
				t.Errorf("retryable %t: %v", !c.retryable, err)
			}
			if !strings.Contains(err.Error(), "orders/1") {
				t.Errorf("it does not say where: %v", err)
			}
		})
	}
}

func unknown(e *ProduceError) []int { return e.Unknown }

func refused(e *ProduceError) []int {
	var indexes []int
	for _, r := range e.Refused {
		indexes = append(indexes, r.Index)
	}
	return indexes
}

// What is behind an unacknowledged batch must not overtake it.
func TestProduceStopsAPartitionAtItsFirstFailure(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	var records []Record
	for range 3 {
		records = append(records, Record{Topic: "orders", Value: bytes.Repeat([]byte("x"), 600_000)})
	}
	var requests atomic.Int64
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if requests.Add(1) == 2 {
			return nil, io.ErrClosedPipe, true // the connection ends without an answer
		}
		return nil, nil, false
	})
	err := c.Produce(testContext(t), records)
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(failed.Acknowledged, []int{0}) || !slices.Equal(failed.Unknown, []int{1, 2}) {
		t.Fatalf("got %v", err)
	}
	if n := requests.Load(); !Retryable(err) || n != 2 {
		t.Errorf("retryable %t, %d requests", Retryable(err), n)
	}
	var rest []Record
	for _, i := range failed.Unknown {
		rest = append(rest, records[i])
	}
	if err := c.Produce(testContext(t), rest); err != nil {
		t.Errorf("the rest: %v", err)
	}
}

func TestProduceEndsWithItsContext(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx, cancel := context.WithCancel(testContext(t))
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, true // no answer, ever
	})
	err := c.Produce(ctx, recordsOf("orders", 0, 1))
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(failed.Unknown, []int{0}) || !errors.Is(err, context.Canceled) || Retryable(err) {
		t.Errorf("got %v", err)
	}
}

// The topic's limit may be lower than what we take for it: then batches are halved until they fit, and only a record that is
// too large by itself is refused.
func TestProduceFindsTheRecordThatIsTooLarge(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	ctx := testContext(t)
	spec := TopicSpec{Name: "orders", Partitions: 1, Config: map[string]string{"max.message.bytes": "2000"}}
	if err := c.CreateTopics(ctx, []TopicSpec{spec}, 1); err != nil {
		t.Fatal(err)
	}
	records := recordsOf("orders", 0, 100)
	for i := range records {
		records[i].Headers = []Header{{"pad", noise(100)}}
	}
	if err := c.Produce(ctx, records); err != nil {
		t.Fatalf("small ones: %v", err)
	}
	records[70].Value = noise(3000)
	err := c.Produce(ctx, records)
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(refused(failed), []int{70}) || !errors.Is(failed.Refused[0].Err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
	if len(failed.Acknowledged) != 70 || len(failed.Unknown) != 29 || failed.Unknown[0] != 71 {
		t.Errorf("acknowledged %v, unknown %v", failed.Acknowledged, failed.Unknown)
	}
	if Retryable(err) {
		t.Error("retryable")
	}
	if n := len(readAll(t, c, "orders", 0, 0)); n != 170 {
		t.Errorf("the log has %d records, want 170", n)
	}
}

// Newer brokers name the bad records of a batch, of which they take nothing.
func TestProduceRefusesTheRecordsThatTheBrokerNames(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request := r.(*kmsg.ProduceRequest)
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.ErrorCode = kerr.InvalidRecord.Code
		bad := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		bad.RelativeOffset = 2
		partition.ErrorRecords = append(partition.ErrorRecords, bad)
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = request.Topics[0].Topic
		topic.Partitions = append(topic.Partitions, partition)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	err := c.Produce(testContext(t), recordsOf("orders", 0, 4))
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(refused(failed), []int{2}) || !slices.Equal(failed.Unknown, []int{0, 1, 3}) {
		t.Errorf("got %v", err)
	}
}

func TestProduceToWhatIsNotThere(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 2, "orders")
	records := []Record{{Topic: "orders"}, {Topic: "nothing"}, {Topic: "orders", Partition: 2}, {Topic: "orders", Partition: -1}}
	err := c.Produce(testContext(t), records)
	var failed *ProduceError
	if !errors.As(err, &failed) || !slices.Equal(failed.Acknowledged, []int{0}) || !slices.Equal(failed.Unknown, []int{1, 2, 3}) {
		t.Fatalf("got %v", err)
	}
	if !errors.Is(err, ErrUnknownTopic) || !Retryable(err) {
		t.Errorf("got %v", err)
	}
}

func TestProduceToATopicThatHasGrown(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	if err := c.Produce(ctx, recordsOf("orders", 1, 1)); !errors.Is(err, ErrUnknownTopic) {
		t.Fatalf("before: %v", err)
	}
	request := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = "test.orders", 2
	request.Topics = append(request.Topics, topic)
	if _, err := request.RequestWith(ctx, newStranger(t, cluster)); err != nil {
		t.Fatal(err)
	}
	if err := c.Produce(ctx, recordsOf("orders", 1, 1)); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestProduceWithoutABroker(t *testing.T) {
	c := openClient(t, Config{Brokers: []string{testservers.FreeAddr(t)}})
	err := c.Produce(testContext(t), recordsOf("orders", 0, 2))
	var failed *ProduceError
	if !errors.As(err, &failed) || len(failed.Unknown) != 2 || !Retryable(err) {
		t.Errorf("got %v", err)
	}
}
