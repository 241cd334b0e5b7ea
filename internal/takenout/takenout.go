// Package takenout builds code without one of its mechanisms, for tests that must fail then: a mechanism that can be taken
// out unnoticed is not tested. What is taken out is the real source, replaced for one build ([Mechanism], go's -overlay);
// no switch for it ships.
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
}

// Test runs "go test" with these arguments on code without the mechanism, and returns what it prints, and whether it
// failed. A mechanism whose text is not in its file, and code that does not compile without it, fail t.
func (m Mechanism) Test(t testing.TB, arguments ...string) (output string, failed bool) {
	t.Helper()
	output, err := m.command(t, append([]string{"test", "-count=1", "-vet=off"}, arguments...))
	if strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]") {
		t.Fatalf("without %s it does not compile: mend what replaces it\n%s", m.Name, output)
	}
	return output, err != nil
}

// Build builds a program without the mechanism, from its folder's path from the module's root, and returns where it is.
func (m Mechanism) Build(t testing.TB, folder string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), filepath.Base(folder))
	if output, err := m.command(t, []string{"build", "-o", binary, "./" + folder}); err != nil {
		t.Fatalf("without %s it does not compile: mend what replaces it\n%s", m.Name, output)
	}
	return binary
}

// command runs go on code without the mechanism. Its error is that go said no.
func (m Mechanism) command(t testing.TB, arguments []string) (output string, err error) {
	t.Helper()
	overlay, err := m.overlay(t.TempDir())
	if err != nil {
		t.Fatalf("%s can't be taken out: %v", m.Name, err)
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{arguments[0], "-overlay=" + overlay}, arguments[1:]...)...)
	if cmd.Dir, err = root(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err
}

// Check returns an error if the mechanism's text is not in its file, exactly once.
func (m Mechanism) Check() error {
	_, _, err := m.changed()
	return err
}

// changed returns the file's path and what it holds without the mechanism.
func (m Mechanism) changed() (file, source string, err error) {
	dir, err := root()
	if err != nil {
		return "", "", err
	}
	file = filepath.Join(dir, m.File)
	is, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(is), m.Old); n != 1 {
		return "", "", fmt.Errorf("this stands %d times in %s, and must exactly once:\n%s", n, m.File, m.Old)
	}
	return file, strings.Replace(string(is), m.Old, m.New, 1), nil
}

// overlay writes into a folder the changed file, and the file that tells go where it is.
func (m Mechanism) overlay(folder string) (string, error) {
	file, changed, err := m.changed()
	if err != nil {
		return "", err
	}
	without := filepath.Join(folder, filepath.Base(m.File))
	if err := os.WriteFile(without, []byte(changed), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: without}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(folder, "overlay.json")
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
