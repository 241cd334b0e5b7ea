package sagacheck_test

import (
	"context"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

type (
	Noted struct{ toOrders }
	Wrote struct {
		toOrders
		To string
	}
	letter struct{ To string }
)

func (Noted) EventType() string { return "noted" }
func (Wrote) EventType() string { return "wrote" }

// writer writes two letters upon one fact, each of which may get lost.
func writer() *saga.Group {
	letters := saga.EffectOf[letter]("letter")
	ask := func(e saga.Event[Noted]) []saga.Fact {
		letters.Request(e, letter{"ann"})
		letters.Request(e, letter{"bob"})
		return nil
	}
	wrote := func(l letter, why saga.Cause) []saga.Fact { return saga.Say(Wrote{toOrders{order{why.Key}}, l.To}) }
	return saga.Define("writer", nil, saga.On(ask, saga.Requests(letters)),
		saga.Performs(letters, time.Hour, func(context.Context, string, letter) error { return nil },
			saga.Performed(wrote, saga.Announces[Wrote]()),
			saga.NotPerformed(wrote, saga.Announces[Wrote]())))
}

// Requests of one key wait beside each other.
func TestEachRequestIsPerformedOnce(t *testing.T) {
	for _, full := range []bool{false, true} {
		r := sagacheck.Explore(sagacheck.World{
			Groups: []*saga.Group{writer()}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Crashes: true, Full: full,
			Final: func(v sagacheck.View) string {
				if v.Said("wrote", "1") != 2 {
					return "two letters are to be written"
				}
				return ""
			},
		})
		if len(r.Findings) > 0 || r.Ends == 0 {
			t.Errorf("full %v: %v %v", full, r, r.Findings)
		}
	}
}

// Who is asked and has no answer holds nobody up.
func TestNobodyWaitsForWhoHasNothingToSay(t *testing.T) {
	silent := saga.Outside("silent", saga.Answers(func(Noted) []saga.Fact { return nil }, saga.Says[Wrote]()))
	r := sagacheck.Explore(sagacheck.World{
		Groups: []*saga.Group{writer()}, Start: saga.Say(Noted{toOrders{order{"1"}}}), Outside: []*saga.Group{silent},
		Final: func(sagacheck.View) string { return "the end is reached" },
	})
	if len(r.Findings) != 1 || r.Ends == 0 {
		t.Errorf("%v %v", r, r.Findings)
	}
}
