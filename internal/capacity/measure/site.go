package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"tiffin/internal/capacity"
	"tiffin/internal/proc"
	"tiffin/internal/testservers/server"
)

// servers are the real servers on this machine, and their process numbers.
type servers struct {
	broker, redisURL         string
	admin                    *pgx.Conn
	postmaster, kafka, redis int
}

func findServers(ctx context.Context) (*servers, error) {
	s := &servers{broker: os.Getenv("TIFFIN_TEST_KAFKA"), redisURL: os.Getenv("TIFFIN_TEST_REDIS_URL")}
	url := os.Getenv("TIFFIN_TEST_DATABASE_URL")
	if s.broker == "" || s.redisURL == "" || url == "" {
		return nil, errors.New("the servers are not known: run it under bin/testservers, which starts some and tells where they are")
	}
	var err error
	if s.admin, err = pgx.Connect(ctx, url); err != nil {
		return nil, err
	}
	var backend int
	if err := s.admin.QueryRow(ctx, "select pg_backend_pid()").Scan(&backend); err != nil {
		return nil, err
	}
	if s.postmaster, err = proc.Parent(backend); err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	if s.kafka, err = proc.Listener(s.broker); err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(s.redisURL)
	if err != nil {
		return nil, err
	}
	s.redis, err = proc.Listener(options.Addr)
	return s, err
}

// site is one run's: a database, topics of a prefix, a spool, and one process for each part.
type site struct {
	*servers
	name      string
	dir       string
	db        *pgx.Conn
	processes map[string]*process
	load      *exec.Cmd
}

type process struct {
	cmd  *exec.Cmd
	addr string
}

func (s *servers) newSite() (*site, error) {
	dir, err := os.MkdirTemp("", "tiffin-measure-")
	return &site{servers: s, dir: dir, name: "measure_" + strconv.FormatInt(time.Now().UnixNano(), 36), processes: map[string]*process{}}, err
}

// measure plays one case, and fills in what it was.
func (s *servers) measure(ctx context.Context, binary string, r *capacity.Run, window time.Duration) (err error) {
	at, err := s.newSite()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close(ctx)) }()
	common, err := at.prepare(ctx, binary, "all", cmp.Or(r.Partitions, 12))
	if err != nil {
		return err
	}
	for _, target := range []string{"likes-api", "likes", "analytics"} {
		if err := at.run(ctx, binary, target, target, common); err != nil {
			return err
		}
	}
	var report bytes.Buffer
	at.load = exec.CommandContext(ctx, binary, "load", "likes", "--json", "--seed=1", "--target=http://"+at.processes["likes-api"].addr,
		fmt.Sprintf("--rate=%.0f", r.WantedRate), fmt.Sprintf("--batch=%d", r.Batch), fmt.Sprintf("--posts=%d", r.Posts), fmt.Sprintf("--duration=%s", window+2*settle))
	at.load.Stdout, at.load.Stderr = &report, os.Stderr
	if err := at.load.Start(); err != nil {
		return err
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	begin := time.Now()
	before, err := at.read(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, window); err != nil {
		return err
	}
	after, err := at.read(ctx)
	if err != nil {
		return err
	}
	r.Seconds = time.Since(begin).Seconds()
	at.fill(r, after.since(before))
	if err := at.sizes(ctx, r); err != nil {
		return err
	}
	failed := at.load.Wait()
	var said struct {
		Faults, Accepted int
		Unverified       string
		CaughtUpSeconds  float64
		Latency          struct{ P50, P99 float64 } `json:"latencyFromDueMillis"`
	}
	if err := json.Unmarshal(report.Bytes(), &said, json.MatchCaseInsensitiveNames(true)); err != nil {
		return errors.Join(failed, err)
	}
	r.AnswerP50, r.AnswerP99, r.CaughtUp = said.Latency.P50, said.Latency.P99, said.CaughtUpSeconds
	r.Verification = fmt.Sprintf("%d accepted, %d wrong", said.Accepted, said.Faults)
	if said.Unverified != "" {
		r.Verification += ", not verified: " + said.Unverified
	}
	if failed != nil {
		return fmt.Errorf("the load failed: %s", r.Verification)
	}
	return nil
}

