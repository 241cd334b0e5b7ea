package sagacheck_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tiffin/saga"
	"tiffin/saga/sagacheck"
)

// tale is a fault, the world that finds it, and the same world with it mended.
type tale struct {
	name          string
	world, mended sagacheck.World
	finds         string
}

// tales are findings of different kinds.
func tales() []tale {
	goodStock, goodBank := stock(holds1, uses, releases), bank(pays, refunds)
	hasty := bank(pays, saga.Undoes(refund, saga.Upon[Cancelled](), saga.Uses(accounts), saga.Says[Refunded]()), saga.On(refundLost, saga.Uses(accounts), saga.Says[Refunded]()))
	twice, once := shop(goodStock, hasty), shop(goodStock, goodBank)
	twice.Duplicates, once.Duplicates = 1, 1
	poor := shop(goodStock, goodBank)
	rich := shop(stock(holds1, uses, saga.Undoes(release, saga.Upon[Cancelled](), saga.Upon[NotPaid](), saga.Uses(shelves), saga.Says[Released]())), bank(looksAtTheBalance, refunds))
	for _, w := range []*sagacheck.World{&poor, &rich} {
		w.Initially[1] = sagacheck.Choice{Documents: []any{&Account{ID: "ann", Balance: 5}, &Account{ID: "ann"}}}
		w.Final = nil // that of the shop counts on ann's money
	}
	crowd, patient := waitingRoom(call), waitingRoom(callInAnyOrder)
	list := []tale{
		{"a missing undo", shop(stock(holds1, uses), goodBank), once, "something is held for ever"},
		{
			"an undo that hears a compensation, which overtakes",
			courierOnly(shop(stock(holds1, uses, saga.Undoes(release, saga.Upon[Refunded](), saga.Uses(shelves), saga.Says[Released]())), goodBank)),
			courierOnly(once), "what was accepted is used, and nothing else",
		},
		{"a refund that is no undo", twice, once, "the money goes back when there is no meal, and only then"},
		{"a payment that looks at no balance", poor, rich, "an account is overdrawn"},
		{"numbers that are sent in another order", crowd, patient, "numbers are called in order"},
		{"an end that hears the wrong fact", closedBy(clerk(saga.Heard[Refunded]())), closedBy(clerk(saga.AnyOf(saga.Heard[Cancelled](), saga.Heard[Delivered](), saga.Heard[Lost]()))), "the saga o1 never ends"},
	}
	for i := range list {
		name := strings.NewReplacer(",", "", " ", "-").Replace(list[i].name)
		list[i].world.Name, list[i].mended.Name = name, name
	}
	return list
}

var looksAtTheBalance = saga.Does(payIfThereIsMoney, saga.Refuses(payNot), saga.Uses(accounts), saga.Says[Paid](), saga.Fails[NotPaid]())

func payIfThereIsMoney(p *Payment, e saga.Event[Held]) []saga.Fact {
	if accounts.Get(e, "ann").Balance < 5 {
		return payNot(p, e)
	}
	return pay(p, e)
}

// The clerk owns the end of an order.
type (
	File struct {
		saga.Act
		OrderID string
	}
	Filed struct{ toOrders }
)

func (Filed) EventType() string { return "filed" }

func clerk(end saga.Condition) *saga.Group {
	files := saga.In("files", func(f *File) saga.Columns { return saga.Columns{{Name: "order_id", At: &f.OrderID}} })
	file := func(f *File, _ saga.Cause) []saga.Fact { return saga.Say(Filed{toOrders{order{f.OrderID}}}) }
	return saga.Define("clerk", saga.Documents(files), saga.Once(saga.AllOf(saga.Heard[Placed](), end), file, saga.Ends[Filed]()))
}

// closedBy is the shop with a clerk, and crashes.
func closedBy(clerk *saga.Group) sagacheck.World {
	w := shop(stock(holds1, uses, releases), bank(pays, refunds))
	w.Groups, w.Crashes = append(w.Groups, clerk), true
	return w
}

// In the waiting room who comes gets a number, and the hall calls the numbers.
type (
	Came     struct{ toOrders }
	Numbered struct {
		ID string
		N  int
	}
	// Register is the last number that was given.
	Register struct {
		ID   string
		Last int
	}
	// Board shows the number that was called last.
	Board struct {
		ID            string
		Shows, Before int
		Strict        bool
	}
)

func (Came) EventType() string     { return "came" }
func (Numbered) EventType() string { return "numbered" }
func (Numbered) Topic() string     { return "hall" }
func (Numbered) Key() string       { return "hall" }

func (b *Board) Check() error {
	if b.Strict && b.Shows != b.Before+1 {
		return errors.New("numbers are called in order")
	}
	return nil
}

var (
	registers = saga.In("registers", func(r *Register) saga.Columns {
		return saga.Columns{{Name: "id", At: &r.ID}, {Name: "last", At: &r.Last}}
	})
	boards = saga.In("boards", func(b *Board) saga.Columns {
		return saga.Columns{{Name: "id", At: &b.ID}, {Name: "shows", At: &b.Shows}, {Name: "before", At: &b.Before}, {Name: "strict", At: &b.Strict}}
	})
)

func giveNumber(e saga.Event[Came]) []saga.Fact {
	r := registers.Get(e, "today")
	r.Last++
	return saga.Say(Numbered{e.Fact.ID, r.Last})
}

func call(e saga.Event[Numbered]) []saga.Fact {
	b := boards.Get(e, "hall")
	b.Before, b.Shows, b.Strict = b.Shows, e.Fact.N, true
	return nil
}

