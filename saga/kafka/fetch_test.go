package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 1, "orders")
	sent := []Record{
		{Topic: "orders", Key: []byte("k"), Value: []byte("v"), Headers: []Header{{"a", []byte("1")}, {"b", []byte("2")}}},
		{Topic: "orders"},
		{Topic: "orders", Key: []byte{}, Value: []byte{}, Headers: []Header{{"empty", []byte{}}, {"null", nil}, {"", []byte("x")}}},
		{Topic: "orders", Key: bytes.Repeat([]byte("k"), 300), Value: bytes.Repeat([]byte("v"), 70_000), Headers: []Header{{"a", []byte("3")}, {"a", []byte("4")}}},
	}
	before := time.Now().Truncate(time.Millisecond)
	if err := c.Produce(testContext(t), sent); err != nil {
		t.Fatal(err)
	}
	got := readAll(t, c, "orders", 0, 0)
	if len(got) != len(sent) {
		t.Fatalf("%d records", len(got))
	}
	for i, r := range got {
		if r.Offset != int64(i) {
			t.Errorf("record %d has offset %d", i, r.Offset)
		}
		if r.Time.Before(before) || r.Time.After(time.Now()) {
			t.Errorf("record %d was appended at %s", i, r.Time)
		}
		r.Offset, r.Time = 0, time.Time{}
		if !reflect.DeepEqual(r, sent[i]) {
			t.Errorf("record %d: %+v, want %+v", i, r, sent[i])
		}
	}
}

func TestFetchFromTheMiddleOfABatch(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 1, "orders")
	if err := c.Produce(testContext(t), recordsOf("orders", 0, 10)); err != nil {
		t.Fatal(err)
	}
	fetched, err := c.Fetch(testContext(t), []Position{{"orders", 0, 7}}, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f := fetched[0]; values(f.Records) != "7 8 9" || f.Next != 10 || f.HighWatermark != 10 || f.Records[0].Offset != 7 {
		t.Errorf("got %+v", f)
	}
}

func TestFetchAsksEachLeaderOnce(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 4, "orders", "payments")
	var records []Record
	var positions []Position
	for _, topic := range []string{"orders", "payments"} {
		for partition := range 4 {
			records = append(records, Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, topic, partition)})
			positions = append(positions, Position{topic, partition, 0})
		}
	}
	ctx := testContext(t)
	if err := c.Produce(ctx, records); err != nil {
		t.Fatal(err)
	}
	requests := count(cluster, kmsg.Fetch)
	for range 5 { // each begins elsewhere
		fetched, err := c.Fetch(ctx, positions, FetchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fetched {
			if f.Topic != positions[i].Topic || f.Partition != positions[i].Partition || values(f.Records) != string(records[i].Value) || f.Next != 1 {
				t.Errorf("position %d: %+v", i, f)
			}
		}
	}
	if n := requests(); n != 10 {
		t.Errorf("%d requests, want 5 to each of 2 leaders", n)
	}
}

// spread has two brokers lead every other of so many partitions.
func spread(t *testing.T, cluster *kfake.Cluster, topic string, partitions int32) {
	t.Helper()
	for p := range partitions {
		if err := cluster.MoveTopicPartition(topic, p, p%2); err != nil {
			t.Fatal(err)
		}
	}
}

func TestByLeader(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	createTopics(t, newClient(t, cluster), 8, "orders")
	spread(t, cluster, "test.orders", 8)
	c := newClient(t, cluster)
	var positions []Position
	for partition := range 8 {
		positions = append(positions, Position{"orders", partition, 0})
	}
	positions = append(positions, Position{"nothing", 0, 0})
	if groups := c.ByLeader(positions); len(groups) != 1 || groups[0].Leader != NoLeader || !slices.Equal(groups[0].Positions, positions) {
		t.Errorf("when nothing is known: %v", groups)
	}
	if _, err := c.Fetch(testContext(t), positions, FetchOptions{MaxWait: -1}); err != nil {
		t.Fatal(err)
	}
	groups := c.ByLeader(positions)
	seen := map[Position]bool{}
	for _, group := range groups {
		for _, p := range group.Positions {
			seen[p] = true
			leader := NoLeader
			if p.Topic != "nothing" {
				leader = cluster.LeaderFor("test.orders", int32(p.Partition))
			}
			if group.Leader != leader {
				t.Errorf("%v is led by %d, not by %d", p, leader, group.Leader)
			}
		}
	}
	if len(groups) != 3 || len(seen) != 9 {
		t.Errorf("got %v", groups)
	}
}

