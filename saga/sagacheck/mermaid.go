package sagacheck

import (
	"fmt"
	"strings"

	"tiffin/saga/words"
)

// Mermaid draws the finding as a sequence diagram for Mermaid, with the same story as [Finding.Diagram]: for a page, an issue, a
// pull request.
func (f Finding) Mermaid() string {
	s := f.story()
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	begins := false
	for _, l := range s.lines {
		begins = begins || l.from == theStart
	}
	if begins {
		b.WriteString("    participant start as the start\n")
	}
	for i, name := range s.lanes {
		fmt.Fprintf(&b, "    participant %s as %s\n", lane(i), mermaidText(name))
	}
	for _, l := range s.lines {
		arrow, notes := "->>", l.notes
		if l.ignored {
			arrow = "-x"
		}
		switch {
		case l.fact == "":
			notes = append([]string{l.deed}, notes...)
		case l.several:
			notes = append([]string{"hears " + l.fact, l.deed}, notes...)
		default:
			fmt.Fprintf(&b, "    %s%s%s: %s\n", lane(l.from), arrow, lane(l.to), mermaidText(l.fact))
			notes = append([]string{l.deed}, notes...)
		}
		b.WriteString(mermaidNote(lane(l.to), notes...))
	}
	if len(s.lanes) == 0 {
		b.WriteString("    participant all as everybody\n" + mermaidNote("all", "✗ "+s.what))
		return b.String()
	}
	all := lane(0)
	if len(s.lanes) > 1 {
		all += "," + lane(len(s.lanes)-1)
	}
	var ends []string
	if len(s.ends) > 0 {
		ends = []string{"At the end: " + strings.Join(s.ends, ", ")}
	}
	for _, what := range strings.Split(s.what, "\n") {
		ends = append(ends, "✗ "+what)
	}
	b.WriteString(mermaidNote(all, ends...))
	return b.String()
}

// lane is what a participant is called in the source: any name is possible then.
func lane(i int) string {
	if i == theStart {
		return "start"
	}
	return fmt.Sprint("p", i)
}

// noteColumns is how wide a note is: Mermaid does not break lines by itself.
const noteColumns = 60

func mermaidNote(over string, lines ...string) string {
	var rows []string
	for _, text := range lines {
		if text != "" {
			for _, row := range words.Wrap(text, noteColumns, "") {
				rows = append(rows, mermaidText(row))
			}
		}
	}
	if rows == nil {
		return ""
	}
	return fmt.Sprintf("    Note over %s: %s\n", over, strings.Join(rows, "<br/>"))
}

// mermaidText escapes what means something in Mermaid or in HTML.
func mermaidText(s string) string {
	return strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#lt;", "&", "#amp;").Replace(s)
}
