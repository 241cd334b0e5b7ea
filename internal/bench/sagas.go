package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

const (
	burstOrders = 12_000
	// fewOrders are as many as batches of one event work off in the time of one of the others' runs.
	fewOrders = 90
)

// sagas is B5: orders from placed to completed, in a burst; against the same with batches of one event.
func sagas() experiment {
	return experiment{
		id: "B5", name: "order sagas", runs: 3,
		rows: []row{
			{"order sagas completed", "batches of one event", "/s", goal{atLeast: 20}},
			{"CPU per order saga, all processes", "", "µs", goal{atMost: 350}},
			{"CPU per order saga, Tiffin's groups", "", "µs", goal{}},
			{"CPU per order saga, PostgreSQL", "", "µs", goal{}},
			{"CPU per order saga, Kafka", "", "µs", goal{}},
		},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			many, err := l.openOrders(ctx, 0)
			if err != nil {
				return nil, err
			}
			one, err := l.openOrders(ctx, 1)
			if err != nil {
				return nil, errors.Join(err, many.close())
			}
			return &contest{
				a: many.rateAndCPU,
				b: func(ctx context.Context) ([]float64, error) {
					t, err := one.burst(ctx, fewOrders, anyDish)
					return []float64{fewOrders / t.all.Seconds()}, err
				},
				notes: func() []string {
					return []string{
						fmt.Sprintf("bursts of %d orders, of which %d with batches of one event", burstOrders, fewOrders),
						"the restaurant, the cook and the courier answer at once, by a group in the bench's process; its CPU and that of placing and watching are not counted, what they ask of Kafka and PostgreSQL is",
					}
				},
				close: func() error { return errors.Join(many.close(), one.close()) },
			}, nil
		},
	}
}

// rateAndCPU is orders a second, and the CPU of each in microseconds: all of it, and by process.
func (k *orderSite) rateAndCPU(ctx context.Context) ([]float64, error) {
	who, err := findServers(ctx, k.db, k.broker, k.groups)
	if err != nil {
		return nil, err
	}
	before, err := who.spent()
	if err != nil {
		return nil, err
	}
	t, err := k.burst(ctx, burstOrders, anyDish)
	if err != nil {
		return nil, err
	}
	after, err := who.spent()
	if err != nil {
		return nil, err
	}
	each := func(seconds float64) float64 { return seconds / burstOrders * 1e6 }
	c := after.since(before)
	return []float64{burstOrders / t.all.Seconds(), each(c.tiffin + c.postgres + c.kafka), each(c.tiffin), each(c.postgres), each(c.kafka)}, nil
}

const (
	latencyTime = 6 * time.Second
	quietRate   = 50
)

// latency is B7: how long an order saga takes, against the raw hops of which it consists: as many times one produce, one fetch and one
// commit, one after the other. share is of the rate of B5 that orders come at; 0 is for 50 a second.
func latency(share float64) experiment {
	load, p50, p99 := "at 50 orders a second", goal{}, goal{}
	if share > 0 {
		load, p50, p99 = fmt.Sprintf("at %.0f %% of the highest rate", share*100), goal{atMost: 1.5}, goal{atMost: 3}
	}
	return experiment{
		id: "B7", name: "latency of order sagas " + load, runs: 2,
		rows: []row{
			{"order saga p50 " + load, "as many raw hops at the same time", "ms", p50},
			{"order saga p99 " + load, "as many raw hops at the same time", "ms", p99},
		},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			k, err := l.openOrders(ctx, 0)
			if err != nil {
				return nil, err
			}
			rate, hops := float64(quietRate), 0
			if share > 0 {
				warm, err := k.burst(ctx, burstOrders, anyDish)
				if err == nil {
					warm, err = k.burst(ctx, burstOrders, anyDish)
				}
				if err != nil {
					return nil, errors.Join(err, k.close())
				}
				rate = share * burstOrders / warm.all.Seconds()
			}
			if hops, err = k.criticalPath(ctx); err != nil {
				return nil, errors.Join(err, k.close())
			}
			raw, err := openRaw(ctx, k.site, hops)
			if err != nil {
				return nil, errors.Join(err, k.close())
			}
			var beside []time.Duration
			return &contest{
				a: func(ctx context.Context) ([]float64, error) {
					probing := raw.start(ctx)
					t, err := k.steady(ctx, rate, latencyTime, anyDish)
					took, probeErr := probing()
					beside = took
					if err := errors.Join(err, probeErr); err != nil {
						return nil, err
					}
					return []float64{millis(quantile(t.took, 0.5)), millis(quantile(t.took, 0.99))}, nil
				},
				b: func(context.Context) ([]float64, error) {
					return []float64{millis(quantile(beside, 0.5)), millis(quantile(beside, 0.99))}, nil
				},
				notes: func() []string {
					return []string{fmt.Sprintf("%.0f orders a second; the longest chain of causes of a completed order, from the headers of its facts, is %d reactions; that many times one produce of one record, its fetch and one commit, one after the other, while the orders run", rate, hops)}
				},
				close: k.close,
			}, nil
		},
	}
}

// criticalPath places one order, and counts the reactions that led to its end, one caused by the other.
func (k *orderSite) criticalPath(ctx context.Context) (int, error) {
	topics := topicNames()
	from, _, err := k.ends(ctx, topics...)
	if err != nil {
		return 0, err
	}
	if _, err := k.burst(ctx, 1, anyDish); err != nil {
		return 0, err
	}
	facts, err := k.read(ctx, from)
	if err != nil {
		return 0, err
	}
	return chain(facts)
}

// chain is how many facts of a saga follow one from the other until the order is completed.
func chain(facts []saga.Envelope) (int, error) {
	by := map[string]saga.Envelope{}
	end := ""
	for _, f := range facts {
		by[f.ID] = f
		if f.Type == (schemas.OrderCompleted{}).EventType() {
			end = f.ID
		}
	}
	n := 0
	for id := end; ; n++ {
		f, known := by[id]
		switch {
		case !known || n > len(facts):
			return 0, fmt.Errorf("the chain of causes breaks after %d of %d facts, at %q", n, len(facts), id)
		case f.Type == (schemas.OrderPlaced{}).EventType():
			return n, nil
		}
		id = f.CauseID
	}
}
