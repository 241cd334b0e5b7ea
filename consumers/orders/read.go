package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/schemas"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// View is an order as a reader sees it.
type View struct {
	OrderID, CustomerID, RestaurantID string // the latter two are empty until order.placed is heard
	Items                             []schemas.Item
	Total                             schemas.Money // zero until the order is priced
	Status                            Status
	Reason                            string // of its failure
	Timeline                          []Line // as it happened, the first MaxLines
}

// MaxLines is how many lines of a timeline a reader sees. An order has some twenty; who asks for its cancellation all day
// long adds one each time.
const MaxLines = 500

// steps are the facts that bring an order on, and how far. The status is the furthest.
var steps = [...]struct {
	eventType string
	status    Status
}{
	{schemas.OrderPlaced{}.EventType(), Accepted},
	{schemas.StockReserved{}.EventType(), Reserved},
	{schemas.PaymentSucceeded{}.EventType(), Paid},
	{schemas.KitchenAccepted{}.EventType(), Cooking},
	{schemas.MealReady{}.EventType(), Ready},
	{schemas.DeliveryScheduled{}.EventType(), OutForDelivery},
}

// find is one query, for clients that wait ask it again and again. A row may come later than the first lines of its timeline, or never: an
// order whose cancellation was heard first.
const find = `
select coalesce(o.customer_id, ''), coalesce(o.restaurant_id, ''), coalesce(o.items, '[]'),
       coalesce(o.currency, ''), coalesce(o.total, 0), coalesce(o.ending, ''), coalesce(o.reason, ''),
       s.step, l.types, l.speakers, l.reasons, l.times
from (select coalesce(max(array_position($2::text[], type)), 0) as step from orders.timeline where order_id = $1) s
cross join (
    select array_agg(type order by at, line_id) as types, array_agg(said_by order by at, line_id) as speakers,
           array_agg(reason order by at, line_id) as reasons, array_agg(at order by at, line_id) as times
    from (select * from orders.timeline where order_id = $1 order by at, line_id limit $3) first
) l
left join orders.orders o on o.order_id = $1`

// Find reads an order, and returns false if nothing has been heard of it that an order begins or goes on with: somebody may ask for the
// cancellation of what was never placed, and that makes no order.
func Find(ctx context.Context, db DB, orderID string) (View, bool, error) {
	types := make([]string, len(steps))
	for i, step := range steps {
		types[i] = step.eventType
	}
	view := View{OrderID: orderID}
	var items []byte
	var ending Status
	var step int
	var lines struct {
		types, speakers, reasons []string
		times                    []time.Time
	}
	err := db.QueryRow(ctx, find, orderID, types, MaxLines).Scan(&view.CustomerID, &view.RestaurantID, &items,
		&view.Total.Currency, &view.Total.MinorUnits, (*string)(&ending), &view.Reason,
		&step, &lines.types, &lines.speakers, &lines.reasons, &lines.times)
	if err == nil {
		err = json.Unmarshal(items, &view.Items)
	}
	if err != nil {
		return View{}, false, fmt.Errorf("read order %s: %w", orderID, err)
	}
	for i := range lines.types {
		view.Timeline = append(view.Timeline, Line{
			OrderID: orderID, Type: lines.types[i], Group: lines.speakers[i],
			Reason: lines.reasons[i], At: lines.times[i].UTC(),
		})
	}
	if step == 0 {
		return View{}, false, nil
	}
	view.Status = steps[step-1].status // which counts from 1
	if ending != "" {
		view.Status = ending // the end is the end, whatever was said later
	}
	return view, true, nil
}
