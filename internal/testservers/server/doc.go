// Package server installs and runs the real servers that promises are tested on: Apache Kafka as one node in KRaft
// mode, and Redis. (PostgreSQL is a real one in internal/embedded already.) Each is a child process
// that ends with its parent, listens on the loopback interface only, and keeps its data in a folder given to it.
package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// readyPause is the time between two looks at a server that is starting.
const readyPause = 20 * time.Millisecond

// Ports from firstPort up to lastPort are below those that systems hand out by themselves (Linux from 32768 on, others from 49152 on), to
// outgoing connections and to whoever listens on port 0. One of theirs would be taken by somebody else, now and then, in the seconds
// until a server starts on it, or while one that was killed is away.
const firstPort, lastPort = 20_000, 32_000

// FreeAddr finds an address of the loopback interface that nobody uses, and that nobody is given by chance before it is used.
func FreeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	for attempt := 1; ; attempt++ {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort))))
		if err == nil {
			_ = l.Close() // nothing was accepted
			return l.Addr().String(), nil
		}
		if attempt == 100 {
			return "", fmt.Errorf("no port of %d to %d is free: %w", firstPort, lastPort, err)
		}
	}
}
