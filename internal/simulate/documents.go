package simulate

import (
	"embed"

	"tiffin/saga"
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
