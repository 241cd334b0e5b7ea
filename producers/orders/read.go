package orders

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/problem"
)

// show tells how an order goes, as [api.Follow] has it.
func (h *handlers) show(c echo.Context) error {
	id, err := param(c, "orderId")
	if err != nil {
		return err
	}
	return api.Follow(c, h.followers, func(ctx context.Context) (Order, error) { return h.find(ctx, id) })
}

// find returns what is known of an order. One whose id shows that it was accepted is accepted, even if no group has got to it yet.
func (h *handlers) find(ctx context.Context, id string) (Order, error) {
	ctx, cancel := context.WithTimeout(ctx, api.ReadTimeout)
	defer cancel()
	order, found, err := h.Orders.Order(ctx, id)
	switch {
	case err != nil:
		return Order{}, api.Unreadable(err)
	case found:
		if order.Events == nil {
			order.Events = []Event{}
		}
		return order, nil
	case h.acceptor.IDs.Certifies(id):
		return Order{OrderID: id, Status: Accepted, Events: []Event{}}, nil
	}
	return Order{}, problem.New(problem.NotFound, "There is no order %s.", id)
}

func (h *handlers) restaurants(c echo.Context) error {
	all, err := api.Look(c.Request().Context(), h.Restaurants.Restaurants)
	if err != nil {
		return err
	}
	if all == nil {
		all = []Restaurant{}
	}
	return api.Write(c, http.StatusOK, restaurantList{all})
}

func (h *handlers) menu(c echo.Context) error {
	id, err := param(c, "restaurantId")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), api.ReadTimeout)
	defer cancel()
	restaurant, found, err := h.Restaurants.Restaurant(ctx, id)
	if err != nil {
		return api.Unreadable(err)
	}
	if !found {
		return problem.New(problem.NotFound, "There is no restaurant %s.", id)
	}
	dishes, err := h.Menus.Menu(ctx, id)
	if err != nil {
		return api.Unreadable(err)
	}
	if dishes == nil {
		dishes = []Dish{}
	}
	return api.Write(c, http.StatusOK, menu{restaurant, dishes})
}
