package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/internal/app"
)

type auditCommand struct {
	JSON bool          `name:"json" help:"Write the report as JSON."`
	Wait time.Duration `default:"0s" placeholder:"TIME" help:"Wait so long for a moment without events on their way, for what looks wrong between groups is certain only then. Default: 0s."`
	clientOptions
	groupOptions `group:"Consumer groups, as they run"`
}

// Run fails if the books don't balance.
func (c auditCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	c.groupOptions.apply(&cfg)
	if err := valid(cfg); err != nil {
		return err
	}
	report, err := app.Audit(ctx, cfg, c.Wait)
	if err != nil {
		return err
	}
	if c.JSON {
		data, err := json.Marshal(report, jsontext.WithIndent("  "))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s\n", data)
	} else {
		fmt.Fprintln(s.out, strings.TrimRight(report.String(), "\n"))
	}
	if !report.OK() {
		return errSaid
	}
	return nil
}
