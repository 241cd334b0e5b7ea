package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

type jobWanted struct{ ID string }

func (jobWanted) EventType() string { return "job.wanted" }
func (jobWanted) Topic() string     { return "jobs" }
func (f jobWanted) Key() string     { return f.ID }

type jobDone struct{ ID string }

func (jobDone) EventType() string { return "job.done" }
func (jobDone) Topic() string     { return "jobs" }
func (f jobDone) Key() string     { return f.ID }

type jobLost struct{ ID string }

func (jobLost) EventType() string { return "job.lost" }
func (jobLost) Topic() string     { return "jobs" }
func (f jobLost) Key() string     { return f.ID }

type job struct {
	saga.Act
	ID string
}

var jobs = saga.In("jobs", func(j *job) saga.Columns { return saga.Columns{{"id", &j.ID}} })

func jobbers() *saga.Group {
	return saga.Define("jobbers", saga.Documents(jobs),
		saga.Does(func(*job, saga.Event[jobWanted]) []saga.Fact { return nil }, saga.Silently()),
		saga.Within(time.Hour,
			saga.Then(func(*job, saga.Event[jobDone]) []saga.Fact { return nil }, saga.Closes()),
			saga.Else(func(j *job, _ saga.Cause) []saga.Fact { return saga.Say(jobLost{j.ID}) }, saga.Fails[jobLost]())))
}

// jobStore is a store in memory that refuses what it is told to.
type jobStore struct {
	Store
	rows   map[int]*Row
	due    []Due
	fired  map[string]bool
	parked []string // "key: reason"
	refuse func(*Save) error
	claims int
	looked int           // how often it was asked for what is due
	slow   time.Duration // what a claim takes
	waits  int           // how often the loop has waited
	freed  int           // how often lanes were released
	sweeps int           // how often marks were swept
}

// waits is a bell that counts how often somebody waits for it.
type waits struct {
	Bell
	n *int
}

func (w waits) Wait(ctx context.Context, d time.Duration) {
	*w.n++
	w.Bell.Wait(ctx, d)
}

func (s *jobStore) Claim(_ context.Context, lanes []int, _ int, _ string) (out []*Row, err error) {
	s.claims++
	newMachine().Pause(context.Background(), s.slow)
	for _, n := range lanes {
		out = append(out, rowCopy(s.rows[n]))
	}
	return out, nil
}

func rowCopy(r *Row) *Row {
	c := *r
	c.Next, c.Numbers, c.Marks, c.Parked, c.Attempts = map[string]int64{}, map[string]int64{}, map[string]Mark{}, map[string]int{}, map[string]int{}
	c.Strangers = slices.Clone(r.Strangers)
	maps.Copy(c.Attempts, r.Attempts)
	maps.Copy(c.Next, r.Next)
	maps.Copy(c.Numbers, r.Numbers)
	maps.Copy(c.Marks, r.Marks)
	maps.Copy(c.Parked, r.Parked)
	return &c
}

func (s *jobStore) Load(_ context.Context, w *saga.Working, needs []saga.Need, _ int) error {
	for _, n := range needs {
		if w.Find(n.Table, n.Key) == nil {
			w.Put(n.Table, n.Key, n.Table.New(n.Key), false)
		}
	}
	return nil
}

func (s *jobStore) Save(_ context.Context, save *Save) error {
	if err := s.refuse(save); err != nil {
		return err
	}
	for _, d := range save.Working.Documents() {
		s.fired[d.Key] = true
	}
	for _, p := range save.Park {
		s.parked = append(s.parked, p.Key+": "+p.Reason)
	}
	for _, l := range save.Lanes {
		s.rows[l.Number] = rowCopy(l)
	}
	return nil
}

func (s *jobStore) Nearest(context.Context, []int) (nearest time.Time, err error) {
	for _, d := range s.due {
		if !s.fired[d.Key] && (nearest.IsZero() || d.Until.Before(nearest)) {
			nearest = d.Until
		}
	}
	return nearest, nil
}

func (s *jobStore) Due(_ context.Context, lanes []int, now time.Time, without []string, limit int) (due []Due, err error) {
	s.looked++
	for _, d := range s.due {
		if !s.fired[d.Key] && !now.Before(d.Until) && len(due) < limit && slices.Contains(lanes, d.Lane) && !slices.Contains(without, d.Key) {
			due = append(due, d)
		}
	}
	return due, nil
}

func (s *jobStore) Sweep(context.Context, []Claimed, time.Time) ([]string, error) {
	s.sweeps++
	return nil, nil
}

func (s *jobStore) Wishes(context.Context, []int) ([]Wished, error) { return nil, nil }
func (s *jobStore) Close()                                          {}

func (s *jobStore) Release(context.Context, []Claimed) error {
	s.freed++
	return nil
}

// refusesKey is a CHECK on this key's document.
func refusesKey(key string) func(*Save) error {
	return func(s *Save) error {
		if slices.ContainsFunc(s.Working.Documents(), func(d *saga.Document) bool { return d.Key == key && d.Dirty }) {
			return &pgconn.PgError{Code: "23514", Message: "no " + key}
		}
		return nil
	}
}

