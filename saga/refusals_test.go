package saga_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

// stored is a working set with one job and one shelf, and what they were.
type stored struct {
	saga.Working
	images [][]byte
}

func newStored() *stored {
	s := &stored{}
	s.Put(jobs, "1", &Job{ID: "1", Did: 40}, true)
	s.Put(shelves, "s", &Shelf{"s", 1}, true)
	s.images = s.encoded()
	return s
}

func (s *stored) encoded() (out [][]byte) {
	for _, d := range s.Documents() {
		out = append(out, saga.Encode(nil, d.Table, d.Value))
	}
	return out
}

// unchanged: the working set is as it was, and holds nothing to save.
func (s *stored) unchanged(t *testing.T) {
	t.Helper()
	if !slices.EqualFunc(s.encoded(), s.images, bytes.Equal) {
		t.Error("documents have changed")
	}
	if slices.ContainsFunc(s.Documents(), func(d *saga.Document) bool { return d.Dirty }) || len(s.Rows()) > 0 {
		t.Error("the working set has something to save")
	}
}

func hearing(f saga.Fact) saga.Cause {
	return saga.Cause{Fact: f, Envelope: saga.Envelope{ID: "id", Type: f.EventType(), Key: f.Key(), Time: sagatest.Epoch, Started: sagatest.Epoch}}
}

