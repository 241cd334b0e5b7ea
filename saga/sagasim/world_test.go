package sagasim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tiffin/saga"
	"tiffin/saga/sagasim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A small choreography: a box office sells seats, and whoever has paid gets in; who does not pay in time loses the seat.
type (
	wanted struct{ ID, Show string }
	sold   struct{ ID string }
	lapsed struct{ ID string }
	paid   struct{ ID string }
	seated struct{ ID string }
)

func (wanted) EventType() string { return "seat.wanted" }
func (sold) EventType() string   { return "seat.sold" }
func (lapsed) EventType() string { return "seat.lapsed" }
func (paid) EventType() string   { return "seat.paid" }
func (seated) EventType() string { return "guest.seated" }
func (wanted) Topic() string     { return "office" }
func (sold) Topic() string       { return "office" }
func (lapsed) Topic() string     { return "office" }
func (paid) Topic() string       { return "bank" }
func (seated) Topic() string     { return "hall" }
func (f wanted) Key() string     { return f.ID }
func (f sold) Key() string       { return f.ID }
func (f lapsed) Key() string     { return f.ID }
func (f paid) Key() string       { return f.ID }
func (f seated) Key() string     { return f.ID }

type seat struct {
	saga.Act
	ID, Show string
}

type show struct {
	Name             string
	Sold, Back, Paid int
}

type guests struct {
	Hall      string
	Shard, In int
}

var (
	seats = saga.In("seats", func(s *seat) saga.Columns { return saga.Columns{{"id", &s.ID}, {"show", &s.Show}} })
	shows = saga.In("shows", func(s *show) saga.Columns {
		return saga.Columns{{"name", &s.Name}, {"sold", &s.Sold}, {"back", &s.Back}, {"paid", &s.Paid}}
	})
	halls = saga.In("halls", func(g *guests) saga.Columns {
		return saga.Columns{{"hall", &g.Hall}, {"shard", &g.Shard}, {"in", &g.In}}
	}).Sharded(func(g *guests) *int { return &g.Shard })
)

// office sells seats. A careless one does not put back what lapses.
func office(careless bool) *saga.Group {
	return saga.Define("office", saga.Documents(seats, shows),
		saga.Does(func(s *seat, e saga.Event[wanted]) []saga.Fact {
			s.Show = e.Fact.Show
			shows.Get(e, s.Show).Sold++
			return saga.Say(sold{s.ID})
		}, saga.Uses(shows), saga.Says[sold]()),
		saga.Within(4*time.Second,
			saga.Then(func(s *seat, e saga.Event[paid]) []saga.Fact {
				shows.Get(e, s.Show).Paid++
				return saga.Say(seated{s.ID})
			}, saga.Uses(shows), saga.ClosesWith[seated]()),
			saga.Else(func(s *seat, why saga.Cause) []saga.Fact {
				if !careless {
					shows.Get(why, s.Show).Back++
				}
				return saga.Say(lapsed{s.ID})
			}, saga.Uses(shows), saga.Fails[lapsed]())))
}

// hall counts who is in. Several loops of a process share its lanes.
func hall() *saga.Group {
	return saga.Define("hall", saga.Documents(halls),
		saga.On(func(e saga.Event[seated]) []saga.Fact {
			halls.Get(e, "great").In++
			return nil
		}, saga.Uses(halls)),
		saga.On(func(saga.Event[lapsed]) []saga.Fact { return nil }))
}

func theatre(careless bool) sagasim.World {
	return sagasim.World{
		Groups: []*saga.Group{office(careless), hall()},
		Outside: []*saga.Group{
			saga.Outside("customer", saga.Begins[wanted](),
				saga.Answers(func(f sold) []saga.Fact { return saga.Say(paid(f)) }, saga.Says[paid]())),
		},
		Saga: func(r *rand.Rand, n int) []sagasim.Saying {
			return []sagasim.Saying{{Fact: wanted{fmt.Sprint("s", n), []string{"early", "late"}[r.IntN(2)]}}}
		},
		Judge: func(e *sagasim.End) (wrong []sagasim.Finding) {
			paid, in := 0, 0
			for _, d := range e.Documents("office", "shows") {
				s := d.(*show)
				paid += s.Paid
				if s.Sold != s.Paid+s.Back {
					wrong = append(wrong, sagasim.Finding{Rule: "seats", What: fmt.Sprintf("show %s: %d sold, %d paid, %d back", s.Name, s.Sold, s.Paid, s.Back)})
				}
			}
			for _, d := range e.Documents("hall", "halls") {
				in += d.(*guests).In
			}
			if len(e.Groups()) == 2 && paid != in {
				wrong = append(wrong, sagasim.Finding{Rule: "guests", What: fmt.Sprintf("%d have paid, %d are in", paid, in)})
			}
			return wrong
		},
	}
}

func TestAChoreographyOfOnesOwn(t *testing.T) {
	if r := theatre(false).Hunt(t.Context(), sagasim.Hunt{Seeds: 300}); r.Failed != nil {
		t.Error(r)
	}
}

