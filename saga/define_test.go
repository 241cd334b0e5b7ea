package saga_test

import (
	"context"
	"regexp"
	"slices"
	"testing"
	"time"

	"tiffin/saga"
)

// panicOf is what f panics with; "" if it does not.
func panicOf(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = p.(string)
		}
	}()
	f()
	return ""
}

type Stranger struct {
	saga.Act
	ID string
}

// A declaration that can't work is refused with a sentence that says where it is and how to mend it.
func TestADeclarationThatCannotWorkIsRefused(t *testing.T) {
	minute := func(reactions ...saga.Part) saga.Part { return saga.Within(time.Minute, reactions...) }
	mine := saga.Concerns(func(saga.Fact) bool { return true })
	performs := saga.Performs(letters, time.Minute, func(context.Context, string, letter) error { return nil })
	answer, giveUp := saga.Then(advance, saga.Says[Advanced]()), saga.Else(giveUp, saga.Fails[GivenUp]())
	outcomes := func(outcomes ...saga.Part) saga.Part { return saga.Performs(letters, time.Minute, write, outcomes...) }
	const here, there = ` \(saga/jobs_test\.go:\d+\) `, ` \(saga/define_test\.go:\d+\) `
	type parts = []saga.Part
	for _, tt := range []struct {
		want  string
		parts parts
	}{
		{`undo` + here + `hears nothing: add saga\.Upon\[\.\.\.\]\(\) to its line`, parts{does, saga.Undoes(undo)}},
		{`finish` + here + `hears nothing: add saga\.Upon\[\.\.\.\]\(\) to its line`, parts{saga.Once(saga.AllOf(), finish)}},
		{`follow` + here + `hears nothing: .*`, parts{saga.Follows(follow)}},
		{`record` + here + `hears nothing: .*`, parts{saga.Records(record, saga.Uses(lines))}},
		{`giveUp` + here + `is an Else of no wait: put it into a saga\.Within\(\.\.\.\)`, parts{does, giveUp}},
		{`a Within without an Else waits for ever: add saga\.Else\(\.\.\.\)`, parts{does, minute(answer)}},
		{`a Within of 0s is over before it begins: configure a time above zero`, parts{does, saga.Within(0, answer, giveUp)}},
		{`a Within of -1s is over before it begins: configure a time above zero`, parts{does, saga.Within(-time.Second, answer, giveUp)}},
		{`giveUp \(saga/jobs_test\.go:\d+\): a wait is known by its Else, so each saga\.Within has one, a function of its own`, parts{does, minute(answer, giveUp, giveUp)}},
		{`giveUp \(saga/jobs_test\.go:\d+\): a wait is known by its Else, so each saga\.Within has one, .*`, parts{does, minute(answer, giveUp), minute(saga.Then(check), giveUp)}},
		{`begin` + here + `is a saga\.Does, which is no answer to a wait: move its line out of the saga\.Within`, parts{minute(does, giveUp)}},
		{`advance` + here + `runs once the act is done, and nothing does it: add a saga\.Does\(\.\.\.\)`, parts{answer}},
		{`undo` + here + `takes an act back, and nothing does one: add a saga\.Does\(\.\.\.\), or take it away`, parts{undoes}},
		{`undo` + here + `takes an act back, and nothing does one: .*`, parts{saga.Once(saga.Heard[Asked](), finish, saga.Closes()), undoes}},
		{`follow` + here + `follows, so it says nothing: take its saga\.Says away`, parts{saga.Follows(follow, saga.Upon[Asked](), saga.Says[Begun]())}},
		{`record` + here + `records, so it says nothing: take its saga\.Says away`, parts{saga.Records(record, saga.Upon[Asked](), saga.Says[Begun]())}},
		{`record` + here + `records, so it can't use shelves, which is no journal: take it out of its saga\.Uses, or make the reaction a saga\.On`, parts{saga.Records(record, saga.Uses(lines, shelves), saga.Upon[Asked]())}},
		{`record` + here + `records, so it can't request letter: take its saga\.Requests away, or make the reaction a saga\.On`, parts{saga.Records(record, saga.Upon[Asked](), saga.Requests(letters)), saga.Performs(letters, time.Minute, func(context.Context, string, letter) error { return nil })}},
		{`begin` + here + `is a saga\.Does, so it can't hear job\.checked: take its saga\.Upon away`, parts{saga.Does(begin, saga.Upon[Checked]())}},
		{`advance` + here + `is a saga\.Then, so it can't hear job\.checked: take its saga\.Upon away`, parts{does, saga.Then(advance, saga.Upon[Checked]())}},
		{`givesUp \(saga/define_test\.go:\d+\) is a saga\.Else, so it can't hear job\.checked: take its saga\.Upon away`, parts{does, minute(answer, saga.Else(givesUp, saga.Upon[Checked]()))}},
		{`begin` + here + `hears job\.asked, and its saga\.Refuses takes a job\.declined: let both take the same`, parts{saga.Does(begin, saga.Refuses(decline))}},
		{`begin` + here + `declares twice that it says job\.begun: leave one`, parts{saga.Does(begin, saga.Says[Begun](), saga.Fails[Begun]())}},
		{`advance` + here + `is a saga\.Then, where saga\.Refuses has no effect: take it away`, parts{does, saga.Then(advance, saga.Refuses(sayNo))}},
		{`advance` + here + `is a saga\.Then, where saga\.EvenIfNothing has no effect: take it away`, parts{does, saga.Then(advance, saga.EvenIfNothing())}},
		{`advance` + here + `is a saga\.Then, where saga\.TooLate has no effect: take it away`, parts{does, saga.Then(advance, saga.Pivots(), saga.TooLate(late))}},
		{`undo` + here + `is a saga\.Undoes, where saga\.Pivots has no effect: take it away`, parts{does, saga.Undoes(undo, saga.Upon[Cancelled](), saga.Pivots(), saga.TooLate(late))}},
		{`record` + here + `is a saga\.Records, where saga\.Fails, Closes, ClosesWith, Ends or Pivots has no effect: take it away`, parts{saga.Records(record, saga.Upon[Asked](), saga.Closes())}},
		{`saga\.TooLate without saga\.Pivots: too late for what\?`, parts{does, saga.Undoes(undo, saga.Upon[Cancelled](), saga.TooLate(late))}},
		{`begin` + here + `can be barred by an undo that comes first: add saga\.Refuses\(\.\.\.\), which says its refusal`, parts{saga.Does(begin), undoes}},
		{`undo` + here + `can come after the pivot: add saga\.TooLate\(\.\.\.\)`, parts{does, saga.Then(advance, saga.Pivots()), undoes}},
		{`func\d+ \(saga/define_test\.go:\d+\) takes a \*saga_test\.Stranger: the first table of saga\.Documents\(\.\.\.\) must hold them`, parts{saga.Does(func(*Stranger, saga.Event[Asked]) []saga.Fact { return nil })}},
		{`begin` + here + `takes a \*saga_test\.Stranger: the first table of saga\.Documents\(\.\.\.\) must hold them`, parts{saga.Does(begin, saga.Refuses(func(*Stranger, saga.Event[Asked]) []saga.Fact { return nil }))}},
		{`undo` + here + `takes a \*saga_test\.Stranger: the first table of .*`, parts{does, saga.Then(advance, saga.Pivots()), saga.Undoes(undo, saga.Upon[Cancelled](), saga.TooLate(func(*Stranger, saga.Cause) []saga.Fact { return nil }))}},
		{`begin` + here + `uses elsewhere: add that table to saga\.Documents\(\.\.\.\)`, parts{saga.Does(begin, saga.Uses(saga.In("elsewhere", func(s *Shelf) saga.Columns { return nil })))}},
		{`begin` + here + `is a saga\.Does, where saga\.Loads has no effect: take it away`, parts{saga.Does(begin, saga.Loads(jobOf), saga.Says[Begun]())}},
		{`func\d+ \(saga/define_test\.go:\d+\) hears job\.answered, and its saga\.Loads takes a job\.asked: let both take the same`, parts{saga.On(func(saga.Event[Answered]) []saga.Fact { return nil }, saga.Loads(jobOf))}},
		{`declares saga\.Concerns twice, of which each would replace the other: let one function ask both`, parts{does, mine, mine}},
		{`declares saga\.Life twice: leave one`, parts{does, saga.Life(time.Hour), saga.Life(time.Hour)}},
		{`a saga\.Life of 0s is over before it begins: configure a time above zero`, parts{does, saga.Life(0)}},
		{`a saga\.Life of -1h0m0s is over before it begins: .*`, parts{does, saga.Life(-time.Hour)}},
		{`performs letter twice: leave one saga\.Performs`, parts{performs, performs}},
		{`finish` + here + `waits for a saga\.AnyOf\(\) of nothing, which never holds: name the facts, or take it away`, parts{saga.Once(saga.AllOf(saga.Heard[Asked](), saga.AnyOf()), finish, saga.Closes())}},
		{`finish` + here + `waits for a saga\.AllOf\(\) of nothing, which always holds: .*`, parts{saga.Once(saga.AnyOf(saga.Heard[Asked](), saga.AllOf()), finish, saga.Closes())}},
		{`mirrors elsewhere: add that table to saga\.Documents\(\.\.\.\)`, parts{saga.Mirrors(saga.In("elsewhere", func(s *Shelf) saga.Columns { return nil }), copied)}},
		{`mirrors shelves twice: leave one`, parts{saga.Mirrors(shelves, copied), saga.Mirrors(shelves, copied)}},
		{`begin` + here + `has two saga\.Refuses, of which each would replace the other: leave one`, parts{saga.Does(begin, saga.Refuses(sayNo), saga.Refuses(sayNo))}},
		{`undo` + here + `has two saga\.TooLate, of which each .*`, parts{does, saga.Then(advance, saga.Pivots()), saga.Undoes(undo, saga.Upon[Cancelled](), saga.TooLate(late), saga.TooLate(late))}},
		{`func\d+ \(saga/define_test\.go:\d+\) has two saga\.Loads, of which each .*`, parts{saga.On(func(saga.Event[Asked]) []saga.Fact { return nil }, saga.Loads(jobOf), saga.Loads(jobOf))}},
		{`heed` + here + `hears job\.answered, and so does advance: only the first answer ends a saga\.Within, so leave one`, parts{does, minute(answer, saga.Then(heed), giveUp)}},
		{`finish` + here + `is a saga\.Once, so it can't hear job\.checked: take its saga\.Upon away`, parts{saga.Once(saga.Heard[Asked](), finish, saga.Closes(), saga.Upon[Checked]())}},
		{`told` + there + `is a saga\.Performed, so it can't hear job\.checked: .*`, parts{outcomes(saga.Performed(told, saga.Upon[Checked]()))}},
		{`told` + there + `is a saga\.NotPerformed, so it can't hear job\.checked: .*`, parts{outcomes(saga.NotPerformed(told, saga.Upon[Checked]()))}},
		{`told` + there + `is a second saga\.Performed of letter: leave one`, parts{outcomes(saga.Performed(told), saga.Performed(told))}},
		{`told` + there + `is a second saga\.NotPerformed of letter: leave one`, parts{outcomes(saga.NotPerformed(told), saga.NotPerformed(told))}},
		{`func\d+ \(saga/define_test\.go:\d+\) takes a string, and letter is requested with a saga_test\.letter: let it take that`, parts{outcomes(saga.Performed(func(string, saga.Cause) []saga.Fact { return nil }))}},
		{`effect letter is performed by nil: give saga\.Performs a function`, parts{saga.Performs(letters, time.Minute, nil)}},
		{`the mirror of shelves is nil: give a function, or leave the saga\.Mirrors out`, parts{saga.Mirrors(shelves, nil)}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			got := panicOf(func() { group(tt.parts...) })
			if !regexp.MustCompile("^saga: group workers: " + tt.want + "$").MatchString(got) {
				t.Errorf("panics with\n  %s\nwant\n  saga: group workers: %s", got, tt.want)
			}
		})
	}
	t.Run("two tables of one name are one", func(t *testing.T) {
		got := panicOf(func() { saga.Define("twice", saga.Documents(jobs, lines, jobs), does) })
		if want := "saga: group twice: has two tables jobs: give each a name of its own, once in saga.Documents(...)"; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	})
	t.Run("two tables of one type", func(t *testing.T) {
		others := saga.JournalIn("others", func(s *Shelf) saga.Columns { return saga.Columns{{"id", &s.ID}} })
		got := panicOf(func() { saga.Define("twice", saga.Documents(jobs, shelves, others), does) })
		if want := "saga: group twice: tables shelves and others both hold *saga_test.Shelf, and tests and worlds know a table by what it holds: give each a type of its own"; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	})
	t.Run("two tables with an act", func(t *testing.T) {
		got := panicOf(func() {
			saga.Define("twice", saga.Documents(jobs, saga.In("others", func(s *Stranger) saga.Columns { return saga.Columns{{"id", &s.ID}} })), does)
		})
		if want := "saga: group twice: table others keeps an act, and only the first of saga.Documents(...) may: take the saga.Act out of its documents"; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	})
	t.Run("a group without a name", func(t *testing.T) {
		got := panicOf(func() { saga.Define("", nil) })
		if want := "saga: a group of no name: give saga.Define, or saga.Outside, one"; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	})
	t.Run("an act needs a table", func(t *testing.T) {
		got := panicOf(func() { saga.Define("none", nil, does) })
		if !regexp.MustCompile(`^saga: group none: begin .* takes a \*saga_test\.Job: the first table`).MatchString(got) {
			t.Errorf("panics with %q", got)
		}
	})
}

