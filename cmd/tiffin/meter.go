package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How often progress is shown: on a terminal one line that is rewritten, else a line each time.
const (
	terminalEvery = 100 * time.Millisecond
	plainEvery    = 5 * time.Second
)

// meter shows progress.
type meter struct {
	mu      sync.Mutex
	out     io.Writer
	columns int // of the terminal; 0: it is none
	last    time.Time
	shown   bool
}

func newMeter(out io.Writer) *meter {
	return &meter{out: out, columns: columns(out), last: time.Now()}
}

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

// show shows how far something is, if it has not done so just now.
func (m *meter) show(p fmt.Stringer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	every := plainEvery
	if m.columns > 0 {
		every = terminalEvery
	}
	if time.Since(m.last) < every {
		return
	}
	m.last = time.Now()
	if m.columns == 0 {
		fmt.Fprintln(m.out, p)
		return
	}
	line := []rune(p.String())
	fmt.Fprintf(m.out, "\r\x1b[K%s", string(line[:min(len(line), m.columns-1)]))
	m.shown = true
}

// clear takes the line away.
func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown {
		fmt.Fprint(m.out, "\r\x1b[K")
		m.shown = false
	}
}