func TestACarelessReactionIsFound(t *testing.T) {
	r := theatre(true).Hunt(t.Context(), sagasim.Hunt{Seeds: 300})
	if r.Failed == nil || r.Failed.Findings[0].Rule != "seats" {
		t.Fatalf("the seats that lapse are not missed: %s", r)
	}
	if text := r.String(); !strings.Contains(text, "seats: show") || !strings.Contains(text, "seat.wanted of s") {
		t.Errorf("the report says\n%s", text)
	}
	// One seat and one process are enough. Whoever leaves a process out gets other chances too, so not each run shows it.
	for range 10 {
		if p := r.Shrunk.Plan; len(p.Sayings) == 1 && len(p.Faults) == 0 && len(p.Processes) == 1 {
			return
		}
		if r = theatre(true).Hunt(t.Context(), sagasim.Hunt{From: r.Failed.Plan.Seed + 1, Seeds: 300}); r.Failed == nil {
			break
		}
	}
	t.Errorf("no run is made as small as it can be:\n%s", r)
}

// Each kind of fault happens in a hundred plans, strikes, and says what it is.
func TestEachKindOfFaultHappens(t *testing.T) {
	w := theatre(false)
	for _, kind := range sagasim.Kinds() {
		happened := false
		for seed := range uint64(100) {
			p := w.Plan(seed, sagasim.Options{Kinds: []sagasim.Kind{kind}})
			if len(p.Faults) == 0 {
				continue
			}
			r := w.PlayTraced(p)
			if len(r.Findings) > 0 {
				t.Errorf("%s: %s\n%s", kind, r.Findings[0], p)
			}
			text := strings.TrimSpace(p.Faults[0].String())
			if strings.HasSuffix(text, string(kind)) && kind != sagasim.Dies {
				t.Errorf("%s has no words", kind)
			}
			if happened = happened || strings.Contains(r.Trace, "fault: ") && (!p.Faults[0].Strikes() || strings.Contains(r.Trace, "strikes: ")); happened {
				break
			}
		}
		if !happened {
			t.Errorf("no fault of kind %s happens", kind)
		}
	}
	if err := (sagasim.Options{Kinds: []sagasim.Kind{"locusts"}}).Validate(); err == nil || !slices.Contains(sagasim.Kinds(), sagasim.Halfway) {
		t.Errorf("locusts: %v", err)
	}
}

// A seat that is given back before it was wanted.
type returned struct{ ID string }

func (returned) EventType() string { return "seat.returned" }
func (returned) Topic() string     { return "hall" }
func (f returned) Key() string     { return f.ID }

// P3: an undo that was first bars what it undoes, however long that waits in a backlog of ours: it was said in time.
func TestAMarkOutlivesABacklog(t *testing.T) {
	seats := saga.In("seats", func(s *seat) saga.Columns { return saga.Columns{{"id", &s.ID}, {"show", &s.Show}} })
	w := sagasim.World{
		Groups: []*saga.Group{saga.Define("office", saga.Documents(seats), saga.Life(time.Second),
			saga.Does(func(s *seat, _ saga.Event[wanted]) []saga.Fact { return saga.Say(sold{s.ID}) },
				saga.Refuses(func(s *seat, _ saga.Event[wanted]) []saga.Fact { return saga.Say(lapsed{s.ID}) }),
				saga.Announces[sold](), saga.Fails[lapsed](), saga.Announces[lapsed]()),
			saga.Undoes(func(s *seat, _ saga.Cause) []saga.Fact { return saga.Say(lapsed{s.ID}) }, saga.Upon[returned](), saga.Announces[lapsed]()))},
		Outside: []*saga.Group{saga.Outside("people", saga.Begins[wanted](), saga.Begins[returned]())},
		Saga: func(_ *rand.Rand, n int) []sagasim.Saying {
			id := fmt.Sprint("s", n)
			return []sagasim.Saying{{Fact: wanted{ID: id}}, {Fact: returned{id}}}
		},
		Judge: func(e *sagasim.End) (wrong []sagasim.Finding) {
			back := map[string]bool{}
			for _, f := range e.Said() {
				back[f.Key] = back[f.Key] || f.Type == returned{}.EventType()
			}
			for _, d := range e.Documents("office", "seats") {
				if s := d.(*seat); s.State() == saga.Done && back[s.ID] {
					wrong = append(wrong, sagasim.Finding{Rule: "sold", What: s.ID + " is sold, and was given back when it was wanted"})
				}
			}
			return wrong
		},
	}
	kinds := []sagasim.Kind{sagasim.Dies, sagasim.DiesAfter, sagasim.Restarts, sagasim.Stops, sagasim.KafkaDown}
	if r := w.Hunt(t.Context(), sagasim.Hunt{Seeds: 500, Options: sagasim.Options{Kinds: kinds}}); r.Failed != nil {
		t.Errorf("%v", r)
	}
}