// prepare makes the database and the topics, and returns the options that say where they are.
func (s *site) prepare(ctx context.Context, binary, targets string, partitions int) ([]string, error) {
	if _, err := s.admin.Exec(ctx, "create database "+s.name); err != nil {
		return nil, err
	}
	config := s.admin.Config().Copy()
	config.Database = s.name
	var err error
	if s.db, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, err
	}
	common := []string{
		"--topic-prefix=" + s.name + ".", "--kafka-brokers=" + s.broker, "--redis-url=" + s.redisURL,
		fmt.Sprintf("--database-url=postgres://%s:%s@%s:%d/%s?sslmode=disable", config.User, config.Password, config.Host, config.Port, s.name),
	}
	args := append([]string{"topics", "create", "--target=" + targets, fmt.Sprintf("--partitions=%d", partitions)}, common...)
	if out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("create topics: %w: %s", err, out)
	}
	return common, nil
}

// run starts a process of some targets, and waits until it is ready.
func (s *site) run(ctx context.Context, binary, name, targets string, common []string) error {
	addr, err := server.FreeAddr(ctx)
	if err != nil {
		return err
	}
	args := append([]string{"run", "--target=" + targets, "--log-level=warn", "--spool-dir=" + filepath.Join(s.dir, "spool"), "--api-addr=" + addr, "--ops-addr=" + addr}, common...)
	p := &process{cmd: exec.CommandContext(ctx, binary, args...), addr: addr}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return err
	}
	s.processes[name] = p
	if err := p.ready(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ready waits until the process says that it is.
func (p *process) ready() error {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for begin := time.Now(); time.Since(begin) < time.Minute; <-pause.C {
		answer, err := http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("it is not ready after a minute")
}

// pause waits, unless the measurement is given up.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

func (s *site) close(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	for _, p := range s.processes {
		if p.cmd.Process != nil {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	for name, p := range s.processes {
		if e := p.cmd.Wait(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	if s.db != nil {
		_ = s.db.Close(ctx)
		_, e := s.admin.Exec(ctx, "drop database "+s.name+" with (force)")
		err = errors.Join(err, e)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// scrape reads what is counted at /metrics: the sums over all labels but the group's.
func (p *process) scrape(ctx context.Context, name string, into counters) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		metric, value, found := strings.Cut(lines.Text(), " ")
		if !found || !strings.HasPrefix(metric, "tiffin_") || strings.Contains(metric, "_bucket{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		bare, _, _ := strings.Cut(metric, "{")
		into[name+" "+bare] += n
	}
	return lines.Err()
}

func (s *site) fill(r *capacity.Run, c counters) {
	api := func(metric string) float64 { return c["likes-api tiffin_door_"+metric] }
	r.Likes, r.Syncs, r.SyncSeconds = api("accepted_facts_total"), api("fsync_seconds_count"), api("fsync_seconds_sum")
	r.Requests = r.Likes / float64(max(1, r.Batch))
	r.Sent, r.Produces = api("batch_facts_sum"), api("batch_facts_count")
	r.DoorCPU, r.KafkaCPU, r.RedisCPU, r.LoadCPU, r.PostgresCPU = c["cpu likes-api"], c["cpu kafka"], c["cpu redis"], c["cpu load"], c["cpu postgres"]
	r.WALBytes, r.KafkaBytes = c["wal"], c["log"]
	r.Mirrored = c["likes tiffin_group_mirrored_documents_total"]
	r.LikeRows = c["inserted likes.likes"] + c["updated likes.likes"]
	r.CountRows = c["inserted likes.counts"] + c["updated likes.counts"]
	r.Groups = capacity.Groups{}
	spent := r.DoorCPU + r.KafkaCPU + r.RedisCPU + r.LoadCPU + r.PostgresCPU
	for _, g := range []string{"likes", "analytics"} {
		one := capacity.GroupRun{
			Events: c[g+" tiffin_group_batch_events_sum"], Batches: c[g+" tiffin_group_batch_events_count"],
			BatchSeconds: c[g+" tiffin_group_batch_duration_seconds_sum"], CPU: c["cpu "+g], BackendCPU: c["cpu backend "+g],
		}
		spent += one.CPU + one.BackendCPU
		r.Groups[g] = one
	}
	r.OtherCores = max(0, c["cpu machine"]-spent) / r.Seconds
}

// sizes are what the tables take.
func (s *site) sizes(ctx context.Context, r *capacity.Run) error {
	return s.db.QueryRow(ctx, `select pg_total_relation_size('likes.likes')::float8, (select count(*) from likes.likes)::float8,
		pg_total_relation_size('likes.counts')::float8, (select count(*) from likes.counts)::float8`).
		Scan(&r.LikesBytes, &r.LikesRows, &r.CountsBytes, &r.CountsRows)
}
