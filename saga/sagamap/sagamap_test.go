package sagamap_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagamap"
)

// A shop and a bank: every role and every note of a map once.
type (
	ordered   struct{ ID string }
	paid      struct{ ID string }
	unpaid    struct{ ID string }
	packed    struct{ ID string }
	cancelled struct{ ID string }
	refunded  struct{ ID string }
	tooLate   struct{ ID string }
	shipped   struct{ ID string }
	returned  struct{ ID string }
	lettered  struct{ ID string }
)

func (ordered) EventType() string   { return "goods.ordered" }
func (paid) EventType() string      { return "money.paid" }
func (unpaid) EventType() string    { return "money.refused" }
func (packed) EventType() string    { return "goods.packed" }
func (cancelled) EventType() string { return "order.cancelled" }
func (refunded) EventType() string  { return "money.refunded" }
func (tooLate) EventType() string   { return "cancellation.refused" }
func (shipped) EventType() string   { return "goods.shipped" }
func (returned) EventType() string  { return "goods.returned" }
func (lettered) EventType() string  { return "letter.sent" }

func (ordered) Topic() string   { return "shop" }
func (paid) Topic() string      { return "bank" }
func (unpaid) Topic() string    { return "bank" }
func (packed) Topic() string    { return "shop" }
func (cancelled) Topic() string { return "shop" }
func (refunded) Topic() string  { return "bank" }
func (tooLate) Topic() string   { return "shop" }
func (shipped) Topic() string   { return "shop" }
func (returned) Topic() string  { return "shop" }
func (lettered) Topic() string  { return "office" }

func (f ordered) Key() string   { return f.ID }
func (f paid) Key() string      { return f.ID }
func (f unpaid) Key() string    { return f.ID }
func (f packed) Key() string    { return f.ID }
func (f cancelled) Key() string { return f.ID }
func (f refunded) Key() string  { return f.ID }
func (f tooLate) Key() string   { return f.ID }
func (f shipped) Key() string   { return f.ID }
func (f returned) Key() string  { return f.ID }
func (f lettered) Key() string  { return f.ID }

type document struct {
	saga.Act
	ID string
}

type entry struct{ ID string }

var (
	documents = saga.In("documents", func(d *document) saga.Columns { return saga.Columns{{Name: "id", At: &d.ID}} })
	entries   = saga.JournalIn("entries", func(e *entry) saga.Columns { return saga.Columns{{Name: "id", At: &e.ID}} })
)

func pay(*document, saga.Event[ordered]) []saga.Fact    { return nil }
func refuse(*document, saga.Event[ordered]) []saga.Fact { return nil }
func refund(*document, saga.Cause) []saga.Fact          { return nil }
func pack(*document, saga.Event[paid]) []saga.Fact      { return nil }
func sendBack(*document, saga.Event[paid]) []saga.Fact  { return nil }
func ship(*document, saga.Event[packed]) []saga.Fact    { return nil }
func shipAnyway(*document, saga.Cause) []saga.Fact      { return nil }
func unpack(*document, saga.Cause) []saga.Fact          { return nil }
func comesTooLate(*document, saga.Cause) []saga.Fact    { return nil }
func write(saga.Cause)                                  {}
func remember(*document, saga.Cause)                    {}
func end(*document, saga.Cause) []saga.Fact             { return nil }
func count(saga.Event[shipped]) []saga.Fact             { return nil }
func shelve(saga.Event[returned]) []saga.Fact           { return nil }
func carry(packed) []saga.Fact                          { return nil }
func told(string, saga.Cause) []saga.Fact               { return nil }
func untold(string, saga.Cause) []saga.Fact             { return nil }
func tell(context.Context, string, string) error        { return nil }

var letters = saga.EffectOf[string]("letter")

func show(context.Context, []document) error { return nil }

