package sagacheck

import (
	"slices"
	"strings"
)

// story is a finding as it is drawn: who takes part, and one line after the other of what happens.
//
// Left out is what makes no difference to the reader: who only listens, changes nothing but his act, and has come to an end, unless it is he
// of whom something is wrong; and that something is sent which was committed just before. What a listener hears one after the other is one line.
type story struct {
	lanes []string // in the order in which they first act
	sagas []string // the keys, if there is more than one
	lines []line
	ends  []string // where the acts stand at the end: "stock done"
	what  string   // is wrong
}

// line is one thing that happens.
type line struct {
	from, to int // lanes; from is before the first one for the first facts, and to itself where nothing is heard
	saga     int
	ignored  bool
	wrong    bool
	several  bool     // it is of several facts that a listener hears
	text     string   // "paid → kitchen.accept [done]"
	fact     string   // "paid"
	value    string   // of the fact, if it tells it from others
	deed     string   // "accept [done]"
	notes    []string // what else is to be said
}

// theStart is where the first facts come from: no lane.
const theStart = -1

// teller makes a story of a finding.
type teller struct {
	Finding
	story
	causes   []int
	listens  map[string]bool
	leaves   map[string]bool
	acts     map[actOf]string // where each act stands
	actsSeen []actOf
}

type actOf struct{ who, key string }

// story tells the finding.
func (f Finding) story() story {
	t := teller{Finding: f, causes: causesOf(f.Steps), listens: listeners(f.Steps), acts: map[actOf]string{}}
	t.what, t.leaves = f.What, t.leftOut()
	keys := map[string]bool{}
	for _, s := range f.Steps {
		if !t.leaves[s.Who] && s.Who != everybody && !slices.Contains(t.lanes, s.Who) {
			t.lanes = append(t.lanes, s.Who)
		}
		if s.Key != "" && !keys[s.Key] {
			keys[s.Key] = true
			t.sagas = append(t.sagas, s.Key)
		}
	}
	for i := 0; i < len(f.Steps); i++ {
		if s := f.Steps[i]; s.Who == everybody || t.leaves[s.Who] || t.sentAtOnce(i) {
			continue
		}
		i = t.tell(i)
	}
	for _, a := range t.actsSeen {
		if t.acts[a] == "" {
			continue // its mark is forgotten
		}
		t.ends = append(t.ends, a.who+t.of(a.key)+" "+t.acts[a])
	}
	if len(t.sagas) == 1 {
		t.sagas = nil
	}
	return t.story
}

// leftOut are the groups that only listen, and of which nothing is wrong.
func (t *teller) leftOut() map[string]bool {
	open, changes := map[string]bool{}, map[string]bool{}
	for _, s := range t.Steps {
		if s.Does == Hears || s.Does == Expires {
			changes[s.Who] = changes[s.Who] || len(s.Changed) > 0
			open[s.Who] = !slices.ContainsFunc([]string{"", "refused", "undone", "closed"}, func(end string) bool { return end == s.Act })
		}
	}
	out := map[string]bool{}
	for who, isOpen := range open {
		named := slices.ContainsFunc(strings.FieldsFunc(t.What, func(r rune) bool { return !isOfAName(r) }), func(word string) bool {
			return word == who || strings.HasPrefix(word, who+".")
		})
		out[who] = t.listens[who] && !named && !isOpen && !changes[who]
	}
	for _, s := range t.Steps {
		if s.Wrong {
			out[s.Who] = false
		}
	}
	return out
}

func isOfAName(r rune) bool {
	return r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}

// sentAtOnce says whether a step sends what the step before has committed.
func (t *teller) sentAtOnce(i int) bool {
	return i > 0 && t.Steps[i].Does == Sends && t.causes[i] == i-1
}

// tell adds the line of step i, and of those after it that belong to it; it returns the last of them.
func (t *teller) tell(i int) int {
	s := t.Steps[i]
	lane := slices.Index(t.lanes, s.Who)
	l := line{from: lane, to: lane, saga: slices.Index(t.sagas, s.Key), fact: s.Fact}
	if c := t.causes[i]; c >= 0 && s.Does != Sends && s.Does != Repeats {
		l.from = slices.Index(t.lanes, t.Steps[c].Who) // theStart if it is not drawn
		if value := t.value(c, s); value != "" {
			l.value = " " + value
		}
		if t.Steps[c].Does == Repeats {
			l.value += ", again"
		}
	}
	last, between := i, " "
	switch s.Does {
	case Hears:
		last = t.hears(&l, i)
		between = ": "
	case Expires:
		between = ": "
		l.fact = "deadline"
		t.reacts(&l, s, s.Ran)
	case Answers, Performs:
		l.deed = "says " + strings.Join(said(s), ", ")
	case Sends:
		l.fact, l.deed = "", "sends "+strings.Join(said(s), ", ")
	case Repeats:
		l.fact, l.deed = "", "delivers "+strings.Join(said(s), ", ")+" once more"
	case Ages:
		l.fact, l.deed, between = "", s.Key+" is now older than any saga should be", ": "
		if s.Why != "" {
			l.deed = s.Key + " is now too old for " + s.Why
		}
	case Forgets:
		l.fact, l.deed = "", "forgets the mark"
		t.stands(s)
	case Starts:
	}
	if l.deed == "" || l.deed[0] == '[' {
		between = " "
	}
	if l.fact != "" {
		l.fact += t.of(s.Key) + l.value
		l.text = l.fact + " → "
	}
	l.text = strings.TrimSpace(l.text + s.Who + between + l.deed)
	t.note(&l, i, last)
	t.lines = append(t.lines, l)
	return last
}

