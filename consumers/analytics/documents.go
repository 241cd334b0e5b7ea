package analytics

import (
	"embed"
	"time"

	"tiffin/saga"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Ends is how orders ended. There is one row of it.
type Ends struct {
	Orders                       string // which: [all]
	Placed, Completed, Cancelled int64
	Reasons                      map[string]int64 // of cancellations
}

const (
	// all is the key of the one row of ends.
	all = "all"
	// maxReasons is how many reasons are counted each; further ones, which any restaurant may make up, are other.
	maxReasons  = 100
	otherReason = "other"
)

func (o *Ends) cancel(reason string) {
	o.Cancelled++
	if o.Reasons == nil {
		o.Reasons = map[string]int64{}
	}
	if _, known := o.Reasons[reason]; !known && len(o.Reasons) >= maxReasons {
		reason = otherReason
	}
	o.Reasons[reason]++
}

// Money is what moved in one currency, in its minor units.
type Money struct {
	Currency    string
	Paid        int64 // for orders, into escrow
	Refunded    int64 // for orders, from there back to the payer
	Settled     int64 // for orders, from there on to the restaurant
	Transferred int64 // from people to people
}

// Dish is how many portions of one dish were ordered. There is a row for each SKU that anybody has ordered.
type Dish struct {
	SKU      string
	Portions int64
}

// Minute is a row of a ring: one for each minute of a day, 1,440 in all, with what was accepted in it on its latest day.
type Minute struct {
	OfDay          string    // "15:04"
	Start          time.Time // with the day
	Likes, Unlikes int64
}

// Day is what was accepted on one day, in UTC.
type Day struct {
	Date           string // "2006-01-02"
	Likes, Unlikes int64
}

var (
	ends = saga.In("ends", func(o *Ends) saga.Columns {
		return saga.Columns{
			{"orders", &o.Orders},
			{"placed", &o.Placed},
			{"completed", &o.Completed},
			{"cancelled", &o.Cancelled},
			{"reasons", saga.JSON(&o.Reasons)},
		}
	})
	money = saga.In("money", func(m *Money) saga.Columns {
		return saga.Columns{
			{"currency", &m.Currency},
			{"paid", &m.Paid},
			{"refunded", &m.Refunded},
			{"settled", &m.Settled},
			{"transferred", &m.Transferred},
		}
	})
	dishes = saga.In("dishes", func(d *Dish) saga.Columns {
		return saga.Columns{{"sku", &d.SKU}, {"portions", &d.Portions}}
	})
	minutes = saga.In("minutes", func(m *Minute) saga.Columns {
		return saga.Columns{{"of_day", &m.OfDay}, {"start", &m.Start}, {"likes", &m.Likes}, {"unlikes", &m.Unlikes}}
	})
	days = saga.In("days", func(d *Day) saga.Columns {
		return saga.Columns{{"date", &d.Date}, {"likes", &d.Likes}, {"unlikes", &d.Unlikes}}
	})
)
