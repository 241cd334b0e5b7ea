package analytics

import (
	"fmt"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

func inr(n int64) schemas.Money { return schemas.Money{Currency: "INR", MinorUnits: n} }
func eur(n int64) schemas.Money { return schemas.Money{Currency: "EUR", MinorUnits: n} }

func script(t *testing.T, facts ...saga.Fact) *sagatest.Script {
	t.Helper()
	s := sagatest.Group(t, Group())
	for _, f := range facts {
		s.Hears(f).SaysNothing()
	}
	return s
}

func order(id string, items ...schemas.Item) saga.Fact {
	return schemas.OrderPlaced{OrderID: id, CustomerID: "ann", RestaurantID: "r1", Items: items}
}

func TestOrdersAndDishes(t *testing.T) {
	script(t,
		order("o1", schemas.Item{SKU: "dal", Quantity: 2}, schemas.Item{SKU: "idli", Quantity: 1}),
		order("o2", schemas.Item{SKU: "dal", Quantity: 3}), order("o3", schemas.Item{SKU: "dragon", Quantity: 1}), order("o4", schemas.Item{SKU: "dal", Quantity: 1}),
		schemas.OrderCompleted{OrderID: "o1"}, schemas.OrderCancelled{OrderID: "o2", Reason: "sold-out"},
		schemas.OrderCancelled{OrderID: "o3", Reason: "unknown-dish"}, schemas.OrderCancelled{OrderID: "o4", Reason: "sold-out"},
	).Keeps(
		&Ends{Orders: "all", Placed: 4, Completed: 1, Cancelled: 3, Reasons: map[string]int64{"sold-out": 2, "unknown-dish": 1}},
		&Dish{"dal", 6}, &Dish{"idli", 1}, &Dish{"dragon", 1},
	)
}

// Anybody may make up a reason; a row of a bounded size counts them.
func TestReasonsAreBounded(t *testing.T) {
	s := script(t)
	for i := range maxReasons + 10 {
		s.Hears(schemas.OrderCancelled{OrderID: fmt.Sprint("o", i), Reason: fmt.Sprint("reason-", i)})
	}
	s.Hears(schemas.OrderCancelled{OrderID: "known", Reason: "reason-0"})
	o, _ := sagatest.Load[Ends](s.World(), "all")
	if len(o.Reasons) != maxReasons+1 || o.Reasons["other"] != 10 || o.Reasons["reason-0"] != 2 || o.Cancelled != maxReasons+11 {
		t.Errorf("%d cancelled, %d reasons: %v", o.Cancelled, len(o.Reasons), o.Reasons)
	}
}

func TestMoney(t *testing.T) {
	script(t,
		schemas.PaymentSucceeded{PaymentID: "o1", Purpose: schemas.ForOrder, RestaurantID: "r1", Amount: inr(500)},
		schemas.PaymentSucceeded{PaymentID: "o2", Purpose: schemas.ForOrder, RestaurantID: "r1", Amount: inr(70)},
		schemas.PaymentRefunded{PaymentID: "o2", Purpose: schemas.ForOrder, Amount: inr(70), Reason: "no-room"},
		schemas.PaymentSettled{PaymentID: "o1", Purpose: schemas.ForOrder, To: "r1", Amount: inr(500)},
		schemas.PaymentSucceeded{PaymentID: "p1", Purpose: schemas.Transfer, Amount: eur(9)},
		schemas.PaymentSettled{PaymentID: "p1", Purpose: schemas.Transfer, To: "bob", Amount: eur(9)},
	).Keeps(&Money{Currency: "INR", Paid: 570, Refunded: 70, Settled: 500}, &Money{Currency: "EUR", Transferred: 9})
}

func like(at time.Time) saga.Fact {
	f := schemas.PostLiked{PostID: "post", UserID: "ann"}
	if !at.IsZero() {
		f.AcceptedAt = schemas.MomentOf(at)
	}
	return f
}

func unlike(at time.Time) saga.Fact { return schemas.PostUnliked(like(at).(schemas.PostLiked)) }

// A world begins on 1 January 2026 at noon.
func TestLikesCountWhenTheyWereAccepted(t *testing.T) {
	noon := sagatest.Epoch
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	minute := func(at time.Time, likes, unlikes int64) *Minute {
		return &Minute{OfDay: at.Format("15:04"), Start: at.Truncate(time.Minute), Likes: likes, Unlikes: unlikes}
	}
	for name, test := range map[string]struct {
		hears []saga.Fact
		keeps []any
	}{
		"logged only":     {saga.Say(like(time.Time{}), like(time.Time{}), unlike(time.Time{})), []any{minute(noon, 2, 1), &Day{"2026-01-01", 2, 1}}},
		"accepted before": {saga.Say(like(ago(90*time.Second)), unlike(ago(13*time.Hour))), []any{minute(ago(2*time.Minute), 1, 0), minute(ago(13*time.Hour), 0, 1), &Day{"2026-01-01", 1, 0}, &Day{"2025-12-31", 0, 1}}},
		"a clock ahead":   {saga.Say(like(noon.Add(time.Second)), like(noon.AddDate(50, 0, 0))), []any{minute(noon, 2, 0), &Day{"2026-01-01", 2, 0}}},
		"a clock behind":  {saga.Say(like(noon.AddDate(-20, 0, 0))), []any{minute(noon, 1, 0), &Day{"2026-01-01", 1, 0}}},
		"a row of the ring that a newer day has": {
			saga.Say(like(noon), like(ago(24*time.Hour)), unlike(ago(48*time.Hour)), unlike(noon)),
			[]any{minute(noon, 1, 1), &Day{"2026-01-01", 1, 1}, &Day{"2025-12-31", 1, 0}, &Day{"2025-12-30", 0, 1}},
		},
		"a row of the ring that an older day had": {
			saga.Say(like(ago(24*time.Hour)), unlike(ago(24*time.Hour)), unlike(noon)),
			[]any{minute(noon, 0, 1), &Day{"2026-01-01", 0, 1}, &Day{"2025-12-31", 1, 1}},
		},
	} {
		t.Run(name, func(t *testing.T) { script(t, test.hears...).Keeps(test.keeps...) })
	}
}

// The ring has 1,440 rows, however long it turns.
func TestTheRingIsBounded(t *testing.T) {
	s := script(t)
	rows := map[string]bool{}
	for range 3 * 24 * 60 {
		s.Passes(time.Minute).Hears(like(time.Time{}))
		rows[s.World().Now().Format("15:04")] = true
	}
	if len(rows) != 24*60 {
		t.Errorf("%d rows", len(rows))
	}
	for key := range rows {
		if m, found := sagatest.Load[Minute](s.World(), key); !found || m.Likes != 1 || s.World().Now().Sub(m.Start) > 24*time.Hour {
			t.Errorf("%s: %+v", key, m)
		}
	}
}
