package saga_test

import (
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

// asJoin is the end that waits for "asked, and answered or declined".
func asJoin() *saga.Group {
	return group(saga.Once(saga.AllOf(saga.Heard[Asked](), saga.AnyOf(saga.Heard[Answered](), saga.Heard[Declined]())), finish, saga.Ends[Finished]()))
}

func TestAJoinHoldsInAnyOrderAndOnce(t *testing.T) {
	for _, tt := range []struct {
		hears []saga.Fact
		at    int // which of them completes it; -1: none
	}{
		{[]saga.Fact{asked, answered}, 1},
		{[]saga.Fact{answered, asked}, 1},
		{[]saga.Fact{declined, asked}, 1},
		{[]saga.Fact{asked, asked, asked}, -1},
		{[]saga.Fact{answered, declined, answered}, -1},
		{[]saga.Fact{answered, declined, answered, asked}, 3},
		{[]saga.Fact{asked, declined, answered, asked, declined}, 1},
		{[]saga.Fact{Asked{work{"2"}}, answered}, -1},
	} {
		var names []string
		s := sagatest.Group(t, asJoin())
		for i, f := range tt.hears {
			names = append(names, f.EventType())
			if s.Hears(f); i == tt.at {
				s.Says(finished).Act("1", saga.Closed)
			} else {
				s.SaysNothing()
			}
		}
		if ended := tt.at >= 0; ended != (s.World().TimesSaid("job.finished", "1") == 1) {
			t.Errorf("%s: ended is not %v", strings.Join(names, ", "), ended)
		}
	}
	c := asJoin().Reactions()[0].Condition
	if got, want := c.String(), "job.asked and (job.answered or job.declined)"; got != want {
		t.Errorf("the condition reads %q, want %q", got, want)
	}
}

func TestAJoinOfAnActThatIsOverHoldsNoMore(t *testing.T) {
	g := group(does, undoes, saga.Once(saga.AllOf(saga.Heard[Asked](), saga.Heard[Answered]()), finish, saga.Ends[Finished]()))
	sagatest.Group(t, g).Hears(asked).Says(begun).Hears(cancelled).Says(undone).Hears(answered).SaysNothing().Act("1", saga.Undone)
	sagatest.Group(t, g).Hears(answered).Hears(asked).Says(begun, finished).Act("1", saga.Closed)

	for name, condition := range map[string]saga.Condition{
		"that holds":                saga.Heard[Asked](),
		"that has heard part of it": saga.AllOf(saga.Heard[Asked](), saga.Heard[Checked]()),
	} {
		s := sagatest.Group(t, group(does, undoes, saga.Once(condition, finish, saga.Ends[Finished]())))
		s.HearsLate(asked, 25*time.Hour).Says(refused).Act("1", saga.Refused)
		if j, _ := sagatest.Load[Job](s.World(), "1"); j.Joining() {
			t.Errorf("a join %s goes on after a refusal", name)
		}
	}

	w := newStored()
	g.React(&w.Working, hearing(cancelled))
	w.Saved()
	if g.React(&w.Working, hearing(answered)); w.Find(jobs, "1").Dirty {
		t.Error("an act that is over still remembers what its joins hear")
	}
}
