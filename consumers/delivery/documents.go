package delivery

import (
	"embed"
	"errors"

	"tiffin/saga"
)

// Migrations create the group's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Trip is one order on its way.
type Trip struct {
	saga.Act
	OrderID, City string
}

// Fleet is a city's couriers.
type Fleet struct {
	City                string
	Couriers, Free, Out int
	Leaving             int // of those who are out, how many have no more orders to take when they come back
}

// Check is the table's CHECKs.
func (f *Fleet) Check() error {
	if f.Free < 0 || f.Out < 0 || f.Free+f.Out != f.Couriers {
		return errors.New("a courier is free or out, once")
	}
	if f.Leaving < 0 {
		return errors.New("a courier leaves once")
	}
	return nil
}

var (
	trips = saga.In("trips", func(t *Trip) saga.Columns {
		return saga.Columns{{"order_id", &t.OrderID}, {"city", &t.City}}
	})
	fleets = saga.In("fleets", func(f *Fleet) saga.Columns {
		return saga.Columns{{"city", &f.City}, {"couriers", &f.Couriers}, {"free", &f.Free}, {"on_the_road", &f.Out}, {"leaving", &f.Leaving}}
	})
)
