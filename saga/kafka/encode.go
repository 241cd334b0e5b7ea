package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/segmentio/kafka-go/compress"
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

// appendBatch appends a record batch of these records, made at a time in milliseconds. (A topic with append time
// puts the leader's there. In any other, the time of sending is the one that is never refused as too old or in the future.)
// One that is worth it is compressed.
func appendBatch(b []byte, records []Record, indexes []int32, millis int64) []byte {
	be := binary.BigEndian
	start := len(b)
	b = append(b, make([]byte, batchHeaderBytes)...)
	for i, index := range indexes {
		b = appendRecord(b, &records[index], i)
	}
	attributes := uint16(0)
	if shorter := deflate(b[start+batchHeaderBytes:]); shorter != 0 {
		b, attributes = b[:start+batchHeaderBytes+shorter], uint16(compress.Lz4)
	}
	batch := b[start:]
	be.PutUint16(batch[atAttributes:], attributes)
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
	return appendBody(b, r)
}

// appendBody appends a record as a batch has it, from its key on.
func appendBody(b []byte, r *Record) []byte {
	b = appendNullable(b, r.Key)
	b = appendNullable(b, r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)))
	for i := range r.Headers {
		b = AppendHeader(b, r.Headers[i].Key, r.Headers[i].Value)
	}
	return b
}

// Encoder writes a record in the form of [Record.Encoded].
type Encoder struct {
	b       []byte
	count   int
	countAt int
}

// maxEncoderHeaders is how many an [Encoder] can count in the byte that it has left for that.
const maxEncoderHeaders = 63

// Begin begins a record behind b.
func Begin(b []byte, key string, value []byte) *Encoder {
	b = binary.AppendVarint(b, int64(len(key)))
	b = append(b, key...)
	b = appendNullable(b, value)
	return &Encoder{b: append(b, 0), countAt: len(b)}
}

// Header appends a header, whose value is given in two parts.
func (e *Encoder) Header(key, value, rest string) {
	e.b = binary.AppendVarint(e.b, int64(len(key)))
	e.b = append(e.b, key...)
	e.b = binary.AppendVarint(e.b, int64(len(value)+len(rest)))
	e.b = append(append(e.b, value...), rest...)
	e.count++
}

// End returns b with the record, which is not complete before so many more headers have been added by [AppendHeader]. There may
// be 63 headers at most.
func (e *Encoder) End(more int) []byte {
	if e.count+more > maxEncoderHeaders {
		panic("kafka: a record with more than 63 headers")
	}
	e.b[e.countAt] = byte(2 * (e.count + more)) // as a varint
	return e.b
}

// HeaderBytes is what [AppendHeader] appends.
func HeaderBytes(key string, value []byte) int {
	return varintBytes(len(key)) + len(key) + nullableBytes(value)
}

// AppendHeader appends a header to a record that an [Encoder] has begun.
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
