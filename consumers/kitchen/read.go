package kitchen

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// MaxRestaurants is how many restaurants a reader sees.
const MaxRestaurants = 1_000

const restaurants = `select restaurant_id, name, city, places, free, busy from kitchen.rooms `

// Restaurants reads the restaurants that have opened, by name.
func Restaurants(ctx context.Context, db DB) ([]Room, error) {
	rows, err := db.Query(ctx, restaurants+"where name <> '' order by name, restaurant_id limit $1", MaxRestaurants)
	if err != nil {
		return nil, fmt.Errorf("read the restaurants: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanRoom)
	if err != nil {
		return nil, fmt.Errorf("read the restaurants: %w", err)
	}
	return all, nil
}

// Restaurant reads one restaurant, and returns false if it has never opened.
func Restaurant(ctx context.Context, db DB, restaurantID string) (Room, bool, error) {
	rows, err := db.Query(ctx, restaurants+"where name <> '' and restaurant_id = $1", restaurantID)
	if err != nil {
		return Room{}, false, fmt.Errorf("read restaurant %s: %w", restaurantID, err)
	}
	room, err := pgx.CollectExactlyOneRow(rows, scanRoom)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Room{}, false, nil
	case err != nil:
		return Room{}, false, fmt.Errorf("read restaurant %s: %w", restaurantID, err)
	}
	return room, true, nil
}

func scanRoom(row pgx.CollectableRow) (r Room, err error) {
	return r, row.Scan(&r.RestaurantID, &r.Name, &r.City, &r.Places, &r.Free, &r.Busy)
}
