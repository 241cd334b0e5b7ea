package saga_test

import (
	"context"
	"regexp"
	"slices"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

// dropped: the last step ran no reaction, and this is why.
func dropped(t *testing.T, s *sagatest.Script, why string) {
	t.Helper()
	s.SaysNothing()
	history := s.World().History
	if last := history[len(history)-1]; last.Dropped != why || len(last.Ran) > 0 {
		t.Fatalf("dropped because of %q and ran %v, want %q and nothing", last.Dropped, last.Ran, why)
	}
}

func TestADoRunsOnceAndNeverAfterItsUndo(t *testing.T) {
	did := func(n int) *Job { return &Job{ID: "1", Did: n} }
	for _, tt := range []struct {
		name string
		play func(*testing.T, *sagatest.Script)
	}{
		{"a do runs once", func(t *testing.T, s *sagatest.Script) {
			s.Hears(asked).Says(begun).Act("1", saga.Done).Keeps(did(1))
			dropped(t, s.Hears(asked), "already done")
			s.Keeps(did(1))
		}},
		{"an undo takes it back, once", func(t *testing.T, s *sagatest.Script) {
			s.Hears(asked).Hears(cancelled).Says(undone).Act("1", saga.Undone).Keeps(did(0))
			dropped(t, s.Hears(cancelled), "already undone")
			s.Keeps(did(0))
		}},
		{"an undone act is not done again", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(asked).Hears(cancelled).Hears(asked), "already undone")
			s.Act("1", saga.Undone).Keeps(did(0))
		}},
		{"an undo that comes first bars the do, which says its refusal", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(cancelled), "nothing to undo yet")
			s.Act("1", saga.Barred).Hears(asked).Says(refused).Act("1", saga.Refused).Keeps(did(0))
		}},
		{"and says it once", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(cancelled).Hears(asked).Hears(asked), "already refused")
		}},
		{"an undo of a refusal does nothing", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(cancelled).Hears(asked).Hears(cancelled), "already refused")
		}},
		{"each saga has an act of its own", func(t *testing.T, s *sagatest.Script) {
			two := work{"2"}
			s.Hears(asked).Hears(Cancelled{two}).Hears(Asked{two}).Says(Refused{two}).Act("1", saga.Done)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.play(t, sagatest.Group(t, group(does, undoes))) })
	}
}

func TestADoThatSaysNothingHasNotActed(t *testing.T) {
	quiet := saga.Does(func(j *Job, e saga.Event[Asked]) []saga.Fact {
		if shelves.Get(e, "s").Free == 0 {
			return nil
		}
		return begin(j, e)
	}, saga.Says[Begun]())
	s := sagatest.Group(t, group(quiet))
	dropped(t, s.Hears(asked), "not acted")
	s.Act("1", saga.New).Given(&Shelf{"s", 1}).Hears(asked).Says(begun).Act("1", saga.Done)
}

func TestAJudgeAnswersAlsoWhenThereIsNothingToUndo(t *testing.T) {
	s := sagatest.Group(t, group(does, saga.Undoes(undo, saga.EvenIfNothing(), saga.Upon[Cancelled](), saga.Says[Undone](), saga.Says[Nothing]())))
	s.Hears(cancelled).Says(nothing).Act("1", saga.Barred)
	dropped(t, s.Hears(cancelled), "barred already")
	s.Hears(asked).Says(refused).Act("1", saga.Refused)
}

