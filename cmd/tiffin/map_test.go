package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tiffin/consumers"
	"tiffin/internal/app"
	"tiffin/saga/sagamap"
)

// kept compares what a command prints with the file that is kept of it, or writes that anew.
func kept(t *testing.T, file string, args ...string) {
	t.Helper()
	got := run(t, args...)
	if got.code != 0 {
		t.Fatalf("tiffin %v: code %d\n%s", args, got.code, got.err)
	}
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got.out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err == nil && got.out == string(want) {
		return
	}
	is, was := strings.Split(got.out, "\n"), strings.Split(string(want), "\n")
	line := 0
	for line < len(is)-1 && line < len(was)-1 && is[line] == was[line] {
		line++
	}
	t.Errorf("%s (%v) is not what `tiffin %s` prints; if the change is meant, write it anew with TIFFIN_UPDATE=1. Line %d is\n%s\nand was\n%s",
		file, err, strings.Join(args, " "), line+1, is[line], was[line])
}

// root is the repository's.
func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// The map of the choreography, as it is kept in testdata. After a change that is meant:
//
//	TIFFIN_UPDATE=1 go test ./cmd/tiffin -run Map
func TestTheMapIsWhatIsDeclared(t *testing.T) {
	testdata := filepath.Join(root(t), "cmd/tiffin/testdata")
	alone(t)
	kept(t, filepath.Join(testdata, "map.txt"), "map")
	kept(t, filepath.Join(testdata, "map.mmd"), "map", "--format=mermaid")
	kept(t, filepath.Join(testdata, "map.svg"), "map", "--format=svg") // the README shows it
	kept(t, filepath.Join(testdata, "refunded.txt"), "map", "--fact=payment.refunded")
}

// The defaults that the options name are those of the groups themselves.
func TestTheDefaultDeadlinesAreTheGroupsOwn(t *testing.T) {
	alone(t)
	groups, err := app.Config{}.Groups()
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, "map"); got.out != sagamap.New(append(groups, consumers.Outside()...)...).Text(sagamap.Focus{}, 0) {
		t.Errorf("the options' defaults differ from the groups':\n%s", got.out)
	}
}
