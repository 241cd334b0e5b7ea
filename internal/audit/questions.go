package audit

import (
	"strings"
	"time"

	"tiffin/saga/words"
)

// question is one thing that must hold.
type question struct {
	name  string
	about string   // what must hold
	thing string   // one of what is counted
	reads []string // the groups whose tables it reads
	// across: it compares what several groups have done, so it can't be certain while events are on their way.
	across bool
	// allowed: what it finds is worth to be known, and no fault.
	allowed bool
	// sql has one row, of one text, for each thing that it looks at: what is wrong with it, or NULL. $1 is taken.
	sql  string
	args []any
}

func (cfg Config) questions() []question {
	return append([]question{
		movements, accounts, balances, escrow, paymentsMoved, credits,
		shelves, reservations, rooms, couriers,
		completed, cancelled, ends, known, likes,
	}, cfg.open(), cfg.deadlines(), cfg.gaps(), cfg.parked())
}

var movements = question{
	name: "movements", thing: "movement", reads: []string{"payments"},
	about: "each movement of the ledger gives as much as it takes",
	sql: `select case when from_amount + to_amount <> 0 then
			format('movement %s of %s: its legs sum to %s', movement_id, payment_id, from_amount + to_amount) end
		from payments.movements`,
}

var accounts = question{
	name: "accounts", thing: "account", reads: []string{"payments"},
	about: "each account has what its movements make",
	sql: `select case when coalesce(a.balance, 0) <> coalesce(l.total, 0) then
			format('account %s has %s, its movements make %s', coalesce(a.account_id, l.account), coalesce(a.balance, 0), coalesce(l.total, 0)) end
		from payments.accounts a full join (
			select account, sum(amount) as total
			from payments.movements, lateral (values (from_account, from_amount), (to_account, to_amount)) leg(account, amount)
			group by account) l on l.account = a.account_id`,
}

var balances = question{
	name: "balances", thing: "currency", reads: []string{"payments"},
	about: "all balances of a currency sum to zero, what came from outside among them",
	sql: `select case when sum(balance) <> 0 then format('all balances in %s sum to %s', currency, sum(balance)) end
		from payments.accounts group by currency`,
}

var escrow = question{
	name: "escrow", thing: "currency", reads: []string{"payments"},
	about: "escrow has the money of the orders that are under way, and no other",
	sql: `select case when coalesce(a.balance, 0) <> coalesce(p.open, 0) then
			format('escrow in %s has %s, open payments make %s', currency, coalesce(a.balance, 0), coalesce(p.open, 0)) end
		from (select currency, balance from payments.accounts where owner = '@escrow') a
		full join (select currency, sum(amount) as open from payments.payments
			where purpose = 'order' and moved and state = 'done' group by currency) p using (currency)`,
}

// Whatever is redelivered, a payment is paid once, and refunded or settled once. One that is undone before it was paid
// moved nothing.
var paymentsMoved = question{
	name: "payments", thing: "payment", reads: []string{"payments"},
	about: "each payment has moved its amount as often as its state says",
	sql: `select case
			when (coalesce(m.paid, 0), coalesce(m.refunded, 0), coalesce(m.settled, 0)) is distinct from
				case when p.state = 'closed' and p.purpose = 'order' then (1::bigint, 0::bigint, 1::bigint)
					when p.state = 'undone' and m.paid = 1 then (1::bigint, 1::bigint, 0::bigint)
					when p.state = 'closed' or p.state = 'done' and p.moved then (1::bigint, 0::bigint, 0::bigint)
					else (0::bigint, 0::bigint, 0::bigint) end
			then format('payment %s (%s) was paid %s, refunded %s, settled %s', payment_id, coalesce(nullif(p.state, ''), 'unknown'),
				coalesce(m.paid, 0), coalesce(m.refunded, 0), ` + counted("coalesce(m.settled, 0)", "time") + `)
			when m.least <> p.amount or m.most <> p.amount
			then format('payment %s of %s moved %s', payment_id, p.amount, case when m.least <> p.amount then m.least else m.most end)
		end
		from payments.payments p full join (
			select payment_id, count(*) filter (where kind = 'pay') as paid, count(*) filter (where kind = 'refund') as refunded,
				count(*) filter (where kind = 'settle') as settled, min(to_amount) as least, max(to_amount) as most
			from payments.movements where kind <> 'credit' group by payment_id) m using (payment_id)`,
}