// A verdict moves the act as its line says, whether there was anything to undo or not: after the end nothing revives a saga.
func TestAVerdictUponNothingMovesTheActAsItsLineSays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		line  saga.Option
		state saga.State
	}{
		{"Says leaves a mark", saga.Says[Nothing](), saga.Barred},
		{"ClosesWith", saga.ClosesWith[Nothing](), saga.Closed},
		{"Ends", saga.Ends[Nothing](), saga.Closed},
		{"Fails", saga.Fails[Nothing](), saga.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sagatest.Group(t, group(does, saga.Undoes(undo, saga.EvenIfNothing(), saga.Upon[Cancelled](), saga.Says[Undone](), tt.line)))
			s.Hears(cancelled).Says(nothing).Act("1", tt.state)
			j, _ := sagatest.Load[Job](s.World(), "1")
			if marked := !j.MarkUntil().IsZero(); marked != (tt.state == saga.Barred) {
				t.Errorf("an act that is %s has a mark: %v", tt.state, marked)
			}
			if tt.state == saga.Barred {
				s.Hears(asked).Says(refused)
			} else {
				dropped(t, s.Hears(asked), "already "+string(tt.state))
			}
		})
	}
}

func TestAMarkIsKeptForTwoLivesAndRenewed(t *testing.T) {
	s := sagatest.Group(t, group(does, undoes, saga.Life(time.Hour)))
	until := func(want time.Time) {
		t.Helper()
		if j, _ := sagatest.Load[Job](s.World(), "1"); !j.MarkUntil().Equal(want) {
			t.Fatalf("the mark is kept until %v, want %v", j.MarkUntil(), want)
		}
	}
	s.Hears(cancelled)
	until(sagatest.Epoch.Add(2 * time.Hour))
	if j, _ := sagatest.Load[Job](s.World(), "1"); j.MarkedBy() != "job.cancelled" {
		t.Errorf("marked by %q", j.MarkedBy())
	}
	s.Passes(time.Hour).Hears(cancelled)
	until(sagatest.Epoch.Add(3 * time.Hour))
	s.Hears(asked)
	until(time.Time{}) // a refused act is the business's own record, no mark
	if j, _ := sagatest.Load[Job](s.World(), "1"); j.MarkedBy() != "" {
		t.Errorf("a refused act is marked by %q", j.MarkedBy())
	}
}

func TestASagaThatIsTooOldIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		life saga.Part
		age  time.Duration
		want saga.Fact
	}{
		{"as old as a saga may be", saga.Life(time.Hour), time.Hour, begun},
		{"older", saga.Life(time.Hour), time.Hour + time.Nanosecond, refused},
		{"a day by default", saga.Life(saga.DefaultLife), 24 * time.Hour, begun},
		{"a day and a bit by default", saga.Life(saga.DefaultLife), 24*time.Hour + 1, refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sagatest.Group(t, group(does, undoes, tt.life)).HearsLate(asked, tt.age).Says(tt.want)
			if tt.want == refused {
				s.Act("1", saga.Refused)
				dropped(t, s.Hears(asked), "already refused")
			}
		})
	}
	t.Run("what has been done is not done again, however late it comes again", func(t *testing.T) {
		dropped(t, sagatest.Group(t, group(does, undoes)).Hears(asked).HearsLate(asked, 25*time.Hour), "already done")
	})
}

