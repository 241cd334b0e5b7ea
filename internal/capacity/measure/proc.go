package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stat is /proc/PID/stat from the third field on: state, parent, ...; nil if there is no such process.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	text := string(b)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+2:])
}

// ticks is the CPU time of a process in seconds; with that of its children that have ended.
func ticks(pid int, ended bool) (sum float64) {
	fields := stat(pid)
	last := 13
	if ended {
		last = 15
	}
	for i := 11; i < last && i < len(fields); i++ {
		n, _ := strconv.ParseFloat(fields[i], 64)
		sum += n / 100
	}
	return sum
}

func children(parent int) (out []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if fields := stat(pid); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			out = append(out, pid)
		}
	}
	return out
}

// machineTicks is the CPU time of everything on the machine, in seconds: user, nice, system, interrupts, and what a hypervisor has stolen.
func machineTicks() (sum float64) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // its name, idle, waiting for the disk, guests (counted as user)
			continue
		}
		n, _ := strconv.ParseFloat(f, 64)
		sum += n / 100
	}
	return sum
}

// listener is the process that listens on a TCP port.
func listener(port int) (int, error) {
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, _ := os.ReadFile(table)
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
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

// openBytes is the size of the log segments that a broker has open, in folders whose name begins so.
func openBytes(pid int, folder string) (sum float64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	seen := map[string]bool{}
	for _, f := range files {
		target, err := os.Readlink(f)
		if err != nil || seen[target] || filepath.Ext(target) != ".log" || !strings.HasPrefix(filepath.Base(filepath.Dir(target)), folder) {
			continue
		}
		seen[target] = true
		if info, err := os.Stat(target); err == nil {
			sum += float64(info.Size())
		}
	}
	return sum
}
