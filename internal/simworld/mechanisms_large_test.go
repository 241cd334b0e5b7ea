//go:build large

package simworld

import (
	"os/exec"
	"strings"
	"testing"
)

// Each of the runtime's safety mechanisms, taken out of the code, is found missing.
func TestLargeEachMechanismIsMissedWhenItIsTakenOut(t *testing.T) {
	for _, m := range mechanisms {
		t.Run(m.Name, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), m.Build(t, "cmd/tiffin"), "simulate", "--seeds=6000").Output()
			if err == nil {
				t.Errorf("nobody misses it in %s", out)
			}
			t.Logf("%s", out)
			_, found, _ := strings.Cut("\n"+string(out), "\nseed ")
			_, found, _ = strings.Cut(found, ": ")
			rule, _, _ := strings.Cut(found, ":")
			if !strings.Contains(" "+m.rules+" ", " "+rule+" ") {
				t.Errorf("it is not missed as one of %s", m.rules)
			}
		})
	}
}
