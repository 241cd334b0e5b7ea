package analytics

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Orders reads how orders ended. Before the first one all is zero.
func Orders(ctx context.Context, db DB) (Ends, error) {
	found, err := collect(ctx, db, "how orders ended", func(row pgx.CollectableRow) (o Ends, err error) {
		return o, row.Scan(&o.Orders, &o.Placed, &o.Completed, &o.Cancelled, &o.Reasons)
	}, "select orders, placed, completed, cancelled, reasons from analytics.ends where orders = $1", all)
	if err != nil || len(found) == 0 {
		return Ends{Orders: all}, err
	}
	return found[0], nil
}

// Moved reads the money that moved, by currency.
func Moved(ctx context.Context, db DB) ([]Money, error) {
	return collect(ctx, db, "the money that moved", pgx.RowToStructByPos[Money],
		"select currency, paid, refunded, settled, transferred from analytics.money order by currency")
}

// LikesPerMinute reads the minutes of the last n, up to the one that is under way by the database's clock, in which
// something was accepted: at most 1,440, the latest last.
func LikesPerMinute(ctx context.Context, db DB, n int) ([]Minute, error) {
	return collect(ctx, db, "likes per minute", func(row pgx.CollectableRow) (m Minute, err error) {
		err = row.Scan(&m.OfDay, &m.Start, &m.Likes, &m.Unlikes)
		m.Start = m.Start.UTC()
		return m, err
	}, `select of_day, start, likes, unlikes from analytics.minutes
		where start > date_trunc('minute', now()) - make_interval(mins => $1) order by start`, n)
}

// LikesPerDay reads the days of the last n, today included, on which something was accepted, the latest last.
func LikesPerDay(ctx context.Context, db DB, n int) ([]Day, error) {
	return collect(ctx, db, "likes per day", pgx.RowToStructByPos[Day],
		`select date, likes, unlikes from analytics.days
		where date > to_char((now() at time zone 'UTC') - make_interval(days => $1), 'YYYY-MM-DD') order by date`, n)
}

// TopDishes reads the dishes of which most portions were ordered, n at most, the first by SKU where it is as many. It looks
// at every dish: ask it every few seconds, not for every visitor.
func TopDishes(ctx context.Context, db DB, n int) ([]Dish, error) {
	return collect(ctx, db, "the top dishes", pgx.RowToStructByPos[Dish],
		`select sku, portions from analytics.dishes order by portions desc, sku collate "C" limit $1`, n)
}

func collect[T any](ctx context.Context, db DB, what string, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err == nil {
		var all []T
		if all, err = pgx.CollectRows(rows, scan); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("read %s: %w", what, err)
}
