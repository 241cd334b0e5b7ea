package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// others matches variables that are not for us: those of tests, and those that Kubernetes sets for a service of that name.
var others = regexp.MustCompile(`^TIFFIN_(UPDATE$|E2E_|DOOR_AWAY$|PARENT_DIR$)|_TEST_|_SERVICE_(HOST|PORT)|_PORT(_|$)`)

// warnOfUnknown names the variables that look like options and are none: whoever sets one believes in it.
func warnOfUnknown(w io.Writer, model *kong.Application) {
	known := variables(model)
	for _, entry := range slices.Sorted(slices.Values(os.Environ())) {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "TIFFIN_") || slices.Contains(known, name) || others.MatchString(name) {
			continue
		}
		nearest := slices.MinFunc(known, func(a, b string) int { return distance(name, a) - distance(name, b) })
		hint := ""
		if distance(name, nearest) <= 3 {
			hint = ", did you mean " + nearest + "?"
		}
		fmt.Fprintf(w, "tiffin: warning: nothing reads %s%s\n", name, hint)
	}
}

// variables are those that stand for an option of any command.
func variables(model *kong.Application) (names []string) {
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error { // it fails if we do
		if v, ok := node.(*kong.Value); ok {
			names = append(names, v.Tag.Envs...)
		}
		return next(nil)
	})
	return names
}

// distance is how many letters have to be changed, put in or left out to make one of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
