package audit

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
)

// manyOrders is how many orders the benchmark's books hold. The time grows in proportion.
const manyOrders = 100_000

// completedOrders makes books of so many completed orders, as the groups would have left them, with 25 lines of timeline each.
const completedOrders = `
insert into payments.accounts values ('@outside/INR', '@outside', 'INR', -500 * %[1]d), ('rest/INR', 'rest', 'INR', 500 * %[1]d), ('ann/INR', 'ann', 'INR', 0), ('@escrow/INR', '@escrow', 'INR', 0);
insert into payments.credits values ('c', 'ann', 'INR', 500 * %[1]d);
insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at) values ('c', 'credit', '@outside/INR', -500 * %[1]d, 'ann/INR', 500 * %[1]d, now());
insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
	select 'order-' || n, kind, f, -500, t, 500, now() from generate_series(1, %[1]d) n, (values ('pay', 'ann/INR', '@escrow/INR'), ('settle', '@escrow/INR', 'rest/INR')) m(kind, f, t);
insert into payments.payments (payment_id, purpose, payer, payee, restaurant_id, currency, amount, moved, state)
	select 'order-' || n, 'order', 'ann', '@escrow', 'rest', 'INR', 500, true, 'closed' from generate_series(1, %[1]d) n;
insert into inventory.deliveries values ('d', 'dal', %[1]d);
insert into inventory.dishes values ('dal', 'rest', 'Dal', 'INR', 500, 0, 0, %[1]d, %[1]d);
insert into inventory.reservations (order_id, items, state) select 'order-' || n, '[{"sku": "dal", "quantity": 1}]', 'closed' from generate_series(1, %[1]d) n;
insert into kitchen.tickets (order_id, restaurant_id, state, pivoted) select 'order-' || n, 'rest', 'done', true from generate_series(1, %[1]d) n;
insert into delivery.trips (order_id, city, state) select 'order-' || n, 'mumbai', 'closed' from generate_series(1, %[1]d) n;
insert into orders.orders (order_id, customer_id, restaurant_id, items, currency, total, ending, reason, placed_at, state)
	select 'order-' || n, 'ann', 'rest', '[{"sku": "dal", "quantity": 1}]', 'INR', 500, 'completed', '', now(), 'closed' from generate_series(1, %[1]d) n;
insert into orders.timeline (order_id, type, said_by, reason, at)
	select 'order-' || n, case when line = 25 then 'order.completed' else 'some.thing' end, 'orders', '', now() from generate_series(1, %[1]d) n, generate_series(1, 25) line`

func BenchmarkManyOrders(b *testing.B) {
	p := newProduct(b)
	conn, err := pgx.Connect(b.Context(), p.cfg.DatabaseURL)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), fmt.Sprintf(completedOrders, manyOrders)); err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), "vacuum analyze"); err != nil {
		b.Fatal(err)
	}
	if err := conn.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		report, err := Run(b.Context(), p.cfg)
		if err != nil {
			b.Fatal(err)
		}
		if !report.OK() {
			b.Fatal(report)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/audit")
}
