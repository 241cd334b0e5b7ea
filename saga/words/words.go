// Package words is the little English that those need who print numbers, or tell people of a misspelling.
package words

import (
	"fmt"
	"slices"
	"strings"
)

// Count is a number with its noun, which is given in the singular: 1 fact, 2 facts, 0 currencies.
func Count[N ~int | ~int64](n N, noun string) string { return fmt.Sprintf("%d %s", n, Noun(n, noun)) }

// Noun is the noun that goes with a number, for those who write that in a way of their own: 1,000 facts. It knows the plurals that
// follow a rule.
func Noun[N ~int | ~int64](n N, noun string) string {
	last := len(noun) - 1
	switch {
	case n == 1:
		return noun
	case strings.HasSuffix(noun, "y") && !strings.ContainsAny(noun[last-1:last], "aeiou"):
		return noun[:last] + "ies"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	}
	return noun + "s"
}

// Nearest are those of the known names that a misspelt one takes the fewest letters to become, sorted; none if none is known.
func Nearest(name string, known []string) (nearest []string) {
	fewest := 0
	for _, k := range slices.Sorted(slices.Values(known)) {
		switch letters := distance(name, k); {
		case nearest == nil || letters < fewest:
			nearest, fewest = []string{k}, letters
		case letters == fewest:
			nearest = append(nearest, k)
		}
	}
	return nearest
}

// distance is how many letters have to be put in, taken out or replaced to make one word of the other.
func distance(from, to string) int {
	row := make([]int, len(to)+1) // for what of from has been read, to each beginning of to
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		before := row[0]
		row[0]++
		for j := range len(to) {
			replaced := before
			if from[i] != to[j] {
				replaced++
			}
			before = row[j+1]
			row[j+1] = min(replaced, before+1, row[j]+1)
		}
	}
	return row[len(to)]
}
