package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"tiffin/internal/capacity"
)

func TestSimulateLoad(t *testing.T) {
	measured := "--check=" + filepath.Join(root(t), "internal/capacity/measured.json") // before the working directory is another
	alone(t)
	file := filepath.Join(t.TempDir(), "mine.json")
	if printed := run(t, "simulate", "load", "--print"); printed.code != 0 || os.WriteFile(file, []byte(printed.out), 0o600) != nil {
		t.Fatalf("%+v", printed)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.json")
	if err := os.WriteFile(wrong, []byte(`{"shard": 2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "list.json")
	if err := os.WriteFile(list, []byte(`[]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		err  string
		out  []string
	}{
		{[]string{"--rate=2000", "--batch=100", "--seconds=1"}, 0, "", []string{"carried    yes", "which is the bottleneck", "which is the next"}},
		{[]string{"--deployment=" + file, "--rate=2000", "--batch=100", "--seconds=1"}, 0, "", []string{"carried    yes"}},
		{[]string{"--rate=1000000", "--batch=100", "--seconds=2"}, exitFailed, "", []string{"carried    NO: ", "100 % the machine's cores"}},
		{[]string{"--rate=20000", "--batch=500", "--seconds=1", "--saturate"}, 0, "", []string{"carried    yes"}},
		{[]string{measured}, 0, "", []string{"| run | what | model | measured | error |", "| as fast as it goes |", "| CPU of all these, µs a like |"}},
		{[]string{"--deployment=moon"}, exitUsage, `there is no deployment "moon"`, nil},
		{[]string{"--deployment=" + wrong}, exitUsage, "shard", nil},
		{[]string{"--deployment=" + list}, exitUsage, "must be an object", nil},
		{[]string{"--rate=0", "--zipf=9"}, exitUsage, "the rate: want more than 0", nil},
		{[]string{"--check=" + wrong}, exitFailed, "is not what `go run ./internal/capacity/measure` writes", nil},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			r := run(t, append([]string{"simulate", "load"}, test.args...)...)
			if r.code != test.code || !strings.Contains(r.err, test.err) {
				t.Errorf("exit code %d, want %d; %s", r.code, test.code, r.err)
			}
			for _, want := range test.out {
				if !strings.Contains(r.out, want) {
					t.Errorf("it does not say %q:\n%s", want, r.out)
				}
			}
		})
	}
	var result capacity.Result
	r := run(t, "simulate", "load", "--json", "--rate=2000", "--batch=100", "--seconds=1")
	if err := json.Unmarshal([]byte(r.out), &result); err != nil || !result.Carried() || len(result.Parts) == 0 {
		t.Errorf("%v: %+v", err, r)
	}
}
