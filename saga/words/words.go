// Package words is the little English that those need who print numbers, break lines, or tell people of a misspelling.
package words

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
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

// Thousands is a number as people write it: 1,234,567.
func Thousands[N ~int | ~int64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Wrap breaks a text between words, into lines of so many columns at most; a longer word has a line of its own. The first line keeps the blanks
// with which the text begins, the others begin with the indent.
func Wrap(text string, columns int, indent string) (lines []string) {
	line, begun := text[:len(text)-len(strings.TrimLeft(text, " "))], false
	for word := range strings.FieldsSeq(text) {
		if begun && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			lines = append(lines, line)
			line, begun = indent, false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	return append(lines, line)
}

// Nearest are those of the known names that a misspelt one takes the fewest letters to become, sorted, each once; none if none is known.
func Nearest(name string, known []string) (nearest []string) {
	fewest := 0
	for _, k := range slices.Compact(slices.Sorted(slices.Values(known))) {
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
