package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/capacity"
)

const (
	// backlog is how many orders wait before the groups start: enough for full batches.
	backlog = 20_000
	// quiet is how long nothing happens when all is done.
	quiet = 3 * time.Second
)

// orders measures what an order costs from its acceptance to its end when batches are full: it lets a backlog come while the groups are away, and then
// starts them, all in one process, with a restaurant, a cook and a courier who answer at once.
func (s *servers) orders(ctx context.Context, binary string) (o capacity.Orders, err error) {
	at, err := s.newSite()
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, at.close(ctx)) }()
	common, err := at.prepare(ctx, binary, "all,simulator", 12)
	if err != nil {
		return o, err
	}
	start := func(name, target string) error { return at.run(ctx, binary, name, target, common) }
	groups := "inventory,payments,fraud,kitchen,delivery,orders,notification,analytics,simulator"
	if err := errors.Join(start("orders-api", "orders-api"), start("groups", groups)); err != nil {
		return o, err
	}
	send := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, binary, append(append([]string{"load", "orders", "--json", "--no-audit", "--target=http://" + at.processes["orders-api"].addr}, args...), common...)...)
		c.Stderr = os.Stderr
		return c
	}
	if out, err := send("--rate=100", "--duration=5s").Output(); err != nil {
		return o, fmt.Errorf("a few orders to begin with: %w: %s", err, out)
	}
	if err := at.stop("groups"); err != nil {
		return o, err
	}
	before, err := at.count(ctx)
	if err != nil {
		return o, err
	}
	accepted := before["orders-api tiffin_door_accepted_facts_total"]
	load := send("--no-prepare", fmt.Sprintf("--rate=%d", backlog/10), "--duration=1h")
	if err := load.Start(); err != nil {
		return o, err
	}
	err = poll(ctx, 5*time.Minute, func() (bool, error) {
		now := counters{}
		err := at.processes["orders-api"].scrape(ctx, "orders-api", now)
		return now["orders-api tiffin_door_accepted_facts_total"]-accepted >= backlog, err
	})
	_ = load.Process.Kill() // it would wait for their ends, which come later
	_ = load.Wait()
	if err != nil {
		return o, err
	}
	if err := start("groups", groups); err != nil {
		return o, err
	}
	idle, last, begin := time.Now(), -1.0, time.Now()
	if err := poll(ctx, 10*time.Minute, func() (bool, error) {
		now := counters{}
		err := at.processes["groups"].scrape(ctx, "groups", now)
		if n := now["groups tiffin_group_events_total"]; n != last {
			last, idle = n, time.Now()
		}
		return time.Since(idle) > quiet, err
	}); err != nil {
		return o, err
	}
	after, err := at.count(ctx)
	if err != nil {
		return o, err
	}
	c := after.since(before)
	o = capacity.Orders{
		Orders: c["orders-api tiffin_door_accepted_facts_total"], Seconds: idle.Sub(begin).Seconds(),
		DoorCPU: c["cpu orders-api"], GroupsCPU: after["cpu groups"], KafkaCPU: c["cpu kafka"], PostgresCPU: c["cpu postgres"],
		WALBytes: c["wal"], KafkaBytes: c["logs"], DatabaseBytes: c["database"], Backends: map[string]float64{},
	}
	for name, spent := range after {
		if g, found := strings.CutPrefix(name, "cpu backend "); found {
			o.Backends[g] = spent
		}
	}
	log.Printf("orders: %.0f a second", o.Orders/o.Seconds)
	return o, nil
}

// count is what read reads, and what there is of everything else.
func (s *site) count(ctx context.Context) (counters, error) {
	c, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	var size float64
	if err := s.db.QueryRow(ctx, "select pg_database_size(current_database())::float8").Scan(&size); err != nil {
		return nil, err
	}
	c["database"], c["logs"] = size, openBytes(s.kafka, s.name+".")
	return c, nil
}

// poll asks again and again.
func poll(ctx context.Context, patience time.Duration, done func() (bool, error)) error {
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for begin := time.Now(); time.Since(begin) < patience; {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
	}
	return fmt.Errorf("it is not done after %v", patience)
}

// stop ends one of the processes.
func (s *site) stop(name string) error {
	p := s.processes[name]
	delete(s.processes, name)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.cmd.Wait()
}
