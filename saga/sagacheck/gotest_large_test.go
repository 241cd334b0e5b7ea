//go:build large

package sagacheck_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tiffin/saga/sagacheck"
)

// What is kept as a Go test compiles where it is put, fails as long as the choreography has the fault, and passes once it is mended.
func TestLargeTheGoTestOfAFindingFailsUntilItIsMended(t *testing.T) {
	f := tales()[0].finding(t)
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for name, world := range map[string]string{"Broken": "tales()[0].world", "Mended": "tales()[0].mended"} {
		test, err := f.GoTest(sagacheck.Home{Package: "sagacheck_test", World: world})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "kept_test.go")
		test = strings.Replace(test, "func TestSomethingIsHeldForEver(", "func Test"+name+"(", 1)
		if err := os.WriteFile(file, []byte(test), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(here, "kept_"+strings.ToLower(name)+"_test.go")] = file
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", file, "-run", "^Test(Broken|Mended)$", "-v", ".").CombinedOutput()
	for _, want := range []string{"--- FAIL: TestBroken", "--- PASS: TestMended", "something is held for ever"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%v: lacks %q:\n%s", err, want, out)
		}
	}
}
