package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"tiffin/internal/load/scripts"
	"tiffin/internal/testservers/server"
)

// batchScript sends likes by 500; see there.
//
//go:embed batches.lua
var batchScript string

// likesPerBatch is what batches.lua has.
const likesPerBatch = 500

// wrk is the load generator: of those that people use it takes the least of the CPU that it shares with what it measures.
type wrk struct{ singles, batches string } // the scripts' files

func newWrk(ctx context.Context, l *lab) (wrk, error) {
	if _, err := exec.LookPath("wrk"); err != nil {
		if err := server.InstallPackage(ctx, "wrk"); err != nil {
			return wrk{}, err
		}
	}
	w := wrk{filepath.Join(l.dir, "likes.lua"), filepath.Join(l.dir, "batches.lua")}
	if err := os.WriteFile(w.singles, []byte(scripts.LikesByWrk()), 0o600); err != nil {
		return w, err
	}
	return w, os.WriteFile(w.batches, []byte(batchScript), 0o600)
}

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkFaults = regexp.MustCompile(`Non-2xx.*|Socket errors.*`)
)

// rate is answers a second, of so many connections at full speed.
func (w wrk) rate(ctx context.Context, script string, p *process, connections int, during time.Duration) (float64, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(int(during.Seconds()))+"s",
		"-s", script, "http://"+p.addr).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(out)
}

// parseWrk refuses a run in which anything but accepting happened.
func parseWrk(out []byte) (float64, error) {
	if fault := wrkFaults.Find(out); fault != nil {
		return 0, fmt.Errorf("wrk: %s", fault)
	}
	m := wrkRate.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk says no rate: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
