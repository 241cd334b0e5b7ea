package layered

import (
	"cmp"
	"math"
	"slices"
)

// choosePorts says where each net meets the sides of its nodes: as straight as can be above or below what it leads to, in the
// order in which they come, and apart.
func (g *graph) choosePorts() {
	g.ports = map[portID]float64{}
	const rounds = 3 // the places of both ends depend on each other
	for range rounds {
		for _, below := range []bool{true, false} {
			wanted := make([][]port, len(g.nodes))
			for _, hops := range g.gaps {
				for _, h := range hops {
					here, there := h.above, h.below
					if !below {
						here, there = there, here
					}
					for _, v := range here {
						if !g.isBend(v) {
							wanted[v] = append(wanted[v], port{h.net, g.nearest(v, there, h.net, !below)})
						}
					}
				}
			}
			for v, ports := range wanted {
				half := g.width(v)/2 - portEdge
				if len(ports) == 1 && math.Abs(ports[0].x-g.x[v]) > half {
					ports[0].x = g.x[v] // if it can't be straight, then in the middle
				}
				spread(ports, g.x[v]-half, g.x[v]+half)
				for _, p := range ports {
					g.ports[portID{v, p.net, below}] = p.x
				}
			}
		}
	}
}

// port is where a net wants to meet a node, and then where it does.
type port struct {
	net int
	x   float64
}

// nearest is the x of the end that is nearest to the vertex, of those that its net has on the other side of a gap.
func (g *graph) nearest(v int, there []int, net int, below bool) float64 {
	best := math.Inf(1)
	for _, u := range there {
		if x := g.end(u, net, below); math.Abs(x-g.x[v]) < math.Abs(best-g.x[v]) {
			best = x
		}
	}
	return best
}

// end is where a net meets a vertex.
func (g *graph) end(v, net int, below bool) float64 {
	if x, ok := g.ports[portID{v, net, below}]; ok {
		return x
	}
	return g.x[v]
}

// spread moves ports apart, within the two bounds, as little as can be (pool adjacent violators).
func spread(ports []port, left, right float64) {
	slices.SortStableFunc(ports, func(a, b port) int { return cmp.Compare(a.x, b.x) })
	type pool struct{ sum, n float64 }
	var pools []pool
	for i, p := range ports { // p.x less its share of the gaps: these only need to be in order
		pools = append(pools, pool{p.x - portGap*float64(i), 1})
		for k := len(pools) - 1; k > 0 && pools[k].sum/pools[k].n < pools[k-1].sum/pools[k-1].n; k-- {
			pools[k-1] = pool{pools[k-1].sum + pools[k].sum, pools[k-1].n + pools[k].n}
			pools = pools[:k]
		}
	}
	i, most := 0, right-portGap*float64(len(ports)-1)
	for _, p := range pools {
		for range int(p.n) {
			ports[i].x = math.Round(min(max(p.sum/p.n, left), most) + portGap*float64(i))
			i++
		}
	}
}

// track is a hop's horizontal line.
type track struct {
	hop
	tops, bottoms []float64 // where lines go up and down from it
	jogs          []float64 // by how much each line from above steps aside before it comes down
	left, right   float64
	level         int // 0 if none is needed: the hop is straight down
}

// route draws the edges.
func (g *graph) route() Layout {
	out := Layout{Nodes: make([]Box, len(g.nodes)), Routes: make([][]Point, len(g.edges))}
	tracks := make([][]track, len(g.gaps))
	tops, heights := make([]float64, len(g.layers)), make([]float64, len(g.layers))
	y := 0.0
	for l, layer := range g.layers {
		for _, v := range layer {
			if !g.isBend(v) {
				heights[l] = max(heights[l], g.nodes[v].Height)
			}
		}
		tops[l] = y
		if y += heights[l]; l < len(g.gaps) {
			tracks[l] = g.tracks(g.gaps[l])
			levels := 0
			for _, t := range tracks[l] {
				levels = max(levels, t.level)
			}
			y += leave + arrive + trackGap*float64(max(levels-1, 0))
		}
	}
	for v, n := range g.nodes {
		l := g.layer[v]
		out.Nodes[v] = Box{g.x[v] - n.Width/2, tops[l] + math.Round((heights[l]-n.Height)/2), n.Width, n.Height}
		out.Width = max(out.Width, g.x[v]+g.width(v)/2)
	}
	out.Height = y
	for v := len(g.nodes); v < len(g.x); v++ {
		out.Width = max(out.Width, g.x[v])
	}
	for n, nt := range g.nets {
		for _, e := range nt.edges {
			out.Routes[e] = g.draw(n, e, out.Nodes, tracks, func(l int) float64 { return tops[l] + heights[l] + leave })
		}
	}
	return out
}

