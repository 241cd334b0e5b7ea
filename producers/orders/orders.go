// Package orders is the HTTP API of orders: customers place and cancel them and look at how they go, and the restaurant and the
// courier say what they did.
//
// It decides nothing. What it is told it checks for form, makes a fact of it and passes it through the door; 202 means that the fact can't be
// lost any more, and nothing more than that. What came of it is for the consumer groups to say: an order that was sold out is
// accepted first, and shown as cancelled a moment later. It reads what they keep through the small interfaces of its
// [Config], and waits for none of them to accept.
package orders

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/saga"
	"tiffin/schemas"
)

// Name is the API's, and what the timeline shows as the speaker of its facts.
const Name = "orders-api"

// Topics are those of the facts that this API says.
func Topics() []string {
	return []string{schemas.TopicOrders, schemas.TopicKitchen, schemas.TopicDelivery}
}

// Orders reads orders.
type Orders interface {
	// Order returns an order and true, or false if nothing is known of it (yet).
	Order(ctx context.Context, orderID string) (Order, bool, error)
}

// Restaurants reads restaurants.
type Restaurants interface {
	// Restaurants returns all of them.
	Restaurants(ctx context.Context) ([]Restaurant, error)
	// Restaurant returns one and true, or false if it has never opened.
	Restaurant(ctx context.Context, restaurantID string) (Restaurant, bool, error)
}

// Menus reads what restaurants offer.
type Menus interface {
	// Menu returns a restaurant's dishes.
	Menu(ctx context.Context, restaurantID string) ([]Dish, error)
}

// Config says what the API stands on. Door and the readers have to be set.
type Config struct {
	Door        door.Door
	Orders      Orders
	Restaurants Restaurants
	Menus       Menus
	// IDs makes the orders' ids. All instances need one with the same key. Defaults to [ids.DefaultKey].
	IDs *ids.Maker
	// Stopping is closed when the server begins to stop: nobody waits for an outcome then. Defaults to never.
	Stopping <-chan struct{}
	// MaxWaiters is how many clients may wait for an outcome (Prefer: wait) at once; further ones are answered at once.
	// Defaults to 1,000.
	MaxWaiters int
}

// handlers are the API's.
type handlers struct {
	Config
	ids     ids.Maker
	waiters chan struct{} // holds a value for each client that waits
}

// Routes adds the API's routes.
func Routes(e *echo.Echo, cfg Config) {
	if cfg.MaxWaiters == 0 {
		cfg.MaxWaiters = 1_000
	}
	h := &handlers{Config: cfg, ids: ids.NewMaker("", "order"), waiters: make(chan struct{}, cfg.MaxWaiters)}
	if cfg.IDs != nil {
		h.ids = *cfg.IDs
	}
	e.POST("/orders", h.place)
	e.GET("/orders/:orderId", h.show)
	e.POST("/orders/:orderId/cancellation", h.told(func(id string) saga.Fact { return schemas.CancellationRequested{OrderID: id} }))

	e.POST("/kitchen/orders/:orderId/accepted", h.told(func(id string) saga.Fact { return schemas.RestaurantAccepted{OrderID: id} }))
	e.POST("/kitchen/orders/:orderId/rejected", h.toldWhy(schemas.ReasonRestaurantRefused,
		func(id, reason string) saga.Fact { return schemas.RestaurantRejected{OrderID: id, Reason: reason} }))
	e.POST("/kitchen/orders/:orderId/cooked", h.told(func(id string) saga.Fact { return schemas.MealCooked{OrderID: id} }))

	e.POST("/deliveries/:orderId/delivered", h.told(func(id string) saga.Fact { return schemas.CourierDelivered{OrderID: id} }))
	e.POST("/deliveries/:orderId/failed", h.toldWhy(schemas.ReasonCourierFailed,
		func(id, reason string) saga.Fact { return schemas.CourierFailed{OrderID: id, Reason: reason} }))

	e.GET("/restaurants", h.restaurants)
	e.GET("/restaurants/:restaurantId/menu", h.menu)
}

// place accepts an order.
func (h *handlers) place(c echo.Context) error {
	var body placement
	if err := api.Read(c, &body); err != nil {
		return err
	}
	id := h.ids.New(time.Now())
	if err := h.accept(c, body.fact(id)); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/orders/"+id)
	return api.Write(c, http.StatusAccepted, Receipt{OrderID: id, Status: Accepted})
}

// told accepts a fact about an order that needs no more to be said.
func (h *handlers) told(fact func(orderID string) saga.Fact) echo.HandlerFunc {
	return func(c echo.Context) error { return h.hear(c, &nothing{}, fact) }
}

// toldWhy accepts a fact about an order that has a reason, which the client may leave to us.
func (h *handlers) toldWhy(reason string, fact func(orderID, reason string) saga.Fact) echo.HandlerFunc {
	return func(c echo.Context) error {
		why := explanation{Reason: text(reason)}
		return h.hear(c, &why, func(id string) saga.Fact { return fact(id, string(why.Reason)) })
	}
}

func (h *handlers) hear(c echo.Context, body api.Body, fact func(orderID string) saga.Fact) error {
	id, err := param(c, "orderId")
	if err != nil {
		return err
	}
	if err := api.ReadOptional(c, body); err != nil {
		return err
	}
	if err := h.accept(c, fact(id)); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/orders/"+id)
	return c.NoContent(http.StatusAccepted)
}

func (h *handlers) accept(c echo.Context, fact saga.Fact) error {
	request := c.Request()
	return h.Door.Accept(request.Context(), door.Origin{API: Name, Trace: request.Header.Get("traceparent")}, fact)
}

// param is an id in the path.
func param(c echo.Context, name string) (string, error) {
	id := c.Param(name)
	var check schemas.Check
	check.ID("/"+name, id)
	return id, check.Err()
}
