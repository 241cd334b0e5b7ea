package sagamap

import (
	"fmt"
	"slices"
	"strings"

	"tiffin/saga"
)

// edge is everything that goes from one group to another, in one of the two styles.
type edge struct {
	from, to string
	undoes   bool
	facts    []string
}

// Mermaid draws the groups that are named, or all, as a flowchart for Mermaid: an arrow for what leads on, a dotted one for
// what undoes. What a group only writes down is left out, for the groups that collect hear everything.
func (m *Map) Mermaid(only ...string) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	edges := m.edges(m.chosen(only))
	seen := map[string]bool{}
	for _, e := range edges {
		for _, node := range []string{e.from, e.to} {
			switch {
			case seen[node]:
			case node == Outside:
				fmt.Fprintf(&b, "    %s([%s])\n", id(node), node)
			default:
				fmt.Fprintf(&b, "    %s[%s]\n", id(node), node)
			}
			seen[node] = true
		}
	}
	for _, e := range edges {
		arrow := `    %s -->|"%s"| %s` + "\n"
		if e.undoes {
			arrow = `    %s -.->|"%s"| %s` + "\n"
		}
		fmt.Fprintf(&b, arrow, id(e.from), strings.Join(e.facts, "<br>"), id(e.to))
	}
	return b.String()
}

// id is a name as Mermaid takes it for a node; the prefix keeps it apart from Mermaid's own words, such as "end".
func id(name string) string { return "g_" + strings.NewReplacer("-", "_", ".", "_").Replace(name) }

// edges are the arrows that touch the chosen groups, by who hears, in the order of the map.
func (m *Map) edges(chosen []*saga.Group) []*edge {
	var edges []*edge
	isChosen := func(name string) bool {
		return slices.ContainsFunc(chosen, func(g *saga.Group) bool { return g.Name() == name })
	}
	for _, g := range m.groups {
		for _, r := range g.Reactions() {
			if r.Role == saga.RoleRecords || r.Role == saga.RoleFollows {
				continue
			}
			for _, f := range r.Hears {
				for _, from := range m.Speakers(f.Type) {
					if isChosen(g.Name()) || isChosen(from) {
						edges = join(edges, edge{from: from, to: g.Name(), undoes: r.Role == saga.RoleUndoes}, f.Type)
					}
				}
			}
		}
	}
	return edges
}

// join adds a fact to the edge between the two, or draws one.
func join(edges []*edge, e edge, fact string) []*edge {
	for _, known := range edges {
		if known.from == e.from && known.to == e.to && known.undoes == e.undoes {
			if !slices.Contains(known.facts, fact) {
				known.facts = append(known.facts, fact)
			}
			return edges
		}
	}
	e.facts = []string{fact}
	return append(edges, &e)
}
