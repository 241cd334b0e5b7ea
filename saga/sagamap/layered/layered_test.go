package layered

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// random is a graph of so many nodes, and about so many edges for each, most of them down.
func random(dice *rand.Rand, n int, density float64) ([]Node, []Edge) {
	nodes := make([]Node, n)
	for i := range nodes {
		nodes[i] = Node{20 + float64(dice.IntN(120)), 20 + float64(dice.IntN(60))}
	}
	var edges []Edge
	for range int(float64(n) * density) {
		from, to := dice.IntN(n), dice.IntN(n)
		if from == to {
			continue
		}
		if from > to && dice.IntN(4) > 0 {
			from, to = to, from
		}
		edges = append(edges, Edge{From: from, To: to, Style: dice.IntN(2), Pull: 1 + dice.IntN(3)})
	}
	return nodes, edges
}

// What stands side by side goes into layers below one another before it becomes too broad.
func TestALayerIsNotBroad(t *testing.T) {
	nodes, edges := []Node{{100, 30}}, []Edge(nil)
	const labels = 12
	for i := 1; i <= labels; i++ {
		nodes = append(nodes, Node{120, 20})
		edges = append(edges, Edge{From: 0, To: i, Pull: 1}, Edge{From: i, To: labels + 1, Pull: 1})
	}
	nodes = append(nodes, Node{100, 30})
	l := New(nodes, edges)
	if l.Width > 1.25*broad { // lines pass, too
		t.Errorf("it is %v broad", l.Width)
	}
	for _, fault := range faults(nodes, edges, l) {
		t.Error(fault)
	}
}

// side is one straight part of a route.
type side struct {
	a, b Point
	net  string
}

// faults are all that makes a layout hard to read: things that lie on one another.
func faults(nodes []Node, edges []Edge, l Layout) (found []string) {
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for i, box := range l.Nodes {
		if box.Width < nodes[i].Width || box.Height != nodes[i].Height {
			fault("node %d is %v, and needs %v", i, box, nodes[i])
		}
		if box.X < 0 || box.Y < 0 || box.X+box.Width > l.Width || box.Y+box.Height > l.Height {
			fault("node %d at %v is not within %v x %v", i, box, l.Width, l.Height)
		}
		for j, other := range l.Nodes[:i] {
			if box.X < other.X+other.Width+lineGap && other.X < box.X+box.Width+lineGap && box.Y < other.Y+other.Height && other.Y < box.Y+box.Height {
				fault("node %d at %v is too near to %d at %v", i, box, j, other)
			}
		}
	}
	var sides []side
	for e, route := range l.Routes {
		edge := edges[e]
		from, to := l.Nodes[edge.From], l.Nodes[edge.To]
		below := func(p Point, b Box) bool { return p.Y == b.Y+b.Height }
		above := func(p Point, b Box) bool { return p.Y == b.Y }
		if edge.From > edge.To {
			below, above = above, below
		}
		first, last := route[0], route[len(route)-1]
		if !below(first, from) || !above(last, to) || first.X <= from.X || first.X >= from.X+from.Width || last.X <= to.X || last.X >= to.X+to.Width {
			fault("edge %d leads from %v to %v, not from %v to %v", e, first, last, from, to)
		}
		for i := range len(route) - 1 {
			a, b := route[i], route[i+1]
			if a.X != b.X && a.Y != b.Y || a == b {
				fault("edge %d is not straight from %v to %v", e, a, b)
			}
			sides = append(sides, side{
				Point{min(a.X, b.X), min(a.Y, b.Y)},
				Point{max(a.X, b.X), max(a.Y, b.Y)},
				fmt.Sprint(edge.From, edge.Style, edge.From < edge.To),
			})
		}
	}
	for _, s := range sides {
		for i, box := range l.Nodes {
			if s.a.X < box.X+box.Width && box.X < s.b.X && s.a.Y < box.Y+box.Height && box.Y < s.b.Y ||
				s.a.X == s.b.X && box.X < s.a.X && s.a.X < box.X+box.Width && s.a.Y < box.Y+box.Height && box.Y < s.b.Y {
				fault("a line of net %s from %v to %v runs through node %d at %v", s.net, s.a, s.b, i, box)
			}
		}
	}
	for i, s := range sides {
		for _, o := range sides[:i] {
			const near = 4
			upright := s.a.X == s.b.X && o.a.X == o.b.X && math.Abs(s.a.X-o.a.X) < near && s.a.Y < o.b.Y && o.a.Y < s.b.Y
			flat := s.a.Y == s.b.Y && o.a.Y == o.b.Y && math.Abs(s.a.Y-o.a.Y) < near && s.a.X < o.b.X && o.a.X < s.b.X
			if s.net != o.net && (upright || flat) {
				fault("lines of nets %s and %s lie on one another: %v to %v, %v to %v", s.net, o.net, s.a, s.b, o.a, o.b)
			}
		}
	}
	return found
}

