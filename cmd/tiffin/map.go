package main

import (
	"io"

	"tiffin/consumers"
	"tiffin/internal/app"
	"tiffin/saga"
	"tiffin/saga/sagamap"
)

type mapCommand struct {
	Format string   `default:"text" enum:"text,mermaid,svg" placeholder:"FORMAT" help:"text for a terminal, mermaid for a page that draws it, svg for a picture. Default: text."`
	Group  []string `placeholder:"NAME" help:"Draw only these groups, or who is so named outside, and what touches them. Default: all."`
	Fact   string   `placeholder:"TYPE" help:"Who would notice if this fact changed its meaning? Draw who says it, who hears it, and what may follow from that."`
	End    []string `placeholder:"TYPE" help:"Draw the ways to these facts, order.cancelled say; in a picture the rest is grey."`
	groupOptions
}

func (c mapCommand) Run(s streams) error {
	groups, err := c.groups()
	if err != nil {
		return err
	}
	m, focus := sagamap.New(groups...), sagamap.Focus{Groups: c.Group, Fact: c.Fact, Ends: c.End}
	if err := m.Check(focus); err != nil {
		return usageError{err}
	}
	draw := map[string]func(sagamap.Focus) string{"text": m.Text, "mermaid": m.Mermaid, "svg": m.SVG}
	_, err = io.WriteString(s.out, draw[c.Format](focus))
	return err
}

// groups are the choreography: all groups, and who speaks from outside.
func (c mapCommand) groups() ([]*saga.Group, error) {
	var cfg app.Config
	c.apply(&cfg)
	if err := valid(cfg); err != nil {
		return nil, err
	}
	groups, err := cfg.Groups()
	return append(groups, consumers.Outside()...), err
}
