package testservers

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tiffin/internal/embedded"
	"tiffin/internal/testservers/server"
)

// PrivateKafka is an Apache Kafka of one test, which may stop and kill it. Its methods fail the test when they fail.
type PrivateKafka struct {
	t     testing.TB
	kafka *server.Kafka
}

// StartKafka starts an Apache Kafka for this test alone. It takes about five seconds and 350 MB: most tests should share the one of Kafka.
func StartKafka(t testing.TB) *PrivateKafka {
	t.Helper()
	k, err := server.NewKafka(t.Context(), lookup(t, KafkaLibsVariable), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Kill) // its data are not needed any more
	p := &PrivateKafka{t: t, kafka: k}
	p.Start()
	return p
}

// Addr is the host:port to connect to; it stays the same over restarts.
func (p *PrivateKafka) Addr() string { return p.kafka.Addr() }

// Start runs the node again with what is on its disk.
func (p *PrivateKafka) Start() {
	p.t.Helper()
	if err := p.kafka.Start(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// Stop shuts the node down as an operator does.
func (p *PrivateKafka) Stop() {
	p.t.Helper()
	if err := p.kafka.Stop(); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends the node as a crash does.
func (p *PrivateKafka) Kill() { p.kafka.Kill() }

// PrivatePostgres is a PostgreSQL of one test, which may stop and kill it. Its methods fail the test when they fail.
type PrivatePostgres struct {
	t      testing.TB
	config embedded.PostgresConfig
	server *embedded.Postgres
}

// StartPostgres starts a PostgreSQL for this test alone. It takes about a second.
func StartPostgres(t testing.TB) *PrivatePostgres {
	t.Helper()
	lookup(t, PostgresVariable) // only in runs that have real servers
	dir := t.TempDir()
	// The server's user must get there when we are root.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &PrivatePostgres{t: t, config: embedded.PostgresConfig{Dir: dir, Addr: FreeAddr(t)}}
	p.Start()
	t.Cleanup(func() {
		if err := p.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// URL connects to an empty database; it stays the same over restarts.
func (p *PrivatePostgres) URL() string { return p.server.URL() }

// Start runs the server again with what is on its disk.
func (p *PrivatePostgres) Start() {
	p.t.Helper()
	server, err := embedded.StartPostgres(p.t.Context(), p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = server
}

// Stop shuts the server down as an operator does: connections are cut, what is committed is on disk.
func (p *PrivatePostgres) Stop() {
	p.t.Helper()
	if err := p.server.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends the server as a crash does; its workers notice and end too.
func (p *PrivatePostgres) Kill() {
	p.t.Helper()
	if err := syscall.Kill(p.server.PID(), syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	<-p.server.Done()
	p.Stop() // gives the directory's lock back
}

// PrivateRedis is a Redis of one test, which may stop and kill it. Its methods fail the test when they fail.
type PrivateRedis struct {
	t     testing.TB
	redis *server.Redis
}

// StartRedis starts a Redis for this test alone, without persistence. It takes some milliseconds.
func StartRedis(t testing.TB) *PrivateRedis {
	t.Helper()
	lookup(t, RedisVariable) // only in runs that have real servers
	r, err := server.NewRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill) // it has no data to save
	p := &PrivateRedis{t: t, redis: r}
	p.Start()
	return p
}

// URL connects to the server; it stays the same over restarts.
func (p *PrivateRedis) URL() string { return p.redis.URL() }

// Start runs the server again, empty.
func (p *PrivateRedis) Start() {
	p.t.Helper()
	if err := p.redis.Start(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// Stop shuts the server down; its data are lost.
func (p *PrivateRedis) Stop() {
	p.t.Helper()
	if err := p.redis.Stop(); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends the server as a crash does; its data are lost.
func (p *PrivateRedis) Kill() { p.redis.Kill() }

// Freeze makes the server hang: it takes connections, and answers nobody.
func (p *PrivateRedis) Freeze() { p.redis.Signal(syscall.SIGSTOP) }

// Thaw lets it go on; it then does what was sent to it meanwhile.
func (p *PrivateRedis) Thaw() { p.redis.Signal(syscall.SIGCONT) }