// Who answers from outside does not know when a saga began: the act that waits does, and says so with what comes of the answer, also after
// a second wait, and after an effect.
func TestAnAnswerFromOutsideLeavesASagaAsOldAsItIs(t *testing.T) {
	inform := saga.Then(func(j *Job, e saga.Event[Checked]) []saga.Fact {
		letters.Request(e, letter{j.ID})
		return nil
	}, saga.Requests(letters), saga.Closes())
	asks := group(saga.Does(begin, saga.Says[Begun]()),
		saga.Within(time.Hour, saga.Then(advance, saga.Says[Advanced]()), saga.Else(giveUp, saga.Fails[GivenUp]())),
		saga.Within(time.Hour, inform, saga.Else(giveUpChecking, saga.Fails[GivenUp]())),
		saga.Performs(letters, time.Minute, write, saga.Performed(func(_ letter, why saga.Cause) []saga.Fact { return saga.Say(wrote{why.Key}) }, saga.Says[wrote]())))
	heard := map[string]time.Duration{} // how old the saga was then
	age := func(why saga.Cause) { heard[why.Type] = why.Time.Sub(why.Started) }
	listens := saga.Define("listeners", saga.Documents(lines), saga.Records(age, saga.Upon[Advanced](), saga.Upon[wrote]()))
	w := sagatest.New(asks, listens)
	for _, step := range []saga.Fact{asked, answered, checked} {
		w.Say(step)
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
		if err := w.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if heard["job.advanced"] != time.Minute || heard["letter.written"] != 2*time.Minute {
		t.Errorf("the saga is as old as %v", heard)
	}
}

func TestAfterThePivotAnUndoIsTooLateOnce(t *testing.T) {
	g := group(does,
		saga.Then(advance, saga.Pivots(), saga.Says[Advanced]()),
		saga.Undoes(undo, saga.Upon[Cancelled](), saga.TooLate(late), saga.Says[Undone](), saga.Says[TooLate]()))
	s := sagatest.Group(t, g).Hears(asked).Hears(answered).Says(advanced).Hears(cancelled).Says(tooLate).Act("1", saga.Done)
	dropped(t, s.Hears(cancelled), "refused before")
	s.Keeps(&Job{ID: "1", Did: 1, Advanced: 1})

	t.Run("before it, it is not", func(t *testing.T) {
		sagatest.Group(t, g).Hears(asked).Hears(cancelled).Says(undone).Act("1", saga.Undone)
	})
	t.Run("a pivot that fails is none", func(t *testing.T) {
		g := group(does, saga.Then(decline, saga.Pivots(), saga.Fails[Refused]()),
			saga.Undoes(undo, saga.Upon[Cancelled](), saga.TooLate(late), saga.Says[Undone](), saga.Says[TooLate]()))
		s := sagatest.Group(t, g).Hears(asked).Hears(declined).Says(refused)
		if j, _ := sagatest.Load[Job](s.World(), "1"); j.Pivoted() {
			t.Error("a refused act has passed its pivot")
		}
		dropped(t, s.Hears(cancelled), "already refused")
	})
}

// A refusal that comes late moves the act as its line says, as any other verdict does.
func TestALateRefusalMovesTheActAsItsLineSays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		line  []saga.Option
		state saga.State
	}{
		{"Says leaves it done", []saga.Option{saga.Says[TooLate]()}, saga.Done},
		{"ClosesWith", []saga.Option{saga.ClosesWith[TooLate]()}, saga.Closed},
		{"ClosesWith of what it does not say", []saga.Option{saga.Says[TooLate](), saga.ClosesWith[Nothing]()}, saga.Done},
		{"Closes", []saga.Option{saga.Says[TooLate](), saga.Closes()}, saga.Closed},
		{"Ends", []saga.Option{saga.Ends[TooLate]()}, saga.Closed},
		{"Fails", []saga.Option{saga.Fails[TooLate]()}, saga.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sagatest.Group(t, group(does,
				saga.Then(advance, saga.Pivots(), saga.Says[Advanced]()),
				saga.Within(time.Minute, saga.Then(check, saga.Says[Advanced]()), saga.Else(giveUp, saga.Says[GivenUp]())),
				saga.Undoes(undo, append(tt.line, saga.Upon[Cancelled](), saga.TooLate(late), saga.Says[Undone]())...)))
			s.Hears(asked).Hears(answered).Says(advanced).Hears(cancelled).Says(tooLate).Act("1", tt.state)
			if tt.state == saga.Done {
				dropped(t, s.Hears(cancelled), "refused before")
				s.Hears(checked).Says(advanced)
				return
			}
			dropped(t, s.Hears(cancelled), "already "+string(tt.state))
			if j, _ := sagatest.Load[Job](s.World(), "1"); j.Waiting() != "" {
				t.Errorf("an act that is %s waits for %s", tt.state, j.Waiting())
			}
			dropped(t, s.Hears(checked), "already "+string(tt.state))
		})
	}
}

