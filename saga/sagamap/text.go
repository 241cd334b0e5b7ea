package sagamap

import (
	"fmt"
	"slices"
	"strings"

	"tiffin/saga"
	"tiffin/saga/words"
)

// The text takes so many columns at most, and wants so many at least.
const (
	maxWidth = 100
	minWidth = 80
)

// Where the columns of the text begin.
const (
	nameColumn = 2 + 9
	verbColumn = nameColumn + 18
	factColumn = verbColumn + 7
	peerColumn = factColumn + 24
)

// Text draws tables: one line for each fact that a reaction hears or may say, with its speakers and listeners. For a fact it
// says who would notice. It is for a terminal of so many columns, 80 at least; 0 is as wide as it gets, 100.
func (m *Map) Text(f Focus, columns int) string {
	t := text{width: maxWidth}
	if columns > 0 {
		t.width = min(max(columns, minWidth), maxWidth)
	}
	if f.Fact != "" {
		m.notices(&t, f)
		return t.String()
	}
	ways := m.ways(f.Ends)
	for _, g := range m.groups {
		if len(f.Groups) > 0 && !slices.Contains(f.Groups, g.Name()) {
			continue
		}
		var shown []reaction
		for i, r := range m.reactions {
			if r.group == g && (len(f.Ends) == 0 || ways[i]) {
				shown = append(shown, r)
			}
		}
		if len(shown) == 0 && len(f.Ends) > 0 {
			continue
		}
		if t.Len() > 0 {
			t.line("")
		}
		m.table(&t, g, shown)
		for _, table := range g.Tables() {
			if len(f.Ends) == 0 && g.Mirrored(table) {
				t.line(pad("  mirrors", nameColumn) + table.Name())
			}
		}
	}
	return t.String()
}

// text collects lines without blanks at their ends.
type text struct {
	strings.Builder
	width int
}

func (t *text) line(s string) {
	t.WriteString(strings.TrimRight(s, " "))
	t.WriteByte('\n')
}

func (m *Map) table(t *text, g *saga.Group, shown []reaction) {
	if g.Outside() {
		t.line(g.Name() + " (outside)")
	} else {
		t.line(g.Name())
	}
	wait := ""
	for _, r := range shown {
		if r.Wait != wait && r.Wait != "" {
			t.line(fmt.Sprintf("  then, within %s, one of", saga.Duration(r.Within)))
		}
		wait = r.Wait
		m.reaction(t, r)
	}
}

// reaction draws one arrow: role and name on its first line.
func (m *Map) reaction(t *text, r reaction) {
	role := "  " + string(r.Role)
	if r.Wait != "" {
		role = "    " + string(r.Role)
	}
	name := r.Name
	if r.Role == saga.RoleBegins {
		name = "" // it is the fact's, which follows
	}
	lead := pad(pad(role, nameColumn)+name, verbColumn)
	for _, row := range m.rows(r) {
		line := pad(lead+row.verb, factColumn)
		for i, part := range words.Wrap(row.what, t.width-factColumn, "") {
			if i > 0 {
				line = pad("", factColumn)
			}
			if row.peers == "" {
				t.line(line + part)
			} else {
				t.peers(pad(line+part, peerColumn), row.peers)
			}
		}
		lead = pad("", verbColumn)
	}
}

// peers ends a line with who is at the other end.
func (t *text) peers(line, peers string) {
	for i, part := range words.Wrap(peers, t.width-peerColumn, "") {
		if i > 0 {
			line = pad("", peerColumn)
		}
		t.line(line + part)
	}
}

// row is one line of a reaction.
type row struct{ verb, what, peers string }

