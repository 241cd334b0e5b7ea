package sagamap

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tiffin/saga"
	"tiffin/saga/sagamap/layered"
)

// picture is what an SVG shows, before anything has a place: boxes, and lines between them.
//
// What one group says is written once, in boxes of words below it: facts that the same reactions hear stand in one. So a group has a
// line to its words, and these have lines to all that hear them. Who begins things from outside is one box with their words.
type picture struct {
	boxes []box
	lines []line
}

// kind is what a box is.
type kind string

const (
	groupBox  kind = "group"
	personBox kind = "person" // somebody outside who answers
	doorBox   kind = "door"   // somebody outside, with words that they begin with
	wordsBox  kind = "words"
)

// box is a group, somebody outside, or what one of them says.
type box struct {
	kind
	name   string   // whose it is
	notes  []string // below the name: the waits, and what is asked for outside
	facts  []said
	dim    bool
	chosen bool // the drawing is about it
	domain int  // its colour; -1 for none
}

// line leads from who speaks to their words, or from these to who hears them.
type line struct {
	from, to    int // boxes
	undoes, dim bool
	arrow       bool
}

// speech is facts that one says and the same others hear in the same way.
type speech struct {
	from  string
	facts []said
	to    []listener
}

type said struct {
	saga.FactType
	dim bool
}

type listener struct {
	name        string
	undoes, dim bool
	does        bool // it begins the listener's act
}

// picture makes the picture of these arrows.
func (m *Map) picture(f Focus) *picture {
	all := m.gather(m.arrows(f), f.Ends)
	flow, p := m.flow(all), &picture{}
	domains := m.domains()
	nodes := map[string]int{}
	var wordsAt []int
	add := func(b box) int {
		p.boxes = append(p.boxes, b)
		return len(p.boxes) - 1
	}
	place := func(w speech, k kind) {
		wordsAt = append(wordsAt, add(box{
			kind: k, name: w.from, facts: w.facts, domain: domains[w.from],
			dim:    !slices.ContainsFunc(w.facts, func(s said) bool { return !s.dim }),
			chosen: slices.ContainsFunc(w.facts, func(s said) bool { return s.Type == f.Fact }) || k == doorBox && slices.Contains(f.Groups, w.from),
		}))
	}
	// Boxes in the order in which things flow; what one says to those before is on the way back.
	var ordered []speech
	for _, w := range all {
		if !slices.Contains(flow, w.from) {
			ordered = append(ordered, w)
			place(w, doorBox)
		}
	}
	for i, name := range flow {
		before := func(l listener) bool { return slices.Contains(flow[:i], l.name) }
		for _, back := range []bool{true, false} {
			for _, w := range all {
				if w.from == name && slices.ContainsFunc(w.to, func(l listener) bool { return !before(l) }) != back {
					ordered = append(ordered, w)
					place(w, wordsBox)
				}
			}
			if back {
				nodes[name] = add(m.box(name, f, all, domains[name]))
			}
		}
	}
	for i, w := range ordered {
		at := wordsAt[i]
		if from, ok := nodes[w.from]; ok {
			p.lines = append(p.lines, line{from: from, to: at, dim: p.boxes[at].dim})
		}
		for _, l := range w.to {
			p.lines = append(p.lines, line{at, nodes[l.name], l.undoes, l.dim, true})
		}
	}
	return p
}

// box is the box of a group, or of somebody outside who answers.
func (m *Map) box(name string, f Focus, all []speech, domain int) box {
	b := box{kind: groupBox, name: name, dim: true, chosen: slices.Contains(f.Groups, name), domain: domain}
	g := m.group(name)
	if g == nil || g.Outside() {
		b.kind = personBox
	} else {
		var times []string
		for _, wait := range g.Waits() {
			for _, r := range g.Reactions() {
				if r.Name == wait {
					times = append(times, saga.Duration(r.Within))
				}
			}
		}
		if times != nil {
			b.notes = append(b.notes, "waits "+strings.Join(times, ", "))
		}
		if asked := asks(g); asked != "" {
			b.notes = append(b.notes, asked)
		}
	}
	for _, w := range all {
		for _, s := range w.facts {
			b.dim = b.dim && (s.dim || w.from != name)
		}
		for _, l := range w.to {
			b.dim = b.dim && (l.dim || l.name != name)
		}
	}
	return b
}

// gather joins arrows into words, in the order of the map.
func (m *Map) gather(arrows []arrow, ends []string) []speech {
	var single []speech // of one fact each
	for _, a := range arrows {
		at := slices.IndexFunc(single, func(w speech) bool { return w.from == a.from && w.facts[0].Type == a.fact.Type })
		if at < 0 {
			at = len(single)
			single = append(single, speech{from: a.from, facts: []said{{a.fact, !slices.Contains(ends, a.fact.Type)}}})
		}
		w := &single[at]
		w.facts[0].dim = w.facts[0].dim && a.dim
		does := m.reactions[a.reaction].Role == saga.RoleDoes
		to := slices.IndexFunc(w.to, func(l listener) bool { return l.name == a.to })
		if to < 0 {
			w.to = append(w.to, listener{a.to, a.undoes, a.dim, does})
			continue
		}
		// Who hears it in two ways has one line, which leads on and is bright if one of the ways does and is.
		l := &w.to[to]
		l.undoes, l.dim, l.does = l.undoes && a.undoes, l.dim && a.dim, l.does || does
	}
	var all []speech
	for _, one := range single {
		at := slices.IndexFunc(all, func(w speech) bool {
			return w.from == one.from && slices.EqualFunc(w.to, one.to, func(a, b listener) bool { return a.name == b.name && a.undoes == b.undoes })
		})
		if at < 0 {
			all = append(all, one)
			continue
		}
		w := &all[at]
		w.facts = append(w.facts, one.facts...)
		for i := range w.to {
			w.to[i].dim, w.to[i].does = w.to[i].dim && one.to[i].dim, w.to[i].does || one.to[i].does
		}
	}
	return all
}

