package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

type newsTold struct{ ID string }

func (newsTold) EventType() string { return "news.told" }
func (newsTold) Topic() string     { return "anews" }
func (f newsTold) Key() string     { return f.ID }

type letter struct{ To string }

var letters = saga.EffectOf[letter]("letter")

// busybodies do jobs, hear news, which are of another topic, and post letters.
func busybodies() *saga.Group {
	return saga.Define("jobbers", saga.Documents(jobs),
		saga.On(func(e saga.Event[newsTold]) []saga.Fact { return nil }, saga.Requests(letters)),
		saga.Performs(letters, time.Hour, func(context.Context, string, letter) error { return nil },
			saga.Performed(func(letter, saga.Cause) []saga.Fact { return nil })),
		saga.Does(func(*job, saga.Event[jobWanted]) []saga.Fact { return nil }, saga.Silently()),
		saga.Within(time.Hour,
			saga.Then(func(*job, saga.Event[jobDone]) []saga.Fact { return nil }, saga.Closes()),
			saga.Else(func(j *job, _ saga.Cause) []saga.Fact { return saga.Say(jobLost{j.ID}) }, saga.Fails[jobLost]())))
}

// newsLog has so many wanted jobs, and news every so often.
type newsLog struct {
	jobLog
	jobs int64
}

func (b *newsLog) Fetch(ctx context.Context, at []kafka.Position, o kafka.FetchOptions) (out []kafka.Fetched, err error) {
	for waited := time.Duration(0); ; waited += 5 * time.Millisecond {
		if newMachine().Pause(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		some := false
		out = nil
		for _, p := range at {
			end, kind := int64(time.Since(b.began)/b.every), "news.told"
			if p.Topic == "jobs" {
				end, kind = b.jobs, "job.wanted"
			}
			f := kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: max(p.Offset, end), HighWatermark: end}
			for n := p.Offset; n < end; n++ {
				some = true
				id := p.Topic + strconv.FormatInt(n, 10)
				f.Records = append(f.Records, kafka.Record{
					Topic: p.Topic, Partition: p.Partition, Offset: n, Time: time.Now(), Key: []byte(id), Value: []byte(`{"ID":"` + id + `"}`),
					Headers: []kafka.Header{{Key: "ce_type", Value: []byte(kind)}},
				})
			}
			out = append(out, f)
		}
		if some || waited >= o.MaxWait {
			return out, nil
		}
	}
}

// mortal is a store of processes that die of something.
type mortal struct {
	*jobStore
	dead bool
	held []string
}

// kills lets each process die that saves such a thing.
func (m *mortal) kills(such func(*Save) bool) {
	m.refuse = func(s *Save) error {
		if m.dead = m.dead || such(s); m.dead {
			return errors.New("this process is dead")
		}
		return nil
	}
}

// live is a process that is let live for a while; it says whether it has died.
func (m *mortal) live(t *testing.T, k *newsLog, d time.Duration) bool {
	m.dead = false
	p := Ports{Kafka: k, Machine: newMachine(), Open: func(context.Context, *saga.Group, int) (Store, error) { return m, nil }}
	g, c := busybodies(), Config{Metrics: NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler)}.withDefaults()
	f := newFeed(p, 1, []*saga.Group{g}, c.Logger)
	team := newTeam(p, c, g, f, 1, &turns{limit: 1})
	ctx, end := context.WithTimeout(t.Context(), d)
	defer end()
	reading, stop := context.WithCancel(t.Context())
	read := make(chan bool)
	go func() { f.run(reading); close(read) }()
	_ = team.hold(ctx, kafka.Assignment{Lanes: []int{0}, Commit: func(context.Context, []kafka.Offset) error { return nil }})
	stop()
	<-read
	if m.dead {
		m.rows[0].Deaths++ // as the next claim does
	}
	return m.dead
}

func (m *mortal) DueEffects(context.Context, []int, time.Time, []string, int) (due []EffectRow, err error) {
	if len(m.held) == 0 {
		due = append(due, EffectRow{ID: "a letter", Key: "k", Effect: "letter", Request: []byte(`{}`), Cause: []byte(`{}`), Until: time.Now().Add(time.Hour)})
	}
	return due, nil
}

