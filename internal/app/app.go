// Package app puts Tiffin together: the consumer groups, the API and the simulator are made elsewhere, and know nothing of
// each other; here they get their servers, become targets, and run.
//
// config.go is what can be configured, and targets.go which parts there are. run.go runs some of them in this process:
// the consumer groups, all on one feed, and api.go, which asks the groups through readers.go; operations.go says how a
// process does that has no API. up.go runs everything, with embedded servers and in a data directory (home.go). This file
// starts and stops what is long-lived, in order. The rest serves the commands: topics.go, seed.go, audit.go, spool.go, and parked.go
// with its dry run.
//
// Nothing here reads flags or the environment: that is the command's business.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga/kafka"
)

// firstRetry and lastRetry bound the pauses of [retry].
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 3 * time.Second
)

// retry does something that needs a server, until it works, fails for good, or ctx ends: servers may start after us.
func retry(ctx context.Context, log *slog.Logger, what string, temporary func(error) bool, do func(context.Context) error) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := do(ctx)
		if err == nil || !temporary(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		log.Warn("waiting for "+what, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
	}
}

// openKafka makes a client for a command, and checks that somebody answers, so that a command need not say what to do
// if nobody does.
func openKafka(ctx context.Context, cfg Config) (*kafka.Client, error) {
	client, err := newKafka(cfg.WithDefaults().Kafka)
	if err != nil {
		return nil, err
	}
	if err := withHint(client.Ping(ctx), cfg.Kafka); err != nil {
		client.Close()
		return nil, fmt.Errorf("%w: start `tiffin up`, or name other brokers with --kafka-brokers or KAFKA_BROKERS", err)
	}
	return client, nil
}

// newKafka makes a client. It connects to nothing; errors name the flags by which Kafka is configured here.
func newKafka(cfg kafka.Config) (*kafka.Client, error) {
	client, err := kafka.Open(cfg)
	if err != nil {
		return nil, errors.New(kafkaFlags.Replace(err.Error()))
	}
	return client, nil
}

// withHint says what may be wrong if Kafka is reached, and no word of it is understood.
func withHint(err error, cfg kafka.Config) error {
	var op *net.OpError
	switch {
	case cfg.TLS.Enabled && errors.As(err, &op) && op.Op == "read" && op.Timeout():
		return fmt.Errorf("%w (the broker is reached, and does not answer to TLS: is its port for plain text, without --tls?)", err)
	case !cfg.TLS.Enabled && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return fmt.Errorf("%w (the broker is reached, and hangs up: does it want --tls, or a login, --sasl-mechanism?)", err)
	}
	return err
}

// noDatabase says what to do if a command's error is that nobody answers.
func noDatabase(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return fmt.Errorf("%w: start `tiffin up`, or name another database with --database-url or DATABASE_URL", err)
	}
	return err
}

// part is something long-lived: run works until ctx ends, and returns when all its goroutines are gone. Its errors say by
// themselves whose they are if it has no name.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// runParts runs parts until ctx ends or one of them does. Then it stops them one after the other, in order, each when the
// one before is gone: who accepts goes before who works, who works before the servers. Its error says which part failed.
func runParts(ctx context.Context, parts ...part) error {
	errs := make([]error, len(parts))
	gone := make([]chan struct{}, len(parts))
	stops := make([]context.CancelFunc, len(parts))
	over := make(chan struct{})
	var once sync.Once
	for i, p := range parts {
		// Its end is ours to choose, so it has no part in ctx's.
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		gone[i], stops[i] = make(chan struct{}), stop
		go func() {
			defer close(gone[i])
			errs[i] = p.run(own)
			if errs[i] == nil && own.Err() == nil {
				errs[i] = errors.New("ended, though nobody told it to")
			}
			once.Do(func() { close(over) })
		}()
	}
	select {
	case <-ctx.Done():
	case <-over:
	}
	for i, p := range parts {
		stops[i]()
		<-gone[i]
		if errs[i] != nil && p.name != "" {
			errs[i] = fmt.Errorf("%s: %w", p.name, errs[i])
		}
	}
	return errors.Join(errs...)
}

// together is parts that run, and stop, at the same time.
func together(parts ...part) part {
	return part{"", func(ctx context.Context) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		errs := make([]error, len(parts))
		var running sync.WaitGroup
		for i, p := range parts {
			running.Go(func() {
				defer stop()
				errs[i] = runParts(ctx, p)
			})
		}
		running.Wait()
		return errors.Join(errs...)
	}}
}
