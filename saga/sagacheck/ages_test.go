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

// A saga that goes on under another key is as old there.
func TestASagaIsAsOldUnderAnotherKey(t *testing.T) {
	pack := func(_ *Ticket, e saga.Event[Placed]) []saga.Fact {
		return saga.Say(Accepted{toKitchen{order{"parcel-of-" + e.Fact.ID}}})
	}
	send := func(_ *Hold, e saga.Event[Accepted]) []saga.Fact {
		return saga.Say(Delivered{toOrders(e.Fact.toKitchen)})
	}
	sendNot := func(*Hold, saga.Event[Accepted]) []saga.Fact { panic("nobody has ever tried this") }
	w := sagacheck.World{
		Groups: []*saga.Group{
			saga.Define("kitchen", saga.Documents(tickets), saga.Does(pack, saga.Closes(), saga.Says[Accepted]())),
			saga.Define("parcels", saga.Documents(holds), saga.Does(send, saga.Refuses(sendNot), saga.Closes(), saga.Says[Delivered](), saga.Fails[Lost]())),
		},
		Start: saga.Say(Placed{toOrders{order{"o1"}}}), Ages: true,
	}
	for _, full := range []bool{false, true} {
		w.Full = full
		if got := strings.Join(whats(sagacheck.Verify(w)), "\n"); !strings.Contains(got, "nobody has ever tried this") {
			t.Errorf("found %q", got)
		}
	}
}
