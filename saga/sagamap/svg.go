package sagamap

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tiffin/saga"
	"tiffin/saga/sagamap/layered"
)

// margin is around the whole picture.
const margin = 18.0

// style is the picture's own: it has no other. Readers who like it dark have it dark.
const style = `
svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;--back:#fff;--text:#1f2328;--soft:#656d76;--pale:#d5d9de;--bad:#c01c28;--fill:#f6f8fa;--c0:#1f6feb;--c1:#14823e;--c2:#bc5a00;--c3:#7d3fe0;--c4:#0b7f8c;--c5:#a1249c;--c6:#6f6a00;--c7:#8c5a30}
@media(prefers-color-scheme:dark){svg{--back:#0d1117;--text:#e6edf3;--soft:#9198a1;--pale:#3a424c;--bad:#ff8182;--fill:#161b22;--c0:#79b8ff;--c1:#56d364;--c2:#ffa657;--c3:#c8a6ff;--c4:#4fd1de;--c5:#f29df0;--c6:#d9cf4f;--c7:#d7a87e}}
.back{fill:var(--back)}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}.none{--c:var(--soft)}.dim{--c:var(--pale)}
text{fill:var(--text);text-anchor:middle}
.name{font-size:13px;font-weight:600}.note{font-size:10.5px;fill:var(--soft)}.fact{font-size:11.5px}.legend{font-size:11px;fill:var(--soft);text-anchor:start}
.bad{fill:var(--bad)}.end{font-weight:700}.dim text,.pale{fill:var(--soft);opacity:.55}
.box{fill:var(--fill);stroke:var(--c);stroke-width:1.5}.door .box,.person .box{stroke-dasharray:none;fill:var(--back)}.words .box{fill:var(--back);stroke:none}.chosen .box{stroke:var(--c);stroke-width:3}
.line{fill:none;stroke:var(--c);stroke-width:1.4}.under{fill:none;stroke:var(--back);stroke-width:5}.undo{stroke-dasharray:5 3}.point{fill:var(--c)}
`

// SVG draws a picture, which needs nothing else to be shown. What one says is written below it; lines lead from there to all who
// hear it, dashed ones where that undoes. Who speaks from outside is round. A group's box also says how long it waits, and for what it asks
// outside.
func (m *Map) SVG(f Focus) string {
	p := m.picture(f)
	nodes, edges := make([]layered.Node, len(p.boxes)), make([]layered.Edge, len(p.lines))
	for i := range p.boxes {
		nodes[i] = p.boxes[i].size()
	}
	for i, l := range p.lines {
		edges[i] = layered.Edge{From: l.from, To: l.to, Style: l.look(), Pull: p.pull(l)}
	}
	layout := layered.New(nodes, edges)
	d := drawing{Map: m, picture: p, layout: layout}
	width := max(layout.Width, legendWidth) + 2*margin
	height := layout.Height + legendLine + 2*margin
	fmt.Fprintf(&d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img" aria-labelledby="title about">`+"\n", number(width), number(height))
	fmt.Fprintf(&d, "<title id=\"title\">%s</title>\n<desc id=\"about\">%s</desc>\n<style>%s</style>\n", escape(title(f)), escape(p.describe()), style)
	fmt.Fprintf(&d, `<rect class="back" width="%s" height="%s"/>`+"\n", number(width), number(height))
	fmt.Fprintf(&d, `<g transform="translate(%s %s)">`+"\n", number(math.Round((width-layout.Width)/2)), number(margin))
	d.lines()
	for i := range p.boxes {
		d.box(i)
	}
	d.WriteString("</g>\n")
	d.legend(margin, height-margin)
	d.WriteString("</svg>\n")
	return d.String()
}

func title(f Focus) string {
	about := "The choreography"
	switch {
	case f.Fact != "":
		about = "What may follow from " + f.Fact
	case len(f.Ends) > 0:
		about = "The ways to " + strings.Join(f.Ends, ", ")
	}
	if len(f.Groups) > 0 {
		about += ": " + strings.Join(f.Groups, ", ")
	}
	return about
}

// pull: words stand close to who says them, whoever hears them.
func (p *picture) pull(l line) int {
	if l.arrow {
		return 1
	}
	heard := 1
	for _, other := range p.lines {
		if other.from == l.to {
			heard++
		}
	}
	return heard
}

// look tells apart lines that can't share a trunk.
func (l line) look() int {
	if l.undoes {
		return 1
	}
	return 0
}

// drawing is an SVG that is being written.
type drawing struct {
	*Map
	*picture
	strings.Builder
	layout layered.Layout
}

// lines draws all lines, grey ones first. A line is drawn on a broader one of the background's colour: where two cross, one is
// seen to pass over the other.
func (d *drawing) lines() {
	order := make([]int, len(d.picture.lines))
	for i := range order {
		order[i] = i
	}
	net := func(i int) int {
		l := d.picture.lines[i]
		key := l.from*8 + l.look()
		if l.to < l.from {
			key += 2
		}
		if l.dim {
			key += 4
		}
		return key
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if la, lb := d.picture.lines[a], d.picture.lines[b]; la.dim != lb.dim {
			if la.dim {
				return -1
			}
			return 1
		}
		return net(a) - net(b)
	})
	for start := 0; start < len(order); {
		end := start
		for end < len(order) && net(order[end]) == net(order[start]) {
			end++
		}
		d.net(order[start:end])
		start = end
	}
}

