package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"tiffin/internal/app"
	"tiffin/saga"
)

type configCommand struct {
	findOptions
	opsOptions `group:"Process"`
	runOptions
}

// Run writes each option with its value and where that comes from; passwords are hidden. Beside a `tiffin up` these are that one's,
// unless options are given: these are of a `tiffin run`.
func (c configCommand) Run(s streams, parsed *kong.Context) error {
	up, err := app.ReadServers(c.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(up.Settings) > 0 && !c.asks(parsed) {
		if errors.Is(syscall.Kill(up.PID, 0), syscall.ESRCH) {
			fmt.Fprintf(s.out, "The `tiffin up` with %s (process %d) was killed. It ran with:\n\n", c.Data, up.PID)
		} else {
			fmt.Fprintf(s.out, "The `tiffin up` with %s (process %d) runs with:\n\n", c.Data, up.PID)
		}
		table(s.out, up.Settings)
		return nil
	}
	cfg := c.config()
	cfg.OpsAddr = c.OpsAddr
	if err := c.find(&cfg); err != nil {
		return err
	}
	if up.PID == 0 {
		fmt.Fprintf(s.out, "No `tiffin up` runs with %s. ", c.Data)
	}
	fmt.Fprint(s.out, "A `tiffin run` would use here:\n\n")
	table(s.out, settings(parsed, cfg, "up in "+c.Data))
	return valid(cfg)
}

// asks says whether an option is given that a `tiffin run` would take.
func (c configCommand) asks(parsed *kong.Context) bool {
	for _, p := range parsed.Path {
		if p.Flag != nil && p.Flag.Name != "data" {
			return true
		}
	}
	return false
}

// settings are the options of the command with the values that are in the configuration at last. An address that no option gives is
// found somewhere.
func settings(parsed *kong.Context, cfg app.Config, found string) (all []app.Setting) {
	full := cfg.WithDefaults()
	for _, f := range parsed.Selected().Flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		value, from := fmt.Sprint(parsed.FlagValue(f)), source(parsed, f)
		if d, ok := parsed.FlagValue(f).(time.Duration); ok {
			value = saga.Duration(d)
		}
		server := func(known, shown string) {
			if value = shown; known != "" && from == "default" {
				from = found
			}
		}
		switch f.Name {
		case "kafka-brokers":
			server(strings.Join(cfg.Kafka.Brokers, ""), strings.Join(full.Kafka.Brokers, ","))
		case "topic-prefix":
			server(cfg.Kafka.TopicPrefix, full.Kafka.TopicPrefix)
		case "database-url":
			server(cfg.DatabaseURL, app.Redact(full.DatabaseURL))
		case "redis-url":
			server(cfg.RedisURL, app.Redact(full.RedisURL))
		case "data":
			value = absolute(value) // whoever reads it may have started somewhere else
		case "api-addr":
			value = full.APIAddr
		case "spool-dir":
			value = full.SpoolDir
		case "fraud-rules":
			if value == "" && cfg.FraudRules != nil {
				value = demoRules
			}
			value = cmp.Or(value, "built in")
		case "notify":
			value = app.RedactChannel(full.Notify)
		case "sasl-password", "notify-secret":
			if value != "" {
				value = "xxxxx"
			}
		}
		all = append(all, app.Setting{Name: f.Name, Value: value, From: from})
	}
	return all
}

// table writes the settings for a terminal of 80 columns: a value that is too long for its column has one of the next line.
func table(w io.Writer, all []app.Setting) {
	const name, value = 17, 36
	for _, s := range all {
		if len(s.Value) > value && name+len(s.Value)+1+len(s.From) > 80 {
			fmt.Fprintf(w, "%-*s%s\n%*s", name, s.Name, s.Value, name+value+1, "")
		} else {
			fmt.Fprintf(w, "%-*s%-*s ", name, s.Name, value, s.Value)
		}
		fmt.Fprintln(w, s.From)
	}
}

// source is where an option's value comes from: kong does not keep it.
func source(parsed *kong.Context, f *kong.Flag) string {
	for _, p := range parsed.Path {
		if p.Flag == f {
			return "--" + f.Name
		}
	}
	for _, name := range f.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return "default"
}
