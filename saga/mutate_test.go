package saga_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

func TestWithoutAnArrowItsReactionDoesNotRun(t *testing.T) {
	g := group(does, saga.Undoes(undo, saga.Upon[Cancelled](), saga.Upon[Declined](), saga.Says[Undone]()))
	deaf := g.Without("undo", "job.cancelled")
	sagatest.Group(t, deaf).Hears(asked).Hears(cancelled).SaysNothing().Act("1", saga.Done).Hears(declined).Says(undone)
	sagatest.Group(t, g).Hears(asked).Hears(cancelled).Says(undone)
	if hears := g.Reactions()[1].Hears; len(hears) != 2 || hears[0].Type != "job.cancelled" || len(deaf.Reactions()[1].Hears) != 1 {
		t.Errorf("the whole group's undo hears %v", hears)
	}
	if deaf.Hears("job.cancelled") || deaf.Minds("job.cancelled") || !deaf.Hears("job.declined") || !g.Hears("job.cancelled") {
		t.Error("exactly one arrow is taken out, in exactly one of the two")
	}
}

func TestWithoutADeadlineAWaitIsForEver(t *testing.T) {
	deaf := waiting().Without("giveUp", saga.DeadlineType)
	var w saga.Working
	w.Put(jobs, "1", &Job{ID: "1"}, false)
	deaf.React(&w, hearing(asked))
	over := saga.Cause{Envelope: saga.Envelope{Type: saga.DeadlineType, Key: "1", Time: sagatest.Epoch.Add(time.Hour)}}
	if out := deaf.React(&w, over); out.Dropped != "no deadline is due" || w.Find(jobs, "1").Value.(*Job).Waiting() != "giveUp" {
		t.Errorf("%+v", out)
	}
	sagatest.Group(t, deaf).Hears(asked).Hears(answered).Says(advanced).Passes(time.Hour).Says(givenUp) // the next wait has its own
}

// A join that lacks an arrow is not completed by that fact, though another join of the group remembers it.
func TestWithoutAnArrowAJoinIsNotCompleted(t *testing.T) {
	deaf := asJoin().Without("finish", "job.asked")
	sagatest.Group(t, deaf).Hears(asked).SaysNothing().Hears(answered).SaysNothing()
}

// kitchen is a group that has every option.
func kitchen() *saga.Group {
	return group(
		saga.Concerns(func(f interface{ Key() string }) bool { return f.Key() == "1" }),
		saga.Does(take, saga.Refuses(sayNo), saga.Uses(shelves), saga.Says[Begun](), saga.Fails[Refused]()),
		saga.Within(10*time.Minute,
			saga.Then(advance, saga.Pivots(), saga.Says[Advanced]()),
			saga.Then(decline, saga.Fails[Refused]()),
			saga.Else(giveUp, saga.Fails[GivenUp]())),
		saga.Undoes(undo, saga.EvenIfNothing(), saga.Upon[Cancelled](), saga.TooLate(late),
			saga.Says[Undone](), saga.Says[Nothing](), saga.Says[TooLate]()),
		saga.Then(check, saga.Says[Advanced](), saga.Closes()))
}

// take begins with something from the shelf, or refuses.
func take(j *Job, e saga.Event[Asked]) []saga.Fact {
	s := shelves.Get(e, "s")
	if s.Free == 0 {
		return sayNo(j, e)
	}
	s.Free--
	return begin(j, e)
}

