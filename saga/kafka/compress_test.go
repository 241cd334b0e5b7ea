package kafka

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Facts are alike, and take less than a quarter of their bytes on Kafka's disk and network. Any client reads them.
func TestBatchesAreCompressed(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	records := facts(500)
	plain := batchHeaderBytes
	for i := range records {
		records[i].Partition = 0
		binary.BigEndian.PutUint32(records[i].Value, uint32(i))
		plain += recordBytes(&records[i], i)
	}
	if n := len(appendBatch(nil, records, indexesOf(500), 1)); n > plain/4 {
		t.Errorf("%d bytes of %d", n, plain)
	}
	if err := c.Produce(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	other := newStranger(t, cluster, kgo.ConsumeTopics("test.orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for n := 0; n < len(records); {
		fetched := other.PollFetches(testContext(t))
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetched.Records() {
			if !bytes.Equal(r.Value, records[n].Value) || !bytes.Equal(r.Key, records[n].Key) || len(r.Headers) != len(records[n].Headers) {
				t.Fatalf("record %d is %s", n, r.Value)
			}
			n++
		}
	}
}

// What is small, or does not get much smaller, is left as it is.
func TestBatchesNotWorthCompressing(t *testing.T) {
	for name, records := range map[string][]Record{
		"small": facts(2),
		"noise": {{Key: []byte("k"), Value: noise(100_000)}},
	} {
		size := batchHeaderBytes
		for i := range records {
			size += recordBytes(&records[i], i)
		}
		if batch := appendBatch(nil, records, indexesOf(len(records)), 1); compressed(batch) || len(batch) != size {
			t.Errorf("%s: %d bytes of %d, compressed: %v", name, len(batch), size, compressed(batch))
		}
	}
}

func indexesOf(n int) []int32 {
	indexes := make([]int32, n)
	for i := range indexes {
		indexes[i] = int32(i)
	}
	return indexes
}

// P7: a few bytes that would fill the memory are refused.
func TestABatchInflatesWithinBounds(t *testing.T) {
	var bomb bytes.Buffer
	w := compress.Gzip.Codec().NewWriter(&bomb)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := inflate(compress.Gzip, bomb.Bytes(), 1<<20); err != nil || len(all) != 1<<20 {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	if _, err := inflate(compress.Gzip, bomb.Bytes(), 1<<20-1); err == nil || !strings.Contains(err.Error(), "more than 1048575 bytes") {
		t.Errorf("one byte too many: %v", err)
	}
}
