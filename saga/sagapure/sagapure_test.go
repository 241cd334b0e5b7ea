package sagapure_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tiffin/saga/sagapure"
)

// found are the findings in packages, which must be there.
func found(t *testing.T, dir string, patterns ...string) []sagapure.Finding {
	t.Helper()
	out, err := sagapure.Check(dir, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Everything that is impure is found, at its line, and said what it is; and nothing else.
func TestWhatIsImpureIsFound(t *testing.T) {
	want := wanted(t, "testdata/impure/impure.go", "testdata/helper/helper.go")
	if len(want) < 40 {
		t.Fatalf("only %d lines are to be found", len(want))
	}
	for _, f := range found(t, ".", "./testdata/impure") {
		at := fmt.Sprintf("%s:%d", f.File, f.Line)
		matched := false
		for i, w := range want[at] {
			if w != nil && w.MatchString(f.String()) {
				want[at][i], matched = nil, true
				break
			}
		}
		if !matched {
			t.Errorf("found, and not wanted: %v", f)
		}
	}
	for at, left := range want {
		for _, w := range left {
			if w != nil {
				t.Errorf("%s: not found: %v", at, w)
			}
		}
	}
}

// wanted are the expressions in the comments `// want "..." "..."` of files, by their places.
func wanted(t *testing.T, files ...string) map[string][]*regexp.Regexp {
	t.Helper()
	out := map[string][]*regexp.Regexp{}
	quoted := regexp.MustCompile(`"([^"]*)"`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			_, comment, ok := strings.Cut(line, "// want ")
			if !ok {
				continue
			}
			at := fmt.Sprintf("saga/sagapure/%s:%d", filepath.ToSlash(file), i+1)
			for _, q := range quoted.FindAllStringSubmatch(comment, -1) {
				out[at] = append(out[at], regexp.MustCompile(q[1]))
			}
		}
	}
	return out
}

func TestWhatIsPureIsLeftAlone(t *testing.T) {
	for _, f := range found(t, ".", "./testdata/pure") {
		t.Error(f)
	}
}

// The reactions that ship are pure, those of the simulated people too.
func TestTheShippedReactionsArePure(t *testing.T) {
	for _, f := range found(t, "../..", "./consumers/...", "./internal/simulate") {
		t.Error(f)
	}
}

func TestWhereNothingIsDeclaredIsAnError(t *testing.T) {
	for _, pattern := range []string{"./nowhere", "fmt", "./testdata/helper"} {
		if out, err := sagapure.Check(".", pattern); err == nil {
			t.Errorf("%s: %v, and no error", pattern, out)
		}
	}
}
