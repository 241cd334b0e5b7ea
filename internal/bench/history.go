package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"tiffin/schemas"
)

const (
	historyLikes  = 10_000_000
	historyOrders = 1_000_000
	historyRate   = 0.95
)

// oldLikes is B9 for likes.
func oldLikes() experiment {
	return experiment{
		id: "B9", name: "likes with history", runs: 2,
		rows: []row{{fmt.Sprintf("likes counted with %d there", historyLikes), "with none there", "/s", goal{atLeast: historyRate}}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			full, err := l.openLikes(ctx)
			if err != nil {
				return nil, err
			}
			empty, err := l.openLikes(ctx)
			if err != nil {
				return nil, errors.Join(err, full.close())
			}
			l.progress("B9: writing %d likes", l.part(historyLikes))
			if err := full.age(ctx, l.part(historyLikes)); err != nil {
				return nil, errors.Join(err, full.close(), empty.close())
			}
			run := func(c *likesSite) side {
				return func(ctx context.Context) ([]float64, error) {
					rate, err := c.rate(ctx, zipfPosts())
					return []float64{rate}, err
				}
			}
			return &contest{
				a: run(full), b: run(empty),
				notes: func() []string {
					return []string{fmt.Sprintf("%d likes were there, of each post as many, after VACUUM ANALYZE", l.part(historyLikes))}
				},
				close: func() error { return errors.Join(full.close(), empty.close()) },
			}, nil
		},
	}
}

// age writes likes as the group would have, of each post as many.
func (c *likesSite) age(ctx context.Context, n int) error {
	c.total += int64(n)
	return c.write(ctx,
		fmt.Sprintf(`insert into likes.likes select '%s-' || i %% %d || '/old-' || i, true, now(), '018f0000-0000-7000-8000-000000000000' from generate_series(0, %d - 1) i`, c.name, likedPosts, n),
		fmt.Sprintf(`insert into likes.counts select '%s-' || p, 0, %d, %d from generate_series(0, %d - 1) p`, c.name, n/likedPosts, n/likedPosts, likedPosts),
	)
}

