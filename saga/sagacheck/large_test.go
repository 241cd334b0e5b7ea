//go:build large

package sagacheck_test

import (
	"strings"
	"testing"

	"tiffin/internal/takenout"
	"tiffin/saga/sagacheck"
)

// The same as TestTheReductionsLeaveNothingOut, on more and larger choreographies.
func TestLargeTheReductionsLeaveNothingOut(t *testing.T) {
	if n := compare(t, 2000, 3, 8000, sagacheck.Plain); n < 900 {
		t.Errorf("%d choreographies compared: too few", n)
	}
	if n := compare(t, 500, 2, 1500, everything); n < 200 {
		t.Errorf("%d choreographies compared in full: too few", n)
	}
}

// Each reduction is sound for a reason, and without that reason the random choreographies tell.
func TestLargeAReductionThatIsBrokenIsCaught(t *testing.T) {
	const reduce, classes, intern, react = "saga/sagacheck/reduce.go", "saga/sagacheck/classes.go", "saga/sagacheck/intern.go", "saga/sagacheck/react.go"
	for _, m := range []takenout.Mechanism{
		{Name: "that a group's queues share its act", File: reduce, Old: "\tcase kindQueue, kindDocument:\n\t\tb.or(r.same(p.a, p.key))", New: "\tcase kindQueue, kindDocument:"},
		{Name: "that sagas share documents", File: reduce, Old: "b.or(r.user(p.a, at.b))", New: "_ = at"},
		{Name: "that two may append to one queue", File: reduce, Old: "\t\t\t\tr.appending(s, q.slot, b)", New: ""},
		{Name: "that outsiders answer", File: classes, Old: "\t\t\t\tb.add(r.class(question))", New: "\t\t\t\t_ = question"},
		{Name: "that outsiders may be asked what they never were", File: classes, Old: "\t\t\tr.slot(place{kind: kindParty, a: party, key: k}) //", New: "\t\t\t//"},
		{Name: "what makes a step possible", File: reduce, Old: "\t\tr.appending(s, c.slot, b)\n\tcase kindOutbox:", New: "\tcase kindOutbox:"},
		{Name: "that a full outbox holds its group up", File: reduce, Old: "\t\t\t\tb.add(r.class(c.outbox))\n", New: ""},
		{Name: "that facts have other keys", File: reduce, Old: "if f := &r.facts[said]; f.key != key &&", New: "if f := &r.facts[said]; false &&"},
		{Name: "that outsiders answer with other keys", File: reduce, Old: "if f := &r.facts[answer]; f.key != r.facts[asked].key &&", New: "if f := &r.facts[answer]; false &&"},
		{Name: "that who reads a table is disturbed by who changes it", File: reduce, Old: "!own && (v == nil", New: "false && !own && (v == nil"},
		{Name: "that what is set aside makes room when it comes", File: reduce, Old: "\tb.add(r.class(r.ghost)) // it", New: "\t// it"},
		{Name: "that what comes again is appended", File: reduce, Old: "\t\t\tb.add(r.class(r.ghost))\n\t\t}", New: "\t\t\t_ = f\n\t\t}"},
		{Name: "that the first of a type comes again", File: reduce, Old: "\t\t\tb.or(r.sayer(f.typ)) //", New: "\t\t\t//"},
		{Name: "that growing old is felt by all groups", File: reduce, Old: "\t\t\tb.or(r.same(g, p.key))", New: "\t\t\t_ = g"},
		{Name: "that a set begins with what must happen", File: reduce, Old: "\t\tif steps[i].free {\n\t\t\tcontinue\n\t\t}\n\t\tclosed", New: "\t\tclosed"},
		{Name: "that nothing is behind a step that is wrong", File: reduce, Old: "|| slices.ContainsFunc(steps, func(st step) bool { return st.spoiled() })", New: ""},
		{Name: "that a mark is no end of an act", File: intern, Old: "a.State().Final() && !d.barred", New: "a.State().Final()"},
		{Name: "that what has no act is heard after its end", File: intern, Old: "\t\t\tdefault:\n\t\t\t\treturn false", New: "\t\t\tdefault:"},
		{Name: "that what a reaction did depends on what it read", File: react, Old: "\t\t\tn = n.child(value)", New: "\t\t\tfor _, n = range n.next {\n\t\t\t\tbreak\n\t\t\t}"},
		{Name: "that what only follows is minded", File: intern, Old: "return g.Minds(f.EventType()) && g.Concerned(f)", New: "return g.Minds(f.EventType()) && onlyMovesAct(g, f.EventType())"},
	} {
		t.Run(m.Name, func(t *testing.T) {
			out, failed := m.Test(t, "./saga/sagacheck", "-run=^TestTheReductionsLeaveNothingOut$")
			if !failed || !strings.Contains(out, "reduced: ") && !strings.Contains(out, "panic: ") {
				t.Errorf("without it nothing is different:\n%s", out)
			}
		})
	}
}
