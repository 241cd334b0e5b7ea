package orders_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/orders"
	"tiffin/internal/testservers"
	"tiffin/saga/lane"
	"tiffin/schemas"
)

// database is an empty one with the group's tables.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testservers.Postgres(t)
	if err := lane.Migrate(t.Context(), url, "", orders.Group(), orders.Migrations); err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func execute(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// hear writes a line of a timeline, so many seconds after noon.
func hear(t *testing.T, db *pgxpool.Pool, orderID string, second int, eventType, group, reason string) orders.Line {
	t.Helper()
	line := orders.Line{OrderID: orderID, Type: eventType, Group: group, Reason: reason, At: noon.Add(time.Duration(second) * time.Second)}
	execute(t, db, `insert into orders.timeline (order_id, type, said_by, reason, at) values ($1, $2, $3, $4, $5)`,
		orderID, eventType, group, reason, line.At)
	return line
}

func find(t *testing.T, db orders.DB, orderID string) (orders.View, bool) {
	t.Helper()
	view, found, err := orders.Find(t.Context(), db, orderID)
	if err != nil {
		t.Fatal(err)
	}
	return view, found
}

const insertOrder = `insert into orders.orders (order_id, customer_id, restaurant_id, items, currency, total, ending, reason, placed_at)
	values ($1, 'c1', 'r1', '[{"sku":"dosa","quantity":2}]', $2, $3, $4, $5, now())`

func TestFind(t *testing.T) {
	db := database(t)
	items := []schemas.Item{{SKU: "dosa", Quantity: 2}}

	if view, found := find(t, db, "nobody"); found {
		t.Errorf("nobody's order: %+v", view)
	}

	execute(t, db, insertOrder, "o1", "INR", 24_000, "", "")
	hear(t, db, "other", 0, "meal.ready", "kitchen", "")
	second := hear(t, db, "o1", 2, "stock.reserved", "inventory", "")
	first := hear(t, db, "o1", 1, "order.placed", "orders-api", "")
	third := hear(t, db, "o1", 2, "payment.requested", "payments", "")
	view, found := find(t, db, "o1")
	want := orders.View{
		OrderID: "o1", CustomerID: "c1", RestaurantID: "r1", Items: items, Total: schemas.Money{Currency: "INR", MinorUnits: 24_000},
		Status: orders.Reserved, Timeline: []orders.Line{first, second, third},
	}
	if !found || !reflect.DeepEqual(view, want) {
		t.Errorf("got %+v, want %+v", view, want)
	}

	// Somebody mistyped an order's id, which makes none.
	hear(t, db, "o4", 0, "cancellation.requested", "orders-api", "")
	hear(t, db, "o4", 1, "kitchen.cancelled", "kitchen", "cancelled")
	if view, found := find(t, db, "o4"); found {
		t.Errorf("an order that nobody placed: %+v", view)
	}

	// Its row is not there yet.
	early := hear(t, db, "o2", 0, "stock.reserved", "inventory", "")
	view, found = find(t, db, "o2")
	want = orders.View{OrderID: "o2", Items: []schemas.Item{}, Status: orders.Reserved, Timeline: []orders.Line{early}}
	if !found || !reflect.DeepEqual(view, want) {
		t.Errorf("got %+v, want %+v", view, want)
	}

	// The end is the end, whatever comes later.
	execute(t, db, insertOrder, "o3", "", 0, "cancelled", "sold-out")
	hear(t, db, "o3", 9, "kitchen.accepted", "kitchen", "")
	if view, found = find(t, db, "o3"); !found || view.Status != orders.Cancelled || view.Reason != "sold-out" {
		t.Errorf("got %+v", view)
	}
}

func TestStatusIsTheFurthestStep(t *testing.T) {
	db := database(t)
	for i, step := range []struct {
		eventType string
		want      orders.Status
	}{
		{"order.placed", orders.Accepted},
		{"stock.reserved", orders.Reserved},
		{"payment.requested", orders.Reserved},
		{"payment.succeeded", orders.Paid},
		{"kitchen.accepted", orders.Cooking},
		{"meal.ready", orders.Ready},
		{"kitchen.accepted", orders.Ready}, // a copy, later
		{"delivery.scheduled", orders.OutForDelivery},
		{"stock.released", orders.OutForDelivery},
	} {
		hear(t, db, "o1", i, step.eventType, "someone", "")
		if view, _ := find(t, db, "o1"); view.Status != step.want {
			t.Errorf("after %s: %s, want %s", step.eventType, view.Status, step.want)
		}
	}
}

// TestLongTimelinesAreCut, and still count for the status.
func TestLongTimelinesAreCut(t *testing.T) {
	db := database(t)
	execute(t, db, `insert into orders.timeline (order_id, type, said_by, reason, at)
		select 'o1', 'cancellation.requested', 'orders-api', '', $1 from generate_series(1, $2)`, noon, orders.MaxLines+1)
	hear(t, db, "o1", 1, "kitchen.accepted", "kitchen", "")
	if view, _ := find(t, db, "o1"); len(view.Timeline) != orders.MaxLines || view.Status != orders.Cooking {
		t.Errorf("%d lines, %s", len(view.Timeline), view.Status)
	}
}

// TestFindUsesTheIndexes: it is asked by every client that waits, several times a second.
func TestFindUsesTheIndexes(t *testing.T) {
	db := database(t)
	execute(t, db, `insert into orders.timeline (order_id, type, said_by, reason, at)
		select 'o' || n % 5000, 'order.placed', '', '', now() from generate_series(1, 50000) n`)
	execute(t, db, `insert into orders.orders (order_id, customer_id, restaurant_id, items, currency, total, ending, reason)
		select 'o' || n, '', '', '[]', '', 0, '', '' from generate_series(1, 5000) n`)
	execute(t, db, `analyze orders.timeline, orders.orders`)
	plan := &explaining{pool: db}
	if _, _, err := orders.Find(t.Context(), plan, "o77"); err == nil {
		t.Fatal("a plan passed for an order")
	}
	if text := strings.Join(plan.lines, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "orders_pkey") {
		t.Errorf("the plan is\n%s", text)
	}
}
