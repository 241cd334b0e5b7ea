package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

const (
	// fetchVersion is the version of the Fetch API whose answers decodeFetch understands: the highest that kafka-go asks for.
	fetchVersion = 11
	// minRecordBytes is the smallest a record can be: length, attributes, two differences, key, value, headers.
	minRecordBytes = 7

	compressionMask  = 0x07
	appendTimeFlag   = 0x08
	controlBatchFlag = 0x20
)

// fetchedTopic is one topic of a request: where the answers for its partitions go.
type fetchedTopic struct {
	name, wire string
	partitions []*Fetched
}

// decodeFetch reads a response's body into the partitions asked for. The records point into it.
func decodeFetch(body []byte, asked []fetchedTopic) error {
	r := &cursor{b: body}
	r.skip(4) // throttle time
	if code := r.int16(); code != 0 {
		return codeError(code, "")
	}
	r.skip(4) // session
	for range r.count() {
		topic := r.take(int(r.int16()))
		for range r.count() {
			partition := r.int32()
			code := r.int16()
			highWatermark := r.int64()
			r.skip(16) // last stable offset, log start
			for range r.count() {
				r.skip(16) // an aborted transaction
			}
			r.skip(4) // preferred replica
			set := r.take(int(r.int32()))
			if r.bad {
				break
			}
			if f := find(asked, topic, int(partition)); f != nil {
				f.HighWatermark = highWatermark
				if code != 0 {
					f.Err = fmt.Errorf("%s/%d at offset %d: %w", f.Topic, f.Partition, f.Next, codeError(code, ""))
				} else {
					f.Err = decodeSet(set, f)
				}
			}
		}
	}
	if r.bad {
		return fmt.Errorf("%w: a fetch response ends early", ErrCorrupt)
	}
	return nil
}

func find(asked []fetchedTopic, wire []byte, partition int) *Fetched {
	for t := range asked {
		if asked[t].wire != string(wire) {
			continue
		}
		for _, f := range asked[t].partitions {
			if f.Partition == partition {
				return f
			}
		}
	}
	return nil
}

// decodeSet reads the batches of one partition and moves f.Next behind them. The first batch may begin before the offset that was
// asked for, and the last one may be cut off: it comes again.
func decodeSet(set []byte, f *Fetched) error {
	asked := f.Next
	f.Records = make([]Record, 0, countRecords(set, asked))
	d := batchDecoder{topic: f.Topic, partition: f.Partition, from: asked}
	for len(set) >= batchHeaderBytes {
		size := batchSize(set)
		if size > len(set) {
			break
		}
		var batch []byte
		batch, set = set[:max(size, 0)], set[max(size, 0):]
		kept := len(f.Records)
		next, err := d.decode(batch, &f.Records)
		if err != nil {
			f.Records = f.Records[:kept]
			if kept > 0 {
				return nil // first what is good; the next Fetch meets the bad batch first
			}
			f.Records = nil
			return fmt.Errorf("%s/%d at offset %d: %w", f.Topic, f.Partition, f.Next, err)
		}
		f.Next = max(f.Next, next)
	}
	if len(f.Records) == 0 {
		f.Records = nil
	}
	return nil
}

// batchSize returns how long the batch at the beginning of set says it is.
func batchSize(set []byte) int {
	return int(int32(binary.BigEndian.Uint32(set[atLength:]))) + beforeLength
}

// countRecords adds up what the headers of the whole batches say, but no more than there can be: they are not checked yet.
func countRecords(set []byte, from int64) int {
	be := binary.BigEndian
	total, limit := 0, len(set)/minRecordBytes
	for len(set) >= batchHeaderBytes {
		size := batchSize(set)
		if size < batchHeaderBytes || size > len(set) {
			break
		}
		last := int64(be.Uint64(set)) + int64(int32(be.Uint32(set[atLastDelta:])))
		if count := min(int64(int32(be.Uint32(set[atCount:]))), last-from+1); count > 0 {
			total += int(count)
		}
		set = set[size:]
	}
	return min(total, limit)
}

// batchDecoder reads the batches of one partition.
type batchDecoder struct {
	topic     string
	partition int
	from      int64    // records before this offset are not wanted
	slab      []Header // memory for headers, cut into pieces
	keys      []string // the keys of the last record's headers: most often those of the next one too
}

