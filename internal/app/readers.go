package app

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	groups "tiffin/consumers/orders"
	books "tiffin/consumers/payments"
	"tiffin/producers/orders"
	"tiffin/producers/payments"
)

// What the API shows it asks of the groups that keep it; neither knows of the other.

type ordersReader struct{ pool *pgxpool.Pool }

func (r ordersReader) Order(ctx context.Context, orderID string) (orders.Order, bool, error) {
	view, found, err := groups.Find(ctx, r.pool, orderID)
	if err != nil || !found {
		return orders.Order{}, false, err
	}
	order := orders.Order{
		OrderID: view.OrderID, Status: string(view.Status), Reason: view.Reason,
		CustomerID: view.CustomerID, RestaurantID: view.RestaurantID, Items: view.Items,
	}
	if view.Total.Currency != "" {
		order.Total = &view.Total
	}
	for _, l := range view.Timeline {
		order.Events = append(order.Events, orders.Event{Type: l.Type, Group: l.Group, Reason: l.Reason, At: l.At})
	}
	return order, true, nil
}

type restaurantsReader struct{ pool *pgxpool.Pool }

func (r restaurantsReader) Restaurants(ctx context.Context) ([]orders.Restaurant, error) {
	rooms, err := kitchen.Restaurants(ctx, r.pool)
	if err != nil {
		return nil, err
	}
	restaurants := make([]orders.Restaurant, len(rooms))
	for i, room := range rooms {
		restaurants[i] = restaurant(room)
	}
	return restaurants, nil
}

func (r restaurantsReader) Restaurant(ctx context.Context, restaurantID string) (orders.Restaurant, bool, error) {
	room, found, err := kitchen.Restaurant(ctx, r.pool, restaurantID)
	return restaurant(room), found, err
}

func restaurant(room kitchen.Room) orders.Restaurant {
	return orders.Restaurant{RestaurantID: room.RestaurantID, Name: room.Name, City: room.City, PlacesFree: room.Free}
}

type menusReader struct{ pool *pgxpool.Pool }

func (r menusReader) Menu(ctx context.Context, restaurantID string) ([]orders.Dish, error) {
	menu, err := inventory.Menu(ctx, r.pool, restaurantID)
	if err != nil {
		return nil, err
	}
	dishes := make([]orders.Dish, len(menu))
	for i, d := range menu {
		dishes[i] = orders.Dish{SKU: d.SKU, Name: d.Name, Price: d.Price, StockFree: d.Free}
	}
	return dishes, nil
}

// ledger reads what the group payments keeps.
type ledger struct{ pool *pgxpool.Pool }

func (l ledger) Payment(ctx context.Context, paymentID string) (payments.Payment, bool, error) {
	view, found, err := books.Find(ctx, l.pool, paymentID)
	if err != nil || !found {
		return payments.Payment{}, false, err
	}
	return payments.Payment{
		PaymentID: view.PaymentID, Status: string(view.Status), Reason: view.Reason,
		Purpose: string(view.Purpose), From: view.From, To: view.To, Amount: &view.Amount,
	}, true, nil
}

func (l ledger) Account(ctx context.Context, accountID string, movements int) (payments.Account, bool, error) {
	statement, found, err := books.StatementOf(ctx, l.pool, accountID, movements)
	if err != nil || !found {
		return payments.Account{}, false, err
	}
	account := payments.Account{AccountID: accountID, Balances: statement.Balances, Movements: make([]payments.Movement, len(statement.Entries))}
	for i, e := range statement.Entries {
		account.Movements[i] = payments.Movement{PaymentID: e.PaymentID, Kind: e.Kind, Amount: e.Amount, Counterparty: e.Counterparty, At: e.At}
	}
	return account, true, nil
}
