package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"tiffin/saga/sagamap/contract"
)

// The exported choreography in the repository is the one that is declared. After a change that is meant:
//
//	TIFFIN_UPDATE=1 go test ./cmd/tiffin -run Export
func TestTheExportIsWhatIsDeclared(t *testing.T) {
	file := filepath.Join(root(t), exportFile)
	alone(t)
	kept(t, file, "map", "--export")
	if got := run(t, "map", "--against="+file); got.code != 0 || !strings.HasPrefix(got.out, "Nothing has changed") {
		t.Errorf("against itself: code %d\n%s%s", got.code, got.out, got.err)
	}
}

// repository is a git repository in the working directory, that has the exports of three versions: one without any, tagged "first";
// one in which the kitchen waits by another name and inventory hears less, tagged "old"; and today's, on "main".
func repository(t *testing.T) {
	t.Helper()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	today := run(t, "map", "--export").out
	old := strings.ReplaceAll(today, `"giveUp"`, `"abandon"`)
	if old == today || os.MkdirAll(filepath.Dir(exportFile), 0o755) != nil {
		t.Fatal("no old version can be made")
	}
	git("init", "--quiet", "--initial-branch=main")
	for _, version := range []struct{ tag, text string }{{"first", ""}, {"old", old}, {"today", today}} {
		if version.text != "" {
			if err := os.WriteFile(exportFile, []byte(version.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		git("add", ".")
		git("commit", "--quiet", "--allow-empty", "--message="+version.tag)
		git("tag", version.tag)
	}
}

func TestTheChoreographyIsComparedWithAGitRef(t *testing.T) {
	alone(t)
	repository(t)
	if err := os.MkdirAll("deep/within", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir("deep/within")
	const renamed = "breaking  kitchen.abandon: the wait that ends with abandon is gone; one that ends with giveUp is in its place"
	for _, test := range []struct {
		against  string
		code     int
		out, err string
	}{
		{"main", 0, "Nothing has changed", ""},
		{"today", 0, "Nothing has changed", ""},
		{"old", exitFailed, renamed, ""},
		{"HEAD~1", exitFailed, renamed, ""},
		{"first", exitUsage, "", "first has no schemas/choreography.json"},
		{"tomorrow", exitUsage, "", "tomorrow is no file, and no commit, branch or tag"},
		{"--upload-pack=x", exitUsage, "", "is no file, and no commit, branch or tag"},
		{"../../schemas/choreography.json", 0, "Nothing has changed", ""},
	} {
		got := run(t, "map", "--against="+test.against)
		if got.code != test.code || !strings.HasPrefix(got.out, test.out) || !strings.Contains(got.err, test.err) || (got.err == "") != (test.err == "") {
			t.Errorf("against %s: code %d, want %d\n%s%s", test.against, got.code, test.code, got.out, got.err)
		}
	}
}

func TestAComparisonIsWrittenAsJSON(t *testing.T) {
	alone(t)
	repository(t)
	got := run(t, "map", "--against=old", "--json")
	var found comparison
	if err := json.Unmarshal([]byte(got.out), &found); err != nil || got.code != exitFailed {
		t.Fatalf("code %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	if !found.Breaking || found.Against != "old" || len(found.NotSeen) == 0 || len(found.Changes) == 0 ||
		found.Changes[0].Severity != contract.Breaking || found.Changes[0].Rule != "wait-gone" || found.Changes[0].Where != "kitchen.abandon" {
		t.Errorf("%+v", found)
	}
	if got := run(t, "map", "--against=today", "--json"); got.code != 0 || !strings.Contains(got.out, `"changes": []`) {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestAComparisonNeedsSomethingToCompareWith(t *testing.T) {
	alone(t)
	if err := os.WriteFile("broken.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("wrong.json", []byte(`{"version": 1, "groups": [{"name": 3}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("later.json", []byte(`{"version": 99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(working(t))) // whatever is above is not ours
	for _, test := range []struct{ args, err string }{
		{"map --against=main", "main is no file, and can't be a git ref: git says: not a git repository"},
		{"map --against=broken.json", "broken.json is not what `tiffin map --export` writes: invalid: the document must be JSON: unexpected EOF at byte 1"},
		{"map --against=wrong.json", "wrong.json is not what `tiffin map --export` writes: invalid: /groups/0/name must be a string"},
		{"map --against=later.json", "later.json: this is an exported choreography of version 99"},
		{"map --against=main --format=svg", "are of drawings"},
		{"map --export --group=kitchen", "are of drawings"},
		{"map --export --against=main", "--export and --against can't be used together"},
		{"map --json", "--json is of --against"},
	} {
		if got := run(t, strings.Fields(test.args)...); got.code != exitUsage || got.out != "" || !strings.Contains(got.err, test.err) {
			t.Errorf("tiffin %s: code %d\n%s%s", test.args, got.code, got.out, got.err)
		}
	}
	t.Setenv("PATH", "")
	if got := run(t, "map", "--against=main"); got.code != exitUsage || !strings.Contains(got.err, "there is no git on this machine") {
		t.Errorf("without git: code %d\n%s%s", got.code, got.out, got.err)
	}
}

func working(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
