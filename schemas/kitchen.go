package schemas

// RestaurantOpened says that a restaurant takes orders, as many at once as it has places. Said by the door, and
// again when any of it changes.
type RestaurantOpened struct {
	RestaurantID string `json:"restaurantId"`
	Name         string `json:"name"`
	City         string `json:"city"`
	Places       *int   `json:"places"`
}

func (RestaurantOpened) EventType() string { return "restaurant.opened" }
func (RestaurantOpened) Topic() string     { return TopicKitchen }
func (f RestaurantOpened) Key() string     { return f.RestaurantID }

// Validate reports all faults at once as an [*Invalid].
func (f RestaurantOpened) Validate() error {
	var c Check
	c.ID("/restaurantId", f.RestaurantID)
	c.Name("/name", f.Name)
	c.ID("/city", f.City)
	c.Count("/places", f.Places)
	return c.Err()
}

// RestaurantAccepted says that the restaurant will cook the order. Said by the door for the restaurant.
type RestaurantAccepted struct {
	OrderID string `json:"orderId"`
}

func (RestaurantAccepted) EventType() string { return "restaurant.accepted" }
func (RestaurantAccepted) Topic() string     { return TopicKitchen }
func (f RestaurantAccepted) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f RestaurantAccepted) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// RestaurantRejected says that the restaurant will not cook the order. Said by the door for the restaurant.
type RestaurantRejected struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (RestaurantRejected) EventType() string { return "restaurant.rejected" }
func (RestaurantRejected) Topic() string     { return TopicKitchen }
func (f RestaurantRejected) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f RestaurantRejected) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// MealCooked says that the restaurant has finished cooking. Said by the door for the restaurant.
type MealCooked struct {
	OrderID string `json:"orderId"`
}

func (MealCooked) EventType() string { return "meal.cooked" }
func (MealCooked) Topic() string     { return TopicKitchen }
func (f MealCooked) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f MealCooked) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}

// KitchenAsked says that a place is taken for a paid order and its restaurant has been asked. Said by kitchen.
type KitchenAsked struct {
	OrderID      string `json:"orderId"`
	RestaurantID string `json:"restaurantId"`
}

func (KitchenAsked) EventType() string { return "kitchen.asked" }
func (KitchenAsked) Topic() string     { return TopicKitchen }
func (f KitchenAsked) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f KitchenAsked) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/restaurantId", f.RestaurantID)
	return c.Err()
}

// KitchenAccepted says that the order is being cooked and can't be cancelled any more. Said by kitchen; there is
// no way back from here.
type KitchenAccepted struct {
	OrderID      string `json:"orderId"`
	RestaurantID string `json:"restaurantId"`
}

func (KitchenAccepted) EventType() string { return "kitchen.accepted" }
func (KitchenAccepted) Topic() string     { return TopicKitchen }
func (f KitchenAccepted) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f KitchenAccepted) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/restaurantId", f.RestaurantID)
	return c.Err()
}

// KitchenRejected says that the order will not be cooked. Said by kitchen; the others undo what they did for it.
type KitchenRejected struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (KitchenRejected) EventType() string { return "kitchen.rejected" }
func (KitchenRejected) Topic() string     { return TopicKitchen }
func (f KitchenRejected) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f KitchenRejected) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// KitchenCancelled says that the order was cancelled in time. Said by kitchen; the others undo what they did for
// it.
type KitchenCancelled struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (KitchenCancelled) EventType() string { return "kitchen.cancelled" }
func (KitchenCancelled) Topic() string     { return TopicKitchen }
func (f KitchenCancelled) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f KitchenCancelled) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// CancellationRefused says that a cancellation was not granted. Said by kitchen, once, however often it was
// requested.
type CancellationRefused struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (CancellationRefused) EventType() string { return "cancellation.refused" }
func (CancellationRefused) Topic() string     { return TopicKitchen }
func (f CancellationRefused) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f CancellationRefused) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// MealReady says that a meal can be fetched, and its place in the kitchen is free again. Said by kitchen.
type MealReady struct {
	OrderID      string `json:"orderId"`
	RestaurantID string `json:"restaurantId"`
	City         string `json:"city"`
}

func (MealReady) EventType() string { return "meal.ready" }
func (MealReady) Topic() string     { return TopicKitchen }
func (f MealReady) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f MealReady) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	c.ID("/restaurantId", f.RestaurantID)
	c.ID("/city", f.City)
	return c.Err()
}

// MealWrittenOff says that a meal that was cooked and could not be delivered is lost. Said by kitchen.
type MealWrittenOff struct {
	OrderID string `json:"orderId"`
}

func (MealWrittenOff) EventType() string { return "meal.written-off" }
func (MealWrittenOff) Topic() string     { return TopicKitchen }
func (f MealWrittenOff) Key() string     { return f.OrderID }

// Validate reports all faults at once as an [*Invalid].
func (f MealWrittenOff) Validate() error {
	var c Check
	c.ID("/orderId", f.OrderID)
	return c.Err()
}
