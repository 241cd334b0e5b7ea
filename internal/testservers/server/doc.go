// Package server installs and runs the real servers that promises are tested on: Apache Kafka as one node in KRaft
// mode, and Redis. (PostgreSQL is a real one in internal/embedded already.) Each is a child process
// that ends with its parent, listens on the loopback interface only, and keeps its data in a folder given to it.
package server

import (
	"context"
	"net"
	"time"
)

// readyPause is the time between two looks at a server that is starting.
const readyPause = 20 * time.Millisecond

// freeAddr finds an address of the loopback interface that nobody uses.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }() // nothing was accepted
	return l.Addr().String(), nil
}
