package kitchen

import (
	"embed"
	"errors"

	"tiffin/saga"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Ticket is one order in the kitchen.
type Ticket struct {
	saga.Act
	OrderID, RestaurantID string
}

// Room is how many orders a restaurant can cook at once.
type Room struct {
	RestaurantID, Name, City string
	Places, Free, Busy       int
	Closing                  int // of the busy ones, those that are none any more once they are left
}

// Check is the table's CHECKs.
func (r *Room) Check() error {
	if r.Free < 0 || r.Busy < 0 || r.Free+r.Busy != r.Places {
		return errors.New("a kitchen's places are free or busy, once")
	}
	if r.Closing < 0 {
		return errors.New("a kitchen closes no place twice")
	}
	return nil
}

var (
	tickets = saga.In("tickets", func(t *Ticket) saga.Columns {
		return saga.Columns{{"order_id", &t.OrderID}, {"restaurant_id", &t.RestaurantID}}
	})
	rooms = saga.In("rooms", func(r *Room) saga.Columns {
		return saga.Columns{
			{"restaurant_id", &r.RestaurantID},
			{"name", &r.Name},
			{"city", &r.City},
			{"places", &r.Places},
			{"free", &r.Free},
			{"busy", &r.Busy},
			{"closing", &r.Closing},
		}
	})
)
