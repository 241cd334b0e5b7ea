package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tiffin/internal/proc"
)

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

// ticks is [proc.CPU]; of a process that has ended, nothing.
func ticks(pid int) float64 {
	spent, _ := proc.CPU(pid)
	return spent
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
