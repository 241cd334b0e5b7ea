package sagamap_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"tiffin/saga/sagamap"
)

// drawn is what a test sees of an SVG.
type drawn struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Title  string  `xml:"title"`
	Desc   string  `xml:"desc"`
	Boxes  []group `xml:"g>g"`
}

type group struct {
	Class string `xml:"class,attr"`
	Rect  *rect  `xml:"rect"`
	Texts []text `xml:"text"`
	Paths []line `xml:"path"`
}

type rect struct {
	X      float64 `xml:"x,attr"`
	Y      float64 `xml:"y,attr"`
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
}

type text struct {
	Class string  `xml:"class,attr"`
	X     float64 `xml:"x,attr"`
	Y     float64 `xml:"y,attr"`
	Words string  `xml:",chardata"`
}

type line struct {
	Class string `xml:"class,attr"`
	D     string `xml:"d,attr"`
}

func parse(t *testing.T, svg string) drawn {
	t.Helper()
	var d drawn
	if err := xml.Unmarshal([]byte(svg), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// within says whether a point is inside a box, by more than a hair.
func (r *rect) within(x, y float64) bool {
	return x > r.X+1 && x < r.X+r.Width-1 && y > r.Y+1 && y < r.Y+r.Height-1
}

// steps are points of a path, a few pixels apart.
func steps(t *testing.T, d string) (points [][2]float64) {
	t.Helper()
	var x, y float64
	for _, part := range strings.FieldsFunc(strings.NewReplacer("M", "|M", "L", "|L", "Q", "|Q").Replace(d), func(r rune) bool { return r == '|' }) {
		var nx, ny, cx, cy float64
		var err error
		if part[0] == 'Q' {
			_, err = fmt.Sscanf(part, "Q%f %f %f %f", &cx, &cy, &nx, &ny)
		} else {
			_, err = fmt.Sscanf(part[1:], "%f %f", &nx, &ny)
		}
		if err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		const n = 40
		for i := 1; i <= n && part[0] != 'M'; i++ {
			points = append(points, [2]float64{x + (nx-x)*float64(i)/n, y + (ny-y)*float64(i)/n})
		}
		x, y = nx, ny
	}
	return points
}

// wide is how wide a text is in DejaVu Sans, one of the widest fonts that readers have, in its size.
func wide(text string) float64 {
	thousandths := map[rune]int{
		'a': 613, 'b': 635, 'c': 550, 'd': 635, 'e': 615, 'f': 352, 'g': 635, 'h': 634, 'i': 278, 'j': 278, 'k': 579, 'l': 278, 'm': 974,
		'n': 634, 'o': 612, 'p': 635, 'q': 635, 'r': 411, 's': 521, 't': 392, 'u': 634, 'v': 592, 'w': 818, 'x': 592, 'y': 592, 'z': 525,
		'.': 318, '-': 361, ' ': 318, ',': 318,
	}
	sum := 0
	for _, c := range text {
		if n, ok := thousandths[c]; ok {
			sum += n
		} else {
			sum += 640
		}
	}
	return float64(sum) / 1000
}

// A picture can be read: no box and no words lie on another, no line runs through any, texts fit into their boxes, and the whole
// has a size that a page has room for.
func TestAPictureCanBeRead(t *testing.T) {
	for _, test := range []struct {
		name          string
		m             *sagamap.Map
		focus         sagamap.Focus
		boxes         int
		width, height float64 // at most
	}{
		{"shop", shop(), sagamap.Focus{}, 12, 700, 900},
		{"forty groups", sagamap.New(forty()...), sagamap.Focus{}, 140, 1400, 5200},
		{"one of forty", sagamap.New(forty()...), sagamap.Focus{Groups: []string{"parcel-check"}}, 10, 700, 600},
		{"a fact of forty", sagamap.New(forty()...), sagamap.Focus{Fact: "dispute.failed"}, 7, 700, 700},
		{"an end of forty", sagamap.New(forty()...), sagamap.Focus{Ends: []string{"invoice.ended"}}, 140, 1400, 5200},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := parse(t, test.m.SVG(test.focus))
			if d.Width > test.width || d.Height > test.height {
				t.Errorf("it is %v x %v, more than %v x %v", d.Width, d.Height, test.width, test.height)
			}
			var boxes, nets []group
			for _, g := range d.Boxes {
				if g.Rect != nil {
					boxes = append(boxes, g)
				} else {
					nets = append(nets, g)
				}
			}
			if len(boxes) < test.boxes || len(nets) < len(boxes)/2 {
				t.Errorf("it has %d boxes, want at least %d, and %d nets", len(boxes), test.boxes, len(nets))
			}
			for i, b := range boxes {
				for _, other := range boxes[:i] {
					if r, o := b.Rect, other.Rect; r.X < o.X+o.Width && o.X < r.X+r.Width && r.Y < o.Y+o.Height && o.Y < r.Y+r.Height {
						t.Errorf("%v lies on %v", b, other)
					}
				}
				for _, text := range b.Texts {
					wide := wide(text.Words) * 11.5
					if strings.Contains(text.Class, "name") {
						wide *= 13 / 11.5
					}
					if strings.Contains(text.Class, "name") || strings.Contains(text.Class, "end") {
						wide *= 1.13 // in bold
					}
					if wide > b.Rect.Width || !b.Rect.within(text.X, text.Y) {
						t.Errorf("%q does not fit into its box of %v", text.Words, *b.Rect)
					}
				}
			}
			for _, net := range nets {
				for _, path := range net.Paths {
					if path.Class == "point" {
						continue
					}
					for _, p := range steps(t, path.D) {
						for _, b := range boxes {
							if b.Rect.within(p[0], p[1]) {
								t.Fatalf("a line runs through %v at %v: %s", b, p, path.D)
							}
						}
					}
				}
			}
		})
	}
}

