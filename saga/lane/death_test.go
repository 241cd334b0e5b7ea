package lane_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tiffin/saga/kafka"
	"tiffin/saga/lane"
)

// childVariable makes this test binary a process that runs the counter, so that a test may see it die.
const childVariable = "TIFFIN_LANE_TEST_CHILD"

// deadlyExit is how a child ends that has handled the deadly show.
const deadlyExit = 3

func TestMain(m *testing.M) {
	if spec := os.Getenv(childVariable); spec != "" {
		runChild(strings.Split(spec, " "))
	}
	goleak.VerifyTestMain(m)
}

func runChild(spec []string) {
	client, err := kafka.Open(kafka.Config{Brokers: []string{spec[0]}, TopicPrefix: spec[1]})
	if err == nil {
		err = lane.Run(context.Background(), lane.Config{Kafka: client, DatabaseURL: spec[2], SessionTimeout: 2 * time.Second}, counter(time.Minute))
	}
	panic(err)
}

// P7: an event that kills the process is found, and its key is parked, once it has killed three that handled it alone.
func TestAnEventThatKillsIsParked(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.say(wanted{"a", "open"}, wanted{"bad", "deadly"}, wanted{"b", "open"})
	deaths := 0
	for parked := 0; parked == 0; {
		parked = w.child("parked")
		if parked == 0 {
			deaths++
		}
		if deaths > 10 {
			t.Fatal("ten processes have died of it")
		}
	}
	t.Logf("%d processes died", deaths)
	w.wish("counter", "bad", lane.Redrive) // which kills one more, and no other
	for _, want := range []int{0, 1} {
		if n := w.child("parked where reason like '%ended meanwhile%'"); n != want {
			t.Fatalf("redriven by the next process, %d have another reason, want %d", n, want)
		}
	}
	w.until(0, "select count(*) from counter.wishes")
	w.run(w.counter, w.gate)
	w.until(2, "select count(*) from counter.tickets where state = 'closed'")
	w.until("bad", "select key from counter.parked where reason <> ''")
}

// P7: a deadline that kills the process is left alone once it has killed three that handled it alone, also in a lane in which events come
// all the time.
func TestADeadlineThatKillsIsLeftAloneAmongEvents(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.say(wanted{"bad", "deadly late"})
	w.child("tickets")
	w.exec("update counter.tickets set waits_until = clock_timestamp() - interval '1 hour'")
	events, enough := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		ticker := time.NewTicker(15 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; events.Err() == nil; i++ {
			p := praised{fmt.Sprint("p", i), "open"}
			if kafka.Partition([]byte(p.ID), partitions) == kafka.Partition([]byte("bad"), partitions) {
				w.say(p)
				<-ticker.C
			}
		}
	}()
	defer func() { enough(); <-sent }()
	const tried = "lanes where (attempts->>'deadline of bad')::int = 3"
	for deaths := 0; w.child(tried) == 0; deaths++ {
		if deaths > 10 {
			t.Fatal("ten processes have died of it")
		}
	}
	stop := w.run(w.counter)
	w.logs("deadlines are left alone")
	stop()
	var before int
	if err := w.db.QueryRow(t.Context(), "select sum(praise) from counter.shows").Scan(&before); err != nil {
		t.Fatal(err)
	}
	w.run(w.counter) // which finds the note among all the events
	w.until(true, "select sum(praise) > 300 and sum(praise) > $1 from counter.shows", before+100)
	w.until("bad", "select id from counter.tickets where waits_until is not null")
}

// child runs a process until there are such rows, and says how many; or until it has died of the deadly show.
func (w *world) child(rows string) int {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{w.broker, w.prefix, w.url}, " "))
	if err := child.Start(); err != nil {
		w.t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() { died <- child.Wait() }()
	n := w.someOrDead(ctx, rows, died)
	cancel()
	if n > 0 {
		if err := <-died; err == nil {
			w.t.Error("the child ended by itself")
		}
	}
	return n
}

// someOrDead waits until there are such rows, or the child has died.
func (w *world) someOrDead(ctx context.Context, rows string, died chan error) int {
	w.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-died:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != deadlyExit {
				w.t.Fatalf("the child ended with %v", err)
			}
			return 0
		case <-ctx.Done():
			w.t.Fatal("nothing is parked, and nobody dies")
		case <-ticker.C:
			var n int
			if err := w.db.QueryRow(w.t.Context(), "select count(*) from counter."+rows).Scan(&n); err != nil {
				w.t.Fatal(err)
			}
			if n > 0 {
				return n
			}
		}
	}
}
