package contract

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
)

// index answers questions about a declaration.
type index struct {
	groups map[string]*Group // those of outside not among them
	facts  map[string]Fact
	says   map[string][]hearing // fact -> who says it, outside too
	hears  map[string][]hearing // fact -> who hears it, outside too
}

// hearing is a reaction of a group.
type hearing struct {
	group    string
	reaction Reaction
}

func newIndex(d Declaration) *index {
	x := &index{map[string]*Group{}, map[string]Fact{}, map[string][]hearing{}, map[string][]hearing{}}
	for _, f := range d.Facts {
		x.facts[f.Type] = f
	}
	for i := range d.Groups {
		x.groups[d.Groups[i].Name] = &d.Groups[i]
	}
	for _, g := range slices.Concat(d.Groups, d.Outside) {
		for _, r := range g.Reactions {
			for _, f := range r.Hears {
				x.hears[f] = append(x.hears[f], hearing{g.Name, r})
			}
			for _, s := range r.Says {
				x.says[s.Fact] = append(x.says[s.Fact], hearing{g.Name, r})
			}
		}
	}
	return x
}

// moves says whether the reaction can move a saga, and does not only write down or remember.
func (r Reaction) moves() bool { return r.Role != saga.RoleRecords && r.Role != saga.RoleFollows }

// minded are those of the hearings that can move a saga.
func minded(all []hearing) []hearing {
	return slices.DeleteFunc(slices.Clone(all), func(h hearing) bool { return !h.reaction.moves() })
}

// names are the groups of the hearings, sorted.
func names(all []hearing) []string {
	set := map[string]bool{}
	for _, h := range all {
		set[h.group] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// reactions names the reactions, with their groups: "kitchen.cancel".
func reactions(all []hearing) string {
	var out []string
	for _, h := range all {
		if name := h.group + "." + h.reaction.Name; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return list(out)
}

// topics are those that the group hears.
func (x *index) topics(g *Group) map[string][]string {
	topics := map[string][]string{}
	for _, r := range g.Reactions {
		for _, f := range r.Hears {
			if t := x.facts[f].Topic; !slices.Contains(topics[t], f) {
				topics[t] = append(topics[t], f)
			}
		}
	}
	return topics
}

// hearers are the group's reactions that hear a fact.
func (g *Group) hearers(fact string) (out []Reaction) {
	for _, r := range g.Reactions {
		if slices.Contains(r.Hears, fact) {
			out = append(out, r)
		}
	}
	return out
}

// act is the table with the group's acts; nil if it has none.
func (g *Group) act() *Table {
	if len(g.Tables) > 0 && g.Tables[0].Act {
		return &g.Tables[0]
	}
	return nil
}

// wait is one wait of a group.
type wait struct {
	name, within string
	answers      []string // facts
}

// waits are the group's, in the order in which they follow one another.
func (g *Group) waits() (out []wait) {
	for _, r := range g.Reactions {
		if r.Wait == "" {
			continue
		}
		at := slices.IndexFunc(out, func(w wait) bool { return w.name == r.Wait })
		if at < 0 {
			at = len(out)
			out = append(out, wait{name: r.Wait, within: r.Within})
		}
		out[at].answers = append(out[at].answers, r.Hears...)
	}
	return out
}

// table is the table's name in SQL, with its schema.
func (g *Group) table(t *Table) string { return quoted(g.Name) + "." + quoted(t.Name) }

// quoted is a name in SQL.
func quoted(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == "" {
		return name
	}
	return `"` + name + `"`
}

// longer compares two times as they are written; one that is not a time is as long as any.
func longer(a, b string) int {
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	if errX != nil || errY != nil {
		return 0
	}
	return int(max(-1, min(1, x-y)))
}

// leaves are the facts that a condition asks for.
func (c Condition) leaves() (out []string) {
	if c.Fact != "" {
		return []string{c.Fact}
	}
	for _, part := range slices.Concat(c.All, c.Any) {
		out = append(out, part.leaves()...)
	}
	return out
}

// holds says whether the condition holds once these facts have been heard.
func (c Condition) holds(heard []string) bool {
	switch {
	case c.Fact != "":
		return slices.Contains(heard, c.Fact)
	case len(c.Any) > 0:
		return slices.ContainsFunc(c.Any, func(part Condition) bool { return part.holds(heard) })
	}
	return !slices.ContainsFunc(c.All, func(part Condition) bool { return !part.holds(heard) })
}

// maxWays bounds how many ways to fulfil a condition are looked at.
const maxWays = 1000

// ways are the sets of facts by which the condition comes to hold.
func (c Condition) ways() [][]string {
	if c.Fact != "" {
		return [][]string{{c.Fact}}
	}
	if len(c.Any) > 0 {
		var out [][]string
		for _, part := range c.Any {
			out = append(out, part.ways()...)
		}
		return out[:min(len(out), maxWays)]
	}
	out := [][]string{nil}
	for _, part := range c.All {
		var longer [][]string
		for _, way := range out {
			for _, more := range part.ways() {
				longer = append(longer, slices.Concat(way, more))
			}
		}
		out = longer[:min(len(longer), maxWays)]
	}
	return out
}

// list joins names as people do.
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
