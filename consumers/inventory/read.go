package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// MaxMenu is how many dishes a reader sees of one restaurant.
const MaxMenu = 1_000

const menu = `
select sku, restaurant_id, name, currency, price, free, held, sold, delivered from inventory.dishes
where restaurant_id = $1 order by name, sku limit $2`

// Menu reads a restaurant's dishes, by name. A restaurant that nobody knows has none.
func Menu(ctx context.Context, db DB, restaurantID string) ([]Dish, error) {
	rows, err := db.Query(ctx, menu, restaurantID, MaxMenu)
	if err != nil {
		return nil, fmt.Errorf("read the menu of %s: %w", restaurantID, err)
	}
	dishes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Dish, err error) {
		return d, row.Scan(&d.SKU, &d.RestaurantID, &d.Name, &d.Price.Currency, &d.Price.MinorUnits, &d.Free, &d.Held, &d.Sold, &d.Delivered)
	})
	if err != nil {
		return nil, fmt.Errorf("read the menu of %s: %w", restaurantID, err)
	}
	return dishes, nil
}
