// Package views is the HTTP API of what can be looked at beside orders and payments: a customer's mailbox, and the numbers of
// analytics. It accepts nothing, and asks the groups that keep these by the small interfaces of its [Config].
package views

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/schemas"
)

// Name is the API's.
const Name = "views-api"

// Notifications reads mailboxes.
type Notifications interface {
	// Notifications returns up to limit messages of a customer, the newest first: those older than the one whose id is
	// before, or the newest of all if that is empty.
	Notifications(ctx context.Context, customerID, before string, limit int) ([]Notification, error)
}

// Analytics reads what is counted.
type Analytics interface {
	Orders(ctx context.Context) (Orders, error)
	// Money returns a line for each currency.
	Money(ctx context.Context) ([]Money, error)
	// LikesPerMinute returns those of the last n minutes in which something happened, the latest last.
	LikesPerMinute(ctx context.Context, n int) ([]Minute, error)
	// LikesPerDay returns those of the last n days on which something happened, the latest last.
	LikesPerDay(ctx context.Context, n int) ([]Day, error)
	// TopDishes returns the n dishes of which most was sold, the first one first.
	TopDishes(ctx context.Context, n int) ([]Dish, error)
}

// Posts reads posts.
type Posts interface {
	// TopPosts returns the n posts that are liked most, the first one first.
	TopPosts(ctx context.Context, n int) ([]Post, error)
}

// Config says what the API stands on. The readers have to be set.
type Config struct {
	Notifications Notifications
	Analytics     Analytics
	Posts         Posts
	// FreshFor is how old the lists of top dishes and posts may be: each looks at every dish, or post. Defaults to
	// 3 seconds.
	FreshFor time.Duration
}

// What a client may ask for.
const (
	defaultMessages = 50
	maxMessages     = 200
	defaultTop      = 10
	maxTop          = 100
	lastMinutes     = 60
	lastDays        = 30
)

// handlers are the API's.
type handlers struct {
	Config
	dishes *recent[Dish]
	posts  *recent[Post]
}

// Routes adds the API's routes.
func Routes(e *echo.Echo, cfg Config) {
	if cfg.FreshFor == 0 {
		cfg.FreshFor = 3 * time.Second
	}
	h := &handlers{Config: cfg}
	h.dishes = newRecent(cfg.FreshFor, func(ctx context.Context) ([]Dish, error) { return cfg.Analytics.TopDishes(ctx, maxTop) })
	h.posts = newRecent(cfg.FreshFor, func(ctx context.Context) ([]Post, error) { return cfg.Posts.TopPosts(ctx, maxTop) })
	e.GET("/customers/:customerId/notifications", h.notifications)
	e.GET("/analytics/orders", h.orders)
	e.GET("/analytics/money", h.money)
	e.GET("/analytics/likes", h.likes)
	e.GET("/analytics/dishes", h.topDishes)
	e.GET("/analytics/posts", h.topPosts)
}

// notifications shows a page of a mailbox. A customer of whom nothing is known has an empty one.
func (h *handlers) notifications(c echo.Context) error {
	var check schemas.Check
	customerID, before := c.Param("customerId"), c.QueryParam("before")
	check.ID("/customerId", customerID)
	if before != "" {
		check.ID("/before", before)
	}
	limit := api.Limit(c, &check, defaultMessages, maxMessages)
	if err := check.Err(); err != nil {
		return err
	}
	// One more than is shown, to know whether there is more.
	page, err := api.Look(c.Request().Context(), func(ctx context.Context) ([]Notification, error) {
		return h.Notifications.Notifications(ctx, customerID, before, limit+1)
	})
	if err != nil {
		return err
	}
	answer := mailbox{Notifications: page}
	if len(page) > limit {
		answer.Notifications, answer.Next = page[:limit], page[limit-1].NotificationID
	}
	return api.Write(c, http.StatusOK, answer)
}

func (h *handlers) orders(c echo.Context) error {
	orders, err := api.Look(c.Request().Context(), h.Analytics.Orders)
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, orders)
}

func (h *handlers) money(c echo.Context) error {
	money, err := api.Look(c.Request().Context(), h.Analytics.Money)
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, currencies{money})
}

func (h *handlers) likes(c echo.Context) error {
	likes, err := api.Look(c.Request().Context(), func(ctx context.Context) (l likes, err error) {
		if l.PerMinute, err = h.Analytics.LikesPerMinute(ctx, lastMinutes); err == nil {
			l.PerDay, err = h.Analytics.LikesPerDay(ctx, lastDays)
		}
		return l, err
	})
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, likes)
}

func (h *handlers) topDishes(c echo.Context) error {
	dishes, err := top(c, h.dishes)
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, dishList{dishes})
}

func (h *handlers) topPosts(c echo.Context) error {
	posts, err := top(c, h.posts)
	if err != nil {
		return err
	}
	return api.Write(c, http.StatusOK, postList{posts})
}

// top is the head of a list, as long as the client wants it.
func top[T any](c echo.Context, list *recent[T]) ([]T, error) {
	var check schemas.Check
	limit := api.Limit(c, &check, defaultTop, maxTop)
	if err := check.Err(); err != nil {
		return nil, err
	}
	all, err := api.Look(c.Request().Context(), list.get)
	return all[:min(len(all), limit)], err
}
