package layered

import "math"

// What it costs that a line is not straight, for each pixel: least where it leads from node to node, most where it only passes
// through layers, so that long lines are straight.
const (
	bentAtNodes = 1
	bentAtOne   = 2
	bentBetween = 8
)

// place gives each vertex its x: in the order of its layer, apart from its neighbours, and so that lines are straight.
func (g *graph) place() {
	n := len(g.layer) // the root, which joins all layers
	next := n + 1     // a line is a thing of its own, to the left of both its ends: what these are beyond it is how far they are apart
	var constraints []constraint
	for _, layer := range g.layers {
		for i, v := range layer {
			if i == 0 {
				constraints = append(constraints, constraint{n, v, int(math.Ceil(g.width(v) / 2)), 0})
			} else {
				constraints = append(constraints, constraint{layer[i-1], v, g.apart(layer[i-1], v), 0})
			}
		}
	}
	for u, below := range g.down {
		for _, v := range below {
			weight := bentAtNodes
			switch {
			case g.isBend(u) && g.isBend(v):
				weight = bentBetween
			case g.isBend(u) || g.isBend(v):
				weight = bentAtOne
			}
			constraints = append(constraints, constraint{next, u, 0, weight}, constraint{next, v, 0, weight})
			next++
		}
	}
	solved := solve(next, constraints)
	g.x = make([]float64, n)
	left := math.Inf(1)
	for v := range g.x {
		g.x[v] = float64(solved[v])
		left = min(left, g.x[v]-g.width(v)/2)
	}
	for v := range g.x {
		g.x[v] -= left
	}
}

// apart is how far apart the middles of two neighbours in a layer must be.
func (g *graph) apart(u, v int) int {
	gap := nodeGap
	if g.isBend(u) || g.isBend(v) {
		gap = lineGap
	}
	return int(math.Ceil((g.width(u)+g.width(v))/2 + gap))
}
