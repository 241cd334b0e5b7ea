package schemas

// OrderPlaced says that a customer has ordered a meal. Said by the door; nothing has been priced, reserved or
// paid yet.
type OrderPlaced struct {
	OrderID      string `json:"orderId"`
	CustomerID   string `json:"customerId"`
	RestaurantID string `json:"restaurantId"`
	Items        []Item `json:"items"`
}

func (OrderPlaced) EventType() string { return "order.placed" }
func (OrderPlaced) Topic() string     { return TopicOrders }
func (f OrderPlaced) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f OrderPlaced) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/customerId", f.CustomerID)
	c.ID("/restaurantId", f.RestaurantID)
	c.Items("/items", f.Items)
	return c.Err()
}

// CancellationRequested says that the customer wants the order cancelled. Said by the door; the kitchen judges
// whether it came in time.
type CancellationRequested struct {
	OrderID string `json:"orderId"`
}

func (CancellationRequested) EventType() string { return "cancellation.requested" }
func (CancellationRequested) Topic() string     { return TopicOrders }
func (f CancellationRequested) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f CancellationRequested) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// OrderCompleted says that the meal was delivered and the order has ended well. Said by orders.
type OrderCompleted struct {
	OrderID string `json:"orderId"`
}

func (OrderCompleted) EventType() string { return "order.completed" }
func (OrderCompleted) Topic() string     { return TopicOrders }
func (f OrderCompleted) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f OrderCompleted) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// OrderCancelled says that the order has ended, and all that was done for it is undone or written off. Said by
// orders, with the reason of what failed first.
type OrderCancelled struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (OrderCancelled) EventType() string { return "order.cancelled" }
func (OrderCancelled) Topic() string     { return TopicOrders }
func (f OrderCancelled) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f OrderCancelled) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}
