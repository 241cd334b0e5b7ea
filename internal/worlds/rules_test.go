package worlds_test

import (
	"slices"
	"testing"
)

// rules are those of DESIGN.md about how a group takes part in a saga.
var rules = []string{
	1:  "Somebody owns the end, without steering.",
	2:  "One judge per race.",
	3:  "An undo listens to the judge, not to another group's compensation.",
	4:  "A deadline belongs to the one who waits.",
	5:  "The first answer ends a wait.",
	6:  "Facts of one group and key leave in the order in which they were decided.",
	7:  "A late refusal is said once.",
	8:  "An undo that comes first leaves a mark; the do that meets it, or is too old, says its refusal.",
	9:  "Money that may have to go back stays in escrow.",
	10: "Time is the library's.",
	11: "A group says what concerns it; the rest leaves no row.",
}

// notDeclared are the rules that no declaration and no reaction can break: the runtime keeps them (package lane), and tests
// that take its mechanisms out.
var notDeclared = []int{6}

// Each rule has a reason: who breaks it makes a bug, and that is found (TestSeededBugsAreFound says in which world, and how).
func TestEveryRuleIsBrokenAndFound(t *testing.T) {
	for rule, text := range rules {
		broken := slices.IndexFunc(bugs, func(b bug) bool { return b.rule == rule })
		switch {
		case rule == 0:
		case slices.Contains(notDeclared, rule):
			t.Logf("%2d  %s\n      kept by the runtime", rule, text)
		case broken < 0:
			t.Errorf("%2d  %s\n      nobody breaks it", rule, text)
		default:
			for _, b := range bugs {
				if b.rule == rule {
					t.Logf("%2d  %s\n      broken: %s (%v); found in %s: %s", rule, text, b.name, b.does, b.world, b.finds)
				}
			}
		}
	}
	for _, b := range bugs {
		if b.rule >= len(rules) {
			t.Errorf("%s breaks rule %d, which there is not", b.name, b.rule)
		}
	}
}
