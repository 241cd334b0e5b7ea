package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	counted "tiffin/consumers/likes"
	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/door/spool"
	"tiffin/producers/likes"
	"tiffin/producers/orders"
	"tiffin/producers/payments"
	"tiffin/producers/views"
)

// A stop takes ten seconds at most. The APIs have these, one after the other, while the consumer groups let go of their lanes:
// first [Config.DrainTime], so that load balancers notice; then the three seconds that [api.Serve] gives to requests under
// way; then doorFlush, for what was accepted and is not on Kafka yet, and half a second for a disk that is slow.
const (
	maxDrain  = 3 * time.Second
	doorFlush = 3 * time.Second
)

// doorway is how the APIs of a process accept.
type doorway interface {
	door.Door
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
	Started() <-chan struct{}
}

// httpAPI is the APIs of a process: one listener, and a door for what they accept.
type httpAPI struct {
	app      *App
	apis     []apiTarget
	listener net.Listener
	door     doorway // nil if none of them accepts anything
	once     *api.Once
}

// newAPI takes the port. It connects to nothing.
func (a *App) newAPI(apis []apiTarget) (*httpAPI, error) {
	listener, err := net.Listen("tcp", a.cfg.APIAddr)
	if err != nil {
		return nil, cantListen("the API", a.cfg.APIAddr, "choose another with --api-addr", err)
	}
	h := &httpAPI{app: a, apis: apis, listener: listener, once: api.NewOnce(api.OnceConfig{})}
	var topics []string
	for _, target := range apis {
		topics = append(topics, target.says...)
	}
	slices.Sort(topics)
	if topics = slices.Compact(topics); len(topics) > 0 {
		h.door = a.newDoor(topics)
	}
	return h, nil
}

// newDoor makes the door that is configured, for facts of these topics.
func (a *App) newDoor(topics []string) doorway {
	metrics := door.NewMetrics(a.registry)
	if a.cfg.Accept == AcceptBroker {
		return door.NewBroker(door.Config{Kafka: a.kafka, Topics: topics, StopTimeout: doorFlush, Metrics: metrics, Logger: a.log})
	}
	return door.NewDisk(door.DiskConfig{
		Kafka: a.kafka, Topics: topics, StopTimeout: doorFlush, Metrics: metrics, Logger: a.log,
		Spool: spool.Config{Dir: a.cfg.SpoolDir, LimitBytes: a.cfg.SpoolLimit},
	})
}

// cantListen says who can't listen where, and the remedy.
func cantListen(who, addr, remedy string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(addr) // it was parsed before
		return fmt.Errorf("port %s is taken, so %s can't listen on %s: stop the other program, or %s", port, who, addr, remedy)
	}
	return fmt.Errorf("%s can't listen on %s (%s): %w", who, addr, remedy, err)
}

// started is closed when the door accepts.
func (h *httpAPI) started() <-chan struct{} {
	if h.door == nil {
		return always
	}
	return h.door.Started()
}

// always is ready to be received from.
var always = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// run serves until ctx ends. Then /readyz says no, and requests are taken until load balancers had time to notice; then
// those under way end, and the door is emptied.
func (h *httpAPI) run(ctx context.Context) error {
	parts := []part{{"server", h.serve}}
	if h.door != nil {
		parts = append(parts, part{"", h.door.Run})
	}
	return runParts(ctx, parts...)
}

// serve answers requests until ctx ends and [Config.DrainTime] is over. From then on nobody waits for an outcome any more.
func (h *httpAPI) serve(ctx context.Context) error {
	if h.app.hold != nil {
		select {
		case <-ctx.Done():
			return h.listener.Close()
		case <-h.app.hold:
		}
	}
	drained, drain := context.WithCancel(context.WithoutCancel(ctx))
	defer drain()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(h.app.cfg.DrainTime, drain) })()
	return api.Serve(drained, h.listener, h.routes(ctx, drained))
}

// routes are those of all APIs of this process. It is not ready from the moment when stopping ends; closing ends when nobody
// should wait any more.
func (h *httpAPI) routes(stopping, closing context.Context) *echo.Echo {
	name := h.apis[0].name
	if len(h.apis) > 1 {
		name = "api"
	}
	e := api.New(api.Config{Name: name, Probes: h.probes(stopping), Registry: h.app.registry, Logger: h.app.log})
	for _, target := range h.apis {
		target.routes(e, h, closing.Done())
	}
	return e
}

// probes: an API is ready if it accepts, and with --accept=disk it waits for neither Kafka nor PostgreSQL to do so. While one
// of them is away, load balancers would else take out all instances at once, and nothing would be accepted. One that only shows
// waits for the schemas.
func (h *httpAPI) probes(stopping context.Context) []api.Probe {
	process := api.Probe{Name: "process", Check: func(context.Context) error { return stoppingError(stopping) }}
	schemas := api.Probe{Name: "schemas", Check: h.app.startingError, Advisory: h.door != nil}
	kafka := api.Probe{Name: "kafka", Check: h.app.kafka.Ping, Advisory: h.door == nil || h.app.cfg.Accept == AcceptDisk}
	database := api.Probe{Name: "database", Check: h.app.pool.Ping, Advisory: h.door != nil}
	if h.door == nil {
		return []api.Probe{process, schemas, kafka, database}
	}
	return []api.Probe{process, {Name: "door", Check: h.door.Ready}, schemas, kafka, database}
}

// apiTarget is one of the HTTP APIs, which is a target of its own.
type apiTarget struct {
	name  string
	says  []string // the topics of the facts that it puts on Kafka
	shows []string // the groups whose documents it shows
	// routes adds the API's routes; stopping is closed when clients should not wait any more.
	routes func(e *echo.Echo, h *httpAPI, stopping <-chan struct{})
}

// apiTargets are all APIs.
func apiTargets() []apiTarget {
	return []apiTarget{
		{orders.Name, orders.Topics(), []string{"orders", "kitchen", "inventory"}, func(e *echo.Echo, h *httpAPI, stopping <-chan struct{}) {
			orders.Routes(e, orders.Config{
				Common: h.common(stopping),
				Orders: ordersReader{h.app.pool}, Restaurants: restaurantsReader{h.app.pool}, Menus: menusReader{h.app.pool},
			})
		}},
		{likes.Name, likes.Topics(), []string{"likes"}, func(e *echo.Echo, h *httpAPI, _ <-chan struct{}) {
			likes.Routes(e, likes.Config{
				Door: h.door, Counts: counted.NewReader(h.app.pool, h.app.likes), Tops: gains{counted.NewTopReader(h.app.pool, h.app.likes)},
				Once: h.once,
			})
		}},
		{payments.Name, payments.Topics(), []string{"payments"}, func(e *echo.Echo, h *httpAPI, stopping <-chan struct{}) {
			payments.Routes(e, payments.Config{Common: h.common(stopping), Ledger: ledger{h.app.pool}})
		}},
		{views.Name, nil, []string{"notification", "analytics", "likes", "inventory"}, func(e *echo.Echo, h *httpAPI, _ <-chan struct{}) {
			views.Routes(e, views.Config{Notifications: mailboxes{h.app.pool}, Analytics: numbers{h.app.pool}, Posts: topPosts{h.app.pool}})
		}},
	}
}

func (h *httpAPI) common(stopping <-chan struct{}) api.Common {
	return api.Common{Door: h.door, Once: h.once, Stopping: stopping}
}

// shown says whether an API that is chosen shows this group's documents.
func (h *httpAPI) shown(group string) bool {
	return slices.ContainsFunc(h.apis, func(t apiTarget) bool { return slices.Contains(t.shows, group) })
}
