package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"time"
)

// HeadBytes is the room for the log's own that a group has at its front. All integers are little endian.
//
//	 0  magic, 4 bytes
//	 4  CRC-32C of everything behind it, up to the end of the payload
//	 8  length of the payload, 4 bytes
//	12  number of records in it, 4 bytes
//	16  sequence number, 8 bytes
//	24  when it was written, in milliseconds since 1970, 8 bytes
//
// Groups begin at multiples of 8.
const HeadBytes = 32

const (
	atChecksum = 4
	atLength   = 8
	atRecords  = 12
	atSequence = 16
	atTime     = 24
)

// magic begins a group. Its first byte stands in no UTF-8, so that no client can put what looks like a group into a fact.
const magic = "\xffTG\x01"

// checksums is the table of CRC-32C. Never changed.
var checksums = crc32.MakeTable(crc32.Castagnoli)

// head is what stands before a group's payload.
type head struct {
	checksum uint32
	length   int64
	records  int
	sequence uint64
	millis   int64
}

// size is what the whole group takes in its segment.
func (h head) size() int64 { return padded(HeadBytes + h.length) }

func (h head) time() time.Time { return time.UnixMilli(h.millis) }

func padded(n int64) int64 { return (n + 7) &^ 7 }

// seal fills in the head of a group.
func seal(group []byte, sequence uint64, records int, now time.Time) {
	le := binary.LittleEndian
	copy(group, magic)
	le.PutUint32(group[atLength:], uint32(len(group)-HeadBytes))
	le.PutUint32(group[atRecords:], uint32(records))
	le.PutUint64(group[atSequence:], sequence)
	le.PutUint64(group[atTime:], uint64(now.UnixMilli()))
	le.PutUint32(group[atChecksum:], crc32.Checksum(group[atLength:], checksums))
}

// parseHead reads a head; false if there is none.
func parseHead(b []byte) (head, bool) {
	if len(b) < HeadBytes || string(b[:len(magic)]) != magic {
		return head{}, false
	}
	le := binary.LittleEndian
	return head{
		checksum: le.Uint32(b[atChecksum:]),
		length:   int64(le.Uint32(b[atLength:])),
		records:  int(le.Uint32(b[atRecords:])),
		sequence: le.Uint64(b[atSequence:]),
		millis:   int64(le.Uint64(b[atTime:])),
	}, true
}

// parseGroup reads the group at the front of b; false if none stands there whole.
func parseGroup(b []byte) (h head, payload []byte, ok bool) {
	if h, ok = parseHead(b); !ok || h.size() > int64(len(b)) {
		return h, nil, false
	}
	whole := b[:HeadBytes+h.length]
	return h, whole[HeadBytes:], crc32.Checksum(whole[atLength:], checksums) == h.checksum
}

// scanner looks for groups in a segment, through a window of a bounded size.
type scanner struct {
	from   io.ReaderAt
	size   int64
	window []byte // what the segment has at base; used again and again
	base   int64

	fault   error // the first of what could not be read
	faultAt int64
}

const (
	windowBytes = 1 << 20
	blockBytes  = 4 << 10 // what is lost with a bad sector
)

// at returns what the segment has at an offset: at least so many bytes (up to a block), unless it ends before.
func (s *scanner) at(offset int64, atLeast int) ([]byte, error) {
	end := min(offset+int64(atLeast), s.size)
	if offset < s.base || end > s.base+int64(len(s.window)) {
		if s.window == nil {
			s.window = make([]byte, windowBytes)
		}
		most := int64(windowBytes)
		if s.fault != nil { // only a block at a time, so as not to lose more than must be
			most = max(end-offset, blockBytes-offset%blockBytes)
		}
		s.base, s.window = offset, s.window[:min(most, s.size-offset)]
		if _, err := s.from.ReadAt(s.window, offset); err != nil && err != io.EOF {
			s.window = s.window[:0]
			if s.fault == nil {
				s.fault, s.faultAt = err, offset
				return s.at(offset, atLeast)
			}
			return nil, err
		}
	}
	return s.window[offset-s.base:], nil
}

// next returns the first whole group at or behind an offset whose number is above a certain one, and where it stands. What can't be
// read is passed over.
func (s *scanner) next(offset int64, above uint64) (h head, at int64, ok bool) {
	for at = offset; at+HeadBytes <= s.size; {
		b, err := s.at(at, HeadBytes)
		if err != nil {
			at = at&^(blockBytes-1) + blockBytes
			continue
		}
		found := bytes.Index(b, []byte(magic))
		if found < 0 {
			at += max(int64(len(b))&^7, 8)
			continue
		}
		if at += int64(found); found%8 != 0 {
			at = padded(at)
			continue
		}
		if b, err = s.at(at, HeadBytes); err == nil {
			if h, ok = parseHead(b); ok && h.sequence > above && s.whole(h, at) {
				return h, at, true
			}
		}
		at += 8
	}
	return h, at, false
}

// whole says whether a group is what its checksum says.
func (s *scanner) whole(h head, at int64) bool {
	end := at + HeadBytes + h.length
	if at+h.size() > s.size {
		return false
	}
	sum := uint32(0)
	for at += atLength; at < end; {
		b, err := s.at(at, 1)
		if err != nil {
			return false
		}
		b = b[:min(int64(len(b)), end-at)]
		sum = crc32.Update(sum, checksums, b)
		at += int64(len(b))
	}
	return sum == h.checksum
}