// Each mistake is made, and no other: what comes before it goes as it does without.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		m     saga.Mutation
		right func(s *sagatest.Script) // without the mistake
		wrong func(s *sagatest.Script) // and with it
	}{
		{
			saga.Mutation{Reaction: "take", Op: saga.HearsNot, Fact: "job.asked"},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun) }, func(s *sagatest.Script) { s.Hears(asked).SaysNothing() },
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.HearsAlso, Other: reported},
			func(s *sagatest.Script) { s.Hears(asked).Hears(reported).SaysNothing().Hears(cancelled).Says(undone) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(reported).Says(undone) },
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.HearsInstead, Fact: "job.cancelled", Other: reported},
			func(s *sagatest.Script) { s.Hears(asked).Hears(cancelled).Says(undone) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(cancelled).SaysNothing().Hears(reported).Says(undone) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.HearsInstead, Fact: "job.asked", Other: reported, As: func(f saga.Fact) saga.Fact { return Asked{work{f.Key()}} }},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun) },
			func(s *sagatest.Script) { s.Hears(asked).SaysNothing().Hears(reported).Says(begun) },
		},
		{
			saga.Mutation{Reaction: "advance", Op: saga.NotPivots},
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Hears(cancelled).Says(tooLate) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Hears(cancelled).Says(undone) },
		},
		{
			saga.Mutation{Reaction: "check", Op: saga.NotCloses},
			func(s *sagatest.Script) { s.Hears(asked).Hears(checked).Says(advanced).Act("1", saga.Closed) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(checked).Says(advanced).Act("1", saga.Done) },
		},
		{
			saga.Mutation{Reaction: "decline", Op: saga.NotFails},
			func(s *sagatest.Script) { s.Hears(asked).Hears(declined).Says(refused).Act("1", saga.Refused) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(declined).Says(refused).Act("1", saga.Done) },
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.NotEvenIfNothing},
			func(s *sagatest.Script) { s.Hears(cancelled).Says(nothing).Act("1", saga.Barred) },
			func(s *sagatest.Script) { s.Hears(cancelled).SaysNothing().Act("1", saga.Barred) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.NotRefuses},
			func(s *sagatest.Script) { s.Hears(cancelled).Hears(asked).Says(refused) },
			func(s *sagatest.Script) { s.Hears(cancelled).Hears(asked).SaysNothing() },
		},
		{
			saga.Mutation{Reaction: "advance", Op: saga.AnswersNoWait},
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Passes(time.Hour).SaysNothing() },
			func(s *sagatest.Script) {
				s.Hears(asked).Hears(answered).Says(advanced).Passes(time.Hour).Says(givenUp)
			},
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.AsOn},
			func(s *sagatest.Script) { s.Hears(asked).Hears(cancelled).Says(undone).Hears(cancelled).SaysNothing() },
			func(s *sagatest.Script) {
				s.Hears(asked).Hears(cancelled).Says(undone).Act("1", saga.Done).Hears(cancelled).Says(undone)
			},
		},
		{
			saga.Mutation{Op: saga.NotConcerns},
			func(s *sagatest.Script) { s.Hears(Asked{work{"2"}}).SaysNothing() },
			func(s *sagatest.Script) { s.Hears(Asked{work{"2"}}).Says(Begun{work{"2"}}) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.SaysNot, Fact: "job.refused"},
			func(s *sagatest.Script) { s.Given(&Shelf{ID: "s"}).Hears(asked).Says(refused) },
			func(s *sagatest.Script) { s.Given(&Shelf{ID: "s"}).Hears(asked).SaysNothing().Act("1", saga.New) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.SaysNot, Fact: "job.refused"}, // in what runs in its place too
			func(s *sagatest.Script) { s.Hears(cancelled).Hears(asked).Says(refused) },
			func(s *sagatest.Script) { s.Hears(cancelled).Hears(asked).SaysNothing() },
		},
		{
			saga.Mutation{Reaction: "late", Op: saga.SaysNot},
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Hears(cancelled).Says(tooLate) },
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Says(advanced).Hears(cancelled).SaysNothing() },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.SaysTwice, Fact: "job.begun"},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun) }, func(s *sagatest.Script) { s.Hears(asked).Says(begun, begun) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.ChangesNot, Table: "shelves"},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 1}, &Job{ID: "1", Did: 1}) },
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 2}, &Job{ID: "1", Did: 1}) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.ChangesNot, Table: "jobs"},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 1}, &Job{ID: "1", Did: 1}) },
			func(s *sagatest.Script) {
				s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 1}, &Job{ID: "1"}).Act("1", saga.Done)
			},
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.ChangesTwice},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 1}) },
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Keeps(&Shelf{"s", 0}) },
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.IgnoresNothing},
			func(s *sagatest.Script) { s.Hears(cancelled).Says(nothing) }, func(s *sagatest.Script) { s.Hears(cancelled).Says(undone) },
		},
		{
			saga.Mutation{Reaction: "take", Op: saga.RunsAgain},
			func(s *sagatest.Script) { s.Hears(asked).Says(begun).Hears(asked).SaysNothing() },
			func(s *sagatest.Script) {
				s.Hears(asked).Says(begun).Hears(asked).Says(begun).Keeps(&Shelf{"s", 0}).Hears(asked).Says(refused)
			},
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.RunsAgain},
			func(s *sagatest.Script) { s.Hears(asked).Hears(cancelled).Says(undone).Hears(cancelled).SaysNothing() },
			func(s *sagatest.Script) {
				s.Hears(asked).Hears(cancelled).Says(undone).Act("1", saga.Undone).Hears(cancelled).Says(undone).Keeps(&Job{ID: "1", Did: -1})
			},
		},
		{
			saga.Mutation{Reaction: "undo", Op: saga.LeavesNoMark},
			func(s *sagatest.Script) { s.Hears(cancelled).Says(nothing).Hears(asked).Says(refused) },
			func(s *sagatest.Script) {
				s.Hears(cancelled).Says(nothing).Hears(asked).Says(begun).Hears(cancelled).Says(undone)
			},
		},
		{
			saga.Mutation{Reaction: "decline", Op: saga.AnswersLate},
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Says(advanced).Hears(declined).SaysNothing() },
			func(s *sagatest.Script) { s.Hears(asked).Hears(answered).Says(advanced).Hears(declined).Says(refused) },
		},
		{
			saga.Mutation{Reaction: "late", Op: saga.RefusesAgain},
			func(s *sagatest.Script) {
				s.Hears(asked).Hears(answered).Hears(cancelled).Says(tooLate).Hears(cancelled).SaysNothing()
			},
			func(s *sagatest.Script) {
				s.Hears(asked).Hears(answered).Hears(cancelled).Says(tooLate).Hears(cancelled).Says(tooLate)
			},
		},
	} {
		t.Run(tt.m.String(), func(t *testing.T) {
			g := kitchen()
			mutant := g.Mutate(tt.m)
			for of, play := range map[*saga.Group]func(*sagatest.Script){g: tt.right, mutant: tt.wrong} {
				play(sagatest.Group(t, of).Given(&Shelf{"s", 2}))
			}
		})
	}
}