func (m *mortal) HoldEffect(_ context.Context, _ []Claimed, id, reason string) error {
	m.held = append(m.held, id+": "+reason)
	return nil
}

func loads(key string) func(*Save) bool {
	return func(s *Save) bool {
		return slices.ContainsFunc(s.Working.Documents(), func(d *saga.Document) bool { return d.Key == key })
	}
}

func touches(key string) func(*Save) bool {
	return func(s *Save) bool {
		return slices.ContainsFunc(s.Working.Documents(), func(d *saga.Document) bool { return d.Key == key && d.Dirty })
	}
}

// P7: whatever kills, an event, a deadline or the outcome of an effect, is found after five deaths, also while events come in its lane all the time.
func TestWhatKillsIsFoundAmongEvents(t *testing.T) {
	for name, test := range map[string]struct {
		jobs  int64
		due   []Due
		kills func(*Save) bool
		found func(*mortal) bool
	}{
		"event": {jobs: 1, kills: touches("jobs0"), found: func(m *mortal) bool {
			return len(m.parked) == 1 && strings.Contains(m.parked[0], "jobs0: 3 processes died")
		}},
		"deadline": {due: []Due{{Key: "bad", Until: time.Unix(0, 0)}}, kills: loads("bad"), found: func(m *mortal) bool { return m.rows[0].Attempts["deadline of bad"] == maxAttempts }},
		"outcome":  {kills: func(s *Save) bool { return len(s.Performed) > 0 }, found: func(m *mortal) bool { return len(m.held) == 1 && strings.Contains(m.held[0], "3 processes died") }},
	} {
		for _, every := range []time.Duration{time.Hour, 5 * time.Second, 500 * time.Millisecond, 10 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				m := &mortal{jobStore: &jobStore{rows: map[int]*Row{0: {}}, fired: map[string]bool{}, due: test.due}}
				m.kills(test.kills)
				if name != "outcome" {
					m.held = []string{"there is no letter"}
				}
				k := &newsLog{jobLog{began: time.Now(), every: every}, test.jobs}
				deaths := 0
				for m.live(t, k, 20*time.Second) && deaths < 20 {
					deaths++
				}
				if deaths != 5 || !test.found(m) {
					t.Errorf("%s, news every %v: %d processes have died, parked are %v, held %v, noted %v", name, every, deaths, m.parked, m.held, m.rows[0].Attempts)
				}
				if m.live(t, k, 20*time.Second) {
					t.Errorf("%s, news every %v: the next process has died of it, too", name, every)
				}
			})
		}
	}
}

// P7: an event that kills is found after few deaths, however far behind in its lane's backlog it stands, and also if processes die of something
// else meanwhile. All others are handled, once.
func TestWhatKillsIsFoundFarBehind(t *testing.T) {
	for _, test := range []struct{ place, others, most int }{{0, 0, 5}, {100, 0, 6}, {1500, 0, 8}, {2500, 0, 8}, {1500, 5, 13}} {
		synctest.Test(t, func(t *testing.T) {
			m := &mortal{jobStore: &jobStore{rows: map[int]*Row{0: {}}, fired: map[string]bool{}}, held: []string{"there is no letter"}}
			kills, handled := touches(fmt.Sprint("jobs", test.place)), map[string]int{}
			deaths := 0
			m.kills(func(s *Save) bool {
				if kills(s) || deaths < 2*test.others && deaths%2 == 1 {
					return true
				}
				for _, d := range s.Working.Documents() {
					if !m.dead && d.Dirty {
						handled[d.Key]++
					}
				}
				return false
			})
			k := &newsLog{jobLog{began: time.Now().Add(-30 * time.Second), every: 10 * time.Millisecond}, 3000}
			for m.live(t, k, 20*time.Second) && deaths < 50 {
				deaths++
			}
			if deaths > test.most || len(m.parked) != 1 || !strings.HasPrefix(m.parked[0], fmt.Sprintf("jobs%d: 3 processes died", test.place)) {
				t.Errorf("at place %d: %d processes have died, parked are %v", test.place, deaths, m.parked)
			}
			for key, times := range handled {
				if times != 1 {
					t.Errorf("%s is handled %d times", key, times)
				}
			}
			if len(handled) != 2999 || m.rows[0].Deaths > 0 {
				t.Errorf("at place %d: %d others are handled, the row has %d deaths", test.place, len(handled), m.rows[0].Deaths)
			}
		})
	}
}

