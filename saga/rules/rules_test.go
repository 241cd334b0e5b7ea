package rules_test

import (
	"testing"

	"tiffin/saga"
)

// Every rule has an example that breaks it, and nothing else; mended, nothing is found.
func TestEachExampleBreaksItsRuleAndNoOther(t *testing.T) {
	all := examples()
	for _, rule := range saga.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			e, ok := all[rule.Name]
			if !ok {
				t.Fatal("no example")
			}
			bad := e.bad().Check()
			if len(bad) == 0 {
				t.Error("the bad example breaks nothing")
			}
			for _, f := range bad {
				t.Log(f)
				if f.Rule != rule.Name || f.Severity != rule.Severity {
					t.Errorf("the bad example breaks %s", f.Rule)
				}
			}
			for _, f := range e.good().Check() {
				t.Errorf("the good example breaks a rule: %v", f)
			}
		})
	}
}
