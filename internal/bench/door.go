package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// doorTime is how long one run at the door takes. Many short pairs tell more than few long ones.
	doorTime = 2 * time.Second
	// backlogMetric is what an API has accepted and Kafka does not have yet.
	backlogMetric = "tiffin_door_backlog_facts"
	// drainLimit is how long the bench waits until Kafka has it.
	drainLimit = time.Minute
)

// singles is B1: likes one by one that are durable when they are answered, with the sender to Kafka running, against a handler behind the
// same middleware that only answers.
func singles(connections int, atLeast float64) experiment {
	return experiment{
		id: "B1", name: fmt.Sprintf("single likes, %d connections", connections), runs: 7,
		rows: []row{{
			fmt.Sprintf("durable single likes, %d connections", connections), "a handler that only answers 202", "/s", goal{atLeast: atLeast},
		}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			noop, err := l.startSelf(ctx, serveNoop)
			if err != nil {
				return nil, err
			}
			d, err := l.openDoor(ctx, l.kafka)
			if err != nil {
				noop.Kill()
				return nil, err
			}
			return &contest{
				a: func(ctx context.Context) ([]float64, error) { return d.accept(ctx, d.wrk.singles, connections, 1) },
				b: func(ctx context.Context) ([]float64, error) {
					rate, err := d.wrk.rate(ctx, d.wrk.singles, noop, connections, doorTime)
					return []float64{rate}, err
				},
				notes: func() []string {
					return []string{fmt.Sprintf("at the end of a run with %d connections Kafka was behind by at most %s likes", connections, number(d.behind))}
				},
				close: func() error {
					noop.Kill()
					return d.close()
				},
			}, nil
		},
	}
}

// batches is B2: likes through the endpoint that takes many, against those that come one by one.
func batches() experiment {
	const connections = 64
	return experiment{
		id: "B2", name: "likes in batches", runs: 3,
		rows: []row{{fmt.Sprintf("likes by %d a request", likesPerBatch), fmt.Sprintf("single likes, %d connections", connections), "/s", goal{atLeast: 20}}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			d, err := l.openDoor(ctx, l.kafka)
			if err != nil {
				return nil, err
			}
			return &contest{
				a:     func(ctx context.Context) ([]float64, error) { return d.accept(ctx, d.wrk.batches, 16, likesPerBatch) },
				b:     func(ctx context.Context) ([]float64, error) { return d.accept(ctx, d.wrk.singles, connections, 1) },
				close: d.close,
			}, nil
		},
	}
}

// likesDoor is a likes-api that runs.
type likesDoor struct {
	site *site
	api  *process
	wrk  wrk

	behind float64 // the most that Kafka was behind at the end of a run
}

func (l *lab) openDoor(ctx context.Context, broker string) (*likesDoor, error) {
	w, err := newWrk(ctx, l)
	if err != nil {
		return nil, err
	}
	s, err := l.newSite(ctx, broker)
	if err != nil {
		return nil, err
	}
	api, err := s.run(ctx, "likes-api")
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &likesDoor{site: s, api: api, wrk: w}, nil
}

func (d *likesDoor) close() error {
	d.api.Kill() // what it still has in its spool is nobody's
	return d.site.close()
}

// accept has clients send as fast as they can, waits until Kafka has everything, and returns accepted likes a second. The wait does not count:
// while clients send, the sender works beside them.
func (d *likesDoor) accept(ctx context.Context, script string, connections, likesEach int) ([]float64, error) {
	rate, err := d.wrk.rate(ctx, script, d.api, connections, doorTime)
	if err != nil {
		return nil, err
	}
	left, err := d.api.figure(ctx, backlogMetric)
	if err != nil {
		return nil, err
	}
	d.behind = max(d.behind, left)
	return []float64{rate * float64(likesEach)}, d.drained(ctx)
}

// drained waits until Kafka has everything.
func (d *likesDoor) drained(ctx context.Context) error {
	return until(ctx, drainLimit, "Kafka has what was accepted", func(ctx context.Context) (bool, error) {
		left, err := d.api.figure(ctx, backlogMetric)
		return left == 0, err
	})
}
