package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// cpu is CPU time spent so far, in seconds.
type cpu struct{ tiffin, postgres, kafka float64 }

func (a cpu) since(b cpu) cpu {
	return cpu{a.tiffin - b.tiffin, a.postgres - b.postgres, a.kafka - b.kafka}
}

// servers are process numbers on this machine.
type servers struct{ postmaster, kafka, tiffin int }

// findServers asks PostgreSQL for a backend, whose parent is the postmaster, and looks up who listens on Kafka's port.
func findServers(ctx context.Context, db *pgxpool.Pool, broker string, tiffin *process) (s servers, err error) {
	s.tiffin = tiffin.PID()
	var backend int
	if err := db.QueryRow(ctx, "select pg_backend_pid()").Scan(&backend); err != nil {
		return s, err
	}
	fields, err := stat(backend)
	if err != nil {
		return s, fmt.Errorf("PostgreSQL does not run on this machine: %w", err)
	}
	s.postmaster, _ = strconv.Atoi(fields[1])
	s.kafka, err = listener(broker)
	return s, err
}

// listener is the process that listens on the TCP port of an address.
func listener(addr string) (int, error) {
	port, err := strconv.Atoi(addr[strings.LastIndexByte(addr, ':')+1:])
	if err != nil {
		return 0, err
	}
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				inode = f[9]
			}
		}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, f := range files {
		if target, err := os.Readlink(f); err == nil && inode != "" && target == "socket:["+inode+"]" {
			return strconv.Atoi(strings.Split(f, "/")[2])
		}
	}
	return 0, fmt.Errorf("nobody on this machine listens on port %d", port)
}

// stat is /proc/PID/stat from the third field on: state, parent, ...
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	text := string(b)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+2:]), nil
}

// ticks is user and system time, in hundredths of a second; with those of children that have ended.
func ticks(fields []string, children bool) (sum float64) {
	last := 12
	if children {
		last = 14
	}
	for _, f := range fields[11 : last+1] {
		n, _ := strconv.ParseFloat(f, 64)
		sum += n
	}
	return sum
}

// spent reads their CPU time.
func (s servers) spent() (c cpu, err error) {
	own, err := stat(s.tiffin)
	if err != nil {
		return c, err
	}
	c.tiffin = ticks(own, false) / 100
	broker, err := stat(s.kafka)
	if err != nil {
		return c, err
	}
	c.kafka = ticks(broker, false) / 100
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if fields, err := stat(pid); err == nil && (pid == s.postmaster || fields[1] == strconv.Itoa(s.postmaster)) {
			c.postgres += ticks(fields, pid == s.postmaster) / 100
		}
	}
	return c, nil
}