// jobLog is a Kafka in whose partition 0 a job is wanted every so often; the others can't be read.
type jobLog struct {
	Broker
	began time.Time
	every time.Duration
}

func (*jobLog) ByLeader(p []kafka.Position) []kafka.Led {
	return []kafka.Led{{Leader: 1, Positions: p}}[:min(1, len(p))]
}

func (*jobLog) Offsets(_ context.Context, all []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error) {
	out := map[kafka.TopicPartition]kafka.OffsetRange{}
	for _, p := range all {
		out[p] = kafka.OffsetRange{}
	}
	return out, nil
}

func (*jobLog) Committed(context.Context, string, []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.CommittedOffset, error) {
	return nil, nil
}

func (*jobLog) Produce(context.Context, []kafka.Record) error { return nil }

func (b *jobLog) Fetch(ctx context.Context, at []kafka.Position, o kafka.FetchOptions) (out []kafka.Fetched, err error) {
	for waited := time.Duration(0); ; waited += 5 * time.Millisecond {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		some := false
		out = nil
		for _, p := range at {
			end := int64(0)
			if b.every > 0 {
				end = int64(time.Since(b.began) / b.every)
			}
			if p.Partition > 0 {
				out = append(out, kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: p.Offset, Err: errors.New("unreadable")})
				continue
			}
			f := kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: max(p.Offset, end), HighWatermark: end}
			for n := p.Offset; n < end; n++ {
				some = true
				id := "k" + strconv.FormatInt(n, 10)
				f.Records = append(f.Records, kafka.Record{
					Topic: p.Topic, Partition: p.Partition, Offset: n, Time: time.Now(), Key: []byte(id), Value: []byte(`{"ID":"` + id + `"}`),
					Headers: []kafka.Header{{Key: "ce_type", Value: []byte("job.wanted")}},
				})
			}
			out = append(out, f)
		}
		if some || waited >= o.MaxWait {
			return out, nil
		}
	}
}

// hold has a loop work on these lanes for a while, on a log in whose lane 0 a job is wanted every so often.
func (s *jobStore) hold(t *testing.T, every, d time.Duration) {
	t.Helper()
	if s.fired = map[string]bool{}; s.refuse == nil {
		s.refuse = func(*Save) error { return nil }
	}
	p := Ports{
		Kafka: &jobLog{began: time.Now(), every: every}, Machine: newMachine(),
		Open: func(context.Context, *saga.Group, int) (Store, error) { return s, nil },
	}
	g := jobbers()
	c := Config{Metrics: NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler)}.withDefaults()
	f := newFeed(p, 1, []*saga.Group{g}, c.Logger)
	team := newTeam(p, c, g, f, 2, &turns{limit: 1})
	team.loops[0].bell = waits{team.loops[0].bell, &s.waits}
	ctx, end := context.WithTimeout(t.Context(), d)
	defer end()
	reading, stop := context.WithCancel(t.Context())
	read := make(chan bool)
	go func() { f.run(reading); close(read) }()
	a := kafka.Assignment{Lanes: slices.Sorted(maps.Keys(s.rows)), Commit: func(context.Context, []kafka.Offset) error { return nil }}
	if err := team.hold(ctx, a); err != nil {
		t.Error(err)
	}
	stop()
	<-read
}

// P3, P7: a deadline that PostgreSQL refuses is found among others, also while events are saved between the attempts.
func TestADeadlineThatIsRefusedHoldsUpNoOther(t *testing.T) {
	for _, every := range []time.Duration{0, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			past := time.Now().Add(-2 * time.Hour)
			s := &jobStore{rows: map[int]*Row{0: {}}, due: []Due{{Key: "bad", Until: past}, {Key: "good1", Until: past}, {Key: "good2", Until: past}}}
			s.refuse = func(save *Save) error {
				if slices.ContainsFunc(save.Working.Documents(), func(d *saga.Document) bool { return d.Key == "bad" }) {
					return &pgconn.PgError{Code: "23514", Message: "no"}
				}
				return nil
			}
			s.hold(t, every, 30*time.Second)
			if !s.fired["good1"] || !s.fired["good2"] || s.claims > 4 {
				t.Errorf("an event every %v: fired are %v, after %d claims", every, s.fired, s.claims)
			}
		})
	}
}

// P3, P7: a lane that can't read on has more deadlines than are looked at in one go. They stand before no other lane's.
func TestDeadlinesThatMustWaitHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		past := time.Now().Add(-2 * time.Hour)
		s := &jobStore{rows: map[int]*Row{0: {}, 1: {Number: 1}}}
		for i := range maxDue {
			s.due = append(s.due, Due{Key: fmt.Sprint("stuck", i), Lane: 1, Until: past})
		}
		s.due = append(s.due, Due{Key: "good", Until: past.Add(time.Second)})
		s.hold(t, 0, 10*time.Second)
		if !s.fired["good"] || len(s.fired) > 1 {
			t.Errorf("%d have fired, the one that can: %v", len(s.fired), s.fired["good"])
		}
	})
}

