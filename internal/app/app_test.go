package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"tiffin/saga/kafka"
)

// stage records in which order parts end.
type stage struct {
	mu    sync.Mutex
	ended []string
}

func (s *stage) part(name string, run func(ctx context.Context) error) part {
	return part{name, func(ctx context.Context) error {
		err := run(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = append(s.ended, name)
		return err
	}}
}

func untilTold(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestPartsStopInOrder(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var s stage
	running := make(chan struct{})
	err := runParts(ctx, s.part("api", untilTold), s.part("groups", untilTold), s.part("server", func(ctx context.Context) error {
		close(running)
		stop()
		return untilTold(ctx)
	}))
	<-running
	if err != nil || !slices.Equal(s.ended, []string{"api", "groups", "server"}) {
		t.Errorf("ended %v, error %v", s.ended, err)
	}
}

func TestAPartThatFailsStopsTheOthers(t *testing.T) {
	broken := errors.New("broken")
	var s stage
	err := runParts(t.Context(), s.part("api", untilTold), s.part("groups", func(context.Context) error { return broken }), s.part("server", untilTold))
	if !errors.Is(err, broken) || err.Error() != "groups: broken" {
		t.Errorf("error %v, want that of the part", err)
	}
	if !slices.Equal(s.ended, []string{"groups", "api", "server"}) {
		t.Errorf("ended %v", s.ended)
	}
}

func TestAPartThatJustEndsIsAFault(t *testing.T) {
	err := runParts(t.Context(), part{"api", untilTold}, part{"groups", func(context.Context) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), "groups: ended") {
		t.Errorf("error %v", err)
	}
}

func TestOnlyWhatIsTemporaryIsTriedAgain(t *testing.T) {
	away, wrong := errors.New("away"), errors.New("wrong")
	tries := 0
	err := retry(t.Context(), slog.New(slog.DiscardHandler), "it", func(err error) bool { return errors.Is(err, away) }, func(context.Context) error {
		if tries++; tries < 3 {
			return away
		}
		return wrong
	})
	if !errors.Is(err, wrong) || tries != 3 {
		t.Errorf("error %v after %d tries", err, tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = retry(ctx, slog.New(slog.DiscardHandler), "it", func(error) bool { return true }, func(context.Context) error {
		cancel()
		return away
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, away) {
		t.Errorf("error %v, want both why it ends and what was awaited", err)
	}
}

// Somebody listens where Kafka should be, and speaks otherwise than we do.
func TestKafkaThatIsNotUnderstoodGetsAHint(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096)) // as one does that waits for TLS
			_ = conn.Close()
		}
	}()
	_, err = openKafka(t.Context(), Config{Kafka: kafka.Config{Brokers: []string{listener.Addr().String()}}})
	if err == nil || !strings.Contains(err.Error(), "does it want --tls") {
		t.Errorf("error %v", err)
	}
	silent := fmt.Errorf("kafka: topics: %w", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded})
	if err := withHint(silent, kafka.Config{TLS: kafka.TLS{Enabled: true}}); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "without --tls?") {
		t.Errorf("error %v", err)
	}
	if err := withHint(silent, kafka.Config{}); err != silent {
		t.Errorf("error %v, want that of the network", err)
	}
}
