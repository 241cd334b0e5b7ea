// Package api is what all HTTP APIs share: a server with limits and time-outs, request ids, metrics, probes, and strict
// reading of bodies. An API adds its routes, and its handlers return errors: package problem writes them.
//
//	e := api.New(api.Config{Name: "orders-api", Probes: probes, Registry: registry})
//	orders.Routes(e, ...)
//	err := api.Serve(ctx, listener, e)
//
// accept.go takes facts through the door, once.go each Idempotency-Key once. follow.go answers who waits for an outcome or
// listens to it, read.go asks those who know it. probe.go is /readyz, contract.go the contracts and the way to them. quiet.go spares handlers that
// answer within moments what net/http does for the others.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tiffin/producers/problem"
	"tiffin/schemas"
)

// Limits of every server.
const (
	// MaxBodyBytes is how large a request's body may be: an order of 50 items has a tenth of it.
	MaxBodyBytes = 64 << 10
	// MaxWait is how long a handler may wait for something to happen, at a client's wish.
	MaxWait = 60 * time.Second

	maxHeaderBytes    = 16 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = readTimeout + MaxWait + 15*time.Second // it runs from the end of the header
	idleTimeout       = 2 * time.Minute
	// When the server stops, requests have requestsEnd to end by themselves; then their contexts end, and after stopTimeout they
	// are cut off. What is being written when their contexts end has writesEnd to be read; that leaves time, for a server that stops looks only
	// twice a second who is left.
	requestsEnd = 2 * time.Second
	writesEnd   = 250 * time.Millisecond
	stopTimeout = 3 * time.Second
	// freshEnd is when connections are closed on which nobody has asked anything yet.
	freshEnd = 100 * time.Millisecond
)

// Config configures an API's server. The zero value works, without probes.
type Config struct {
	// Name is the API's, for its metrics.
	Name string
	// Probes are what /readyz asks.
	Probes []Probe
	// Registry takes this server's metrics, and is what /metrics shows. Defaults to one of its own.
	Registry *prometheus.Registry
	// ClientIP finds the client's address. Defaults to the peer of the connection: behind a proxy that can be
	// trusted, give echo.ExtractIPFromXFFHeader.
	ClientIP echo.IPExtractor
	// Logger hears of requests that fail through no fault of the client. Defaults to silence.
	Logger *slog.Logger
}

// New makes a server with the routes /livez, /readyz and /metrics, the contracts: /openapi.yaml and /asyncapi.yaml, and / for who
// looks for these. Where it
// is given a route for GET, it answers HEAD, too.
func New(cfg Config) *echo.Echo {
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = echo.ExtractIPDirect() // Echo's own default believes X-Forwarded-For from anyone
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := echo.New()
	e.HTTPErrorHandler = problem.Handler(cfg.Logger)
	e.IPExtractor = cfg.ClientIP
	e.OnAddRouteHandler = func(_ string, route echo.Route, handler echo.HandlerFunc, middleware []echo.MiddlewareFunc) {
		if route.Method == http.MethodGet {
			e.HEAD(route.Path, head(handler), middleware...)
		}
	}
	e.Use(identify, observe(cfg.Name, cfg.Registry), recoverPanics)
	e.GET("/", front)
	e.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "alive\n") })
	e.GET("/readyz", ready(cfg.Probes))
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{})))
	e.GET("/openapi.yaml", contract(schemas.OpenAPI()))
	e.GET("/asyncapi.yaml", contract(schemas.AsyncAPI()))
	return e
}

// head answers HEAD as the handler answers GET; net/http leaves the body away. It is answered at once, whatever the client would
// wait for or listen to.
func head(get echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Request().Header
		header.Del("Prefer")
		header.Del(echo.HeaderAccept)
		return get(c)
	}
}

// Headers of all responses, which share them. They are never written to.
var nosniff, noStore = []string{"nosniff"}, []string{"no-store"}