// waiting waits ten minutes for an answer, and then twenty for a check.
func waiting() *saga.Group {
	return group(does, undoes,
		saga.Within(10*time.Minute,
			saga.Then(advance, saga.Says[Advanced]()),
			saga.Then(decline, saga.Fails[Refused]()),
			saga.Else(giveUp, saga.Fails[GivenUp]())),
		saga.Within(20*time.Minute,
			saga.Then(check, saga.Says[Advanced]()),
			saga.Else(giveUpChecking, saga.Says[GivenUp]())))
}

func TestTheFirstAnswerEndsAWait(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(*testing.T, *sagatest.Script)
	}{
		{"an answer that was not asked for", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(answered), "not done yet")
		}},
		{"the second answer", func(t *testing.T, s *sagatest.Script) {
			s.Hears(asked).Hears(answered).Says(advanced)
			dropped(t, s.Hears(declined), "nobody waits")
			dropped(t, s.Hears(answered), "nobody waits")
			s.Act("1", saga.Done).Keeps(&Job{ID: "1", Did: 1, Advanced: 1})
		}},
		{"the other answer first", func(t *testing.T, s *sagatest.Script) {
			s.Hears(asked).Hears(declined).Says(refused).Act("1", saga.Refused)
			dropped(t, s.Hears(answered), "already refused")
		}},
		{"an answer to the next question", func(t *testing.T, s *sagatest.Script) {
			dropped(t, s.Hears(asked).Hears(checked), "nobody waits")
			s.Hears(answered).Says(advanced).Hears(checked).Says(advanced)
			dropped(t, s.Hears(checked), "nobody waits")
		}},
		{"the deadline, and not before it", func(t *testing.T, s *sagatest.Script) {
			s.Hears(asked).Passes(10*time.Minute-time.Nanosecond).SaysNothing().Passes(time.Nanosecond).Says(givenUp).Act("1", saga.Refused)
			dropped(t, s.Hears(answered), "already refused")
		}},
		{"the deadline passes once", func(_ *testing.T, s *sagatest.Script) {
			s.Hears(asked).Passes(10 * time.Minute).Says(givenUp).Passes(100 * time.Hour).SaysNothing()
		}},
		{"an answer stops the deadline, and the next wait begins with it", func(_ *testing.T, s *sagatest.Script) {
			s.Hears(asked).Passes(9*time.Minute).Hears(answered).
				Passes(20*time.Minute-time.Nanosecond).SaysNothing().
				Passes(time.Nanosecond).Says(givenUp).Act("1", saga.Done).
				Passes(100 * time.Hour).SaysNothing()
		}},
		{"an undo stops the deadline", func(_ *testing.T, s *sagatest.Script) {
			s.Hears(asked).Hears(cancelled).Says(undone).Passes(100 * time.Hour).SaysNothing()
		}},
		{"a deadline of its own for each saga", func(_ *testing.T, s *sagatest.Script) {
			two := work{"2"}
			s.Hears(asked).Passes(5 * time.Minute).Hears(Asked{two}).
				Passes(5 * time.Minute).Says(givenUp).Passes(5 * time.Minute).Says(GivenUp{two})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.play(t, sagatest.Group(t, waiting())) })
	}
}

// Who asks the same again and again hears the same answer each time: one answer ends one wait.
func TestOneAnswerEndsOneWait(t *testing.T) {
	again := saga.Then(advance, saga.Says[Advanced]())
	g := group(does,
		saga.Within(10*time.Minute, again, saga.Else(giveUp, saga.Fails[GivenUp]())),
		saga.Within(10*time.Minute, again, saga.Else(giveUpChecking, saga.Fails[GivenUp]())))
	s := sagatest.Group(t, g).Hears(asked).
		Hears(answered).Says(advanced).Keeps(&Job{ID: "1", Did: 1, Advanced: 1}).
		Hears(answered).Says(advanced).Keeps(&Job{ID: "1", Did: 1, Advanced: 2})
	dropped(t, s.Hears(answered), "nobody waits")

	t.Run("in whatever order the waits' lines stand beside others", func(t *testing.T) {
		g := group(does, saga.Within(time.Minute, again, saga.Else(giveUp, saga.Fails[GivenUp]())), saga.Then(heed, saga.Says[Advanced](), saga.Closes()))
		sagatest.Group(t, g).Hears(asked).Hears(answered).Says(advanced, advanced).Act("1", saga.Closed)
	})
}

