// The command testservers runs a command with real servers beside it:
//
//	testservers [--cache=.cache] -- go test -race ./...
//
// It installs what is missing (Kafka's jars into the cache folder, where later runs find them; PostgreSQL and Redis as Debian
// packages, when it may), starts Apache Kafka, PostgreSQL and Redis on free ports with data that are thrown away, tells the command where
// they are by the variables of package testservers, and exits with the command's code. The servers end with it, also when it is killed.
//
// Build it and run the binary: `go run` would hide the exit code and not pass signals on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tiffin/internal/embedded"
	"tiffin/internal/embedded/child"
	"tiffin/internal/testservers"
	"tiffin/internal/testservers/server"
)

// commandPatience is how long the command may take to end after it was told to.
const commandPatience = 10 * time.Second

func main() {
	cache := flag.String("cache", ".cache", "folder that keeps Apache Kafka's jars between runs")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: %s [flags] -- command [arguments]\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	code, err := run(*cache, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testservers:", err)
	}
	os.Exit(code)
}

// run does everything and returns the exit code.
func run(cache string, command []string) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "tiffin-testservers-")
	if err != nil {
		return 1, err
	}
	var s servers
	defer func() {
		if e := errors.Join(s.stop(), os.RemoveAll(dir)); e != nil {
			code, err = max(code, 1), errors.Join(err, e)
		}
	}()
	begin := time.Now()
	if err := s.start(ctx, cache, dir); err != nil {
		return 1, err
	}
	say("Kafka, PostgreSQL%s ready after %s", map[bool]string{true: ", Redis"}[s.redis != nil], time.Since(begin).Round(100*time.Millisecond))
	return execute(ctx, command, s.environment())
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "testservers: "+format+"\n", args...) }

// servers are those that run; nil where one does not.
type servers struct {
	libs     string
	kafka    *server.Kafka
	postgres *embedded.Postgres
	redis    *server.Redis
}

// start installs and starts all of them side by side.
func (s *servers) start(ctx context.Context, cache, dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user must get to its data when we are root
		return err
	}
	if err := installPackages(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if s.libs, err = server.InstallKafka(ctx, cache); err != nil {
			return err
		}
		folder := filepath.Join(dir, "kafka")
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
		if s.kafka, err = server.NewKafka(ctx, s.libs, folder); err != nil {
			return err
		}
		return s.kafka.Start(ctx)
	})
	g.Go(func() (err error) {
		s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{
			Dir:  filepath.Join(dir, "postgres"),
			Addr: "127.0.0.1:0",
			// Many tests, each with connections of its own; and a server for work, not one that is to idle small: with less, a load of millions
			// of likes makes it write a checkpoint every few seconds, and after each the whole of every page that it touches.
			Settings: map[string]string{"max_connections": "200", "shared_buffers": "512MB", "max_wal_size": "8GB"},
			Log:      nil, // tests provoke errors
		})
		return err
	})
	if _, err := exec.LookPath("redis-server"); err == nil {
		g.Go(func() error {
			r, err := server.NewRedis(ctx, dir)
			if err != nil {
				return err
			}
			s.redis = r
			return r.Start(ctx)
		})
	}
	return g.Wait()
}

// installPackages installs the servers that come as packages. PostgreSQL can be downloaded instead, and tests that need Redis
// are skipped without it, so only a stop by the user is an error.
func installPackages(ctx context.Context) error {
	if !embedded.HasPostgres(ctx) {
		say("installing postgresql")
		if err := server.InstallPackage(ctx, "postgresql"); err != nil {
			say("%v; downloading one for this run instead", err)
		}
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		say("installing redis-server")
		if err := server.InstallPackage(ctx, "redis-server"); err != nil {
			say("TESTS THAT NEED REDIS WILL BE SKIPPED: %v", err)
		}
	}
	return ctx.Err()
}

// environment is ours and where the servers are.
func (s *servers) environment() []string {
	env := append(os.Environ(),
		testservers.KafkaVariable+"="+s.kafka.Addr(),
		testservers.KafkaLibsVariable+"="+s.libs,
		testservers.PostgresVariable+"="+s.postgres.URL())
	if s.redis != nil {
		env = append(env, testservers.RedisVariable+"="+s.redis.URL())
	}
	return env
}

// stop ends all of them. Nobody needs their data any more.
func (s *servers) stop() error {
	if s.kafka != nil {
		s.kafka.Kill()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	if s.postgres != nil {
		return s.postgres.Close()
	}
	return nil
}

// execute runs the command and returns its exit code. When the context ends, the command and its children are told to end too.
func execute(ctx context.Context, command, env []string) (int, error) {
	p, err := child.Start(child.Command{
		Path: command[0], Args: command[1:], Env: env,
		Inherit:  true,
		Farewell: syscall.SIGTERM,
	})
	if err != nil {
		return 1, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.SignalGroup(syscall.SIGTERM)
		timer := time.NewTimer(commandPatience)
		defer timer.Stop()
		select {
		case <-p.Done():
		case <-timer.C:
			p.Kill()
		}
		return 1, errors.New("interrupted")
	}
	if exit := new(exec.ExitError); errors.As(p.Err(), &exit) {
		return max(exit.ExitCode(), 1), nil // a signal's code is -1
	}
	return 0, p.Err()
}
