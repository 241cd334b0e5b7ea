package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a change is for what is in flight.
type Severity string

// The severities.
const (
	Breaking Severity = "breaking" // sagas in flight are stranded, or what is kept or said can't be read
	Careful  Severity = "careful"  // it depends on what is in flight, or on the order in which things are deployed
	Fine     Severity = "fine"     // nothing happens to what is in flight
)

// Change is one thing that differs between two declarations.
type Change struct {
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`        // the kind of change: "wait-gone"
	Where    string   `json:"where"`       // what has changed: a group, a fact, "kitchen.giveUp"
	What     string   `json:"what"`        // how
	Means    string   `json:"means"`       // what that does to what is in flight
	Do       string   `json:"do,omitzero"` // what to do about it
}

// NotSeen is what may change without a declaration showing it.
func NotSeen() []string {
	return []string{
		"the key of a fact: another one puts it into another partition, where it overtakes and is overtaken",
		"what a reaction does, and which of its facts it says when",
		"what a group says no to with Concerns",
		"CHECKs and migrations, and what is inside a column of type jsonb",
		"what the request of an effect looks like, of which some may be waiting",
	}
}

// Compare says what has changed from one declaration to the next, the worst first.
func Compare(before, after Declaration) []Change {
	c := &comparison{before: newIndex(before), after: newIndex(after)}
	c.compareGroups()
	c.compareFacts()
	c.compareSchemas()
	for _, g := range after.Groups {
		if old := c.before.groups[g.Name]; old != nil {
			c.compareTopics(old, &g)
			c.compareHearings(old, &g)
			c.compareWaits(old, &g)
			c.compareActs(old, &g)
			c.compareJoins(old, &g)
			c.compareEffects(old, &g)
			c.compareTables(old, &g)
		}
	}
	rank := map[Severity]int{Breaking: 0, Careful: 1, Fine: 2}
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], strings.Compare(a.Where, b.Where), strings.Compare(a.Rule, b.Rule), strings.Compare(a.What, b.What))
	})
	return c.changes
}

// comparison collects changes.
type comparison struct {
	before, after *index
	changes       []Change
}

func (c *comparison) add(s Severity, rule, where, what, means, do string) {
	c.changes = append(c.changes, Change{s, rule, where, what, means, do})
}

// Text is the changes for a terminal.
func Text(changes []Change) string {
	var b strings.Builder
	counts := map[Severity]int{}
	for _, c := range changes {
		counts[c.Severity]++
		fmt.Fprintf(&b, "%-8s  %s: %s\n", c.Severity, c.Where, c.What)
		paragraph(&b, "", c.Means)
		paragraph(&b, "-> ", c.Do)
		b.WriteByte('\n')
	}
	if len(changes) == 0 {
		b.WriteString("Nothing has changed that a declaration shows.\n\n")
	} else {
		fmt.Fprintf(&b, "%d breaking, %d to be careful with, %d fine.\n\n", counts[Breaking], counts[Careful], counts[Fine])
	}
	b.WriteString("A declaration does not show:\n")
	for _, n := range NotSeen() {
		fmt.Fprintf(&b, "- %s\n", n)
	}
	return b.String()
}

// paragraph writes a text in lines of a hundred columns, indented.
func paragraph(b *strings.Builder, mark, text string) {
	const indent, width = "          ", 100
	line := indent + mark
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line, empty = indent+strings.Repeat(" ", len(mark)), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	if !empty {
		b.WriteString(line + "\n")
	}
}

// Broken says whether any of the changes is breaking.
func Broken(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Severity == Breaking })
}
