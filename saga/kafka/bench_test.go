package kafka

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// facts makes records as the runtime sends them: 10 headers and a value of 200 bytes.
func facts(n int) []Record {
	records := make([]Record, n)
	for i := range records {
		r := &records[i]
		r.Topic, r.Partition = "orders", i%12
		r.Key = []byte("018f3c5e-7c1a-7b2e-9d3f-0a1b2c3d4e5f")
		r.Value = bytes.Repeat([]byte("x"), 200)
		for h := range 10 {
			r.Headers = append(r.Headers, Header{fmt.Sprintf("ce_header%d", h), r.Key})
		}
	}
	return records
}

// benchClient is one of the real broker, if there is one.
func benchClient(b *testing.B) *Client {
	if os.Getenv("TIFFIN_TEST_KAFKA") != "" {
		return openReal(b)
	}
	return newClient(b, newCluster(b))
}

func BenchmarkProduce(b *testing.B) {
	c := benchClient(b)
	createTopics(b, c, 12, "orders")
	records := facts(2000)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Produce(ctx, records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func BenchmarkFetch(b *testing.B) {
	c := benchClient(b)
	createTopics(b, c, 12, "orders")
	records := facts(2000)
	if err := c.Produce(b.Context(), records); err != nil {
		b.Fatal(err)
	}
	var positions []Position
	for p := range 12 {
		positions = append(positions, Position{"orders", p, 0})
	}
	b.ReportAllocs()
	for b.Loop() {
		fetched, err := c.Fetch(b.Context(), positions, FetchOptions{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, f := range fetched {
			n += len(f.Records)
		}
		if n != len(records) {
			b.Fatalf("%d records", n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

// The parts that are ours: without a broker, a connection, or the kernel.
func BenchmarkDecode(b *testing.B) {
	records := facts(2000)
	set := appendBatch(nil, records, indexesOf(len(records)), 1)
	b.ReportAllocs()
	for b.Loop() {
		f := Fetched{Topic: "orders"}
		if err := decodeSet(set, &f); err != nil || len(f.Records) != len(records) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func BenchmarkEncode(b *testing.B) {
	records := facts(2000)
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		lines := lineUp(records)
		pointers := make([]*line, len(lines))
		for i := range lines {
			lines[i].wire, pointers[i] = lines[i].topic, &lines[i]
		}
		frame := newProduceFrame(buffer, "tiffin")
		fill(frame, records, pointers)
		buffer = frame.seal(7, 1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}
