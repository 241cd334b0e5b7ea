package saga_test

import (
	"regexp"
	"testing"
	"time"

	"tiffin/saga"
)

// answerer is somebody outside who answers what is asked.
func answerer(f Asked) []saga.Fact { return saga.Say(Answered(f), Declined(f)) }

func TestWhoIsOutsideIsNoGroup(t *testing.T) {
	api := saga.Outside("api", saga.Begins[Asked](), saga.Begins[Cancelled]())
	person := saga.Outside("person", saga.Answers(answerer, saga.Says[Answered](), saga.Says[Declined]()))
	if !api.Outside() || !person.Outside() || group(does).Outside() {
		t.Error("who is declared outside is outside, and a group is not")
	}
	if !person.Hears("job.asked") || api.Hears("job.asked") {
		t.Error("who answers hears what is asked, and who begins hears nothing")
	}
	if api.HasAct() || len(person.Tables()) > 0 {
		t.Error("nobody outside keeps anything")
	}
	answers := person.Reactions()[0]
	if got := answers.Answers(asked); len(got) != 2 || got[0] != saga.Fact(answered) || got[1] != saga.Fact(declined) {
		t.Errorf("answers %v", got)
	}
	if r := api.Reactions()[1]; r.Role != saga.RoleBegins || r.Name != "job.cancelled" || !regexp.MustCompile(`^saga/outside_test\.go:\d+$`).MatchString(r.At) {
		t.Errorf("the second thing it begins is %s %s, at %s", r.Role, r.Name, r.At)
	}
}

// What can't be said outside is refused, with a sentence that says where it is and how to mend it; and so is what only somebody
// outside can say.
func TestADeclarationOfOutsideThatCannotWorkIsRefused(t *testing.T) {
	outside := func(parts ...saga.Part) func() { return func() { saga.Outside("person", parts...) } }
	for _, tt := range []struct {
		want    string
		declare func()
	}{
		{
			`group person: func\S* \(saga/outside_test\.go:\d+\) is a saga\.On, and outside there are only saga\.Begins and saga\.Answers`,
			outside(saga.On(func(saga.Event[Asked]) []saga.Fact { return nil })),
		},
		{`group person: record .* is a saga\.Records, and outside there are only .*`, outside(saga.Records(record, saga.Upon[Asked]()))},
		{`group person: begin .* takes a \*saga_test\.Job: .*`, outside(does)},
		{
			`group person: answerer \(saga/outside_test\.go:\d+\) is a saga\.Answers, so it can't hear job\.checked: take its saga\.Upon away`,
			outside(saga.Answers(answerer, saga.Upon[Checked]())),
		},
		{
			`group person: answerer .* is a saga\.Answers, where saga\.Fails, Closes, ClosesWith, Ends or Pivots has no effect: take it away`,
			outside(saga.Answers(answerer, saga.Fails[Answered]())),
		},
		{`group person: answerer .* declares twice that it says job\.answered: leave one`, outside(saga.Answers(answerer, saga.Says[Answered](), saga.Says[Answered]()))},
		{`group person: answerer .* requests fly, which nobody performs: .*`, outside(saga.Answers(answerer, saga.Requests(saga.EffectOf[int]("fly"))))},
		{
			`group workers: a group does not speak for somebody outside: move its saga\.Begins and saga\.Answers into a saga\.Outside\(\.\.\.\)`,
			func() { group(does, saga.Begins[Asked]()) },
		},
		{`group workers: a group does not speak for somebody outside: .*`, func() { group(does, saga.Answers(answerer, saga.Says[Answered]())) }},
		{
			`group workers: begin .* is a saga\.Does, where saga\.Optional has no effect: take it away`,
			func() { group(saga.Does(begin, saga.Optional(), saga.Says[Begun]())) },
		},
		{
			`group workers: begin .* declares twice that it says job\.begun: leave one`,
			func() { group(saga.Does(begin, saga.Announces[Begun](), saga.Says[Begun]())) },
		},
	} {
		if got := panicOf(tt.declare); !regexp.MustCompile("^saga: " + tt.want + "$").MatchString(got) {
			t.Errorf("panics with\n  %s\nwant\n  saga: %s", got, tt.want)
		}
	}
}

// That a fact is announced may stand beside what it means for the act, on either side of it.
func TestAFactIsAnnouncedBesideWhatItMeans(t *testing.T) {
	giveUp := func(options ...saga.Option) saga.Said {
		g := group(does, saga.Within(time.Minute, saga.Then(advance), saga.Else(giveUp, options...)))
		return g.Reactions()[2].Says[0]
	}
	for name, said := range map[string]saga.Said{
		"announced, and fails": giveUp(saga.Announces[GivenUp](), saga.Fails[GivenUp]()),
		"fails, and announced": giveUp(saga.Fails[GivenUp](), saga.Announces[GivenUp]()),
	} {
		if !said.Fails || !said.Final || said.Closes {
			t.Errorf("%s: %+v", name, said)
		}
	}
	if said := giveUp(saga.ClosesWith[GivenUp](), saga.Announces[GivenUp]()); !said.Closes || !said.Final || said.Ends {
		t.Errorf("closes, and announced: %+v", said)
	}
	if said := giveUp(saga.Announces[GivenUp]()); !said.Final || said.Fails || said.Closes {
		t.Errorf("announced: %+v", said)
	}
}

func TestAnAnswerIsOptionalIfItSaysSo(t *testing.T) {
	person := saga.Outside("person", saga.Answers(answerer, saga.Says[Answered]()), saga.Answers(answerer, saga.Optional(), saga.Says[Declined]()))
	if r := person.Reactions(); r[0].Optional || !r[1].Optional {
		t.Error("the second answer alone is optional")
	}
}

// A reaction that is a method stands nowhere: its declaration does.
func TestAMethodIsWhereItIsDeclared(t *testing.T) {
	g := group(saga.Does(worker{}.begin, saga.Says[Begun]()))
	if r := g.Reactions()[0]; r.Name != "begin" || !regexp.MustCompile(`^saga/outside_test\.go:\d+$`).MatchString(r.At) {
		t.Errorf("%s is at %s", r.Name, r.At)
	}
}

type worker struct{}

func (worker) begin(j *Job, _ saga.Event[Asked]) []saga.Fact { return saga.Say(Begun{work{j.ID}}) }