// decode appends the records of a batch and returns the offset behind it.
func (d *batchDecoder) decode(batch []byte, records *[]Record) (next int64, err error) {
	be := binary.BigEndian
	if len(batch) < batchHeaderBytes {
		return 0, fmt.Errorf("%w: a batch of %d bytes", ErrCorrupt, len(batch))
	}
	if magic := batch[atMagic]; magic != 2 {
		return 0, fmt.Errorf("a batch in format %d, older than Kafka 0.11: only format 2 is understood", magic)
	}
	if sum := crc32.Checksum(batch[atAttributes:], checksums); sum != be.Uint32(batch[atChecksum:]) {
		return 0, fmt.Errorf("%w: a batch's checksum is wrong", ErrCorrupt)
	}
	base := int64(be.Uint64(batch))
	next = base + int64(int32(be.Uint32(batch[atLastDelta:]))) + 1
	attributes := be.Uint16(batch[atAttributes:])
	if attributes&controlBatchFlag != 0 || next <= d.from {
		return next, nil // the end of a transaction, or all of it known
	}
	payload := batch[batchHeaderBytes:]
	if codec := compress.Compression(attributes & compressionMask); codec != compress.None {
		if payload, err = inflate(codec, payload, maxInflatedBytes); err != nil {
			return 0, err
		}
	}
	r := &cursor{b: payload}
	first, last := int64(be.Uint64(batch[atFirstTimestamp:])), time.UnixMilli(int64(be.Uint64(batch[atMaxTimestamp:])))
	count := int(int32(be.Uint32(batch[atCount:])))
	for left := count; left > 0; left-- {
		record, at := Record{Topic: d.topic, Partition: d.partition, Time: last}, int64(0)
		r.varint() // length: what it counts is read anyway
		r.skip(1)  // attributes: none are defined
		if delta := r.varint(); attributes&appendTimeFlag == 0 {
			record.Time = time.UnixMilli(first + delta)
		}
		at = r.varint()
		record.Offset = base + at
		record.Key = r.nullable()
		record.Value = r.nullable()
		record.Headers = d.headers(r, left)
		if r.bad || record.Offset >= next {
			return 0, fmt.Errorf("%w: a batch is not what its header says", ErrCorrupt)
		}
		if record.Offset >= d.from {
			*records = append(*records, record)
		}
	}
	return next, nil
}

// headers reads a record's headers. As many records as left (with this one) may need memory as this one does.
func (d *batchDecoder) headers(r *cursor, left int) []Header {
	n := int(r.varint())
	if n <= 0 || n > len(r.b)-r.at { // each takes two bytes or more
		r.bad = r.bad || n != 0
		return nil
	}
	if cap(d.slab)-len(d.slab) < n {
		d.slab = make([]Header, 0, max(n, min(n*left, (len(r.b)-r.at)/2)))
	}
	start := len(d.slab)
	for i := range n {
		key := r.take(int(r.varint()))
		d.slab = append(d.slab, Header{Key: d.key(i, key), Value: r.nullable()})
	}
	return d.slab[start:len(d.slab):len(d.slab)]
}

// key returns the key as a string, without making a new one if the record before had the same at this place.
func (d *batchDecoder) key(i int, key []byte) string {
	if i < len(d.keys) {
		if d.keys[i] != string(key) {
			d.keys[i] = string(key)
		}
		return d.keys[i]
	}
	d.keys = append(d.keys, string(key))
	return d.keys[i]
}

// cursor reads big endian fields. Beyond the end it reads zeros, and is bad.
type cursor struct {
	b   []byte
	at  int
	bad bool
}

// take returns the next n bytes, nil if n is -1 (which is null) or there are not so many.
func (c *cursor) take(n int) []byte {
	if n == -1 {
		return nil
	}
	if n < 0 || n > len(c.b)-c.at {
		c.bad, c.at = true, len(c.b)
		return nil
	}
	piece := c.b[c.at : c.at+n : c.at+n]
	c.at += n
	return piece
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) int16() int16 {
	if b := c.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (c *cursor) int64() int64 {
	if b := c.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// count reads the length of an array, 0 if it is null. No element of ours is empty.
func (c *cursor) count() int {
	n := int(c.int32())
	if n > len(c.b)-c.at {
		c.bad = true
		return 0
	}
	return max(n, 0)
}

func (c *cursor) varint() int64 {
	if c.at < len(c.b) && c.b[c.at] < 0x80 { // one byte, the most common
		v := c.b[c.at]
		c.at++
		return int64(v>>1) ^ -int64(v&1)
	}
	v, n := binary.Varint(c.b[c.at:])
	if n <= 0 {
		c.bad, c.at = true, len(c.b)
		return 0
	}
	c.at += n
	return v
}

// nullable reads bytes with their length before them, nil if it is -1.
func (c *cursor) nullable() []byte { return c.take(int(c.varint())) }