// Of two mistakes in one reaction, each is made, whichever comes first.
func TestTwoMistakesAtOnce(t *testing.T) {
	again, forgets := saga.Mutation{Reaction: "undo", Op: saga.RunsAgain}, saga.Mutation{Reaction: "undo", Op: saga.ChangesNot, Table: "jobs"}
	for _, g := range []*saga.Group{kitchen().Mutate(again).Mutate(forgets), kitchen().Mutate(forgets).Mutate(again)} {
		sagatest.Group(t, g).Given(&Shelf{"s", 2}).Hears(asked).Hears(cancelled).Says(undone).Hears(cancelled).Says(undone).Keeps(&Job{ID: "1", Did: 1})
	}
}

func TestSayingTheLastThingFirst(t *testing.T) {
	both := func(j *Job, e saga.Event[Asked]) []saga.Fact { return append(begin(j, e), advanced) }
	g := group(saga.Does(both, saga.Says[Begun](), saga.Says[Advanced]()))
	m := saga.Mutation{Reaction: g.Reactions()[0].Name, Op: saga.SaysReversed}
	sagatest.Group(t, g).Hears(asked).Says(begun, advanced)
	sagatest.Group(t, g.Mutate(m)).Hears(asked).Says(advanced, begun)
}

// A join may wait for another fact instead of one of its own.
func TestAJoinThatWaitsForTheWrongFact(t *testing.T) {
	g := asJoin().Mutate(saga.Mutation{Reaction: "finish", Op: saga.HearsInstead, Fact: "job.answered", Other: reported})
	sagatest.Group(t, g).Hears(asked).Hears(answered).SaysNothing().Hears(reported).Says(finished)
	sagatest.Group(t, g).Hears(asked).Hears(declined).Says(finished)
	sagatest.Group(t, asJoin()).Hears(asked).Hears(reported).SaysNothing().Hears(answered).Says(finished)
}

