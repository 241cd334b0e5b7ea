// Package layered places the nodes of a directed graph in layers, one below the other, and routes its edges between them: in
// vertical and horizontal lines, none of which runs through a node.
//
// It takes the way of Sugiyama, Tagawa and Toda in its usual steps, a file each: layers (layers.go), the order within each by
// barycenters and transpositions (order.go), places (place.go), and the routes (route.go). Layers and places are the best that
// there are, by the network simplex (simplex.go). What is its own: the
// edges of one source and style are a [Net], which is one trunk with branches, as on a circuit board. So a fact that ten
// groups hear is one line that forks, not ten. What is to be read beside an edge is a node of its own within the edge: it has a place
// as any node, so no label lies on anything.
package layered

import (
	"math"
	"slices"
)

// Node is a node's size.
type Node struct{ Width, Height float64 }

// Edge is an arrow between two nodes, by their indices. Those of the same From, Style and direction are one net. Pull is how
// important it is that it does not pass through many layers.
type Edge struct{ From, To, Style, Pull int }

// Point is a place in the drawing; y grows downwards.
type Point struct{ X, Y float64 }

// Box is where a node is. It may be wider than was asked, so that all its lines have a place to meet it.
type Box struct{ X, Y, Width, Height float64 }

// Layout is where everything is. It begins at (0, 0).
type Layout struct {
	Width, Height float64
	Nodes         []Box
	Routes        [][]Point // the corners of each edge's route, from its source to the point of its arrow
}

// Distances, in pixels.
const (
	nodeGap  = 16.0 // between two nodes of a layer
	lineGap  = 10.0 // between a line and whatever is beside it
	portGap  = 9.0  // between two lines that meet a node
	portEdge = 9.0  // between such a line and the node's corner
	trackGap = 9.0  // between two horizontal lines
	leave    = 9.0  // between a node's lower side and the first horizontal line
	arrive   = 15.0 // between the last horizontal line and a node's upper side: an arrow's point is in it
)

// New lays out a graph. The nodes are listed in the order in which things flow: an edge to a later node goes down, any other
// goes up. An edge from a node to itself must have another in it. The same graph is always laid out in the same way.
func New(nodes []Node, edges []Edge) Layout {
	if len(nodes) == 0 {
		return Layout{}
	}
	g := &graph{nodes: slices.Clone(nodes), edges: edges}
	for v := range g.nodes { // even, so that middles are whole numbers
		g.nodes[v].Width = 2 * math.Ceil(g.nodes[v].Width/2)
	}
	g.assignLayers()
	g.joinNets()
	g.orderLayers()
	g.place()
	g.choosePorts()
	return g.route()
}

// graph is a graph while it is laid out. Its vertices are the nodes, and then bends: where a net passes through a layer.
type graph struct {
	nodes []Node
	edges []Edge

	layer  []int     // of each vertex
	netOf  []int     // of each bend, by its vertex less the nodes
	nets   []net     // in the order of their first edge
	layers [][]int   // the vertices of each layer, from left to right
	at     []int     // the place of each vertex in its layer
	x      []float64 // the middle of each vertex

	up, down [][]int            // of each vertex: its neighbours in the layers above and below
	gaps     [][]hop            // what is to be drawn below each layer
	ports    map[portID]float64 // where a net meets a node
}

// net is the edges of one source, style and direction.
type net struct {
	edges []int
	bends map[int]int // layer -> vertex
}

// hop is the part of a net that is between two layers that follow one another: what is to be joined.
type hop struct {
	net          int
	above, below []int // vertices
}

// portID is the side of a vertex where a net meets it.
type portID struct {
	vertex, net int
	below       bool // at the vertex's lower side
}

func (g *graph) isBend(v int) bool { return v >= len(g.nodes) }

func (g *graph) width(v int) float64 {
	if g.isBend(v) {
		return 0
	}
	return g.nodes[v].Width
}

// Order arranges n things so that cost is small, the sum over all pairs of what it costs that the first is before the second.
// It starts with their given order, and moves one thing at a time to where it does best.
func Order(n int, cost func(before, after int) float64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	const enough = 50 // passes; a few are the rule
	for range enough {
		moved := false
		for thing := range n {
			if from, to := bestPlace(order, thing, cost); from != to {
				for at := from; at < to; at++ {
					order[at] = order[at+1]
				}
				for at := from; at > to; at-- {
					order[at] = order[at-1]
				}
				order[to], moved = thing, true
			}
		}
		if !moved {
			break
		}
	}
	return order
}

// bestPlace is where a thing is, and where it does best: where it is, unless another place is better.
func bestPlace(order []int, thing int, cost func(before, after int) float64) (from, to int) {
	for order[from] != thing {
		from++
	}
	const better = 1e-9
	to = from
	best, sum := 0.0, 0.0
	for at := from - 1; at >= 0; at-- {
		sum += cost(thing, order[at]) - cost(order[at], thing)
		if sum < best-better {
			best, to = sum, at
		}
	}
	sum = 0
	for at := from + 1; at < len(order); at++ {
		sum += cost(order[at], thing) - cost(thing, order[at])
		if sum < best-better {
			best, to = sum, at
		}
	}
	return from, to
}
