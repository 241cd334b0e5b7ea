package kafka

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/compress"
)

// Batches are compressed with LZ4. Four fifths of a like are headers, which are much the same in all: 33 of them become less than a third, for half a
// microsecond each. It needs nothing that a JVM may lack, as Snappy and Zstandard do, which are native code.
const (
	// deflateFrom is the size from which a batch is compressed: four or five facts, which it halves. A smaller one gains little.
	deflateFrom = 2 << 10
	// maxInflatedBytes bounds what a compressed batch may become.
	maxInflatedBytes = 256 << 20
)

// deflater is a compressor and where it writes to.
type deflater struct {
	*lz4.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{Writer: lz4.NewWriter(nil)}
	// Small blocks: the broker allocates one to read the batch. Batches have a checksum already.
	if err := d.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)); err != nil {
		panic(err)
	}
	return d
}}

// deflate compresses payload in its place. It returns the new length, or 0 if it is left as it was, as not worth it.
func deflate(payload []byte) int {
	if len(payload) < deflateFrom {
		return 0
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.Reset(&d.out)
	if _, err := d.Write(payload); err != nil { // a buffer takes everything
		return 0
	}
	if err := d.Close(); err != nil || d.out.Len() > len(payload)*7/8 {
		return 0
	}
	return copy(payload, d.out.Bytes())
}

// usualRatio is how much larger a batch of facts is when it is inflated. A guess saves copying; a wrong one costs some.
const usualRatio = 4

// inflate fails if it comes to more than this many bytes: a few kilobytes can be made to fill any memory.
func inflate(compression compress.Compression, payload []byte, most int) ([]byte, error) {
	codec := compression.Codec()
	if codec == nil {
		return nil, fmt.Errorf("a batch is compressed in a way that is not known (%d)", compression)
	}
	r := codec.NewReader(bytes.NewReader(payload))
	defer r.Close()
	var inflated bytes.Buffer
	inflated.Grow(min(usualRatio*len(payload), most))
	if _, err := inflated.ReadFrom(io.LimitReader(r, int64(most)+1)); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, compression, err)
	}
	if inflated.Len() > most {
		return nil, fmt.Errorf("a batch inflates to more than %d bytes", most)
	}
	return inflated.Bytes(), nil
}