// flow is all groups, and the people who hear anything, in an order in which few arrows lead back: hardly any that begins an act, and rather those of
// undos, and what people answer, than others. So the story runs from above to below.
func (m *Map) flow(all []speech) []string {
	var names []string
	for _, g := range m.groups {
		if slices.ContainsFunc(all, func(w speech) bool {
			return w.from == g.Name() && !g.Outside() || slices.ContainsFunc(w.to, func(l listener) bool { return l.name == g.Name() })
		}) {
			names = append(names, g.Name())
		}
	}
	n := len(names)
	back := make([]float64, n*n) // what it costs that an arrow from i to j leads back
	for _, w := range all {
		i := slices.Index(names, w.from)
		if i < 0 {
			continue
		}
		for _, l := range w.to {
			cost := 3.0
			switch {
			case l.does:
				cost = 30
			case l.undoes || m.group(w.from).Outside():
				cost = 1
			}
			back[i*n+slices.Index(names, l.name)] += cost
		}
	}
	order := layered.Order(n, func(before, after int) float64 { return back[after*n+before] })
	sorted := make([]string, n)
	for i, at := range order {
		sorted[i] = names[at]
	}
	return sorted
}

// colours is how many domains have a colour of their own.
const colours = 8

// domains are the colours of who speaks: by the topic that most of what they say is on. People have none.
func (m *Map) domains() map[string]int {
	var topics []string
	domains := map[string]int{Outside: -1}
	for _, g := range m.groups {
		said := map[string]int{}
		var most string
		for _, r := range g.Reactions() {
			for _, s := range r.Says {
				if said[s.Topic]++; said[s.Topic] > said[most] {
					most = s.Topic
				}
			}
		}
		if domains[g.Name()] = -1; g.Outside() || most == "" {
			continue
		}
		if !slices.Contains(topics, most) {
			topics = append(topics, most)
		}
		domains[g.Name()] = slices.Index(topics, most) % colours
	}
	return domains
}

// Sizes, in pixels.
const (
	nameSize, noteSize, factSize = 13.0, 10.5, 11.5
	nameLine, noteLine, factLine = 18.0, 14.0, 15.0
	padX, padY                   = 11.0, 7.0
	wordsPadX, wordsPadY         = 6.0, 3.0
)

// size is how large the box must be for its text.
func (b *box) size() layered.Node {
	var n layered.Node
	if b.kind != wordsBox {
		n.Width, n.Height = textWidth(b.name, nameSize)*1.1, nameLine
	}
	for _, note := range b.notes {
		n.Width, n.Height = max(n.Width, textWidth(note, noteSize)), n.Height+noteLine
	}
	for _, f := range b.facts {
		n.Width, n.Height = max(n.Width, textWidth(f.Type, factSize)), n.Height+factLine
	}
	if b.kind == wordsBox {
		return layered.Node{Width: math.Ceil(n.Width) + 2*wordsPadX, Height: n.Height + 2*wordsPadY}
	}
	return layered.Node{Width: math.Ceil(n.Width) + 2*padX, Height: n.Height + 2*padY}
}

// textWidth is how wide a text is at most, in the sans-serif fonts that readers have: they differ, so it is as in a wide one.
func textWidth(s string, size float64) float64 {
	width := 0.0
	for _, c := range s {
		switch {
		case strings.ContainsRune("ijl.,:;'|! ", c):
			width += 0.34
		case strings.ContainsRune("frt-()", c):
			width += 0.45
		case strings.ContainsRune("mwMW@%", c) || c > 0x2e80:
			width += 1
		case 'A' <= c && c <= 'Z':
			width += 0.76
		default:
			width += 0.64
		}
	}
	return width * size
}

// describe says in sentences what the picture shows.
func (p *picture) describe() string {
	var sentences []string
	for i, b := range p.boxes {
		for _, note := range b.notes {
			sentences = append(sentences, b.name+" "+note+".")
		}
		if b.facts == nil {
			continue
		}
		var to, undo []string
		for _, l := range p.lines {
			if l.from == i && l.undoes {
				undo = append(undo, p.boxes[l.to].name)
			} else if l.from == i {
				to = append(to, p.boxes[l.to].name)
			}
		}
		types := make([]string, len(b.facts))
		for i, s := range b.facts {
			types[i] = s.Type
		}
		said := fmt.Sprintf("%s says %s", b.name, strings.Join(types, ", "))
		if to != nil {
			said += " to " + strings.Join(to, ", ")
		}
		if undo != nil {
			said += "; upon it " + strings.Join(undo, ", ") + " may undo"
		}
		sentences = append(sentences, said+".")
	}
	return strings.Join(sentences, " ")
}