// draw is the route of one edge, along its net.
func (g *graph) draw(n, e int, nodes []Box, tracks [][]track, firstTrack func(layer int) float64) []Point {
	from, to := g.edges[e].From, g.edges[e].To
	step, down := 1, from < to
	if !down {
		step = -1
	}
	var points []Point
	add := func(p Point) {
		for len(points) > 1 && (points[len(points)-1].X == p.X && points[len(points)-2].X == p.X || points[len(points)-1].Y == p.Y && points[len(points)-2].Y == p.Y) {
			points = points[:len(points)-1]
		}
		if len(points) == 0 || points[len(points)-1] != p {
			points = append(points, p)
		}
	}
	side := func(v int, below bool) float64 {
		if below {
			return nodes[v].Y + nodes[v].Height
		}
		return nodes[v].Y
	}
	here := from
	add(Point{g.end(from, n, down), side(from, down)})
	for l := g.layer[from]; l != g.layer[to]; l += step {
		there := to
		if l+step != g.layer[to] {
			there = g.nets[n].bends[l+step]
		}
		gap := min(l, l+step)
		t := tracks[gap][slices.IndexFunc(tracks[gap], func(t track) bool { return t.net == n })]
		a, b := g.end(here, n, down), g.end(there, n, !down)
		if t.level > 0 {
			y := firstTrack(gap) + trackGap*float64(t.level-1)
			stepY := firstTrack(gap) - leave/2
			if aside := a + t.aside(here); down && aside != a {
				add(Point{a, stepY})
				add(Point{aside, stepY})
				a = aside
			}
			add(Point{a, y})
			if aside := b + t.aside(there); !down && aside != b {
				add(Point{aside, y})
				add(Point{aside, stepY})
				add(Point{b, stepY})
			} else {
				add(Point{b, y})
			}
		}
		here = there
	}
	add(Point{g.end(to, n, !down), side(to, !down)})
	return points
}

// tracks gives each hop of a gap a horizontal line, so that lines cross little and no two lie on one another.
func (g *graph) tracks(hops []hop) []track {
	tracks := make([]track, len(hops))
	for i, h := range hops {
		t := &tracks[i]
		t.hop, t.left, t.right = h, math.Inf(1), math.Inf(-1)
		for _, v := range h.above {
			t.tops = append(t.tops, g.end(v, h.net, true))
		}
		t.jogs = make([]float64, len(t.tops))
		for _, v := range h.below {
			t.bottoms = append(t.bottoms, g.end(v, h.net, false))
		}
		for _, x := range slices.Concat(t.tops, t.bottoms) {
			t.left, t.right = min(t.left, x), max(t.right, x)
		}
	}
	order := Order(len(tracks), func(above, below int) float64 { return cross(&tracks[above], &tracks[below]) })
	for i, this := range order {
		t := &tracks[this]
		if t.left == t.right {
			continue
		}
		t.level = 1
		for _, other := range order[:i] {
			if o := &tracks[other]; o.level > 0 && o.left < t.right+lineGap && t.left < o.right+lineGap {
				t.level = max(t.level, o.level+1)
				o.avoid(t, tracks)
			}
		}
	}
	return tracks
}

// tooNear is how far apart two upright lines are to be at least, to be told apart.
const tooNear = portGap / 2

// avoid lets the lines that come down to a track below step aside from those that go down from this one, where one would lie on the
// other: each of the two tracks can need to be above the other.
func (t *track) avoid(below *track, all []track) {
	for i, top := range below.tops {
		if !slices.ContainsFunc(t.bottoms, func(x float64) bool { return math.Abs(x-top) < tooNear }) {
			continue
		}
		var others []float64
		for k := range all {
			others = append(others, all[k].bottoms...)
			for j, x := range all[k].tops {
				if &all[k] != below || j != i {
					others = append(others, x)
				}
			}
		}
		best := 0.0
		for by := 0.5; by <= 3*tooNear; by += 0.5 {
			for _, aside := range []float64{by, -by} {
				room := tooNear // more is no better
				for _, x := range others {
					room = min(room, math.Abs(x-top-aside))
				}
				if room > best {
					best, below.jogs[i] = room, aside
				}
			}
		}
	}
}

// aside is by how much the line to a vertex above steps aside.
func (t *track) aside(v int) float64 {
	if i := slices.Index(t.above, v); i >= 0 {
		return t.jogs[i]
	}
	return 0
}

// cross is how often two hops cross if one is above the other. That they lie on one another counts as very many.
func cross(above, below *track) float64 {
	if above.left == above.right || below.left == below.right {
		return 0 // who has no track crosses the other's wherever that is
	}
	n := 0.0
	for _, x := range above.bottoms {
		if x > below.left && x < below.right {
			n++
		}
		for _, other := range below.tops {
			if math.Abs(x-other) < tooNear {
				n += 1000
			}
		}
	}
	for _, x := range below.tops {
		if x > above.left && x < above.right {
			n++
		}
	}
	return n
}
