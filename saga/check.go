package saga

import (
	"cmp"
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// Choreography is all that is known of how groups work together.
type Choreography struct {
	// Groups are all groups, and who speaks from outside ([Outside]). Without the latter nobody can tell whether a fact
	// that no group says is said at all, and who is waited for.
	Groups []*Group
	// Schemas are the event types that have a schema; nil if that is not to be checked.
	Schemas []string
	// Partitions is how many each topic has, of those that are there; nil if that is not to be checked.
	Partitions map[string]int
}

// Check looks for mistakes that the declarations of these groups show, and of who speaks from outside: see
// [Choreography.Check].
func Check(groups ...*Group) []Finding { return Choreography{Groups: groups}.Check() }

// Check looks for mistakes that the declarations show. [Rules] are what it looks for; RULES.md has examples of each. It runs
// no reaction: what they do is for package sagacheck to explore. What it finds is sorted by place.
func (c Choreography) Check() []Finding {
	in := &inspection{graph: newGraph(c.Groups), Choreography: c}
	in.names()
	in.facts()
	in.contracts()
	in.acts()
	in.races()
	in.waits()
	in.ends()
	in.cycles()
	slices.SortStableFunc(in.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule), strings.Compare(a.What, b.What))
	})
	return in.findings
}

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	SeverityError Severity = "error" // to be mended
	SeverityNote  Severity = "note"  // to be looked at
)

// Finding is something about a choreography that is wrong, or looks so.
type Finding struct {
	Rule     string   `json:"rule"` // the name of one of [Rules]
	Severity Severity `json:"severity"`
	Group    string   `json:"group,omitzero"`
	Reaction string   `json:"reaction,omitzero"`
	File     string   `json:"file,omitzero"` // where the reaction is, relative to its module; empty if it is about none
	Line     int      `json:"line,omitzero"` // and in which line
	What     string   `json:"what"`          // what is wrong
	Why      string   `json:"why"`           // why that matters, in one sentence
	Mend     string   `json:"mend"`          // how to mend it
}

// Place is where it is: "consumers/kitchen/kitchen.go:45", or the group's name, or "the choreography".
func (f Finding) Place() string {
	if f.File == "" {
		return cmp.Or(f.Group, "the choreography")
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// String is the finding in a few lines.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s\n  %s\n  why: %s\n  mend: %s", f.Place(), f.Severity, f.Rule, f.What, f.Why, f.Mend)
}

// inspection is one check.
type inspection struct {
	*graph
	Choreography
	findings []Finding
}

// found adds a finding about a reaction.
func (in *inspection) found(rule string, n *node, mend, what string, args ...any) {
	f := in.finding(rule, mend, what, args...)
	f.Group, f.Reaction = n.group.name, n.Name
	f.File, f.Line = sourcePath(n.pkg, n.File), n.Line
	in.findings = append(in.findings, f)
}

// foundIn adds a finding about a whole group; nil for one about none.
func (in *inspection) foundIn(rule string, g *Group, mend, what string, args ...any) {
	f := in.finding(rule, mend, what, args...)
	if g != nil {
		f.Group, f.File, f.Line = g.name, sourcePath(g.at.pkg, g.at.file), g.at.line
	}
	in.findings = append(in.findings, f)
}

func (in *inspection) finding(name, mend, what string, args ...any) Finding {
	rule := ruleNamed(name)
	return Finding{Rule: name, Severity: rule.Severity, What: fmt.Sprintf(what, args...), Why: rule.Why, Mend: mend}
}

// sourcePath is where a file of this package is, relative to its module. It does not depend on the path that the file was
// compiled from, which may be anybody's, or of no machine at all: the package's path is known, and so is its module's.
func sourcePath(pkg, file string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return pathIn(nil, pkg, file)
	}
	if pkg == "main" {
		pkg = info.Path
	}
	modules := []string{info.Main.Path}
	for _, m := range info.Deps {
		modules = append(modules, m.Path)
	}
	return pathIn(modules, pkg, file)
}

// pathIn is where a file of this package is in its module, which is one of these, or else unknown.
func pathIn(modules []string, pkg, file string) string {
	if file == "" {
		return ""
	}
	file = strings.ReplaceAll(file, `\`, "/")
	if strings.HasSuffix(file, "_test.go") {
		pkg = strings.TrimSuffix(pkg, "_test")
	}
	dir, longest := path.Base(path.Dir(file)), ""
	for _, m := range modules {
		if within := pkg == m || strings.HasPrefix(pkg, m+"/"); within && len(m) > len(longest) {
			dir, longest = strings.TrimPrefix(strings.TrimPrefix(pkg, m), "/"), m
		}
	}
	return path.Join(dir, path.Base(file))
}
