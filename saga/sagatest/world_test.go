package sagatest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

type bell struct{ ID string }

func (b bell) Key() string { return b.ID }
func (bell) Topic() string { return "bells" }

type (
	Wound struct{ bell }
	Rang  struct{ bell }
	Heard struct{ bell }
	Broke struct{ bell }
)

func (Wound) EventType() string { return "bell.wound" }
func (Rang) EventType() string  { return "bell.rang" }
func (Heard) EventType() string { return "bell.heard" }
func (Broke) EventType() string { return "bell.broke" }

type Bell struct {
	saga.Act
	ID    string
	Tones []int
	Rings int
}

func (b *Bell) Check() error {
	if b.Rings > 1 {
		return errors.New("a bell rings once")
	}
	return nil
}

type Toll struct{ ID string }

var (
	bells = saga.In("bells", func(b *Bell) saga.Columns {
		return saga.Columns{{Name: "id", At: &b.ID}, {Name: "tones", At: saga.JSON(&b.Tones)}, {Name: "rings", At: &b.Rings}}
	})
	tolls = saga.JournalIn("tolls", func(t *Toll) saga.Columns { return saga.Columns{{Name: "id", At: &t.ID}} })
)

func wind(b *Bell, _ saga.Event[Wound]) []saga.Fact { return saga.Say(Heard{bell{b.ID}}) }

func stop(b *Bell, _ saga.Event[Broke]) []saga.Fact { b.Rings = 2; return nil }

func ring(b *Bell, why saga.Cause) []saga.Fact {
	b.Rings++
	b.Tones = append(b.Tones, 440)
	tolls.Add(why, Toll{b.ID})
	return saga.Say(Rang{bell{b.ID}})
}

func clock() *saga.Group {
	return saga.Define("clock", saga.Documents(bells, tolls), saga.Does(wind, saga.Says[Heard]()),
		saga.Within(time.Minute, saga.Then(stop), saga.Else(ring, saga.Uses(tolls), saga.Says[Rang]())))
}

func wound(id string) saga.Fact { return Wound{bell{id}} }

// A test that a misspelt fact was not said would never fail.
func TestWhatNobodyKnowsIsNotCounted(t *testing.T) {
	w := sagatest.New(clock())
	w.Say(Broke{bell{"a"}})
	if w.TimesSaid("bell.broke", "a") != 1 || w.TimesSaid("bell.rang", "a") != 0 {
		t.Error("what was said is not counted, or what was not is")
	}
	defer func() {
		if got, want := recover(), "sagatest: no group here says or hears a fact of type bell.rung: the nearest is bell.rang"; got != want {
			t.Errorf("it panics with %v, want %s", got, want)
		}
	}()
	w.TimesSaid("bell.rung", "a")
}

func TestDeadlinesPassInTheirOrder(t *testing.T) {
	w := sagatest.New(clock())
	advance := func(d time.Duration) {
		t.Helper()
		if err := errors.Join(w.Run(), w.Advance(d)); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"c", "b", "a"} {
		w.Say(wound(id))
		advance(10 * time.Second)
	}
	w.Say(wound("0"), wound("d"))
	advance(29 * time.Second)
	if w.TimesSaid("bell.rang", "c") != 0 {
		t.Error("rang before its time")
	}
	advance(time.Hour)
	var rang []string
	var at []time.Duration
	for _, h := range w.History {
		if h.Cause.Type == saga.DeadlineType {
			rang, at = append(rang, h.Cause.Key), append(at, h.Cause.Time.Sub(sagatest.Epoch))
			if h.Cause.Saga != h.Cause.Key || h.Cause.Started.IsZero() {
				t.Errorf("a deadline of no saga: %+v", h.Cause.Envelope)
			}
		}
	}
	wantAt := []time.Duration{60 * time.Second, 70 * time.Second, 80 * time.Second, 90 * time.Second, 90 * time.Second}
	if !slices.Equal(rang, []string{"c", "b", "a", "0", "d"}) || !slices.Equal(at, wantAt) {
		t.Errorf("rang %v at %v, want the first wound first, and those of one moment by key", rang, at)
	}
	if got, want := w.Now().Sub(sagatest.Epoch), 30*time.Second+29*time.Second+time.Hour; got != want {
		t.Errorf("%v have passed, want %v", got, want)
	}
	if rows := sagatest.Rows[Toll](w); len(rows) != 5 || rows[0].ID != "c" {
		t.Errorf("%d tolls in the journal, want 5", len(rows))
	}
}

// A wait of which no reaction is left (its saga.Else was renamed, or a test has taken it out) would be due for ever.
func TestAWaitThatNothingEndsIsAnError(t *testing.T) {
	w := sagatest.New(clock().Without("ring", saga.DeadlineType))
	w.Say(wound("a"))
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	if err := w.Advance(time.Hour); err == nil || !strings.Contains(err.Error(), "clock in the saga a waits for ring") {
		t.Errorf("%v", err)
	}
}

func TestOutsideAnswersEachFactOnce(t *testing.T) {
	w := sagatest.New(clock())
	var asked []string
	w.Outside = func(f saga.Fact) []saga.Fact {
		asked = append(asked, f.EventType())
		if f.EventType() == "bell.rang" {
			return saga.Say(wound("next"))
		}
		return nil
	}
	w.Say(wound("a"))
	if err := errors.Join(w.Run(), w.Advance(time.Minute)); err != nil {
		t.Fatal(err)
	}
	want := []string{"bell.wound", "bell.heard", "bell.rang", "bell.wound", "bell.heard"}
	if !slices.Equal(asked, want) || !slices.Equal(w.Types(), want) {
		t.Errorf("asked %v, said %v, want %v", asked, w.Types(), want)
	}
}