func TestNothingLiesOnAnything(t *testing.T) {
	for seed := range uint64(150) {
		dice := rand.New(rand.NewPCG(seed, 0))
		nodes, edges := random(dice, 1+dice.IntN(50), 0.5+dice.Float64()*1.5)
		layout := New(nodes, edges)
		for _, f := range faults(nodes, edges, layout) {
			t.Errorf("seed %d, %d nodes and %d edges: %s", seed, len(nodes), len(edges), f)
		}
		if seed%10 == 0 && !reflect.DeepEqual(layout, New(nodes, edges)) {
			t.Errorf("seed %d is laid out in two ways", seed)
		}
		if t.Failed() {
			return
		}
	}
}

func TestTheEmptyGraphHasALayout(t *testing.T) {
	if l := New(nil, nil); l.Width != 0 || l.Nodes != nil {
		t.Errorf("%+v", l)
	}
}

// A line that passes through layers is straight, and a chain stands in one column.
func TestWhatCanBeStraightIs(t *testing.T) {
	nodes := slices.Repeat([]Node{{80, 30}}, 5)
	l := New(nodes, []Edge{{0, 1, 0, 1}, {1, 2, 0, 1}, {2, 3, 0, 1}, {3, 4, 0, 1}, {0, 4, 1, 1}})
	for e, route := range l.Routes[:4] {
		if len(route) != 2 {
			t.Errorf("edge %d has corners: %v", e, route)
		}
	}
	if long := l.Routes[4]; len(long) > 6 {
		t.Errorf("the long edge has more corners than two to leave and two to arrive: %v", long)
	}
}

// The edges of one net share their way as long as they can.
func TestANetIsOneTrunk(t *testing.T) {
	nodes := slices.Repeat([]Node{{80, 30}}, 4)
	l := New(nodes, []Edge{{0, 1, 0, 1}, {1, 2, 0, 1}, {2, 3, 0, 1}, {0, 2, 1, 1}, {0, 3, 1, 1}})
	if a, b := l.Routes[3], l.Routes[4]; a[0] != b[0] || a[1].X != b[1].X {
		t.Errorf("two edges of one net part at once:\n%v\n%v", a, b)
	}
}

// A tree is drawn without crossings, in whatever order its nodes come.
func TestATreeHasNoCrossings(t *testing.T) {
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 2))
		const n = 40
		nodes := slices.Repeat([]Node{{60, 30}}, n)
		var edges []Edge
		for v := 1; v < n; v++ {
			edges = append(edges, Edge{From: dice.IntN(v), To: v, Pull: 1})
		}
		if c := crossings(nodes, edges); c > 0 {
			t.Errorf("seed %d: %d crossings", seed, c)
		}
	}
}

// crossings are how many lines cross in a graph, once it is in order.
func crossings(nodes []Node, edges []Edge) int {
	g := &graph{nodes: slices.Clone(nodes), edges: edges}
	g.assignLayers()
	g.joinNets()
	g.orderLayers()
	return g.crossings()
}

// Barycenters alone leave a quarter more crossings in these graphs than together with transpositions.
func TestLinesCrossLittle(t *testing.T) {
	sum := 0
	for seed := range uint64(100) {
		dice := rand.New(rand.NewPCG(seed, 0))
		sum += crossings(random(dice, 1+dice.IntN(50), 0.5+dice.Float64()*1.5))
	}
	if sum > 1450 {
		t.Errorf("%d crossings in 100 graphs", sum)
	}
}

// What the simplex finds is as cheap as the best of all that can be.
func TestTheSimplexFindsTheBest(t *testing.T) {
	for seed := range uint64(300) {
		dice := rand.New(rand.NewPCG(seed, 1))
		const n, room = 5, 7
		var constraints []constraint
		for v := 1; v < n; v++ { // joined, without circles
			constraints = append(constraints, constraint{dice.IntN(v), v, dice.IntN(2), dice.IntN(4)})
		}
		for range 4 {
			if a, b := dice.IntN(n), dice.IntN(n); a < b {
				constraints = append(constraints, constraint{a, b, dice.IntN(3), dice.IntN(4)})
			}
		}
		cost := func(at []int) int {
			sum := 0
			for _, c := range constraints {
				if at[c.to]-at[c.from] < c.min {
					return math.MaxInt
				}
				sum += c.weight * (at[c.to] - at[c.from] - c.min)
			}
			return sum
		}
		best, at := math.MaxInt, make([]int, n)
		for i := range int(math.Pow(room, n)) {
			for v := range at {
				at[v] = i % room
				i /= room
			}
			best = min(best, cost(at))
		}
		if got := cost(solve(n, constraints)); got != best {
			t.Fatalf("seed %d: %d, and the best is %d: %v", seed, got, best, constraints)
		}
	}
}

func TestOrderFindsAnOrderWithoutCost(t *testing.T) {
	const n = 30
	place := rand.New(rand.NewPCG(7, 7)).Perm(n)
	order := Order(n, func(before, after int) float64 {
		if place[before] > place[after] {
			return 1
		}
		return 0
	})
	for i, thing := range order {
		if place[thing] != i {
			t.Fatalf("%v is not in order of %v", order, place)
		}
	}
}
