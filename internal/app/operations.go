package app

import (
	"cmp"
	"context"
	"errors"
	"net"

	"tiffin/producers/api"
)

// operations serve /livez, /readyz and /metrics of a process without an API, which has them too.
type operations struct {
	app      *App
	listener net.Listener
}

// newOperations takes the port. It connects to nothing.
func (a *App) newOperations() (*operations, error) {
	listener, err := net.Listen("tcp", a.cfg.OpsAddr)
	if err != nil {
		return nil, cantListen("the operations endpoint", a.cfg.OpsAddr, "choose another with --ops-addr, or none with --ops-addr=", err)
	}
	return &operations{app: a, listener: listener}, nil
}

// run serves until ctx ends. It is ready no more as soon as stopping ends, which is earlier: while the groups let go of
// their lanes, the process is alive.
func (o *operations) run(ctx, stopping context.Context) error {
	return api.Serve(ctx, o.listener, api.New(api.Config{
		Name: "operations", Probes: o.probes(stopping), Registry: o.app.registry, Logger: o.app.log,
	}))
}

// probes say whether the groups can work. A group that owns no lanes is ready: others own them, and it waits to take over.
func (o *operations) probes(stopping context.Context) []api.Probe {
	process := func(ctx context.Context) error { return cmp.Or(stoppingError(stopping), o.app.startingError(ctx)) }
	return []api.Probe{{Name: "process", Check: process}, {Name: "kafka", Check: o.app.kafka.Ping}, {Name: "database", Check: o.app.pool.Ping}}
}

// startingError: a process prepares topics and schemas before it works.
func (a *App) startingError(context.Context) error {
	select {
	case <-a.prepared:
		return nil
	default:
		return errors.New("it is starting: topics and schemas are not ready yet")
	}
}

// stoppingError says that a process whose context has ended takes no more work.
func stoppingError(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("it is stopping")
	}
	return nil
}
