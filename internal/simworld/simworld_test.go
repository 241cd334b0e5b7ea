package simworld

import (
	"os"
	"testing"
	"time"

	"tiffin/saga/sagasim"
)

func TestFirst(t *testing.T) {
	w, err := World()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	const n = 500
	bad := 0
	for seed := range uint64(n) {
		p := w.Plan(seed, sagasim.Options{})
		r := w.Play(p)
		if len(r.Findings) > 0 {
			bad++
			if bad < 12 {
				t.Errorf("seed %d: %v", seed, r.Findings[0])
				if bad == 1 {
					t.Log(len(p.Faults))
					os.WriteFile("/tmp/simtrace.txt", []byte(p.String()+"\n"+w.PlayTraced(p).Trace), 0o644)
				}
			}
		}
	}
	t.Logf("%d bad, %v per seed", bad, time.Since(began)/n)
}
