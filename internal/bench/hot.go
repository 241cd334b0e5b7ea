package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	hotTime = 5 * time.Second
	hotP99  = 1.2
	hotRate = 0.95
	// hotOrdersAtOnce are fewer than a restaurant may have places.
	hotOrdersAtOnce = 8_000
)

// hotPost is B10 for likes: all of one post, against of all posts alike.
func hotPost() experiment {
	return experiment{
		id: "B10", name: "likes of one post", runs: 2,
		rows: []row{
			{"likes counted, all of one post", fmt.Sprintf("of %d posts alike", likedPosts), "/s", goal{atLeast: hotRate}},
			{"p99 until a like is counted, all of one post", fmt.Sprintf("of %d posts alike", likedPosts), "ms", goal{atMost: hotP99}},
		},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			c, err := l.openLikes(ctx)
			if err != nil {
				return nil, err
			}
			half := 0.0 // of what the first run reached; the same for both sides
			run := func(choose wish) side {
				return func(ctx context.Context) ([]float64, error) {
					rate, err := c.rate(ctx, choose)
					if err != nil {
						return nil, err
					}
					if half == 0 {
						half = rate / 2
					}
					took, err := c.latency(ctx, half, hotTime, choose)
					if err != nil {
						return nil, err
					}
					return []float64{rate, millis(quantile(took, 0.99))}, nil
				}
			}
			return &contest{
				a: run(onePost), b: run(anyPost),
				notes: func() []string {
					return []string{fmt.Sprintf("p99 at %.0f likes a second, half of what the first run reached, for both sides", half)}
				},
				close: c.close,
			}, nil
		},
	}
}

// hotOrders is B10 for orders: all of one dish, or all of one restaurant, against of all alike.
func hotOrders(what string, choose wish) experiment {
	alike := fmt.Sprintf("of %d dishes of %d restaurants alike", dishes, restaurants)
	return experiment{
		id: "B10", name: "orders of " + what, runs: 2,
		rows: []row{
			{"order sagas, all of " + what, alike, "/s", goal{atLeast: hotRate}},
			{"p99 of order sagas, all of " + what, alike, "ms", goal{atMost: hotP99}},
		},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			k, err := l.openOrders(ctx, 0)
			if err != nil {
				return nil, err
			}
			warm, err := k.burst(ctx, hotOrdersAtOnce, anyDish)
			if err == nil {
				warm, err = k.burst(ctx, hotOrdersAtOnce, anyDish)
			}
			if err != nil {
				return nil, errors.Join(err, k.close())
			}
			half := hotOrdersAtOnce / warm.all.Seconds() / 2
			run := func(choose wish) side {
				return func(ctx context.Context) ([]float64, error) {
					fast, err := k.burst(ctx, hotOrdersAtOnce, choose)
					if err != nil {
						return nil, err
					}
					t, err := k.steady(ctx, half, hotTime, choose)
					if err != nil {
						return nil, err
					}
					return []float64{hotOrdersAtOnce / fast.all.Seconds(), millis(quantile(t.took, 0.99))}, nil
				}
			}
			return &contest{
				a: run(choose), b: run(anyDish),
				notes: func() []string {
					return []string{fmt.Sprintf("p99 at %.0f orders a second, half of the highest rate, for both sides", half)}
				},
				close: k.close,
			}, nil
		},
	}
}