var credits = question{
	name: "credits", thing: "credit", reads: []string{"payments"},
	about: "each credit from outside has moved its amount once",
	sql: `select case
			when coalesce(m.times, 0) <> 1 or c.credit_id is null
			then format('credit %s was moved %s%s', coalesce(c.credit_id, m.payment_id), ` + counted("coalesce(m.times, 0)", "time") + `, case when c.credit_id is null then ', and nobody gave it' end)
			when m.amount <> c.amount or m.account <> c.account_id || '/' || c.currency
			then format('credit %s of %s for %s moved %s to %s', c.credit_id, c.amount, c.account_id || '/' || c.currency, m.amount, m.account)
		end
		from payments.credits c full join (
			select payment_id, count(*) as times, sum(to_amount) as amount, min(to_account) as account
			from payments.movements where kind = 'credit' group by payment_id) m on m.payment_id = c.credit_id`,
}

var likes = question{
	name: "likes", thing: "post", reads: []string{"likes"},
	about: "each post has as many likes as there are users who like it",
	sql: `select case when coalesce(p.count, 0) <> coalesce(l.users, 0) then
			format('post %s counts %s, and is liked by %s', post_id, ` + counted("coalesce(p.count, 0)", "like") + `, ` + counted("coalesce(l.users, 0)", "user") + `) end
		from (select post_id, sum(count) as count from likes.counts group by post_id) p
		full join (select split_part(like_id, '/', 1) as post_id, count(*) as users from likes.likes where liked group by 1) l using (post_id)`,
}

var shelves = question{
	name: "shelves", thing: "dish", reads: []string{"inventory"},
	about: "what was delivered of a dish is free, held or sold",
	sql: `select case
			when d.free + d.held + d.sold <> d.delivered
			then format('dish %s: %s free, %s held and %s sold are not the %s delivered', sku, d.free, d.held, d.sold, d.delivered)
			when coalesce(d.delivered, 0) <> coalesce(a.total, 0)
			then format('dish %s counts %s delivered, its deliveries make %s', sku, coalesce(d.delivered, 0), coalesce(a.total, 0))
		end
		from inventory.dishes d full join (select sku, sum(quantity) as total from inventory.deliveries group by sku) a using (sku)`,
}

var reservations = question{
	name: "reservations", thing: "dish", reads: []string{"inventory"},
	about: "what is held or sold of a dish is what reservations hold or have used up",
	sql: `select case when coalesce(d.held, 0) <> coalesce(r.held, 0) or coalesce(d.sold, 0) <> coalesce(r.sold, 0) then
			format('dish %s counts %s held and %s sold, its reservations make %s and %s', sku, coalesce(d.held, 0), coalesce(d.sold, 0), coalesce(r.held, 0), coalesce(r.sold, 0)) end
		from inventory.dishes d full join (
			select item ->> 'sku' as sku, sum((item ->> 'quantity')::bigint) filter (where state = 'done') as held,
				sum((item ->> 'quantity')::bigint) filter (where state = 'closed') as sold
			from inventory.reservations, jsonb_array_elements(items) item
			where state in ('done', 'closed') group by 1) r using (sku)`,
}

