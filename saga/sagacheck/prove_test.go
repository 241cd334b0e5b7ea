package sagacheck_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tiffin/saga/sagacheck"
)

// failing is a test that is expected to fail, and keeps what it says.
type failing struct {
	testing.TB
	errors, logs []string
	artifacts    string
}

func (*failing) Helper()                        {}
func (f *failing) Log(args ...any)              { f.logs = append(f.logs, fmt.Sprint(args...)) }
func (f *failing) Logf(format string, a ...any) { f.logs = append(f.logs, fmt.Sprintf(format, a...)) }

func (f *failing) Errorf(format string, a ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, a...))
}
func (f *failing) ArtifactDir() string { return f.artifacts }

// A failing proof shows the way, and leaves it behind where the test's log says.
func TestAFailingProofShowsTheWayAndKeepsIt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	tt := tales()[0]
	f := tt.finding(t)
	tb := &failing{TB: t, artifacts: t.TempDir()}
	r := sagacheck.Prove(tb, tt.world)
	if len(r.Findings) != 2 || len(tb.errors) != 1 {
		t.Fatalf("%v: two findings on one way are drawn once, and not as\n%s", r, strings.Join(tb.errors, "\n"))
	}
	for _, want := range append([]string{"a-missing-undo:\n", "✗ the act of stock in the saga o1 stays open: "}, strings.SplitAfter(f.Diagram(), "\n")...) {
		if !strings.Contains(tb.errors[0], want) {
			t.Errorf("%q is not in\n%s", want, tb.errors[0])
		}
	}
	dir := ""
	for _, said := range tb.logs {
		if _, found := strings.CutPrefix(said, "saved in "); found {
			dir = strings.TrimSuffix(strings.Fields(said)[2], ":")
		}
	}
	looksKept(t, dir, tt, r)

	if err := flag.Set("test.artifacts", "true"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set("test.artifacts", "false") }()
	sagacheck.Prove(tb, tt.world)
	looksKept(t, tb.artifacts, tt, r)
}

// looksKept looks at the files of a finding.
func looksKept(t *testing.T, dir string, tt tale, r sagacheck.Report) {
	t.Helper()
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Fatalf("%v, %v: want three files of the one way", files, err)
	}
	want, name := r.Findings[0], filepath.Join(dir, "a_missing_undo_1")
	file, err := os.Open(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := sagacheck.ReadReplay(file)
	_ = file.Close()
	if err != nil || kept.What != want.What {
		t.Errorf("keeps %v, %v", kept, err)
	}
	again, err := sagacheck.Replay(tt.world, kept.Steps)
	if err != nil || len(again.Findings) != len(r.Findings) || again.Findings[0].What != want.What {
		t.Errorf("the file is replayed as %v, %v", again.Findings, err)
	}
	if mermaid, err := os.ReadFile(name + ".mmd"); err != nil || string(mermaid) != want.Mermaid() {
		t.Errorf("%s, %v", mermaid, err)
	}
	if test, err := os.ReadFile(name + "_test.go"); err != nil || !strings.HasPrefix(string(test), "package sagacheck_test\n") {
		t.Errorf("%s, %v", test, err)
	}
}

// What is proved leaves nothing behind.
func TestAProofLeavesNothingBehind(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	tb := &failing{TB: t}
	w := tales()[0].mended
	w.Duplicates = 0
	if r := sagacheck.Prove(tb, w); len(tb.errors) > 0 || !r.Complete || !strings.Contains(strings.Join(tb.logs, "\n"), r.Coverage.String()) {
		t.Errorf("%v, %q, %q", r, tb.errors, tb.logs)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A bound that is reached fails the test: nothing is proved.
func TestABoundThatIsReachedIsNoProof(t *testing.T) {
	tb := &failing{TB: t}
	w := tales()[0].mended
	w.Limit = 10
	sagacheck.Prove(tb, w)
	if len(tb.errors) != 1 || !strings.Contains(tb.errors[0], "not a proof") {
		t.Errorf("%q", tb.errors)
	}
}
