package sagacheck

import (
	"bytes"
	"slices"
)

// The way on which something was found is a shortest one, but its steps come in any order that groups allow: first a
// word of one branch of the story, then one of another. For people the steps are put into an order that tells one thing after
// the other: what is committed is sent at once, what is said is heard next, and who only listens comes last. What can't be moved
// without a difference stays where it was, and that is what the reader must see: who overtakes whom.

// tidied is the way in an order that is easier to read, and ends in the same state. If there is doubt it is the way itself.
func (e *explorer) tidied(steps []Step) []Step {
	tidy := e.tidy(steps)
	was, ok := e.runs(steps)
	if is, same := e.runs(tidy); !ok || !same || !bytes.Equal(was, is) {
		return steps
	}
	return tidy
}

// runs takes the steps, and says in which state they end; ok if they are possible.
func (e *explorer) runs(steps []Step) (end state, ok bool) {
	for i := 0; i < e.len() && e.parents[i] < 0; i++ {
		if slices.Equal(e.first(e.at(i)).Again, steps[0].Again) {
			end, ok = slices.Clone(e.at(i)), true
		}
	}
	for _, want := range steps[1:] {
		from, found := end, false
		e.all(from, func(m *move) {
			if !found && m.bad == "" && sameMove(e.describeMove(from, m), want) {
				found, end = true, slices.Clone(m.next.trimmed())
			}
		})
		ok = ok && found
	}
	return end, ok
}

// sameMove says whether two steps are the same move, with the same facts said.
func sameMove(a, b Step) bool {
	return a.Who == b.Who && a.Does == b.Does && a.Fact == b.Fact && a.Key == b.Key && slices.Equal(a.Chose, b.Chose) &&
		slices.Equal(a.Again, b.Again) && slices.EqualFunc(a.Says, b.Says, sameSaying)
}

func sameSaying(a, b Saying) bool {
	return a.Type == b.Type && a.Key == b.Key && bytes.Equal(a.JSON, b.JSON)
}

// tidy puts the steps in order.
func (e *explorer) tidy(steps []Step) []Step {
	topics := map[string]string{}
	for _, f := range e.facts[1:] {
		topics[f.fact.EventType()] = f.fact.Topic()
	}
	before := e.dependencies(steps, topics)
	listens := listeners(steps)
	out, taken := steps[:1:1], make([]bool, len(steps))
	taken[0] = true
	last := 0
	for len(out) < len(steps) {
		best, bestRank := 0, 0
		for i := range steps {
			if taken[i] || slices.ContainsFunc(before[i], func(j int) bool { return !taken[j] }) {
				continue
			}
			rank := 1
			switch {
			case steps[i].Does == Sends:
				rank = 4
			case listens[steps[i].Who]:
			case slices.Contains(before[i], last) && steps[i].Who != steps[last].Who:
				rank = 3
			default:
				rank = 2
			}
			if rank > bestRank {
				best, bestRank = i, rank
			}
		}
		taken[best], last = true, best
		out = append(out, steps[best])
	}
	return out
}

// dependencies are for each step those that must stay before it.
func (e *explorer) dependencies(steps []Step, topics map[string]string) [][]int {
	before := make([][]int, len(steps))
	causes := causesOf(steps)
	for i, s := range steps {
		for j, earlier := range steps[:i] {
			switch {
			case j == 0 || causes[i] == j,
				earlier.Who == s.Who && (earlier.Key == s.Key || earlier.Does != Sends && s.Does != Sends),
				earlier.Does == Ages || s.Does == Ages,
				(len(earlier.Again) > 0 || earlier.Does == Repeats) && (len(s.Again) > 0 || s.Does == Repeats),
				sameTopic(earlier, s, topics):
				before[i] = append(before[i], j)
			}
		}
	}
	return before
}

// sameTopic says whether both send something where the order counts: of one key on one topic; or of one type, of which the first may
// be the one that comes again.
func sameTopic(a, b Step, topics map[string]string) bool {
	if a.Later || b.Later {
		return false
	}
	return slices.ContainsFunc(a.Says, func(f Saying) bool {
		return slices.ContainsFunc(b.Says, func(g Saying) bool {
			return topics[f.Type] == topics[g.Type] && f.Key == g.Key || f.Type == g.Type
		})
	})
}

// causesOf finds for each step the one that sent what it hears or answers, the first time for the first that hears it, and
// so on; what a step sends is its own, or, if it was committed before, that of the step which committed it. -1: none.
func causesOf(steps []Step) []int {
	type fact struct{ typ, key string }
	said := map[fact][]int{}
	heard := map[string]map[fact]int{}
	out := make([]int, len(steps))
	for i, s := range steps {
		out[i] = -1
		f := fact{s.Fact, s.Key}
		switch s.Does {
		case Hears, Answers, Performs:
			if heard[s.Who] == nil {
				heard[s.Who] = map[fact]int{}
			}
			n := heard[s.Who][f]
			heard[s.Who][f]++
			if times := said[f]; len(times) > 0 {
				out[i] = times[min(n, len(times)-1)]
			}
		case Sends:
			for j := i - 1; j >= 0; j-- {
				if steps[j].Who == s.Who && steps[j].Key == s.Key && steps[j].Later {
					out[i] = j
					break
				}
			}
		case Repeats:
			for j := i - 1; j >= 0; j-- {
				if len(steps[j].Again) > 0 {
					out[i] = j
					break
				}
			}
		case Starts, Expires, Ages, Forgets:
		}
		if !s.Later {
			for _, f := range s.Says {
				said[fact{f.Type, f.Key}] = append(said[fact{f.Type, f.Key}], i)
			}
		}
	}
	return out
}

// listeners are those whom nobody hears in these steps.
func listeners(steps []Step) map[string]bool {
	out := map[string]bool{}
	causes := causesOf(steps)
	for _, s := range steps {
		out[s.Who] = true
	}
	for i, s := range steps {
		if c := causes[i]; c >= 0 && steps[c].Who != s.Who {
			out[steps[c].Who] = false
		}
	}
	return out
}
