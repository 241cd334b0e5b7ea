package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tiffin/consumers"
	"tiffin/internal/app"
	"tiffin/saga/sagamap"
)

func TestLongLinesAreFoldedBelowTheirLastColumn(t *testing.T) {
	const text = `ok          likes         1 post: each has as many likes as users
noted       parked        2 of 2 keys: see the list
                          - kitchen, key čaj: it does not parse, nor will it
orders (12 partitions, 1 replica)
  What customers want, and how their orders ended in the end.
    order.placed   from door   to inventory, orders
    what stands far to the right has too     little room
- a line of a list that is too long for this, too
`
	for columns, want := range map[int]string{
		0: text,
		48: `ok          likes         1 post: each has as
                          many likes as users
noted       parked        2 of 2 keys: see the
                          list
                          - kitchen, key čaj: it
                            does not parse, nor
                            will it
orders (12 partitions, 1 replica)
  What customers want, and how their orders
  ended in the end.
    order.placed   from door   to inventory,
                               orders
    what stands far to the right has too     little room
- a line of a list that is too long for this,
  too
`,
	} {
		if got := fold(text, columns); got != want {
			t.Errorf("in %d columns\n%s\nwant\n%s", columns, got, want)
		}
	}
}

func TestTheMapFitsATerminal(t *testing.T) {
	groups, err := app.Config{}.Groups()
	if err != nil {
		t.Fatal(err)
	}
	m := sagamap.New(append(groups, consumers.Outside()...)...)
	for _, focus := range []sagamap.Focus{{}, {Fact: "payment.refunded"}} {
		for line := range strings.Lines(m.Text(focus, 80)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
}
