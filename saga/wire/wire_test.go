package wire_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// Mended is a fact.
type Mended struct {
	BikeID string   `json:"bikeId"`
	Parts  []string `json:"parts"`
}

func (Mended) EventType() string { return "bike.mended" }
func (Mended) Topic() string     { return "bikes" }
func (m Mended) Key() string     { return m.BikeID }

var (
	mended   = Mended{"bike-7", []string{"chain", "brake <rear>"}}
	envelope = saga.Envelope{
		ID: "019b796d-d67b-75d6-93ba-5b65b4ff124e", Source: "/tiffin/workshop", Saga: "repair-1", CauseID: "019b796d-0000-7000-8000-000000000001",
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Started: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
	}
	said = time.Date(2026, 1, 2, 8, 34, 6, 789_999_999, time.FixedZone("IST", 19800))
)

// text is a record as a person would write it down.
func text(r kafka.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "topic %s, partition %d, key %s\n", r.Topic, r.Partition, r.Key)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Key, h.Value)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Value)
	return b.String()
}

// Others read these bytes, and later versions will: the golden record is never edited.
func TestARecordLooksLikeThis(t *testing.T) {
	r, err := wire.Encode(mended, envelope, said, 12)
	if err != nil {
		t.Fatal(err)
	}
	wire.Stamp(&r, wire.Mark{Lane: "workshop/3", Epoch: 1767323045678, Number: 42})
	want, err := os.ReadFile("testdata/bike.mended.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := text(r); got != string(want) {
		t.Errorf("the record is\n%s\nwant\n%s", got, want)
	}
}

// A group that says what no saga led to says no more than it knows.
func TestWhatIsNotKnownHasNoHeader(t *testing.T) {
	r, err := wire.Encode(mended, saga.Envelope{ID: "1"}, said, 12)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range r.Headers {
		names = append(names, h.Key)
	}
	if got, want := strings.Join(names, " "), "ce_specversion ce_id ce_type ce_subject ce_time ce_dataschema content-type"; got != want {
		t.Errorf("headers %s, want %s", got, want)
	}
}

func TestARecordComesBackAsItWasSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(least int) *rapid.Generator[string] {
			return rapid.StringN(least, -1, wire.MaxNameBytes).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		}
		f := Mended{text(0).Draw(t, "key"), rapid.SliceOf(rapid.String()).Draw(t, "parts")}
		str := func(name string) string { return text(1).Draw(t, name) }
		e := saga.Envelope{
			ID: str("id"), Source: str("source"), Saga: str("saga"), CauseID: str("cause"), Trace: str("trace"),
			Started: time.UnixMilli(rapid.Int64Range(1, 1<<42).Draw(t, "started")).UTC(),
		}
		m := wire.Mark{Lane: str("lane"), Epoch: rapid.Int64Min(0).Draw(t, "epoch"), Number: rapid.Int64Min(1).Draw(t, "number")}
		partitions := rapid.IntRange(1, 50).Draw(t, "partitions")
		r, err := wire.Encode(f, e, said, partitions)
		if err != nil {
			t.Fatal(err)
		}
		if r.Topic != "bikes" || string(r.Key) != f.BikeID || r.Partition != kafka.Partition([]byte(f.BikeID), partitions) {
			t.Fatalf("goes to %s/%d with key %q", r.Topic, r.Partition, r.Key)
		}
		wire.Stamp(&r, m)
		r.Time = time.UnixMilli(1_767_268_800_000)
		e.Type, e.Key, e.Time = "bike.mended", f.BikeID, r.Time
		if got, mark, err := wire.Decode(&r); err != nil || got != e || mark != m {
			t.Fatalf("decoded %+v, %v, %v\nwant %+v, %v", got, mark, err, e, m)
		}
		var back Mended
		if err := json.Unmarshal(r.Value, &back); err != nil || fmt.Sprintf("%q", back) != fmt.Sprintf("%q", f) {
			t.Fatalf("the value %s is %q, %v; want %q", r.Value, back, err, f)
		}
	})
}

func record(headers ...string) kafka.Record {
	r := kafka.Record{Topic: "bikes", Partition: 3, Offset: 77, Time: time.UnixMilli(1_767_268_800_000), Key: []byte("bike-7"), Value: []byte("{}")}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, "=")
		r.Headers = append(r.Headers, kafka.Header{Key: name, Value: []byte(value)})
	}
	return r
}

