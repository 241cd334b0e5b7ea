package audit

// faults are ways to break the books, at least one for each check.
var faults = []broken{
	{
		name: "a movement takes more than it gives", check: "movements", says: "its legs sum to 1",
		sql: `alter table payments.movements drop constraint movements_check;
			update payments.movements set to_amount = to_amount + 1 where payment_id = 'done-1' and kind = 'pay'`,
	},
	{
		name: "an account has more than its movements make", check: "accounts", says: "account bob/INR has",
		sql: `update payments.accounts set balance = balance + 1 where account_id = 'bob/INR'`,
	},
	{
		name: "an account without movements has money", check: "accounts", says: "account eve/INR has 5, its movements make 0",
		sql: `insert into payments.accounts values ('eve/INR', 'eve', 'INR', 5)`,
	},
	{
		name: "an account is gone", check: "accounts", says: "account bob/INR has 0",
		sql: `delete from payments.accounts where account_id = 'bob/INR'`,
	},
	{
		name: "money out of nothing", check: "balances", says: "all balances in INR sum to 3",
		sql: `update payments.accounts set balance = balance + 3 where account_id = 'bob/INR'`,
	},
	{
		name: "escrow has money of nobody", check: "escrow", says: "escrow in INR has",
		sql: `update payments.accounts set balance = balance + 1 where owner = '@escrow'`,
	},
	{
		name: "escrow lacks an open payment", check: "escrow", says: "escrow in INR has",
		sql: `update payments.payments set state = 'done', moved = true where payment_id = 'done-1'`,
	},
	{
		name: "a payment is paid twice", check: "payments", says: "payment done-1 (closed) was paid 2, refunded 0, settled 1 time",
		sql: `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
			select payment_id, kind, from_account, from_amount, to_account, to_amount, at from payments.movements where payment_id = 'done-1' and kind = 'pay'`,
	},
	{
		name: "a payment is settled twice", check: "payments", says: "payment done-1 (closed) was paid 1, refunded 0, settled 2 times",
		sql: `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
			select payment_id, kind, from_account, from_amount, to_account, to_amount, at from payments.movements where payment_id = 'done-1' and kind = 'settle'`,
	},
	{
		name: "a payment that was undone is not refunded", check: "payments", says: "payment refused (undone) was paid 1, refunded 0",
		sql: `delete from payments.movements where payment_id = 'refused' and kind = 'refund'`,
	},
	{
		name: "a payment that failed was paid", check: "payments", says: "payment poor (refused) was paid 1",
		sql: `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at) values ('poor', 'pay', 'a', -1, 'b', 1, now())`,
	},
	{
		name: "a payment that nobody knows was paid", check: "payments", says: "payment ghost (unknown) was paid 1",
		sql: `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at) values ('ghost', 'pay', 'a', -1, 'b', 1, now())`,
	},
	{
		name: "a transfer is not paid", check: "payments", says: "payment gift (closed) was paid 0",
		sql: `delete from payments.movements where payment_id = 'gift'`,
	},
	{
		name: "less is refunded than was paid", check: "payments", says: "moved 1",
		sql: `update payments.movements set to_amount = 1, from_amount = -1 where payment_id = 'refused' and kind = 'refund'`,
	},
	{
		name: "a credit is moved twice", check: "credits", says: "credit seed-bob-INR was moved 2 times",
		sql: `insert into payments.movements (payment_id, kind, from_account, from_amount, to_account, to_amount, at)
			select payment_id, kind, from_account, from_amount, to_account, to_amount, at from payments.movements where payment_id = 'seed-bob-INR'`,
	},
	{
		name: "a credit that nobody gave", check: "credits", says: "credit seed-bob-INR was moved 1 time, and nobody gave it",
		sql: `delete from payments.credits where credit_id = 'seed-bob-INR'`,
	},
	{
		name: "a credit to another account", check: "credits", says: "for bob/INR moved 10000000000 to alice/INR",
		sql: `update payments.movements set to_account = 'alice/INR' where payment_id = 'seed-bob-INR'`,
	},
	{
		name: "a like of nobody", check: "likes", says: "post sunset counts 3 likes, and is liked by 2 users",
		sql: `update likes.counts set count = count + 1, version = version + 1, gained = gained + 1
			where (post_id, shard) = (select post_id, min(shard) from likes.counts where post_id = 'sunset' group by post_id)`,
	},
	{
		name: "a like that is not counted", check: "likes", says: "post beach counts 0 likes, and is liked by 1 user",
		sql: `insert into likes.likes values ('beach/eve', true, now(), 'x')`,
	},
	{
		name: "portions of nowhere", check: "shelves", says: "dish idli: ",
		sql: `alter table inventory.dishes drop constraint dishes_check; update inventory.dishes set free = free + 1 where sku = 'idli'`,
	},
	{
		name: "a delivery that is not on the shelf", check: "shelves", says: "dish idli counts 1000000 delivered, its deliveries make 1000009",
		sql: `insert into inventory.deliveries values ('lost', 'idli', 9)`,
	},
	{
		name: "a delivery of a dish that is not there", check: "shelves", says: "dish ghost counts 0 delivered, its deliveries make 9",
		sql: `insert into inventory.deliveries values ('lost', 'ghost', 9)`,
	},
	{
		name: "stock is held for nobody", check: "reservations", says: "dish idli counts 3 held and 2 sold, its reservations make 2 and 2",
		sql: `update inventory.dishes set free = free - 1, held = held + 1 where sku = 'idli'`,
	},
	{
		name: "stock is sold to nobody", check: "reservations", says: "dish idli counts 2 held and 3 sold, its reservations make 2 and 2",
		sql: `update inventory.dishes set free = free - 1, sold = sold + 1 where sku = 'idli'`,
	},
	{
		name: "places do not add up", check: "rooms", says: "restaurant tiny: 1 free and 0 busy are not its 0 places",
		sql: `alter table kitchen.rooms drop constraint rooms_check; update kitchen.rooms set free = 1 where restaurant_id = 'tiny'`,
	},
	{
		name: "a place is taken for ever", check: "rooms", says: "restaurant annapurna counts 1 busy place, it has 0 orders",
		sql: `update kitchen.rooms set free = free - 1, busy = busy + 1 where restaurant_id = 'annapurna'`,
	},
	{
		name: "a place is given away twice", check: "rooms", says: "restaurant silent-spoon counts 0 busy places, it has 1 order",
		sql: `update kitchen.rooms set free = free + 1, busy = busy - 1 where restaurant_id = 'silent-spoon'`,
	},
	{
		name: "couriers do not add up", check: "couriers", says: "city mumbai: 5 free and 1 on the road are not its 10000 couriers",
		sql: `alter table delivery.fleets drop constraint fleets_check; update delivery.fleets set free = 5 where city = 'mumbai'`,
	},
	{
		name: "a courier is out for ever", check: "couriers", says: "city mumbai counts 2 couriers on the road, it has 1 trip",
		sql: `update delivery.fleets set free = free - 1, on_the_road = on_the_road + 1 where city = 'mumbai'`,
	},
	{
		name: "a completed order is not settled", check: "completed", says: "order done-1: reservation closed, payment done, ticket done, trip closed",
		sql: `update payments.payments set state = 'done' where payment_id = 'done-1'`,
	},
	{
		name: "a completed order has its stock held", check: "completed", says: "order done-2: reservation done",
		sql: `update inventory.reservations set state = 'done' where order_id = 'done-2'`,
	},
	{
		name: "a completed order was never cooked", check: "completed", says: "order done-2: reservation closed, payment closed, ticket none",
		sql: `delete from kitchen.tickets where order_id = 'done-2'`,
	},
	{
		name: "a completed order is on its way", check: "completed", says: "ticket done, trip done",
		sql: `update delivery.trips set state = 'done' where order_id = 'done-2'`,
	},
	{
		name: "a cancelled order keeps its stock", check: "cancelled", says: "order refused: reservation done",
		sql: `update inventory.reservations set state = 'done' where order_id = 'refused'`,
	},
	{
		name: "a cancelled order's stock is used up, and the meal not written off", check: "cancelled", says: "order dropped: reservation closed, payment undone, ticket done",
		sql: `update kitchen.tickets set state = 'done' where order_id = 'dropped'`,
	},
	{
		name: "a cancelled order's stock is sold", check: "cancelled", says: "order no-room: reservation closed, payment undone, ticket refused",
		sql: `update inventory.reservations set state = 'closed' where order_id = 'no-room'`,
	},
	{
		name: "a cancelled order keeps its money", check: "cancelled", says: "order cancelled: reservation undone, payment closed",
		sql: `update payments.payments set state = 'closed' where payment_id = 'cancelled'`,
	},
	{
		name: "a cancelled order is delivered", check: "cancelled", says: "ticket closed, trip closed",
		sql: `update delivery.trips set state = 'closed' where order_id = 'dropped'`,
	},
	{
		name: "an order ends twice", check: "ends", says: "order done-1 is completed, and its timeline has 2 ends",
		sql: `insert into orders.timeline (order_id, type, said_by, reason, at) values ('done-1', 'order.completed', 'orders', '', now())`,
	},
	{
		name: "an order ends unsaid", check: "ends", says: "order done-1 is completed, and its timeline has 0 ends",
		sql: `delete from orders.timeline where order_id = 'done-1' and type = 'order.completed'`,
	},
	{
		name: "an order ends otherwise", check: "ends", says: "order done-1 is completed, and its timeline has 1 end, order.cancelled",
		sql: `update orders.timeline set type = 'order.cancelled' where order_id = 'done-1' and type = 'order.completed'`,
	},
	{
		name: "an end of an open order", check: "ends", says: "order riding has not ended, and its timeline has an end",
		sql: `insert into orders.timeline (order_id, type, said_by, reason, at) values ('riding', 'order.completed', 'orders', '', now())`,
	},
	{
		name: "an order whose act is open has ended", check: "ends", says: "order done-1 is completed, and its act is new",
		sql: `update orders.orders set state = '' where order_id = 'done-1'`,
	},
	{
		name: "stock is reserved for an order that nobody knows", check: "known", says: "order riding has a reservation (closed), and was never placed",
		sql: `delete from orders.orders where order_id = 'riding'`,
	},
	{
		name: "an order takes for ever", check: "open", says: "order riding was placed 04:00:00 ago",
		sql: `update orders.orders set placed_at = now() - interval '4 hours' where order_id = 'riding'`,
	},
	{
		name: "a deadline passes without effect", check: "deadlines", says: "delivery, key riding: lost is due since 00:04:00",
		sql: `update delivery.trips set waits_until = now() - interval '4 minutes' where order_id = 'riding'`,
	},
	{
		name: "a fact was lost", check: "gaps", says: "lane kitchen/1 has 2 gaps",
		sql: `update kitchen.lanes set gaps = 2 where lane = 1`,
	},
	{
		name: "a key is parked", check: "parked", says: "kitchen, key o: 2 events, broken", verdict: Noted,
		sql: `insert into kitchen.parked (lane, key, type, topic, record_offset, record, reason, parked_at)
			values (0, 'o', 't', 'kitchen', 7, '', 'broken', now()), (0, 'o', 't', 'kitchen', 8, '', '', now())`,
	},
}
