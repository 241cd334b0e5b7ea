package main

import (
	"cmp"
	"fmt"
	"io"

	"tiffin/internal/app"
)

type spoolCommand struct {
	Check   spoolCheckCommand   `cmd:"" help:"Say what is in a spool, and whether it is whole. Changes nothing."`
	Salvage spoolSalvageCommand `cmd:"" help:"Mend a damaged spool: keep every group that is whole, put copies of the damaged files aside."`
}

// spoolOptions say which spool.
type spoolOptions struct {
	Dir  string `arg:"" optional:"" env:"TIFFIN_SPOOL_DIR" help:"The --spool-dir of an API that does not run. Default: that of the \"tiffin up\" with the data directory, or else ${spool_dir}."`
	Data string `default:"${data}" placeholder:"DIR" aliases:"data-dir" help:"The data directory of a \"tiffin up\" that does not run. Default: ${data}."`
}

// find is the folder that is given, or else the one of an Up, or else the one that a `tiffin run` would use here. It writes whose it is
// if nobody has given it.
func (o spoolOptions) find(w io.Writer) (string, error) {
	if o.Dir != "" {
		return o.Dir, nil
	}
	dir, err := app.FindSpool(o.Data)
	switch {
	case err != nil:
		return "", err
	case dir != "":
		fmt.Fprintf(w, "The spool of the `tiffin up` with %s:\n", o.Data)
	default:
		fmt.Fprintf(w, "No `tiffin up` has a spool in %s. The one of a `tiffin run` here:\n", o.Data)
	}
	return absolute(cmp.Or(dir, app.DefaultSpoolDir)), nil
}

type spoolCheckCommand struct{ spoolOptions }

func (c spoolCheckCommand) Run(s streams) error {
	dir, err := c.find(s.out)
	if err != nil {
		return err
	}
	whole, err := app.CheckSpool(dir, s.out)
	if err == nil && !whole {
		return errSaid
	}
	return err
}

type spoolSalvageCommand struct{ spoolOptions }

func (c spoolSalvageCommand) Run(s streams) error {
	dir, err := c.find(s.out)
	if err != nil {
		return err
	}
	return app.SalvageSpool(dir, s.out)
}
