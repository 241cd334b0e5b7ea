package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// result is a row that was measured, as far as it went.
type result struct {
	ID      string   `json:"id"`
	What    string   `json:"what"`
	Against string   `json:"against,omitzero"`
	Unit    string   `json:"unit"`
	Pairs   int      `json:"pairs"` // that count
	Ratio   *spread  `json:"ratio,omitzero"`
	A       *spread  `json:"a,omitzero"`
	B       *spread  `json:"b,omitzero"`
	Goal    string   `json:"goal,omitzero"`
	Met     *bool    `json:"met,omitzero"` // omitted if there is no goal, or no figure
	Notes   []string `json:"notes,omitzero"`
	Error   string   `json:"error,omitzero"`
}

// report is all that one run of the bench has to say.
type report struct {
	Begun   time.Time `json:"begun"`
	Seconds float64   `json:"seconds"`
	Machine machine   `json:"machine"`
	Results []result  `json:"rows"`
}

// failed says whether a row has no figures that count in full. A goal that was missed is no failure: the table says it.
func (r report) failed() bool {
	for _, l := range r.Results {
		if l.Error != "" {
			return true
		}
	}
	return false
}

// Markdown is the table, with where it was measured below.
func (r report) Markdown() string {
	var b strings.Builder
	b.WriteString("| | what / against what | ratio: median (least to most) | what | against | goal | met |\n|---|---|---|---|---|---|---|\n")
	for _, l := range r.Results {
		what := l.What
		if l.Against != "" {
			what += " / " + l.Against
		}
		ratio, met := "", ""
		if l.Ratio != nil {
			ratio = fmt.Sprintf("%s (%s to %s)", number(l.Ratio.Median), number(l.Ratio.Min), number(l.Ratio.Max))
		}
		if l.Met != nil {
			met = map[bool]string{true: "yes", false: "**no**"}[*l.Met]
		}
		if l.Error != "" {
			met = "failed: " + cell(l.Error)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", l.ID, cell(what), ratio, absolute(l.A, l.Unit), absolute(l.B, l.Unit), l.Goal, met)
	}
	b.WriteString("\n")
	for _, l := range r.Results {
		for _, n := range l.Notes {
			fmt.Fprintf(&b, "- %s: %s\n", l.ID, n)
		}
	}
	fmt.Fprintf(&b, "- Measured on %s in %s. %s\n", r.Begun.UTC().Format("2 January 2006, 15:04 UTC"), (time.Duration(r.Seconds) * time.Second).String(), r.Machine)
	return b.String()
}

// absolute is the figures of one side; those of a ratio need no spread of their own.
func absolute(s *spread, unit string) string {
	if s == nil {
		return ""
	}
	return number(s.Median) + " " + unit
}

// cell is text that fits into one cell.
func cell(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

// JSON is the same for programs, with the spread of every figure.
func (r report) JSON() ([]byte, error) {
	return json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
}

// The table's place in a document.
const (
	tableBegins = "<!-- The table below is written by `make bench`. -->\n"
	tableEnds   = "<!-- The table above is written by `make bench`. -->\n"
)

// insert puts a table into a document, in the place of the one that is there.
func insert(document []byte, table string) ([]byte, error) {
	before, rest, begins := bytes.Cut(document, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !begins || !ends {
		return nil, fmt.Errorf("it needs the lines %q and %q, between which the table goes", strings.TrimSpace(tableBegins), strings.TrimSpace(tableEnds))
	}
	return bytes.Join([][]byte{before, []byte(tableBegins), []byte("\n" + table + "\n"), []byte(tableEnds), after}, nil), nil
}

// write writes the report to base.md and base.json, and into a document if one is named.
func (r report) write(base, document string) error {
	text, err := r.JSON()
	if err != nil {
		return err
	}
	errs := []error{
		os.WriteFile(base+".md", []byte(r.Markdown()), 0o644),
		os.WriteFile(base+".json", append(text, '\n'), 0o644),
	}
	if document != "" {
		errs = append(errs, r.writeInto(document))
	}
	return errors.Join(errs...)
}

func (r report) writeInto(document string) error {
	old, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	changed, err := insert(old, r.Markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return os.WriteFile(document, changed, 0o644)
}
