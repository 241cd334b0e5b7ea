package orders

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/producers/api"
	"tiffin/schemas"
)

// placement is the body that places an order.
type placement struct {
	CustomerID   string    `json:"customerId"`
	RestaurantID string    `json:"restaurantId"`
	Items        []item    `json:"items"`
	Extra        api.Extra `json:",embed"`
}

type item struct {
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	Extra    api.Extra `json:",embed"`
}

// Check implements [api.Body].
func (p *placement) Check(c *schemas.Check) {
	c.ID("/customerId", p.CustomerID)
	c.ID("/restaurantId", p.RestaurantID)
	c.Items("/items", p.items())
	p.Extra.CheckWith(c, "", unpriced)
	for i := range p.Items[:min(len(p.Items), schemas.MaxItems)] {
		p.Items[i].Extra.CheckWith(c, "/items/"+strconv.Itoa(i), unpriced)
	}
}

// unpriced says why a member of an order can't be there.
func unpriced(name string) string {
	switch name {
	case "price", "unitPrice", "total", "amount", "minorUnits", "currency", "discount":
		return "prices and totals come from the restaurant's menu, never from a client"
	}
	return "it is not known here"
}

func (p *placement) items() []schemas.Item {
	items := make([]schemas.Item, len(p.Items))
	for i, it := range p.Items {
		items[i] = schemas.Item{SKU: it.SKU, Quantity: it.Quantity}
	}
	return items
}

func (p *placement) fact(orderID string) schemas.OrderPlaced {
	return schemas.OrderPlaced{OrderID: orderID, CustomerID: p.CustomerID, RestaurantID: p.RestaurantID, Items: p.items()}
}

// nothing is an object without members.
type nothing struct {
	Extra api.Extra `json:",embed"`
}

// Check implements [api.Body].
func (n *nothing) Check(c *schemas.Check) { n.Extra.Check(c, "") }

// explanation is the body that says why something failed.
type explanation struct {
	Reason text      `json:"reason"`
	Extra  api.Extra `json:",embed"`
}

// Check implements [api.Body].
func (e *explanation) Check(c *schemas.Check) {
	c.Reason("/reason", string(e.Reason))
	e.Extra.Check(c, "")
}

// text is a string that null does not pass for: where a member has a default, null would else quietly become it.
type text string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return errors.New("null is no text")
	}
	return json.UnmarshalDecode(dec, (*string)(t))
}

// Receipt answers an order that was accepted.
type Receipt struct {
	OrderID string `json:"orderId"`
	Status  string `json:"status"`
}

// The statuses that this API has an opinion on. All others it passes on as they are.
const (
	Accepted  = "accepted"  // at the start
	Completed = "completed" // an end
	Cancelled = "cancelled" // an end
)

// Order is how an order goes.
type Order struct {
	OrderID      string         `json:"orderId"`
	Status       string         `json:"status"`
	Reason       string         `json:"reason,omitzero"` // of its failure
	CustomerID   string         `json:"customerId,omitzero"`
	RestaurantID string         `json:"restaurantId,omitzero"`
	Items        []schemas.Item `json:"items,omitempty"`
	Total        *schemas.Money `json:"total,omitzero"` // once it has been priced
	Events       []Event        `json:"events"`
}

// Standing implements [api.Followed]. Only so many events are shown: beyond them the version changes with the status.
func (o Order) Standing() api.Standing {
	return api.Standing{
		Status: o.Status, Version: strconv.Itoa(len(o.Events)) + "-" + o.Status,
		Ended: o.Status == Completed || o.Status == Cancelled,
	}
}

// Event is something that happened to an order.
type Event struct {
	Type   string    `json:"type"`
	Group  string    `json:"group"` // who said so
	Reason string    `json:"reason,omitzero"`
	At     time.Time `json:"at"`
}

// Restaurant is a place to order from.
type Restaurant struct {
	RestaurantID string `json:"restaurantId"`
	Name         string `json:"name"`
	City         string `json:"city"`
	PlacesFree   int    `json:"placesFree"` // how many more orders it can cook at the moment
}

// Dish is a dish on a menu.
type Dish struct {
	SKU       string        `json:"sku"`
	Name      string        `json:"name"`
	Price     schemas.Money `json:"price"`
	StockFree int           `json:"stockFree"` // how many portions are left
}

// restaurantList answers GET /restaurants.
type restaurantList struct {
	Restaurants []Restaurant `json:"restaurants"`
}

// menu answers GET /restaurants/{id}/menu.
type menu struct {
	Restaurant
	Dishes []Dish `json:"dishes"`
}
