// Package analytics counts: orders by how they ended, the money that moved, what was ordered most, and likes by the minute
// and by the day. It says nothing, and nobody waits for it.
//
// Each fact counts once, whatever is redelivered, for the lanes see to that: counting is all that is done here. Many facts
// change the same few rows, but a batch writes each row once, however many facts it counts.
//
// Time is data here, as everywhere in reactions: a like counts in the minute in which it was accepted, also if Kafka was away
// then and it was logged an hour later.
package analytics

import (
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Group declares analytics.
func Group() *saga.Group {
	return saga.Define("analytics", saga.Documents(ends, money, dishes, minutes, days),
		saga.Patiently(),
		saga.On(placed, saga.Uses(ends, dishes), saga.Loads(dishesOf)),
		saga.On(completed, saga.Uses(ends), saga.Loads(always[schemas.OrderCompleted](ends, all))),
		saga.On(cancelled, saga.Uses(ends), saga.Loads(always[schemas.OrderCancelled](ends, all))),
		saga.On(paid, saga.Uses(money), saga.Loads(func(f schemas.PaymentSucceeded) []saga.Need { return moneyOf(f.Amount) })),
		saga.On(refunded, saga.Uses(money), saga.Loads(func(f schemas.PaymentRefunded) []saga.Need { return moneyOf(f.Amount) })),
		saga.On(settled, saga.Uses(money), saga.Loads(func(f schemas.PaymentSettled) []saga.Need { return moneyOf(f.Amount) })),
		saga.On(liked, saga.Uses(minutes, days)),
		saga.On(unliked, saga.Uses(minutes, days)),
	)
}

// always: the reaction asks for this one document.
func always[F saga.Fact](t saga.AnyTable, key string) func(F) []saga.Need {
	return func(F) []saga.Need { return []saga.Need{{Table: t, Key: key}} }
}

func moneyOf(amount schemas.Money) []saga.Need {
	return []saga.Need{{Table: money, Key: amount.Currency}}
}

func dishesOf(f schemas.OrderPlaced) []saga.Need {
	needs := []saga.Need{{Table: ends, Key: all}}
	for _, item := range f.Items {
		needs = append(needs, saga.Need{Table: dishes, Key: item.SKU})
	}
	return needs
}

// placed counts an order and its portions, whether anybody offers such a dish or not: it is what people want.
func placed(e saga.Event[schemas.OrderPlaced]) []saga.Fact {
	ends.Get(e, all).Placed++
	skus := make([]string, len(e.Fact.Items))
	for i, item := range e.Fact.Items {
		skus[i] = item.SKU
	}
	for i, dish := range dishes.All(e, skus...) {
		dish.Portions += int64(e.Fact.Items[i].Quantity)
	}
	return nil
}

func completed(e saga.Event[schemas.OrderCompleted]) []saga.Fact {
	ends.Get(e, all).Completed++
	return nil
}

func cancelled(e saga.Event[schemas.OrderCancelled]) []saga.Fact {
	ends.Get(e, all).cancel(e.Fact.Reason)
	return nil
}

// paid counts what went into escrow for orders. A payment between people is settled at once, and counted there.
func paid(e saga.Event[schemas.PaymentSucceeded]) []saga.Fact {
	if e.Fact.Purpose == schemas.ForOrder {
		money.Get(e, e.Fact.Amount.Currency).Paid += e.Fact.Amount.MinorUnits
	}
	return nil
}

func refunded(e saga.Event[schemas.PaymentRefunded]) []saga.Fact {
	money.Get(e, e.Fact.Amount.Currency).Refunded += e.Fact.Amount.MinorUnits
	return nil
}

func settled(e saga.Event[schemas.PaymentSettled]) []saga.Fact {
	m := money.Get(e, e.Fact.Amount.Currency)
	if e.Fact.Purpose == schemas.Transfer {
		m.Transferred += e.Fact.Amount.MinorUnits
	} else {
		m.Settled += e.Fact.Amount.MinorUnits
	}
	return nil
}

func liked(e saga.Event[schemas.PostLiked]) []saga.Fact {
	at := acceptance(e.Cause, e.Fact.AcceptedAt)
	if m := minuteOf(e, at); m != nil {
		m.Likes++
	}
	days.Get(e, at.Format(time.DateOnly)).Likes++
	return nil
}

func unliked(e saga.Event[schemas.PostUnliked]) []saga.Fact {
	at := acceptance(e.Cause, e.Fact.AcceptedAt)
	if m := minuteOf(e, at); m != nil {
		m.Unlikes++
	}
	days.Get(e, at.Format(time.DateOnly)).Unlikes++
	return nil
}

// maxDelay is how long after its acceptance a like may be logged, and still count when it was accepted.
const maxDelay = 30 * 24 * time.Hour

// acceptance is when a like was accepted: when its door says so, unless it says nothing, or what can't be: a time after the
// like was logged, or one long before. Such a clock would fill minutes to come, and days that nobody looks at.
func acceptance(why saga.Cause, said schemas.Moment) time.Time {
	logged, at := why.Time.UTC(), said.Time()
	if said == 0 || at.After(logged) || logged.Sub(at) > maxDelay {
		return logged
	}
	return at
}

// minuteOf is the minute's row in the ring, which a newer day takes over from an older one. It is nil for a minute whose
// row a newer day has: it counts for its day alone.
func minuteOf(c saga.Asking, at time.Time) *Minute {
	start := at.Truncate(time.Minute)
	m := minutes.Get(c, start.Format("15:04"))
	switch {
	case m.Start.After(start):
		return nil
	case m.Start.Before(start):
		m.Start, m.Likes, m.Unlikes = start, 0, 0
	}
	return m
}
