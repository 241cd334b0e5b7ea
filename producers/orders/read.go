package orders

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/problem"
)

const (
	// readTimeout is how long one query may take.
	readTimeout = 5 * time.Second
	// An order that a client waits for is looked at after firstPause, then after half as much again, up to lastPause: most orders that fail
	// do so at once, and who waits for a cook does not mind a quarter of a second.
	firstPause = 20 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// show tells how an order goes: at once, or at its end if the client would wait for that.
func (h *handlers) show(c echo.Context) error {
	id, err := param(c, "orderId")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	order, err := h.find(ctx, id)
	if err != nil {
		return err
	}
	if wait := api.Wait(c.Request().Header); wait > 0 {
		var applied bool
		if order, applied, err = h.awaitEnd(ctx, order, wait); err != nil {
			return err
		}
		if applied {
			c.Response().Header().Set("Preference-Applied", fmt.Sprintf("wait=%d", int(wait.Seconds())))
		}
	}
	return api.Write(c, http.StatusOK, order)
}

// find returns what is known of an order. One whose id shows that it was accepted is accepted, even if no group has got to it yet.
func (h *handlers) find(ctx context.Context, id string) (Order, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	order, found, err := h.Orders.Order(ctx, id)
	switch {
	case err != nil:
		return Order{}, unreadable(err)
	case found:
		if order.Events == nil {
			order.Events = []Event{}
		}
		return order, nil
	case h.ids.Certifies(id):
		return Order{OrderID: id, Status: Accepted, Events: []Event{}}, nil
	}
	return Order{}, problem.New(problem.NotFound, "There is no order %s.", id)
}

// awaitEnd looks at an order again and again until it has ended or the wait is over, and returns what it saw last. It does not wait
// if too many do so already; then applied is false.
func (h *handlers) awaitEnd(ctx context.Context, order Order, wait time.Duration) (last Order, applied bool, err error) {
	select {
	case h.waiters <- struct{}{}:
		defer func() { <-h.waiters }()
	default:
		return order, false, nil
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	pause := time.NewTimer(firstPause)
	defer pause.Stop()
	for next := firstPause; !order.ended(); {
		select {
		case <-pause.C:
		case <-over.C:
			return order, true, nil
		case <-h.Stopping:
			return order, false, nil
		case <-ctx.Done(): // the client has gone
			return order, false, ctx.Err()
		}
		if order, err = h.find(ctx, order.OrderID); err != nil {
			return order, false, err
		}
		next = min(next*3/2, lastPause)
		pause.Reset(next)
	}
	return order, true, nil
}

func (h *handlers) restaurants(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readTimeout)
	defer cancel()
	all, err := h.Restaurants.Restaurants(ctx)
	if err != nil {
		return unreadable(err)
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
	ctx, cancel := context.WithTimeout(c.Request().Context(), readTimeout)
	defer cancel()
	restaurant, found, err := h.Restaurants.Restaurant(ctx, id)
	if err != nil {
		return unreadable(err)
	}
	if !found {
		return problem.New(problem.NotFound, "There is no restaurant %s.", id)
	}
	dishes, err := h.Menus.Menu(ctx, id)
	if err != nil {
		return unreadable(err)
	}
	if dishes == nil {
		dishes = []Dish{}
	}
	return api.Write(c, http.StatusOK, menu{restaurant, dishes})
}

// unreadable: whatever keeps a database from answering, it is not the client's doing, and it may pass.
func unreadable(err error) error {
	return problem.Because(problem.Unavailable, err, "It can't be looked up at the moment. Try again.")
}