// write runs statements side by side, and leaves the database as autovacuum would in the end.
func (s *site) write(ctx context.Context, statements ...string) error {
	work, running := errgroup.WithContext(ctx)
	work.SetLimit(2)
	for _, statement := range statements {
		work.Go(func() error {
			if _, err := s.db.Exec(running, statement); err != nil {
				return fmt.Errorf("%w: %s", err, statement)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	for _, statement := range []string{"vacuum analyze", "checkpoint"} {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// oldOrders is B9 for orders.
func oldOrders() experiment {
	return experiment{
		id: "B9", name: "orders with history", runs: 2,
		rows: []row{{fmt.Sprintf("order sagas with %d there", historyOrders), "with none there", "/s", goal{atLeast: historyRate}}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			full, err := l.openOrders(ctx, 0)
			if err != nil {
				return nil, err
			}
			empty, err := l.openOrders(ctx, 0)
			if err != nil {
				return nil, errors.Join(err, full.close())
			}
			l.progress("B9: writing %d orders", l.part(historyOrders))
			rows, err := full.age(ctx, l.part(historyOrders))
			if err != nil {
				return nil, errors.Join(err, full.close(), empty.close())
			}
			run := func(k *orderSite) side {
				return func(ctx context.Context) ([]float64, error) {
					t, err := k.burst(ctx, burstOrders, anyDish)
					return []float64{burstOrders / t.all.Seconds()}, err
				}
			}
			return &contest{
				a: run(full), b: run(empty),
				notes: func() []string {
					return []string{fmt.Sprintf("%d orders were there, after VACUUM ANALYZE: one that was completed, copied under other ids in every table where it left something, %d rows each", l.part(historyOrders), rows)}
				},
				close: func() error { return errors.Join(full.close(), empty.close()) },
			}, nil
		},
	}
}

// age completes an order, and copies all rows in which it is named under other ids. So the history has the shape that the groups give it,
// whatever that is. It returns how many rows an order has.
func (k *orderSite) age(ctx context.Context, n int) (rows int, err error) {
	from, _, err := k.ends(ctx, schemas.TopicOrders)
	if err != nil {
		return 0, err
	}
	if _, err := k.burst(ctx, 1, anyDish); err != nil {
		return 0, err
	}
	facts, err := k.read(ctx, from)
	if err != nil || len(facts) == 0 {
		return 0, errors.Join(errors.New("the order that is to be copied is not on Kafka"), err)
	}
	id, customer := facts[0].Key, ""
	if err := k.db.QueryRow(ctx, "select customer_id from orders.orders where order_id = $1", id).Scan(&customer); err != nil {
		return 0, err
	}
	if err := k.settled(ctx, id); err != nil {
		return 0, err
	}
	tables, err := k.tables(ctx)
	if err != nil {
		return 0, err
	}
	var statements []string
	for _, t := range tables {
		there := 0
		if err := k.db.QueryRow(ctx, fmt.Sprintf("select count(*) from %s t where t::text like '%%%s%%'", t.name, id)).Scan(&there); err != nil {
			return 0, err
		}
		if there > 0 {
			rows += there
			statements = append(statements, t.copies(id, customer, n))
		}
	}
	return rows, k.write(ctx, statements...)
}

// settled waits until every group has worked off what came of an order: notification and analytics may be behind orders.
func (k *orderSite) settled(ctx context.Context, id string) error {
	return until(ctx, orderLimit, "the customer of the order to be copied is told of its end", func(ctx context.Context) (bool, error) {
		n := 0
		err := k.db.QueryRow(ctx, "select count(*) from notification.mailbox where about = $1 and kind = 'order-completed'", id).Scan(&n)
		return n > 0, err
	})
}

// table is one of a group's, with what can be written of it.
type table struct {
	name    string
	columns []column
}

type column struct {
	name       string
	text, inID bool // inID: it is part of the primary key
}

// tables are those of all groups, but for the runtime's own.
func (s *site) tables(ctx context.Context) (tables []table, err error) {
	rows, err := s.db.Query(ctx, `select table_schema || '.' || table_name, column_name, data_type = 'text',
			exists (select from information_schema.key_column_usage k where (k.table_schema, k.table_name, k.column_name) = (c.table_schema, c.table_name, c.column_name))
		from information_schema.columns c
		where table_schema not in ('public', 'pg_catalog', 'information_schema') and is_identity = 'NO'
			and table_name not in ('act', 'lanes', 'parked', 'effects', 'wishes') and table_name not like '%goose%'
		order by table_schema, table_name, ordinal_position`)
	if err != nil {
		return nil, err
	}
	var name string
	var c column
	_, err = pgx.ForEachRow(rows, []any{&name, &c.name, &c.text, &c.inID}, func() error {
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		t := &tables[len(tables)-1]
		t.columns = append(t.columns, c)
		return nil
	})
	return tables, err
}

// copies is the statement that writes n copies of the rows that name an order, each under another id and another customer. An id that names neither
// gets a number behind it.
func (t table) copies(id, customer string, n int) string {
	names, values := make([]string, len(t.columns)), make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i], values[i] = c.name, "t."+c.name
		if !c.text {
			continue
		}
		values[i] = fmt.Sprintf("replace(replace(t.%s, '%s', '018f0000-0000-7000-8000-' || lpad(to_hex(i), 12, '0')), '%s', 'customer-' || i %% %d)", c.name, id, customer, customers)
		if c.inID {
			values[i] = fmt.Sprintf("case when strpos(t.%[1]s, '%[2]s') + strpos(t.%[1]s, '%[3]s') = 0 then t.%[1]s || '-' || i else %[4]s end", c.name, id, customer, values[i])
		}
	}
	return fmt.Sprintf(`with one as materialized (select * from %[1]s t where t::text like '%%%[2]s%%')
		insert into %[1]s (%[3]s) select %[4]s from generate_series(1, %[5]d) i, one t`, t.name, id, strings.Join(names, ", "), strings.Join(values, ", "), n)
}
