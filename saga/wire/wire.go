// Package wire says what a fact looks like as a Kafka record: CloudEvents 1.0 in Kafka's binary mode.
//
// The record's value is the plain JSON of the fact, so that a console consumer prints something that a person can read;
// everything else is in headers: the CloudEvents attributes, the saga that it belongs to and the event that led to it, the
// W3C trace context, and the mark of the lane that said it, by which a receiver tells a fact from a copy of it.
//
// A record from a stranger (a console producer, another language) needs a valid value and a ce_type, no more. What names
// things (its key, ids, source, trace, lane) is text of at most [MaxNameBytes]; a record in which it is not is no event.
package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// The headers of a record. The first eight are CloudEvents attributes, ce_sagastarted is an extension of ours.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderType        = "ce_type"
	HeaderSource      = "ce_source"
	HeaderSubject     = "ce_subject"
	HeaderTime        = "ce_time"
	HeaderSaga        = "ce_correlationid"
	HeaderCause       = "ce_causationid"
	HeaderStarted     = "ce_sagastarted"
	HeaderSchema      = "ce_dataschema"
	HeaderContentType = "content-type"
	HeaderTrace       = "traceparent"
	HeaderLane        = "lane"
)

// SchemaPrefix and an event type make the name of the fact's JSON Schema.
const SchemaPrefix = "urn:tiffin:schema:"

// Mark is a fact's place in what its sender's lane has said to one partition: numbers run on from 1, also over epochs.
type Mark struct {
	Lane          string // "kitchen/3"
	Epoch, Number int64
}

func (m Mark) String() string {
	return m.Lane + "/" + strconv.FormatInt(m.Epoch, 10) + "/" + strconv.FormatInt(m.Number, 10)
}

// parseMark reads what String wrote.
func parseMark(text string) (Mark, error) {
	number := strings.LastIndexByte(text, '/')
	epoch := strings.LastIndexByte(text[:max(number, 0)], '/')
	if epoch <= 0 {
		return Mark{}, fmt.Errorf("header %s is %q, want lane/epoch/number", HeaderLane, text)
	}
	e, err1 := strconv.ParseInt(text[epoch+1:number], 10, 64)
	n, err2 := strconv.ParseInt(text[number+1:], 10, 64)
	if err1 != nil || err2 != nil || n < 1 {
		return Mark{}, fmt.Errorf("header %s is %q, want lane/epoch/number", HeaderLane, text)
	}
	return Mark{text[:epoch], e, n}, nil
}

// MaxValueBytes is how large a fact's JSON may be: well below the megabyte that brokers take by default.
const MaxValueBytes = 512 << 10

// MaxNameBytes is how long a key may be, and each header that names something: they are columns, JSON and keys of indexes
// (PostgreSQL takes 2.7 kB there), at every group that hears the fact. What the APIs accept is below 200 bytes.
const MaxNameBytes = 1 << 10

// named says what is wrong with a key or a header, if anything: it must be text that a database takes.
func named(what, name string) error {
	switch {
	case len(name) > MaxNameBytes:
		return fmt.Errorf("%s has %d bytes, more than the %d that are allowed", what, len(name), MaxNameBytes)
	case !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("%s is %q: that is not text in UTF-8, without NUL", what, name)
	}
	return nil
}

// Encode makes the record of a fact, for a topic of so many partitions. Its lane mark is not set yet: see [Stamp].
// said is the time at which it was said, for information.
func Encode(f saga.Fact, e saga.Envelope, said time.Time, partitions int) (kafka.Record, error) {
	value, err := marshal(f)
	if err != nil {
		return kafka.Record{}, err
	}
	key := []byte(f.Key())
	r := kafka.Record{Topic: f.Topic(), Partition: kafka.Partition(key, partitions), Key: key, Value: value}
	r.Headers = make([]kafka.Header, 0, 13) // with the mark
	values := make([]byte, 0, 400)          // all of them share it
	headers(f, e, said, func(name, value, rest string) {
		from := len(values)
		values = append(append(values, value...), rest...)
		r.Headers = append(r.Headers, kafka.Header{Key: name, Value: values[from:len(values):len(values)]})
	})
	return r, nil
}

// Append appends the same record in the form of [kafka.Record.Encoded]. It is not complete before its mark has been appended: see
// [AppendMark].
func Append(b []byte, f saga.Fact, e saga.Envelope, said time.Time) ([]byte, error) {
	value, err := marshal(f)
	if err != nil {
		return b, err
	}
	r := kafka.Begin(b, f.Key(), value)
	headers(f, e, said, r.Header)
	return r.End(1), nil
}

// appender is a fact that writes its own JSON. It must be what json.Marshal makes of it, byte for byte.
type appender interface{ AppendJSON(b []byte) []byte }

