package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/orders"
)

// A stop takes ten seconds at most. The API has these, one after the other; the consumer groups have the rest.
const (
	requestsEnd = 3 * time.Second // then requests under way are cancelled
	doorFlush   = time.Second     // for what was accepted from callers that have gone
)

// readers is how many connections to PostgreSQL the API uses at most.
const readers = 8

// httpAPI is the API of orders: a listener, a door for what it accepts, and a pool for what it shows.
type httpAPI struct {
	app      *App
	listener net.Listener
	door     *door.Broker
	pool     *pgxpool.Pool
}

// newAPI takes the port. It connects to nothing.
func (a *App) newAPI() (*httpAPI, error) {
	listener, err := net.Listen("tcp", a.cfg.APIAddr)
	if err != nil {
		return nil, cantListen("the API", a.cfg.APIAddr, "choose another with --api-addr", err)
	}
	pool, err := newPool(a.cfg.DatabaseURL, readers)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &httpAPI{app: a, listener: listener, pool: pool, door: door.NewBroker(door.Config{
		Kafka: a.kafka, Topics: orders.Topics(), StopTimeout: doorFlush, Metrics: door.NewMetrics(a.registry), Logger: a.log,
	})}, nil
}

// newPool makes a pool of so many connections at most. It opens none.
func newPool(url string, most int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	config.MaxConns = most
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // the context is for connections that are to be kept ready: none
	if err != nil {
		return nil, fmt.Errorf("the database URL: %w", err)
	}
	return pool, nil
}

// cantListen says who can't listen where, and the remedy.
func cantListen(who, addr, remedy string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(addr) // it was parsed before
		return fmt.Errorf("port %s is taken, so %s can't listen on %s: stop the other program, or %s", port, who, addr, remedy)
	}
	return fmt.Errorf("%s can't listen on %s (%s): %w", who, addr, remedy, err)
}

// run serves until ctx ends. Then it takes no more requests, lets those under way end, and then empties the door.
func (h *httpAPI) run(ctx context.Context) error {
	defer h.pool.Close()
	return runParts(ctx, part{"server", h.serve}, part{"door", h.door.Run})
}

// serve answers requests until ctx ends. From then on nobody waits for an outcome any more, and after [requestsEnd] for
// nothing at all.
func (h *httpAPI) serve(ctx context.Context) error {
	if h.app.hold != nil {
		select {
		case <-ctx.Done():
			return h.listener.Close()
		case <-h.app.hold:
		}
	}
	e := api.New(api.Config{Name: orders.Name, Probes: h.app.probes(ctx, h.kafkaReady, h.pool), Registry: h.app.registry, Logger: h.app.log})
	orders.Routes(e, orders.Config{
		Door: h.door, Orders: ordersReader{h.pool}, Restaurants: restaurantsReader{h.pool}, Menus: menusReader{h.pool}, Stopping: ctx.Done(),
	})
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(requestsEnd, end) })()
	return api.Serve(ctx, h.listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ended, cancel)()
		e.ServeHTTP(w, r.WithContext(request))
	}))
}

// readByAPI says whether the API shows this group's documents.
func readByAPI(group string) bool {
	return slices.Contains([]string{"orders", "kitchen", "inventory"}, group)
}

// kafkaReady: the door has room, and the broker answers, for without it a 202 can't be given.
func (h *httpAPI) kafkaReady(ctx context.Context) error {
	if err := h.door.Ready(ctx); err != nil {
		return err
	}
	return h.app.kafka.Ping(ctx)
}
