package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tiffin/internal/app"
	"tiffin/saga/sagamap"
)

type configCommand struct {
	findOptions
	opsOptions `group:"Process"`
	runOptions
}

// Run writes each option of `tiffin run` with its value and where that comes from; passwords are hidden.
func (c configCommand) Run(s streams, parsed *kong.Context) error {
	cfg := c.config()
	cfg.OpsAddr = c.OpsAddr
	if err := c.find(&cfg); err != nil {
		return err
	}
	full := cfg.WithDefaults()
	for _, f := range parsed.Selected().Flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		value, from := parsed.FlagValue(f), source(parsed, f)
		if d, ok := value.(time.Duration); ok {
			value = sagamap.Duration(d)
		}
		switch f.Name {
		case "kafka-brokers":
			value, from = strings.Join(full.Kafka.Brokers, ","), c.server(from, len(c.KafkaBrokers) == 0 && len(cfg.Kafka.Brokers) > 0)
		case "topic-prefix":
			value, from = full.Kafka.TopicPrefix, c.server(from, c.TopicPrefix == "" && full.Kafka.TopicPrefix != "")
		case "database-url":
			value, from = app.Redact(full.DatabaseURL), c.server(from, c.DatabaseURL == "" && cfg.DatabaseURL != "")
		case "redis-url":
			value, from = app.Redact(full.RedisURL), c.server(from, c.RedisURL == "" && cfg.RedisURL != "")
		case "spool-dir":
			value = full.SpoolDir
		case "notify":
			value = app.RedactChannel(full.Notify)
		case "sasl-password":
			value = hidden(c.SASLPassword)
		case "notify-secret":
			value = hidden(c.NotifySecret)
		}
		fmt.Fprintf(s.out, "%-18s %-54v %s\n", f.Name, value, from)
	}
	return valid(cfg)
}

// server is where an address comes from that no option gives.
func (c configCommand) server(from string, found bool) string {
	if found {
		return "servers.json in " + c.Data
	}
	return from
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

func hidden(secret string) string {
	if secret == "" {
		return ""
	}
	return "xxxxx"
}