func marshal(f saga.Fact) (value []byte, err error) {
	if err := named("its key", f.Key()); err != nil {
		return nil, fmt.Errorf("%s can't be said: %w", f.EventType(), err)
	}
	if own, ok := f.(appender); ok {
		value = own.AppendJSON(make([]byte, 0, 160))
	} else if value, err = json.Marshal(f); err != nil {
		return nil, fmt.Errorf("%s can't be written as JSON: %w", f.EventType(), err)
	}
	if len(value) > MaxValueBytes {
		return nil, fmt.Errorf("%s has %d bytes of JSON, more than the %d that are allowed", f.EventType(), len(value), MaxValueBytes)
	}
	return value, nil
}

// headers gives the headers of a fact but for its mark, those that have a value, which comes in two parts.
func headers(f saga.Fact, e saga.Envelope, said time.Time, give func(name, value, rest string)) {
	add := func(name, value, rest string) {
		if value != "" {
			give(name, value, rest)
		}
	}
	add(HeaderSpecVersion, "1.0", "")
	add(HeaderID, e.ID, "")
	add(HeaderType, f.EventType(), "")
	add(HeaderSource, e.Source, "")
	add(HeaderSubject, f.Key(), "")
	add(HeaderTime, Time(said), "")
	add(HeaderSchema, SchemaPrefix, f.EventType())
	add(HeaderContentType, "application/json", "")
	add(HeaderSaga, e.Saga, "")
	add(HeaderCause, e.CauseID, "")
	if !e.Started.IsZero() {
		add(HeaderStarted, Time(e.Started), "")
	}
	add(HeaderTrace, e.Trace, "")
}

// Stamp sets the record's lane mark.
func Stamp(r *kafka.Record, m Mark) {
	r.Headers = append(r.Headers, kafka.Header{Key: HeaderLane, Value: []byte(m.String())})
}

// AppendMark completes what [Append] has begun with the mark, given as [Mark.String] has it.
func AppendMark(b, mark []byte) []byte { return kafka.AppendHeader(b, HeaderLane, mark) }

// MarkBytes is what [AppendMark] appends.
func MarkBytes(mark []byte) int { return kafka.HeaderBytes(HeaderLane, mark) }

// Time writes a time as the headers have it: RFC 3339 in UTC, to the millisecond.
func Time(t time.Time) string {
	var space [len("2006-01-02T15:04:05.000Z")]byte
	b := t.UTC().AppendFormat(space[:0], time.RFC3339) // the only layout with a short cut in Go that has a fixed width
	ms := t.Nanosecond() / 1e6
	return string(append(b[:len(b)-1], '.', digit(ms/100), digit(ms/10), digit(ms), 'Z'))
}

func digit(n int) byte { return '0' + byte(n%10) }

// Decode reads a record's headers. What is wrong with it comes back as an error; if that leaves it without a type, it is no event
// at all, and what it says of itself can't be saved. A record without a lane mark is a stranger's.
func Decode(r *kafka.Record) (e saga.Envelope, m Mark, err error) {
	e.Key, e.Time = string(r.Key), r.Time
	for i := range r.Headers {
		h := &r.Headers[i]
		switch h.Key {
		case HeaderID:
			e.ID = string(h.Value)
		case HeaderType:
			e.Type = string(h.Value)
		case HeaderSource:
			e.Source = string(h.Value)
		case HeaderSaga:
			if e.Saga = e.Key; string(h.Value) != e.Key {
				e.Saga = string(h.Value)
			}
		case HeaderCause:
			e.CauseID = string(h.Value)
		case HeaderStarted:
			if t, bad := time.Parse(time.RFC3339, string(h.Value)); bad == nil {
				e.Started = t
			}
		case HeaderTrace:
			e.Trace = string(h.Value)
		case HeaderLane:
			m, err = parseMark(string(h.Value))
		}
	}
	if e.Type == "" && err == nil {
		err = fmt.Errorf("no header %s says what kind of fact this is", HeaderType)
	}
	if e.ID == "" { // a stranger that gave no id: its place in the log is one
		e.ID = r.Topic + "/" + strconv.Itoa(r.Partition) + "/" + strconv.FormatInt(r.Offset, 10)
	}
	if e.Saga == "" {
		e.Saga = e.Key
	}
	if e.Started.IsZero() {
		e.Started = r.Time
	}
	for _, n := range [...]struct{ what, name string }{
		{"its key", e.Key},
		{HeaderID, e.ID},
		{HeaderType, e.Type},
		{HeaderSource, e.Source},
		{HeaderSaga, e.Saga},
		{HeaderCause, e.CauseID},
		{HeaderTrace, e.Trace},
		{HeaderLane, m.Lane},
	} {
		if bad := named(n.what, n.name); bad != nil {
			e.Type, err = "", bad
			break
		}
	}
	return e, m, err
}
