// Package embedded holds the servers that `tiffin up` runs inside itself, so that the whole product
// works on a laptop with nothing else installed and nothing to configure.
//
// Kafka is franz-go's kfake: a broker in this process that speaks the real protocol on a real TCP
// port and keeps its log on disk. It is the embedded development broker: good for running, trying and
// testing the product's logic, and no replacement for Apache Kafka. PostgreSQL is a real one: found on the
// machine or fetched once, run as a child process that ends with us. Both keep their data in a
// directory that a later start picks up again, also after a kill -9, and both hold a lock on it, for two
// servers on one directory would ruin it. Redis is miniredis, in this process and in memory alone: it is
// a cache.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir creates the directory where needed and takes it for this process; the lock ends with the
// returned file, or with the process.
func lockDir(dir string) (*os.File, error) {
	if dir == "" {
		return nil, errors.New("no data directory was given")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(
			fmt.Errorf("another Tiffin is using %s: stop it, or choose another directory with --data", dir),
			f.Close())
	}
	return f, nil
}

// portTaken explains a failed listen on an address that the user can change with the flag.
func portTaken(server, addr, flag string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s can't listen on %s (choose another address with %s): %w", server, addr, flag, err)
	}
	_, port, _ := net.SplitHostPort(addr) // it was parsed before
	return fmt.Errorf("port %s is taken, so %s can't listen on %s: stop the other program, or choose another port with %s", port, server, addr, flag)
}
