package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
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

// The page has a section for each rule, with the sentence that findings give as the reason, and its two examples word for word.
func TestThePageTellsEachRule(t *testing.T) {
	page, err := os.ReadFile("../RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(page), "\n### ")[1:] {
		s, _, _ = strings.Cut(s, "\n## ")
		name, _, _ := strings.Cut(strings.TrimPrefix(s, "`"), "`")
		sections[name] = s
	}
	bodies := bodiesOf(t, "examples_test.go")
	for _, rule := range saga.Rules() {
		section, ok := sections[rule.Name]
		if !ok {
			t.Errorf("RULES.md has no section about %s", rule.Name)
			continue
		}
		delete(sections, rule.Name)
		if want := "`" + rule.Name + "`: " + rule.Short + "\n"; !strings.HasPrefix(section, want) || !strings.Contains(strings.Join(strings.Fields(section), " "), rule.Why) {
			t.Errorf("RULES.md does not say of %s what a finding says:\n%s%s", rule.Name, want, rule.Why)
		}
		var blocks []string
		for _, b := range strings.Split(section, "```go\n")[1:] {
			code, _, _ := strings.Cut(b, "\n```")
			blocks = append(blocks, code)
		}
		e := examples()[rule.Name]
		if want := []string{bodies[functionName(e.bad)], bodies[functionName(e.good)]}; !slices.Equal(blocks, want) {
			t.Errorf("the examples of %s in RULES.md are not those that are checked, which are\n%s", rule.Name, strings.Join(want, "\n\n"))
		}
	}
	for name := range sections {
		t.Errorf("RULES.md has a section about %s, which is no rule", name)
	}
}

// bodiesOf are the bodies of the functions in a file, without their indentation.
func bodiesOf(t *testing.T, file string) map[string]string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			body := string(source[set.Position(f.Body.Lbrace).Offset+1 : set.Position(f.Body.Rbrace).Offset])
			bodies[f.Name.Name] = strings.TrimSpace(strings.ReplaceAll(body, "\n\t", "\n"))
		}
	}
	return bodies
}

func functionName(f func() saga.Choreography) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}
