package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func decode(set []byte, from int64) (*Fetched, error) {
	f := &Fetched{Topic: "t", Next: from}
	err := decodeSet(set, f)
	return f, err
}

func genBytes() *rapid.Generator[[]byte] {
	return rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
}

// What is written is read, whether it comes encoded or not, and recordBytes, by which batches are cut, is exact.
func TestBatchRoundTrip(t *testing.T) {
	header := rapid.Custom(func(t *rapid.T) Header {
		return Header{rapid.StringN(0, 10, 40).Draw(t, "name"), genBytes().Draw(t, "of header")}
	})
	rapid.Check(t, func(t *rapid.T) {
		var records, toWrite []Record
		var indexes []int32
		size := batchHeaderBytes
		for i := range rapid.IntRange(1, 200).Draw(t, "records") {
			r := Record{Topic: "t", Offset: int64(i), Time: time.UnixMilli(1234), Key: genBytes().Draw(t, "key"), Value: genBytes().Draw(t, "value")}
			r.Headers = rapid.SliceOfN(header, 0, 4).Draw(t, "headers")
			if len(r.Headers) == 0 {
				r.Headers = nil
			}
			given := r
			if !hasNull(r) && rapid.Bool().Draw(t, "encoded") { // an Encoder's keys and headers are not null
				given = encoded(r)
			}
			size += recordBytes(&given, i)
			records, toWrite, indexes = append(records, r), append(toWrite, given), append(indexes, int32(i))
		}
		batch := appendBatch(nil, toWrite, indexes, 1234)
		if n := len(batch); n > size || n != size && !compressed(batch) {
			t.Fatalf("%d bytes, reckoned %d", n, size)
		}
		f, err := decode(batch, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(f.Records, records) || f.Next != int64(len(records)) {
			t.Fatalf("got %+v, want %+v", f.Records, records)
		}
	})
}

func compressed(batch []byte) bool {
	return binary.BigEndian.Uint16(batch[atAttributes:])&compressionMask != 0
}

func hasNull(r Record) bool {
	return r.Key == nil || slices.ContainsFunc(r.Headers, func(h Header) bool { return h.Value == nil })
}

// encoded returns the record as one that has nothing but its place and its encoding; the last header is added afterwards.
func encoded(r Record) Record {
	e, more := Begin(nil, string(r.Key), r.Value), min(len(r.Headers), 1)
	first := r.Headers[:len(r.Headers)-more]
	for _, h := range first {
		half := len(h.Value) / 2
		e.Header(h.Key, string(h.Value[:half]), string(h.Value[half:]))
	}
	b := e.End(more)
	for _, h := range r.Headers[len(first):] {
		b = AppendHeader(b, h.Key, h.Value)
	}
	return Record{Topic: r.Topic, Partition: r.Partition, Encoded: b}
}

func TestVarintBytes(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 8191, 8192, 1<<20 - 1, 1 << 20, math.MaxInt32} {
		if got, want := varintBytes(n), len(binary.AppendVarint(nil, int64(n))); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
}

func batchOf(base int64, n int) []byte {
	batch := appendBatch(nil, recordsOf("t", 0, n), indexesOf(n), 1000)
	binary.BigEndian.PutUint64(batch, uint64(base)) // not part of the checksum
	return batch
}

func reseal(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[atChecksum:], crc32.Checksum(batch[atAttributes:], checksums))
	return batch
}

func TestDecodeTakesAppendTimeForAllRecords(t *testing.T) {
	batch := batchOf(0, 2)
	binary.BigEndian.PutUint16(batch[atAttributes:], appendTimeFlag)
	binary.BigEndian.PutUint64(batch[atMaxTimestamp:], 5000)
	f, err := decode(reseal(batch), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range f.Records {
		if r.Time.UnixMilli() != 5000 {
			t.Errorf("record %d at %s", r.Offset, r.Time)
		}
	}
}

func TestDecodePassesEmptiedBatches(t *testing.T) {
	empty := batchOf(10, 5)[:batchHeaderBytes] // compaction keeps the header of a producer's last batch
	binary.BigEndian.PutUint32(empty[atLength:], batchHeaderBytes-beforeLength)
	binary.BigEndian.PutUint32(empty[atCount:], 0)
	f, err := decode(reseal(empty), 10)
	if err != nil || f.Next != 15 || f.Records != nil {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestDecodeLeavesABatchThatIsCutOff(t *testing.T) {
	set := append(batchOf(0, 3), batchOf(3, 3)...)
	for cut := range len(set) {
		f, err := decode(set[:cut], 0)
		want := int64(0)
		if cut >= len(batchOf(0, 3)) {
			want = 3
		}
		if err != nil || f.Next != want || len(f.Records) != int(want) {
			t.Fatalf("cut at %d: next %d, %d records, %v", cut, f.Next, len(f.Records), err)
		}
	}
}

func TestDecodeStopsAtDamage(t *testing.T) {
	good, bad := batchOf(0, 3), batchOf(3, 3)
	bad[len(bad)-2] ^= 1 // the last value, behind which there is the number of headers
	f, err := decode(append(bytes.Clone(good), bad...), 0)
	if err != nil || len(f.Records) != 3 || f.Next != 3 {
		t.Errorf("the good batch before: %+v, %v", f, err)
	}
	f, err = decode(bad, 3)
	if !errors.Is(err, ErrCorrupt) || f.Records != nil || f.Next != 3 {
		t.Errorf("the bad one: %+v, %v", f, err)
	}
}

func TestDecodeRefusesOldFormats(t *testing.T) {
	batch := batchOf(0, 1)
	batch[atMagic] = 1
	if _, err := decode(batch, 0); err == nil || Retryable(err) {
		t.Errorf("got %v", err)
	}
}

// Whatever a broker sends, decoding ends, and in order.
func FuzzDecode(f *testing.F) {
	f.Add(append(batchOf(0, 3), batchOf(3, 4)...), int64(1), false)
	f.Add(batchOf(0, 1), int64(0), true)
	f.Fuzz(func(t *testing.T, set []byte, from int64, sealed bool) {
		if sealed && len(set) >= batchHeaderBytes { // get past the checksum
			binary.BigEndian.PutUint32(set[atLength:], uint32(len(set)-beforeLength))
			set[atMagic] = 2
			reseal(set)
		}
		got, err := decode(set, from)
		if got.Next < from || err != nil && got.Records != nil {
			t.Errorf("from %d: %+v, %v", from, got, err)
		}
		for _, r := range got.Records {
			if r.Offset < from || r.Offset >= got.Next {
				t.Errorf("record %d, asked from %d, next %d", r.Offset, from, got.Next)
			}
		}
		if err := decodeFetch(set, []fetchedTopic{{name: "t", wire: "t", partitions: []*Fetched{{}}}}); err != nil {
			return
		}
	})
}
