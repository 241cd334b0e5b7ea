package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tiffin/internal/app"
	"tiffin/internal/audit"
)

type auditCommand struct {
	JSON bool          `name:"json" help:"Write the report as JSON."`
	Wait time.Duration `default:"0s" placeholder:"TIME" help:"Wait so long for a moment without events on their way, for what looks wrong between groups is certain only then. Default: 0s."`
	bookOptions
}

// Run fails if the books don't balance, or may not.
func (c auditCommand) Run(ctx context.Context, s streams) error {
	cfg, err := c.config()
	if err != nil {
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
		fmt.Fprint(s.out, fold(report.String(), columns(s.out)))
	}
	return c.verdict(report)
}

// verdict is nil only if nothing looks wrong. A script that asks too early must not take "perhaps" for "yes".
func (c auditCommand) verdict(report audit.Report) error {
	if !report.OK() {
		return errSaid
	}
	for _, check := range report.Checks {
		switch {
		case check.Verdict != audit.Provisional:
		case c.Wait > 0:
			return fmt.Errorf("provisional: events are on their way, still after %v; use a longer --wait, or see what lags", c.Wait)
		default:
			return errors.New("provisional: events are on their way; use --wait, as in --wait=30s")
		}
	}
	if c.Wait > 0 && !report.Quiet {
		return fmt.Errorf("nothing looks wrong, but events are on their way, still after %v; use a longer --wait, or see what lags", c.Wait)
	}
	return nil
}
