package lane

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// answers is a store whose saves end so.
type answers struct {
	Store
	err error
}

func (a answers) Save(context.Context, *Save) error { return a.err }

// An owner that has lost its lanes without noticing sees things that are not so. Nobody must be alarmed by them: what is logged
// as an error has been committed.
func TestNobodyIsAlarmedByABatchThatComesToNothing(t *testing.T) {
	for _, err := range []error{ErrFenced, nil} {
		var said strings.Builder
		g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
		l := &loop{
			ports: Ports{Machine: newMachine()}, group: g, partitions: 1, now: newMachine().Now, cache: &cache{},
			metrics: NewMetrics(prometheus.NewRegistry()).of("counter"), log: slog.New(slog.NewTextHandler(&said, nil)),
		}
		row := &Row{Next: map[string]int64{}, Numbers: map[string]int64{}, Marks: map[string]Mark{}, Parked: map[string]int{}}
		b := l.newBatch()
		b.parkEvent(newLane(row), &event{topic: "rumours", record: &kafka.Record{}, Envelope: saga.Envelope{Key: "k"}}, "broken")
		if got := b.commit(context.Background(), answers{err: err}); !errors.Is(got, err) {
			t.Fatalf("commit: %v", got)
		}
		if alarmed := strings.Contains(said.String(), "a key is parked"); alarmed != (err == nil) {
			t.Errorf("saved with %v, and logged %q", err, said.String())
		}
	}
}

// P7: a dead letter fits, whatever of its record was too large; else it would be sent for ever, and its lane stand still.
func TestADeadLetterFits(t *testing.T) {
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	large := make([]byte, 1<<20)
	for name, r := range map[string]kafka.Record{
		"key":     {Key: large},
		"value":   {Key: []byte("k"), Value: large},
		"header":  {Key: []byte("k"), Headers: []kafka.Header{{Key: wire.HeaderLane, Value: large}, {Key: "last", Value: []byte("x")}}},
		"name":    {Key: []byte("k"), Headers: []kafka.Header{{Key: string(large)}}},
		"headers": {Key: []byte("k"), Headers: make([]kafka.Header, 1<<18)},
		"small":   {Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "h", Value: []byte("x")}}},
	} {
		l := &loop{group: g, now: newMachine().Now}
		b := l.newBatch()
		b.deadLetter(newLane(&Row{}), &event{topic: "rumours", record: &r}, "broken \xff\x00"+string(large))
		got := b.said[0].record
		if n := len(encodeRecords([]kafka.Record{got})); n > maxDeadLetterBytes+2*maxReasonBytes {
			t.Errorf("%s: %d bytes", name, n)
		}
		if name == "small" && (string(got.Key) != "k" || string(got.Value) != "v" || got.Headers[0].Key != "h" || string(got.Headers[0].Value) != "x") {
			t.Errorf("what is small is cut: %+v", got)
		}
	}
}
