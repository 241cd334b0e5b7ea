package app

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	groups "tiffin/consumers/orders"
	"tiffin/producers/orders"
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