// P6: who reads from a broker that is well waits for nobody who finds out what has become of another's partitions.
func TestABrokerThatFailsHoldsUpNobodyElsesReaders(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	createTopics(t, newClient(t, cluster), 4, "orders")
	spread(t, cluster, "test.orders", 4)
	c := newClient(t, cluster)
	ctx := testContext(t)
	var positions []Position
	for partition := range 4 {
		positions = append(positions, Position{"orders", partition, 0})
	}
	if _, err := c.Fetch(ctx, positions, FetchOptions{MaxWait: -1}); err != nil {
		t.Fatal(err)
	}
	before := c.ByLeader(positions)
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return nil, errors.New("cut"), cluster.CurrentNode() == before[0].Leader
	})
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return nil, nil, len(r.(*kmsg.MetadataRequest).Topics) > 0 // who asks for leaders gets no answer
	})
	fetched, err := c.Fetch(ctx, before[0].Positions, FetchOptions{MaxWait: -1})
	if err != nil || fetched[0].Err == nil {
		t.Fatalf("it does not fail: %v, %+v", err, fetched)
	}
	if after := c.ByLeader(positions); !reflect.DeepEqual(after, before) {
		t.Errorf("%v are led by %v", before, after)
	}
	began := time.Now()
	fetched, err = c.Fetch(ctx, before[1].Positions, FetchOptions{MaxWait: -1})
	if err != nil || fetched[0].Err != nil || time.Since(began) > requestTimeout/2 {
		t.Errorf("after %v: %v, %+v", time.Since(began), err, fetched)
	}
}

func TestFetchWaitsForWhatIsNew(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	// Kept waiting, it returns with what another sends; with nothing sent, it returns with nothing.
	sent := make(chan error, 1)
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		go func() { sent <- c.Produce(ctx, recordsOf("orders", 0, 1)) }()
		return nil, nil, false
	})
	next := int64(0)
	for next == 0 { // kfake may answer before it has waited
		fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 0}}, FetchOptions{MaxWait: patience})
		if err != nil {
			t.Fatal(err)
		}
		next = fetched[0].Next
	}
	if err := receive(t, sent); err != nil {
		t.Fatal(err)
	}
	fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 1}}, FetchOptions{MaxWait: -1})
	if err != nil || fetched[0].Err != nil || fetched[0].Records != nil || fetched[0].Next != 1 || fetched[0].HighWatermark != 1 {
		t.Errorf("at the end: %+v, %v", fetched, err)
	}
}

func TestFetchOfALargeRecord(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 2, "orders")
	ctx := testContext(t)
	var records []Record
	for partition := range 2 {
		for i := range 3 {
			records = append(records, Record{Topic: "orders", Partition: partition, Value: bytes.Repeat([]byte{byte('a' + i)}, 500_000)})
		}
	}
	if err := c.Produce(ctx, records); err != nil {
		t.Fatal(err)
	}
	// Each partition gets on, whatever the limits are, and although the first of them never comes to an end.
	positions := []Position{{"orders", 0, 0}, {"orders", 1, 0}}
	got := map[int]int{}
	for rounds := 0; got[0] < 3 || got[1] < 3; rounds++ {
		if rounds > 1000 {
			t.Fatalf("after %d rounds: %v", rounds, got)
		}
		positions[0].Offset = 0
		fetched, err := c.Fetch(ctx, positions, FetchOptions{PartitionMaxBytes: 1000, MaxBytes: 1000, MaxWait: -1})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range fetched {
			if f.Err != nil {
				t.Fatal(f.Err)
			}
			positions[i].Offset = f.Next
			got[i] += len(f.Records)
		}
	}
}

// P6: a full answer brings the first partitions asked for. Each is among them at times, whatever is asked for meanwhile.
func TestNoPartitionStarves(t *testing.T) {
	c := newClient(t, newCluster(t))
	createTopics(t, c, 4, "orders")
	ctx := testContext(t)
	var records []Record
	var positions []Position
	for partition := range 4 {
		records = append(records, recordsOf("orders", partition, 1)...)
		positions = append(positions, Position{"orders", partition, 0})
	}
	if err := c.Produce(ctx, records); err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	for rounds := 0; len(got) < 4; rounds++ {
		if rounds > 1000 {
			t.Fatalf("after %d rounds: %v", rounds, got)
		}
		for _, asked := range [][]Position{positions, positions[:1]} {
			fetched, err := c.Fetch(ctx, asked, FetchOptions{MaxBytes: 1, MaxWait: -1})
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range fetched {
				if f.Err != nil {
					t.Fatal(f.Err)
				}
				if len(asked) > 1 && len(f.Records) > 0 {
					got[i]++
				}
			}
		}
	}
}

