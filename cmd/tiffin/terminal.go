package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"tiffin/saga/words"
)

// columns is how wide the terminal is; 0 if nobody looks at one.
func columns(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// lastColumn matches a line up to its last column, which begins after two blanks or more, and after the dash of a list.
var lastColumn = regexp.MustCompile(`^(.* {2,}|)(- )?`)

// fold breaks lines between words that are too long for the terminal, which would break them anywhere: what goes on stands below
// their last column. One whose last column has no room is left to the terminal; so is all of it with 0 columns, when nobody looks.
func fold(text string, columns int) string {
	if columns == 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		lead := lastColumn.FindString(line)
		begins := utf8.RuneCountInString(lead)
		if utf8.RuneCountInString(line) <= columns || begins > columns*4/5 {
			b.WriteString(line + "\n")
			continue
		}
		for _, row := range words.Wrap(line[len(lead):], columns-begins, "") {
			b.WriteString(lead + row + "\n")
			lead = strings.Repeat(" ", begins)
		}
	}
	return b.String()
}
