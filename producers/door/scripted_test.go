package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// scripted is a Kafka with one partition per topic whose requests wait for the test. It runs under synctest, where time is free.
type scripted struct {
	away     int                 // how many requests for topics fail
	requests chan []kafka.Record // what is being sent
	answers  chan error          // what becomes of it
}

func newScripted() *scripted {
	return &scripted{requests: make(chan []kafka.Record), answers: make(chan error)}
}

func (s *scripted) Topics(_ context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	if s.away > 0 {
		s.away--
		return nil, io.EOF
	}
	infos := map[string]kafka.TopicInfo{}
	for _, name := range names {
		infos[name] = kafka.TopicInfo{Partitions: 1, Replicas: 1}
	}
	return infos, nil
}

func (s *scripted) Produce(ctx context.Context, records []kafka.Record) error {
	select {
	case s.requests <- records:
	case <-ctx.Done():
		return &kafka.ProduceError{Unknown: indexes(len(records)), Err: ctx.Err()}
	}
	select {
	case err := <-s.answers:
		return err
	case <-ctx.Done():
		return &kafka.ProduceError{Unknown: indexes(len(records)), Err: ctx.Err()}
	}
}

// sent says what is in a request: order and number of each record.
func sent(t *testing.T, records []kafka.Record) []string {
	t.Helper()
	var all []string
	for i := range records {
		_, mark, err := wire.Decode(&records[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s/%s/%d", records[i].Topic, records[i].Key, mark.Number))
	}
	return all
}

func (s *scripted) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := sent(t, <-s.requests); !reflect.DeepEqual(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
}

// accept calls Accept with one fact about each of the orders, and returns where its error comes.
func accept(b Door, ctx context.Context, orderIDs ...string) <-chan error {
	outcome := make(chan error, 1)
	go func() {
		defer close(outcome)
		for _, id := range orderIDs {
			if err := b.Accept(ctx, Origin{API: "a"}, accepted(id)); err != nil {
				outcome <- err
			}
		}
	}()
	synctest.Wait()
	return outcome
}

// script runs a scenario against a door with a scripted Kafka, and stops the door.
func script(t *testing.T, cfg Config, scenario func(t *testing.T, b *Broker, s *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		cfg.Kafka = s
		b, stop := open(t, cfg)
		scenario(t, b, s)
		if err := stop(); err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func unavailable(t *testing.T, outcome <-chan error) {
	t.Helper()
	if err := <-outcome; !errors.Is(err, ErrUnavailable) {
		t.Errorf("Accept returned %v, want ErrUnavailable", err)
	}
}

func fine(t *testing.T, outcome <-chan error) {
	t.Helper()
	if err := <-outcome; err != nil {
		t.Errorf("Accept returned %v", err)
	}
}

func TestWaitingFactsAreSentTogether(t *testing.T) {
	script(t, Config{}, func(t *testing.T, b *Broker, s *scripted) {
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second, third := accept(b, t.Context(), "o2"), accept(b, t.Context(), "o3")
		s.answers <- nil
		fine(t, first)
		s.expect(t, "kitchen/o2/2", "kitchen/o3/3")
		s.answers <- nil
		fine(t, second)
		fine(t, third)
	})
}

// TestOnlyWhatIsUnknownIsSentAgain: with the numbers that it had, and whoever's facts are acknowledged does not wait for the rest.
func TestOnlyWhatIsUnknownIsSentAgain(t *testing.T) {
	script(t, Config{}, func(t *testing.T, b *Broker, s *scripted) {
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second, third := accept(b, t.Context(), "o2"), accept(b, t.Context(), "o3")
		s.answers <- io.EOF // nothing is known
		s.expect(t, "kitchen/o1/1")
		s.answers <- nil
		fine(t, first)
		s.expect(t, "kitchen/o2/2", "kitchen/o3/3")
		s.answers <- &kafka.ProduceError{Acknowledged: []int{0}, Unknown: []int{1}, Err: io.EOF}
		fine(t, second)
		s.expect(t, "kitchen/o3/3")
		s.answers <- nil
		fine(t, third)
	})
}

// TestWhoGivesUpIsDropped: a fact that was never sent leaves no gap; one that was on its way goes on.
func TestWhoGivesUpIsDropped(t *testing.T) {
	script(t, Config{}, func(t *testing.T, b *Broker, s *scripted) {
		start := time.Now()
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := accept(b, hasty, "o2")
		unavailable(t, second)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the caller with a deadline of 1 s waited %v", waited)
		}
		unavailable(t, first)
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("the caller without a deadline waited %v, want the door's 5 s", waited)
		}
		third := accept(b, t.Context(), "o3")
		s.answers <- &kafka.ProduceError{Unknown: []int{0}, Err: io.EOF}
		s.expect(t, "kitchen/o1/1")
		s.answers <- nil
		s.expect(t, "kitchen/o3/2")
		s.answers <- nil
		fine(t, third)
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	script(t, Config{QueueRecords: 2}, func(t *testing.T, b *Broker, s *scripted) {
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second, third := accept(b, t.Context(), "o2"), accept(b, t.Context(), "o3")
		if err := b.Ready(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Ready of a full door: %v", err)
		}
		start := time.Now()
		unavailable(t, accept(b, t.Context(), "o4"))
		if time.Since(start) != 0 {
			t.Errorf("refused after %v", time.Since(start))
		}
		s.answers <- nil
		s.expect(t, "kitchen/o2/2", "kitchen/o3/3")
		if err := b.Ready(t.Context()); err != nil {
			t.Errorf("Ready of a door with room: %v", err)
		}
		s.answers <- nil
		fine(t, first)
		fine(t, second)
		fine(t, third)
	})
	script(t, Config{QueueBytes: 100}, func(t *testing.T, b *Broker, _ *scripted) {
		unavailable(t, accept(b, t.Context(), "o1"))
	})
}

// TestRefusedFactsLeaveNoGap: what is behind them takes their numbers.
func TestRefusedFactsLeaveNoGap(t *testing.T) {
	script(t, Config{}, func(t *testing.T, b *Broker, s *scripted) {
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		outcomes := []<-chan error{accept(b, t.Context(), "o2"), accept(b, t.Context(), "o3"), accept(b, t.Context(), "o4"), accept(b, t.Context(), "o5")}
		s.answers <- nil
		fine(t, first)
		request := <-s.requests
		s.answers <- &kafka.ProduceError{Acknowledged: []int{0}, Refused: []kafka.Refusal{{Index: 2, Err: kafka.ErrTooLarge}}, Unknown: []int{1, 3}, Err: kafka.ErrTooLarge}
		fine(t, outcomes[0])
		unavailable(t, outcomes[2])
		s.expect(t, "kitchen/o3/3", "kitchen/o5/4")
		if got := sent(t, request); got[3] != "kitchen/o5/5" {
			t.Errorf("the record of a request that may still be read has changed to %s", got[3])
		}
		s.answers <- nil
		fine(t, outcomes[1])
		fine(t, outcomes[3])
		next := accept(b, t.Context(), "o6")
		s.expect(t, "kitchen/o6/5")
		s.answers <- nil
		fine(t, next)
	})
}

// TestRefusedAfterUnknownKeepsItsNumber: the record behind it may be in the log under the number that it had.
func TestRefusedAfterUnknownKeepsItsNumber(t *testing.T) {
	script(t, Config{}, func(t *testing.T, b *Broker, s *scripted) {
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second, third := accept(b, t.Context(), "o2"), accept(b, t.Context(), "o3")
		s.answers <- nil
		fine(t, first)
		s.expect(t, "kitchen/o2/2", "kitchen/o3/3")
		s.answers <- io.EOF
		s.expect(t, "kitchen/o2/2", "kitchen/o3/3")
		s.answers <- &kafka.ProduceError{Refused: []kafka.Refusal{{Index: 0, Err: kafka.ErrNotAuthorized}}, Unknown: []int{1}, Err: kafka.ErrNotAuthorized}
		s.expect(t, "kitchen/o3/3")
		s.answers <- nil
		unavailable(t, second)
		fine(t, third)
	})
}

// TestStopSendsWhatCallersWaitFor, and accepts no more.
func TestStopSendsWhatCallersWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		b, stop := open(t, Config{Kafka: s})
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second := accept(b, t.Context(), "o2")
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		synctest.Wait()
		unavailable(t, accept(b, t.Context(), "o3"))
		s.answers <- nil
		s.expect(t, "kitchen/o2/2")
		s.answers <- nil
		fine(t, first)
		fine(t, second)
		if err := <-stopped; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestStopTakesTenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		b, stop := open(t, Config{Kafka: s, AcceptTimeout: time.Minute})
		first := accept(b, t.Context(), "o1")
		s.expect(t, "kitchen/o1/1")
		second := accept(b, t.Context(), "o2")
		start := time.Now()
		if err := stop(); err == nil || !strings.Contains(err.Error(), "1 fact;") {
			t.Errorf("Run returned %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		unavailable(t, first)
		unavailable(t, second)
	})
}

func TestKafkaMayComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		s.away = 5
		b := NewBroker(Config{Kafka: s, Topics: topics})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		if err := b.Ready(ctx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Ready before Run: %v", err)
		}
		unavailable(t, accept(b, ctx, "o1"))
		go func() { ended <- b.Run(ctx) }()
		<-b.Started()
		if err := b.Ready(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := b.Ready(ctx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Ready after Run: %v", err)
		}
	})
}

func TestTraceparent(t *testing.T) {
	const rest = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for header, want := range map[string]string{
		"00" + rest:             "00" + rest,
		"cc" + rest + "-what":   "00" + rest,
		"cc" + rest:             "00" + rest,
		"cc" + rest + "what":    "",
		"00" + rest + "-what":   "",
		"ff" + rest:             "",
		"":                      "",
		"0" + rest:              "",
		strings.ToUpper(rest):   "",
		"00" + rest[:52] + "zz": "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-101":  "",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n": "",
	} {
		if got := traceparent(header); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
	records, err := layout{schemas.TopicKitchen: 1}.encode(Origin{API: "a", Trace: "garbage"}, []saga.Fact{accepted("o1")})
	if err != nil {
		t.Fatal(err)
	}
	if envelope, _, _ := wire.Decode(&records[0]); traceparent(envelope.Trace) != envelope.Trace || envelope.Trace == "" {
		t.Errorf("a new trace is %q", envelope.Trace)
	}
}
