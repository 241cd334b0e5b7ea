// The command measure runs loads of likes against the shipped binary, each API and group a process of its own, on real servers, and writes down what
// each process, and each byte of log and table, had to do with it. The model of package capacity is fitted to that, and checked with it:
//
//	make build bin/testservers
//	bin/testservers -- go run ./internal/capacity/measure -o internal/capacity/measured.json
//
// CPU time per like is steady also where others use the machine; rates and latencies are not, so each run says how much of it others had.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"tiffin/internal/capacity"
	"tiffin/internal/proc"
)

// settle is how long a load runs before it is measured, and how long before its end the measurement ends.
const settle = 3 * time.Second

// cases are the loads. Those that calibrate differ in what they have most of: requests, likes, rows, partitions. They come in between the others, and first
// comes what does not count, for a broker goes on getting faster for minutes.
var cases = []capacity.Run{
	{Name: warmUp, WantedRate: 20_000, Batch: 500, Posts: 5_000},
	{Name: warmUp, WantedRate: 5_000, Posts: 5_000},
	{Name: "batches of 50", WantedRate: 5_000, Batch: 50, Posts: 5_000},
	{Name: "singles, many", WantedRate: 8_000, Posts: 5_000, Calibrates: true},
	{Name: "batches of 500", WantedRate: 10_000, Batch: 500, Posts: 5_000, Calibrates: true},
	{Name: "singles", WantedRate: 5_000, Posts: 5_000},
	{Name: "one post", WantedRate: 20_000, Batch: 500, Posts: 2, Calibrates: true},
	{Name: "batches of 100", WantedRate: 10_000, Batch: 100, Posts: 5_000},
	{Name: "singles, few", WantedRate: 2_500, Posts: 5_000, Calibrates: true},
	{Name: "batches of 500, twice", WantedRate: 20_000, Batch: 500, Posts: 5_000},
	{Name: "batches of 500, thrice", WantedRate: 30_000, Batch: 500, Posts: 5_000, Calibrates: true},
	{Name: "96 partitions", WantedRate: 10_000, Batch: 500, Posts: 5_000, Partitions: 96, Calibrates: true},
	{Name: "as fast as it goes", WantedRate: 0, Batch: 500, Posts: 5_000},
}

const warmUp = "warm-up"

func main() {
	out := flag.String("o", "measured.json", "file to write")
	binary := flag.String("binary", "bin/tiffin", "the binary to measure")
	only := flag.String("only", "", "only the runs whose names match this regular expression")
	seconds := flag.Int("seconds", 10, "how long each run is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM) // the processes that it starts end with it
	defer stop()
	if err := measure(ctx, *out, *binary, *only, time.Duration(*seconds)*time.Second); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, file, binary, only string, window time.Duration) error {
	s, err := findServers(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.admin.Close(ctx) }() // nothing is pending on it
	m := capacity.Measured{
		How:  "bin/testservers -- go run ./internal/capacity/measure",
		When: time.Now().Format(time.DateOnly), Cores: float64(runtime.NumCPU()), Machine: s.describe(ctx),
	}
	micros, bytes, err := decoding()
	if err != nil {
		return err
	}
	m.DecodeMicros, m.RecordBytes = micros, float64(bytes)
	for _, r := range cases {
		if matched, err := regexp.MatchString(only, r.Name); err != nil || !matched {
			continue
		}
		if err := s.measure(ctx, binary, &r, window); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		log.Printf("%s: %.0f likes a second; others had %.2f cores; %s", r.Name, r.Likes/r.Seconds, r.OtherCores, r.Verification)
		if r.Name != warmUp { // a cold broker costs three times the CPU of a warm one
			m.Runs = append(m.Runs, r)
		}
		if err := write(file, m); err != nil { // what is there is not lost if the next fails
			return err
		}
	}
	if matched, err := regexp.MatchString(only, "orders"); err == nil && matched {
		if m.Orders, err = s.orders(ctx, binary); err != nil {
			return fmt.Errorf("orders: %w", err)
		}
	}
	return write(file, m)
}

func write(file string, m capacity.Measured) error {
	data, err := json.Marshal(m, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// describe is the machine and what runs on it.
func (s *servers) describe(ctx context.Context) string {
	var version string
	if err := s.admin.QueryRow(ctx, "select split_part(version(), ' ', 2)").Scan(&version); err != nil {
		version = "unknown"
	}
	return fmt.Sprintf("%s/%s, %d cores, Go %s, PostgreSQL %s, Apache Kafka of internal/testservers", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), version)
}

// counters are read at the beginning and at the end of a run, and subtracted.
type counters map[string]float64

func (a counters) since(b counters) counters {
	d := counters{}
	for name, v := range a {
		d[name] = v - b[name]
	}
	return d
}

// read reads all counters of the servers and of the site's processes.
func (s *site) read(ctx context.Context) (counters, error) {
	c := counters{}
	for name, p := range s.processes {
		if err := p.scrape(ctx, name, c); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c["cpu "+name] = ticks(p.cmd.Process.Pid)
	}
	if s.load != nil {
		c["cpu load"] = ticks(s.load.Process.Pid)
	}
	c["cpu kafka"], c["cpu redis"] = ticks(s.kafka), ticks(s.redis)
	c["cpu machine"] = machineTicks()
	var wal float64
	if err := s.db.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8").Scan(&wal); err != nil {
		return nil, err
	}
	c["wal"], c["log"] = wal, openBytes(s.kafka, s.name+".likes-")
	rows, err := s.db.Query(ctx, `select schemaname || '.' || relname, n_tup_ins::float8, n_tup_upd::float8 from pg_stat_user_tables where schemaname in ('likes', 'analytics')`)
	if err != nil {
		return nil, err
	}
	var table string
	var ins, upd float64
	if _, err = pgx.ForEachRow(rows, []any{&table, &ins, &upd}, func() error {
		c["inserted "+table], c["updated "+table] = ins, upd
		return nil
	}); err != nil {
		return nil, err
	}
	return c, s.backends(ctx, c)
}

// backends reads the CPU of each group's connection, and of the rest of PostgreSQL.
func (s *site) backends(ctx context.Context, c counters) error {
	rows, err := s.db.Query(ctx, "select pid, application_name from pg_stat_activity where datname = $1 and application_name like 'tiffin lane %'", s.name)
	if err != nil {
		return err
	}
	var pid int
	var name string
	groups := 0.0
	if _, err = pgx.ForEachRow(rows, []any{&pid, &name}, func() error {
		spent := ticks(pid)
		c["cpu backend "+strings.TrimPrefix(name, "tiffin lane ")] += spent
		groups += spent
		return nil
	}); err != nil {
		return err
	}
	all, err := proc.CPUWithEnded(s.postmaster)
	if err != nil {
		return err
	}
	own := s.db.PgConn().PID()
	for _, pid := range proc.Children()[s.postmaster] {
		if pid != int(own) { // which asks these questions
			all += ticks(pid)
		}
	}
	c["cpu postgres"] = all - groups
	return nil
}
