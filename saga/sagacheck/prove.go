package sagacheck

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"

	"tiffin/saga/words"
)

// Prove explores the world in a test, which fails with every finding: it prints the shortest way to it as a sequence
// diagram, and saves it as a replay, for Mermaid, and as a Go test. If nothing is found, its log says what of the
// declarations was seen. It also explores the world without its duplicates and crashes, and fails if they change what ends
// there are. If not every state could be visited the test fails too: nothing is proved then.
//
// What is saved stands in the test's artifacts with "go test -artifacts", else in a new temporary directory; the test's log
// says where.
func Prove(t testing.TB, w World) Report {
	t.Helper()
	r := Verify(w)
	t.Log(r)
	switch {
	case len(r.Findings) > 0:
	case !r.Complete:
		t.Errorf("%s: %v", w.Name, r)
	default:
		t.Logf("seen of what is declared:\n%v", r.Coverage)
	}
	for _, f := range Together(r.Findings) {
		t.Errorf("%s:\n\n%s", f.World, f.Diagram())
	}
	if len(r.Findings) > 0 {
		dir, err := directory(t)
		if err == nil {
			err = Save(dir, Home{Package: testPackage(), World: "world()"}, r.Findings...)
		}
		if err != nil {
			t.Errorf("the ways can't be saved: %v", err)
			return r
		}
		t.Logf("saved in %s: replays, diagrams for Mermaid, and Go tests, for which a function world is to return the world of this test", dir)
	}
	return r
}

// Together makes one finding of those that have the same way, to draw it once; What has a line for each then.
func Together(findings []Finding) (out []Finding) {
	for _, f := range findings {
		same := slices.IndexFunc(out, f.sameWay)
		if same >= 0 {
			out[same].What += "\n" + f.What
			continue
		}
		out = append(out, f)
	}
	return out
}

// sameWay says whether the same steps lead to another finding.
func (f Finding) sameWay(other Finding) bool {
	return len(f.Steps) > 0 && reflect.DeepEqual(other.Steps, f.Steps)
}

// directory is where a failing test leaves something that outlives it.
func directory(t testing.TB) (string, error) {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return t.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "sagacheck-*")
}

// testPackage is the name of the package that calls Prove.
func testPackage() string {
	var callers [8]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	f, _ := frames.Next()
	path := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
	name, _, _ := strings.Cut(path, ".")
	return name
}

// Verify explores the world, and, if it has faults, once more without its duplicates and crashes: an end that only faults
// lead to, or that they take away, is a finding. For what they add there is a way to it.
func Verify(w World) Report {
	r := Explore(w)
	if w.Duplicates == 0 && !w.Crashes && len(w.Again) == 0 || !r.Complete || len(r.Findings) > 0 {
		return r
	}
	without := Explore(w.calm())
	r.Time += without.Time
	if !without.Complete {
		r.Complete, r.Gaps = false, nil
		return r
	}
	if missing := less(without.EndStates, r.EndStates); len(missing) > 0 {
		r.Findings = append(r.Findings, Finding{World: w.Name, What: fmt.Sprintf("not reached any more if something comes twice or somebody dies in between: %d of %s", len(missing), words.Count(len(without.EndStates), "end"))})
	}
	if more := less(r.EndStates, without.EndStates); len(more) > 0 {
		w.wanted, w.StopAtFirst, w.Final = more[0], true, nil
		found := Explore(w).Findings
		for _, f := range found {
			f.What = fmt.Sprintf("%s (one of %d): %s", onlyWithFaults, len(more), f.What)
			r.Findings = append(r.Findings, f)
		}
	}
	return r
}

// onlyWithFaults is what is wrong with an end that the world without faults does not have.
const onlyWithFaults = "an end that there is only if something comes twice or somebody dies in between"

// calm is the world without faults, of which nothing is asked but which ends it has.
func (w World) calm() World {
	w.Duplicates, w.Crashes, w.Again, w.Final, w.Name = 0, false, nil, nil, w.Name+", without faults"
	return w
}

// less is what is in a and not in b, sorted.
func less(a, b map[string]bool) (out []string) {
	for end := range a {
		if !b[end] {
			out = append(out, end)
		}
	}
	sort.Strings(out)
	return out
}