// Marks are swept of lanes that have read far enough. Where none has there is nothing to ask the database.
func TestMarksAreSweptOfLanesThatHaveRead(t *testing.T) {
	for lane, sweeps := range map[int]int{0: 5, 1: 0} {
		synctest.Test(t, func(t *testing.T) {
			s := &jobStore{rows: map[int]*Row{lane: {Number: lane}}}
			if s.hold(t, 0, 5*sweepEvery); s.sweeps != sweeps {
				t.Errorf("of lane %d marks are swept %d times, want %d", lane, s.sweeps, sweeps)
			}
		})
	}
}

// P7: what fails again and again, and leads to nothing that could be parked, is tried again with pauses.
func TestWhatFailsForEverBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {}}, refuse: func(*Save) error { return &pgconn.PgError{Code: "22021", Message: "the lane's row is spoiled"} }}
		s.hold(t, time.Second, time.Minute)
		if s.claims > 200 { // some bisections, and a pause after each
			t.Errorf("%d claims in a minute", s.claims)
		}
	})
}

// After owners have died, what is handled alone is parked with the reason why it failed, if it has killed nobody; and a connection
// that breaks is no death.
func TestCareTellsAFailureFromADeath(t *testing.T) {
	for _, test := range []struct {
		fails error
		times int
		want  string
	}{
		{&pgconn.PgError{Severity: "ERROR", Code: "23514", Message: "no k0"}, 9, "k0: save: ERROR: no k0 (SQLSTATE 23514)"},
		{errors.New("the connection is reset"), 9, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &jobStore{rows: map[int]*Row{0: {Deaths: 2}}}
			refuse := refusesKey("k0")
			s.refuse = func(save *Save) error {
				if refuse(save) == nil || test.times == 0 {
					return nil
				}
				test.times--
				return test.fails
			}
			s.hold(t, 200*time.Millisecond, time.Minute)
			if got := strings.Join(s.parked, "; "); got != test.want {
				t.Errorf("%v: parked are %q, want %q", test.fails, got, test.want)
			}
		})
	}
}

// P7: a lane under care, in which an event is handled alone, holds up no other one.
func TestALaneUnderCareHoldsUpNoOther(t *testing.T) {
	team, _, put := turnsOf(t, shardedGroup())
	l := team.loops[0]
	careful := newLane(rowCopy(&Row{Number: 1, Deaths: 2}))
	l.lanes[0], l.lanes[1] = newLane(rowCopy(&Row{})), careful
	l.store, l.queue = &jobStore{rows: map[int]*Row{}, fired: map[string]bool{}, refuse: func(*Save) error { return nil }}, newQueue(l.group, []int{0, 1}, l.QueueLimit, l.bell)
	l.tell, l.sends = map[kafka.TopicPartition]kafka.Offset{}, newSends(Ports{Machine: newMachine()}, l.bell, l.log)
	put(0, 10)
	for i := range 300 {
		id := strconv.Itoa(i)
		l.queue.put([]*event{{topic: "parts", lane: 1, offset: int64(i), fact: part{}, Envelope: saga.Envelope{ID: id, Key: id, Type: "part.counted", Time: time.Now()}}})
	}
	if _, err := l.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(l.queue.lanes[0]); n > 0 || careful.Next["parts"] != 1 {
		t.Errorf("of the other lane %d events wait; of the one under care %d were handled", n, careful.Next["parts"])
	}
}

// P7: in a lane whose owners have died each deadline is handled alone, which is noted before, and one that has killed too many is left alone.
func TestADeadlineThatKillsIsLeftAlone(t *testing.T) {
	for before, fires := range map[int]bool{0: true, maxAttempts - 1: true, maxAttempts: false} {
		synctest.Test(t, func(t *testing.T) {
			past := time.Now().Add(-2 * time.Hour)
			s := &jobStore{rows: map[int]*Row{0: {Deaths: 2}}, due: []Due{{Key: "bad", Until: past}, {Key: "good", Until: past}}}
			if before > 0 {
				s.rows[0].Attempts = map[string]int{"deadline of bad": before}
			}
			s.refuse = func(save *Save) error {
				tried := s.rows[0].Attempts["deadline of bad"]
				if len(save.Working.Documents()) == 0 || save.Working.Documents()[0].Key != "bad" {
					return nil
				}
				if len(save.Working.Documents()) > 1 || tried != before+1 {
					t.Errorf("it is handled with %d others, and noted are %d attempts", len(save.Working.Documents())-1, tried)
				}
				return nil
			}
			s.hold(t, 0, 5*time.Minute)
			if s.fired["bad"] != fires || !s.fired["good"] {
				t.Errorf("after %d attempts fired are %v", before, s.fired)
			}
		})
	}
}