// A ticket has a place as long as the restaurant's answer or the cook is waited for.
var rooms = question{
	name: "rooms", thing: "restaurant", reads: []string{"kitchen"},
	about: "as many places of a kitchen are taken as it has orders",
	sql: `select case
			when r.free + r.busy <> r.places
			then format('restaurant %s: %s free and %s busy are not its %s', restaurant_id, r.free, r.busy, ` + counted("r.places", "place") + `)
			when coalesce(r.busy, 0) <> coalesce(t.cooking, 0)
			then format('restaurant %s counts %s, it has %s', restaurant_id, ` + counted("coalesce(r.busy, 0)", "busy place") + `, ` + counted("coalesce(t.cooking, 0)", "order") + `)
		end
		from kitchen.rooms r full join (select restaurant_id, count(*) as cooking from kitchen.tickets
			where state = 'done' and waits_until is not null group by restaurant_id) t using (restaurant_id)`,
}

var couriers = question{
	name: "couriers", thing: "city", reads: []string{"delivery"},
	about: "as many couriers are out as there are meals on the way",
	sql: `select case
			when f.free + f.on_the_road <> f.couriers
			then format('city %s: %s free and %s on the road are not its %s', city, f.free, f.on_the_road, ` + counted("f.couriers", "courier") + `)
			when coalesce(f.on_the_road, 0) <> coalesce(t.out, 0)
			then format('city %s counts %s on the road, it has %s', city, ` + counted("coalesce(f.on_the_road, 0)", "courier") + `, ` + counted("coalesce(t.out, 0)", "trip") + `)
		end
		from delivery.fleets f full join (select city, count(*) as out from delivery.trips where state = 'done' group by city) t using (city)`,
}

// parts are the acts of all groups for the orders that have ended in one way.
func parts(ending, wrong string) string {
	return `select case when ` + wrong + ` then
			format('order %s: reservation %s, payment %s, ticket %s, trip %s', o.order_id, coalesce(nullif(r.state, ''), 'none'),
				coalesce(nullif(p.state, ''), 'none'), coalesce(nullif(t.state, ''), 'none'), coalesce(nullif(d.state, ''), 'none')) end
		from orders.orders o
		left join inventory.reservations r using (order_id)
		left join payments.payments p on p.payment_id = o.order_id
		left join kitchen.tickets t using (order_id)
		left join delivery.trips d using (order_id)
		where o.ending = '` + ending + `'`
}

var everyGroup = []string{"orders", "inventory", "payments", "kitchen", "delivery"}

var completed = question{
	name: "completed", thing: "order", reads: everyGroup, across: true,
	about: "of each completed order everything is done: sold, cooked, delivered, paid for",
	sql: parts("completed", `r.state is distinct from 'closed' or p.state is distinct from 'closed'
		or t.state is distinct from 'done' or t.waits_until is not null or d.state is distinct from 'closed'`),
}

var cancelled = question{
	name: "cancelled", thing: "order", reads: everyGroup, across: true,
	about: "of each cancelled order everything is undone, or written off if it was cooked",
	sql: parts("cancelled", `r.state = 'done' or r.state = 'closed' and t.state is distinct from 'closed'
		or p.state in ('done', 'closed') or t.state = 'done' or d.state in ('done', 'closed')`),
}

var ends = question{
	name: "ends", thing: "order", reads: []string{"orders"},
	about: "each order that has ended said so once, and no other did",
	sql: `select case
			when coalesce(o.ending, '') = '' and l.times is not null
			then format('order %s has not ended, and its timeline has an end', order_id)
			when coalesce(o.ending, '') <> '' and (coalesce(l.times, 0) <> 1 or l.type <> 'order.' || o.ending)
			then format('order %s is %s, and its timeline has %s%s', order_id, o.ending, ` + counted("coalesce(l.times, 0)", "end") + `, ', ' || l.type)
			when (o.ending = '') = (o.state = 'closed')
			then format('order %s is %s, and its act is %s', order_id, coalesce(nullif(o.ending, ''), 'open'), coalesce(nullif(o.state, ''), 'new'))
		end
		from orders.orders o full join (select order_id, count(*) as times, min(type) as type from orders.timeline
			where type in ('order.completed', 'order.cancelled') group by order_id) l using (order_id)`,
}

