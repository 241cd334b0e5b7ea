package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/producers/door"
	"tiffin/producers/door/spool"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

const (
	backlogFacts = 1_000_000
	// backlogTogether is how many facts one call of the door accepts while the backlog is made: it is about the drain, not that.
	backlogTogether = 200
	// trickle is how many facts a second are accepted while the backlog drains.
	trickle = 1000
)

// openDoor makes a disk door for likes.
func openDoor(client *kafka.Client, dir string, metrics *door.Metrics) *door.Disk {
	return door.NewDisk(door.DiskConfig{
		Kafka: client, Topics: []string{schemas.TopicLikes}, Metrics: metrics, Spool: spool.Config{Dir: dir},
	})
}

// benchBacklog: a million likes are accepted while Kafka is away; how fast they drain once it is back, while accepting goes
// on.
func benchBacklog(ctx context.Context, _, runs int) error {
	var rates []float64
	for range runs {
		rate, err := drainBacklog(ctx)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	row("drain of a backlog of a million facts, facts a second", rates, "%.0f")
	return nil
}

func drainBacklog(ctx context.Context) (rate float64, err error) {
	dir, broker, err := privateKafka(ctx)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	defer broker.Kill()
	client, err := kafka.Open(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	registry := prometheus.NewRegistry()
	d := openDoor(client, filepath.Join(dir, "spool"), door.NewMetrics(registry))
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	select {
	case failed := <-ended:
		ended <- nil
		return 0, failed
	case <-d.Started():
	}
	if err := acceptLikes(ctx, d, 100*backlogTogether); err != nil { // warms up
		return 0, err
	}
	if err := awaitEmpty(registry); err != nil {
		return 0, err
	}
	if err := broker.Stop(); err != nil {
		return 0, err
	}
	if err := acceptLikes(ctx, d, backlogFacts); err != nil {
		return 0, err
	}
	if err := broker.Start(ctx); err != nil {
		return 0, err
	}
	meanwhile, end := context.WithCancel(ctx)
	defer end()
	var going sync.WaitGroup
	defer going.Wait()
	going.Go(func() {
		tick := time.NewTicker(time.Second / trickle)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-meanwhile.Done():
				return
			case <-tick.C:
				going.Go(func() { _ = d.Accept(meanwhile, door.Origin{API: "bench"}, someLike(i)) }) // the drain is what is measured
			}
		}
	})
	// The door may take a moment to notice that Kafka is back.
	full := gauge(registry, backlogMetric)
	for gauge(registry, backlogMetric) >= full {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	left := gauge(registry, backlogMetric)
	for gauge(registry, backlogMetric) > left/20 { // the last few are those that are just being accepted
		time.Sleep(time.Millisecond)
	}
	rate = left * 19 / 20 / time.Since(begin).Seconds()
	end()
	return rate, nil
}

const backlogMetric = "tiffin_door_backlog_facts"

// acceptLikes accepts so many likes, many together.
func acceptLikes(ctx context.Context, d *door.Disk, n int) error {
	var next atomic.Int64
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() {
			for {
				from := int(next.Add(backlogTogether)) - backlogTogether
				if from >= n {
					errs <- nil
					return
				}
				facts := make([]saga.Fact, backlogTogether)
				for i := range facts {
					facts[i] = someLike(from + i)
				}
				if err := d.Accept(ctx, door.Origin{API: "bench"}, facts...); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	var failed error
	for range cap(errs) {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}

func someLike(i int) saga.Fact {
	return schemas.PostLiked{PostID: fmt.Sprintf("post%d", i%5000), UserID: fmt.Sprintf("user%d", i), AcceptedAt: schemas.MomentOf(time.Now())}
}

func awaitEmpty(registry *prometheus.Registry) error {
	for deadline := time.Now().Add(time.Minute); gauge(registry, backlogMetric) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not become 0", backlogMetric)
		}
	}
	return nil
}

// gauge reads one of this process's own figures.
func gauge(registry *prometheus.Registry, name string) float64 {
	families, err := registry.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}
