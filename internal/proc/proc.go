// Package proc reads what Linux says of processes: what CPU time they have spent, who started them, who listens on a port. What measures
// Tiffin asks it (internal/bench, internal/capacity/measure).
package proc

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stat is /proc/PID/stat from the third field on: state, parent, ...; see proc(5).
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("process %d does not run on this machine: %w", pid, err)
	}
	text := string(b)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:]), nil // the name before may have blanks in it
}

// CPU is the user and system time that a process has spent, in seconds.
func CPU(pid int) (float64, error) { return seconds(pid, 11, 12) }

// CPUWithEnded is [CPU], with that of its children that have ended.
func CPUWithEnded(pid int) (float64, error) { return seconds(pid, 11, 14) }

func seconds(pid, first, last int) (sum float64, err error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	for _, f := range fields[first : last+1] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, err
		}
		sum += n / 100 // ticks, of which Linux shows a hundred a second
	}
	return sum, nil
}

// Parent is who started a process.
func Parent(pid int) (int, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(fields[1])
}

// Children are the processes that run, by who started them.
func Children() map[int][]int {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	for _, folder := range all {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		if parent, err := Parent(pid); err == nil { // else it has ended meanwhile
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

// Listener is the process that listens on the TCP port of an address.
func Listener(addr string) (int, error) {
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue // a machine without IPv6
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
	return 0, fmt.Errorf("nobody on this machine listens on %s", addr)
}
