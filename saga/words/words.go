// Package words is the little English that those need who print numbers.
package words

import (
	"fmt"
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
