package sagacheck_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// A way that is replayed ends with the same finding; and with none once the choreography is mended.
func TestAReplayTakesTheSameWay(t *testing.T) {
	for _, tt := range tales() {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.finding(t)
			r, err := sagacheck.Replay(tt.world, f.Steps)
			if err != nil || len(r.Findings) == 0 {
				t.Fatalf("%v, %v", err, r.Findings)
			}
			if !slices.ContainsFunc(r.Findings, func(again sagacheck.Finding) bool { return plain(again.What) == f.What }) {
				t.Errorf("finds %v, want %s", r.Findings, f.What)
			}
			if !reflect.DeepEqual(r.Steps, f.Steps) {
				t.Errorf("takes\n%vwant\n%v", sagacheck.Finding{Steps: r.Steps}, f)
			}
			mended, err := sagacheck.Replay(tt.mended, f.Steps)
			if err != nil || len(mended.Findings) > 0 {
				t.Errorf("mended: %v, %v", err, mended.Findings)
			}
			if len(mended.Steps) < 2 {
				t.Error("mended, the way has no steps")
			}
		})
	}
}

// What a finding's file leaves out is what happens by itself: a group sends before it goes on, and handles what stands before.
func TestAReplayDoesWhatMustComeBefore(t *testing.T) {
	w := shop(stock(holds1, uses), bank(pays, refunds))
	w.Name, w.Crashes = "shop", true
	f := tale{world: w, finds: "something is held for ever"}.finding(t)
	var fewer []sagacheck.Step
	for _, s := range f.Steps {
		if s.Does != sagacheck.Sends || s.Who != "stock" {
			fewer = append(fewer, s)
		}
	}
	if len(fewer) == len(f.Steps) {
		t.Fatalf("no step sends: %v", f)
	}
	// The bank hears held only once stock has sent it, which no step says now, and nobody else may do it.
	_, err := sagacheck.Replay(w, fewer)
	if impossible := (*sagacheck.ImpossibleError)(nil); !errors.As(err, &impossible) || impossible.Step.Fact != "held" {
		t.Errorf("%v: what another group has not sent can't be heard", err)
	}

	// ann's second word stands behind her first, which the steps leave out.
	chat := saga.Define("chat", saga.Documents(boards), saga.On(func(e saga.Event[Asked]) []saga.Fact {
		boards.Get(e, "hall").Shows++
		return nil
	}, saga.Uses(boards)), saga.On(func(e saga.Event[Told]) []saga.Fact {
		boards.Get(e, "hall").Shows *= 2
		return nil
	}, saga.Uses(boards)))
	two := sagacheck.World{
		Name: "chat", Groups: []*saga.Group{chat}, Start: saga.Say(Asked{toOrders{order{"bob"}}}, Asked{toOrders{order{"ann"}}}, Told{toOrders{order{"ann"}}, 1}),
		Final: func(v sagacheck.View) string {
			if sagacheck.Document[Board](v, "hall").Shows == 3 {
				return "three"
			}
			return ""
		},
	}
	r, err := sagacheck.Replay(two, []sagacheck.Step{
		{Who: "everybody", Does: sagacheck.Starts, Says: []sagacheck.Saying{{Type: "asked"}, {Type: "asked"}, {Type: "told"}}},
		{Who: "chat", Does: sagacheck.Hears, Fact: "told", Key: "ann"},
	})
	if err != nil || len(r.Findings) != 1 || len(r.Steps) != 4 || r.Steps[1].Fact != "asked" || r.Steps[2].Fact != "told" {
		t.Errorf("%v, %v, %v", err, r.Findings, r.Steps)
	}
}

