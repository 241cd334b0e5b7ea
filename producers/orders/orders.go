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

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
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
	api.Common
	Orders      Orders
	Restaurants Restaurants
	Menus       Menus
}

// handlers are the API's.
type handlers struct {
	Config
	acceptor  api.Acceptor
	followers *api.Followers
}

// Routes adds the API's routes.
func Routes(e *echo.Echo, cfg Config) {
	h := &handlers{Config: cfg, acceptor: cfg.Acceptor(Name, "order"), followers: cfg.Followers()}
	e.POST("/orders", api.Quiet(h.place))
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
	id, err := h.acceptor.Accept(c, body.CustomerID, func(id string) []saga.Fact { return saga.Say(body.fact(id)) })
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/orders/"+id)
	return api.Write(c, http.StatusAccepted, Receipt{OrderID: id, Status: Accepted})
}

// told accepts a fact about an order that needs no more to be said.
func (h *handlers) told(fact func(orderID string) saga.Fact) echo.HandlerFunc {
	return api.Quiet(func(c echo.Context) error { return h.hear(c, &nothing{}, fact) })
}

// toldWhy accepts a fact about an order that has a reason, which the client may leave to us.
func (h *handlers) toldWhy(reason string, fact func(orderID, reason string) saga.Fact) echo.HandlerFunc {
	return api.Quiet(func(c echo.Context) error {
		why := explanation{Reason: text(reason)}
		return h.hear(c, &why, func(id string) saga.Fact { return fact(id, string(why.Reason)) })
	})
}

func (h *handlers) hear(c echo.Context, body api.Body, fact func(orderID string) saga.Fact) error {
	id, err := param(c, "orderId")
	if err != nil {
		return err
	}
	if err := api.ReadOptional(c, body); err != nil {
		return err
	}
	if err := h.acceptor.AcceptFact(c, "", fact(id)); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/orders/"+id)
	return c.NoContent(http.StatusAccepted)
}

// param is an id in the path.
func param(c echo.Context, name string) (string, error) {
	id := c.Param(name)
	var check schemas.Check
	check.ID("/"+name, id)
	return id, check.Err()
}
