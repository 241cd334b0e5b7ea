package schemas

// DishOffered says that a restaurant sells a dish at this price from now on. Said by the door.
type DishOffered struct {
	SKU          string `json:"sku"`
	RestaurantID string `json:"restaurantId"`
	Name         string `json:"name"`
	Price        Money  `json:"price"`
}

func (DishOffered) EventType() string { return "dish.offered" }
func (DishOffered) Topic() string     { return TopicInventory }
func (f DishOffered) Key() string     { return f.SKU }

// Validate reports all faults at once as an [*Invalid].
func (f DishOffered) Validate() error {
	var c Check
	c.ID("/sku", f.SKU)
	c.ID("/restaurantId", f.RestaurantID)
	c.Name("/name", f.Name)
	c.Amount("/price", f.Price)
	return c.Err()
}

// StockDelivered says that so many portions of a dish were put on the shelf. Said by the door, once for each
// delivery.
type StockDelivered struct {
	DeliveryID string `json:"deliveryId"`
	SKU        string `json:"sku"`
	Quantity   int    `json:"quantity"`
}

func (StockDelivered) EventType() string { return "stock.delivered" }
func (StockDelivered) Topic() string     { return TopicInventory }
func (f StockDelivered) Key() string     { return f.SKU }

// Validate reports all faults at once as an [*Invalid].
func (f StockDelivered) Validate() error {
	var c Check
	c.ID("/deliveryId", f.DeliveryID)
	c.ID("/sku", f.SKU)
	c.Quantity("/quantity", f.Quantity, MaxDelivery)
	return c.Err()
}

// StockReserved says that the items of an order are priced and set aside for it. Said by inventory, with the
// total.
type StockReserved struct {
	OrderID      string `json:"orderId"`
	CustomerID   string `json:"customerId"`
	RestaurantID string `json:"restaurantId"`
	Total        Money  `json:"total"`
}

func (StockReserved) EventType() string { return "stock.reserved" }
func (StockReserved) Topic() string     { return TopicInventory }
func (f StockReserved) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f StockReserved) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/customerId", f.CustomerID)
	c.ID("/restaurantId", f.RestaurantID)
	c.Amount("/total", f.Total)
	return c.Err()
}

// StockRejected says that the items of an order can't be had, and none was set aside. Said by inventory.
type StockRejected struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (StockRejected) EventType() string { return "stock.rejected" }
func (StockRejected) Topic() string     { return TopicInventory }
func (f StockRejected) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f StockRejected) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// StockReleased says that what was set aside for an order is back on the shelf. Said by inventory, to undo
// stock.reserved.
type StockReleased struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (StockReleased) EventType() string { return "stock.released" }
func (StockReleased) Topic() string     { return TopicInventory }
func (f StockReleased) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f StockReleased) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}