// broken are reactions that do what they must not, after they have changed all that they can. Each is refused with an
// error that contains these words, and the file and line of the reaction.
func broken() map[string]saga.Part {
	spoil := func(j *Job, c saga.Asking) *Shelf {
		j.Did, j.Advanced = 7, 7
		lines.Add(c, Line{"1", "spoiled"})
		s := shelves.Get(c, "s")
		s.Free = 7
		return s
	}
	uses := saga.Uses(shelves, lines)
	return map[string]saga.Part{
		`workers\.func\S+ says job\.undeclared, which it does not declare: add saga\.Says\[\.\.\.\]\(\) for it to its line \(saga/refusals_test\.go:\d+\)`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				return saga.Say(begun, Undeclared{one})
			}, uses, saga.Says[Begun]()),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) says job\.invalid, which is not valid: no good`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				return saga.Say(Invalid{one, "no good"})
			}, uses, saga.Says[Invalid]()),
		`workers\.func\S+ changes shelves, which it does not declare: add saga\.Uses\(shelves\) to its line \(saga/refusals_test\.go:\d+\)`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				return saga.Say(begun)
			}, saga.Uses(lines), saga.Says[Begun]()),
		`workers\.func\S+ changes lines, which it does not declare: add saga\.Uses\(lines\) to its line \(saga/refusals_test\.go:\d+\)`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				return saga.Say(begun)
			}, saga.Uses(shelves), saga.Says[Begun]()),
		`workers\.func\S+ changes jobs, which it does not declare: add saga\.Uses\(jobs\) to its line \(saga/refusals_test\.go:\d+\)`: saga.On(
			func(e saga.Event[Asked]) []saga.Fact {
				spoil(jobs.Get(e, "1"), e)
				return nil
			}, uses),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) records, so it can't change shelves: make it a saga\.On, with saga\.Uses\(shelves\)`: saga.Records(
			func(c saga.Cause) { shelves.Get(c, "s").Free = 7 }, saga.Upon[Asked]()),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) leaves shelves "s" broken: a shelf has nothing less than nothing`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e).Free = -1
				return saga.Say(begun)
			}, uses, saga.Says[Begun]()),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) changes (jobs|shelves|lines) and says nothing: a do that says nothing has not acted`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				return nil
			}, uses, saga.Says[Begun]()),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) panics upon job\.asked, at saga/refusals_test\.go:\d+: the floor is wet`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e)
				panic("the floor is wet")
			}, uses, saga.Says[Begun]()),
		`workers\.func\S+ \(saga/refusals_test\.go:\d+\) panics upon job\.asked, at saga/refusals_test\.go:\d+: runtime error: integer divide by zero`: saga.Does(
			func(j *Job, e saga.Event[Asked]) []saga.Fact {
				spoil(j, e).Free /= len(e.Trace)
				return saga.Say(begun)
			}, uses, saga.Says[Begun]()),
	}
}

// P10: what is not declared can't be said, nor changed; and who does it changes nothing.
func TestWhatIsNotDeclaredIsRefusedAndTakenBack(t *testing.T) {
	for want, part := range broken() {
		t.Run(want, func(t *testing.T) {
			// What other reactions to the same event did is taken back too.
			before := saga.On(func(e saga.Event[Asked]) []saga.Fact {
				shelves.Get(e, "s").Free++
				lines.Add(e, Line{"1", "before"})
				return saga.Say(Reported{one})
			}, saga.Uses(shelves, lines), saga.Says[Reported]())
			g := group(asJoinPart(), before, part)
			w := newStored()
			out := g.React(&w.Working, hearing(asked))
			if out.Err == nil || !regexp.MustCompile("^"+want+"$").MatchString(out.Err.Error()) {
				t.Fatalf("the error is\n  %v\nwant\n  %s", out.Err, want)
			}
			if len(out.Facts) > 0 || len(out.Ran) > 0 || out.Needs != nil {
				t.Errorf("beside the error there is %+v", out)
			}
			w.unchanged(t)
			// And the working set is as good as before: the batch goes on with it.
			w2 := newStored()
			good := group(does, saga.Then(advance, saga.Says[Advanced]()))
			good.React(&w.Working, hearing(answered)) // nobody asked: no change
			w.unchanged(t)
			if a, b := good.React(&w.Working, hearing(asked)), good.React(&w2.Working, hearing(asked)); len(a.Facts) != 1 || len(b.Facts) != 1 ||
				!slices.EqualFunc(w.encoded(), w2.encoded(), bytes.Equal) || !w.Find(jobs, "1").Dirty {
				t.Errorf("the next event finds a spoiled working set: %+v", a)
			}
		})
	}
}

// Reactions to one event are each held to their own line.
func TestEachReactionIsHeldToItsOwnLine(t *testing.T) {
	take := func(e saga.Event[Asked]) []saga.Fact {
		shelves.Get(e, "s").Free--
		return nil
	}
	takeMore := func(e saga.Event[Asked]) []saga.Fact {
		shelves.Get(e, "s").Free += 2
		return nil
	}
	honest := saga.On(take, saga.Uses(shelves))
	for _, tt := range []struct {
		name  string
		group *saga.Group
		ok    bool
	}{
		{"a do after one that uses the shelf", group(honest, does), true},
		{"a do that says nothing after one that uses the shelf", group(honest, saga.Does(func(*Job, saga.Event[Asked]) []saga.Fact { return nil })), true},
		{"an act's change is no reaction's beside it", group(doesLater(), undoesUponAsked(), saga.On(take, saga.Uses(shelves))), true},
		{"nor is what the joins remember", group(saga.On(func(saga.Event[Asked]) []saga.Fact { return nil }), asJoinPart()), true},
		{"the second one does not say that it uses the shelf", group(honest, saga.On(takeMore)), false},
		{"nor does the first", group(saga.On(takeMore), honest), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStored()
			if out := tt.group.React(&w.Working, hearing(asked)); (out.Err == nil) != tt.ok {
				t.Errorf("error %v, want none: %v", out.Err, tt.ok)
			}
		})
	}
}

func asJoinPart() saga.Part {
	return saga.Once(saga.AllOf(saga.Heard[Asked](), saga.Heard[Checked]()), finish, saga.Ends[Finished]())
}

// doesLater is an act that another fact begins.
func doesLater() saga.Part {
	return saga.Does(decline, saga.Refuses(decline), saga.Fails[Refused]())
}

// undoesUponAsked leaves a mark upon the fact that the other reactions hear.
func undoesUponAsked() saga.Part { return saga.Undoes(undo, saga.Upon[Asked](), saga.Says[Undone]()) }

// needy asks for one document, then for two at once, and has changed one before it asks for the others.
func needy() *saga.Group {
	return group(saga.Does(func(j *Job, e saga.Event[Asked]) []saga.Fact {
		j.Did++
		lines.Add(e, Line{"1", "needy"})
		shelves.Get(e, "a").Free++
		for _, s := range shelves.All(e, "b", "c") {
			s.Free++
		}
		return saga.Say(begun)
	}, saga.Uses(shelves, lines), saga.Says[Begun]()))
}

func TestAReactionIsRunAgainOnceItsDocumentsAreThere(t *testing.T) {
	g := needy()
	var w saga.Working
	var asks []string
	for {
		out := g.React(&w, hearing(asked))
		if out.Needs == nil {
			if !slices.Equal(out.Facts, saga.Say(begun)) || out.Err != nil {
				t.Errorf("with all documents: %+v", out)
			}
			break
		}
		if len(out.Facts) > 0 || out.Err != nil || len(w.Rows()) > 0 {
			t.Errorf("before all documents were there: %+v, %d rows", out, len(w.Rows()))
		}
		var keys []string
		for _, n := range out.Needs {
			keys = append(keys, n.Table.Name()+"/"+n.Key)
			w.Put(n.Table, n.Key, n.Table.New(n.Key), false)
		}
		asks = append(asks, strings.Join(keys, "+"))
	}
	if want := []string{"jobs/1", "shelves/a", "shelves/b+shelves/c"}; !slices.Equal(asks, want) {
		t.Errorf("asks for %v, want %v", asks, want)
	}
	if j := w.Find(jobs, "1").Value.(*Job); j.Did != 1 {
		t.Errorf("did %d times, want once", j.Did)
	}
	for _, key := range []string{"a", "b", "c"} {
		if d := w.Find(shelves, key); d.Value.(*Shelf).Free != 1 || !d.Dirty {
			t.Errorf("shelf %s: %+v", key, d)
		}
	}
	if len(w.Rows()) != 1 {
		t.Errorf("%d rows in the journal, want 1", len(w.Rows()))
	}
}

func TestAJoinThatIsCompletedNeedsItsDocuments(t *testing.T) {
	g := group(saga.Once(saga.Heard[Asked](), func(j *Job, why saga.Cause) []saga.Fact {
		shelves.Get(why, "far")
		return finish(j, why)
	}, saga.Ends[Finished]()))
	w := newStored()
	if out := g.React(&w.Working, hearing(asked)); len(out.Needs) != 1 || out.Needs[0].Key != "far" {
		t.Errorf("needs %v, want what the end reads", out.Needs)
	}
	w.unchanged(t)
}

func TestEventsOfABatchSeeEachOthersChanges(t *testing.T) {
	take := saga.Does(func(_ *Job, e saga.Event[Asked]) []saga.Fact {
		s := shelves.Get(e, "s")
		if s.Free == 0 {
			return saga.Say(Refused{e.Fact.work})
		}
		s.Free--
		return saga.Say(Begun{e.Fact.work})
	}, saga.Uses(shelves), saga.Says[Begun](), saga.Fails[Refused]())
	w := newStored()
	w.Put(jobs, "2", &Job{ID: "2"}, false)
	g := group(take)
	first, second := g.React(&w.Working, hearing(asked)), g.React(&w.Working, hearing(Asked{work{"2"}}))
	if !slices.Equal(first.Facts, saga.Say(begun)) || !slices.Equal(second.Facts, saga.Say(Refused{work{"2"}})) {
		t.Errorf("of one thing on the shelf, two jobs got %v and %v", first.Facts, second.Facts)
	}
}

func TestAGroupDecodesWhatItHearsAndNothingElse(t *testing.T) {
	g := group(saga.On(func(saga.Event[Invalid]) []saga.Fact { return nil }))
	for data, want := range map[string]string{
		`{"ID":"1","Unknown":2}`:       "",
		`{"ID":"1","Fault":"no good"}`: "job.invalid is not valid: no good",
		`{"ID":1}`:                     "job.invalid does not parse: ",
		`{"ID":"1","ID":"2"}`:          "job.invalid does not parse: ",
		`{"ID":"1"} {}`:                "job.invalid does not parse: ",
		``:                             "job.invalid does not parse: ",
	} {
		f, err := g.Decode("job.invalid", []byte(data))
		if want == "" {
			if err != nil || f != (Invalid{work: one}) {
				t.Errorf("%s: %v, %v", data, f, err)
			}
		} else if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", data, err, want)
		}
	}
	if _, err := g.Decode("job.asked", []byte(`{"ID":"1"}`)); err == nil || err.Error() != "workers does not hear job.asked" {
		t.Errorf("a fact that the group does not hear: %v", err)
	}
}