// value is that of the fact which a step hears, and another has said, if in this story there are others of its type and key.
func (t *teller) value(cause int, s Step) string {
	own := ""
	for _, f := range t.Steps[cause].Says {
		if f.Type == s.Fact && f.Key == s.Key {
			own = string(f.JSON)
		}
	}
	for _, other := range t.Steps {
		for _, f := range other.Says {
			if f.Type == s.Fact && f.Key == s.Key && string(f.JSON) != own {
				return own
			}
		}
	}
	return ""
}

// of tells sagas apart, where there are several.
func (t *teller) of(key string) string {
	if len(t.sagas) < 2 || key == "" {
		return ""
	}
	return " of " + key
}

func said(s Step) (out []string) {
	for _, f := range s.Says {
		out = append(out, f.Type)
	}
	return out
}

// hears tells what a group does upon a fact, or upon several if it only listens and nothing comes of them.
func (t *teller) hears(l *line, i int) (last int) {
	s := t.Steps[i]
	ran := slices.Clone(s.Ran)
	quiet := func(s Step) bool { return len(s.Says) == 0 && len(s.Changed) == 0 && s.Why == "" }
	for last = i; t.listens[s.Who] && quiet(s) && last+1 < len(t.Steps); last++ {
		next := t.Steps[last+1]
		if next.Who != s.Who || next.Does != Hears || next.Key != s.Key || next.Act != s.Act || !quiet(next) {
			break
		}
		l.fact += ", " + next.Fact
		for _, name := range next.Ran {
			if !slices.Contains(ran, name) {
				ran = append(ran, name)
			}
		}
	}
	if last > i {
		l.from, l.several = l.to, true
	}
	l.ignored, l.wrong = len(s.Ran) == 0 && s.Why != "", s.Wrong
	t.reacts(l, s, ran)
	if last == i && t.causes[i] >= 0 {
		for k, earlier := range t.Steps[:i] {
			if earlier.Who == s.Who && earlier.Key == s.Key && earlier.Does == Hears && t.causes[k] > t.causes[i] {
				l.notes = append(l.notes, "overtaken by "+earlier.Fact)
				break
			}
		}
	}
	return last
}

// reacts tells what a group does.
func (t *teller) reacts(l *line, s Step, ran []string) {
	l.deed = strings.Join(ran, ", ")
	if s.Why != "" {
		l.deed = strings.TrimPrefix(l.deed+"; "+s.Why, "; ")
		if len(ran) == 0 {
			l.deed = "dropped, " + s.Why
		}
	}
	if stands := t.stands(s); stands != "" {
		l.deed = strings.TrimSpace(l.deed + " [" + stands + "]")
	}
}

// stands notes where the act of a step stands, and says it if that is new.
func (t *teller) stands(s Step) string {
	a := actOf{s.Who, s.Key}
	before, known := t.acts[a]
	if before == s.Act {
		return ""
	}
	if !known {
		t.actsSeen = append(t.actsSeen, a)
	}
	t.acts[a] = s.Act
	return s.Act
}

// note adds what else is to be said of steps i to last.
func (t *teller) note(l *line, i, last int) {
	for _, s := range t.Steps[i : last+1] {
		for _, c := range s.Chose {
			name := c.Table + " " + c.Key + ":"
			if !slices.ContainsFunc(s.Changed, func(changed string) bool { return strings.HasPrefix(changed, name) }) {
				l.notes = append(l.notes, "at the start "+c.Document)
			}
		}
		l.notes = append(l.notes, s.Changed...)
	}
	s := t.Steps[i]
	again := s.Again
	if s.Does == Hears || s.Does == Expires {
		at := i
		switch {
		case !s.Later:
		case i+1 < len(t.Steps) && t.sentAtOnce(i+1):
			at, again = i+1, t.Steps[i+1].Again
		default:
			l.notes = append(l.notes, "commits "+strings.Join(said(s), ", ")+", and has not sent it yet")
			return
		}
		var unheard []string
		for _, f := range s.Says {
			if !t.heardOf(at, f.Type) {
				unheard = append(unheard, f.Type)
			}
		}
		if len(unheard) > 0 {
			l.notes = append(l.notes, "says "+strings.Join(unheard, ", "))
		}
	}
	if len(again) > 0 {
		l.notes = append(l.notes, strings.Join(again, ", ")+" will come again")
	}
}

// heardOf says whether a fact that a step sends is drawn where it is heard.
func (t *teller) heardOf(i int, eventType string) bool {
	for k, c := range t.causes {
		if c == i && t.Steps[k].Fact == eventType && !t.leaves[t.Steps[k].Who] {
			return true
		}
	}
	return false
}
