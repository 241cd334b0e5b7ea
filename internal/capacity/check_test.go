package capacity

import (
	"math"
	"os"
	"strings"
	"testing"
)

// The figures are fitted to what was measured. After a new measurement, this and the page that is made of it:
//
//	TIFFIN_UPDATE=1 go test -tags large ./internal/capacity -run 'Figures|Scaling'
func TestTheFiguresAreThoseOfWhatWasMeasured(t *testing.T) {
	measured, err := ReadMeasured("measured.json")
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := WriteFigures(measured)
	if err != nil {
		t.Fatal(err)
	}
	kept(t, "figures.json", fitted)
}

// kept compares a file with what it should be, or writes it.
func kept(t *testing.T, file string, want []byte) {
	t.Helper()
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != string(want) {
		is, was := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
		line := 0
		for line < len(is)-1 && line < len(was)-1 && is[line] == was[line] {
			line++
		}
		t.Errorf("%s (%v) is not what is computed; if the change is meant, write it anew with TIFFIN_UPDATE=1. Line %d should be\n%s\nand is\n%s", file, err, line+1, is[line], was[line])
	}
}

// The model is as near to what was measured as SCALING.md says. Rates on a machine that others use are not held to it.
func TestTheModelIsNearTheMachine(t *testing.T) {
	measured, err := ReadMeasured("measured.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Calibrated()
	if err != nil {
		t.Fatal(err)
	}
	compared, err := Check(measured, f)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]float64{}
	for _, r := range measured.Runs {
		wanted[r.Name] = r.WantedRate
	}
	for _, c := range compared {
		if wanted[c.Run] == 0 {
			continue // more than the machine can: SCALING.md says what the model is worth there
		}
		if c.What == "CPU of all these" && math.Abs(c.Error()) > toleratedError {
			t.Errorf("%s: %s is %.1f, measured %.1f: %+.0f %%", c.Run, c.What, c.Model, c.Measured, 100*c.Error())
		}
	}
}

// toleratedError is how wrong the CPU of a like may be.
const toleratedError = 0.15
