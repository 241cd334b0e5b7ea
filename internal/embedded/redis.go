package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// expiryInterval is how often times to live run on. miniredis can look at the clock by itself, but would then visit every
// key with each command.
const expiryInterval = 100 * time.Millisecond

// RedisConfig says where the embedded development Redis listens.
type RedisConfig struct {
	// Addr is where to listen. Port 0 takes any free port. Defaults to 127.0.0.1:6379.
	Addr string
}

// Redis is an embedded development Redis that is running: miniredis, which speaks the real protocol on a real TCP port, so
// that redis-cli works, and runs Lua scripts. It keeps everything in memory and nothing between starts: Tiffin uses Redis as
// a cache.
type Redis struct {
	server  *miniredis.Miniredis
	addr    string
	stop    chan struct{}
	stopped chan struct{}
	close   func() error
}

// StartRedis starts the embedded development Redis, empty.
func StartRedis(c RedisConfig) (*Redis, error) {
	addr := cmp.Or(c.Addr, "127.0.0.1:6379")
	if _, _, err := splitAddr(addr, "--redis-addr"); err != nil {
		return nil, err
	}
	r := &Redis{server: miniredis.NewMiniRedis(), stop: make(chan struct{}), stopped: make(chan struct{})}
	if err := r.server.StartAddr(addr); err != nil {
		var listen *net.OpError
		if errors.As(err, &listen) {
			return nil, portTaken("Redis", addr, "--redis-addr", err)
		}
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	r.addr = r.server.Addr() // it can't be asked once it is closed
	r.close = sync.OnceValue(r.shutDown)
	go r.expire()
	return r, nil
}

// Addr is the host:port to connect to.
func (r *Redis) Addr() string { return r.addr }

// URL connects to the first database.
func (r *Redis) URL() string { return "redis://" + r.Addr() + "/0" }

// Close stops the server, and everything in it is gone; calls after the first do nothing. It returns nil.
func (r *Redis) Close() error { return r.close() }

func (r *Redis) shutDown() error {
	close(r.stop)
	<-r.stopped
	r.server.Close()
	return nil
}

// expire lets times to live run by the clock until the server is closed.
func (r *Redis) expire() {
	defer close(r.stopped)
	tick := time.NewTicker(expiryInterval)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-r.stop:
			return
		case now := <-tick.C:
			r.server.FastForward(now.Sub(last))
			last = now
		}
	}
}
