package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// benchUp: how soon `up` is ready on a new directory and on one that it knows, and what its whole process tree takes while
// nothing happens.
func benchUp(ctx context.Context, _, runs int) error {
	dir, err := os.MkdirTemp("", "tiffin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "tiffin")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/tiffin").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	var fresh, again, memory, share []float64
	for i := range runs {
		data := filepath.Join(dir, strconv.Itoa(i))
		first, err := watchUp(ctx, binary, data, 0)
		if err != nil {
			return err
		}
		second, err := watchUp(ctx, binary, data, 20*time.Second)
		if err != nil {
			return err
		}
		fresh, again = append(fresh, first.ready.Seconds()), append(again, second.ready.Seconds())
		memory, share = append(memory, second.memory), append(share, second.share)
	}
	row("`up` ready on a new directory, s", fresh, "%.1f")
	row("`up` ready on a known one, s", again, "%.1f")
	row("memory of the idle tree (PSS), MB", memory, "%.0f")
	row("CPU of the idle tree, % of a core", share, "%.1f")
	return nil
}

type upFigures struct {
	ready         time.Duration
	memory, share float64
}

// watchUp starts `up`, waits until it accepts orders, watches it idle, and stops it.
func watchUp(ctx context.Context, binary, data string, idle time.Duration) (f upFigures, err error) {
	api := freeAddr()
	cmd := exec.CommandContext(ctx, binary, "up", "--data="+data, "--api-addr="+api, "--kafka-addr="+freeAddr(), "--postgres-addr="+freeAddr(), "--redis-addr="+freeAddr())
	for _, v := range os.Environ() { // without what the tests' servers are
		if !strings.HasPrefix(v, "TIFFIN_") && !strings.HasPrefix(v, "KAFKA_BROKERS=") && !strings.HasPrefix(v, "DATABASE_URL=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err = errors.Join(err, cmd.Wait())
	}()
	for !accepts(api) {
		if time.Since(begin) > time.Minute {
			return f, errors.New("up is not ready after a minute")
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.ready = time.Since(begin)
	if idle == 0 {
		return f, nil
	}
	time.Sleep(5 * time.Second) // what it does at the start is not idling
	before := treeTicks(cmd.Process.Pid)
	time.Sleep(idle)
	f.share = (treeTicks(cmd.Process.Pid) - before) / idle.Seconds() // hundredths of a second per second: percent
	for _, pid := range tree(cmd.Process.Pid) {
		f.memory += proportional(pid)
	}
	return f, nil
}

func accepts(api string) bool {
	r, err := http.Get("http://" + api + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// tree is a process and all that it has started.
func tree(root int) []int {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if fields, err := stat(pid); err == nil {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	out := []int{root}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

func treeTicks(root int) (sum float64) {
	for _, pid := range tree(root) {
		if fields, err := stat(pid); err == nil {
			sum += ticks(fields, false)
		}
	}
	return sum
}

// proportional is a process's share of memory, in MB: pages that several processes share are divided among them.
func proportional(pid int) float64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 1 && fields[0] == "Pss:" {
			kb, _ := strconv.ParseFloat(fields[1], 64)
			return kb / 1024
		}
	}
	return 0
}
