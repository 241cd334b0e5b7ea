package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/analytics"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	counted "tiffin/consumers/likes"
	"tiffin/consumers/notification"
	groups "tiffin/consumers/orders"
	books "tiffin/consumers/payments"
	"tiffin/producers/likes"
	"tiffin/producers/orders"
	"tiffin/producers/payments"
	"tiffin/producers/views"
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

// mailboxes reads what the group notification has delivered.
type mailboxes struct{ pool *pgxpool.Pool }

func (m mailboxes) Notifications(ctx context.Context, customerID, before string, limit int) ([]views.Notification, error) {
	delivered, err := notification.Read(ctx, m.pool, customerID, before, limit)
	if err != nil {
		return nil, err
	}
	messages := make([]views.Notification, len(delivered))
	for i, d := range delivered {
		messages[i] = views.Notification{NotificationID: d.NotificationID, Kind: string(d.Kind), About: d.About, Subject: d.Subject, Text: d.Text, At: d.At}
	}
	return messages, nil
}

// numbers reads what the group analytics counts, and which dishes inventory has sold.
type numbers struct{ pool *pgxpool.Pool }

func (n numbers) Orders(ctx context.Context) (views.Orders, error) {
	e, err := analytics.Orders(ctx, n.pool)
	return views.Orders{Placed: e.Placed, Completed: e.Completed, Cancelled: e.Cancelled, Reasons: e.Reasons}, err
}

func (n numbers) Money(ctx context.Context) ([]views.Money, error) {
	moved, err := analytics.Moved(ctx, n.pool)
	if err != nil {
		return nil, err
	}
	money := make([]views.Money, len(moved))
	for i, m := range moved {
		money[i] = views.Money{
			Currency: m.Currency, PaidMinorUnits: m.Paid, RefundedMinorUnits: m.Refunded, SettledMinorUnits: m.Settled, TransferredMinorUnits: m.Transferred,
		}
	}
	return money, nil
}

func (n numbers) LikesPerMinute(ctx context.Context, last int) ([]views.Minute, error) {
	counted, err := analytics.LikesPerMinute(ctx, n.pool, last)
	if err != nil {
		return nil, err
	}
	minutes := make([]views.Minute, len(counted))
	for i, m := range counted {
		minutes[i] = views.Minute{Minute: m.Start, Likes: m.Likes, Unlikes: m.Unlikes}
	}
	return minutes, nil
}

func (n numbers) LikesPerDay(ctx context.Context, last int) ([]views.Day, error) {
	counted, err := analytics.LikesPerDay(ctx, n.pool, last)
	if err != nil {
		return nil, err
	}
	days := make([]views.Day, len(counted))
	for i, d := range counted {
		days[i] = views.Day{Day: d.Date, Likes: d.Likes, Unlikes: d.Unlikes}
	}
	return days, nil
}

func (n numbers) TopDishes(ctx context.Context, most int) ([]views.Dish, error) {
	top, err := inventory.TopSold(ctx, n.pool, most)
	if err != nil {
		return nil, err
	}
	dishes := make([]views.Dish, len(top))
	for i, d := range top {
		dishes[i] = views.Dish{SKU: d.SKU, Portions: int64(d.Portions)}
	}
	return dishes, nil
}

// topPosts reads what the group likes counts.
type topPosts struct{ pool *pgxpool.Pool }

func (t topPosts) TopPosts(ctx context.Context, n int) ([]views.Post, error) {
	top, err := counted.Top(ctx, t.pool, n)
	if err != nil {
		return nil, err
	}
	posts := make([]views.Post, len(top))
	for i, p := range top {
		posts[i] = views.Post{PostID: p.PostID, Likes: p.Count}
	}
	return posts, nil
}

// gains reads which posts the group likes saw gain most.
type gains struct{ reader *counted.TopReader }

func (g gains) Top(ctx context.Context, window time.Duration) (since time.Time, posts []likes.TopPost, err error) {
	found, err := g.reader.Top(ctx, window)
	posts = make([]likes.TopPost, len(found.Posts))
	for i, p := range found.Posts {
		posts[i] = likes.TopPost{PostID: p.PostID, Gained: p.Gained}
	}
	return found.Since, posts, err
}
