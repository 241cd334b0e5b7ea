package worlds_test

import (
	"time"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// Loyalty is a group as somebody adds it: who orders gets a point, and loses it again if the order fails.

type granted struct{ OrderID string }

func (granted) EventType() string { return "points.granted" }
func (granted) Topic() string     { return "loyalty" }
func (f granted) Key() string     { return f.OrderID }

type withdrawn struct{ OrderID string }

func (withdrawn) EventType() string { return "points.withdrawn" }
func (withdrawn) Topic() string     { return "loyalty" }
func (f withdrawn) Key() string     { return f.OrderID }

// grant is the group's part in one order.
type grant struct {
	saga.Act
	OrderID string
	Points  int
}

var grants = saga.In("grants", func(g *grant) saga.Columns {
	return saga.Columns{{"order_id", &g.OrderID}, {"points", &g.Points}}
})

func give(g *grant, _ saga.Event[schemas.PaymentRequested]) []saga.Fact {
	g.Points = 1
	return saga.Say(granted{g.OrderID})
}

func withhold(g *grant, _ saga.Event[schemas.PaymentRequested]) []saga.Fact {
	return saga.Say(withdrawn{g.OrderID})
}

func withdraw(g *grant, _ saga.Cause) []saga.Fact {
	g.Points = 0
	return saga.Say(withdrawn{g.OrderID})
}

func keep(*grant, saga.Event[schemas.PaymentSettled]) []saga.Fact { return nil }

// grantByTheClock gives a point more in some seconds than in others.
func grantByTheClock(g *grant, _ saga.Event[schemas.PaymentRequested]) []saga.Fact {
	g.Points = time.Now().Nanosecond()
	return saga.Say(granted{g.OrderID})
}

func loyalty(parts ...saga.Part) *saga.Group {
	return saga.Define("loyalty", saga.Documents(grants), append(parts, saga.Concerns(schemas.OfAnOrder), saga.Then(keep, saga.Closes()))...)
}

// withdraws is the undo as it should be.
func withdraws() saga.Part {
	return saga.Undoes(withdraw, saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded](), saga.Announces[withdrawn]())
}

func gives() saga.Part {
	return saga.Does(give, saga.Refuses(withhold), saga.Announces[granted](), saga.Fails[withdrawn]())
}

func withdrawsUponFailure() *saga.Group {
	return loyalty(gives(), saga.Undoes(withdraw, saga.Upon[schemas.PaymentFailed](), saga.Announces[withdrawn]()))
}

func grantsByTheClock() *saga.Group {
	return loyalty(saga.Does(grantByTheClock, saga.Refuses(withhold), saga.Announces[granted](), saga.Fails[withdrawn]()), withdraws())
}

func saysWhatItDoesNotDeclare() *saga.Group {
	return loyalty(gives(), saga.Undoes(withdraw, saga.Upon[schemas.PaymentFailed](), saga.Upon[schemas.PaymentRefunded]()))
}

// goodLoyalty is the group without a mistake.
func goodLoyalty() *saga.Group { return loyalty(gives(), withdraws()) }

// withLoyalty adds the group to a world, and what must hold of its points.
func withLoyalty(group func() *saga.Group) func(sagacheck.World) sagacheck.World {
	return func(w sagacheck.World) sagacheck.World {
		w.Groups = append(w.Groups, group())
		final := w.Final
		w.Final = func(v sagacheck.View) string {
			if g := sagacheck.Document[grant](v, "o1"); g != nil && g.Points > 0 && v.Said("order.completed", "o1") == 0 {
				return "points for an order that failed"
			}
			return final(v)
		}
		return w
	}
}