func shop() *sagamap.Map {
	return sagamap.New(
		saga.Define("bank", saga.Documents(documents),
			saga.Does(pay, saga.Refuses(refuse), saga.Says[paid](), saga.Fails[unpaid]()),
			saga.Undoes(refund, saga.Upon[cancelled](), saga.Says[refunded]())),
		saga.Define("ware-house", saga.Documents(documents),
			saga.Does(pack, saga.Refuses(sendBack), saga.Silently(), saga.Pivots(), saga.Says[packed]()),
			saga.Within(90*time.Minute,
				saga.Then(ship, saga.ClosesWith[shipped]()),
				saga.Else(shipAnyway, saga.Closes(), saga.Says[shipped]())),
			saga.Undoes(unpack, saga.EvenIfNothing(), saga.TooLate(comesTooLate), saga.Upon[cancelled](), saga.Announces[tooLate]())),
		saga.Define("office", saga.Documents(documents, entries),
			saga.Records(write, saga.Uses(entries), saga.Upon[ordered](), saga.Upon[paid](), saga.Upon[unpaid](), saga.Upon[packed](),
				saga.Upon[cancelled](), saga.Upon[refunded](), saga.Upon[shipped]()),
			saga.Follows(remember, saga.Upon[ordered]()),
			saga.Once(saga.AllOf(saga.Heard[ordered](), saga.AnyOf(saga.Heard[shipped](), saga.Heard[refunded]())), end, saga.Requests(letters), saga.Ends[cancelled]()),
			saga.On(count),
			saga.On(shelve),
			saga.Performs(letters, time.Hour, tell, saga.Performed(told, saga.Announces[lettered]()), saga.NotPerformed(untold)),
			saga.Mirrors(documents, show)),
		saga.Outside("till", saga.Begins[ordered]()),
		saga.Outside("porter", saga.Answers(carry, saga.Optional(), saga.Says[shipped]())))
}

// After a change that is meant: TIFFIN_UPDATE=1 go test ./saga/sagamap
func TestAMapIsDrawn(t *testing.T) {
	warehouse := sagamap.Focus{Groups: []string{"ware-house"}}
	paid := sagamap.Focus{Fact: "money.paid"}
	shipped := sagamap.Focus{Ends: []string{"goods.shipped"}}
	for file, got := range map[string]string{
		"shop.txt":      shop().Text(sagamap.Focus{}, 0),
		"warehouse.txt": shop().Text(warehouse, 0),
		"paid.txt":      shop().Text(paid, 0),
		"shipped.txt":   shop().Text(shipped, 0),
		"lettered.txt":  shop().Text(sagamap.Focus{Ends: []string{"letter.sent"}}, 0),
		"shop.mmd":      shop().Mermaid(sagamap.Focus{}),
		"warehouse.mmd": shop().Mermaid(warehouse),
		"paid.mmd":      shop().Mermaid(paid),
		"shipped.mmd":   shop().Mermaid(shipped),
	} {
		golden(t, file, got)
		for line := range strings.Lines(got) {
			if strings.HasSuffix(file, ".txt") && len(line) > 101 || strings.HasSuffix(line, " \n") {
				t.Errorf("%s has a line that is wider than 100 columns, or ends in blanks:\n%s", file, line)
			}
		}
	}
}

// golden compares what is drawn with what is kept.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("TIFFIN_UPDATE") != "" {
		if err := os.WriteFile("testdata/"+file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + file)
	if err != nil || string(want) != got {
		t.Errorf("testdata/%s (%v) is not what is drawn:\n%s", file, err, got)
	}
}

// What comes too late came after a pivot, so the way to its answer leads through that, and through who asked for it.
func TestTheWayToWhatIsTooLateLeadsThroughThePivot(t *testing.T) {
	m := sagamap.New(
		saga.Define("kitchen", saga.Documents(documents),
			saga.Does(pay, saga.Refuses(refuse), saga.Says[paid](), saga.Fails[unpaid]()),
			saga.Within(time.Hour,
				saga.Then(ship, saga.Pivots(), saga.Says[shipped]()),
				saga.Else(shipAnyway, saga.Fails[unpaid]())),
			saga.Undoes(unpack, saga.EvenIfNothing(), saga.TooLate(comesTooLate), saga.Upon[cancelled](), saga.Says[tooLate]())),
		saga.Outside("restaurant", saga.Answers(func(paid) []saga.Fact { return nil }, saga.Says[packed]())))
	got := m.Text(sagamap.Focus{Ends: []string{"cancellation.refused"}}, 0)
	for _, want := range []string{"ship ", "restaurant", "money.paid"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not on the way:\n%s", want, got)
		}
	}
	if strings.Contains(got, "shipAnyway") {
		t.Errorf("what is no pivot is on the way:\n%s", got)
	}
}

