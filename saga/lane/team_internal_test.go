package lane

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

func (part) EventType() string { return "part.counted" }
func (part) Topic() string     { return "parts" }
func (p part) Key() string     { return p.Name }

// shardedGroup is a group whose lanes have nothing in common.
func shardedGroup(and ...saga.Part) *saga.Group {
	return saga.Define("tallies", saga.Documents(parts), append(and, saga.On(func(e saga.Event[part]) []saga.Fact {
		parts.Get(e, "all").Count++
		return nil
	}, saga.Uses(parts)))...)
}

func teamOf(p Ports, g *saga.Group, loops int) *team {
	p.Machine = newMachine()
	c := Config{Loops: loops, Batches: 1, Metrics: NewMetrics(prometheus.NewRegistry())}.withDefaults()
	return newTeam(p, c, g, newFeed(p, 8, []*saga.Group{g}, c.Logger), 8, &turns{limit: c.Batches})
}

// claims is a store that takes note of which lanes are claimed, and fails where another has them.
type claims struct {
	Store
	note func(lanes []int) error
}

func (c claims) Claim(_ context.Context, lanes []int, _ int, _ string) ([]*Row, error) {
	return nil, c.note(lanes)
}
func (claims) Close() {}

// The lanes of a process are dealt to the loops of a group that may have several, each to one.
func TestLoopsShareTheLanes(t *testing.T) {
	alone := saga.Define("alone", nil, saga.On(func(saga.Event[part]) []saga.Fact { return nil }))
	if n := len(teamOf(Ports{}, alone, 3).loops); n != 1 {
		t.Errorf("a group without shards has %d loops", n)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		var mu sync.Mutex
		var claimed []int
		loops := 0
		p := Ports{Open: func(context.Context, *saga.Group, int) (Store, error) {
			return claims{note: func(lanes []int) error {
				mu.Lock()
				defer mu.Unlock()
				loops++
				claimed = append(claimed, lanes...)
				if loops == 3 {
					end()
				}
				return errors.New("not today")
			}}, nil
		}}
		if err := teamOf(p, shardedGroup(), 3).hold(ctx, kafka.Assignment{Lanes: []int{0, 2, 3, 5, 7}}); err != nil {
			t.Error(err)
		}
		slices.Sort(claimed)
		if !slices.Equal(claimed, []int{0, 2, 3, 5, 7}) || loops != 3 {
			t.Errorf("%d loops have claimed %v", loops, claimed)
		}
	})
}

// P1: a loop that finds its lanes in other hands takes the whole process back into the consumer group: what it had would stand still
// until the next rebalance.
func TestALoopThatLostItsLanesEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Ports{Open: func(ctx context.Context, _ *saga.Group, _ int) (Store, error) {
			return claims{note: func(lanes []int) error {
				if slices.Contains(lanes, 1) {
					return ErrFenced
				}
				<-ctx.Done()
				return ctx.Err()
			}}, nil
		}}
		began := time.Now()
		if err := teamOf(p, shardedGroup(), 2).hold(t.Context(), kafka.Assignment{Lanes: []int{0, 1, 2, 3}}); !errors.Is(err, ErrFenced) {
			t.Errorf("the lanes were held until %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// P1: an owner that stood still between its claim and what Kafka says is not the one to say that the database was lost.
func TestAnOwnerThatStoodStillStopsNoLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {}}, refuse: func(*Save) error { return ErrFenced }}
		p := Ports{Kafka: &readOn{}, Machine: newMachine(), Open: func(context.Context, *saga.Group, int) (Store, error) { return s, nil }}
		logged := &strings.Builder{}
		g, c := shardedGroup(), Config{Metrics: NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.NewTextHandler(logged, nil))}.withDefaults()
		l := newTeam(p, c, g, newFeed(p, 1, []*saga.Group{g}, c.Logger), 1, &turns{limit: 1}).loops[0]
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		if err := l.hold(ctx, kafka.Assignment{Lanes: []int{0}}); !errors.Is(err, ErrFenced) || strings.Contains(logged.String(), "these lanes stop") {
			t.Errorf("the lanes were held until %v:\n%s", err, logged)
		}
	})
}

// Lanes that stand still, for their place is to be mended by people, are nobody's meanwhile: who is stopped then has not died of an event.
func TestLanesThatStandStillAreReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {}}, fired: map[string]bool{}, refuse: func(*Save) error { return nil }}
		p := Ports{Kafka: &readOn{}, Open: func(context.Context, *saga.Group, int) (Store, error) { return s, nil }}
		ctx, end := context.WithTimeout(t.Context(), 3*stuckFor-time.Second)
		defer end()
		if err := teamOf(p, shardedGroup(), 1).hold(ctx, kafka.Assignment{Lanes: []int{0}}); err != nil || s.claims != 3 || s.freed != s.claims {
			t.Errorf("%v; claimed %d times, they are released %d times", err, s.claims, s.freed)
		}
	})
}

// readOn is a Kafka that another owner has told how far it has read.
type readOn struct{ jobLog }

func (*readOn) Committed(_ context.Context, _ string, all []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.CommittedOffset, error) {
	out := map[kafka.TopicPartition]kafka.CommittedOffset{}
	for _, tp := range all {
		out[tp] = kafka.CommittedOffset{Offset: 2, Metadata: "told"}
	}
	return out, nil
}

// P7: events under suspicion may be another's with the next assignment. Nobody here would clear them, and batches stay small for ever.
func TestAnAssignmentBeginsWithoutSuspects(t *testing.T) {
	l := teamOf(Ports{}, shardedGroup(), 1).loops[0]
	id := taskID{kind: ofEvent, topic: "parts", lane: 3, at: 7}
	l.searches[ofEvent] = search{limit: 1, suspects: map[taskID]bool{id: true}}
	l.condemn(id, errors.New("broken"))
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := l.hold(ctx, kafka.Assignment{Lanes: []int{1}}); err != nil {
		t.Fatal(err)
	}
	if s := l.searches[ofEvent]; len(s.suspects)+len(l.condemned) > 0 || s.limit != l.MaxBatch {
		t.Errorf("there are %d suspects, %d are condemned, and batches have at most %d events", len(s.suspects), len(l.condemned), s.limit)
	}
}

// A part is another's business in a batch that works on another shard, and what lanes share may have changed since.
func TestWhatTheCacheKeeps(t *testing.T) {
	shared := saga.In("shared", func(p *part) saga.Columns { return saga.Columns{{"name", &p.Name}, {"count", &p.Count}} })
	var w saga.Working
	d := w.Put(parts, "all", &part{"all", 3, 1}, true)
	s := w.Put(shared, "all", &part{"all", 3, 1}, true)
	c := &cache{}
	c.put(d)
	c.put(s)
	n := saga.Need{Table: parts, Key: "all"}
	if c.get(n, 3) != d {
		t.Error("the part is not kept")
	}
	if c.get(n, 4) != nil {
		t.Error("it is given away for that of another shard")
	}
	if c.get(saga.Need{Table: shared, Key: "all"}, 3) != nil {
		t.Error("what lanes share is kept")
	}
	for i := range 3 * maxCached {
		c.put(w.Put(parts, strconv.Itoa(i), &part{}, true))
	}
	if n := len(c.recent) + len(c.older); n > 2*maxCached {
		t.Errorf("%d are kept", n)
	}
}
