package sagatest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga"
)

// Script tests one group step by step. A step that does not hold fails the test at its line.
type Script struct {
	t     testing.TB
	world *World
	said  []saga.Fact
	err   error
}

// Group is a script for one group.
func Group(t testing.TB, g *saga.Group) *Script {
	s := &Script{t: t, world: New(g)}
	t.Cleanup(func() {
		if !t.Failed() {
			s.worked() // the last step, too
		}
	})
	return s
}

// World is what the script plays in.
func (s *Script) World() *World { return s.world }

// Given puts documents into the group's tables.
func (s *Script) Given(documents ...any) *Script {
	s.world.Given(documents...)
	return s
}

// Hears delivers one fact.
func (s *Script) Hears(f saga.Fact) *Script {
	s.world.Say(f)
	s.t.Helper()
	return s.step(func() error { return s.world.Run() })
}

// HearsLate delivers one fact of a saga that began this long ago.
func (s *Script) HearsLate(f saga.Fact, age time.Duration) *Script {
	s.world.send(f, saga.Envelope{ID: "late", Source: "/outside", Started: s.world.now.Add(-age), Saga: f.Key()})
	s.t.Helper()
	return s.step(func() error { return s.world.Run() })
}

// Passes lets time pass.
func (s *Script) Passes(d time.Duration) *Script {
	s.t.Helper()
	return s.step(func() error { return s.world.Advance(d) })
}

func (s *Script) step(run func() error) *Script {
	s.t.Helper()
	s.worked()
	before := len(s.world.History)
	s.err = run()
	s.said = nil
	for _, h := range s.world.History[before:] {
		s.said = append(s.said, h.Facts...)
	}
	return s
}

// worked: no step may fail unnoticed, but for one that CannotHandle expects.
func (s *Script) worked() {
	s.t.Helper()
	if s.err != nil {
		s.t.Fatalf("the step failed: %v", s.err)
	}
}

// Says: the last step made the group say exactly these facts.
func (s *Script) Says(facts ...saga.Fact) *Script {
	s.t.Helper()
	s.worked()
	if len(facts) != len(s.said) || len(facts) > 0 && !reflect.DeepEqual(facts, s.said) {
		s.t.Fatalf("says\n  %s\nwant\n  %s", show(s.said), show(facts))
	}
	return s
}

// SaysNothing: the last step made the group say nothing.
func (s *Script) SaysNothing() *Script {
	s.t.Helper()
	return s.Says()
}

// CannotHandle: the last step's event can't be handled, and the reason contains this text.
func (s *Script) CannotHandle(reason string) *Script {
	s.t.Helper()
	if s.err == nil || !strings.Contains(s.err.Error(), reason) {
		s.t.Fatalf("error %v, want one about %q", s.err, reason)
	}
	s.err = nil
	return s
}

// Keeps: the group's tables hold exactly these documents under their keys, whatever the state of their acts.
func (s *Script) Keeps(documents ...any) *Script {
	s.t.Helper()
	s.worked()
	for _, want := range documents {
		p := s.world.placeOf(want)
		t := p.table
		columns := t.Columns(want)
		key := *columns[0].At.(*string)
		got, exists := s.world.load(p, key)
		if !exists {
			s.t.Fatalf("%s has no document %s", t.Name(), key)
		}
		own := len(columns)
		if t.Act(want) != nil {
			own -= len(saga.ActColumns())
		}
		for i, c := range t.Columns(got)[:own] {
			if a, b := show(c.At), show(columns[i].At); a != b {
				s.t.Fatalf("%s %s: %s is %s, want %s", t.Name(), key, c.Name, a, b)
			}
		}
	}
	return s
}

// Act: the group's act with this key stands in this state.
func (s *Script) Act(key string, want saga.State) *Script {
	s.t.Helper()
	s.worked()
	g := s.world.groups[0]
	t := g.Tables()[0]
	d, _ := s.world.load(place{g, t}, key)
	if got := t.Act(d).State(); got != want {
		s.t.Fatalf("the act of %s is %q, want %q", key, got, want)
	}
	return s
}

func show(v any) string {
	if facts, ok := v.([]saga.Fact); ok {
		var lines []string
		for _, f := range facts {
			lines = append(lines, f.EventType()+" "+show(f))
		}
		return strings.Join(lines, "\n  ")
	}
	if c, ok := v.(saga.JSONColumn); ok {
		v = c.V
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(b)
}
