package main

import (
	"io"
	"os"

	"golang.org/x/term"
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
