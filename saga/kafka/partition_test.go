package kafka

import (
	"bytes"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

// The numbers are those of Java's own test (UtilsTest.testMurmur2).
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestPartitionAgreesWithOtherProducers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		n := rapid.IntRange(1, 50).Draw(t, "partitions")
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		before := bytes.Clone(key)
		want := kafkago.Murmur2Balancer{Consistent: true}.Balance(kafkago.Message{Key: key}, all...)
		if got := Partition(key, n); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
		if !bytes.Equal(key, before) {
			t.Fatal("the key was changed")
		}
	})
}

func BenchmarkPartition(b *testing.B) {
	key := []byte("018f3c5e-7c1a-7b2e-9d3f-0a1b2c3d4e5f")
	for b.Loop() {
		Partition(key, 12)
	}
}