// What begins an act can't be what comes after it.
func TestAFactThatBeginsAnActDoesNotContinueIt(t *testing.T) {
	goOn := func(j *Job, _ saga.Event[Asked]) []saga.Fact { return j.advance() }
	for name, line := range map[string]saga.Part{
		"while it is done":        saga.Then(goOn, saga.Says[Advanced]()),
		"as the answer to a wait": saga.Within(time.Minute, saga.Then(goOn, saga.Says[Advanced]()), saga.Else(giveUp, saga.Fails[GivenUp]())),
	} {
		t.Run(name, func(t *testing.T) {
			sagatest.Group(t, group(does, line)).Hears(asked).Says(begun).
				Hears(asked).Says(advanced).Act("1", saga.Done)
		})
	}
}

// What a deadline says belongs to the saga in which somebody waited.
func TestADeadlineKnowsItsSaga(t *testing.T) {
	s := sagatest.Group(t, waiting()).HearsLate(asked, time.Hour)
	j, _ := sagatest.Load[Job](s.World(), "1")
	if want := sagatest.Epoch.Add(-time.Hour); !j.Started().Equal(want) || j.Waiting() != "giveUp" || !j.WaitsUntil().Equal(sagatest.Epoch.Add(10*time.Minute)) {
		t.Fatalf("waits in %q until %v, in a saga that began at %v; want %v", j.Waiting(), j.WaitsUntil(), j.Started(), want)
	}
	s.Passes(10 * time.Minute).Says(givenUp)
	if j, _ := sagatest.Load[Job](s.World(), "1"); !j.Started().IsZero() || j.Waiting() != "" {
		t.Error("an act that waits no more still knows what it waited for")
	}
}

// A runtime may call a deadline late, twice, or too early.
func TestADeadlineThatIsNotDueDoesNothing(t *testing.T) {
	g := waiting()
	s := sagatest.Group(t, g).Hears(asked)
	j, _ := sagatest.Load[Job](s.World(), "1")
	var w saga.Working
	w.Put(jobs, "1", j, true)
	deadline := func(at time.Duration) saga.Outcome {
		return g.React(&w, saga.Cause{Envelope: saga.Envelope{Type: saga.DeadlineType, Key: "1", Time: sagatest.Epoch.Add(at)}})
	}
	if out := deadline(10*time.Minute - time.Microsecond); out.Dropped != "no deadline is due" || len(out.Facts) > 0 {
		t.Errorf("too early: %+v", out)
	}
	if out := deadline(10 * time.Minute); !slices.Equal(out.Facts, saga.Say(givenUp)) {
		t.Errorf("in time: %+v", out)
	}
	if out := deadline(11 * time.Minute); out.Dropped != "no deadline is due" || len(out.Facts) > 0 {
		t.Errorf("again: %+v", out)
	}
}

