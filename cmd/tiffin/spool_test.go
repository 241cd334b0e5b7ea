package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"tiffin/internal/app"
)

// None of these folders is a spool: that the error names the one which was looked at is all that counts here.
func TestASpoolIsFoundByDefault(t *testing.T) {
	alone(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{here}, parts...)...) }
	folder := func(dir string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	folder(in("stopped", "spool"))
	folder(in("tiffin-data", "spool"))
	folder(in("running"))
	servers, err := json.Marshal(app.Servers{PID: 1, Settings: []app.Setting{{Name: "spool-dir", Value: in("elsewhere")}}})
	if err == nil {
		err = os.WriteFile(in("running", "servers.json"), servers, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, set, args, dir, out string
	}{
		{"given", "", "given --data=running", "given", ""},
		{"given in the environment", "set", "--data=running", "set", ""},
		{"of an up that runs", "", "--data=running", in("elsewhere"), "The spool of the `tiffin up` with running:\n"},
		{"of an up that has ended", "", "--data=stopped", in("stopped", "spool"), "The spool of the `tiffin up` with stopped:\n"},
		{"of the up here", "", "", in("tiffin-data", "spool"), "The spool of the `tiffin up` with tiffin-data:\n"},
		{"of no up", "", "--data=none", in("tiffin-spool"), "No `tiffin up` has a spool in none. The one of a `tiffin run` here:\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.set != "" {
				t.Setenv("TIFFIN_SPOOL_DIR", test.set)
			}
			for _, command := range []string{"check", "salvage"} {
				got := run(t, append([]string{"spool", command}, strings.Fields(test.args)...)...)
				if got.code != exitFailed || got.out != test.out || !strings.Contains(got.err, "spool: "+test.dir+" is no spool") {
					t.Errorf("%s: %+v, want it to look at %s", command, got, test.dir)
				}
			}
		})
	}
}
