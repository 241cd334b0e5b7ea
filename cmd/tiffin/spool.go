package main

import "tiffin/internal/app"

type spoolCommand struct {
	Check   spoolCheckCommand   `cmd:"" help:"Say what is in a spool, and whether it is whole. Changes nothing."`
	Salvage spoolSalvageCommand `cmd:"" help:"Mend a damaged spool: keep every group that is whole, put copies of the damaged files aside."`
}

type spoolCheckCommand struct {
	Dir string `arg:"" optional:"" default:"${spool_dir}" env:"TIFFIN_SPOOL_DIR" help:"The --spool-dir of an API that does not run. Default: ${spool_dir}."`
}

func (c spoolCheckCommand) Run(s streams) error {
	whole, err := app.CheckSpool(c.Dir, s.out)
	if err == nil && !whole {
		return errSaid
	}
	return err
}

type spoolSalvageCommand struct {
	Dir string `arg:"" optional:"" default:"${spool_dir}" env:"TIFFIN_SPOOL_DIR" help:"The --spool-dir of an API that does not run. Default: ${spool_dir}."`
}

func (c spoolSalvageCommand) Run(s streams) error { return app.SalvageSpool(c.Dir, s.out) }