func callInAnyOrder(e saga.Event[Numbered]) []saga.Fact {
	boards.Get(e, "hall").Shows = 0
	return nil
}

func waitingRoom(call func(saga.Event[Numbered]) []saga.Fact) sagacheck.World {
	return sagacheck.World{
		Groups: []*saga.Group{
			saga.Define("desk", saga.Documents(registers), saga.On(giveNumber, saga.Uses(registers), saga.Says[Numbered]())),
			saga.Define("hall", saga.Documents(boards), saga.On(call, saga.Uses(boards))),
		},
		Start:   saga.Say(Came{toOrders{order{"ann"}}}, Came{toOrders{order{"bob"}}}),
		Crashes: true,
	}
}

// finding explores a tale's world for what it is about.
func (tt tale) finding(t *testing.T) sagacheck.Finding {
	t.Helper()
	r := sagacheck.Explore(tt.world)
	for _, f := range r.Findings {
		if strings.Contains(f.What, tt.finds) {
			f.What = plain(f.What)
			return f
		}
	}
	t.Fatalf("%v %v, want among the findings: %s", r, r.Findings, tt.finds)
	return sagacheck.Finding{}
}

// plain is what is wrong without the line of the test at which it is.
func plain(what string) string {
	return regexp.MustCompile(`_test.go:\d+`).ReplaceAllString(what, "_test.go:1")
}

var update = flag.Bool("update", false, "write the drawings in testdata anew")

// The drawings in testdata are what an engineer sees. After a change that is meant, and looked at: go test -run Drawn -update.
func TestFindingsAreDrawn(t *testing.T) {
	for _, tt := range tales() {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.finding(t)
			for ending, got := range map[string]string{".txt": f.Diagram(), ".mmd": f.Mermaid()} {
				file := filepath.Join("testdata", tt.world.Name+ending)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s is drawn as\n%s", file, got)
				}
				for _, row := range strings.Split(got, "\n") {
					if n := utf8.RuneCountInString(row); n > 100 && ending == ".txt" {
						t.Errorf("%d columns: %s", n, row)
					}
				}
			}
		})
	}
}

// Whatever may be a step has a line.
func TestEverythingThatHappensIsDrawn(t *testing.T) {
	said := func(types ...string) (out []sagacheck.Saying) {
		for _, typ := range types {
			out = append(out, sagacheck.Saying{Type: typ, Key: "o1"})
		}
		return out
	}
	f := sagacheck.Finding{World: "all", What: "all is wrong", Steps: []sagacheck.Step{
		{Who: "everybody", Does: sagacheck.Starts, Says: said("asked")},
		{Who: "clock", Does: sagacheck.Ages, Key: "o1"},
		{Who: "desk", Does: sagacheck.Hears, Fact: "asked", Key: "o1", Ran: []string{"ask"}, Says: said("mail requested"), Act: "done, waits for giveUp"},
		{Who: "outside", Does: sagacheck.Performs, Fact: "mail requested", Key: "o1", Says: said("mail performed")},
		{Who: "desk", Does: sagacheck.Hears, Fact: "mail performed", Key: "o1", Ran: []string{"tell"}, Act: "done, waits for giveUp", Says: said("told"), Later: true},
		{Who: "reader", Does: sagacheck.Answers, Fact: "asked", Key: "o1", Says: said("read"), Again: []string{"read"}},
		{Who: "desk", Does: sagacheck.Sends, Key: "o1", Says: said("told")},
		{Who: "broker", Does: sagacheck.Repeats, Says: said("read")},
		{Who: "desk", Does: sagacheck.Hears, Fact: "read", Key: "o1", Why: "nobody waits", Act: "done, waits for giveUp"},
		{Who: "desk", Does: sagacheck.Hears, Fact: "read", Key: "o1", Ran: []string{"thank"}, Why: "already done", Act: "done, waits for giveUp"},
		{Who: "desk", Does: sagacheck.Expires, Key: "o1", Ran: []string{"giveUp"}, Act: "barred", Changed: []string{"desks d: free 1 -> 0"}},
		{Who: "desk", Does: sagacheck.Forgets, Key: "o1"},
		{Who: "log", Does: sagacheck.Hears, Fact: "told", Key: "o1", Ran: []string{"line"}},
	}}
	want := `
     clock
     │    desk
     │    │    outside
     │    │    │    reader
     │    │    │    │    broker
     │    │    │    │    │
     ●    │    │    │    │  clock: o1 is now older than any saga should be
  ───┼───▶●    │    │    │  asked → desk: ask [done, waits for giveUp]
     │    ├───▶●    │    │  mail requested → outside says mail performed
     │    ●◀───┤    │    │  mail performed → desk: tell
     │    │    │    │    │    commits told, and has not sent it yet
  ───┼────┼────┼───▶●    │  asked → reader says read
     │    │    │    │    │    read will come again
     │    ●    │    │    │  desk sends told
     │    │    │    │    ●  broker delivers read once more
     │    ○◀───┼────┤    │  read → desk: dropped, nobody waits
     │    ●◀───┼────┼────┤  read, again → desk: thank; already done
     │    ●    │    │    │  deadline → desk: giveUp [barred]
     │    │    │    │    │    desks d: free 1 -> 0
     │    ●    │    │    │  desk forgets the mark
     │    │    │    │    │
  ✗ all is wrong
`
	if got := f.Diagram(); got != want[1:] {
		t.Errorf("drawn as\n%s", got)
	}
}