func jobOf(f Asked) []saga.Need { return []saga.Need{{Table: jobs, Key: f.ID}} }

func told(letter, saga.Cause) []saga.Fact { return nil }

func copied(context.Context, []Shelf) error { return nil }

func givesUp(j *Job, why saga.Cause) []saga.Fact { return giveUp(j, why) }

// Which wait may come after a reaction: none after what ends the act, whatever it says.
func TestAReactionTellsWhichWaitMayComeAfterIt(t *testing.T) {
	fails := saga.Fails[Refused]()
	for _, tt := range []struct {
		name         string
		does         []saga.Option
		yes, no      saga.Option
		do, yea, nay string // the waits that may come after each
	}{
		{"both may go on", []saga.Option{saga.Says[Begun]()}, saga.Says[Advanced](), saga.Says[Refused](), "giveUp", "giveUpChecking", "giveUpChecking"},
		{"one fails", []saga.Option{saga.Says[Begun]()}, saga.Says[Advanced](), fails, "giveUp", "giveUpChecking", ""},
		{"one closes", []saga.Option{saga.Says[Begun]()}, saga.Closes(), saga.Says[Refused](), "giveUp", "", "giveUpChecking"},
		{"one says a last word", []saga.Option{saga.Says[Begun]()}, saga.ClosesWith[Advanced](), saga.Says[Refused](), "giveUp", "", "giveUpChecking"},
		{"one nods, for else the second wait never begins", []saga.Option{saga.Says[Begun]()}, saga.Closes(), fails, "giveUp", "", "giveUpChecking"},
		{"a do that acts in silence, or fails", []saga.Option{saga.Silently(), saga.Fails[Begun]()}, saga.Says[Advanced](), fails, "giveUp", "giveUpChecking", ""},
		{"a do that only fails", []saga.Option{saga.Fails[Begun]()}, saga.Says[Advanced](), fails, "", "giveUpChecking", ""},
	} {
		g := group(saga.Does(begin, tt.does...),
			saga.Within(time.Minute, saga.Then(advance, tt.yes), saga.Then(decline, tt.no), saga.Else(giveUp, saga.Fails[GivenUp]())),
			saga.Within(time.Minute, saga.Then(check, saga.Ends[Advanced]()), saga.Else(giveUpChecking, saga.Fails[GivenUp]())))
		want := map[string]string{"begin": tt.do, "advance": tt.yea, "decline": tt.nay}
		for _, r := range g.Reactions() {
			if got := r.Next(); got != want[r.Name] {
				t.Errorf("%s: after %s may come %q, want %q", tt.name, r.Name, got, want[r.Name])
			}
		}
	}
}

