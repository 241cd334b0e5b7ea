package inventory

import (
	"embed"
	"errors"

	"tiffin/saga"
	"tiffin/schemas"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Reservation is what one order holds.
type Reservation struct {
	saga.Act
	OrderID string
	Items   []schemas.Item
}

// Dish is a dish on a restaurant's menu: its price, and its stock.
type Dish struct {
	SKU, RestaurantID, Name     string
	Price                       schemas.Money
	Free, Held, Sold, Delivered int
}

// Check is the table's CHECK.
func (d *Dish) Check() error {
	if d.Free < 0 || d.Held < 0 || d.Sold < 0 || d.Free+d.Held+d.Sold != d.Delivered {
		return errors.New("what was delivered of a dish is free, held or sold, once")
	}
	return nil
}

// Delivery is a delivery of stock that has been put on the shelf.
type Delivery struct {
	DeliveryID, SKU string
	Quantity        int
}

var (
	reservations = saga.In("reservations", func(r *Reservation) saga.Columns {
		return saga.Columns{{"order_id", &r.OrderID}, {"items", saga.JSON(&r.Items)}}
	})
	dishes = saga.In("dishes", func(d *Dish) saga.Columns {
		return saga.Columns{
			{"sku", &d.SKU},
			{"restaurant_id", &d.RestaurantID},
			{"name", &d.Name},
			{"currency", &d.Price.Currency},
			{"price", &d.Price.MinorUnits},
			{"free", &d.Free},
			{"held", &d.Held},
			{"sold", &d.Sold},
			{"delivered", &d.Delivered},
		}
	})
	deliveries = saga.In("deliveries", func(d *Delivery) saga.Columns {
		return saga.Columns{{"delivery_id", &d.DeliveryID}, {"sku", &d.SKU}, {"quantity", &d.Quantity}}
	})
)
