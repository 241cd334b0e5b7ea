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

// Sold is how many portions of a dish restaurants have taken on to cook.
type Sold struct {
	SKU      string
	Portions int
}

// TopSold reads the dishes of which most is sold, n at most, the first by SKU where it is as much. It looks at every dish:
// ask it every few seconds, not for every visitor.
func TopSold(ctx context.Context, db DB, n int) ([]Sold, error) {
	rows, err := db.Query(ctx, `select sku, sold from inventory.dishes where sold > 0 order by sold desc, sku collate "C" limit $1`, n)
	if err == nil {
		var top []Sold
		if top, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Sold]); err == nil {
			return top, nil
		}
	}
	return nil, fmt.Errorf("read the top dishes: %w", err)
}
