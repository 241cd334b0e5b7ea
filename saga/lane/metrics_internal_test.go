package lane

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// shows is what a metric shows now, of all labels together.
func shows(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// What a group has before it is shown as long as it has its lanes, also while the database is away, and is another's to show then. Events
// are counted when they are handled, however often that has been tried.
func TestMetricsWhileTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		r := prometheus.NewRegistry()
		saves, opened := 0, 0
		s := &jobStore{rows: map[int]*Row{0: {Parked: map[string]int{"held": 3}}}, fired: map[string]bool{}}
		s.refuse = func(*Save) error {
			if saves++; saves > 20 && saves < 25 {
				return errors.New("away")
			}
			return nil
		}
		p := Ports{Kafka: &jobLog{began: time.Now(), every: 100 * time.Millisecond}, Machine: newMachine()}
		p.Open = func(context.Context, *saga.Group, int) (Store, error) {
			if opened++; opened == 1 {
				return s, nil
			}
			if parked := shows(t, r, "tiffin_group_parked_events"); parked != 3 {
				t.Errorf("attempt %d to connect: %v parked events are shown, want 3", opened, parked)
			}
			if opened < 6 {
				return nil, errors.New("away")
			}
			return s, nil
		}
		g := jobbers()
		c := Config{Metrics: NewMetrics(r), Logger: slog.New(slog.DiscardHandler)}.withDefaults()
		f := newFeed(p, 1, []*saga.Group{g}, c.Logger)
		team := newTeam(p, c, g, f, 1, &turns{limit: 1})
		read := make(chan bool)
		go func() { f.run(ctx); close(read) }()
		go func() {
			p.Machine.Pause(ctx, 50*time.Second)
			if parked := shows(t, r, "tiffin_group_parked_events"); parked != 3 {
				t.Errorf("after the next claim %v parked events are shown, want 3", parked)
			}
			end()
		}()
		if err := team.hold(ctx, kafka.Assignment{Lanes: []int{0}, Commit: func(context.Context, []kafka.Offset) error { return nil }}); err != nil {
			t.Error(err)
		}
		<-read
		if parked := shows(t, r, "tiffin_group_parked_events"); parked != 0 {
			t.Errorf("%v parked events are shown of lanes that are another's", parked)
		}
		if counted, handled := shows(t, r, "tiffin_group_events_total"), s.rows[0].Next["jobs"]; opened < 7 || int64(counted) != handled {
			t.Errorf("after %d connections %v events are counted, %d were handled", opened, counted, handled)
		}
	})
}
