package simulate

import (
	"embed"

	"tiffin/saga"
	"tiffin/schemas"
)

// migrations create a party's tables; they are the same for each.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Task is what one party has to do for one order.
type Task struct {
	saga.Act
	OrderID, RestaurantID string
}

// newTasks is a table of tasks: one for each party, for no two groups share a document.
func newTasks() *saga.Table[Task] {
	return saga.In("tasks", func(t *Task) saga.Columns {
		return saga.Columns{{"order_id", &t.OrderID}, {"restaurant_id", &t.RestaurantID}}
	})
}

// Noticed says that a simulated party has seen what it is asked for, and takes its time. Nobody hears it; it is there to
// be seen on the topic, and because a group that says nothing has not acted and could not wait.
type Noticed struct {
	OrderID string `json:"orderId"`
	Party   string `json:"party"` // restaurant, cook or courier
}

// EventType is the fact's name.
func (Noticed) EventType() string { return "simulation.noticed" }

// Topic is the kitchen's, where the first question comes from.
func (Noticed) Topic() string { return schemas.TopicKitchen }

// Key is the order's id.
func (f Noticed) Key() string { return f.OrderID }

// Validate reports all faults at once as an [*schemas.Invalid].
func (f Noticed) Validate() error {
	var c schemas.Check
	c.ID("/orderId", f.OrderID)
	c.Reason("/party", f.Party)
	return c.Err()
}