func TestAReactionMovesItsActAsItsLineSays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		line  saga.Part
		state saga.State
	}{
		{"Says leaves it done", saga.Then(advance, saga.Says[Advanced]()), saga.Done},
		{"Closes", saga.Then(advance, saga.Says[Advanced](), saga.Closes()), saga.Closed},
		{"ClosesWith what it says", saga.Then(advance, saga.ClosesWith[Advanced]()), saga.Closed},
		{"ClosesWith what it does not say", saga.Then(advance, saga.Says[Advanced](), saga.ClosesWith[Finished]()), saga.Done},
		{"Ends", saga.Then(advance, saga.Ends[Advanced]()), saga.Closed},
		{"Fails", saga.Then(advance, saga.Fails[Advanced]()), saga.Refused},
		{"Fails before Closes", saga.Then(advance, saga.Fails[Advanced](), saga.Closes()), saga.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sagatest.Group(t, group(does, undoes, tt.line)).Hears(asked).Hears(answered).Says(advanced).Act("1", tt.state)
			if tt.state.Final() { // and then nothing revives it
				dropped(t, s.Hears(answered), "already "+string(tt.state))
				dropped(t, s.Hears(cancelled), "already "+string(tt.state))
				dropped(t, s.Hears(asked), "already "+string(tt.state))
			} else {
				s.Hears(answered).Says(advanced).Hears(cancelled).Says(undone)
			}
		})
	}
	t.Run("a do that fails is refused, and waits for nobody", func(t *testing.T) {
		full := saga.Does(sayNo, saga.Fails[Refused]())
		s := sagatest.Group(t, group(full, saga.Within(time.Minute, saga.Then(advance, saga.Says[Advanced]()), saga.Else(giveUp, saga.Says[GivenUp]()))))
		s.Hears(asked).Says(refused).Act("1", saga.Refused).Passes(time.Hour).SaysNothing()
	})
	t.Run("an undo that fails is refused", func(t *testing.T) {
		sagatest.Group(t, group(does, saga.Undoes(undo, saga.Upon[Cancelled](), saga.Fails[Undone]()))).
			Hears(asked).Hears(cancelled).Says(undone).Act("1", saga.Refused)
	})
}

// A refusal changes nothing but what its own act's document says of it, and says nothing that others could take for a success.
func TestARefusalChangesNothingElse(t *testing.T) {
	here := ` \(saga/jobs_test\.go:\d+\) `
	for want, refuse := range map[string]func(*Job, saga.Event[Asked]) []saga.Fact{
		"": func(j *Job, e saga.Event[Asked]) []saga.Fact {
			j.Followed = 1
			return sayNo(j, e)
		},
		`\S+` + here + `refuses and changes shelves: a refusal changes nothing but its own act's document; leave it to who hears what it says`: func(j *Job, e saga.Event[Asked]) []saga.Fact {
			shelves.Get(e, "s").Free--
			return sayNo(j, e)
		},
		`\S+` + here + `refuses and changes lines: .*`: func(j *Job, e saga.Event[Asked]) []saga.Fact {
			lines.Add(e, Line{j.ID, "refused"})
			return sayNo(j, e)
		},
		`\S+` + here + `refuses and requests letter: .*`: func(j *Job, e saga.Event[Asked]) []saga.Fact {
			letters.Request(e, letter{})
			return sayNo(j, e)
		},
		`\S+` + here + `refuses and says job\.begun, which is no failure: say what its line declares with saga\.Fails, or saga\.Ends`: begin,
	} {
		t.Run(want, func(t *testing.T) {
			g := group(undoes, saga.Does(begin, saga.Refuses(refuse), saga.Says[Begun](), saga.Fails[Refused](), saga.Uses(shelves, lines), saga.Requests(letters)),
				saga.Performs(letters, time.Minute, func(context.Context, string, letter) error { return nil }))
			var w saga.Working
			w.Put(jobs, "1", &Job{ID: "1"}, false)
			w.Put(shelves, "s", &Shelf{"s", 1}, true)
			g.React(&w, hearing(cancelled))
			out := g.React(&w, hearing(asked))
			if want == "" {
				if out.Err != nil || !slices.Equal(out.Facts, saga.Say(refused)) || w.Find(jobs, "1").Value.(*Job).Followed != 1 {
					t.Errorf("a refusal that writes into its own document: %+v", out)
				}
				return
			}
			if out.Err == nil || !regexp.MustCompile(`^workers\.`+want+"$").MatchString(out.Err.Error()) {
				t.Errorf("the error is\n  %v\nwant\n  workers.%s", out.Err, want)
			}
		})
	}
}

// inEveryState is how an act comes into each of its states.
func inEveryState() map[saga.State][]saga.Fact {
	return map[saga.State][]saga.Fact{
		saga.New: nil, saga.Done: {asked}, saga.Undone: {asked, cancelled}, saga.Barred: {cancelled},
		saga.Refused: {cancelled, asked}, saga.Closed: {asked, answered},
	}
}