// P7: deaths are held against a lane's next owners until one has got past all that they may have died of, and no longer. To be careful takes few batches.
func TestDeathsAreForgottenInTime(t *testing.T) {
	for _, jobs := range []int64{0, 10, 6000} {
		synctest.Test(t, func(t *testing.T) {
			m := &mortal{jobStore: &jobStore{rows: map[int]*Row{0: {Deaths: 5}}, fired: map[string]bool{}}, held: []string{"there is no letter"}}
			batches := 0
			m.kills(func(s *Save) bool {
				if batches++; s.Lanes[0].Deaths == 0 && s.Lanes[0].Next["jobs"] < min(jobs, 2000) {
					t.Errorf("of %d jobs the deaths are forgotten at the %dth", jobs, s.Lanes[0].Next["jobs"])
				}
				return false
			})
			m.live(t, &newsLog{jobLog{began: time.Now(), every: time.Hour}, jobs}, 10*time.Second)
			if r := m.rows[0]; r.Deaths > 0 || r.Next["jobs"] != jobs || batches > 70 {
				t.Errorf("of %d jobs %d are handled in %d batches, the row has %d deaths", jobs, r.Next["jobs"], batches, r.Deaths)
			}
		})
	}
}

// P7: who kills processes from outside, each soon after its start and in the middle of something, parks nobody, however often.
func TestQuickKillsFromOutsideParkNobody(t *testing.T) {
	for within := range 5 {
		synctest.Test(t, func(t *testing.T) {
			m := &mortal{jobStore: &jobStore{rows: map[int]*Row{0: {}}, fired: map[string]bool{}, due: []Due{{Key: "late", Until: time.Unix(0, 0)}}}}
			k := &newsLog{jobLog{began: time.Now(), every: time.Hour}, 100}
			for range 10 {
				saves, began := 0, time.Now()
				m.kills(func(*Save) bool { saves++; return saves > within || time.Since(began) > unharmed-time.Second })
				m.live(t, k, unharmed)
				m.rows[0].Deaths = max(m.rows[0].Deaths, 2) // it may have stood still
			}
			m.kills(func(*Save) bool { return false })
			if m.live(t, k, time.Minute); len(m.parked)+len(m.held) > 0 || m.rows[0].Next["jobs"] != 100 || !m.fired["late"] {
				t.Errorf("killed after %d saves: parked are %v, held %v, %d jobs of 100 are handled, the deadline: %v", within, m.parked, m.held, m.rows[0].Next["jobs"], m.fired["late"])
			}
		})
	}
}

// Processes that are killed while they get on leave no suspicion: to handle each event alone would take ten times as long.
func TestWhoIsKilledWhileItGetsOnLeavesNoSuspicion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mortal{jobStore: &jobStore{rows: map[int]*Row{0: {}}, fired: map[string]bool{}}, held: []string{"there is no letter"}}
		k := &newsLog{jobLog{began: time.Now(), every: 10 * time.Millisecond}, 1}
		for range 10 {
			lives := time.Now().Add(time.Second)
			m.kills(func(*Save) bool { return time.Now().After(lives) })
			m.live(t, k, 2*time.Second)
		}
		if deaths := m.rows[0].Deaths; deaths != 1 {
			t.Errorf("%d deaths in a row are counted", deaths)
		}
	})
}

