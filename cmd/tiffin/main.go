// Command tiffin runs and tends Tiffin: event-driven sagas on Apache Kafka, in which nobody is in charge.
//
// `tiffin up` is the whole product in one process tree; `tiffin run` runs parts of it, one or more to a process. The rest
// looks at what runs and repairs it. This is the only place that reads flags and the environment; what they mean for the
// product is package app's business.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	redis.SetLogger(silence{}) // what fails is in our own log, once
	// The first Ctrl-C or SIGTERM stops in good order, a second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)()
	os.Exit(tiffin(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// silence is a logger of the Redis client that says nothing.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// tiffin runs one command line and returns the exit code.
func tiffin(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var line commandLine
	code := -1
	parser, err := kong.New(&line,
		kong.Name("tiffin"),
		kong.Description("Event-driven sagas on Apache Kafka, in which nobody is in charge.\n\n"+
			"Start with `tiffin up`, which needs nothing else. Every option can also be given as TIFFIN_... in the environment, "+
			"by the name that stands behind it."),
		kong.DefaultEnvars("TIFFIN"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Writers(out, errs),
		kong.Exit(func(c int) { code = c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{in, out, errs}),
		defaults(),
	)
	if err != nil {
		panic(err) // the declaration of the commands is wrong: a fault of the program, which every test meets
	}
	parsed, err := parser.Parse(args)
	if code >= 0 { // --help has been printed
		return code
	}
	if err != nil {
		report(errs, err)
		fmt.Fprintln(errs, "see `tiffin --help`, or `tiffin COMMAND --help`")
		return exitUsage
	}
	warnOfUnknown(errs, parser.Model)
	if err := parsed.Run(parsed); err != nil {
		switch {
		case errors.Is(err, errSaid):
		case ctx.Err() != nil && errors.Is(err, context.Canceled):
			report(errs, errors.New("interrupted before it was done"))
		default:
			report(errs, err)
		}
		if wrong := (usageError{}); errors.As(err, &wrong) {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}

// errSaid ends a command as failed which has already written why.
var errSaid = errors.New("failed")

// usageError is about what was given on the command line or in the environment.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func report(w io.Writer, err error) {
	fmt.Fprintln(w, "tiffin: "+strings.ReplaceAll(err.Error(), "\n", "\n        "))
}
