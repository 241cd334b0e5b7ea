package layered

import (
	"math/rand/v2"
	"slices"
)

const (
	starts = 12 // different orders to begin with
	sweeps = 12 // down and up again, from each
)

// orderLayers orders the vertices of each layer, so that few lines cross.
func (g *graph) orderLayers() {
	g.at = make([]int, len(g.layer))
	dice := rand.New(rand.NewPCG(1, 2)) // the same graph is always laid out in the same way
	best, fewest := [][]int(nil), -1
	for start := range starts {
		if start > 0 {
			for _, layer := range g.layers {
				dice.Shuffle(len(layer), func(i, j int) { layer[i], layer[j] = layer[j], layer[i] })
			}
		}
		g.number()
		for sweep := range sweeps {
			g.sweep(sweep%2 == 0)
			g.transpose()
			if crossings := g.crossings(); fewest < 0 || crossings < fewest {
				fewest, best = crossings, nil
				for _, layer := range g.layers {
					best = append(best, slices.Clone(layer))
				}
			}
		}
	}
	g.layers = best
	g.number()
	for _, neighbours := range [][][]int{g.up, g.down} {
		for _, list := range neighbours {
			slices.SortFunc(list, func(a, b int) int { return g.at[a] - g.at[b] })
		}
	}
}

func (g *graph) number() {
	for _, layer := range g.layers {
		for i, v := range layer {
			g.at[v] = i
		}
	}
}

// sweep orders each layer by the means of its vertices' neighbours in the layer before.
func (g *graph) sweep(down bool) {
	means := make([]float64, len(g.layer))
	for i := range g.layers {
		layer, neighbours := g.layers[i], g.up
		if !down {
			layer, neighbours = g.layers[len(g.layers)-1-i], g.down
		}
		for place, v := range layer {
			means[v] = float64(place)
			if len(neighbours[v]) > 0 {
				sum := 0
				for _, u := range neighbours[v] {
					sum += g.at[u]
				}
				means[v] = float64(sum) / float64(len(neighbours[v]))
			}
		}
		slices.SortStableFunc(layer, func(a, b int) int {
			switch d := means[a] - means[b]; {
			case d < 0:
				return -1
			case d > 0:
				return 1
			}
			return 0
		})
		for place, v := range layer {
			g.at[v] = place
		}
	}
}

// transpose swaps neighbours in a layer as long as that makes lines cross less.
func (g *graph) transpose() {
	for swapped := true; swapped; {
		swapped = false
		for _, layer := range g.layers {
			for i := range len(layer) - 1 {
				left, right := layer[i], layer[i+1]
				if g.crossed(right, left) < g.crossed(left, right) {
					layer[i], layer[i+1] = right, left
					g.at[left], g.at[right] = i+1, i
					swapped = true
				}
			}
		}
	}
}

// crossed is how often the lines of two neighbours cross, with one of them on the left.
func (g *graph) crossed(left, right int) int {
	n := 0
	for _, neighbours := range [][][]int{g.up, g.down} {
		for _, l := range neighbours[left] {
			for _, r := range neighbours[right] {
				if g.at[l] > g.at[r] {
					n++
				}
			}
		}
	}
	return n
}

// crossings is how many lines cross.
func (g *graph) crossings() int {
	n := 0
	for _, layer := range g.layers {
		for i, left := range layer {
			for _, right := range layer[i+1:] {
				for _, l := range g.down[left] {
					for _, r := range g.down[right] {
						if g.at[l] > g.at[r] {
							n++
						}
					}
				}
			}
		}
	}
	return n
}