func TestAGroupTellsWhatItIs(t *testing.T) {
	g := group(does, undoes, saga.On(func(saga.Event[TripBooked]) []saga.Fact { return nil }, saga.Says[SeatHeld]()))
	if got := g.Topics(); !slices.Equal(got, []string{"jobs", "trips"}) {
		t.Errorf("reads %v", got)
	}
	if got := g.SaysTopics(); !slices.Equal(got, []string{"jobs", "trips"}) {
		t.Errorf("writes %v", got)
	}
	if g.Name() != "workers" || g.DeadLetters() != "workers.dead-letters" || !g.HasAct() || len(g.Tables()) != 3 {
		t.Error("the group does not know itself")
	}
	if saga.Define("collects", saga.Documents(shelves)).HasAct() || saga.Define("listens", nil).HasAct() {
		t.Error("a group without acts has one")
	}
	if r := g.Reactions()[0]; r.Name != "begin" || r.Role != saga.RoleDoes || r.RefusesName != "sayNo" || !regexp.MustCompile(`^saga/jobs_test\.go:\d+$`).MatchString(r.At) {
		t.Errorf("its first reaction is %s %s, refused by %s, at %s", r.Role, r.Name, r.RefusesName, r.At)
	}
}

func TestAPartCanBeInTwoGroups(t *testing.T) {
	answers := saga.Then(advance, saga.Says[Advanced]())
	g1 := group(does, saga.Within(time.Minute, answers, saga.Else(giveUp)))
	g2 := group(does, answers)
	if w1, w2 := g1.Reactions()[1].Wait, g2.Reactions()[1].Wait; w1 != "giveUp" || w2 != "" {
		t.Errorf("the same part answers %q in one group and %q in the other, want giveUp and nothing", w1, w2)
	}
}

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		6 * time.Second: "6s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 168 * time.Hour: "168h",
		time.Hour + time.Second: "1h0m1s", 90 * time.Second: "1m30s", 1500 * time.Millisecond: "1.5s", 0: "0s",
	} {
		if got := saga.Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
