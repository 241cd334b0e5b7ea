package orders

import (
	"embed"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Status is how far an order has come.
type Status string

// The statuses, in their order; the last two are ends.
const (
	Accepted       Status = "accepted"
	Reserved       Status = "reserved"
	Paid           Status = "paid"
	Cooking        Status = "cooking"
	Ready          Status = "ready"
	OutForDelivery Status = "out-for-delivery"
	Completed      Status = "completed"
	Cancelled      Status = "cancelled"
)

// Order is what is known of one order.
type Order struct {
	saga.Act
	OrderID, CustomerID, RestaurantID string
	Items                             []schemas.Item
	Total                             schemas.Money
	Ending                            Status // Completed or Cancelled, once it has ended
	Reason                            string
	PlacedAt                          time.Time
}

// Line is a line of an order's timeline.
type Line struct {
	OrderID, Type, Group, Reason string
	At                           time.Time
}

var (
	orders = saga.In("orders", func(o *Order) saga.Columns {
		return saga.Columns{
			{"order_id", &o.OrderID},
			{"customer_id", &o.CustomerID},
			{"restaurant_id", &o.RestaurantID},
			{"items", saga.JSON(&o.Items)},
			{"currency", &o.Total.Currency},
			{"total", &o.Total.MinorUnits},
			{"ending", (*string)(&o.Ending)},
			{"reason", &o.Reason},
			{"placed_at", &o.PlacedAt},
		}
	})
	timeline = saga.JournalIn("timeline", func(l *Line) saga.Columns {
		return saga.Columns{{"order_id", &l.OrderID}, {"type", &l.Type}, {"said_by", &l.Group}, {"reason", &l.Reason}, {"at", &l.At}}
	})
)
