package server

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"tiffin/internal/embedded/child"
)

const (
	redisReadyLimit = 20 * time.Second
	redisStopLimit  = 10 * time.Second
)

// Redis is a Redis server without persistence, so that a restart loses everything: the product must be able to build it again.
type Redis struct {
	dir     string
	addr    string
	process *child.Process // nil until the first start
}

// NewRedis prepares a server that works in the folder dir; Start starts it.
func NewRedis(ctx context.Context, dir string) (*Redis, error) {
	addr, err := FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	return &Redis{dir: dir, addr: addr}, nil
}

// Start runs the server, or runs an empty one again at the same address, and returns when it answers.
func (r *Redis) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisReadyLimit)
	defer cancel()
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		return err
	}
	process, err := child.Start(child.Command{
		Path: "redis-server",
		// Many databases, so that each test has its own.
		Args: []string{"--bind", host, "--port", port, "--dir", r.dir, "--databases", "256", "--save", "", "--appendonly", "no"},
	})
	if err != nil {
		return fmt.Errorf("%w (Debian, Ubuntu: apt-get install redis-server)", err)
	}
	r.process = process
	client := redis.NewClient(&redis.Options{Addr: r.addr, MaxRetries: -1})
	defer func() { _ = client.Close() }() // nothing is pending on it
	tick := time.NewTicker(readyPause)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("Redis ended while it started (%v): %s", process.Err(), process.Tail())
		case <-ctx.Done():
			process.Kill()
			return fmt.Errorf("Redis is not ready (%w): %w: %s", ctx.Err(), err, process.Tail())
		case <-tick.C:
		}
	}
}

// URL connects to the server's first database.
func (r *Redis) URL() string { return "redis://" + r.addr + "/0" }

// Stop shuts the server down (SIGTERM).
func (r *Redis) Stop() error {
	if r.process == nil {
		return nil
	}
	return r.process.Stop(syscall.SIGTERM, redisStopLimit)
}

// Kill ends the server as a crash does (SIGKILL).
func (r *Redis) Kill() {
	if r.process != nil {
		r.process.Kill()
	}
}

// Signal sends a signal to the server.
func (r *Redis) Signal(s syscall.Signal) { r.process.Signal(s) }
