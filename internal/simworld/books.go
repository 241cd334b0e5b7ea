package simworld

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"tiffin/consumers/delivery"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/likes"
	"tiffin/consumers/orders"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/sagasim"
	"tiffin/schemas"
)

// Kept is what groups keep: in the simulator, or in a real database.
type Kept interface {
	// Documents are a table's, or a journal's.
	Documents(group, table string) []any
	Lanes(group string) []lane.Row
	Parked(group string) []lane.ParkedEvent
}

// Books are everything that the audit reads, in memory. They ask the audit's own questions, each under its name and in its
// words; a test of package audit holds the two together.
type Books struct {
	At     time.Time
	Grace  time.Duration
	groups []*saga.Group
	kept   Kept
}

// NewBooks are the books of these groups at a time. Whoever is later than Grace is late.
func NewBooks(groups []*saga.Group, kept Kept, at time.Time, grace time.Duration) *Books {
	return &Books{At: at, Grace: grace, groups: groups, kept: kept}
}

// Wrong is what is wrong with them.
func (b *Books) Wrong() []sagasim.Finding {
	var out []sagasim.Finding
	for _, q := range []struct {
		name  string
		reads string // groups; without one of them there is no answer
		ask   func(say func(format string, args ...any))
	}{
		{"movements", "payments", b.movements},
		{"accounts", "payments", b.accounts},
		{"balances", "payments", b.balances},
		{"escrow", "payments", b.escrow},
		{"payments", "payments", b.payments},
		{"credits", "payments", b.credits},
		{"shelves", "inventory", b.shelves},
		{"reservations", "inventory", b.reservations},
		{"rooms", "kitchen", b.rooms},
		{"couriers", "delivery", b.couriers},
		{"completed", everyGroup, b.completed},
		{"cancelled", everyGroup, b.cancelled},
		{"ends", "orders", b.ends},
		{"known", "inventory orders", b.known},
		{"likes", "likes", b.likes},
		{"overdue", everyGroup, b.overdue},
		{"deadlines", "", b.deadlines},
		{"gaps", "", b.gaps},
		{"parked", "", b.parked},
	} {
		if !b.has(q.reads) {
			continue
		}
		q.ask(func(format string, args ...any) {
			out = append(out, sagasim.Finding{Rule: q.name, What: fmt.Sprintf(format, args...)})
		})
	}
	return out
}

const everyGroup = "orders inventory payments kitchen delivery"

// has says whether all these groups are there.
func (b *Books) has(names string) bool {
	for name := range strings.FieldsSeq(names) {
		if !slices.ContainsFunc(b.groups, func(g *saga.Group) bool { return g.Name() == name }) {
			return false
		}
	}
	return true
}

// all are a table's documents as what they are.
func all[D any](b *Books, group, table string) []*D {
	documents := b.kept.Documents(group, table)
	out := make([]*D, len(documents))
	for i, d := range documents {
		out[i] = d.(*D)
	}
	return out
}

// by finds documents by a key.
func by[D any](documents []*D, key func(*D) string) map[string]*D {
	out := map[string]*D{}
	for _, d := range documents {
		out[key(d)] = d
	}
	return out
}