// P3: a deadline fires while its lane is never empty.
func TestADeadlineFiresInALaneThatIsNeverEmpty(t *testing.T) {
	for _, every := range []time.Duration{40 * time.Millisecond, 10 * time.Millisecond, 5 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := &jobStore{rows: map[int]*Row{0: {}}, due: []Due{{Key: "good", Until: time.Now().Add(-time.Hour)}}}
			s.refuse = func(*Save) error {
				newMachine().Pause(t.Context(), 20*time.Millisecond)
				return nil
			}
			if s.hold(t, every, 2*time.Second); !s.fired["good"] {
				t.Errorf("an event every %v, and it does not fire", every)
			}
		})
	}
}

// P7: an event that PostgreSQL always gives up, for it takes too long, is parked once it has been so for long while others were saved.
func TestAnEventThatTakesTooLongIsParked(t *testing.T) {
	for others, condemned := range map[int]bool{0: false, 1: true} {
		l := teamOf(Ports{}, jobbers(), 1).loops[0]
		id := taskID{kind: ofEvent, topic: "jobs", at: 7}
		b := &batch{loop: l, tasks: []task{{event: &event{topic: "jobs", offset: 7}}}}
		for range slowTimes + 1 {
			if _, early := l.condemned[id]; early {
				t.Errorf("it is condemned after less than %d times", slowTimes+1)
			}
			l.shorten(b, &pgconn.PgError{Code: "57014"})
			l.saved += others
		}
		if _, ok := l.condemned[id]; ok != condemned {
			t.Errorf("while %d others are saved each time, it is condemned: %v", others, ok)
		}
	}
}

// P7: a database in which everything takes too long parks nobody.
func TestASlowDatabaseParksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {}}}
		s.refuse = func(*Save) error {
			newMachine().Pause(t.Context(), 5*time.Second)
			return &pgconn.PgError{Code: "57014", Message: "canceling statement due to statement timeout"}
		}
		if s.hold(t, 100*time.Millisecond, 10*time.Minute); len(s.parked) > 0 {
			t.Errorf("parked are %v", s.parked)
		}
	})
}

// P7: where one event in forty is poison, a group keeps up.
func TestPoisonAgainAndAgainIsFoundFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {}}, slow: 60 * time.Millisecond}
		s.refuse = func(save *Save) error {
			for _, d := range save.Working.Documents() {
				if n, err := strconv.Atoi(strings.TrimPrefix(d.Key, "k")); err == nil && d.Dirty && n%40 == 0 {
					return &pgconn.PgError{Code: "23514", Message: "no"}
				}
			}
			newMachine().Pause(t.Context(), 5*time.Millisecond)
			return nil
		}
		s.hold(t, 10*time.Millisecond, 5*time.Minute)
		if s.rows[0].Next["jobs"] < 29_000 {
			t.Errorf("of 30000 events %v were handled, and %d parked, after %d claims", s.rows[0].Next, len(s.parked), s.claims)
		}
	})
}

// P7: a document that can't be read, of an older shape perhaps, spoils the batches that need it, and no others.
func TestADocumentThatCantBeReadIsADataFault(t *testing.T) {
	if err := fmt.Errorf("save: %w", &unreadableError{errors.New("json: no such field")}); !dataFault(err) {
		t.Error("it is none")
	}
}

// What is due and can't fire, of a parked key perhaps, is looked at each second and no more often.
func TestADeadlineThatCantFireIsSeldomLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {Attempts: map[string]int{"deadline of bad": maxAttempts}}}, due: []Due{{Key: "bad", Until: time.Now().Add(-time.Hour)}}}
		if s.hold(t, 0, time.Minute); s.looked < 50 || s.looked > 65 {
			t.Errorf("it was looked at %d times in a minute", s.looked)
		}
	})
}

// P3: deadlines of lanes whose owners have died are handled alone, and yet as fast as they come due; and those that come due later do not
// keep the deaths from being forgotten.
func TestCarefulDeadlinesKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {Deaths: 2}}}
		for i := range 6000 {
			s.due = append(s.due, Due{Key: fmt.Sprint("d", i), Until: time.Now().Add(time.Duration(i) * 50 * time.Millisecond)})
		}
		s.hold(t, 0, 5*time.Minute)
		if len(s.fired) < 5990 || s.rows[0].Deaths > 0 {
			t.Errorf("of 6000, 20 a second, %d have fired; the row has %d deaths", len(s.fired), s.rows[0].Deaths)
		}
	})
}

