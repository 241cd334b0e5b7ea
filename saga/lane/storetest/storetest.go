// Package storetest says what a loop expects of its database ([lane.Store]), as tests. They run on PostgreSQL, where the
// runtime's SQL is, and on the simulator's, where it is not: so the two mean the same.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
)

// Database is one in which the suite's group has its tables, all of them empty.
type Database interface {
	// Open connects.
	Open(t testing.TB) lane.Store
	// Wish leaves a wish for a parked key, and says whether it is parked.
	Wish(t testing.TB, key, wish string) bool
	// Journal is how many rows the journal has.
	Journal(t testing.TB) int
}

// Partitions is how many lanes the group has.
const Partitions = 4

// Run runs the suite. Each test has a database of its own; within runs a function in a place where a store may be used.
func Run(t *testing.T, fresh func(t *testing.T, within func(Database))) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"a claim raises epochs", (*suite).claims},
		{"a lane comes back as it was saved", (*suite).lanes},
		{"documents come back as they were saved", (*suite).documents},
		{"a batch works on one part of what is sharded", (*suite).shards},
		{"a fenced owner changes nothing", (*suite).fenced},
		{"a save that fails changes nothing", (*suite).refused},
		{"what is not saved is forgotten", (*suite).forgotten},
		{"a claim ends an owner that stands still", (*suite).standsStill},
		{"a release clears the owner", (*suite).releases},
		{"parked events wait in order", (*suite).parked},
		{"wishes are granted", (*suite).wishes},
		{"deadlines come in order", (*suite).deadlines},
		{"expired marks are swept", (*suite).sweeps},
		{"effects wait for their time", (*suite).effects},
	} {
		t.Run(test.name, func(t *testing.T) {
			fresh(t, func(db Database) { test.run(&suite{t: t, db: db, ctx: context.Background()}) })
		})
	}
}

// The suite's group keeps a document of each kind.
type (
	begun   struct{ ID, Note string }
	thought struct{ ID string } // nobody says it
	stopped struct{ ID string }
)

func (begun) EventType() string   { return "trial.begun" }
func (begun) Topic() string       { return "trials" }
func (f begun) Key() string       { return f.ID }
func (thought) EventType() string { return "trial.thought" }
func (thought) Topic() string     { return "trials" }
func (f thought) Key() string     { return f.ID }
func (stopped) EventType() string { return "trial.stopped" }
func (stopped) Topic() string     { return "trials" }
func (f stopped) Key() string     { return f.ID }

type trial struct {
	saga.Act
	ID, Note string
	Count    int
	Big      int64
	Sure     bool
	At       time.Time
	Tags     map[string]int
}

type total struct {
	Name string
	Sum  int
}

// share is a part of a sum.
type share struct {
	Name       string
	Shard, Sum int
}

type entry struct{ ID string }

var (
	trials = saga.In("trials", func(t *trial) saga.Columns {
		return saga.Columns{{"id", &t.ID}, {"note", &t.Note}, {"count", &t.Count}, {"big", &t.Big}, {"sure", &t.Sure}, {"at", &t.At}, {"tags", saga.JSON(&t.Tags)}}
	})
	totals = saga.In("totals", func(t *total) saga.Columns { return saga.Columns{{"name", &t.Name}, {"sum", &t.Sum}} })
	shares = saga.In("shares", func(p *share) saga.Columns {
		return saga.Columns{{"name", &p.Name}, {"shard", &p.Shard}, {"sum", &p.Sum}}
	}).Sharded(func(p *share) *int { return &p.Shard })
	entries = saga.JournalIn("entries", func(e *entry) saga.Columns { return saga.Columns{{"id", &e.ID}} })
)

