package sagamap_test

import (
	"context"
	"os"
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
)

func (ordered) EventType() string   { return "goods.ordered" }
func (paid) EventType() string      { return "money.paid" }
func (unpaid) EventType() string    { return "money.refused" }
func (packed) EventType() string    { return "goods.packed" }
func (cancelled) EventType() string { return "order.cancelled" }
func (refunded) EventType() string  { return "money.refunded" }
func (tooLate) EventType() string   { return "cancellation.refused" }
func (shipped) EventType() string   { return "goods.shipped" }

func (ordered) Topic() string   { return "shop" }
func (paid) Topic() string      { return "bank" }
func (unpaid) Topic() string    { return "bank" }
func (packed) Topic() string    { return "shop" }
func (cancelled) Topic() string { return "shop" }
func (refunded) Topic() string  { return "bank" }
func (tooLate) Topic() string   { return "shop" }
func (shipped) Topic() string   { return "shop" }

func (f ordered) Key() string   { return f.ID }
func (f paid) Key() string      { return f.ID }
func (f unpaid) Key() string    { return f.ID }
func (f packed) Key() string    { return f.ID }
func (f cancelled) Key() string { return f.ID }
func (f refunded) Key() string  { return f.ID }
func (f tooLate) Key() string   { return f.ID }
func (f shipped) Key() string   { return f.ID }

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

func show(context.Context, []document) error { return nil }

func shop() *sagamap.Map {
	return sagamap.New(
		saga.Define("bank", saga.Documents(documents),
			saga.Does(pay, saga.Refuses(refuse), saga.Says[paid](), saga.Fails[unpaid]()),
			saga.Undoes(refund, saga.Upon[cancelled](), saga.Says[refunded]())),
		saga.Define("ware-house", saga.Documents(documents),
			saga.Does(pack, saga.Refuses(sendBack), saga.Pivots(), saga.Says[packed]()),
			saga.Within(90*time.Minute,
				saga.Then(ship, saga.ClosesWith[shipped]()),
				saga.Else(shipAnyway, saga.Closes(), saga.Says[shipped]())),
			saga.Undoes(unpack, saga.EvenIfNothing(), saga.TooLate(comesTooLate), saga.Upon[cancelled](), saga.Says[tooLate]())),
		saga.Define("office", saga.Documents(documents, entries),
			saga.Records(write, saga.Uses(entries), saga.Upon[ordered](), saga.Upon[paid](), saga.Upon[unpaid](), saga.Upon[packed](),
				saga.Upon[cancelled](), saga.Upon[refunded](), saga.Upon[shipped]()),
			saga.Follows(remember, saga.Upon[ordered]()),
			saga.Once(saga.AllOf(saga.Heard[ordered](), saga.AnyOf(saga.Heard[shipped](), saga.Heard[refunded]())), end, saga.Ends[cancelled]()),
			saga.On(count),
			saga.Mirrors(documents, show)))
}

func TestAMapIsDrawn(t *testing.T) {
	for file, got := range map[string]string{
		"shop.txt":      shop().Text(),
		"warehouse.txt": shop().Text("ware-house"),
		"shop.mmd":      shop().Mermaid(),
		"warehouse.mmd": shop().Mermaid("ware-house"),
	} {
		want, err := os.ReadFile("testdata/" + file)
		if err != nil || string(want) != got {
			t.Errorf("testdata/%s (%v) is not what is drawn:\n%s", file, err, got)
		}
		for line := range strings.Lines(got) {
			if strings.HasSuffix(file, ".txt") && len(line) > 101 || strings.HasSuffix(line, " \n") {
				t.Errorf("%s has a line that is wider than 100 columns, or ends in blanks:\n%s", file, line)
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
		{"speakers of goods.ordered", m.Speakers("goods.ordered"), []string{sagamap.Outside}},
		{"listeners of money.paid", m.Listeners("money.paid"), []string{"ware-house", "office"}},
		{"listeners of cancellation.refused", m.Listeners("cancellation.refused"), nil},
		{"facts of bank", m.Facts("bank"), []string{"money.paid", "money.refunded", "money.refused"}},
		{"number of facts", m.Facts(""), []string{
			"cancellation.refused", "goods.ordered", "goods.packed", "goods.shipped",
			"money.paid", "money.refunded", "money.refused", "order.cancelled",
		}},
	} {
		if len(test.got) != len(test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
			continue
		}
		for i := range test.want {
			if test.got[i] != test.want[i] {
				t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
			}
		}
	}
}

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		6 * time.Second: "6s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 168 * time.Hour: "168h",
		time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 0: "0s",
	} {
		if got := sagamap.Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
