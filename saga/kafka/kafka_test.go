package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newCluster starts a broker of the test's own, or several.
func newCluster(t testing.TB, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	options = append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Millisecond)}, options...)
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func newClient(t testing.TB, cluster *kfake.Cluster) *Client {
	t.Helper()
	return openClient(t, Config{Brokers: cluster.ListenAddrs(), TopicPrefix: "test."})
}

func openClient(t testing.TB, config Config) *Client {
	t.Helper()
	c, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func createTopics(t testing.TB, c *Client, partitions int, names ...string) {
	t.Helper()
	var specs []TopicSpec
	for _, name := range names {
		specs = append(specs, TopicSpec{Name: name, Partitions: partitions})
	}
	if err := c.CreateTopics(testContext(t), specs, 1); err != nil {
		t.Fatal(err)
	}
}

// noise is n bytes that no compression makes smaller.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// recordsOf makes n records for a partition, whose values are "0", "1", ...
func recordsOf(topic string, partition, n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, i)}
	}
	return records
}

// readAll reads a partition from an offset to its end.
func readAll(t testing.TB, c *Client, topic string, partition int, from int64) []Record {
	t.Helper()
	ctx := testContext(t)
	tp := TopicPartition{topic, partition}
	offsets, err := c.Offsets(ctx, []TopicPartition{tp})
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	for from < offsets[tp].End {
		fetched, err := c.Fetch(ctx, []Position{{topic, partition, from}}, FetchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if fetched[0].Err != nil {
			t.Fatal(fetched[0].Err)
		}
		records = append(records, fetched[0].Records...)
		from = fetched[0].Next
	}
	return records
}

func values(records []Record) string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return strings.Join(all, " ")
}

// count tells how many requests of an API have come since it was called.
func count(cluster *kfake.Cluster, key kmsg.Key) func() int {
	var n atomic.Int64
	cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		n.Add(1)
		return nil, nil, false
	})
	return func() int { return int(n.Load()) }
}