func TestAPictureSaysWhatItShows(t *testing.T) {
	svg := shop().SVG(sagamap.Focus{})
	golden(t, "shop.svg", svg)
	d := parse(t, svg)
	if d.Title != "The choreography" || !strings.Contains(d.Desc, "office says order.cancelled; upon it bank, ware-house may undo.") {
		t.Errorf("%q, %q", d.Title, d.Desc)
	}
	classes := map[string]string{}
	for _, b := range d.Boxes {
		for _, text := range b.Texts {
			classes[text.Words] = b.Class + ", " + text.Class
		}
	}
	for words, want := range map[string]string{
		"bank": "group c0, name", "till": "door none, name", "porter": "person none, name", "outside": "door none, name",
		"money.refused": "", "order.cancelled": "words c1, fact end", "money.paid": "words c0, fact", "waits 1h30m": "group c1, note", "asks outside for letter": "group c1, note",
	} {
		if classes[words] != want {
			t.Errorf("%s is drawn as %q, want %q", words, classes[words], want)
		}
	}
	for _, b := range parse(t, shop().SVG(sagamap.Focus{Ends: []string{"goods.shipped"}})).Boxes {
		for _, text := range b.Texts {
			classes[text.Words] = b.Class + ", " + text.Class
		}
	}
	for words, want := range map[string]string{
		"goods.shipped":   "words none, fact", // the end itself, although nobody who hears it is on a way to it
		"order.cancelled": "words dim, fact pale end",
		"goods.returned":  "door dim, fact pale", "outside": "door dim, name", "goods.ordered": "door none, fact",
	} {
		if classes[words] != want {
			t.Errorf("among the ways to an end %s is drawn as %q, want %q", words, classes[words], want)
		}
	}
	if title := parse(t, shop().SVG(sagamap.Focus{Fact: "money.paid", Groups: []string{"bank"}})).Title; title != "What may follow from money.paid: bank" {
		t.Error(title)
	}
}
