package audit

import (
	"fmt"
	"strings"
	"time"

	"tiffin/saga/words"
)

// Verdict is what came of a check.
type Verdict string

// The verdicts.
const (
	OK          Verdict = "ok"
	Wrong       Verdict = "wrong"
	Provisional Verdict = "provisional" // looks wrong, and events are still on their way that may mend it
	Skipped     Verdict = "skipped"     // could not be looked at
	Noted       Verdict = "noted"       // worth to be known, no fault
)

// Check is one thing that was looked at.
type Check struct {
	Name    string  `json:"name"`
	About   string  `json:"about"` // what must hold
	Verdict Verdict `json:"verdict"`
	Counted int64   `json:"counted"` // things that were looked at
	Thing   string  `json:"-"`       // what one of them is
	Things  string  `json:"things"`  // what several are
	Found   int64   `json:"found"`   // how many of them are wrong, or noted
	// Examples name up to ten of them.
	Examples []string `json:"examples,omitempty"`
	Why      string   `json:"why,omitempty"` // why it was skipped
}

// Report is what an audit found.
type Report struct {
	At time.Time `json:"at"` // when the snapshot was taken, by the database's clock
	// Quiet says that no event was on its way then, so that nothing is provisional.
	Quiet  bool    `json:"quiet"`
	Checks []Check `json:"checks"`
}

// OK says that nothing is wrong. What is provisional may still turn out to be: only a quiet report settles that.
func (r Report) OK() bool {
	for _, c := range r.Checks {
		if c.Verdict == Wrong {
			return false
		}
	}
	return true
}

// String is the report as a table, a line for each check and one for each example.
func (r Report) String() string {
	var b strings.Builder
	provisional, parked := 0, int64(0)
	for _, c := range r.Checks {
		things := c.Things
		if c.Counted == 1 {
			things = c.Thing
		}
		fmt.Fprintf(&b, "%-12s%-14s", c.Verdict, c.Name)
		switch c.Verdict {
		case Skipped:
			fmt.Fprintf(&b, "%s\n", c.Why)
		case OK:
			fmt.Fprintf(&b, "%d %s: %s\n", c.Counted, things, c.About)
		default:
			fmt.Fprintf(&b, "%d of %d %s: %s\n", c.Found, c.Counted, things, c.About)
		}
		for _, e := range c.Examples {
			fmt.Fprintf(&b, "%28s%s\n", "- ", e)
		}
		if more := c.Found - int64(len(c.Examples)); more > 0 {
			fmt.Fprintf(&b, "%28sand %d more\n", "- ", more)
		}
		if c.Verdict == Provisional {
			provisional++
		}
		if c.Name == parkedKeys {
			parked = c.Found
		}
	}
	switch {
	case !r.OK():
		b.WriteString("The books do NOT balance.\n")
	case provisional > 0:
		b.WriteString("The books may balance: events are on their way that may mend what looks wrong. Let the audit wait for them.\n")
	case !r.Quiet:
		b.WriteString("The books balance, as far as can be told while events may be on their way.\n")
	default:
		b.WriteString("The books balance.\n")
	}
	if parked > 0 {
		fmt.Fprintf(&b, "Not done yet is what waits behind %s: see `tiffin parked list`.\n", words.Count(parked, "parked key"))
	}
	return b.String()
}
