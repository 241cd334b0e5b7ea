package main

import (
	"os"
	"path/filepath"
	"testing"

	"tiffin/internal/app"
	"tiffin/saga/sagamap"
)

// The map of the choreography, as it is in testdata and in the documentation. After a change that is meant:
//
//	tiffin map >cmd/tiffin/testdata/map.txt
//	tiffin map --format=mermaid >cmd/tiffin/testdata/map.mmd
func TestTheMapIsWhatIsDeclared(t *testing.T) {
	golden, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	alone(t)
	for file, args := range map[string][]string{
		"map.txt": {"map"},
		"map.mmd": {"map", "--format=mermaid"},
	} {
		want, err := os.ReadFile(filepath.Join(golden, file))
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, args...); got.code != 0 || got.out != string(want) {
			t.Errorf("testdata/%s is not what is declared; if the change is meant, write it anew (see the test):\n%s%s", file, got.out, got.err)
		}
	}
}

// The defaults that the options name are those of the groups themselves.
func TestTheDefaultDeadlinesAreTheGroupsOwn(t *testing.T) {
	alone(t)
	groups, err := app.Config{}.Groups()
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, "map"); got.out != sagamap.New(groups...).Text() {
		t.Errorf("the options' defaults differ from the groups':\n%s", got.out)
	}
}
