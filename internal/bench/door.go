package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"tiffin/internal/testservers/server"
	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/likes"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

// doorTime is how long one run of the load generator takes.
const doorTime = 4 * time.Second

// benchDoor: durable accepts of likes against a handler that only answers 202, behind the same middleware, each in a process
// of its own; load by wrk. The sender to a real Kafka runs. The runs take turns.
func benchDoor(ctx context.Context, _, runs int) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is missing: install it (Debian, Ubuntu: apt-get install wrk)")
	}
	dir, broker, err := privateKafka(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer broker.Kill()
	noop, stop, err := serve(ctx, "noop", "", "")
	if err != nil {
		return err
	}
	defer stop()
	durable, stop, err := serve(ctx, "likes", broker.Addr(), filepath.Join(dir, "spool"))
	if err != nil {
		return err
	}
	defer stop()
	script := filepath.Join(dir, "like.lua")
	if err := os.WriteFile(script, []byte(likeScript), 0o600); err != nil {
		return err
	}
	for _, connections := range []int{64, 256} {
		var ratios, rates []float64
		for i := range 2*runs + 1 {
			base, err := wrk(ctx, script, noop, connections)
			if err != nil {
				return err
			}
			rate, err := wrk(ctx, script, durable, connections)
			if err != nil {
				return err
			}
			if i > 0 { // the first pair warms up
				ratios, rates = append(ratios, rate/base), append(rates, rate)
			}
		}
		row(fmt.Sprintf("durable accepts / only 202, %d connections", connections), ratios, "%.2f")
		row(fmt.Sprintf("durable accepts a second, %d connections", connections), rates, "%.0f")
	}
	return benchWithoutKafka(ctx, script, durable, broker, runs)
}

// benchWithoutKafka: the same accepts while Kafka is stopped, against Kafka being there; the runs take turns.
func benchWithoutKafka(ctx context.Context, script, durable string, broker *server.Kafka, runs int) error {
	var ratios []float64
	for range runs {
		with, err := wrk(ctx, script, durable, 64)
		if err != nil {
			return err
		}
		if err := broker.Stop(); err != nil {
			return err
		}
		without, err := wrk(ctx, script, durable, 64)
		if err != nil {
			return err
		}
		if err := broker.Start(ctx); err != nil {
			return err
		}
		for left := 1.0; left > 0; time.Sleep(10 * time.Millisecond) { // until Kafka has what was accepted meanwhile
			if left, err = metric(ctx, durable, backlogMetric); err != nil {
				return err
			}
		}
		ratios = append(ratios, without/with)
	}
	row("accepts with Kafka stopped / with Kafka up", ratios, "%.2f")
	return nil
}

// privateKafka is a broker that the bench may stop.
func privateKafka(ctx context.Context) (dir string, broker *server.Kafka, err error) {
	libs := os.Getenv("TIFFIN_TEST_KAFKA_LIBS")
	if libs == "" {
		return "", nil, errors.New("TIFFIN_TEST_KAFKA_LIBS is not set: run `make bench`, which starts the servers")
	}
	if dir, err = os.MkdirTemp("", "tiffin-bench-"); err != nil {
		return "", nil, err
	}
	home := filepath.Join(dir, "kafka")
	if err := os.Mkdir(home, 0o755); err != nil {
		return "", nil, err
	}
	if broker, err = server.NewKafka(ctx, libs, home); err != nil {
		return "", nil, err
	}
	if err := broker.Start(ctx); err != nil {
		return "", nil, err
	}
	client, err := kafka.Open(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		return "", nil, err
	}
	defer client.Close()
	return dir, broker, client.CreateTopics(ctx, []kafka.TopicSpec{{Name: schemas.TopicLikes, Partitions: partitions, Retention: time.Hour}}, 1)
}

// likeScript has wrk like posts as people do: a few posts get most of it, from millions of users.
const likeScript = `
local reqs, N = {}, 20000
function init(args)
  math.randomseed(os.time() + 7)
  local P, cdf, sum = 50000, {}, 0 -- Zipf, s=1.07, by inverse CDF
  for i = 1, P do sum = sum + 1 / (i ^ 1.07); cdf[i] = sum end
  for i = 1, N do
    local x, lo, hi = math.random() * sum, 1, P
    while lo < hi do local m = math.floor((lo + hi) / 2); if cdf[m] < x then lo = m + 1 else hi = m end end
    local body = '{"userId":"u' .. math.random(1, 5000000) .. '"}'
    reqs[i] = wrk.format("POST", "/posts/p" .. lo .. "/likes", {["Content-Type"] = "application/json"}, body)
  end
end
local i = 0
function request() i = i + 1; if i > N then i = 1 end; return reqs[i] end
`

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkFaults = regexp.MustCompile(`Non-2xx.*|Socket errors.*`)
)

// wrk is requests a second.
func wrk(ctx context.Context, script, addr string, connections int) (float64, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(int(doorTime.Seconds()))+"s",
		"-s", script, "http://"+addr).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if fault := wrkFaults.Find(out); fault != nil {
		return 0, fmt.Errorf("wrk: %s", fault)
	}
	m := wrkRate.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk says %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// serve starts this program again, as a server.
func serve(ctx context.Context, what, broker, spool string) (addr string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve="+what, "-broker="+broker, "-spool="+spool)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the server %s does not start: %w", what, err)
	}
	return strings.TrimSpace(line), stop, nil
}

// runServer is what serve has started: it writes its address and serves until it is killed.
func runServer(ctx context.Context, what, broker, spool string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	e := api.New(api.Config{Name: what, Registry: registry})
	if what == "noop" {
		e.POST("/posts/:postId/likes", func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderLocation, "/posts/"+c.Param("postId")+"/likes")
			return c.Blob(http.StatusAccepted, echo.MIMEApplicationJSON, []byte(`{"postId":"p1","userId":"u1234567","status":"accepted"}`))
		})
	} else {
		client, err := kafka.Open(kafka.Config{Brokers: []string{broker}})
		if err != nil {
			return err
		}
		d := openDoor(client, spool, door.NewMetrics(registry))
		failed := make(chan error, 1)
		go func() { failed <- d.Run(ctx) }()
		select {
		case err := <-failed:
			return err
		case <-d.Started():
		}
		likes.Routes(e, likes.Config{Door: d})
	}
	fmt.Println(listener.Addr())
	return api.Serve(ctx, listener, e)
}

// metric reads one of a server's figures.
func metric(ctx context.Context, addr, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", name)
}