func TestWhatFollowsRunsInEveryState(t *testing.T) {
	g := group(does, undoes, saga.Then(advance, saga.ClosesWith[Advanced]()), saga.Follows(follow, saga.Upon[Reported]()))
	for state, way := range inEveryState() {
		s := sagatest.Group(t, g)
		for _, f := range way {
			s.Hears(f)
		}
		s.Act("1", state).Hears(reported).SaysNothing().Hears(reported).SaysNothing().Act("1", state)
		if j, _ := sagatest.Load[Job](s.World(), "1"); j.Followed != 2 {
			t.Errorf("in state %q it followed %d times, want 2", state, j.Followed)
		}
	}
}

func TestRecordsOnlyRecord(t *testing.T) {
	records := saga.Records(record, saga.Uses(lines), saga.Upon[Reported](), saga.Upon[Asked]())
	g := group(does, undoes, saga.Then(advance, saga.ClosesWith[Advanced]()), records)
	for state, way := range inEveryState() {
		s := sagatest.Group(t, g)
		for _, f := range way {
			s.Hears(f)
		}
		before := len(sagatest.Rows[Line](s.World()))
		s.Act("1", state).Hears(reported).SaysNothing().Act("1", state)
		if rows := sagatest.Rows[Line](s.World()); len(rows) != before+1 || *rows[before] != (Line{"1", "job.reported"}) {
			t.Errorf("in state %q the journal has %d rows more, want 1", state, len(rows)-before)
		}
		if _, exists := sagatest.Load[Job](s.World(), "1"); exists != (state != saga.New) {
			t.Errorf("in state %q: a record made or unmade the job's row", state)
		}
	}
	if g.Minds("job.reported") || !g.Minds("job.asked") || !g.Hears("job.reported") || g.MovesAct("job.reported") || !g.MovesAct("job.asked") {
		t.Error("a group minds what it does more with than to record it, and no more")
	}
}

func TestWhatDoesNotConcernAGroupLeavesNoTrace(t *testing.T) {
	mine := saga.Concerns(func(f interface{ Key() string }) bool { return f.Key() != "other" })
	g := group(mine, does, undoes, saga.Records(record, saga.Uses(lines), saga.Upon[Asked]()),
		saga.Once(saga.AllOf(saga.Heard[Reported](), saga.Heard[Checked]()), finish, saga.Ends[Finished]()))
	other := work{"other"}
	for _, f := range saga.Say(Asked{other}, Cancelled{other}, Reported{other}, Checked{other}) {
		s := sagatest.Group(t, g)
		dropped(t, s.Hears(f), "passes by")
		if _, exists := sagatest.Load[Job](s.World(), "other"); exists || len(sagatest.Rows[Line](s.World())) > 0 {
			t.Errorf("%s, which does not concern the group, left a row", f.EventType())
		}
	}
	sagatest.Group(t, g).Hears(asked).Says(begun)
	t.Run("a fact without the methods it asks for does", func(t *testing.T) {
		strange := saga.Concerns(func(f interface{ NobodyHasThis() }) bool { return false })
		sagatest.Group(t, group(strange, does)).Hears(asked).Says(begun)
	})
}

func TestReactionsToOneEventRunInTheirOrder(t *testing.T) {
	both := group(saga.Follows(follow, saga.Upon[Asked]()), does,
		saga.Once(saga.Heard[Asked](), finish, saga.Says[Finished]()), saga.Records(record, saga.Uses(lines), saga.Upon[Asked]()))
	s := sagatest.Group(t, both).Hears(asked).Says(begun, finished).Keeps(&Job{ID: "1", Did: 1, Followed: 1})
	if ran := s.World().History[0].Ran; !slices.Equal(ran, []string{"follow", "begin", "finish", "record"}) {
		t.Errorf("ran %v", ran)
	}
}
