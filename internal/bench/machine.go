package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// machine is where figures come from: they say nothing without it.
type machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryGB   float64 `json:"memoryGB"`
	Kernel     string  `json:"kernel"`
	SyncP50    float64 `json:"fdatasyncP50Millis"` // of a write of 4 KiB
	SyncP99    float64 `json:"fdatasyncP99Millis"`
	Go         string  `json:"go"`
	Kafka      string  `json:"kafka"`
	PostgreSQL string  `json:"postgresql"`
	Redis      string  `json:"redis"`
	Commit     string  `json:"commit"` // with a plus if files were changed since
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores of %s, %.0f GB of memory, Linux %s; fdatasync of 4 KiB takes %.2f ms (p99 %.2f). Servers and load share these cores. %s, Apache Kafka %s, PostgreSQL %s, Redis %s; commit %s.",
		m.Cores, m.CPU, m.MemoryGB, m.Kernel, m.SyncP50, m.SyncP99, m.Go, m.Kafka, m.PostgreSQL, m.Redis, m.Commit)
}

// look describes the machine and the servers. What can't be found out stays empty: the figures are worth having without it.
func (l *lab) look(ctx context.Context) (m machine) {
	m.Cores, m.Go = runtime.NumCPU(), runtime.Version()
	m.CPU = field("/proc/cpuinfo", "model name")
	var kb float64
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kb)
	m.MemoryGB = kb / 1e6
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = strings.TrimSpace(string(kernel))
	if syncs, err := timeSyncs(l.dir, 300); err == nil {
		m.SyncP50, m.SyncP99 = millis(quantile(syncs, 0.5)), millis(quantile(syncs, 0.99))
	}
	jars, _ := filepath.Glob(filepath.Join(l.libs, "kafka-clients-*.jar"))
	if len(jars) > 0 {
		m.Kafka = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "kafka-clients-"), ".jar")
	}
	if db, err := pgx.Connect(ctx, l.postgres); err == nil {
		m.PostgreSQL, _, _ = strings.Cut(db.PgConn().ParameterStatus("server_version"), " ")
		_ = db.Close(ctx)
	}
	if options, err := redis.ParseURL(l.redis); err == nil {
		client := redis.NewClient(options)
		info, _ := client.Info(ctx, "server").Result()
		_, version, _ := strings.Cut(info, "redis_version:")
		m.Redis, _, _ = strings.Cut(version, "\r")
		_ = client.Close()
	}
	if commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+", "--exclude=*").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(commit))
	}
	return m
}

// field is the value of the first line of a file in /proc that begins with the name.
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// timeSyncs writes 4 KiB again and again, and says how long it took each time until they were on the disk.
func timeSyncs(dir string, n int) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	took := make([]time.Duration, n)
	for i := range took {
		if _, err := f.WriteAt(block, 0); err != nil {
			return nil, err
		}
		begin := time.Now()
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		took[i] = time.Since(begin)
	}
	return took, nil
}