func TestACircleEndsWithAnError(t *testing.T) {
	back := func(e saga.Event[Rang]) []saga.Fact { return saga.Say(Heard{e.Fact.bell}) }
	forth := func(e saga.Event[Heard]) []saga.Fact { return saga.Say(Rang{e.Fact.bell}) }
	w := sagatest.New(saga.Define("a", nil, saga.On(back, saga.Says[Heard]())), saga.Define("b", nil, saga.On(forth, saga.Says[Rang]())))
	w.Limit = 100
	w.Say(Rang{bell{"x"}})
	err := w.Run()
	if want := "100 facts and no end: the choreography goes round in a circle; the last ones are bell.rang, bell.heard"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
}

// failing is a test that notes its failure.
type failing struct {
	testing.TB
	failed bool
	atEnd  func()
}

func (f *failing) Helper() {}

func (f *failing) Cleanup(fn func()) { f.atEnd = fn }

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(f) // a test that has failed runs no further
}

// A script that expects what does not happen fails, and one whose step failed unnoticed does too.
func TestAScriptFailsWhereItDoesNotHold(t *testing.T) {
	broke := Broke{bell{"a"}}
	for name, play := range map[string]func(*sagatest.Script){
		"says nothing":    func(s *sagatest.Script) { s.Hears(wound("a")).SaysNothing() },
		"says another":    func(s *sagatest.Script) { s.Hears(wound("a")).Says(Rang{bell{"a"}}) },
		"says of another": func(s *sagatest.Script) { s.Hears(wound("a")).Says(Heard{bell{"b"}}) },
		"says twice":      func(s *sagatest.Script) { s.Hears(wound("a")).Says(Heard{bell{"a"}}, Heard{bell{"a"}}) },
		"the state":       func(s *sagatest.Script) { s.Hears(wound("a")).Act("a", saga.New) },
		"keeps none":      func(s *sagatest.Script) { s.Keeps(&Bell{ID: "a"}) },
		"keeps another":   func(s *sagatest.Script) { s.Hears(wound("a")).Keeps(&Bell{ID: "a", Rings: 1}) },
		"keeps another list": func(s *sagatest.Script) {
			s.Hears(wound("a")).Passes(time.Hour).Keeps(&Bell{ID: "a", Rings: 1, Tones: []int{441}})
		},
		"no error":                 func(s *sagatest.Script) { s.Hears(wound("a")).CannotHandle("anything") },
		"another error":            func(s *sagatest.Script) { s.Hears(wound("a")).Hears(broke).CannotHandle("anything") },
		"a failure at the end":     func(s *sagatest.Script) { s.Hears(wound("a")).Hears(broke) },
		"a failure before a step":  func(s *sagatest.Script) { s.Hears(wound("a")).Hears(broke).Hears(broke) },
		"a failure before a state": func(s *sagatest.Script) { s.Hears(wound("a")).Hears(broke).Act("a", saga.Done) },
		"a failure before a keep":  func(s *sagatest.Script) { s.Hears(wound("a")).Hears(broke).Keeps(&Bell{ID: "a"}) },
	} {
		f := &failing{TB: t}
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(f) {
					panic(p)
				}
			}()
			play(sagatest.Group(f, clock()))
			f.atEnd()
		}()
		if !f.failed {
			t.Errorf("%s: the script does not fail", name)
		}
	}
	sagatest.Group(t, clock()).Given(&Bell{ID: "b", Rings: 1}).
		Hears(wound("a")).Says(Heard{bell{"a"}}).Act("a", saga.Done).
		Hears(broke).CannotHandle("a bell rings once").
		Passes(time.Minute).Says(Rang{bell{"a"}}).Keeps(&Bell{ID: "a", Rings: 1, Tones: []int{440}}, &Bell{ID: "b", Rings: 1})
}

// Each group has tables of its own, also if two share the variable of one. Which of them is meant can't be said by the type of a document.
func TestGroupsThatShareATableVariableShareNoDocument(t *testing.T) {
	tower := saga.Define("tower", saga.Documents(bells), saga.Does(
		func(b *Bell, _ saga.Event[Wound]) []saga.Fact { return saga.Say(Rang{bell{b.ID}}) }, saga.Closes(), saga.Says[Rang]()))
	w := sagatest.New(clock(), tower)
	w.Say(wound("a"))
	if err := errors.Join(w.Run(), w.Advance(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"bell.wound", "bell.heard", "bell.rang", "bell.rang"}; !slices.Equal(w.Types(), want) {
		t.Errorf("said %v, want %v: each winds, and the clock rings an hour later", w.Types(), want)
	}
	for name, look := range map[string]func(){
		"Given": func() { w.Given(&Bell{ID: "b"}) },
		"Load":  func() { sagatest.Load[Bell](w, "a") },
	} {
		func() {
			defer func() {
				if got, want := fmt.Sprint(recover()), "clock and tower both keep documents of type *sagatest_test.Bell"; !strings.Contains(got, want) {
					t.Errorf("%s: %s, want %q", name, got, want)
				}
			}()
			look()
		}()
	}
}
