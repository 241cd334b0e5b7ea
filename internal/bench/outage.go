package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"time"

	"tiffin/internal/testservers/server"
	"tiffin/schemas"
)

const (
	// outageTime is how long clients go on while Kafka is stopped. What counts is that the backlog is larger than all buffers.
	outageTime = 8 * time.Second
	steadyTime = 4 * time.Second
	// outageConnections are those of the clients.
	outageConnections = 64
)

// outage is Kafka stopped and started again, while clients go on as fast as they can: the second part of B1, and B8.
func outage() experiment {
	return experiment{
		id: "B1, B8", name: "an outage of Kafka", runs: 2,
		rows: []row{
			{"B1: durable single likes with Kafka stopped", "with Kafka up", "/s", goal{atLeast: 0.95}},
			{"B8: what Kafka gets after the outage until the backlog is gone, clients going on", "what it gets before", "/s", goal{atLeast: 0.9}},
		},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			broker, err := l.ownKafka(ctx)
			if err != nil {
				return nil, err
			}
			d, err := l.openDoor(ctx, broker.Addr())
			if err != nil {
				broker.Kill()
				return nil, err
			}
			return &contest{
				a: func(ctx context.Context) ([]float64, error) { return d.withoutKafka(ctx, broker) },
				b: d.withKafka,
				notes: func() []string {
					return []string{fmt.Sprintf("Kafka is stopped for %s and the time that it takes to start, not for 60 s: the backlog is larger than every buffer then", outageTime)}
				},
				close: func() error {
					err := d.close()
					broker.Kill()
					return err
				},
			}, nil
		},
	}
}

// withKafka is what clients get accepted, and what Kafka gets meanwhile, a second.
func (d *likesDoor) withKafka(ctx context.Context) ([]float64, error) {
	_, before, err := d.site.ends(ctx, schemas.TopicLikes)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	rate, err := d.wrk.rate(ctx, d.wrk.singles, d.api, outageConnections, steadyTime)
	if err != nil {
		return nil, err
	}
	_, after, err := d.site.ends(ctx, schemas.TopicLikes)
	if err != nil {
		return nil, err
	}
	return []float64{rate, float64(after-before) / time.Since(begin).Seconds()}, d.drained(ctx)
}

// withoutKafka is what clients get accepted while Kafka is stopped, and what Kafka gets once it is back, while they go on.
func (d *likesDoor) withoutKafka(ctx context.Context, broker *server.Kafka) ([]float64, error) {
	if err := broker.Stop(); err != nil {
		return nil, err
	}
	rate, err := d.wrk.rate(ctx, d.wrk.singles, d.api, outageConnections, outageTime)
	if err != nil {
		return nil, err
	}
	if err := broker.Start(ctx); err != nil {
		return nil, err
	}
	got, err := d.catchUp(ctx)
	if err != nil {
		return nil, err
	}
	return []float64{rate, got}, d.drained(ctx)
}

// catchUp is what Kafka gets a second from when the backlog begins to go until it is gone.
func (d *likesDoor) catchUp(ctx context.Context) (rate float64, err error) {
	clients, stop := context.WithCancel(ctx)
	going := exec.CommandContext(clients, "wrk", "-t1", fmt.Sprint("-c", outageConnections), fmt.Sprint("-d", int(drainLimit.Seconds()), "s"), "-s", d.wrk.singles, "http://"+d.api.addr)
	if err := going.Start(); err != nil {
		stop()
		return 0, err
	}
	defer func() {
		stop()
		_ = going.Wait() // killed, or else:
		if going.ProcessState.Exited() {
			err = errors.Join(err, fmt.Errorf("wrk ended before the backlog was gone, so that nobody was in Kafka's way: %v", going.ProcessState))
		}
	}()
	most, left := 0.0, math.Inf(1)
	look := func(ctx context.Context) error {
		left, err = d.api.figure(ctx, backlogMetric)
		most = max(most, left)
		return err
	}
	if err := until(ctx, drainLimit, "Kafka gets what waited for it", func(ctx context.Context) (bool, error) { return left < 0.98*most, look(ctx) }); err != nil {
		return 0, err
	}
	begin := time.Now()
	_, from, err := d.site.ends(ctx, schemas.TopicLikes)
	if err != nil {
		return 0, err
	}
	err = until(ctx, drainLimit, "the backlog is gone", func(ctx context.Context) (bool, error) { return left < 0.02*most, look(ctx) })
	took := time.Since(begin)
	_, to, offsetsErr := d.site.ends(ctx, schemas.TopicLikes)
	return float64(to-from) / took.Seconds(), errors.Join(err, offsetsErr)
}
