package sagacheck

import (
	"strings"

	"tiffin/saga/words"
)

// pageColumns is how wide a diagram is; a word that is longer than what is left of a line makes it wider.
const pageColumns = 100

// Diagram draws the finding as a sequence diagram for a terminal. Time goes down. Each participant has a line, under its name; an arrow
// goes from who said a fact to who handles it now, so what comes late, or overtakes, crosses what came before.
//
//	     stock
//	     │     bank
//	     │     │
//	────▶●     │       placed → stock: hold [done]
//	     ├────▶●       held → bank: pay [done]
//	     │     │         accounts ann: balance 5 -> 0
//
// A dot is a reaction that runs, a ring a fact that the group ignores. In brackets stands where the group's act is then; if
// there are several sagas, each has its own dot. At the bottom: where the acts are at the end, and what is wrong, a line for each.
func (f Finding) Diagram() string {
	s := f.story()
	d := drawing{story: s, gap: 6}
	switch {
	case len(s.lanes) > 9:
		d.gap = 3
	case len(s.lanes) > 6:
		d.gap = 4
	case len(s.lanes) > 4:
		d.gap = 5
	}
	if len(s.lanes) > 0 {
		d.head()
	}
	for _, l := range s.lines {
		d.line(l)
	}
	d.foot()
	return d.String()
}

// drawing is a diagram while it is drawn.
type drawing struct {
	strings.Builder
	story
	gap int // columns from one lane to the next
}

// The dots of sagas; the last one is for all that are more.
const (
	dots  = "●■▲◆★"
	rings = "○□△◇☆"
)

func nth(runes string, i int) rune {
	all := []rune(runes)
	return all[max(0, min(i, len(all)-1))]
}

// column is where a lane is.
func (d *drawing) column(lane int) int { return d.gap * (lane + 1) }

// lanesDrawn is a row of all lanes up to this one.
func (d *drawing) lanesDrawn(upTo int) []rune {
	row := []rune(strings.Repeat(" ", d.column(len(d.lanes)-1)+3))
	for i := range upTo {
		row[d.column(i)] = '│'
	}
	return row
}

func (d *drawing) put(row string) { d.WriteString(strings.TrimRight(row, " ") + "\n") }

func (d *drawing) head() {
	for i, saga := range d.sagas {
		if i == 0 {
			d.WriteString(strings.Repeat(" ", d.gap))
		} else {
			d.WriteString("   ")
		}
		d.WriteString(string(nth(dots, i)) + " " + saga)
	}
	if len(d.sagas) > 0 {
		d.WriteString("\n\n")
	}
	for i, name := range d.lanes {
		d.put(string(d.lanesDrawn(i)[:d.column(i)]) + name)
	}
	d.put(string(d.lanesDrawn(len(d.lanes))))
}

// line draws what happens, and beside it what it is.
func (d *drawing) line(l line) {
	row := d.lanesDrawn(len(d.lanes))
	d.arrow(row, l)
	bare := string(d.lanesDrawn(len(d.lanes)))
	width := pageColumns - len(row)
	for i, text := range words.Wrap(l.text, width, "  ") {
		if i > 0 {
			row = []rune(bare)
		}
		d.put(string(row) + text)
	}
	for _, note := range l.notes {
		for _, text := range words.Wrap("  "+note, width, "    ") {
			d.put(bare + text)
		}
	}
}

// arrow draws from who said a fact to who handles it.
func (d *drawing) arrow(row []rune, l line) {
	to, from := d.column(l.to), 1
	if l.from != theStart {
		from = d.column(l.from)
	}
	for x := min(from, to) + 1; x < max(from, to); x++ {
		if row[x] == '│' {
			row[x] = '┼'
		} else {
			row[x] = '─'
		}
	}
	switch {
	case from < to:
		row[to-1] = '▶'
		if l.from != theStart {
			row[from] = '├'
		}
	case from > to:
		row[from], row[to+1] = '┤', '◀'
	}
	row[to] = nth(dots, l.saga)
	switch {
	case l.ignored:
		row[to] = nth(rings, l.saga)
	case l.wrong:
		row[to] = '✗'
	}
}

func (d *drawing) foot() {
	if len(d.lanes) > 0 {
		d.put(string(d.lanesDrawn(len(d.lanes))))
	}
	if len(d.ends) > 0 {
		for _, text := range words.Wrap("At the end: "+strings.Join(d.ends, " · ")+".", pageColumns-2, "  ") {
			d.put("  " + text)
		}
	}
	if d.what == "" {
		d.put("  ✓ nothing is wrong")
		return
	}
	for _, what := range strings.Split(d.what, "\n") {
		for _, text := range words.Wrap("✗ "+what, pageColumns-2, "  ") {
			d.put("  " + text)
		}
	}
}
