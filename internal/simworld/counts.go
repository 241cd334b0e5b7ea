package simworld

import (
	"fmt"
	"maps"

	"tiffin/consumers/analytics"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagasim"
	"tiffin/schemas"
)

// miscounted is what only the log can tell: that each fact in it has had its effect once, where nothing but the runtime sees to
// that. Analytics counts, and the timeline lists, whatever comes.
func (b *Books) miscounted(e *sagasim.End) []sagasim.Finding {
	var out []sagasim.Finding
	say := func(what string, has, want int64) {
		if has != want {
			out = append(out, sagasim.Finding{Rule: "counted", What: fmt.Sprintf("%s: %d, and they are %d", what, has, want)})
		}
	}
	said := map[string]int64{}               // type -> facts
	ofOrder := map[string]map[string]int64{} // order -> type -> facts
	for _, f := range e.Said() {
		said[f.Type]++
		if ofOrder[f.Key] == nil {
			ofOrder[f.Key] = map[string]int64{}
		}
		ofOrder[f.Key][f.Type]++
	}
	b.counts(say, said)
	b.timelines(say, ofOrder)
	return out
}

// counts compares what analytics counts.
func (b *Books) counts(say func(what string, has, want int64), said map[string]int64) {
	if !b.has("analytics") {
		return
	}
	var ends analytics.Ends
	for _, d := range all[analytics.Ends](b, "analytics", "ends") {
		ends = *d
	}
	say("analytics counts orders that were placed", ends.Placed, said["stock.reserved"]+said["stock.rejected"])
	say("analytics counts completed orders", ends.Completed, said["order.completed"])
	say("analytics counts cancelled orders", ends.Cancelled, said["order.cancelled"])
	var likes, unlikes int64
	for _, d := range all[analytics.Day](b, "analytics", "days") {
		likes, unlikes = likes+d.Likes, unlikes+d.Unlikes
	}
	say("analytics counts likes", likes, said["post.liked"])
	say("analytics counts unlikes", unlikes, said["post.unliked"])
	b.money(say)
}

// timelines compares what the orders' timelines list.
func (b *Books) timelines(say func(what string, has, want int64), ofOrder map[string]map[string]int64) {
	if !b.has("orders") {
		return
	}
	lines := map[string]map[string]int64{}
	for _, l := range all[orders.Line](b, "orders", "timeline") {
		if lines[l.OrderID] == nil {
			lines[l.OrderID] = map[string]int64{}
		}
		lines[l.OrderID][l.Type]++
	}
	for _, id := range keys(maps.Keys(lines)) {
		for _, kind := range keys(maps.Keys(lines[id])) {
			say("the timeline of "+id+" has "+kind, lines[id][kind], ofOrder[id][kind])
		}
	}
}

// money compares what analytics counts with the ledger.
func (b *Books) money(say func(what string, has, want int64)) {
	if !b.has("payments") {
		return
	}
	var counted analytics.Money
	for _, m := range all[analytics.Money](b, "analytics", "money") {
		counted = *m // there is one currency
	}
	purposes := by(b.allPayments(), func(p *payments.Payment) string { return p.PaymentID })
	moved := map[string]int64{}
	for _, m := range b.ledger() {
		kind := m.Kind
		if p := purposes[m.PaymentID]; p != nil && p.Purpose == schemas.Transfer && p.State() != saga.New {
			kind = "transfer"
		}
		moved[kind] += m.ToAmount
	}
	say("analytics counts money paid", counted.Paid, moved["pay"])
	say("analytics counts money refunded", counted.Refunded, moved["refund"])
	say("analytics counts money settled", counted.Settled, moved["settle"])
	say("analytics counts money transferred", counted.Transferred, moved["transfer"])
}
