package simworld

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tiffin/consumers/orders"
	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/words"
)

// none is the state of an act that is not there.
const none saga.State = "none"

// parts are the acts of all groups for one order.
type parts struct {
	reservation, payment, ticket, trip saga.State
	cooking                            bool
}

// ended calls f with the parts of each order that has ended so.
func (b *Books) ended(how orders.Status, f func(id string, p parts)) {
	all4 := map[string]*parts{}
	of := func(id string) *parts {
		if all4[id] == nil {
			all4[id] = &parts{none, none, none, none, false}
		}
		return all4[id]
	}
	for _, r := range b.allReservations() {
		of(r.OrderID).reservation = r.State()
	}
	for _, p := range b.allPayments() {
		of(p.PaymentID).payment = p.State()
	}
	for _, t := range b.tickets() {
		of(t.OrderID).ticket, of(t.OrderID).cooking = t.State(), !t.WaitsUntil().IsZero()
	}
	for _, t := range b.trips() {
		of(t.OrderID).trip = t.State()
	}
	for _, o := range b.orders() {
		if o.Ending == how {
			f(o.OrderID, *of(o.OrderID))
		}
	}
}

func (b *Books) orders() []*orders.Order { return all[orders.Order](b, "orders", "orders") }

func (p parts) String() string {
	return fmt.Sprintf("reservation %s, payment %s, ticket %s, trip %s", orNone(p.reservation, "none"), orNone(p.payment, "none"), orNone(p.ticket, "none"), orNone(p.trip, "none"))
}

func (b *Books) completed(say func(string, ...any)) {
	b.ended(orders.Completed, func(id string, p parts) {
		if p.reservation != saga.Closed || p.payment != saga.Closed || p.ticket != saga.Done || p.cooking || p.trip != saga.Closed {
			say("order %s: %s", id, p)
		}
	})
}

func (b *Books) cancelled(say func(string, ...any)) {
	b.ended(orders.Cancelled, func(id string, p parts) {
		if p.reservation == saga.Done || p.reservation == saga.Closed && p.ticket != saga.Closed || p.payment == saga.Done || p.payment == saga.Closed ||
			p.ticket == saga.Done || p.trip == saga.Done || p.trip == saga.Closed {
			say("order %s: %s", id, p)
		}
	})
}

func (b *Books) ends(say func(string, ...any)) {
	lines := map[string][]string{}
	for _, l := range all[orders.Line](b, "orders", "timeline") {
		if l.Type == "order.completed" || l.Type == "order.cancelled" {
			lines[l.OrderID] = append(lines[l.OrderID], l.Type)
		}
	}
	known := by(b.orders(), func(o *orders.Order) string { return o.OrderID })
	for _, id := range keys(maps.Keys(known), maps.Keys(lines)) {
		o, ended := known[id], lines[id]
		ending := orders.Status("")
		if o != nil {
			ending = o.Ending
		}
		switch {
		case ending == "" && len(ended) > 0:
			say("order %s has not ended, and its timeline has an end", id)
		case ending != "" && (len(ended) != 1 || slices.Min(ended) != "order."+string(ending)):
			of := ""
			if len(ended) > 0 {
				of = ", " + slices.Min(ended)
			}
			say("order %s is %s, and its timeline has %s%s", id, ending, words.Count(len(ended), "end"), of)
		case o != nil && (ending == "") == (o.State() == saga.Closed):
			open := string(ending)
			if open == "" {
				open = "open"
			}
			say("order %s is %s, and its act is %s", id, open, orNone(o.State(), "new"))
		}
	}
}

func (b *Books) known(say func(string, ...any)) {
	known := by(b.orders(), func(o *orders.Order) string { return o.OrderID })
	for _, r := range b.allReservations() {
		o := known[r.OrderID]
		if r.State() != saga.New && r.State() != saga.Barred && (o == nil || o.PlacedAt.IsZero()) {
			say("order %s has a reservation (%s), and was never placed", r.OrderID, r.State())
		}
	}
}

// longest is the sum of all waits that the groups declare.
func (b *Books) longest() (sum time.Duration) {
	for _, g := range b.groups {
		sum += g.Waiting()
	}
	return sum
}

// parkedBy says whether the group has parked the key; any group has, if none is named.
func (b *Books) parkedBy(group, key string) bool {
	for _, g := range b.groups {
		if group != "" && g.Name() != group {
			continue
		}
		if slices.ContainsFunc(b.kept.Parked(g.Name()), func(p lane.ParkedEvent) bool { return p.Key == key }) {
			return true
		}
	}
	return false
}

func (b *Books) open(say func(string, ...any)) {
	limit := b.longest() + b.Grace
	for _, o := range b.orders() {
		if age := b.At.Sub(o.PlacedAt); o.Ending == "" && !o.PlacedAt.IsZero() && age > limit && !b.parkedBy("", o.OrderID) {
			say("order %s was placed %s ago", o.OrderID, clock(age))
		}
	}
}

func (b *Books) deadlines(say func(string, ...any)) {
	for _, g := range b.groups {
		if !g.HasAct() {
			continue
		}
		t := g.Tables()[0]
		for _, d := range b.kept.Documents(g.Name(), t.Name()) {
			a, key := t.Act(d), *t.Columns(d)[0].At.(*string)
			if late := b.At.Sub(a.WaitsUntil()); !a.WaitsUntil().IsZero() && late > b.Grace && !b.parkedBy(g.Name(), key) {
				say("%s, key %s: %s is due since %s", g.Name(), key, a.Waiting(), clock(late))
			}
		}
	}
}

func (b *Books) gaps(say func(string, ...any)) {
	for _, g := range b.groups {
		for _, l := range b.kept.Lanes(g.Name()) {
			if l.Gaps > 0 {
				say("lane %s/%d has %s", g.Name(), l.Number, words.Count(l.Gaps, "gap"))
			}
		}
	}
}

func (b *Books) parked(say func(string, ...any)) {
	for _, g := range b.groups {
		events, reasons := map[string]int{}, map[string]string{}
		for _, p := range b.kept.Parked(g.Name()) {
			events[p.Key]++
			if reasons[p.Key] == "" {
				reasons[p.Key] = p.Reason
			}
		}
		for _, k := range keys(maps.Keys(events)) {
			reason := reasons[k]
			if reason == "" {
				reason = "no reason"
			}
			say("%s, key %s: %s, %s", g.Name(), k, words.Count(events[k], "event"), reason)
		}
	}
}
