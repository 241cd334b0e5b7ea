package schemas

// FleetSized says that so many couriers work in a city from now on. Said by the door.
type FleetSized struct {
	City     string `json:"city"`
	Couriers *int   `json:"couriers"`
}

func (FleetSized) EventType() string { return "fleet.sized" }
func (FleetSized) Topic() string     { return TopicDelivery }
func (f FleetSized) Key() string     { return f.City }

// Validate reports all faults at once as an [*Invalid].
func (f FleetSized) Validate() error {
	var c Check
	c.ID("/city", f.City)
	c.Count("/couriers", f.Couriers)
	return c.Err()
}

// CourierDelivered says that the courier has handed the meal over. Said by the door for the courier.
type CourierDelivered struct {
	OrderID string `json:"orderId"`
}

func (CourierDelivered) EventType() string { return "courier.delivered" }
func (CourierDelivered) Topic() string     { return TopicDelivery }
func (f CourierDelivered) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f CourierDelivered) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// CourierFailed says that the courier could not hand the meal over. Said by the door for the courier.
type CourierFailed struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (CourierFailed) EventType() string { return "courier.failed" }
func (CourierFailed) Topic() string     { return TopicDelivery }
func (f CourierFailed) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f CourierFailed) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// DeliveryScheduled says that a courier is on the way with the meal. Said by delivery.
type DeliveryScheduled struct {
	OrderID string `json:"orderId"`
	City    string `json:"city"`
}

func (DeliveryScheduled) EventType() string { return "delivery.scheduled" }
func (DeliveryScheduled) Topic() string     { return TopicDelivery }
func (f DeliveryScheduled) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f DeliveryScheduled) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/city", f.City)
	return c.Err()
}

// DeliveryCompleted says that the meal is with the customer, and the courier is free again. Said by delivery.
type DeliveryCompleted struct {
	OrderID string `json:"orderId"`
}

func (DeliveryCompleted) EventType() string { return "delivery.completed" }
func (DeliveryCompleted) Topic() string     { return TopicDelivery }
func (f DeliveryCompleted) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f DeliveryCompleted) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// DeliveryFailed says that the meal will not reach the customer. Said by delivery; the payment is undone.
type DeliveryFailed struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (DeliveryFailed) EventType() string { return "delivery.failed" }
func (DeliveryFailed) Topic() string     { return TopicDelivery }
func (f DeliveryFailed) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f DeliveryFailed) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}