func (m *Map) rows(r reaction) []row {
	var rows []row
	switch {
	case r.Condition != nil:
		rows = append(rows, row{"awaits", r.Condition.String(), ""})
	case r.Role == saga.RoleRecords || r.Role == saga.RoleFollows:
		rows = append(rows, row{"hears", list(r.Hears), ""})
	case r.Role == saga.RoleElse:
		rows = append(rows, row{"runs", "when the time is over", ""})
	case r.Effect != "":
		rows = append(rows, row{"hears", "what came of " + r.Effect, ""})
	default:
		for _, f := range r.Hears {
			rows = append(rows, row{"hears", f.Type, "from " + strings.Join(m.Speakers(f.Type), ", ")})
		}
	}
	for _, s := range r.Says {
		verb := "says"
		if s.Fails {
			verb = "fails"
		} else if s.Ends {
			verb = "ends"
		}
		to := "to nobody"
		if heard := m.Listeners(s.Type); len(heard) > 0 {
			to = "to " + strings.Join(heard, ", ")
		}
		if s.Final {
			to += ", which is meant"
		}
		rows = append(rows, row{verb, s.Type, to})
	}
	for _, effect := range r.Requests {
		rows = append(rows, row{"asks", "for " + effect, "from outside"})
	}
	for _, n := range notes(r) {
		rows = append(rows, row{"note", n, ""})
	}
	return rows
}

// notes are what a reaction means for its act beside its role.
func notes(r reaction) []string {
	var notes []string
	if r.Silently {
		notes = append(notes, "has acted also if it says nothing")
	}
	if r.Pivots {
		notes = append(notes, "the point of no return, unless it fails")
	}
	if r.Closes {
		notes = append(notes, "past undoing from here on")
	}
	for _, s := range r.Says {
		if s.Closes && !s.Ends {
			notes = append(notes, "past undoing once "+s.Type+" is said")
		}
	}
	if r.EvenIfNothing {
		notes = append(notes, "also answers when there is nothing to undo yet")
	}
	if r.TooLateName != "" {
		notes = append(notes, r.TooLateName+" answers what comes after the point of no return")
	}
	if r.RefusesName != "" {
		notes = append(notes, r.RefusesName+" refuses what comes after the undo, or too late in life")
	}
	if r.Optional {
		notes = append(notes, "may stay away for ever")
	}
	return notes
}

// notices says who would notice if facts of a type changed their meaning.
func (m *Map) notices(t *text, f Focus) {
	t.line(f.Fact)
	for _, name := range m.Speakers(f.Fact) {
		t.line("  said by " + name)
	}
	if len(m.hears[f.Fact]) == 0 {
		t.line("  heard by nobody")
	}
	depth := 0
	for _, n := range m.follows(f.Fact).reached {
		r := m.reactions[n.reaction]
		if len(f.Groups) > 0 && !slices.Contains(f.Groups, r.group.Name()) {
			continue
		}
		if n.depth != depth {
			t.line("")
			switch depth = n.depth; depth {
			case 1:
				t.line("directly")
			case 2:
				t.line("through what these say")
			default:
				t.line(fmt.Sprintf("through what those say, %d facts on", depth-1))
			}
		}
		m.notice(t, n)
	}
}

// notice draws one reaction that may run.
func (m *Map) notice(t *text, n reached) {
	const roleColumn, saysColumn = 2 + 16, 2 + 16 + 28
	r := m.reactions[n.reaction]
	why := "hears " + strings.Join(n.by, ", ")
	switch {
	case len(n.by) > 0 && r.Condition != nil:
		why = "awaits " + strings.Join(n.by, ", ") + ", among others"
	case len(n.by) == 0 && r.Role == saga.RoleElse:
		why = "runs when the time is over"
	case len(n.by) == 0:
		why = "hears what came of " + r.Effect
	}
	if facts := says(r); facts != "" {
		why += ", may say " + facts
	}
	if len(r.Requests) > 0 {
		why += ", may ask outside for " + strings.Join(r.Requests, ", ")
	}
	lead := pad(pad("  "+r.group.Name(), roleColumn)+string(r.Role)+" "+r.Name, saysColumn)
	for _, part := range words.Wrap(why, t.width-saysColumn, "") {
		t.line(lead + part)
		lead = pad("", saysColumn)
	}
}

func says(r reaction) string {
	names := make([]string, len(r.Says))
	for i, s := range r.Says {
		names[i] = s.Type
	}
	return strings.Join(names, ", ")
}

func list(facts []saga.FactType) string {
	names := make([]string, len(facts))
	for i, f := range facts {
		names[i] = f.Type
	}
	return strings.Join(names, ", ")
}

// pad fills up with blanks; what is too long gets one, so that columns never touch.
func pad(s string, n int) string {
	if s != "" && len(s) >= n {
		return s + " "
	}
	return s + strings.Repeat(" ", n-len(s))
}