// In a world in which something comes between commit and send, the group that has not sent does so before it goes on.
func TestAReplaySendsBeforeItGoesOn(t *testing.T) {
	w := waitingRoom(callInAnyOrder)
	w.Name = "room"
	w.Start = saga.Say(Came{toOrders{order{"bob"}}}, Came{toOrders{order{"ann"}}}, Came{toOrders{order{"ann"}}})
	hears := sagacheck.Step{Who: "desk", Does: sagacheck.Hears, Fact: "came", Key: "ann"}
	r, err := sagacheck.Replay(w, []sagacheck.Step{
		{Who: "everybody", Does: sagacheck.Starts, Says: []sagacheck.Saying{{Type: "came"}, {Type: "came"}, {Type: "came"}}}, hears, hears,
	})
	if err != nil || len(r.Findings) > 0 {
		t.Fatal(err, r.Findings)
	}
	if len(r.Steps) < 4 || r.Steps[2].Does != sagacheck.Sends || r.Steps[3].Key != "ann" {
		t.Errorf("does\n%v", sagacheck.Finding{Steps: r.Steps})
	}
}

func TestAStepThatCannotHappenIsNamed(t *testing.T) {
	tt := tales()[0]
	f := tt.finding(t)
	start := f.Steps[0]
	without := func(change func(*sagacheck.World)) sagacheck.World {
		w := tt.world
		w.Groups, w.Outside, w.Initially = slices.Clone(w.Groups), slices.Clone(w.Outside), slices.Clone(w.Initially)
		change(&w)
		return w
	}
	poor := tales()[3]
	for _, test := range []struct {
		name  string
		world sagacheck.World
		steps []sagacheck.Step
		want  string
	}{
		{
			"who is not asked", without(func(w *sagacheck.World) { w.Outside = nil }), f.Steps,
			"step 2, customer answers placed of o1 (cancel-asked), can't happen any more: nothing asks for it, or it has been answered. " +
				"What can happen then: bank hears held of o1. If that is what mends it, leave out this step and those after it",
		},
		{"who is not there", without(func(w *sagacheck.World) { w.Groups = w.Groups[:2] }), f.Steps, "the world has no group kitchen"},
		{
			"what nobody has said", tt.world,
			[]sagacheck.Step{start, {Who: "kitchen", Does: sagacheck.Hears, Fact: "paid", Key: "o1"}},
			"step 1, kitchen hears paid of o1, can't happen any more: nobody has said paid of o1. " +
				"What can happen then: stock hears placed of o1; customer answers placed of o1 (cancel-asked)",
		},
		{"who does not grow old", tt.world, []sagacheck.Step{start, {Who: "clock", Does: sagacheck.Ages, Key: "o1"}}, "no saga grows old in this world: it needs Ages"},
		{"another beginning", without(func(w *sagacheck.World) { w.Start = nil }), f.Steps, "begins with  now, and the replay with placed"},
		{"no beginning", tt.world, f.Steps[1:], "a replay begins with the step in which everybody starts"},
		{"nothing", tt.world, nil, "a replay begins with"},
		{
			"what does not come again", tt.world,
			[]sagacheck.Step{{Who: "everybody", Does: sagacheck.Starts, Says: start.Says, Again: []string{"placed"}}},
			"placed does not come again: it needs Duplicates, or Again",
		},
		{
			"what is not at the start", poor.world,
			[]sagacheck.Step{start, {
				Who: "bank", Does: sagacheck.Hears, Fact: "held", Key: "o1", Chose: []sagacheck.Chosen{{Table: "accounts", Key: "ann", Document: "accounts ann: balance 7"}},
			}},
			`there is no "accounts ann: balance 7" at the start; there is accounts ann: balance 5; or accounts ann: balance 0`,
		},
	} {
		if _, err := sagacheck.Replay(test.world, test.steps); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// An end that only faults lead to is found again, though nothing else is wrong with it.
func TestAReplayComparesWithTheWorldWithoutFaults(t *testing.T) {
	once := func(e saga.Event[Came]) []saga.Fact {
		r := registers.Get(e, e.Fact.ID)
		if r.Last > 0 {
			return nil
		}
		r.Last = 1
		return saga.Say(Numbered{e.Fact.ID, r.Last})
	}
	world := func(give func(saga.Event[Came]) []saga.Fact) sagacheck.World {
		w := waitingRoom(callInAnyOrder)
		w.Name, w.Duplicates, w.Start = "room", 1, w.Start[:1]
		w.Groups[0] = saga.Define("desk", saga.Documents(registers), saga.On(give, saga.Uses(registers), saga.Says[Numbered]()))
		return w
	}
	r := sagacheck.Verify(world(giveNumber))
	if len(r.Findings) != 1 || !strings.HasPrefix(r.Findings[0].What, "an end that there is only if something comes twice") {
		t.Fatalf("%v %v", r, r.Findings)
	}
	for _, tt := range []struct {
		world sagacheck.World
		want  int
	}{{world(giveNumber), 1}, {world(once), 0}} {
		again, err := sagacheck.Replay(tt.world, r.Findings[0].Steps)
		if err != nil || len(again.Findings) != tt.want {
			t.Errorf("%v %v, want %d", err, again.Findings, tt.want)
		}
	}
}

// A finding with one type that comes again is replayed with that type.
func TestAReplayOfAFactThatComesAgain(t *testing.T) {
	tt := tales()[2]
	tt.world.Duplicates, tt.world.Again = 0, []string{"placed", "lost"}
	f := tt.finding(t)
	if f.Part != "lost again" {
		t.Errorf("found in the part %q", f.Part)
	}
	r, err := sagacheck.Replay(tt.world, f.Steps)
	if err != nil || !slices.ContainsFunc(r.Findings, func(again sagacheck.Finding) bool { return plain(again.What) == f.What }) {
		t.Errorf("%v %v", err, r.Findings)
	}
}

// A group aside takes part in the replay if it acts in it.
func TestAReplayWithAGroupAside(t *testing.T) {
	tt := tales()[4]
	tt.world.Groups, tt.world.Aside = tt.world.Groups[:1], tt.world.Groups[1:]
	f := tt.finding(t)
	if r, err := sagacheck.Replay(tt.world, f.Steps); err != nil || len(r.Findings) != 1 || f.Part != "with hall" {
		t.Errorf("%v %v, %q", err, r.Findings, f.Part)
	}
}

// What was written once must be read for ever, and lead to the same finding.
func TestReplayFiles(t *testing.T) {
	for _, tt := range tales() {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.finding(t)
			var b bytes.Buffer
			if err := sagacheck.WriteReplay(&b, f); err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + tt.world.Name + ".json"
			if *update {
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			kept, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(kept) {
				t.Errorf("writes\n%swant\n%s", b.String(), kept)
			}
			got, err := sagacheck.ReadReplay(bytes.NewReader(kept))
			if err != nil || !reflect.DeepEqual(got, f) {
				t.Errorf("%v: reads\n%+v\nwant\n%+v", err, got, f)
			}
		})
	}
}

func TestWhatIsNoReplay(t *testing.T) {
	for _, tt := range [][2]string{
		{"", "not a replay"},
		{"[]", "not a replay"},
		{`{"what":"nothing"}`, `it has no "version"`},
		{`{"version":2,"steps":[{"who":"a","does":"hears"}]}`, "version 2, and this program reads version 1"},
		{`{"version":1,"world":"w"}`, "without steps"},
		{`{"version":1,"steps":[{"who":"a","does":"flies"}]}`, `"a" does "flies"`},
		{`{"version":1,"steps":[{"does":"hears"}]}`, `step 0`},
		{strings.Repeat(" ", 9<<20), "more than 8 MiB"},
	} {
		if _, err := sagacheck.ReadReplay(strings.NewReader(tt[0])); err == nil || !strings.Contains(err.Error(), tt[1]) {
			t.Errorf("%.40q: %v, want %s", tt[0], err, tt[1])
		}
	}
}
