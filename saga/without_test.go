package saga_test

import (
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

func TestThereIsNoSuchArrow(t *testing.T) {
	for _, tt := range [][2]string{{"begin", "job.cancelled"}, {"nobody", "job.asked"}, {"begin", saga.DeadlineType}} {
		if got, want := panicOf(func() { waiting().Without(tt[0], tt[1]) }), "saga: group workers: no reaction "+tt[0]+" hears "+tt[1]; got != want {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
}