// Migrations create the group's tables in PostgreSQL.
var Migrations = fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
create table trials (id text primary key, note text not null, count bigint not null, big bigint not null, sure boolean not null, at timestamptz, tags jsonb not null, like act including all);
create index on trials (waits_until) where waits_until is not null;
create table totals (name text primary key, sum bigint not null);
create table shares (name text, shard integer, sum bigint not null, primary key (name, shard));
create table entries (number bigint generated always as identity primary key, id text not null);
`)}}

// Group is the suite's group.
func Group() *saga.Group { return declared(giveUp) }

// declared is the group with this Else.
func declared(otherwise func(*trial, saga.Cause) []saga.Fact) *saga.Group {
	return saga.Define("trials", saga.Documents(trials, totals, shares, entries),
		saga.Does(begin, saga.Refuses(refuse), saga.Uses(totals, shares, entries), saga.Silently()),
		saga.Within(time.Hour, saga.Then(think, saga.Upon[thought]()), saga.Else(otherwise, saga.Closes())),
		saga.Undoes(undo, saga.Upon[stopped]()))
}

func begin(t *trial, e saga.Event[begun]) []saga.Fact {
	t.Note, t.Count, t.Big, t.Sure = e.Fact.Note, -7, 1<<40, true
	t.At, t.Tags = e.Time, map[string]int{"b": 2, "a": 1}
	totals.Get(e, "all").Sum++
	shares.Get(e, "all").Sum++
	entries.Add(e, entry{t.ID})
	return nil
}

func refuse(*trial, saga.Event[begun]) []saga.Fact  { return nil }
func think(*trial, saga.Event[thought]) []saga.Fact { return nil }
func giveUp(*trial, saga.Cause) []saga.Fact         { return nil }
func lateGiveUp(*trial, saga.Cause) []saga.Fact     { return nil }
func undo(*trial, saga.Cause) []saga.Fact           { return nil }

type suite struct {
	t   *testing.T
	db  Database
	ctx context.Context
}

func (s *suite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// claimed is a connection that has claimed lanes.
type claimed struct {
	lane.Store
	rows  []*lane.Row
	shard int // on which part of what is sharded its batches work
}

func (s *suite) claim(owner string, numbers ...int) *claimed {
	s.t.Helper()
	c := &claimed{Store: s.db.Open(s.t)}
	var err error
	c.rows, err = c.Claim(s.ctx, numbers, Partitions, owner)
	s.must(err)
	return c
}

// batch reacts to facts in a transaction of its own; change may add to what is saved.
func (s *suite) batch(c *claimed, change func(*lane.Save), facts ...saga.Fact) error {
	s.t.Helper()
	return s.batchOf(Group(), c, change, facts...)
}

func (s *suite) batchOf(group *saga.Group, c *claimed, change func(*lane.Save), facts ...saga.Fact) error {
	s.t.Helper()
	var w saga.Working
	for _, f := range facts {
		cause := saga.Cause{Envelope: saga.Envelope{ID: "id-" + f.Key(), Type: f.EventType(), Key: f.Key(), Saga: f.Key(), Time: noon, Started: noon, Trace: "00-trace"}, Fact: f}
		for {
			out := group.React(&w, cause)
			s.must(out.Err)
			if out.Needs == nil {
				break
			}
			s.must(c.Load(s.ctx, &w, out.Needs, c.shard))
		}
	}
	save := &lane.Save{Lanes: c.rows, Working: &w, Now: noon}
	if change != nil {
		change(save)
	}
	return c.Save(s.ctx, save)
}

// noon is a time with nanoseconds, which no database keeps.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)

// document reads one as another connection sees it.
func document[D any](s *suite, t *saga.Table[D], key string) (*D, bool) {
	s.t.Helper()
	return part(s, t, key, 0)
}

// part reads a part of one.
func part[D any](s *suite, t *saga.Table[D], key string, shard int) (*D, bool) {
	s.t.Helper()
	c := s.db.Open(s.t)
	defer c.Close()
	var w saga.Working
	s.must(c.Load(s.ctx, &w, []saga.Need{{Table: t, Key: key}}, shard))
	d := w.Find(t, key)
	return d.Value.(*D), d.Exists
}

func (s *suite) claims() {
	first := s.claim("first", 2, 0)
	if len(first.rows) != 2 || first.rows[0].Number != 0 || first.rows[1].Number != 2 {
		s.t.Fatalf("claimed %v, want lanes 0 and 2 in order", first.rows)
	}
	for _, r := range first.rows {
		if r.Epoch <= 0 || r.Partitions != Partitions || r.Deaths != 0 || r.Next == nil || r.Numbers == nil || r.Marks == nil || r.Parked == nil || len(r.Outbox) > 0 || len(r.Attempts) > 0 {
			s.t.Errorf("a new lane is %+v", r)
		}
	}
	again := s.claim("first", 0)
	if r := again.rows[0]; r.Epoch <= first.rows[0].Epoch || r.Deaths != 0 {
		s.t.Errorf("claimed again by the same: epoch %d after %d, deaths %d", r.Epoch, first.rows[0].Epoch, r.Deaths)
	}
	second := s.claim("second", 0, 2)
	if r := second.rows[0]; r.Epoch <= again.rows[0].Epoch || r.Deaths != 1 {
		s.t.Errorf("claimed by another: epoch %d after %d, deaths %d, want 1", r.Epoch, again.rows[0].Epoch, r.Deaths)
	}
	for _, c := range []*claimed{first, again, second} {
		c.Close()
	}
}

func (s *suite) lanes() {
	c := s.claim("one", 1, 3)
	record := kafka.Record{Topic: "trials", Partition: 1, Key: []byte("k"), Value: []byte(`{"a":1}`), Headers: []kafka.Header{{Key: "lane", Value: []byte("trials/1/5/1")}, {Key: "empty", Value: []byte{}}}}
	r := c.rows[0]
	r.Next = map[string]int64{"trials": 17}
	r.Numbers = map[string]int64{"trials/1": 4}
	r.Marks = map[string]lane.Mark{"door trials": {Epoch: 1 << 40, Number: 9, Seen: 1_700_000_000}}
	r.Strangers, r.Met = []lane.Stranger{{ID: "x", Seen: 1_700_000_001}}, true
	r.Gaps, r.Deaths = 2, 1
	r.Attempts = map[string]int{"trials@16": 2}
	r.Outbox = []kafka.Record{record, record}
	s.must(s.batch(c, nil))
	r.Met = false
	s.must(s.batch(c, nil))
	r.Next["trials"], r.Outbox = 99, nil // what the loop changes afterwards is not saved
	next := s.claim("one", 1, 3)
	got := next.rows[0]
	want := *r
	want.Epoch, want.Next, want.Outbox = got.Epoch, map[string]int64{"trials": 17}, []kafka.Record{record, record}
	if !reflect.DeepEqual(*got, want) {
		s.t.Errorf("saved\n%+v\ngot\n%+v", want, *got)
	}
	if other := next.rows[1]; len(other.Next) != 0 || other.Gaps != 0 {
		s.t.Errorf("the lane beside it is %+v", other)
	}
	c.Close()
	next.Close()
}

func (s *suite) shards() {
	c := s.claim("one", 0, 1, 2, 3)
	s.must(s.batch(c, nil, begun{"a", ""}, begun{"b", ""}))
	c.shard = 3
	s.must(s.batch(c, nil, begun{"c", ""}))
	c.shard = 0
	s.must(s.batch(c, nil, begun{"d", ""}))
	for shard, want := range map[int]int{0: 3, 3: 1} {
		if p, exists := part(s, shares, "all", shard); !exists || p.Shard != shard || p.Sum != want {
			s.t.Errorf("shard %d is %+v (there: %v), want a sum of %d", shard, *p, exists, want)
		}
	}
	if p, exists := part(s, shares, "all", 1); exists || p.Shard != 1 || p.Sum != 0 {
		s.t.Errorf("a part that nobody has changed is %+v (there: %v)", *p, exists)
	}
	c.Close()
}

func (s *suite) documents() {
	c := s.claim("one", 0, 1, 2, 3)
	s.must(s.batch(c, nil, begun{"a", "first"}, begun{"b", "second"}))
	a, exists := document(s, trials, "a")
	want := trial{ID: "a", Note: "first", Count: -7, Big: 1 << 40, Sure: true, At: noon, Tags: map[string]int{"a": 1, "b": 2}}
	want.Act = a.Act
	if !exists || !reflect.DeepEqual(*a, want) {
		s.t.Errorf("got %+v, want %+v", *a, want)
	}
	if a.State() != saga.Done || a.Waiting() != "giveUp" || !a.WaitsUntil().Equal(noon.Add(time.Hour)) || !a.Started().Equal(noon) {
		s.t.Errorf("its act is %s, waiting for %s until %s, begun at %s", a.State(), a.Waiting(), a.WaitsUntil(), a.Started())
	}
	s.must(s.batch(c, nil, stopped{"a"}, begun{"c", "third"}))
	if a, _ := document(s, trials, "a"); a.State() != saga.Undone || !a.WaitsUntil().IsZero() {
		s.t.Errorf("undone, its act is %s until %s", a.State(), a.WaitsUntil())
	}
	if all, _ := document(s, totals, "all"); all.Sum != 3 {
		s.t.Errorf("three were begun, and the sum is %d", all.Sum)
	}
	if _, exists := document(s, trials, "nobody"); exists {
		s.t.Error("there is a document that nobody has saved")
	}
	if n := s.db.Journal(s.t); n != 3 {
		s.t.Errorf("the journal has %d rows, want 3", n)
	}
	c.Close()
}

func (s *suite) fenced() {
	old := s.claim("old", 0, 1)
	s.must(s.batch(old, nil, begun{"a", "first"}))
	new := s.claim("new", 1)
	old.rows[0].Next["trials"] = 5
	if err := s.batch(old, nil, begun{"b", "late"}); !errors.Is(err, lane.ErrFenced) {
		s.t.Fatalf("the old owner saves: %v, want ErrFenced", err)
	}
	old.Close()
	if _, exists := document(s, trials, "b"); exists {
		s.t.Error("what the old owner did is there")
	}
	if n := s.db.Journal(s.t); n != 1 {
		s.t.Errorf("the journal has %d rows, want 1", n)
	}
	s.must(s.batch(new, nil, begun{"c", "on"}))
	new.Close()
	if r := s.claim("third", 0).rows[0]; len(r.Next) != 0 {
		s.t.Errorf("a lane that was not claimed anew has the old owner's offsets: %v", r.Next)
	}
}

func (s *suite) refused() {
	c := s.claim("one", 0, 1, 2, 3)
	s.must(s.batch(c, nil, begun{"a", "first"}))
	c.rows[0].Next["trials"] = 5
	var w saga.Working
	w.Put(trials, "a", trials.New("a"), false) // as a loop would that remembers wrongly
	w.Put(totals, "all", totals.New("all"), false)
	w.Put(shares, "all", shares.New("all"), false)
	group := Group()
	out := group.React(&w, saga.Cause{Envelope: saga.Envelope{ID: "x", Type: "trial.begun", Key: "a", Time: noon, Started: noon}, Fact: begun{"a", "again"}})
	s.must(out.Err)
	err := c.Save(s.ctx, &lane.Save{Lanes: c.rows, Working: &w, Now: noon})
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23505" {
		s.t.Fatalf("saving a document as new that is there: %v, want a unique violation", err)
	}
	c.Close()
	if a, _ := document(s, trials, "a"); a.Note != "first" {
		s.t.Errorf("its note is %s", a.Note)
	}
	if r := s.claim("one", 0).rows[0]; len(r.Next) != 0 {
		s.t.Errorf("its offsets are saved: %v", r.Next)
	}
}

func (s *suite) forgotten() {
	c := s.claim("one", 0)
	var w saga.Working
	s.must(c.Load(s.ctx, &w, []saga.Need{{Table: totals, Key: "all"}}, 0))
	c.Close()
	next := s.claim("one", 0) // and nothing holds it up
	s.must(s.batch(next, nil, begun{"a", "first"}))
	next.Close()
}

// The lock of an owner that was paused in its transaction must not hold up the next one for ever.
func (s *suite) standsStill() {
	paused := s.claim("paused", 0)
	var w saga.Working
	s.must(paused.Load(s.ctx, &w, []saga.Need{{Table: totals, Key: "all"}}, 0))
	next := s.claim("next", 0)
	s.must(s.batch(next, nil, begun{"a", "first"}))
	if err := paused.Save(s.ctx, &lane.Save{Lanes: paused.rows, Working: &w, Now: noon}); err == nil {
		s.t.Error("the paused owner's transaction is alive")
	}
	paused.Close()
	next.Close()
}

func (s *suite) releases() {
	c := s.claim("one", 0, 1)
	s.must(c.Release(s.ctx, []lane.Claimed{{Lane: 0, Epoch: c.rows[0].Epoch}, {Lane: 1, Epoch: c.rows[1].Epoch - 1}}))
	c.Close()
	next := s.claim("two", 0, 1)
	if next.rows[0].Deaths != 0 || next.rows[1].Deaths != 1 {
		s.t.Errorf("deaths %d and %d, want 0 of the lane that was released, and 1 of the one whose epoch was not ours", next.rows[0].Deaths, next.rows[1].Deaths)
	}
	next.Close()
}

// parking is an event to park.
func parking(number int, key string, offset int64, reason string) lane.ParkedEvent {
	return lane.ParkedEvent{
		Lane: number, Key: key, Type: "trial.begun", Topic: "trials", Offset: offset, Reason: reason, At: noon.Add(-time.Hour),
		Record: kafka.Record{Topic: "trials", Partition: number, Key: []byte(key), Value: []byte(fmt.Sprint(offset))},
	}
}

func (s *suite) parked() {
	c := s.claim("one", 0, 1)
	s.must(s.batch(c, func(save *lane.Save) {
		save.Park = []lane.ParkedEvent{parking(0, "k", 5, "broken"), parking(1, "l", 1, "broken too"), parking(0, "k", 6, ""), parking(0, "k", 9, "")}
	}))
	got, err := c.ReadParked(s.ctx, 0, "k", 2)
	s.must(err)
	if len(got) != 2 || got[0].Offset != 5 || got[1].Offset != 6 || got[0].Reason != "broken" || got[1].Reason != "" || string(got[0].Record.Value) != "5" ||
		got[0].Type != "trial.begun" || got[0].Topic != "trials" || !got[0].At.Equal(noon.Add(-time.Hour)) || got[0].Position >= got[1].Position {
		s.t.Fatalf("parked are %+v", got)
	}
	s.must(s.batch(c, func(save *lane.Save) {
		save.Unpark = []int64{got[0].Position}
		save.Blame = []lane.ParkedEvent{{Position: got[1].Position, Reason: "broken as well"}}
		save.Now = noon.Add(time.Minute)
	}))
	left, err := c.ReadParked(s.ctx, 0, "k", 10)
	s.must(err)
	if len(left) != 2 || left[0].Position != got[1].Position || left[0].Reason != "broken as well" || !left[0].At.Equal(noon.Add(-time.Hour)) || left[1].Offset != 9 {
		s.t.Errorf("left are %+v", left)
	}
	c.Close()
	next := s.claim("one", 0, 1)
	if a, b := next.rows[0].Parked, next.rows[1].Parked; !maps.Equal(a, map[string]int{"k": 2}) || !maps.Equal(b, map[string]int{"l": 1}) {
		s.t.Errorf("the lanes have parked %v and %v", a, b)
	}
	next.Close()
}

func (s *suite) wishes() {
	c := s.claim("one", 0, 1)
	s.must(s.batch(c, func(save *lane.Save) {
		save.Park = []lane.ParkedEvent{parking(0, "k", 5, "broken"), parking(1, "l", 1, "broken"), parking(0, "m", 6, "broken")}
	}))
	if s.db.Wish(s.t, "nobody", lane.Redrive) || !s.db.Wish(s.t, "k", lane.Discard) || !s.db.Wish(s.t, "l", lane.Redrive) || !s.db.Wish(s.t, "m", lane.Redrive) {
		s.t.Fatal("a wish can be left for what is parked, and for nothing else")
	}
	of := func(lanes ...int) string {
		wishes, err := c.Wishes(s.ctx, lanes)
		s.must(err)
		var out []string
		for _, w := range wishes {
			out = append(out, fmt.Sprint(w.Lane, w.Key, w.Wish))
		}
		slices.Sort(out) // PostgreSQL's clock may not tell them apart
		return strings.Join(out, ",")
	}
	if got := of(0); got != "0kdiscard,0mredrive" {
		s.t.Errorf("lane 0's wishes are %s", got)
	}
	s.must(s.batch(c, func(save *lane.Save) {
		save.Granted, save.GoOn = &lane.Wished{Lane: 0, Key: "k", Wish: lane.Discard}, true
	}))
	s.must(s.batch(c, func(save *lane.Save) { save.Granted = &lane.Wished{Lane: 1, Key: "l", Wish: lane.Redrive} }))
	if got := of(0, 1); got != "0kredrive,0mredrive" {
		s.t.Errorf("then they are %s", got)
	}
	c.Close()
}

func (s *suite) deadlines() {
	c := s.claim("one", 0, 1, 2, 3)
	if soonest, err := c.Nearest(s.ctx, []int{0, 1, 2, 3}); err != nil || !soonest.IsZero() {
		s.t.Fatalf("without acts, the nearest deadline is %s, %v", soonest, err)
	}
	keys := []string{"a", "b", "c", "d", "e"}
	for _, k := range keys {
		s.must(s.batch(c, nil, begun{k, ""}))
	}
	until := noon.Add(time.Hour)
	of := kafka.Partition([]byte("a"), Partitions)
	if soonest, err := c.Nearest(s.ctx, []int{of}); err != nil || !soonest.Equal(until) {
		s.t.Errorf("the nearest deadline is %s, %v, want %s", soonest, err, until)
	}
	all := []int{0, 1, 2, 3}
	for _, test := range []struct {
		lanes []int
		now   time.Time
		limit int
		want  int
	}{{all, until.Add(-time.Microsecond), 10, 0}, {all, until, 10, 5}, {all, until, 2, 2}, {nil, until, 10, 0}} {
		due, err := c.Due(s.ctx, append([]int{}, test.lanes...), test.now, []string{}, test.limit)
		s.must(err)
		if len(due) != test.want {
			s.t.Errorf("at %s %d are due, want %d", test.now, len(due), test.want)
		}
		for _, d := range due {
			if d.Lane != kafka.Partition([]byte(d.Key), Partitions) || !d.Until.Equal(until) || d.Waiting != "giveUp" || d.Started == nil || !d.Started.Equal(noon) || d.Trace != "00-trace" {
				s.t.Errorf("due is %+v", d)
			}
		}
	}
	// What can't fire does not stand before what can: a key that is parked, or is left alone.
	parkedLane := kafka.Partition([]byte("b"), Partitions)
	s.must(s.batch(c, func(save *lane.Save) { save.Park = []lane.ParkedEvent{parking(parkedLane, "b", 5, "broken")} }))
	able, err := c.Due(s.ctx, all, until, []string{"a", "d"}, 2)
	s.must(err)
	if len(able) != 2 || able[0].Key == able[1].Key || strings.Trim(able[0].Key+able[1].Key, "ce") != "" {
		s.t.Errorf("without what is parked and two others, due are %+v", able)
	}
	parked, err := c.ReadParked(s.ctx, parkedLane, "b", 1)
	s.must(err)
	s.must(s.batch(c, func(save *lane.Save) { save.Unpark = []int64{parked[0].Position} }))
	s.must(s.batch(c, nil, stopped{"a"}))
	due, err := c.Due(s.ctx, all, until, []string{}, 10)
	s.must(err)
	if len(due) != 4 || slices.ContainsFunc(due, func(d lane.Due) bool { return d.Key == "a" }) {
		s.t.Errorf("what is undone is due: %+v", due)
	}
	// An earlier version of the group has left a wait of which nothing is left: it must not stand before those that can end.
	s.must(s.batch(c, nil, stopped{"b"}, stopped{"c"}, stopped{"d"}, stopped{"e"}))
	s.must(s.batchOf(declared(lateGiveUp), c, nil, begun{"f", ""}))
	soonest, err := c.Nearest(s.ctx, all)
	s.must(err)
	due, err = c.Due(s.ctx, all, until, []string{}, 10)
	s.must(err)
	if !soonest.IsZero() || len(due) != 0 {
		s.t.Errorf("a wait whose Else is gone is due: %s, %+v", soonest, due)
	}
	c.Close()
}

func (s *suite) sweeps() {
	c := s.claim("one", 0, 1, 2, 3)
	s.must(s.batch(c, nil, stopped{"a"}, begun{"b", ""}, stopped{"parked"}))
	s.must(s.batch(c, func(save *lane.Save) { // what the mark bars may be redriven
		save.Park = []lane.ParkedEvent{parking(kafka.Partition([]byte("parked"), Partitions), "parked", 5, "broken")}
	}))
	var mine, stale []lane.Claimed
	for _, r := range c.rows {
		mine, stale = append(mine, lane.Claimed{Lane: r.Number, Epoch: r.Epoch}), append(stale, lane.Claimed{Lane: r.Number, Epoch: r.Epoch - 1})
	}
	expired := noon.Add(2*saga.DefaultLife + time.Second)
	for _, test := range []struct {
		claimed []lane.Claimed
		now     time.Time
		want    []string
	}{{mine, noon.Add(saga.DefaultLife), nil}, {stale, expired, nil}, {mine, expired, []string{"a"}}, {mine, expired, nil}} {
		swept, err := c.Sweep(s.ctx, test.claimed, test.now)
		s.must(err)
		if !slices.Equal(swept, test.want) {
			s.t.Errorf("at %s %v are swept, want %v", test.now, swept, test.want)
		}
	}
	if _, exists := document(s, trials, "a"); exists {
		s.t.Error("the mark is still there")
	}
	for _, key := range []string{"b", "parked"} {
		if _, exists := document(s, trials, key); !exists {
			s.t.Errorf("%s is gone, which is no mark, or one of a parked key", key)
		}
	}
	c.Close()
}

func (s *suite) effects() {
	c := s.claim("one", 0, 1)
	request := func(id string, number int, next time.Duration) lane.EffectRow {
		return lane.EffectRow{
			ID: id, Lane: number, Key: "k", Effect: "mail", Request: []byte(`{"to":"a"}`), Cause: []byte(`{"ID":"x"}`),
			Until: noon.Add(time.Hour), Next: noon.Add(next),
		}
	}
	for i, id := range []string{"b", "a", "c"} {
		now := noon.Add(time.Duration(i) * time.Second)
		s.must(s.batch(c, func(save *lane.Save) {
			save.Requests, save.Now = []lane.EffectRow{request(id, i%2, now.Sub(noon))}, now
		}))
	}
	due := func(now time.Time, underWay []string, limit int, lanes ...int) string {
		s.t.Helper()
		rows, err := c.DueEffects(s.ctx, lanes, now, underWay, limit)
		s.must(err)
		out := ""
		for _, r := range rows {
			out += fmt.Sprintf("%s%d ", r.ID, r.Attempts)
			if r.Effect != "mail" || r.Key != "k" || !r.Until.Equal(noon.Add(time.Hour)) || !strings.Contains(string(r.Request), `"a"`) || !strings.Contains(string(r.Cause), `"x"`) {
				s.t.Errorf("the effect is %+v", r)
			}
		}
		return out
	}
	late := noon.Add(time.Minute)
	is := func(got, want string) {
		s.t.Helper()
		if got != want {
			s.t.Errorf("due are %q, want %q", got, want)
		}
	}
	is(due(noon, nil, 10, 0, 1), "b0 ")
	is(due(late, nil, 10, 0, 1), "b0 a0 c0 ")
	is(due(late, nil, 2, 0, 1), "b0 a0 ")
	is(due(late, []string{"a"}, 2, 0, 1), "b0 c0 ")
	is(due(late, nil, 10, 1), "a0 ")
	var mine, stale []lane.Claimed
	for _, r := range c.rows {
		mine, stale = append(mine, lane.Claimed{Lane: r.Number, Epoch: r.Epoch}), append(stale, lane.Claimed{Lane: r.Number, Epoch: r.Epoch - 1})
	}
	failed := []lane.FailedEffect{{ID: "b", Next: late.Add(time.Second), Failure: "no"}}
	s.must(c.Retry(s.ctx, stale, failed)) // an earlier owner
	s.must(c.HoldEffect(s.ctx, stale, "c", "no"))
	is(due(late, nil, 10, 0, 1), "b0 a0 c0 ")
	s.must(c.Retry(s.ctx, mine, failed))
	is(due(late, nil, 10, 0, 1), "a0 c0 ")
	is(due(late.Add(time.Second), nil, 10, 0, 1), "a0 c0 b1 ")
	s.must(c.HoldEffect(s.ctx, mine, "c", "no"))
	s.must(s.batch(c, func(save *lane.Save) { save.Performed = []string{"a"} }))
	is(due(late.Add(time.Hour), nil, 10, 0, 1), "b1 ")
	c.Close()
}
