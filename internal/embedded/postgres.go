package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/embedded/child"
)

const (
	// readyTimeout is how long a start may take. A new server needs half a second, one that has
	// to recover from a kill -9 replays at most maxWAL first.
	readyTimeout = time.Minute
	readyPause   = 10 * time.Millisecond // between two looks at a server that is starting

	// A stop has ten seconds in all (docker and Kubernetes give no more before they kill):
	// so long for a checkpoint; after that it stops without one, and recovers at its next start.
	stopPatience  = 7 * time.Second
	abortPatience = 2 * time.Second
)

// PostgresConfig says where the embedded PostgreSQL keeps its data and where it listens.
type PostgresConfig struct {
	// Dir keeps the data between starts. Required.
	Dir string

	// Addr is where to listen: a loopback address, since whoever can connect is let in. Port 0 takes any
	// free port. Defaults to 127.0.0.1:5432.
	Addr string

	// Settings are postgresql.conf settings that differ from ours.
	Settings map[string]string

	// Log receives the server's warnings, one a line. Defaults to none.
	Log io.Writer
}

// Postgres is a PostgreSQL server that is running as our child.
type Postgres struct {
	addr    string
	process *child.Process
	lock    *os.File
	close   func() error
}

// StartPostgres starts PostgreSQL with whatever an earlier one left in Dir, after recovery if that one
// was killed, and returns once the database "tiffin" answers. The server is the one on this machine, or else is
// downloaded once. When we are root, it runs as the user postgres or nobody, because it refuses to run as root.
func StartPostgres(ctx context.Context, c PostgresConfig) (*Postgres, error) {
	host, port, err := splitAddr(cmp.Or(c.Addr, "127.0.0.1:5432"), "--postgres-addr")
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the embedded PostgreSQL lets everyone in who can connect, so it listens on a loopback address only, not on %s: choose one with --postgres-addr, or run a server of your own and set DATABASE_URL", host)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, c, host, port)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	p.lock = lock
	p.close = sync.OnceValue(p.shutDown)
	return p, nil
}

// start does the work of StartPostgres once the directory is ours.
func start(ctx context.Context, c PostgresConfig, host string, port int) (*Postgres, error) {
	h, err := openHome(c.Dir, unreachableBase)
	if err != nil {
		return nil, err
	}
	if err := h.endOrphan(ctx); err != nil {
		return nil, err
	}
	addr, err := freeAddr(host, port)
	if err != nil {
		return nil, err
	}
	install, err := h.install(ctx, c.Log)
	if err != nil {
		return nil, err
	}
	if err := h.create(install); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return launch(ctx, h, install, c, addr)
}

// launch runs the server process and waits until its database answers.
func launch(ctx context.Context, h home, in installation, c PostgresConfig, addr string) (*Postgres, error) {
	process, err := child.Start(child.Command{
		Path:       in.program("postgres"),
		Args:       append([]string{"-D", h.data()}, settings(addr, c.Settings)...),
		Dir:        "/",
		Env:        h.environment(),
		Credential: h.credential,
		// Fast shutdown: when we die, it still writes a checkpoint, and the next start is quick.
		Farewell: syscall.SIGINT,
		Log:      c.Log,
	})
	if err != nil {
		return nil, err
	}
	p := &Postgres{addr: addr, process: process}
	if err := p.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// settings are the command line of a server that idles small and loses nothing: synchronous commits,
// fsync and full page writes are on, as they are by default.
func settings(addr string, more map[string]string) []string {
	host, port, _ := net.SplitHostPort(addr) // made by freeAddr
	s := map[string]string{
		"listen_addresses":        host,
		"port":                    port,
		"unix_socket_directories": "", // its path may be too long for a socket, and TCP serves everyone

		// Small: all of `tiffin up` is to idle within 500 MB.
		"max_connections":      "60",
		"shared_buffers":       "64MB",
		"max_worker_processes": "2",
		"huge_pages":           "off",
		"jit":                  "off", // compiles for longer than our statements run

		// Nobody replicates from it, so it needs neither the senders nor what they would send.
		"wal_level":                       "minimal",
		"max_wal_senders":                 "0",
		"max_logical_replication_workers": "0",
		"min_wal_size":                    "80MB",
		"max_wal_size":                    "512MB",

		// The lanes' rows are overwritten by every batch: clean up after them often.
		"autovacuum_naptime":     "15s",
		"autovacuum_max_workers": "2",

		"log_min_messages":     "warning",
		"log_checkpoints":      "off",
		"update_process_title": "off",
		"timezone":             "UTC",
	}
	maps.Copy(s, more)
	var args []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		args = append(args, "-c", k+"="+s[k])
	}
	return args
}

// awaitReady waits until the server answers, and creates the database when it is new.
func (p *Postgres) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPause)
	defer tick.Stop()
	for {
		err := createDatabase(ctx, p.url("postgres"))
		if err == nil {
			return nil
		}
		select {
		case <-p.process.Done():
			if strings.Contains(p.process.Tail(), "Address already in use") {
				return portTaken("PostgreSQL", p.addr, "--postgres-addr", syscall.EADDRINUSE)
			}
			return fmt.Errorf("PostgreSQL ended while it started (%v): %s", p.process.Err(), p.process.Tail())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL is not ready (%w): %w: %s", ctx.Err(), err, p.process.Tail())
		case <-tick.C:
		}
	}
}

// createDatabase creates the database "tiffin" unless it is there.
func createDatabase(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is pending on it
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'tiffin')").Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE tiffin")
	return err
}

func (p *Postgres) url(database string) string {
	return "postgres://tiffin@" + p.addr + "/" + database + "?sslmode=disable"
}

// URL connects to the database "tiffin" as its owner, who may create further databases.
func (p *Postgres) URL() string { return p.url("tiffin") }

// Addr is the host:port that the server listens on.
func (p *Postgres) Addr() string { return p.addr }

// PID is the server's process id (the postmaster's).
func (p *Postgres) PID() int { return p.process.PID() }

// Done is closed when the server has ended, by Close or by itself.
func (p *Postgres) Done() <-chan struct{} { return p.process.Done() }

// Close stops the server: open transactions are rolled back, everything committed is on disk. It takes ten
// seconds at most; calls after the first do nothing.
func (p *Postgres) Close() error { return p.close() }

func (p *Postgres) shutDown() error {
	return errors.Join(p.end(), p.lock.Close())
}

// end stops the process: fast, then without a checkpoint, then by force.
func (p *Postgres) end() error {
	p.process.Signal(syscall.SIGINT)
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-p.process.Done():
		return nil
	case <-timer.C:
		return p.process.Stop(syscall.SIGQUIT, abortPatience)
	}
}

// freeAddr returns the address with its port filled in, or says that the port is taken. That somebody takes it
// between here and the server's start is possible, and then the server says so.
func freeAddr(host string, port int) (string, error) {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", portTaken("PostgreSQL", addr, "--postgres-addr", err)
	}
	defer func() { _ = l.Close() }() // nothing was accepted
	_, free, err := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, free), err
}

// program is the path of one of the installation's programs.
func (in installation) program(name string) string { return filepath.Join(in.bin, name) }
