//go:build large

package simworld

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mechanism is one that keeps a promise of the runtime, and how its code is taken out.
type mechanism struct {
	name, file, old, new string
	rules                string // those of which one must be found broken
}

// Each is real code, removed from what is compiled. What stands in saga/sagasim stands for SQL, which the simulator does not run.
var mechanisms = []mechanism{
	{
		name: "the epoch guards each save", file: "saga/sagasim/postgres.go",
		old: "now == nil || now.Epoch != l.Epoch", new: "now == nil",
		rules: "alarm once order gaps lost counted ends quiet",
	},
	{
		name: "a claim raises the epoch", file: "saga/sagasim/session.go",
		old: "l.Epoch = max(l.Epoch+1, s.database.now().UnixMilli())", new: "",
		rules: "alarm once order gaps lost counted ends quiet",
	},
	{
		name: "marks tell copies", file: "saga/lane/batch.go",
		old: "		case duplicate:\n			m.dropped(\"duplicate\")\n			return\n		case gap:", new: "		case gap:",
		rules: "once order counted ends",
	},
	{
		name: "marks are saved with what the facts did", file: "saga/lane/batch.go",
		old: "s.Lanes = append(s.Lanes, l.Row)", new: "saved := *l.Row\n\t\tsaved.Marks = map[string]Mark{}\n\t\ts.Lanes = append(s.Lanes, &saved)",
		rules: "once counted ends",
	},
	{
		name: "offsets are saved with what the facts did", file: "saga/lane/batch.go",
		old: "s.Lanes = append(s.Lanes, l.Row)", new: "saved := *l.Row\n\t\tsaved.Next = map[string]int64{}\n\t\ts.Lanes = append(s.Lanes, &saved)",
		rules: "once counted ends quiet alarm",
	},
	{
		name: "a claim sends the outbox again", file: "saga/lane/loop.go",
		old: "l.sends.start([]*lane{ln}, ln.Outbox)", new: "_ = ln",
		rules: "lost order gaps quiet",
	},
	{
		name: "nothing is taken from a lane before what it said is acknowledged", file: "saga/lane/loop.go",
		old: "func(n int) bool { return !l.lanes[n].sending && l.lanes[n].careful == 0 }", new: "func(n int) bool { return l.lanes[n].careful == 0 }",
		rules: "lost order gaps",
	},
	{
		name: "a batch waits for the acknowledgement of the one before it", file: "saga/sagasim/kafka.go",
		old: "b.line.err = errNotEnoughReplicas", new: "defer func() { b.line.err = errNotEnoughReplicas }()\n\t\t\tif b.line.sent < len(b.line.records) {\n\t\t\t\tc.produceOnce(ctx, records, []*line{b.line})\n\t\t\t}",
		rules: "order gaps lost",
	},
	{
		name: "a deadline waits until all before it is read", file: "saga/lane/deadlines.go",
		old: " || !l.hasRead(ln, d.Until)", new: "",
		rules: "deadline",
	},
	{
		name: "what comes to a parked key is parked behind", file: "saga/lane/batch.go",
		old: "t.lane.Parked[t.cause.Key] > 0 {", new: "false {",
		rules: "parking",
	},
	{
		name: "a claim forgets what was in memory", file: "saga/lane/loop.go",
		old: "l.store, l.acts, l.swept = s, &cache{}, -sweepEvery", new: "l.store, l.swept = s, -sweepEvery\n\tif l.acts == nil {\n\t\tl.acts = &cache{}\n\t}",
		rules: "once counted ends quiet alarm parked",
	},
	{
		name: "documents that lanes share have one lock", file: "saga/sagasim/store.go",
		old: "if s.schema.shares {", new: "if false {",
		rules: "counted accounts balances escrow shelves reservations rooms couriers likes alarm",
	},
}

// Each of the runtime's safety mechanisms, taken out of the code, is found missing.
func TestLargeEachMechanismIsMissedWhenItIsTakenOut(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mechanisms {
		t.Run(m.name, func(t *testing.T) {
			said := without(t, root, m)
			t.Log(said)
			_, found, _ := strings.Cut(said, "\nseed ")
			_, found, _ = strings.Cut(found, ": ")
			rule, _, _ := strings.Cut(found, ":")
			if !strings.Contains(" "+m.rules+" ", " "+rule+" ") {
				t.Errorf("it is not missed as one of %s", m.rules)
			}
		})
	}
}

// without simulates Tiffin without a mechanism.
func without(t *testing.T, root string, m mechanism) string {
	t.Helper()
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has this %d times, want once; it must be what makes up the mechanism:\n%s", m.file, n, m.old)
	}
	dir := t.TempDir()
	changed, overlay, binary := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tiffin")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: []byte(strings.Replace(string(source), m.old, m.new, 1)), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, "./cmd/tiffin")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("it does not build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "simulate", "--seeds=6000").Output()
	if err == nil {
		t.Errorf("nobody misses it in %s", out)
	}
	return "\n" + string(out)
}
