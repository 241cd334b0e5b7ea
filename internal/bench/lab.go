package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/embedded/child"
	"tiffin/internal/testservers"
	"tiffin/internal/testservers/server"
)

// lab is what experiments work with: the servers, and the program that is measured.
type lab struct {
	kafka, libs, postgres, redis string  // as [testservers] has them
	tiffin                       string  // the binary
	dir                          string  // for spools, scripts and brokers
	history                      float64 // how much of it to write, 1 for all
	log                          io.Writer
}

// openLab finds the servers. Its error says what to do.
func openLab(tiffin string, log io.Writer) (*lab, error) {
	l := &lab{
		kafka: os.Getenv(testservers.KafkaVariable), libs: os.Getenv(testservers.KafkaLibsVariable),
		postgres: os.Getenv(testservers.PostgresVariable), redis: os.Getenv(testservers.RedisVariable), log: log,
	}
	if l.kafka == "" || l.libs == "" || l.postgres == "" {
		return nil, fmt.Errorf("%s, %s or %s is not set: run `make bench`, which starts the servers", testservers.KafkaVariable, testservers.KafkaLibsVariable, testservers.PostgresVariable)
	}
	if l.redis == "" {
		return nil, errors.New("there is no Redis: install redis-server (Debian, Ubuntu: apt-get install redis-server)")
	}
	var err error
	if l.tiffin, err = filepath.Abs(tiffin); err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.tiffin); err != nil {
		return nil, fmt.Errorf("the program to measure is missing: run `make build`, or name another with -tiffin: %w", err)
	}
	l.dir, err = os.MkdirTemp("", "tiffin-bench-")
	return l, err
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

// part is how much of a history is written.
func (l *lab) part(all int) int { return int(l.history * float64(all)) }

func (l *lab) progress(format string, args ...any) {
	fmt.Fprintf(l.log, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// folder makes a new one.
func (l *lab) folder(name string) (string, error) { return os.MkdirTemp(l.dir, name+"-") }

// ownKafka is a broker that an experiment may stop.
func (l *lab) ownKafka(ctx context.Context) (*server.Kafka, error) {
	dir, err := l.folder("kafka")
	if err != nil {
		return nil, err
	}
	k, err := server.NewKafka(ctx, l.libs, dir)
	if err != nil {
		return nil, err
	}
	return k, k.Start(ctx)
}

const (
	readyLimit = time.Minute
	stopLimit  = 15 * time.Second
)

// process is a server that runs as a child.
type process struct {
	*child.Process
	addr string // where it answers HTTP
}

// start starts a server and waits until it is ready.
func (l *lab) start(ctx context.Context, c child.Command, addr string) (*process, error) {
	c.Log = nil
	p, err := child.Start(c)
	if err != nil {
		return nil, err
	}
	out := &process{p, addr}
	err = until(ctx, readyLimit, filepath.Base(c.Path)+" is ready", func(ctx context.Context) (bool, error) {
		select {
		case <-p.Done():
			return false, fmt.Errorf("%s %s has ended: %w: %s", c.Path, strings.Join(c.Args, " "), cmp.Or(p.Err(), errors.New("exit code 0")), p.Tail())
		default:
			return answersOK(ctx, "http://"+addr+"/readyz"), nil
		}
	})
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return out, nil
}

// stop stops it as an operator does.
func (p *process) stop() error { return p.Stop(syscall.SIGTERM, stopLimit) }

// figure reads one of the process's own metrics.
func (p *process) figure(ctx context.Context, name string) (float64, error) {
	text, err := get(ctx, "http://"+p.addr+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s has no metric %s", p.addr, name)
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(text), err
}

func answersOK(ctx context.Context, url string) bool {
	_, err := get(ctx, url)
	return err == nil
}

// pollPause is the time between two looks at what is awaited.
const pollPause = 5 * time.Millisecond

// until polls until it is so.
func until(ctx context.Context, limit time.Duration, what string, so func(context.Context) (bool, error)) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		if is, err := so(ctx); is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return fmt.Errorf("after %s: %s: it is not so", limit, what)
		case <-tick.C:
		}
	}
}

// environment is ours, without what would lead Tiffin to servers of others, and with what is given.
func environment(more ...string) (env []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "TIFFIN_") && name != "KAFKA_BROKERS" && name != "DATABASE_URL" && name != "REDIS_URL" {
			env = append(env, v)
		}
	}
	return append(env, more...)
}
