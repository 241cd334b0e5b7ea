// Package takenout builds code without one of its mechanisms, for tests that must fail then: a mechanism that can be taken out
// unnoticed is not tested. What is taken out is the real source, replaced for one build ([Mechanism], go's -overlay); no switch for it
// ships.
package takenout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Mechanism is a piece of source, and what stands there when it is taken out.
type Mechanism struct {
	// Name says what is taken out: "the guard by the epoch".
	Name string
	// File is the source file, from the module's root.
	File string
	// Old is text that stands in the file exactly once, New what replaces it.
	Old, New string
	// Also are more replacements, old and new in turn, where one does not do.
	Also []string
}

// Test runs "go test" with these arguments on code without the mechanism, and returns what it prints, and whether it failed. A mechanism
// whose text is not in its file, and code that does not compile without it, fail t.
func (m Mechanism) Test(t testing.TB, arguments ...string) (output string, failed bool) {
	t.Helper()
	overlay, err := m.overlay(t)
	if err != nil {
		t.Fatalf("%s can't be taken out: %v", m.Name, err)
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-count=1", "-vet=off", "-overlay=" + overlay}, arguments...)...)
	cmd.Dir, err = root()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if text := string(out); strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") {
		t.Fatalf("without %s it does not compile: mend what replaces it\n%s", m.Name, text)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err != nil
}

// overlay writes the changed file, and the file that tells go where it is.
func (m Mechanism) overlay(t testing.TB) (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, m.File)
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	changes, changed := append([]string{m.Old, m.New}, m.Also...), string(source)
	for i := 0; i+1 < len(changes); i += 2 {
		if n := strings.Count(changed, changes[i]); n != 1 {
			return "", fmt.Errorf("this stands %d times in %s, and must exactly once:\n%s", n, m.File, changes[i])
		}
		changed = strings.Replace(changed, changes[i], changes[i+1], 1)
	}
	without := filepath.Join(t.TempDir(), filepath.Base(m.File))
	if err := os.WriteFile(without, []byte(changed), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: without}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(t.TempDir(), "overlay.json")
	return name, os.WriteFile(name, overlay, 0o600)
}

// root is the folder of go.mod, above the test's.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("there is no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
