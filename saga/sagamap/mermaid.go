package sagamap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// edge is everything that goes from one to another, in one of the styles.
type edge struct {
	from, to    string
	undoes, dim bool
	facts       []string
}

// Mermaid draws a flowchart for Mermaid: an arrow for what leads on, a dotted one for what undoes. Who speaks from outside is
// round. A group's box also says for what it asks outside.
func (m *Map) Mermaid(f Focus) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	edges := edges(m.arrows(f))
	seen, bright := map[string]bool{}, map[string]bool{}
	for _, e := range edges {
		for _, node := range []string{e.from, e.to} {
			bright[node] = bright[node] || !e.dim
			if seen[node] {
				continue
			}
			seen[node] = true
			label, shape := node, "    %s[%s]\n"
			if g := m.group(node); g == nil || g.Outside() {
				shape = "    %s([%s])\n"
			} else if asked := asks(g); asked != "" {
				label = `"` + node + "<br>" + asked + `"`
			}
			fmt.Fprintf(&b, shape, id(node), label)
		}
	}
	var dim []string
	for i, e := range edges {
		arrow := `    %s -->|"%s"| %s` + "\n"
		if e.undoes {
			arrow = `    %s -.->|"%s"| %s` + "\n"
		}
		fmt.Fprintf(&b, arrow, id(e.from), strings.Join(e.facts, "<br>"), id(e.to))
		if e.dim {
			dim = append(dim, strconv.Itoa(i))
		}
	}
	if dim != nil {
		fmt.Fprintf(&b, "    linkStyle %s stroke:#bbb,color:#999\n", strings.Join(dim, ","))
	}
	for _, g := range m.groups {
		if seen[g.Name()] && !bright[g.Name()] {
			fmt.Fprintf(&b, "    style %s fill:none,stroke:#bbb,color:#999\n", id(g.Name()))
		}
	}
	return b.String()
}

// id is a name as Mermaid takes it for a node; the prefix keeps it apart from Mermaid's own words, such as "end".
func id(name string) string { return "g_" + strings.NewReplacer("-", "_", ".", "_").Replace(name) }

// edges gathers arrows between the same two.
func edges(arrows []arrow) []*edge {
	var edges []*edge
	for _, a := range arrows {
		at := slices.IndexFunc(edges, func(e *edge) bool {
			return e.from == a.from && e.to == a.to && e.undoes == a.undoes && e.dim == a.dim
		})
		if at < 0 {
			at = len(edges)
			edges = append(edges, &edge{from: a.from, to: a.to, undoes: a.undoes, dim: a.dim})
		}
		if !slices.Contains(edges[at].facts, a.fact.Type) {
			edges[at].facts = append(edges[at].facts, a.fact.Type)
		}
	}
	return edges
}