// A console producer gives a type, perhaps, and no more.
func TestAStrangersRecordIsAnEvent(t *testing.T) {
	base := saga.Envelope{ID: "bikes/3/77", Type: "bike.mended", Key: "bike-7", Saga: "bike-7", Time: record().Time, Started: record().Time}
	for _, tt := range []struct {
		name    string
		headers []string
		want    func(*saga.Envelope)
	}{
		{"a type alone", nil, func(*saga.Envelope) {}},
		{"an id of its own", []string{"ce_id=mine"}, func(e *saga.Envelope) { e.ID = "mine" }},
		{"an empty id", []string{"ce_id="}, func(*saga.Envelope) {}},
		{"a saga", []string{"ce_correlationid=repair-1"}, func(e *saga.Envelope) { e.Saga = "repair-1" }},
		{"the saga that its key names", []string{"ce_correlationid=bike-7"}, func(*saga.Envelope) {}},
		{"a start", []string{"ce_sagastarted=2026-01-02T03:04:05.678+05:30"}, func(e *saga.Envelope) {
			e.Started = time.Date(2026, 1, 1, 21, 34, 5, 678_000_000, time.UTC)
		}},
		{"a start that is no time", []string{"ce_sagastarted=yesterday"}, func(*saga.Envelope) {}},
		{"headers of others", []string{"x=y", "ce_subject=z", "ce_time=1", "=nameless"}, func(*saga.Envelope) {}},
		{"a trace", []string{"traceparent=00-1-2-01"}, func(e *saga.Envelope) { e.Trace = "00-1-2-01" }},
	} {
		r, want := record(append(tt.headers, "ce_type=bike.mended")...), base
		tt.want(&want)
		got, mark, err := wire.Decode(&r)
		if !got.Started.Equal(want.Started) || err != nil || mark != (wire.Mark{}) {
			t.Errorf("%s: %+v, %v, %v", tt.name, got, mark, err)
		}
		if got.Started = want.Started; got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}

func TestARecordThatIsNoEventSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, "no header ce_type says what kind of fact this is"},
		{[]string{"ce_type="}, "no header ce_type says what kind of fact this is"},
		{[]string{"ce_type=bike.mended", "lane=nonsense"}, `header lane is "nonsense", want lane/epoch/number`},
		{[]string{"lane=nonsense"}, `header lane is "nonsense", want lane/epoch/number`},
	} {
		r := record(tt.headers...)
		e, _, err := wire.Decode(&r)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: error %v, want %s", tt.headers, err, tt.want)
		}
		if e.ID == "" || e.Key != "bike-7" { // the dead letter names it all the same
			t.Errorf("%q: %+v", tt.headers, e)
		}
	}
}

// P7: receivers keep a record's names, so one whose names no database takes is no event: it has no type.
func TestWhatNoDatabaseTakesIsNoEvent(t *testing.T) {
	long := strings.Repeat("x", wire.MaxNameBytes)
	for name, ok := range map[string]bool{"bike-7": true, long: true, "ä": true, long + "x": false, "\xff": false, "a\x00": false} {
		for _, header := range []string{"", "ce_id", "ce_type", "ce_source", "ce_correlationid", "ce_causationid", "traceparent", "lane"} {
			r := record("ce_type=bike.mended")
			switch value := []byte(name); header {
			case "":
				r.Key = value
			case "lane":
				r.Headers = append(r.Headers, kafka.Header{Key: header, Value: append(value, "/1/1"...)})
			default:
				r.Headers = append(r.Headers, kafka.Header{Key: header, Value: value})
			}
			if e, _, err := wire.Decode(&r); (err == nil) != ok || (e.Type != "") != ok {
				t.Errorf("header %q of %d bytes, %.9q: type %q, %v", header, len(name), name, e.Type, err)
			}
		}
		if _, err := wire.Encode(Mended{BikeID: name}, envelope, said, 12); (err == nil) != ok {
			t.Errorf("said with a key of %d bytes, %.9q: %v", len(name), name, err)
		}
	}
}

func TestMarks(t *testing.T) {
	for text, want := range map[string]wire.Mark{
		"kitchen/3/17/4":                {Lane: "kitchen/3", Epoch: 17, Number: 4},
		"door/a/b/0/0/1":                {Lane: "door/a/b/0", Number: 1},
		"x/1/9223372036854775807":       {Lane: "x", Epoch: 1, Number: 1<<63 - 1},
		"":                              {},
		"/":                             {},
		"//":                            {},
		"/1/2":                          {},
		"kitchen/1":                     {},
		"kitchen/3/17/0":                {},
		"kitchen/3/17/-1":               {},
		"kitchen/3/x/1":                 {},
		"kitchen/3/1/":                  {},
		"kitchen/3/1/1 ":                {},
		"kitchen/1/9223372036854775808": {},
	} {
		got, err := wire.ParseMark(text)
		if got != want || (err == nil) != (want.Lane != "") {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
		if err == nil && got.String() != text {
			t.Errorf("%q reads %q again", text, got)
		}
	}
}

func TestWhatCannotBeSaid(t *testing.T) {
	if _, err := wire.Encode(Mended{"b", []string{"\xff"}}, envelope, said, 12); err == nil || !strings.HasPrefix(err.Error(), "bike.mended can't be written as JSON: ") {
		t.Errorf("text that is not UTF-8: %v", err)
	}
	const around = len(`{"bikeId":"b","parts":[""]}`)
	fits := Mended{"b", []string{strings.Repeat("x", wire.MaxValueBytes-around)}}
	if r, err := wire.Encode(fits, envelope, said, 12); err != nil || len(r.Value) != wire.MaxValueBytes {
		t.Errorf("%d bytes: %v", len(r.Value), err)
	}
	fits.Parts[0] += "x"
	want := "bike.mended has 524289 bytes of JSON, more than the 524288 that are allowed"
	if _, err := wire.Encode(fits, envelope, said, 12); err == nil || err.Error() != want {
		t.Errorf("a byte more: error %v, want %s", err, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("ce_type", []byte("bike.mended"), "lane", []byte("kitchen/3/17/4"))
	f.Add("ce_sagastarted", []byte("2026"), "ce_correlationid", []byte{})
	f.Fuzz(func(t *testing.T, name1 string, value1 []byte, name2 string, value2 []byte) {
		r := kafka.Record{Topic: "t", Headers: []kafka.Header{{Key: name1, Value: value1}, {Key: name2, Value: value2}}}
		e, m, err := wire.Decode(&r)
		if e.ID == "" || err == nil && e.Type == "" || err == nil && m.Lane != "" && m.Number < 1 {
			t.Errorf("%+v, %+v, %v", e, m, err)
		}
	})
}
