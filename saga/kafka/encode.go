package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

const (
	// batchHeaderBytes is the size of a record batch (format 2) without its records.
	batchHeaderBytes = 61
	// The offsets of a batch header's fields.
	atLength         = 8
	atMagic          = 16
	atChecksum       = 17
	atAttributes     = 21
	atLastDelta      = 23
	atFirstTimestamp = 27
	atMaxTimestamp   = 35
	atCount          = 57
	// beforeLength is what a batch's length does not count: the base offset and the length itself.
	beforeLength = 12
)

// checksums is the table of CRC-32C, with which Kafka guards batches. Never changed.
var checksums = crc32.MakeTable(crc32.Castagnoli)

// appendBatch appends a record batch of these records, uncompressed, made at a time in milliseconds. (A topic with append time
// puts the leader's there. In any other, the time of sending is the one that is never refused as too old or in the future.)
func appendBatch(b []byte, records []Record, indexes []int32, millis int64) []byte {
	be := binary.BigEndian
	start := len(b)
	b = append(b, make([]byte, batchHeaderBytes)...)
	for i, index := range indexes {
		b = appendRecord(b, &records[index], i)
	}
	batch := b[start:]
	be.PutUint32(batch[atLength:], uint32(len(batch)-beforeLength))
	be.PutUint32(batch[12:], 0xffffffff) // leader epoch: not known to producers
	batch[atMagic] = 2
	be.PutUint32(batch[atLastDelta:], uint32(len(indexes)-1))
	be.PutUint64(batch[atFirstTimestamp:], uint64(millis))
	be.PutUint64(batch[atMaxTimestamp:], uint64(millis))
	for i := 43; i < atCount; i++ {
		batch[i] = 0xff // producer id, epoch and sequence: none
	}
	be.PutUint32(batch[atCount:], uint32(len(indexes)))
	be.PutUint32(batch[atChecksum:], crc32.Checksum(batch[atAttributes:], checksums))
	return b
}

// appendRecord appends the record that is number delta of its batch.
func appendRecord(b []byte, r *Record, delta int) []byte {
	b = binary.AppendVarint(b, int64(bodyBytes(r, delta)))
	b = append(b, 0, 0) // attributes, and the difference to the batch's time
	b = binary.AppendVarint(b, int64(delta))
	if r.Encoded != nil {
		return append(b, r.Encoded...)
	}
	return Encode(b, r, 0)
}

// Encode appends a record as a batch has it, from its key on: key, value and headers. It is not complete before so many more
// headers have been added by [AppendHeader].
func Encode(b []byte, r *Record, more int) []byte {
	b = appendNullable(b, r.Key)
	b = appendNullable(b, r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)+more))
	for i := range r.Headers {
		b = AppendHeader(b, r.Headers[i].Key, r.Headers[i].Value)
	}
	return b
}

// HeaderBytes is what [AppendHeader] appends.
func HeaderBytes(key string, value []byte) int {
	return varintBytes(len(key)) + len(key) + nullableBytes(value)
}

// AppendHeader appends a header to a record that [Encode] has begun.
func AppendHeader(b []byte, key string, value []byte) []byte {
	b = binary.AppendVarint(b, int64(len(key)))
	b = append(b, key...)
	return appendNullable(b, value)
}

func appendNullable(b, value []byte) []byte {
	if value == nil {
		return append(b, 1) // -1 as a varint
	}
	b = binary.AppendVarint(b, int64(len(value)))
	return append(b, value...)
}

// recordBytes is what appendRecord appends.
func recordBytes(r *Record, delta int) int {
	n := bodyBytes(r, delta)
	return n + varintBytes(n)
}

// bodyBytes is recordBytes without the length that goes before the record.
func bodyBytes(r *Record, delta int) int {
	if r.Encoded != nil {
		return 2 + varintBytes(delta) + len(r.Encoded)
	}
	n := 2 + varintBytes(delta) + nullableBytes(r.Key) + nullableBytes(r.Value) + varintBytes(len(r.Headers))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += HeaderBytes(h.Key, h.Value)
	}
	return n
}

func nullableBytes(value []byte) int { return varintBytes(len(value)) + len(value) }

// varintBytes is the size of a varint of a number that is not negative. (-1, for null, takes one byte as 0 does.)
func varintBytes(n int) int { return (bits.Len64(uint64(n)<<1|1) + 6) / 7 }

// produceFrame writes a produce request: topics, their partitions, and a batch for each. Versions 3 to 8 of it are the same.
type produceFrame struct {
	b                  []byte
	topics, partitions int // where the counts are to be corrected
	topic              string
}

// newProduceFrame begins a request in b, which is overwritten.
func newProduceFrame(b []byte, clientID string) *produceFrame {
	be := binary.BigEndian
	b = append(b[:0], make([]byte, 12)...) // size, API (0), version and correlation: patched when it is sent
	b = appendString(b, clientID)
	b = append(b, 0xff, 0xff) // no transaction
	b = append(b, 0xff, 0xff) // acks: all in-sync replicas
	b = be.AppendUint32(b, uint32(ackTimeout.Milliseconds()))
	f := &produceFrame{topics: len(b)}
	f.b = be.AppendUint32(b, 0)
	return f
}

// add appends a batch. Partitions of one topic must come one after another.
func (f *produceFrame) add(topic string, partition int, records []Record, indexes []int32, millis int64) {
	be := binary.BigEndian
	if topic != f.topic {
		f.topic = topic
		f.increment(f.topics)
		f.b = appendString(f.b, topic)
		f.partitions = len(f.b)
		f.b = be.AppendUint32(f.b, 0)
	}
	f.increment(f.partitions)
	f.b = be.AppendUint32(f.b, uint32(partition))
	at := len(f.b)
	f.b = be.AppendUint32(f.b, 0)
	f.b = appendBatch(f.b, records, indexes, millis)
	be.PutUint32(f.b[at:], uint32(len(f.b)-at-4))
}

// seal completes the request.
func (f *produceFrame) seal(version int16, correlation int32) []byte {
	be := binary.BigEndian
	be.PutUint32(f.b, uint32(len(f.b)-4))
	be.PutUint16(f.b[6:], uint16(version))
	be.PutUint32(f.b[8:], uint32(correlation))
	return f.b
}

func (f *produceFrame) increment(at int) {
	be := binary.BigEndian
	be.PutUint32(f.b[at:], be.Uint32(f.b[at:])+1)
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
