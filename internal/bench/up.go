package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/embedded/child"
	"tiffin/internal/proc"
	"tiffin/internal/testservers/server"
)

// idleTime is how long the tree is watched that has nothing to do, after settleTime: what it does at the start is not idling.
const (
	settleTime = 4 * time.Second
	idleTime   = 10 * time.Second
)

// up is how soon `tiffin up` is ready on a new directory and on one that it knows, and what its whole process tree takes while nothing happens.
func up() experiment {
	return experiment{
		id: "up", name: "everything on one machine", runs: 2,
		rows: []row{
			{"`tiffin up` ready on a new directory", "", "s", goal{}},
			{"`tiffin up` ready on a known one", "", "s", goal{}},
			{"memory of its idle process tree (PSS)", "", "MB", goal{}},
			{"CPU of its idle process tree", "", "% of a core", goal{}},
		},
		open: func(_ context.Context, l *lab) (*contest, error) {
			return &contest{
				a: func(ctx context.Context) ([]float64, error) {
					data, err := l.folder("up")
					if err != nil {
						return nil, err
					}
					first, err := watchUp(ctx, l.tiffin, data, 0)
					if err != nil {
						return nil, err
					}
					second, err := watchUp(ctx, l.tiffin, data, idleTime)
					return []float64{first.ready.Seconds(), second.ready.Seconds(), second.memory, second.share}, err
				},
				close: func() error { return nil },
			}, nil
		},
	}
}

type upFigures struct {
	ready         time.Duration
	memory, share float64
}

// watchUp starts `up`, waits until it accepts orders, watches it idle, and stops it.
func watchUp(ctx context.Context, binary, data string, idle time.Duration) (f upFigures, err error) {
	args, addr := []string{"up", "--data=" + data}, ""
	for _, flag := range []string{"--kafka-addr=", "--postgres-addr=", "--redis-addr=", "--api-addr="} {
		if addr, err = server.FreeAddr(ctx); err != nil {
			return f, err
		}
		args = append(args, flag+addr)
	}
	begin := time.Now()
	p, err := child.Start(child.Command{Path: binary, Args: args, Env: environment(), Farewell: syscall.SIGTERM})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, p.Stop(syscall.SIGTERM, stopLimit), p.Err()) }()
	err = until(ctx, readyLimit, "`tiffin up` is ready", func(ctx context.Context) (bool, error) {
		select {
		case <-p.Done():
			return false, fmt.Errorf("`tiffin up` has ended: %s", p.Tail())
		default:
			return answersOK(ctx, "http://"+addr+"/readyz"), nil
		}
	})
	if f.ready = time.Since(begin); err != nil || idle == 0 {
		return f, err
	}
	if err := rest(ctx, settleTime); err != nil {
		return f, err
	}
	before := treeCPU(p.PID())
	if err := rest(ctx, idle); err != nil {
		return f, err
	}
	f.share = 100 * (treeCPU(p.PID()) - before) / idle.Seconds() // percent
	for _, pid := range tree(p.PID()) {
		f.memory += proportional(pid)
	}
	return f, nil
}

// rest lets time pass.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// tree is a process and all that it has started.
func tree(root int) []int {
	children := proc.Children()
	out := []int{root}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// treeCPU is the CPU time of all of them, in seconds.
func treeCPU(root int) (sum float64) {
	for _, pid := range tree(root) {
		if spent, err := proc.CPU(pid); err == nil { // else it has ended meanwhile
			sum += spent
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