// A reservation that is barred was asked to be undone before its order came.
var known = question{
	name: "known", thing: "reservation", reads: []string{"inventory", "orders"}, across: true,
	about: "each order that stock was reserved for is known to orders",
	sql: `select case when o.placed_at is null then format('order %s has a reservation (%s), and was never placed', r.order_id, r.state) end
		from inventory.reservations r left join orders.orders o using (order_id)
		where r.state not in ('', 'barred')`,
}

// open: every wait on an order's way has a deadline, so that the sum of them all is the longest that an order takes.
func (cfg Config) open() question {
	return question{
		name: "open", thing: "order", reads: []string{"orders"},
		about: "none is open for longer than all deadlines on its way, unless its key is parked",
		sql: `select case when placed_at < now() - make_interval(secs => $2) and not exists (` + cfg.each(`select from <schema>.parked where key = o.order_id`) + `)
			then format('order %s was placed %s ago', order_id, date_trunc('second', now() - placed_at)) end
		from orders.orders o where ending = ''`,
		args: []any{(cfg.longest() + cfg.Grace).Seconds()},
	}
}

// longest is the sum of all waits that the groups declare.
func (cfg Config) longest() (sum time.Duration) {
	for _, g := range cfg.Groups {
		sum += g.Waiting()
	}
	return sum
}

func (cfg Config) deadlines() question {
	q := question{
		name: "deadlines", thing: "wait",
		about: "no deadline has passed without effect, unless its key is parked",
		args:  []any{cfg.Grace.Seconds()},
	}
	var each []string
	for _, g := range cfg.Groups {
		if g.HasAct() {
			t := g.Tables()[0]
			key := t.Columns(t.New(""))[0].Name
			each = append(each, strings.NewReplacer("<schema>", quoted(g.Name()), "<name>", g.Name(), "<table>", quoted(t.Name()), "<key>", quoted(key)).Replace(
				`select case when waits_until < now() - make_interval(secs => $2) and not exists (select from <schema>.parked p where p.key = a.<key>)
					then format('<name>, key %s: %s is due since %s', a.<key>, waiting, date_trunc('second', now() - waits_until)) end
				from <schema>.<table> a where waits_until is not null`))
		}
	}
	if each == nil {
		each, q.args = []string{"select null where false"}, nil
	}
	q.sql = strings.Join(each, " union all ")
	return q
}

func (cfg Config) gaps() question {
	return question{
		name: "gaps", thing: "lane",
		about: "no lane has missed a fact that another lane has said",
		sql:   cfg.each(`select case when gaps > 0 then format('lane <name>/%s has %s', lane, ` + counted("gaps", "gap") + `) end from <schema>.lanes`),
	}
}

// parkedKeys names the check that never finds a fault, and of which the report speaks all the same.
const parkedKeys = "parked"

func (cfg Config) parked() question {
	return question{
		name: parkedKeys, thing: "key", allowed: true,
		about: "keys whose events can't be handled: see `tiffin parked list`",
		sql: cfg.each(`select format('<name>, key %s: %s, %s', key, ` + counted("count(*)", "event") + `, coalesce((array_agg(reason order by position) filter (where reason <> ''))[1], 'no reason'))
			from <schema>.parked group by key`),
	}
}

// each is a query for every group, of whatever <schema> and <name> stand for.
func (cfg Config) each(query string) string {
	parts := make([]string, len(cfg.Groups))
	for i, g := range cfg.Groups {
		parts[i] = strings.NewReplacer("<schema>", quoted(g.Name()), "<name>", g.Name()).Replace(query)
	}
	return strings.Join(parts, " union all ")
}

// counted is SQL for a number with its noun.
func counted(n, noun string) string {
	return n + " || case " + n + " when 1 then ' " + words.Noun(1, noun) + "' else ' " + words.Noun(2, noun) + "' end"
}
