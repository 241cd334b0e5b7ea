package lane

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// hangs is a PostgreSQL that takes every statement and answers none.
type hangs struct{ Store }

func (hangs) Claim(ctx context.Context, _ []int, _ int, _ string) ([]*Row, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hangs) Load(ctx context.Context, _ *saga.Working, _ []saga.Need, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hangs) Close() {}

// A PostgreSQL that refuses connections is asked again.
func TestARefusedConnectionIsTriedAgain(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	tried := 0
	p := Ports{Open: func(ctx context.Context, g *saga.Group, partitions int) (Store, error) {
		if tried++; tried == 2 {
			end()
		}
		return connect(ctx, "postgres://127.0.0.1:1/nowhere", g, partitions)
	}}
	if err := teamOf(p, shardedGroup(), 1).hold(ctx, kafka.Assignment{Lanes: []int{0}}); err != nil || tried != 2 {
		t.Errorf("it is tried %d times, until %v", tried, err)
	}
}

// P6: a connection on which nothing comes back is given up after a while, at a claim as in a batch, and the loop tries another one.
func TestAConnectionThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), 10*time.Minute)
		defer end()
		opened := 0
		p := Ports{Open: func(context.Context, *saga.Group, int) (Store, error) {
			opened++
			return hangs{}, nil
		}}
		if err := teamOf(p, shardedGroup(), 1).hold(ctx, kafka.Assignment{Lanes: []int{0}}); err != nil {
			t.Error(err)
		}
		if opened < 15 {
			t.Errorf("in ten minutes it has tried %d connections", opened)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		team, _, put := turnsOf(t, shardedGroup())
		l := team.loops[0]
		l.store, l.sends = hangs{}, newSends(l.ports, l.bell, l.log)
		put(0, 100)
		ctx, end := context.WithTimeout(t.Context(), time.Hour)
		defer end()
		began := time.Now()
		l.searches[ofEvent].limit = 80
		if err := l.work(ctx, ctx, kafka.Assignment{}); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Fatalf("it works on until %v", err)
		}
		if took := time.Since(began); took > databaseTime+tick || l.searches[ofEvent].limit != 40 {
			t.Errorf("it takes %v, and the next batch has %d events at most", took, l.searches[ofEvent].limit)
		}
	})
}

// P6: marks that have not moved for long are forgotten while a loop works, whether its group says anything or not, by the time of the
// log: our own clock may be wrong.
func TestMarksAreForgottenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		team, _, _ := turnsOf(t, shardedGroup())
		l := team.loops[0]
		logged := time.Now().Add(-100 * markLife)
		seen := func(at time.Time) Mark { return Mark{1, 1, at.Unix()} }
		ln := l.lanes[0]
		ln.Marks = map[string]Mark{"door/1 parts": seen(logged.Add(-2 * markLife)), "door/2 parts": seen(logged.Add(-markLife / 2))}
		l.owned = []*lane{ln}
		look := func(want int) {
			t.Helper()
			l.bell.Wait(t.Context(), forgetEvery)
			if err := l.lookAround(t.Context(), kafka.Assignment{}); err != nil {
				t.Fatal(err)
			}
			if len(ln.Marks) != want {
				t.Errorf("it remembers %v, want %d", ln.Marks, want)
			}
		}
		look(2) // it has read nothing: it does not know what time the log has
		ln.last["parts"] = logged
		look(1)
	})
}

// P6: a batch that PostgreSQL ends because it takes too long is tried again as a smaller one, or a backlog would never be worked off.
func TestABatchThatTakesTooLongGetsSmaller(t *testing.T) {
	for _, code := range []string{"57014", "25P03"} {
		team, store, put := turnsOf(t, shardedGroup())
		l := team.loops[0]
		put(0, 100)
		go func() { store.goOn <- &pgconn.PgError{Code: code}; <-store.began }()
		if _, err := l.step(t.Context()); err == nil || l.searches[ofEvent].limit != 50 {
			t.Errorf("after %v the next batch has %d events at most, want 50", err, l.searches[ofEvent].limit)
		}
	}
}

// A loop without work hardly ever wakes, and is there at once for what comes, and for a deadline.
func TestALoopRestsWithoutMissingAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, handled := time.Now(), map[string]time.Duration{}
		s := &jobStore{rows: map[int]*Row{0: {}}, due: []Due{{Key: "late", Until: began.Add(15*time.Second + 250*time.Millisecond)}}}
		s.refuse = func(save *Save) error {
			for _, d := range save.Working.Documents() {
				handled[d.Key] = time.Since(began)
			}
			return nil
		}
		s.hold(t, 20*time.Second, 59*time.Second)
		for key, due := range map[string]time.Duration{"k0": 20 * time.Second, "late": 15*time.Second + 250*time.Millisecond, "k1": 40 * time.Second} {
			if late := handled[key] - due; late < 0 || late > 2*tick {
				t.Errorf("%s is handled after %v, and was due after %v", key, handled[key], due)
			}
		}
		if s.waits > 120 { // each tick would be 590
			t.Errorf("in a minute it has waited %d times", s.waits)
		}
	})
}
