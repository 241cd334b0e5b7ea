package lane

import (
	"testing"

	"tiffin/saga"
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
		q.take(3, func(int) bool { return true })
		if total, urgent := q.waiting(everywhere); total != 0 || urgent != 0 {
			t.Errorf("then %d wait, %d are urgent", total, urgent)
		}
	}
}

func everywhere(int) bool { return true }