func TestFetchCompressedBatches(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			c := newClient(t, cluster)
			createTopics(t, c, 1, "orders")
			other := newStranger(t, cluster, kgo.ProducerBatchCompression(codec))
			want := ""
			var records []*kgo.Record
			for i := range 500 {
				value := fmt.Sprintf("value number %d", i)
				records = append(records, &kgo.Record{Topic: "test.orders", Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}})
				want += value + " "
			}
			if err := other.ProduceSync(testContext(t), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if got := values(readAll(t, c, "orders", 0, 0)) + " "; got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

// newStranger is a client of another make.
func newStranger(t *testing.T, cluster *kfake.Cluster, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	options = append(options, kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestFetchSkipsTheEndsOfTransactions(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	other := newStranger(t, cluster, kgo.TransactionalID("t"))
	for i := range 3 {
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.ProduceSync(ctx, &kgo.Record{Topic: "test.orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := other.EndTransaction(ctx, kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 0}}, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f := fetched[0]; values(f.Records) != "0 1 2" || f.Next != 6 || f.Records[2].Offset != 4 {
		t.Errorf("got %+v", f)
	}
	// From a place where only the end of a transaction is left, it gets on too.
	fetched, err = c.Fetch(ctx, []Position{{"orders", 0, 5}}, FetchOptions{})
	if err != nil || fetched[0].Next != 6 || len(fetched[0].Records) != 0 {
		t.Errorf("got %+v, %v", fetched, err)
	}
}

func TestFetchPassesGapsOfCompaction(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	ctx := testContext(t)
	spec := TopicSpec{Name: "carts", Partitions: 1, Config: map[string]string{"cleanup.policy": "compact", "max.compaction.lag.ms": "1"}}
	if err := c.CreateTopics(ctx, []TopicSpec{spec}, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		key := []byte("k")
		if i == 0 {
			key = []byte("first")
		}
		if err := c.Produce(ctx, []Record{{Topic: "carts", Key: key, Value: fmt.Append(nil, i)}}); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Compact()
	next, got := int64(0), []Record(nil)
	for next < 10 {
		fetched, err := c.Fetch(ctx, []Position{{"carts", 0, next}}, FetchOptions{})
		if err != nil || fetched[0].Err != nil {
			t.Fatal(err, fetched)
		}
		got, next = append(got, fetched[0].Records...), fetched[0].Next
	}
	if len(got) > 5 || values(got[len(got)-1:]) != "9" || next != 10 {
		t.Errorf("%s, then %d: nothing was compacted, or the last is missing", values(got), next)
	}
}

func TestFetchErrors(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 2, "orders")
	ctx := testContext(t)
	if err := c.Produce(ctx, append(recordsOf("orders", 0, 3), recordsOf("orders", 1, 1)...)); err != nil {
		t.Fatal(err)
	}
	if err := cluster.DeleteRecords("test.orders", 0, 2); err != nil {
		t.Fatal(err)
	}
	fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 0}, {"orders", 1, 0}, {"nothing", 0, 0}, {"orders", 5, 0}}, FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e := fetched[0].Err; !errors.Is(e, ErrOffsetOutOfRange) || Retryable(e) {
		t.Errorf("before the beginning: %v", e)
	}
	if fetched[1].Err != nil || len(fetched[1].Records) != 1 {
		t.Errorf("the one that is well: %+v", fetched[1])
	}
	if e := fetched[2].Err; !errors.Is(e, ErrUnknownTopic) || !Retryable(e) {
		t.Errorf("unknown topic: %v", e)
	}
	if e := fetched[3].Err; !errors.Is(e, ErrUnknownTopic) {
		t.Errorf("unknown partition: %v", e)
	}
}

func TestFetchAfterTheLeaderMoved(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(2))
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	if err := c.Produce(ctx, recordsOf("orders", 0, 1)); err != nil {
		t.Fatal(err)
	}
	moveLeader(t, cluster, "test.orders", 0)
	fetched, err := c.Fetch(ctx, []Position{{"orders", 0, 0}}, FetchOptions{})
	if err != nil || !Retryable(fetched[0].Err) {
		t.Fatalf("from the old leader: %v, %+v", err, fetched)
	}
	fetched, err = c.Fetch(ctx, []Position{{"orders", 0, 0}}, FetchOptions{})
	if err != nil || fetched[0].Err != nil || len(fetched[0].Records) != 1 {
		t.Errorf("then: %v, %+v", err, fetched)
	}
}

func TestFetchWithBrokersThatFail(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	ctx := testContext(t)
	position := []Position{{"orders", 0, 0}}

	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("cut"), true
	})
	fetched, err := c.Fetch(ctx, position, FetchOptions{MaxWait: -1})
	if err != nil || fetched[0].Err == nil || !Retryable(fetched[0].Err) || fetched[0].Next != 0 {
		t.Errorf("cut off: %v, %+v", err, fetched)
	}

	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "test.orders", Err: kerr.KafkaStorageError})
	fetched, err = c.Fetch(ctx, position, FetchOptions{MaxWait: -1})
	if err != nil || !Retryable(fetched[0].Err) {
		t.Errorf("storage error: %v, %+v", err, fetched)
	}

	ctx, cancel := context.WithCancel(ctx)
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, true
	})
	if _, err = c.Fetch(ctx, position, FetchOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
