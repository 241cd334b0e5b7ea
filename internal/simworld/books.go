package simworld

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/sagasim"
	"tiffin/saga/words"
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
		{"open", everyGroup, b.open},
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
			say("payment %s (%s) was paid %d, refunded %d, settled %s", id, orNone(state, "unknown"), m.paid, m.refunded, words.Count(m.settled, "time"))
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
			say("credit %s was moved %s, and nobody gave it", id, words.Count(m.times, "time"))
		case m.times != 1:
			say("credit %s was moved %s", id, words.Count(m.times, "time"))
		case m.amount != c.Amount.MinorUnits || m.account != c.AccountID+"/"+c.Amount.Currency:
			say("credit %s of %d for %s/%s moved %d to %s", id, c.Amount.MinorUnits, c.AccountID, c.Amount.Currency, m.amount, m.account)
		}
	}
}

func orNone(s saga.State, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return string(s)
}

// clock writes a duration as PostgreSQL does.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
