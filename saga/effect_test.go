package saga_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/saga/sagatest"
)

type (
	invited struct{ ID string }
	wrote   struct{ ID string }
	gaveUp  struct{ ID, Why string }
)

func (invited) EventType() string { return "guest.invited" }
func (wrote) EventType() string   { return "letter.written" }
func (gaveUp) EventType() string  { return "letter.given-up" }
func (invited) Topic() string     { return "guests" }
func (wrote) Topic() string       { return "letters" }
func (gaveUp) Topic() string      { return "letters" }
func (f invited) Key() string     { return f.ID }
func (f wrote) Key() string       { return f.ID }
func (f gaveUp) Key() string      { return f.ID }

type letter struct{ To string }

var letters = saga.EffectOf[letter]("letter")

func write(context.Context, string, letter) error { return nil }

func invite(e saga.Event[invited]) []saga.Fact {
	letters.Request(e, letter{e.Fact.ID})
	return nil
}

func secretary(options ...saga.Option) *saga.Group {
	return saga.Define("secretary", nil,
		saga.On(invite, options...),
		saga.Performs(letters, time.Minute, write,
			saga.Performed(func(_ letter, why saga.Cause) []saga.Fact { return saga.Say(wrote{why.Key}) }, saga.Says[wrote]()),
			saga.NotPerformed(func(_ letter, why saga.Cause) []saga.Fact { return saga.Say(gaveUp{why.Key, why.Attempt.Failure}) }, saga.Says[gaveUp]())))
}

func TestAnEffectIsRequestedAndItsOutcomeHeard(t *testing.T) {
	sagatest.Group(t, secretary(saga.Requests(letters))).Hears(invited{"ann"}).Says(wrote{"ann"})
	s := sagatest.Group(t, secretary(saga.Requests(letters)))
	s.World().Perform = func(r saga.Request) error {
		if r.ID == "" || r.Effect != "letter" || r.Data != (letter{"ann"}) {
			t.Errorf("requested %+v", r)
		}
		return errors.New("no stamps")
	}
	s.Hears(invited{"ann"}).Says(gaveUp{"ann", "no stamps"})
}

func TestAnUndeclaredRequestIsRefused(t *testing.T) {
	sagatest.Group(t, secretary()).Hears(invited{"ann"}).CannotHandle("add saga.Requests(...)")
}

func TestARequestThatNobodyPerformsIsRefused(t *testing.T) {
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "add saga.Performs(...)") {
			t.Errorf("panics with %q", p)
		}
	}()
	saga.Define("secretary", nil, saga.On(invite, saga.Requests(letters)))
}

// The exploration lets an effect succeed and fail.
func TestAnEffectsOutcomesAreExplored(t *testing.T) {
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{secretary(saga.Requests(letters))}, Start: []saga.Fact{invited{"ann"}, invited{"bob"}}, Crashes: true,
		Final: func(v sagacheck.View) string {
			for _, guest := range []string{"ann", "bob"} {
				if v.Said("letter.written", guest)+v.Said("letter.given-up", guest) != 1 {
					return guest + "'s letter has no outcome, or two"
				}
			}
			return ""
		},
	})
	if len(r.Findings) > 0 || len(r.Gaps) > 0 || len(r.EndStates) != 4 {
		t.Errorf("%v, findings %v, gaps %v; want the 4 ends of two letters", r, r.Findings, r.Gaps)
	}
}
