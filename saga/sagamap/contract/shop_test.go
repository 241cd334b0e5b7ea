package contract_test

import (
	"context"
	"time"

	"tiffin/saga"
)

// A shop that sends parcels, a bank that takes money, an office that says how it ended and writes a letter: some of everything that
// a declaration can have.

type (
	ordered   struct{ ID string }
	paid      struct{ ID string }
	unpaid    struct{ ID string }
	refunded  struct{ ID string }
	packed    struct{ ID string }
	fetched   struct{ ID string }
	lost      struct{ ID string }
	cancelled struct{ ID string }
	tooLate   struct{ ID string }
	done      struct{ ID string }
	told      struct{ ID string }
	untold    struct{ ID string }
)

func (ordered) EventType() string   { return "goods.ordered" }
func (paid) EventType() string      { return "money.paid" }
func (unpaid) EventType() string    { return "money.refused" }
func (refunded) EventType() string  { return "money.refunded" }
func (packed) EventType() string    { return "parcel.packed" }
func (fetched) EventType() string   { return "parcel.fetched" }
func (lost) EventType() string      { return "parcel.lost" }
func (cancelled) EventType() string { return "cancellation.requested" }
func (tooLate) EventType() string   { return "cancellation.refused" }
func (done) EventType() string      { return "order.done" }
func (told) EventType() string      { return "letter.sent" }
func (untold) EventType() string    { return "letter.failed" }

func (ordered) Topic() string   { return "orders" }
func (paid) Topic() string      { return "money" }
func (unpaid) Topic() string    { return "money" }
func (refunded) Topic() string  { return "money" }
func (packed) Topic() string    { return "parcels" }
func (fetched) Topic() string   { return "parcels" }
func (lost) Topic() string      { return "parcels" }
func (cancelled) Topic() string { return "orders" }
func (tooLate) Topic() string   { return "parcels" }
func (done) Topic() string      { return "orders" }
func (told) Topic() string      { return "letters" }
func (untold) Topic() string    { return "letters" }

func (f ordered) Key() string   { return f.ID }
func (f paid) Key() string      { return f.ID }
func (f unpaid) Key() string    { return f.ID }
func (f refunded) Key() string  { return f.ID }
func (f packed) Key() string    { return f.ID }
func (f fetched) Key() string   { return f.ID }
func (f lost) Key() string      { return f.ID }
func (f cancelled) Key() string { return f.ID }
func (f tooLate) Key() string   { return f.ID }
func (f done) Key() string      { return f.ID }
func (f told) Key() string      { return f.ID }
func (f untold) Key() string    { return f.ID }

type payment struct {
	saga.Act
	ID      string
	Cents   int64
	Moved   bool
	Since   time.Time
	Details map[string]int
}

type parcel struct {
	saga.Act
	ID string
}

type order struct {
	saga.Act
	ID string
}

type (
	entry struct{ ID, What string }
	shelf struct{ ID string }
)

var (
	payments = saga.In("payments", func(p *payment) saga.Columns {
		return saga.Columns{{Name: "id", At: &p.ID}, {Name: "cents", At: &p.Cents}, {Name: "moved", At: &p.Moved}, {Name: "since", At: &p.Since}, {Name: "details", At: saga.JSON(&p.Details)}}
	})
	parcels = saga.In("parcels", func(p *parcel) saga.Columns { return saga.Columns{{Name: "id", At: &p.ID}} })
	shelves = saga.In("shelves", func(s *shelf) saga.Columns { return saga.Columns{{Name: "id", At: &s.ID}} })
	orders  = saga.In("orders", func(o *order) saga.Columns { return saga.Columns{{Name: "id", At: &o.ID}} })
	entries = saga.JournalIn("entries", func(e *entry) saga.Columns { return saga.Columns{{Name: "id", At: &e.ID}, {Name: "what", At: &e.What}} })
	letters = saga.EffectOf[string]("letter")
)

func pay(*payment, saga.Event[ordered]) []saga.Fact     { return nil }
func refuse(*payment, saga.Event[ordered]) []saga.Fact  { return nil }
func refund(*payment, saga.Cause) []saga.Fact           { return nil }
func settle(*payment, saga.Event[fetched]) []saga.Fact  { return nil }
func pack(*parcel, saga.Event[paid]) []saga.Fact        { return nil }
func refusePack(*parcel, saga.Event[paid]) []saga.Fact  { return nil }
func handOver(*parcel, saga.Event[fetched]) []saga.Fact { return nil }
func search(*parcel, saga.Event[lost]) []saga.Fact      { return nil }
func takeBack(*parcel, saga.Cause) []saga.Fact          { return nil }
func giveUp(*parcel, saga.Cause) []saga.Fact            { return nil }
func comesTooLate(*parcel, saga.Cause) []saga.Fact      { return nil }
func end(*order, saga.Cause) []saga.Fact                { return nil }
func write(saga.Cause)                                  {}
func remember(*order, saga.Cause)                       {}
func sent(string, saga.Cause) []saga.Fact               { return nil }
func unsent(string, saga.Cause) []saga.Fact             { return nil }
func send(context.Context, string, string) error        { return nil }
func fetch(packed) []saga.Fact                          { return nil }
func fill(saga.Event[refunded]) []saga.Fact             { return nil }

func shop() []*saga.Group {
	return []*saga.Group{
		saga.Define("bank", saga.Documents(payments),
			saga.Does(pay, saga.Refuses(refuse), saga.Says[paid](), saga.Fails[unpaid]()),
			saga.Undoes(refund, saga.Upon[lost](), saga.Says[refunded]()),
			saga.Then(settle, saga.Closes())),
		saga.Define("ware-house", saga.Documents(parcels, shelves),
			saga.Does(pack, saga.Refuses(refusePack), saga.Pivots(), saga.Says[packed]()),
			saga.Within(time.Hour,
				saga.Then(handOver),
				saga.Then(search),
				saga.Else(giveUp, saga.Fails[lost]())),
			saga.Undoes(takeBack, saga.EvenIfNothing(), saga.TooLate(comesTooLate), saga.Upon[cancelled](), saga.Says[tooLate]()),
			saga.On(fill, saga.Uses(shelves))),
		saga.Define("office", saga.Documents(orders, entries),
			saga.Records(write, saga.Uses(entries), saga.Upon[ordered](), saga.Upon[tooLate](), saga.Upon[paid]()),
			saga.Follows(remember, saga.Upon[unpaid]()),
			saga.Once(saga.AllOf(saga.Heard[ordered](), saga.AnyOf(saga.Heard[fetched](), saga.Heard[unpaid](), saga.Heard[refunded]())), end,
				saga.Requests(letters), saga.Ends[done]()),
			saga.Performs(letters, time.Hour, send, saga.Performed(sent, saga.Announces[told]()), saga.NotPerformed(unsent, saga.Announces[untold]()))),
		saga.Outside("web", saga.Begins[ordered](), saga.Begins[cancelled]()),
		saga.Outside("carrier", saga.Answers(fetch, saga.Says[fetched](), saga.Says[lost]())),
	}
}