// keys are all of these keys, sorted, each once.
func keys(sets ...iter.Seq[string]) []string {
	var out []string
	for _, set := range sets {
		out = slices.AppendSeq(out, set)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *Books) ledger() []*payments.Movement {
	return all[payments.Movement](b, "payments", "movements")
}

func (b *Books) movements(say func(string, ...any)) {
	for _, m := range b.ledger() {
		if sum := m.FromAmount + m.ToAmount; sum != 0 {
			say("movement of %s: its legs sum to %d", m.PaymentID, sum)
		}
	}
}

func (b *Books) accountsByID() map[string]*payments.Account {
	return by(all[payments.Account](b, "payments", "accounts"), func(a *payments.Account) string { return a.AccountID })
}

func (b *Books) accounts(say func(string, ...any)) {
	totals := map[string]int64{}
	for _, m := range b.ledger() {
		totals[m.FromAccount] += m.FromAmount
		totals[m.ToAccount] += m.ToAmount
	}
	accounts := b.accountsByID()
	for _, id := range keys(maps.Keys(accounts), maps.Keys(totals)) {
		balance := int64(0)
		if a := accounts[id]; a != nil {
			balance = a.Balance
		}
		if balance != totals[id] {
			say("account %s has %d, its movements make %d", id, balance, totals[id])
		}
	}
}

func (b *Books) balances(say func(string, ...any)) {
	sums := map[string]int64{}
	for _, a := range b.accountsByID() {
		sums[a.Currency] += a.Balance
	}
	for _, currency := range keys(maps.Keys(sums)) {
		if sums[currency] != 0 {
			say("all balances in %s sum to %d", currency, sums[currency])
		}
	}
}

func (b *Books) allPayments() []*payments.Payment {
	return all[payments.Payment](b, "payments", "payments")
}

func (b *Books) escrow(say func(string, ...any)) {
	has, open := map[string]int64{}, map[string]int64{}
	for _, a := range b.accountsByID() {
		if a.Owner == "@escrow" {
			has[a.Currency] = a.Balance
		}
	}
	for _, p := range b.allPayments() {
		if p.Purpose == schemas.ForOrder && p.Moved && p.State() == saga.Done {
			open[p.Amount.Currency] += p.Amount.MinorUnits
		}
	}
	for _, currency := range keys(maps.Keys(has), maps.Keys(open)) {
		if has[currency] != open[currency] {
			say("escrow in %s has %d, open payments make %d", currency, has[currency], open[currency])
		}
	}
}

// moved is how often a payment was paid, refunded and settled, and the smallest and largest of these amounts.
type moved struct {
	paid, refunded, settled int
	least, most             int64
}

func (b *Books) payments(say func(string, ...any)) {
	moves := map[string]*moved{}
	for _, m := range b.ledger() {
		if m.Kind == "credit" {
			continue
		}
		v := moves[m.PaymentID]
		if v == nil {
			v = &moved{least: m.ToAmount, most: m.ToAmount}
			moves[m.PaymentID] = v
		}
		v.least, v.most = min(v.least, m.ToAmount), max(v.most, m.ToAmount)
		switch m.Kind {
		case "pay":
			v.paid++
		case "refund":
			v.refunded++
		case "settle":
			v.settled++
		}
	}
	known := by(b.allPayments(), func(p *payments.Payment) string { return p.PaymentID })
	for _, id := range keys(maps.Keys(known), maps.Keys(moves)) {
		m := moved{}
		if moves[id] != nil {
			m = *moves[id]
		}
		p, state := known[id], saga.State("unknown")
		want := moved{}
		if p != nil {
			state = p.State()
			switch {
			case state == saga.Closed && p.Purpose == schemas.ForOrder:
				want.paid, want.settled = 1, 1
			case state == saga.Undone && m.paid == 1:
				want.paid, want.refunded = 1, 1
			case state == saga.Closed, state == saga.Done && p.Moved:
				want.paid = 1
			}
		}
		switch {
		case m.paid != want.paid || m.refunded != want.refunded || m.settled != want.settled:
			say("payment %s (%s) was paid %d, refunded %d, settled %d times", id, orNone(state, "unknown"), m.paid, m.refunded, m.settled)
		case p == nil || moves[id] == nil:
		case m.least != p.Amount.MinorUnits:
			say("payment %s of %d moved %d", id, p.Amount.MinorUnits, m.least)
		case m.most != p.Amount.MinorUnits:
			say("payment %s of %d moved %d", id, p.Amount.MinorUnits, m.most)
		}
	}
}

func (b *Books) credits(say func(string, ...any)) {
	type given struct {
		times, amount int64
		account       string
	}
	moves := map[string]*given{}
	for _, m := range b.ledger() {
		if m.Kind != "credit" {
			continue
		}
		v := moves[m.PaymentID]
		if v == nil {
			v = &given{account: m.ToAccount}
			moves[m.PaymentID] = v
		}
		v.times, v.amount, v.account = v.times+1, v.amount+m.ToAmount, min(v.account, m.ToAccount)
	}
	known := by(all[payments.Credit](b, "payments", "credits"), func(c *payments.Credit) string { return c.CreditID })
	for _, id := range keys(maps.Keys(known), maps.Keys(moves)) {
		m := given{}
		if moves[id] != nil {
			m = *moves[id]
		}
		c := known[id]
		switch {
		case c == nil:
			say("credit %s was moved %d times, and nobody gave it", id, m.times)
		case m.times != 1:
			say("credit %s was moved %d times", id, m.times)
		case m.amount != c.Amount.MinorUnits || m.account != c.AccountID+"/"+c.Amount.Currency:
			say("credit %s of %d for %s/%s moved %d to %s", id, c.Amount.MinorUnits, c.AccountID, c.Amount.Currency, m.amount, m.account)
		}
	}
}

func (b *Books) dishes() map[string]*inventory.Dish {
	return by(all[inventory.Dish](b, "inventory", "dishes"), func(d *inventory.Dish) string { return d.SKU })
}

func (b *Books) shelves(say func(string, ...any)) {
	totals := map[string]int{}
	for _, d := range all[inventory.Delivery](b, "inventory", "deliveries") {
		totals[d.SKU] += d.Quantity
	}
	dishes := b.dishes()
	for _, sku := range keys(maps.Keys(dishes), maps.Keys(totals)) {
		d := dishes[sku]
		if d == nil {
			d = &inventory.Dish{}
		}
		switch {
		case d.Free+d.Held+d.Sold != d.Delivered:
			say("dish %s: %d free, %d held and %d sold are not the %d delivered", sku, d.Free, d.Held, d.Sold, d.Delivered)
		case d.Delivered != totals[sku]:
			say("dish %s counts %d delivered, its deliveries make %d", sku, d.Delivered, totals[sku])
		}
	}
}

func (b *Books) reservations(say func(string, ...any)) {
	held, sold := map[string]int{}, map[string]int{}
	for _, r := range b.allReservations() {
		for _, item := range r.Items {
			switch r.State() {
			case saga.Done:
				held[item.SKU] += item.Quantity
			case saga.Closed:
				sold[item.SKU] += item.Quantity
			}
		}
	}
	dishes := b.dishes()
	for _, sku := range keys(maps.Keys(dishes), maps.Keys(held), maps.Keys(sold)) {
		d := dishes[sku]
		if d == nil {
			d = &inventory.Dish{}
		}
		if d.Held != held[sku] || d.Sold != sold[sku] {
			say("dish %s counts %d held and %d sold, its reservations make %d and %d", sku, d.Held, d.Sold, held[sku], sold[sku])
		}
	}
}

func (b *Books) allReservations() []*inventory.Reservation {
	return all[inventory.Reservation](b, "inventory", "reservations")
}

func (b *Books) tickets() []*kitchen.Ticket { return all[kitchen.Ticket](b, "kitchen", "tickets") }
func (b *Books) trips() []*delivery.Trip    { return all[delivery.Trip](b, "delivery", "trips") }

func (b *Books) rooms(say func(string, ...any)) {
	cooking := map[string]int{}
	for _, t := range b.tickets() {
		if t.State() == saga.Done && !t.WaitsUntil().IsZero() {
			cooking[t.RestaurantID]++
		}
	}
	rooms := by(all[kitchen.Room](b, "kitchen", "rooms"), func(r *kitchen.Room) string { return r.RestaurantID })
	for _, id := range keys(maps.Keys(rooms), maps.Keys(cooking)) {
		r := rooms[id]
		if r == nil {
			r = &kitchen.Room{}
		}
		switch {
		case r.Free+r.Busy != r.Places:
			say("restaurant %s: %d free and %d busy are not its %d places", id, r.Free, r.Busy, r.Places)
		case r.Busy != cooking[id]:
			say("restaurant %s counts %d busy places, it has %d orders", id, r.Busy, cooking[id])
		}
	}
}

func (b *Books) couriers(say func(string, ...any)) {
	out := map[string]int{}
	for _, t := range b.trips() {
		if t.State() == saga.Done {
			out[t.City]++
		}
	}
	fleets := by(all[delivery.Fleet](b, "delivery", "fleets"), func(f *delivery.Fleet) string { return f.City })
	for _, city := range keys(maps.Keys(fleets), maps.Keys(out)) {
		f := fleets[city]
		if f == nil {
			f = &delivery.Fleet{}
		}
		switch {
		case f.Free+f.Out != f.Couriers:
			say("city %s: %d free and %d on the road are not its %d couriers", city, f.Free, f.Out, f.Couriers)
		case f.Out != out[city]:
			say("city %s counts %d couriers on the road, it has %d trips", city, f.Out, out[city])
		}
	}
}

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

func orNone(s saga.State, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return string(s)
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
			say("order %s is %s, and its timeline has %d ends%s", id, ending, len(ended), of)
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

func (b *Books) likes(say func(string, ...any)) {
	users := map[string]int64{}
	for _, l := range all[likes.Like](b, "likes", "likes") {
		if post, _, _ := strings.Cut(l.LikeID, "/"); l.Liked {
			users[post]++
		}
	}
	posts := by(all[likes.Post](b, "likes", "posts"), func(p *likes.Post) string { return p.PostID })
	for _, id := range keys(maps.Keys(posts), maps.Keys(users)) {
		count := int64(0)
		if p := posts[id]; p != nil {
			count = p.Count
		}
		if count != users[id] {
			say("post %s counts %d likes, %d users like it", id, count, users[id])
		}
	}
}

// longest is the sum of all waits that the groups declare.
func (b *Books) longest() (sum time.Duration) {
	for _, g := range b.groups {
		seen := map[string]bool{}
		for _, r := range g.Reactions() {
			if r.Wait != "" && !seen[r.Wait] {
				seen[r.Wait] = true
				sum += r.Within
			}
		}
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

func (b *Books) overdue(say func(string, ...any)) {
	limit := b.longest() + b.Grace
	for _, o := range b.orders() {
		if age := b.At.Sub(o.PlacedAt); o.Ending == "" && !o.PlacedAt.IsZero() && age > limit && !b.parkedBy("", o.OrderID) {
			say("order %s was placed %s ago", o.OrderID, clock(age))
		}
	}
}

// clock writes a duration as PostgreSQL does.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
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
				say("lane %s/%d has %d gaps", g.Name(), l.Number, l.Gaps)
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
			say("%s, key %s: %d events, %s", g.Name(), k, events[k], reason)
		}
	}
}
