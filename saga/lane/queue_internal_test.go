package lane

import (
	"log/slog"
	"testing"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

type heard struct{ ID string }

func (heard) EventType() string { return "rumour.heard" }
func (heard) Topic() string     { return "rumours" }
func (f heard) Key() string     { return f.ID }

// What a patient group hears waits for company; what any other group hears is handled at once.
func TestWhatIsUrgent(t *testing.T) {
	count := saga.On(func(saga.Event[heard]) []saga.Fact { return nil })
	for _, test := range []struct {
		group  *saga.Group
		urgent int
	}{
		{saga.Define("counter", nil, count), 2},
		{saga.Define("counter", nil, count, saga.Patiently()), 0},
	} {
		rings := &bell{rung: make(chan struct{}, 1)}
		q := newQueue(test.group, []int{0}, 10, rings)
		of := func(eventType string) *event { return &event{Envelope: saga.Envelope{Type: eventType}} }
		q.put([]*event{of("rumour.heard"), of("rumour.heard"), of("rumour.denied")})
		if total, urgent := q.waiting(everywhere); total != 3 || urgent != test.urgent || len(rings.rung) != min(1, test.urgent) {
			t.Errorf("%d wait, %d are urgent, want %d; %d wake", total, urgent, test.urgent, len(rings.rung))
		}
		q.take(3, everywhere)
		if total, urgent := q.waiting(everywhere); total != 0 || urgent != 0 {
			t.Errorf("then %d wait, %d are urgent", total, urgent)
		}
	}
}

// What is urgent in a lane that has to wait is no reason to handle at once what is not, in others.
func TestWhatIsUrgentInALaneThatWaits(t *testing.T) {
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	q := newQueue(g, []int{0, 1}, 10, newMachine().Bell())
	q.put([]*event{{lane: 0, Envelope: saga.Envelope{Type: "rumour.heard"}}, {lane: 1, Envelope: saga.Envelope{Type: "rumour.denied"}}})
	for sending, want := range []int{0, 1} {
		if total, urgent := q.waiting(func(e *event) bool { return e.lane != sending }); total != 1 || urgent != want {
			t.Errorf("while lane %d waits, %d are ready, %d of them urgent, want %d", sending, total, urgent, want)
		}
	}
}

// P6: what waits for a loop, and what is kept for groups that are behind, is bounded in bytes, too: facts may be large.
func TestLargeFactsWaitInKafka(t *testing.T) {
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	m := newMachine()
	q := newQueue(g, []int{0}, 8000, m.Bell())
	f := newFeed(Ports{Machine: m}, 1, []*saga.Group{g}, slog.New(slog.DiscardHandler))
	value := make([]byte, 512<<10)
	tp, n := kafka.TopicPartition{Topic: "rumours"}, int64(0)
	for ; q.hasRoom(); n++ {
		events := f.decode([]kafka.Record{{Topic: tp.Topic, Offset: n, Value: value}})
		q.put(events)
		f.retain(tp, events, n, n+1)
	}
	if n > 128 || f.retained.bytes > retainedBytes {
		t.Errorf("%d facts of 512 KB wait, %d bytes are kept", n, f.retained.bytes)
	}
	f.retain(tp, f.decode([]kafka.Record{{Topic: tp.Topic, Offset: n, Value: value}}), n, n+1)
	if f.retained.bytes > retainedBytes {
		t.Errorf("%d bytes are kept", f.retained.bytes)
	}
	if q.take(1, everywhere); !q.hasRoom() {
		t.Error("there is no room when one has been taken")
	}
	if f.remember(); f.retained != (amount{}) {
		t.Errorf("%v are kept for nobody", f.retained)
	}
}

func everywhere(*event) bool { return true }
