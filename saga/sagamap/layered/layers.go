package layered

import (
	"math"
	"slices"
)

// broad is how much room the nodes of a layer take at most, in pixels, if some of them can go elsewhere: a page scales a picture that is broader than
// itself, and nobody can read it then.
const broad = 800.0

// assignLayers puts every node below all that lead down to it, so that edges are short, those that pull more before others, and no layer
// broad.
func (g *graph) assignLayers() {
	root := len(g.nodes) // joins what nothing else does
	var constraints []constraint
	for v := range g.nodes {
		constraints = append(constraints, constraint{root, v, 0, 0})
	}
	for _, e := range g.edges {
		constraints = append(constraints, constraint{min(e.From, e.To), max(e.From, e.To), 1, e.Pull})
	}
	g.layer = solve(len(g.nodes)+1, constraints)[:root]
	for range g.nodes {
		apart, found := g.narrow()
		if !found {
			break
		}
		constraints = append(constraints, apart)
		g.layer = solve(len(g.nodes)+1, constraints)[:root]
	}
	first := slices.Min(g.layer)
	for v := range g.layer {
		g.layer[v] -= first
	}
}

// narrow is a constraint that parts two nodes of the broadest layer; false if that is narrow enough. It moves the one that has most layers to go to
// before its neighbours there have to move, too.
func (g *graph) narrow() (apart constraint, found bool) {
	layers := make([][]int, slices.Max(g.layer)+1)
	widths := make([]float64, len(layers))
	for v := range g.nodes {
		layers[g.layer[v]] = append(layers[g.layer[v]], v)
		widths[g.layer[v]] += g.nodes[v].Width + nodeGap
	}
	broadest := slices.Index(widths, slices.Max(widths))
	if widths[broadest] <= broad {
		return apart, false
	}
	nodes, most := layers[broadest], -1
	first, last := nodes[0], nodes[len(nodes)-1]
	for _, v := range nodes {
		up, down := g.room(v)
		if v != first && down > most {
			most, apart = down, constraint{first, v, 1, 0}
		}
		if v != last && up > most {
			most, apart = up, constraint{v, last, 1, 0}
		}
	}
	return apart, most >= 0
}

// room is by how many layers a node may go up or down before its neighbours have to; -1 where it has none.
func (g *graph) room(v int) (up, down int) {
	up, down = math.MaxInt, math.MaxInt
	for _, e := range g.edges {
		switch above, below := min(e.From, e.To), max(e.From, e.To); v {
		case above:
			down = min(down, g.layer[below]-g.layer[v]-1)
		case below:
			up = min(up, g.layer[v]-g.layer[above]-1)
		}
	}
	if up == math.MaxInt {
		up = -1
	}
	if down == math.MaxInt {
		down = -1
	}
	return up, down
}

// joinNets gathers the edges of each net, and gives it a bend in each layer that it passes through.
func (g *graph) joinNets() {
	type netID struct {
		from, style int
		down        bool
	}
	known := map[netID]int{}
	for i, e := range g.edges {
		id := netID{e.From, e.Style, e.From < e.To}
		n, ok := known[id]
		if !ok {
			n = len(g.nets)
			known[id] = n
			g.nets = append(g.nets, net{bends: map[int]int{}})
		}
		g.nets[n].edges = append(g.nets[n].edges, i)
	}
	g.layers = make([][]int, slices.Max(g.layer)+1)
	g.gaps = make([][]hop, len(g.layers)-1)
	for v := range g.nodes {
		g.layers[g.layer[v]] = append(g.layers[g.layer[v]], v)
	}
	for n := range g.nets {
		g.join(n)
	}
	g.up, g.down = make([][]int, len(g.layer)), make([][]int, len(g.layer))
	for _, hops := range g.gaps {
		above, below := map[int]int{}, map[int]int{} // how many nets meet a vertex there
		for _, h := range hops {
			for _, u := range h.above {
				above[u]++
				for _, v := range h.below {
					g.down[u], g.up[v] = append(g.down[u], v), append(g.up[v], u)
				}
			}
			for _, v := range h.below {
				below[v]++
			}
		}
		for v := range g.nodes {
			g.nodes[v].Width = max(g.nodes[v].Width, 2*math.Ceil((2*portEdge+portGap*float64(max(above[v], below[v])-1))/2))
		}
	}
}

// join makes the net's bends and hops, from its source on to its furthest target.
func (g *graph) join(n int) {
	nt := &g.nets[n]
	from := g.edges[nt.edges[0]].From
	step, last := 1, g.layer[from]
	targets := map[int][]int{} // layer -> nodes
	for _, i := range nt.edges {
		to := g.edges[i].To
		if to <= from {
			step = -1
		}
		if l := g.layer[to]; !slices.Contains(targets[l], to) {
			targets[l] = append(targets[l], to)
		}
		if (g.layer[to]-last)*step > 0 {
			last = g.layer[to]
		}
	}
	here := from
	for l := g.layer[from] + step; l != last+step; l += step {
		there := slices.Clone(targets[l])
		if l != last {
			bend := len(g.layer)
			g.layer, g.netOf = append(g.layer, l), append(g.netOf, n)
			g.layers[l] = append(g.layers[l], bend)
			nt.bends[l] = bend
			there = append(there, bend)
		}
		if step > 0 {
			g.gaps[l-1] = append(g.gaps[l-1], hop{n, []int{here}, there})
		} else {
			g.gaps[l] = append(g.gaps[l], hop{n, there, []int{here}})
		}
		if l != last {
			here = nt.bends[l]
		}
	}
}