// Who only remembers is in no picture; who asks for something upon it does more.
func TestAPictureShowsWhoAsksForSomethingOutside(t *testing.T) {
	till := saga.Outside("till", saga.Begins[ordered]())
	for _, tt := range []struct {
		line  saga.Part
		shown bool
	}{
		{saga.Follows(remember, saga.Upon[ordered]()), false},
		{saga.Follows(remember, saga.Upon[ordered](), saga.Requests(letters)), true},
	} {
		m := sagamap.New(saga.Define("office", saga.Documents(documents), tt.line, saga.Performs(letters, time.Hour, tell)), till)
		for _, drawn := range []string{m.Mermaid(sagamap.Focus{}), m.SVG(sagamap.Focus{})} {
			if got := strings.Contains(drawn, "asks outside for letter"); got != tt.shown {
				t.Errorf("it is shown that the office asks for letters: %v, want %v:\n%s", got, tt.shown, drawn)
			}
		}
	}
}

func TestWhoSaysAndWhoHears(t *testing.T) {
	m := shop()
	for _, test := range []struct {
		what string
		got  []string
		want []string
	}{
		{"speakers of money.paid", m.Speakers("money.paid"), []string{"bank"}},
		{"speakers of goods.ordered", m.Speakers("goods.ordered"), []string{"till"}},
		{"speakers of goods.shipped", m.Speakers("goods.shipped"), []string{"ware-house", "porter"}},
		{"speakers of goods.returned", m.Speakers("goods.returned"), []string{sagamap.Outside}},
		{"listeners of goods.packed", m.Listeners("goods.packed"), []string{"ware-house", "office", "porter"}},
		{"listeners of money.paid", m.Listeners("money.paid"), []string{"ware-house", "office"}},
		{"listeners of cancellation.refused", m.Listeners("cancellation.refused"), nil},
		{"facts of bank", m.Facts("bank"), []string{"money.paid", "money.refunded", "money.refused"}},
		{"number of facts", m.Facts(""), []string{
			"cancellation.refused", "goods.ordered", "goods.packed", "goods.returned", "goods.shipped",
			"letter.sent", "money.paid", "money.refunded", "money.refused", "order.cancelled",
		}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
}

// An answer that declares failures alone approves by saying nothing, if none of its wait could go on otherwise: then it is a step on the way.
func TestTheWaysKnowWhoApprovesInSilence(t *testing.T) {
	yes := func(*document, saga.Event[paid]) []saga.Fact { return nil }
	no := func(*document, saga.Event[unpaid]) []saga.Fact { return nil }
	for _, tt := range []struct {
		name string
		yes  saga.Option
		no   bool // the other one is a step on the way, too
	}{
		{"one says that it goes on, so the other only fails", saga.Says[refunded](), false},
		{"both declare failures alone", saga.Fails[returned](), true},
	} {
		m := sagamap.New(saga.Define("bank", saga.Documents(documents),
			saga.Does(pay, saga.Says[tooLate]()),
			saga.Within(time.Hour, saga.Then(yes, tt.yes), saga.Then(no, saga.Fails[returned]()), saga.Else(shipAnyway, saga.Fails[returned]())),
			saga.Within(time.Hour, saga.Then(ship, saga.Ends[shipped]()), saga.Else(unpack, saga.Fails[returned]()))))
		text := m.Text(sagamap.Focus{Ends: []string{"goods.shipped"}}, 0)
		for fact, want := range map[string]bool{"money.paid": true, "money.refused": tt.no} {
			if strings.Contains(text, fact) != want {
				t.Errorf("%s: the ways tell of %s: %v, want %v:\n%s", tt.name, fact, !want, want, text)
			}
		}
		follows := m.Text(sagamap.Focus{Fact: "money.paid"}, 0)
		if !strings.Contains(follows, "unpack") {
			t.Errorf("%s: what follows from money.paid leaves out the next wait:\n%s", tt.name, follows)
		}
	}
}

func TestAFocusThatTheMapDoesNotKnowIsRefused(t *testing.T) {
	for _, test := range []struct {
		focus sagamap.Focus
		want  string // in the error; "" for none
	}{
		{sagamap.Focus{}, ""},
		{sagamap.Focus{Groups: []string{"bank", "till"}, Fact: "money.paid"}, ""},
		{sagamap.Focus{Groups: []string{"bnak"}}, `no group "bnak": choose some of bank, ware-house, office, till, porter`},
		{sagamap.Focus{Fact: "money.payed"}, `no fact "money.payed": choose of cancellation.refused, goods.ordered,`},
		{sagamap.Focus{Ends: []string{"goods.shipped", "goods.lost"}}, `no fact "goods.lost"`},
		{sagamap.Focus{Fact: "money.paid", Ends: []string{"goods.shipped"}}, "ask for one of them"},
	} {
		if err := shop().Check(test.focus); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", test.focus, err, test.want)
		}
	}
}
