package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tiffin/internal/app"
	"tiffin/saga"
	"tiffin/saga/sagamap"
	"tiffin/saga/sagamap/contract"
	"tiffin/schemas"
)

type mapCommand struct {
	Format  string   `default:"text" enum:"text,mermaid,svg" placeholder:"FORMAT" help:"text for a terminal, mermaid for a page that draws it, svg for a picture. Default: text."`
	Group   []string `placeholder:"NAME" help:"Draw only these groups, or who is so named outside, and what touches them. Default: all."`
	Fact    string   `placeholder:"TYPE" help:"Who would notice if this fact changed its meaning? Draw who says it, who hears it, and what may follow from that."`
	End     []string `placeholder:"TYPE" help:"Draw the ways to these facts, order.cancelled say; in a picture the rest is grey."`
	Export  bool     `xor:"what" help:"Write all that is declared, as JSON: ${export_file} in the repository is a copy."`
	Against string   `xor:"what" placeholder:"REF|FILE" help:"Say what has changed since a git ref or an export, and what that means for sagas in flight. It fails if anything breaks them."`
	JSON    bool     `name:"json" help:"Write what --against finds as JSON."`
	groupOptions
}

func (c mapCommand) Run(ctx context.Context, s streams) error {
	groups, err := c.groups()
	if err != nil {
		return err
	}
	focus := sagamap.Focus{Groups: c.Group, Fact: c.Fact, Ends: c.End}
	drawn := c.Format != "text" || len(c.Group)+len(c.End) > 0 || c.Fact != ""
	switch {
	case drawn && (c.Export || c.Against != ""):
		return usageError{errors.New("--format, --group, --fact and --end are of drawings: leave them, or --export and --against")}
	case c.Format == "text" && len(c.Group) > 0 && c.Fact != "":
		return usageError{errors.New("a text says everything that follows from --fact: leave --group, or draw with --format=svg or mermaid")}
	case c.JSON && c.Against == "":
		return usageError{errors.New("--json is of --against: `tiffin map --export` writes JSON by itself")}
	case c.Export:
		return export(s.out, groups)
	case c.Against != "":
		return c.compare(ctx, s.out, groups)
	}
	m := sagamap.New(groups...)
	if err := c.checkEnds(m, groups); err != nil {
		return usageError{err}
	}
	if err := m.Check(focus); err != nil {
		return usageError{err}
	}
	text := func(f sagamap.Focus) string { return m.Text(f, columns(s.out)) }
	draw := map[string]func(sagamap.Focus) string{"text": text, "mermaid": m.Mermaid, "svg": m.SVG}
	_, err = io.WriteString(s.out, draw[c.Format](focus))
	return err
}

// checkEnds says which ends there are, if one is asked for that is none; it may be any fact.
func (c mapCommand) checkEnds(m *sagamap.Map, groups []*saga.Group) error {
	known := m.Facts("")
	for _, end := range c.End {
		if !slices.Contains(known, end) {
			return fmt.Errorf("there is no end %q: choose some of %s; or any other fact", end, strings.Join(ends(groups), ", "))
		}
	}
	return nil
}

// ends are the facts that end a saga.
func ends(groups []*saga.Group) (facts []string) {
	for _, g := range groups {
		for _, r := range g.Reactions() {
			for _, said := range r.Says {
				if said.Ends {
					facts = append(facts, said.Type)
				}
			}
		}
	}
	slices.Sort(facts)
	return slices.Compact(facts)
}

// groups are the choreography: all groups, and who speaks from outside.
func (c mapCommand) groups() ([]*saga.Group, error) {
	var cfg app.Config
	c.apply(&cfg)
	if err := valid(cfg); err != nil {
		return nil, err
	}
	whole, err := cfg.Choreography()
	return whole.Groups, err
}

func export(out io.Writer, groups []*saga.Group) error {
	declared, err := contract.Of(schemas.Schema, groups...)
	if err != nil {
		return err
	}
	text, err := declared.JSON()
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
