package lane

import (
	"encoding/binary"
	"errors"

	"tiffin/saga/kafka"
)

// encodeRecords writes records for an outbox or a parked row: what a resend needs, byte by byte.
func encodeRecords(records []kafka.Record) []byte {
	size := 0
	for i := range records {
		size += recordBytes(&records[i])
	}
	b := make([]byte, 0, size)
	text := func(s []byte) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	name := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, r := range records {
		name(r.Topic)
		b = binary.AppendUvarint(b, uint64(r.Partition))
		text(r.Key)
		b = binary.AppendUvarint(b, uint64(len(r.Headers)))
		for _, h := range r.Headers {
			name(h.Key)
			text(h.Value)
		}
		text(r.Value)
	}
	return b
}

// recordBytes is about how much a record takes.
func recordBytes(r *kafka.Record) int {
	size := len(r.Topic) + len(r.Key) + len(r.Value) + 16
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value) + 4
	}
	return size
}

var errCutShort = errors.New("records are cut short")

// decodeRecords reads what encodeRecords wrote.
func decodeRecords(b []byte) (records []kafka.Record, err error) {
	number := func() int {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > 1<<30 {
			err = errCutShort
			return 0
		}
		b = b[w:]
		return int(n)
	}
	text := func() []byte {
		n := number()
		if n > len(b) {
			err = errCutShort
			return nil
		}
		s := b[:n:n]
		b = b[n:]
		return s
	}
	for len(b) > 0 && err == nil {
		r := kafka.Record{Topic: string(text()), Partition: number(), Key: text()}
		for range min(number(), len(b)) {
			r.Headers = append(r.Headers, kafka.Header{Key: string(text()), Value: text()})
		}
		r.Value = text()
		records = append(records, r)
	}
	return records, err
}