// identify gives each request an id, or keeps the one that it came with if that is fit for a log, and begins it as one whose
// handler heeds the client's going.
func identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !schemas.IsID(id) {
			id = uuid.NewString()
		}
		header := c.Response().Header()
		header.Set(echo.HeaderXRequestID, id)
		header[echo.HeaderXContentTypeOptions] = nosniff
		header[echo.HeaderCacheControl] = noStore // what is true of an order changes by the second
		setQuiet(c, false)
		return next(c)
	}
}

// recoverPanics makes errors of panics. Whatever was thrown, it is a bug: the log gets it with its stack, the client neither.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch thrown := recover(); thrown {
			case nil:
			case http.ErrAbortHandler: // net/http's own way to hang up
				panic(thrown)
			default:
				err = fmt.Errorf("panic: %v\n%s", thrown, debug.Stack())
			}
		}()
		return next(c)
	}
}

// observe measures requests, by route and not by path, of which there are endlessly many.
func observe(name string, registry prometheus.Registerer) echo.MiddlewareFunc {
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "tiffin_http_request_duration_seconds", Help: "How long requests took, waiting at a client's wish included.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 15, 60},
	}, []string{"method", "route", "status"})
	prometheus.WrapRegistererWith(prometheus.Labels{"api": name}, registry).MustRegister(durations)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			if err := next(c); err != nil {
				c.Error(err)
			}
			durations.WithLabelValues(method(c.Request().Method), c.Path(), strconv.Itoa(c.Response().Status)).Observe(time.Since(start).Seconds())
			return nil
		}
	}
}

// method keeps clients from making up labels.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// Serve serves until ctx ends, and then lets the requests that are in it end; after two seconds, their contexts do, and neither what has not
// arrived of their bodies is waited for, nor, for more than a moment, who does not read the answer. Handlers that wait at a client's wish
// should watch the same ctx, or they hold it up. It returns nil if all of them ended in time.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	open := &openConns{conns: map[*quietConn]struct{}{}}
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return requests },
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ConnContext:       remember,
		ConnState:         open.note,
	}
	stopped := make(chan error, 1)
	unwatch := context.AfterFunc(ctx, func() {
		defer time.AfterFunc(requestsEnd, func() { cancelRequests(); open.hurry() }).Stop()
		defer time.AfterFunc(freshEnd, open.closeFresh).Stop()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err := server.Shutdown(bounded)
		if err != nil {
			err = fmt.Errorf("requests were cut off after %v: %w", stopTimeout, err)
			_ = server.Close() // its error says no more
		}
		stopped <- err
	})
	err := server.Serve(quietListener{listener})
	if unwatch() {
		_ = server.Close() // it has failed, and that is the error
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return <-stopped
}

// openConns are a server's connections.
type openConns struct {
	mu    sync.Mutex
	conns map[*quietConn]struct{}
}

// note is a server's ConnState.
func (o *openConns) note(conn net.Conn, state http.ConnState) {
	own, ok := conn.(*quietConn)
	switch {
	case !ok:
	case state == http.StateNew:
		own.fresh.Store(true)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.conns[own] = struct{}{}
	case state == http.StateClosed || state == http.StateHijacked:
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.conns, own)
	default:
		own.fresh.Store(false)
	}
}

// closeFresh closes those on which nobody has asked anything yet: browsers and load balancers open some ahead. A server that stops would
// take each for a request under way, for five seconds.
func (o *openConns) closeFresh() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for conn := range o.conns {
		if conn.fresh.Load() {
			_ = conn.Close() // nobody has asked anything
		}
	}
}

// hurry has whoever reads a body find that its time is over, and answer so; and answers that nobody reads fail soon.
func (o *openConns) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for conn := range o.conns {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // fails if it is being closed, as does the next
		_ = conn.SetWriteDeadline(time.Now().Add(writesEnd))
	}
}
