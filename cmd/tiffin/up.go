package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"tiffin/internal/app"
)

type upCommand struct {
	Data         string `default:"${data}" placeholder:"DIR" aliases:"data-dir" help:"Keep everything in this directory; the next \"up\" goes on with it. Remove it to begin anew. Default: ${data}."`
	KafkaAddr    string `default:"${kafka_addr}" placeholder:"HOST:PORT" help:"Where the embedded Kafka listens, unless KAFKA_BROKERS names another. Default: ${kafka_addr}."`
	PostgresAddr string `default:"${postgres_addr}" placeholder:"HOST:PORT" help:"Where the embedded PostgreSQL listens, unless DATABASE_URL names another. Default: ${postgres_addr}."`
	RedisAddr    string `default:"${redis_addr}" placeholder:"HOST:PORT" help:"Where the embedded Redis listens, unless REDIS_URL names another. Default: ${redis_addr}."`
	Demo         bool   `default:"true" negatable:"" help:"Fill new topics with the demo data. Default: yes."`
	Simulate     string `default:"on" enum:"on,instant,off" placeholder:"HOW" help:"Play restaurant, cook and courier: on, instant (they take no time), or off. Default: on."`
	runOptions
}

func (c upCommand) Run(ctx context.Context, s streams, parsed *kong.Context) error {
	cfg := app.UpConfig{
		Config: c.config(), Dir: c.Data, KafkaAddr: c.KafkaAddr, PostgresAddr: c.PostgresAddr, RedisAddr: c.RedisAddr,
		Demo: c.Demo, Simulated: c.Simulate != "off",
	}
	cfg.Settings = func(final app.Config) []app.Setting {
		final.SpoolDir = absolute(final.SpoolDir) // whoever reads it may have started somewhere else
		return settings(parsed, final, "embedded")
	}
	cfg.Simulate.Instant = c.Simulate == "instant"
	if err := valid(cfg.Config); err != nil {
		return err
	}
	collectForThroughput()
	return app.Up(ctx, cfg, cfg.Logger(s.err), func(servers app.Servers) { c.firstScreen(s.out, servers) })
}

// firstScreen says what runs where, and what to try, for a terminal of 80 columns.
func (c upCommand) firstScreen(w io.Writer, servers app.Servers) {
	people := "restaurant, cook and courier are simulated"
	if c.Simulate == "off" {
		people = "nobody plays restaurant, cook and courier"
	}
	fmt.Fprintf(w, `Tiffin is up.

  APIs        %s
  Kafka       %s
  PostgreSQL  %s
  Redis       %s
  data        %s
  people      %s

Order a meal, watch how it is doing, like a post, pay somebody, listen to what
is said:

  curl -i %[1]s/orders \
    -H 'Content-Type: application/json' \
    -d '{"customerId":"alice","restaurantId":"annapurna",
         "items":[{"sku":"masala-dosa","quantity":1}]}'

  curl -N %[1]s/orders/ID -H 'Accept: text/event-stream'

  curl %[1]s/posts/sunset/likes \
    -H 'Content-Type: application/json' -d '{"userId":"alice"}'
  curl %[1]s/posts/sunset/likes

  curl -i %[1]s/payments \
    -H 'Content-Type: application/json' \
    -d '{"from":"alice","to":"bob",
         "amount":{"currency":"INR","minorUnits":12500}}'

  kafka-console-consumer.sh --bootstrap-server %[7]s \
    --topic %[8]sorders --from-beginning

What there is to call: %[1]s/openapi.yaml

Ctrl-C stops it; the next "tiffin up" goes on where this one ended.
`, servers.API, strings.Join(servers.Kafka, ","), app.Redact(servers.DatabaseURL), app.Redact(servers.RedisURL), absolute(c.Data), people,
		servers.Kafka[0], servers.TopicPrefix)
}
