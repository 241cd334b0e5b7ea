package sagacheck_test

import (
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// A saga may be too old for one group, and not for another that lets one be older.
func TestASagaIsTooOldForEachGroupByItsOwnLife(t *testing.T) {
	hold := func(_ *Hold, e saga.Event[Placed]) []saga.Fact { return saga.Say(Held{toStock(e.Fact.toOrders)}) }
	console := func(_ *Payment, e saga.Event[NotHeld]) []saga.Fact {
		return saga.Say(Refunded{toPayments(e.Fact.toStock)})
	}
	consoleNot := func(_ *Payment, e saga.Event[NotHeld]) []saga.Fact {
		return saga.Say(NotPaid{toPayments(e.Fact.toStock)})
	}
	for _, tt := range []struct {
		stock, bank time.Duration
		want, way   string
	}{
		{time.Hour, time.Hour, "", ""},
		{2 * time.Hour, time.Hour, "", ""},
		{time.Hour, 2 * time.Hour, "somebody is consoled", "clock: o1 is now too old for stock\n"},
	} {
		w := sagacheck.World{
			Groups: []*saga.Group{
				saga.Define("stock", saga.Documents(holds), saga.Life(tt.stock),
					saga.Does(hold, saga.Refuses(holdNot), saga.Closes(), saga.Says[Held](), saga.Fails[NotHeld]())),
				saga.Define("bank", saga.Documents(payments), saga.Life(tt.bank),
					saga.Does(console, saga.Refuses(consoleNot), saga.Closes(), saga.Says[Refunded](), saga.Fails[NotPaid]())),
			},
			Start: saga.Say(Placed{toOrders{order{"o1"}}}), Ages: true,
			Final: func(v sagacheck.View) string {
				if v.Said("refunded", "o1") > 0 {
					return "somebody is consoled"
				}
				return ""
			},
		}
		r := sagacheck.Verify(w)
		if got := strings.Join(whats(r), "\n"); got != tt.want {
			t.Errorf("stock %v, bank %v: %q, want %q", tt.stock, tt.bank, got, tt.want)
		}
		if len(r.Findings) > 0 && !strings.Contains(r.Findings[0].Diagram(), tt.way) {
			t.Errorf("drawn as\n%s", r.Findings[0].Diagram())
		}
	}
}
