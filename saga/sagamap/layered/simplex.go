package layered

import "math"

// constraint says that what it ends at is at least so far beyond what it starts from; each unit beyond that costs its weight.
type constraint struct {
	from, to    int
	min, weight int
}

// solve finds numbers that keep all constraints, as cheaply as can be: the network simplex of Gansner, Koutsofios, North and Vo ("A
// Technique for Drawing Directed Graphs", 1993). The constraints have no circle, and join all n things.
func solve(n int, constraints []constraint) []int {
	s := &simplex{
		constraints: constraints, at: make([]int, n), inTree: make([]bool, len(constraints)),
		parent: make([]int, n), low: make([]int, n), lim: make([]int, n), cut: make([]int, len(constraints)), touching: make([][]int, n),
	}
	for i, c := range constraints {
		s.touching[c.from], s.touching[c.to] = append(s.touching[c.from], i), append(s.touching[c.to], i)
	}
	s.begin()
	for s.grow() < n {
		s.tighten()
	}
	s.measure()
	const enough = 20_000 // exchanges; what there is then is good, if not the best
	for range enough {
		out := s.leaving()
		if out < 0 {
			break
		}
		s.exchange(out, s.entering(out))
	}
	least := s.at[0]
	for _, a := range s.at {
		least = min(least, a)
	}
	for v := range s.at {
		s.at[v] -= least
	}
	return s.at
}

// simplex holds a spanning tree of constraints that are kept with nothing to spare.
type simplex struct {
	constraints []constraint
	touching    [][]int // the constraints at each thing
	at          []int
	inTree      []bool
	cut         []int // of a constraint in the tree: what it costs more to loosen it by one
	next        int   // where to look for the next one that leaves

	parent   []int // of each thing: the constraint that leads to the tree's root; -1 for the root
	low, lim []int // of each thing: the least number, and the greatest, in its branch of the tree, walked in postorder
}

func (s *simplex) slack(i int) int {
	c := s.constraints[i]
	return s.at[c.to] - s.at[c.from] - c.min
}

// begin puts everything as far forward as the constraints let it.
func (s *simplex) begin() {
	waiting := make([]int, len(s.at))
	for _, c := range s.constraints {
		waiting[c.to]++
	}
	var order []int
	for v, n := range waiting {
		if n == 0 {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, t := range s.touching[order[i]] {
			if c := s.constraints[t]; c.from == order[i] {
				s.at[c.to] = max(s.at[c.to], s.at[c.from]+c.min)
				if waiting[c.to]--; waiting[c.to] == 0 {
					order = append(order, c.to)
				}
			}
		}
	}
}

// grow makes a tree, from the first thing on, of constraints with nothing to spare, and numbers it. It returns how many things
// are in it.
func (s *simplex) grow() int {
	clear(s.inTree)
	clear(s.lim)
	return s.walk(func(i int) bool { return s.slack(i) == 0 })
}

// walk numbers the tree of the constraints that join, in postorder.
func (s *simplex) walk(joins func(constraint int) bool) int {
	type step struct{ thing, next int } // there is no recursion: trees can be deep
	steps, seen, number := []step{{0, 0}}, make([]bool, len(s.at)), 0
	seen[0], s.parent[0], s.low[0] = true, -1, 1
	for len(steps) > 0 {
		top := &steps[len(steps)-1]
		if top.next == len(s.touching[top.thing]) {
			number++
			s.lim[top.thing] = number
			steps = steps[:len(steps)-1]
			continue
		}
		i := s.touching[top.thing][top.next]
		top.next++
		if other := s.other(i, top.thing); !seen[other] && joins(i) {
			seen[other], s.parent[other], s.low[other], s.inTree[i] = true, i, number+1, true
			steps = append(steps, step{other, 0})
		}
	}
	return number
}

func (s *simplex) other(i, v int) int {
	if c := s.constraints[i]; c.from == v {
		return c.to
	}
	return s.constraints[i].from
}

// tighten moves the whole tree so that one more thing can join it.
func (s *simplex) tighten() {
	least, by := math.MaxInt, 0
	for i, c := range s.constraints {
		in := s.lim[c.from] > 0
		if in == (s.lim[c.to] > 0) {
			continue
		}
		if slack := s.slack(i); slack < least {
			least, by = slack, slack
			if !in {
				by = -slack
			}
		}
	}
	for v, lim := range s.lim {
		if lim > 0 {
			s.at[v] += by
		}
	}
}

// branch is the lower end of a tree's constraint: all in its branch would move if the constraint were loosened.
func (s *simplex) branch(i int) int {
	if c := s.constraints[i]; s.parent[c.from] == i {
		return c.from
	}
	return s.constraints[i].to
}

func (s *simplex) within(v, branch int) bool {
	return s.low[branch] <= s.lim[v] && s.lim[v] <= s.lim[branch]
}

// measure works out the cut values of the tree's constraints: for each, the weights of the constraints that lead the same way
// between the two halves of the tree, less those of the others.
func (s *simplex) measure() {
	order := make([]int, len(s.at)+1)
	for v, lim := range s.lim {
		order[lim] = v
	}
	outward := make([]int, len(s.at)) // of a branch: the weights that lead out of it, less those that lead into it
	for _, v := range order[1:] {     // branches before what they hang from
		for _, i := range s.touching[v] {
			c := s.constraints[i]
			switch {
			case c.from == v:
				outward[v] += c.weight
			default:
				outward[v] -= c.weight
			}
			if i != s.parent[v] && s.inTree[i] {
				outward[v] += outward[s.branch(i)]
			}
		}
		if i := s.parent[v]; i >= 0 {
			if s.cut[i] = outward[v]; s.constraints[i].to == v {
				s.cut[i] = -outward[v]
			}
		}
	}
}

// leaving is a constraint of the tree that is better loosened; -1 if there is none.
func (s *simplex) leaving() int {
	for range s.constraints {
		i := s.next
		s.next = (s.next + 1) % len(s.constraints)
		if s.inTree[i] && s.cut[i] < 0 {
			return i
		}
	}
	return -1
}

// entering is the constraint that is met first when another is loosened.
func (s *simplex) entering(out int) int {
	branch := s.branch(out)
	forward := s.constraints[out].to == branch // its branch moves on
	best, least := -1, math.MaxInt
	for i, c := range s.constraints {
		from, to := s.within(c.from, branch), s.within(c.to, branch)
		if from == to || from != forward {
			continue
		}
		if slack := s.slack(i); slack < least {
			best, least = i, slack
		}
	}
	return best
}

// exchange puts one constraint into the tree for another.
func (s *simplex) exchange(out, in int) {
	branch, by := s.branch(out), s.slack(in)
	if s.constraints[out].to != branch {
		by = -by
	}
	for v := range s.at {
		if s.within(v, branch) {
			s.at[v] += by
		}
	}
	s.inTree[out], s.inTree[in] = false, true
	s.walk(func(i int) bool { return s.inTree[i] })
	s.measure()
}
