package sagacheck

import (
	"fmt"
	"sort"
	"testing"
)

// Prove explores the world in a test, which fails with every finding, with the shortest way to it. It also explores the world without its
// duplicates and crashes, and fails if they change what ends there are. If not every state could be visited the test fails too: nothing
// is proved then.
func Prove(t testing.TB, w World) Report {
	t.Helper()
	r := Verify(w)
	t.Log(r)
	if !r.Complete {
		t.Errorf("%s: %v", w.Name, r)
	}
	for _, f := range r.Findings {
		t.Error(f)
	}
	return r
}

// Verify explores the world, and, if it has faults, once more without its duplicates and crashes: an end that only faults lead to, or that they take away,
// is a finding. For what they add there is a way to it.
func Verify(w World) Report {
	r := Explore(w)
	if w.Duplicates == 0 && !w.Crashes && len(w.Again) == 0 || !r.Complete || len(r.Findings) > 0 {
		return r
	}
	calm := w
	calm.Duplicates, calm.Crashes, calm.Again, calm.Final, calm.Name = 0, false, nil, nil, w.name("without faults")
	without := Explore(calm)
	r.Time += without.Time
	if !without.Complete {
		r.Complete, r.Gaps = false, nil
		return r
	}
	if missing := less(without.EndStates, r.EndStates); len(missing) > 0 {
		r.Findings = append(r.Findings, Finding{World: w.Name, What: fmt.Sprintf("%d of %d ends are not reached any more if something comes twice or somebody dies in between", len(missing), len(without.EndStates))})
	}
	if more := less(r.EndStates, without.EndStates); len(more) > 0 {
		w.wanted, w.StopAtFirst, w.Final = more[0], true, nil
		found := Explore(w).Findings
		for _, f := range found {
			f.What = fmt.Sprintf("an end that there is only if something comes twice or somebody dies in between (one of %d): %s", len(more), f.What)
			r.Findings = append(r.Findings, f)
		}
	}
	return r
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