func TestAMutantReadsWhatItHears(t *testing.T) {
	g := kitchen().Mutate(saga.Mutation{Reaction: "undo", Op: saga.HearsAlso, Other: Invalid{}})
	if f, err := g.Decode("job.invalid", []byte(`{"ID":"1"}`)); err != nil || f != saga.Fact(Invalid{work: one}) {
		t.Errorf("%v %v", f, err)
	}
	for data, want := range map[string]string{`{"ID":`: "does not parse", `{"Fault":"broken"}`: "broken"} {
		if _, err := g.Decode("job.invalid", []byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
}

func TestMutationsAreThoseThatAreToBeExpected(t *testing.T) {
	var got []string
	for _, m := range kitchen().Mutations() {
		got = append(got, m.String())
		kitchen().Mutate(m) // does not panic
	}
	for _, want := range []string{
		"workers is concerned by everything", "workers.take does not hear job.asked", "workers.giveUp does not hear deadline", "workers.advance is no pivot",
		"workers.undo keeps to itself job.too-late", "workers.take does not change shelves", "workers.undo leaves no mark",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %d: %s", want, len(got), strings.Join(got, "; "))
		}
	}
}

func TestNothingCouldBeSoMistaken(t *testing.T) {
	for _, m := range []saga.Mutation{
		{Reaction: "advance", Op: saga.HearsNot, Fact: "job.cancelled"},
		{Reaction: "nobody", Op: saga.HearsNot, Fact: "job.asked"},
		{Reaction: "advance", Op: saga.HearsNot, Fact: saga.DeadlineType},
		{Reaction: "advance", Op: saga.HearsAlso, Other: reported}, // taken for what?
		{Reaction: "decline", Op: saga.NotPivots},
		{Reaction: "decline", Op: saga.NotCloses},
		{Reaction: "advance", Op: saga.NotFails},
		{Reaction: "advance", Op: saga.NotRefuses},
		{Reaction: "check", Op: saga.AnswersNoWait},
		{Reaction: "giveUp", Op: saga.AsOn},
		{Reaction: "advance", Op: saga.ChangesNot, Table: "shelves"},
		{Reaction: "advance", Op: saga.SaysNot, Fact: "job.begun"},
		{Reaction: "advance", Op: saga.SaysReversed},
		{Reaction: "advance", Op: saga.IgnoresNothing},
		{Reaction: "advance", Op: saga.RunsAgain},
		{Reaction: "advance", Op: saga.LeavesNoMark},
		{Reaction: "check", Op: saga.AnswersLate},
		{Reaction: "advance", Op: saga.RefusesAgain},
		{Reaction: "advance", Op: saga.NotConcerns},
		{Reaction: "advance", Op: "hums"},
		{},
	} {
		want := "saga: group workers: a mutation is to say \"" + m.String() + "\", and nothing that is so named could: look at its names, and at what its Op is for"
		if got := panicOf(func() { kitchen().Mutate(m) }); got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
}

func TestAMistakeInWhatComesOfAnEffect(t *testing.T) {
	g := secretary(saga.Requests(letters))
	silent := g.Mutate(saga.Mutation{Reaction: g.Reactions()[1].Name, Op: saga.SaysNot})
	for of, want := range map[*saga.Group]int{g: 1, silent: 0} {
		w := sagatest.New(of)
		w.Say(invited{"1"})
		if err := w.Run(); err != nil || len(w.Said) != 1+want {
			t.Errorf("%v %v, want %d answers", err, w.Types(), want)
		}
	}
}