// P7: that the row of a lane can be saved says nothing of documents: a database in which they take too long parks nothing.
func TestNotesSpeakForNoDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {Deaths: 2}}}
		s.refuse = func(save *Save) error {
			if len(save.Working.Documents()) == 0 {
				return nil
			}
			newMachine().Pause(t.Context(), 5*time.Second)
			return &pgconn.PgError{Code: "57014", Message: "canceling statement due to statement timeout"}
		}
		s.hold(t, 100*time.Millisecond, 10*time.Minute)
		if len(s.parked) > 0 {
			t.Errorf("parked are %v", s.parked)
		}
	})
}

// P3: that processes died of a deadline is held against no later one of its key.
func TestADeadlineThatNeverPassesLeavesNoNote(t *testing.T) {
	l := teamOf(Ports{}, jobbers(), 1).loops[0]
	ln := newLane(rowCopy(&Row{}))
	l.lanes, l.cache, l.store = map[int]*lane{0: ln}, &cache{}, &jobStore{fired: map[string]bool{}}
	const note = "deadline of k"
	for i, test := range []struct {
		fact saga.Fact
		kept int
	}{{jobWanted{"k"}, 0}, {jobWanted{"k"}, 3}, {jobDone{"another"}, 3}, {jobDone{"k"}, 0}} {
		ln.Attempts[note], ln.dirty = 3, false
		b := l.newBatch()
		e := saga.Envelope{ID: strconv.Itoa(i), Key: test.fact.Key(), Type: test.fact.EventType(), Time: time.Now()}
		b.add(&event{topic: "jobs", offset: int64(i), fact: test.fact, Envelope: e})
		if err := b.run(t.Context(), l.store); err != nil {
			t.Fatal(err)
		}
		for _, d := range b.working.Documents() {
			l.cache.put(d)
		}
		if ln.Attempts[note] != test.kept {
			t.Errorf("after event %d, %s of %s, %d attempts are noted, want %d", i, e.Type, e.Key, ln.Attempts[note], test.kept)
		}
	}
}

// A note of a topic that the group no longer hears has the lane's events handled no more slowly.
func TestANoteOfATopicThatIsNotHeardHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &jobStore{rows: map[int]*Row{0: {Attempts: map[string]int{"gone@7": 1}}}}
		s.refuse = func(save *Save) error {
			if len(save.Lanes[0].Attempts) > 1 {
				t.Errorf("noted are %v", save.Lanes[0].Attempts)
			}
			return nil
		}
		s.hold(t, 100*time.Millisecond, time.Second)
	})
}

// P7: what this process has handled is no longer its own attempt: another may have died of the same since.
func TestAttemptsThatEndedExcuseNobody(t *testing.T) {
	l := teamOf(Ports{}, jobbers(), 1).loops[0]
	ln := newLane(rowCopy(&Row{Number: 1}))
	l.lanes, l.owned = map[int]*lane{1: ln}, []*lane{ln}
	l.store, l.cache, l.queue = &jobStore{rows: map[int]*Row{}, fired: map[string]bool{}, refuse: func(*Save) error { return nil }}, &cache{}, newQueue(l.group, []int{1}, l.QueueLimit, l.bell)
	l.tell, l.sends = map[kafka.TopicPartition]kafka.Offset{}, newSends(Ports{Machine: newMachine()}, l.bell, l.log)
	if err := l.attempt(t.Context(), ln, "wish for k"); err != nil {
		t.Fatal(err)
	}
	b := l.newBatch()
	b.survives(ln, "wish for k")
	if err := l.finish(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if len(l.noted[1]) > 0 {
		t.Errorf("it still remembers %v", l.noted[1])
	}
	died := &Row{Number: 1, Attempts: map[string]int{"wish for k": 1}}
	if l.withoutOwn(died); died.Attempts["wish for k"] != 1 {
		t.Errorf("another has died of it, and it sees %v", died.Attempts)
	}
}
