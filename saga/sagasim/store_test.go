package sagasim

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/lane/storetest"
)

// simulated is the suite's database in a world in which nothing goes wrong.
type simulated struct {
	process *process
	group   *saga.Group
}

func (d simulated) Open(t testing.TB) lane.Store {
	t.Helper()
	s, err := d.process.open(t.Context(), d.group, storetest.Partitions)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d simulated) schema() *schema { return d.process.world.database.schemas[d.group.Name()] }

func (d simulated) Wish(_ testing.TB, key, wish string) bool { return d.schema().wish(key, wish) }

func (d simulated) Journal(testing.TB) int { return len(d.schema().journals["entries"]) }

// The simulated PostgreSQL means what the real one means.
func TestTheSimulatedPostgresIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, within func(storetest.Database)) {
		g := storetest.Group()
		plan := &Plan{Partitions: storetest.Partitions, Brokers: 1, Sloth: 1, Processes: [][]string{{g.Name()}}}
		w := newWorld(&World{Groups: []*saga.Group{g}}, plan, lane.NewMetrics(prometheus.NewRegistry()), nil)
		p := &process{world: w, name: "p", random: w.random}
		ended := false
		p.start(func() {
			defer func() { ended = true }()
			within(simulated{p, g})
		})
		for !ended && w.step() {
		}
		if !ended {
			t.Error("the test waits for something that never comes")
		}
	})
}