// net draws lines that share a trunk.
func (d *drawing) net(lines []int) {
	l := d.picture.lines[lines[0]]
	class := d.boxes[l.from].colour()
	if l.dim {
		class = "dim"
	}
	undo := ""
	if l.undoes {
		undo = " undo"
	}
	fmt.Fprintf(d, `<g class="%s">`, class)
	var all, points strings.Builder // one path, so that what is shared is drawn once
	for _, i := range lines {
		route := d.layout.Routes[i]
		all.WriteString(path(route, d.picture.lines[i].arrow))
		if !d.picture.lines[i].arrow {
			continue
		}
		tip, size := route[len(route)-1], -arrowSize
		if route[len(route)-2].Y > tip.Y {
			size = arrowSize
		}
		fmt.Fprintf(&points, "M%s %sl-3.5 %sh7z", number(tip.X), number(tip.Y), number(size))
	}
	fmt.Fprintf(d, `<path class="under" d="%s"/><path class="line%s" d="%[1]s"/>`, all.String(), undo)
	if points.Len() > 0 {
		fmt.Fprintf(d, `<path class="point" d="%s"/>`, points.String())
	}
	d.WriteString("</g>\n")
}

const (
	arrowSize = 8.0
	corner    = 5.0 // the radius of a bend
)

// path is a route with round corners; it ends within its arrow's point, if it has one.
func path(route []layered.Point, arrow bool) string {
	route = slices.Clone(route)
	last := len(route) - 1
	if arrow {
		route[last] = toward(route[last], route[last-1], arrowSize-1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M%s %s", number(route[0].X), number(route[0].Y))
	for i := 1; i < last; i++ {
		r := min(corner, distance(route[i-1], route[i])/2, distance(route[i], route[i+1])/2)
		in, out := toward(route[i], route[i-1], r), toward(route[i], route[i+1], r)
		fmt.Fprintf(&b, "L%s %sQ%s %s %s %s", number(in.X), number(in.Y), number(route[i].X), number(route[i].Y), number(out.X), number(out.Y))
	}
	fmt.Fprintf(&b, "L%s %s", number(route[last].X), number(route[last].Y))
	return b.String()
}

func distance(a, b layered.Point) float64 { return math.Abs(a.X-b.X) + math.Abs(a.Y-b.Y) }

// toward is so far from a on the way to b.
func toward(a, b layered.Point, by float64) layered.Point {
	if d := distance(a, b); d > 0 {
		return layered.Point{X: a.X + (b.X-a.X)*by/d, Y: a.Y + (b.Y-a.Y)*by/d}
	}
	return a
}

func (b *box) colour() string {
	switch {
	case b.dim:
		return "dim"
	case b.domain < 0:
		return "none"
	}
	return "c" + strconv.Itoa(b.domain)
}

// box draws a box with its text.
func (d *drawing) box(i int) {
	b, at := &d.boxes[i], d.layout.Nodes[i]
	class := string(b.kind) + " " + b.colour()
	if b.chosen {
		class += " chosen"
	}
	round := map[kind]float64{groupBox: 4, personBox: at.Height / 2, doorBox: 14, wordsBox: 3}[b.kind]
	fmt.Fprintf(d, `<g class="%s"><rect class="box" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`,
		class, number(at.X), number(at.Y), number(at.Width), number(at.Height), number(round))
	x, y := at.X+at.Width/2, at.Y+padY
	write := func(class, text string, line float64) {
		fmt.Fprintf(d, `<text class="%s" x="%s" y="%s">%s</text>`, class, number(x), number(y+line-4.5), escape(text))
		y += line
	}
	if b.kind == wordsBox {
		y = at.Y + wordsPadY
	} else {
		write("name", b.name, nameLine)
	}
	for _, note := range b.notes {
		write("note", note, noteLine)
	}
	for _, f := range b.facts {
		class := "fact"
		if f.dim {
			class += " pale"
		}
		if d.saidSo(f.Type, func(s saga.Said) bool { return s.Fails }) {
			class += " bad"
		}
		if d.saidSo(f.Type, func(s saga.Said) bool { return s.Ends }) {
			class += " end"
		}
		write(class, f.Type, factLine)
	}
	d.WriteString("</g>\n")
}

// saidSo: one of those who say facts of this type says them so.
func (m *Map) saidSo(eventType string, so func(saga.Said) bool) bool {
	return slices.ContainsFunc(m.says[eventType], func(i int) bool {
		return slices.ContainsFunc(m.reactions[i].Says, func(s saga.Said) bool { return s.Type == eventType && so(s) })
	})
}

const legendWidth, legendLine = 460.0, 26.0

// legend says what the lines and colours mean.
func (d *drawing) legend(x, y float64) {
	fmt.Fprintf(d, `<g class="none"><path class="line" d="M%s %sh22"/><text class="legend" x="%s" y="%s">leads on</text>`,
		number(x), number(y-4), number(x+28), number(y))
	fmt.Fprintf(d, `<path class="line undo" d="M%s %sh22"/><text class="legend" x="%s" y="%s">undoes</text>`,
		number(x+90), number(y-4), number(x+118), number(y))
	fmt.Fprintf(d, `<text class="legend" x="%s" y="%s"><tspan class="bad">red</tspan>: it failed</text>`, number(x+176), number(y))
	fmt.Fprintf(d, `<text class="legend" x="%s" y="%s"><tspan class="end">bold</tspan>: the saga ends</text>`, number(x+250), number(y))
	fmt.Fprintf(d, `<text class="legend" x="%s" y="%s">round: outside</text>`, number(x+372), number(y))
	d.WriteString("</g>\n")
}

func number(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
