package rules_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
)

// said is a fact that is named for T.
type said[T any] struct{ about }

func (said[T]) EventType() string { return strings.ToLower(reflect.TypeFor[T]().Name()) }
func (said[T]) Topic() string     { return "shapes" }

// The names of facts, of several shapes of choreographies.
type (
	Placed    struct{}
	Completed struct{}
	Cancelled struct{}

	GoodsHeld      struct{}
	GoodsNotHeld   struct{}
	GoodsFreed     struct{}
	MoneyHeld      struct{}
	MoneyNotHeld   struct{}
	MoneyFreed     struct{}
	MoneyAsked     struct{}
	BankSaidYes    struct{}
	BankSaidNo     struct{}
	VoucherTaken   struct{}
	VoucherRefused struct{}
	Shipped        struct{}
	Agreed         struct{}
	NotAgreed      struct{}
)

type doc struct{ act }

var docs = saga.In("docs", func(d *doc) saga.Columns { return d.columns() })

func upon[T any](*doc, saga.Event[said[T]]) []saga.Fact   { return nil }
func refuse[T any](*doc, saga.Event[said[T]]) []saga.Fact { return nil }
func tally[T any](saga.Event[said[T]]) []saga.Fact        { return nil }
func undo(*doc, saga.Cause) []saga.Fact                   { return nil }
func timeOut(*doc, saga.Cause) []saga.Fact                { return nil }
func succeed(*doc, saga.Cause) []saga.Fact                { return nil }
func fail(*doc, saga.Cause) []saga.Fact                   { return nil }

// does is a do upon T that says Yes, or fails with No.
func does[T, Yes, No any](more ...saga.Option) saga.Part {
	return saga.Does(upon[T], append([]saga.Option{saga.Refuses(refuse[T]), saga.Says[said[Yes]](), saga.Fails[said[No]]()}, more...)...)
}

func heard[T any]() saga.Condition { return saga.Heard[said[T]]() }

func define(name string, parts ...saga.Part) *saga.Group {
	return saga.Define(name, saga.Documents(docs), parts...)
}

// ends is the group that owns the end: completed or cancelled.
func ends(completed, cancelled saga.Condition) *saga.Group {
	return define("ends",
		saga.Once(saga.AllOf(heard[Placed](), completed), succeed, saga.Ends[said[Completed]]()),
		saga.Once(saga.AllOf(heard[Placed](), cancelled), fail, saga.Ends[said[Cancelled]]()))
}

// goods and money are held one after the other, or side by side; both are settled once it is completed.
func goods(undone ...saga.Option) *saga.Group {
	return define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes()),
		saga.Undoes(undo, append(undone, saga.Says[said[GoodsFreed]]())...))
}

func moneyBeside(undone ...saga.Option) *saga.Group {
	return define("money", does[Placed, MoneyHeld, MoneyNotHeld](), saga.Then(upon[Completed], saga.Closes()),
		saga.Undoes(undo, append(undone, saga.Says[said[MoneyFreed]]())...))
}

func moneyAfter() *saga.Group {
	return define("money", does[GoodsHeld, MoneyHeld, MoneyNotHeld](saga.Closes()))
}

// moneyThatWaits asks a bank, and fails only while it waits for the answer. Whoever comes later comes after that.
func moneyThatWaits() *saga.Group {
	return define("money",
		saga.Does(upon[GoodsHeld], saga.Says[said[MoneyAsked]]()),
		saga.Within(time.Hour,
			saga.Then(upon[BankSaidYes], saga.Says[said[MoneyHeld]](), saga.Closes()),
			saga.Then(upon[BankSaidNo], saga.Fails[said[MoneyNotHeld]]()),
			saga.Else(timeOut, saga.Fails[said[MoneyNotHeld]]())))
}

func bank() *saga.Group {
	return saga.Outside("bank", saga.Answers(func(f said[MoneyAsked]) []saga.Fact { return nil }, saga.Says[said[BankSaidYes]](), saga.Says[said[BankSaidNo]]()))
}

// banker is a bank that is not said to answer, but to speak of its own accord; moneyUponWord waits for its word as long as it takes.
func banker() *saga.Group {
	return saga.Outside("bank", saga.Begins[said[BankSaidYes]](), saga.Begins[said[BankSaidNo]]())
}

func moneyUponWord() *saga.Group {
	return define("money",
		saga.Does(upon[GoodsHeld], saga.Silently()),
		saga.Then(upon[BankSaidYes], saga.Says[said[MoneyHeld]](), saga.Closes()),
		saga.Then(upon[BankSaidNo], saga.Fails[said[MoneyNotHeld]]()))
}

func later() *saga.Group {
	return define("later", saga.Does(upon[MoneyHeld], saga.Announces[said[Shipped]]()), saga.Then(upon[Completed], saga.Closes()))
}

func api() *saga.Group { return saga.Outside("api", saga.Begins[said[Placed]]()) }

var (
	bothHeld = saga.AllOf(heard[GoodsHeld](), heard[MoneyHeld]())
	bothFree = saga.AllOf(saga.AnyOf(heard[GoodsNotHeld](), heard[GoodsFreed]()), saga.AnyOf(heard[MoneyNotHeld](), heard[MoneyFreed]()))
	noGoods  = saga.AnyOf(heard[GoodsNotHeld](), saga.AllOf(heard[GoodsFreed](), heard[MoneyNotHeld]()))
)

// No false alarm, and no mistake overlooked, in the shapes that choreographies have.
func TestShapes(t *testing.T) {
	for name, tt := range map[string]struct {
		groups []*saga.Group
		want   []string // rule and group
	}{
		"side by side": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyBeside(saga.Upon[said[GoodsNotHeld]]()), ends(bothHeld, bothFree),
		}},
		"side by side, and one does not undo when the other fails": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				moneyBeside(saga.Upon[said[GoodsNotHeld]]()), ends(bothHeld, saga.AllOf(heard[GoodsNotHeld](), saga.AnyOf(heard[MoneyNotHeld](), heard[MoneyFreed]()))),
			},
			want: []string{"no-undo goods"},
		},
		"one after the other": {groups: []*saga.Group{api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods)}},
		"nobody undoes anything": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())),
			},
			want: []string{"no-undo goods"},
		},
		// One reaction says that it is over, however it ended.
		"one end": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(),
			define("ends", saga.Once(saga.AllOf(heard[Placed](), saga.AnyOf(bothHeld, noGoods)), succeed, saga.Ends[said[Completed]]())),
		}},
		// What fails is an end by itself, and still somebody undoes upon it.
		"one end, and one who should undo does not": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[MoneyHeld], saga.Closes())),
				define("wraps", saga.Does(upon[GoodsHeld], saga.Refuses(refuse[GoodsHeld]), saga.Says[said[Shipped]]()), saga.Then(upon[MoneyHeld], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]())),
				define("money", does[Shipped, MoneyHeld, MoneyNotHeld](saga.Closes())),
				define("ends", saga.Once(saga.AllOf(heard[Placed](), saga.AnyOf(heard[MoneyHeld](), heard[MoneyNotHeld](), heard[GoodsNotHeld]())), succeed, saga.Ends[said[Completed]]())),
			},
			want: []string{"no-undo goods"},
		},
		"it fails while it waits": {groups: []*saga.Group{api(), goods(saga.Upon[said[MoneyNotHeld]]()), bank(), moneyThatWaits(), ends(bothHeld, noGoods), later()}},
		"it fails while it waits, and nobody undoes": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				bank(), moneyThatWaits(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())), later(),
			},
			want: []string{"no-undo goods"},
		},
		// A voucher that is refused is no failure: the money is held all the same.
		"a way round": {groups: []*saga.Group{
			api(), define("vouchers", does[GoodsHeld, VoucherTaken, VoucherRefused](saga.Closes())),
			goods(saga.Upon[said[MoneyNotHeld]]()),
			define("money", does[VoucherTaken, MoneyHeld, MoneyNotHeld](saga.Closes()), does[VoucherRefused, MoneyHeld, MoneyNotHeld](saga.Closes())),
			ends(bothHeld, noGoods),
		}},
		// Whether a voucher is granted does not matter for the end.
		"a step aside": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
			define("vouchers", saga.Does(upon[Completed], saga.Closes(), saga.Announces[said[VoucherTaken]](), saga.Fails[said[VoucherRefused]]())),
			define("numbers", saga.On(tally[VoucherRefused])),
		}},
		// The buyer begins, and so does the seller: they meet in the end.
		"two beginnings": {groups: []*saga.Group{
			api(), saga.Outside("seller", saga.Begins[said[Agreed]]()),
			define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]](), saga.Says[said[GoodsFreed]]())),
			define("money", does[Agreed, MoneyHeld, MoneyNotHeld](), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[GoodsNotHeld]](), saga.Says[said[MoneyFreed]]())),
			ends(bothHeld, bothFree),
		}},
		"two beginnings, and one does not undo": {
			groups: []*saga.Group{
				api(), saga.Outside("seller", saga.Begins[said[Agreed]]()),
				define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				define("money", does[Agreed, MoneyHeld, MoneyNotHeld](), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[GoodsNotHeld]](), saga.Says[said[MoneyFreed]]())),
				ends(bothHeld, saga.AnyOf(saga.AllOf(heard[GoodsNotHeld](), heard[MoneyFreed]()), heard[MoneyNotHeld]())),
			},
			want: []string{"no-undo goods"},
		},
		// Who began it owns its end.
		"it ends where it began": {groups: []*saga.Group{api(), beginner(saga.Then(upon[MoneyNotHeld], saga.Fails[said[Cancelled]](), saga.Announces[said[Cancelled]]())), moneyAfter()}},
		"it ends where it began, unless it fails": {
			groups: []*saga.Group{api(), beginner(), moneyAfter(), define("numbers", saga.On(tally[MoneyNotHeld]))},
			want:   []string{"no-undo goods", "path-without-end money"},
		},
		"it ends where it began, if it fails": {
			groups: []*saga.Group{api(), moneyAfter(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](saga.Announces[said[GoodsNotHeld]]()), saga.Then(upon[MoneyHeld], saga.Closes()),
				saga.Then(upon[MoneyNotHeld], saga.ClosesWith[said[Cancelled]](), saga.Announces[said[Cancelled]]()))},
			want: []string{"path-without-end goods"},
		},
		// All that the points hear is said by money, on one topic.
		"an undo upon an undo, in one voice": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), ends(bothHeld, bothFree),
			define("money", does[Placed, MoneyHeld, MoneyNotHeld](), saga.Then(upon[Completed], saga.ClosesWith[said[VoucherTaken]]()),
				saga.Undoes(undo, saga.Upon[said[GoodsNotHeld]](), saga.Says[said[MoneyFreed]]())),
			define("points", saga.Does(upon[MoneyHeld], saga.Refuses(refuse[MoneyHeld]), saga.Announces[said[Shipped]]()),
				saga.Then(upon[VoucherTaken], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyFreed]]())),
		}},
		"an undo upon an undo, which another's word may overtake": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), ends(bothHeld, bothFree), moneyBeside(saga.Upon[said[GoodsNotHeld]]()),
				define("points", saga.Does(upon[MoneyHeld], saga.Refuses(refuse[MoneyHeld]), saga.Announces[said[Shipped]]()),
					saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyFreed]]())),
			},
			want: []string{"undo-upon-undo points"},
		},
		"it is never settled": {
			groups: []*saga.Group{api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]](), saga.Says[said[GoodsFreed]]())), moneyAfter(), ends(bothHeld, noGoods)},
			want:   []string{"never-settled goods"},
		},
		"it stops on its way": {
			groups: []*saga.Group{api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), define("late", does[MoneyHeld, Shipped, NotAgreed]()), define("numbers", saga.On(tally[Shipped]), saga.On(tally[NotAgreed])), ends(bothHeld, noGoods)},
			want:   []string{"never-settled late", "path-without-end late"},
		},
		// A do that refuses nothing runs however old its saga is.
		"a long wait before who never refuses": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), bank(), moneyThatWaits(), ends(bothHeld, noGoods),
			define("letters", saga.Life(time.Minute), saga.Does(upon[MoneyHeld], saga.Closes(), saga.Silently())),
		}},
		"a long wait before who refuses": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), bank(), moneyThatWaits(), ends(bothHeld, noGoods),
				define("letters", saga.Life(time.Minute), saga.Does(upon[MoneyHeld], saga.Refuses(refuse[MoneyHeld]), saga.Closes(), saga.Silently())),
			},
			want: []string{"life-too-short letters"},
		},
		// Waits side by side last no longer than the longest of them.
		"two waits side by side before who refuses": {groups: append(
			waits(held[Placed, Agreed, GoodsHeld]("goods", 14*time.Hour), held[Placed, BankSaidYes, MoneyHeld]("money", 14*time.Hour)), letters[VoucherTaken](),
			define("vouchers", saga.Once(bothHeld, succeed, saga.ClosesWith[said[VoucherTaken]]())),
		)},
		"two waits one after the other before who refuses": {
			groups: append(waits(held[Placed, Agreed, GoodsHeld]("goods", 14*time.Hour), held[GoodsHeld, BankSaidYes, MoneyHeld]("money", 14*time.Hour)), letters[MoneyHeld]()),
			want:   []string{"life-too-short letters"},
		},
		"an effect that is tried for long before who refuses": {
			groups: []*saga.Group{api(), moneyByCard(25 * time.Hour), letters[MoneyHeld]()},
			want:   []string{"life-too-short letters"},
		},
		"an effect that is tried for less before who refuses": {groups: []*saga.Group{api(), moneyByCard(23 * time.Hour), letters[MoneyHeld]()}},
		// People who are not said to answer anything may stay away all the same.
		"a wait for people who begin": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), banker(), moneyUponWord(), ends(bothHeld, noGoods),
			},
			want: []string{"wait-without-deadline money"},
		},
		"a wait for people who begin, and somebody has the deadline": {groups: []*saga.Group{
			api(), banker(), ends(heard[GoodsHeld](), heard[GoodsNotHeld]()), define("numbers", saga.On(tally[BankSaidNo])),
			define("money", saga.Does(upon[MoneyAsked], saga.Refuses(refuse[MoneyAsked]), saga.Silently()), saga.Then(upon[BankSaidYes], saga.Says[said[MoneyHeld]](), saga.Closes()),
				saga.Undoes(undo, saga.Upon[said[GoodsNotHeld]]())),
			define("goods", saga.Does(upon[Placed], saga.Says[said[MoneyAsked]]()), saga.Within(time.Hour,
				saga.Then(upon[MoneyHeld], saga.Says[said[GoodsHeld]](), saga.Closes()),
				saga.Else(timeOut, saga.Fails[said[GoodsNotHeld]]()))),
		}},
		"people may say more, and it ends without that": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), saga.Outside("customer", saga.Begins[said[Agreed]]()), ends(bothHeld, noGoods),
			define("money", does[GoodsHeld, MoneyHeld, MoneyNotHeld](), saga.Then(upon[Agreed], saga.Announces[said[Shipped]]()), saga.Then(upon[Completed], saga.Closes())),
		}},
		// Who only takes note of what was said does not take the saga on.
		"it stops on its way, and somebody takes note": {
			groups: []*saga.Group{
				api(), saga.Outside("seller", saga.Begins[said[Agreed]]()), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]())),
				define("money", does[Agreed, MoneyHeld, MoneyNotHeld](saga.Closes())), ends(saga.AllOf(heard[MoneyHeld]()), saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())),
				define("notes", saga.Does(upon[GoodsHeld], saga.Closes(), saga.Silently())),
			},
			want: []string{"path-without-end goods"},
		},
		// The voucher is a step aside, and so is the letter that comes of it; the goods go on beside them.
		"two steps aside": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
			define("vouchers", saga.Does(upon[GoodsHeld], saga.Refuses(refuse[GoodsHeld]), saga.Says[said[VoucherTaken]]()), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]())),
			define("letters", saga.Does(upon[VoucherTaken], saga.Closes(), saga.Silently())),
		}},
		"a step aside at the end": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
			define("vouchers", saga.Does(upon[MoneyHeld], saga.Says[said[VoucherTaken]]()), saga.Then(upon[Completed], saga.Closes())),
			define("letters", saga.Does(upon[VoucherTaken], saga.Closes(), saga.Silently())),
		}},
		// What is only announced leaves the act open, like what is said.
		"an act that announces its success, and does not undo": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
				define("vouchers", announces[GoodsHeld](saga.Announces[said[VoucherRefused]]()), saga.Then(upon[Completed], saga.Closes())),
			},
			want: []string{"no-undo vouchers"},
		},
		"an act that announces its success, and undoes": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
			define("vouchers", announces[GoodsHeld](saga.Announces[said[VoucherRefused]]()), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]())),
		}},
		"a join that announces, or ends its act": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
				define("letters", saga.Once(saga.AllOf(heard[Placed](), heard[Completed]()), succeed, saga.Announces[said[Shipped]](), saga.ClosesWith[said[Agreed]](), saga.Announces[said[Agreed]]())),
			},
			want: []string{"once-again letters"},
		},
		// The end hears of a voucher that is refused, and one that is taken is announced to nobody here.
		"it ends upon what may come of a failure": {
			groups: []*saga.Group{
				api(), goodsInSilence(), moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[VoucherRefused]())),
				define("vouchers", announces[MoneyNotHeld](saga.Closes())),
			},
			want: []string{"path-without-end money"},
		},
		"it ends upon all that may come of a failure": {groups: []*saga.Group{
			api(), goodsInSilence(), moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[VoucherTaken](), heard[VoucherRefused]())),
			define("vouchers", does[MoneyNotHeld, VoucherTaken, VoucherRefused](saga.Closes(), saga.Announces[said[Shipped]]())),
		}},
		// Whoever asks may be told to begin: an API that also answers.
		"it begins by itself, and as an answer": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods), saga.Outside("customer", saga.Begins[said[Agreed]](), mayBegin()),
		}},
		"it begins by itself, and as an answer, and nobody undoes anything": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())), saga.Outside("customer", saga.Begins[said[Agreed]](), mayBegin()),
			},
			want: []string{"no-undo goods"},
		},
		"it begins as an answer only": {groups: []*saga.Group{
			goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods), saga.Outside("customer", saga.Begins[said[Agreed]](), mayBegin()),
		}},
		// An effect that is given up fails, whatever its group does then.
		"an effect is given up": {groups: []*saga.Group{api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyIfTheCardIsCharged(), ends(bothHeld, noGoods)}},
		"an effect is given up, and nobody undoes": {
			groups: []*saga.Group{
				api(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				moneyIfTheCardIsCharged(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())),
			},
			want: []string{"no-undo goods"},
		},
		"an effect is given up, and nobody ends it": {
			groups: []*saga.Group{api(), goodsInSilence(), moneyIfTheCardIsCharged(), ends(bothHeld, heard[GoodsNotHeld]())},
			want:   []string{"path-without-end money"},
		},
		"it ends only if an effect is given up": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyIfTheCardIsCharged(), define("letters", saga.On(tally[Cancelled], saga.Says[said[Completed]]())),
				define("ends", saga.Once(saga.AllOf(heard[Placed](), noGoods), fail, saga.Ends[said[Cancelled]]()),
					saga.Once(saga.AllOf(heard[Placed](), heard[MoneyNotHeld]()), succeed, saga.Ends[said[NotAgreed]]())),
			},
			want: []string{"path-without-end goods"},
		},
		// Whether the voucher could be sent does not matter for the end.
		"an effect aside is given up": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
			define("vouchers", saga.Does(upon[GoodsHeld], saga.Silently(), saga.Closes(), saga.Requests(card)), saga.On(tally[VoucherRefused]),
				charged(time.Hour, saga.Announces[said[VoucherTaken]](), saga.Says[said[VoucherRefused]]())),
		}},
		// The buyer and the seller must both have spoken before anybody acts.
		"it begins with a join": {groups: append(
			joined(heard[GoodsHeld](), saga.Once(saga.AllOf(heard[Placed](), heard[GoodsNotHeld]()), fail, saga.Ends[said[Cancelled]]())),
			define("goods", does[MoneyHeld, GoodsHeld, GoodsNotHeld](saga.Closes())), define("points", saga.Does(upon[MoneyHeld], saga.Closes(), saga.Silently())),
		)},
		"it begins with a join, and nobody undoes anything": {
			groups: append(joined(heard[Shipped](), saga.Once(saga.AllOf(heard[Placed](), saga.AnyOf(heard[GoodsNotHeld](), heard[NotAgreed]())), fail, saga.Ends[said[Cancelled]]())),
				define("goods", does[MoneyHeld, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())), define("wraps", does[GoodsHeld, Shipped, NotAgreed](saga.Closes()))),
			want: []string{"no-undo goods"},
		},
		"it begins with a join, and nobody ends it": {
			groups: append(joined(heard[Shipped]())[:3],
				define("goods", does[MoneyHeld, GoodsHeld, GoodsNotHeld](saga.Closes())), define("wraps", does[GoodsHeld, Shipped, NotAgreed](saga.Closes())),
				define("numbers", saga.On(tally[Shipped]), saga.On(tally[NotAgreed]), saga.On(tally[GoodsNotHeld]))),
			want: []string{"no-owner money"},
		},
		// Who acts or approves may do so in silence, and say no more than that it fails.
		"a do that acts in silence, or fails": {groups: []*saga.Group{
			api(), define("money", does[Placed, MoneyHeld, MoneyNotHeld](saga.Closes())), desk(),
			define("goods", saga.Does(upon[Placed], saga.Silently(), saga.Fails[said[GoodsNotHeld]]()), saga.Then(upon[MoneyHeld], saga.Ends[said[Completed]]()), saga.Then(upon[MoneyNotHeld], saga.Ends[said[Cancelled]]())),
		}},
		"an answer that approves in silence, or fails": {groups: []*saga.Group{
			api(), bank(), define("money", saga.Does(upon[MoneyAsked], saga.Says[said[MoneyHeld]](), saga.Closes())), desk(),
			define("goods", saga.Does(upon[Placed], saga.Says[said[MoneyAsked]]()),
				saga.Within(time.Hour, saga.Then(upon[BankSaidYes], saga.Fails[said[GoodsNotHeld]]()), saga.Then(upon[BankSaidNo], saga.Fails[said[GoodsNotHeld]]()), saga.Else(timeOut, saga.Fails[said[GoodsNotHeld]]())),
				saga.Within(time.Hour, saga.Then(upon[MoneyHeld], saga.Ends[said[Completed]]()), saga.Else(fail, saga.Fails[said[GoodsNotHeld]]()))),
		}},
		// Who subscribes orders again, once it has been cancelled.
		"a group begins it, too": {groups: []*saga.Group{
			sharing(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods), again(),
		}},
		"a group begins it, too, and nobody undoes anything": {
			groups: []*saga.Group{
				sharing(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes())),
				moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld](), heard[MoneyNotHeld]())), again(),
			},
			want: []string{"no-undo goods"},
		},
		"a group begins it, too, and nobody ends it": {
			groups: []*saga.Group{
				sharing(), define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]())), moneyAfter(),
				define("again", saga.Shared[said[Placed]](), saga.On(tally[GoodsNotHeld], saga.Says[said[Placed]]())), define("numbers", saga.On(tally[MoneyHeld])),
			},
			want: []string{"no-owner goods"},
		},
		"a group begins it anew upon a failure, and nobody says that it is over": {
			groups: []*saga.Group{
				sharing(), goodsInSilence(), moneyAfter(), ends(bothHeld, saga.AnyOf(heard[GoodsNotHeld]())),
				define("again", saga.Shared[said[Placed]](), saga.On(tally[MoneyNotHeld], saga.Says[said[Placed]]())), define("numbers", saga.On(tally[Cancelled])),
			},
			want: []string{"path-without-end money"},
		},
		// A request that comes first bars the act, and says nothing; one that comes later is refused.
		"an act that is past undoing once it is done": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), saga.Outside("customer", saga.Begins[said[Agreed]]()), ends(bothHeld, noGoods),
			define("money", does[GoodsHeld, MoneyHeld, MoneyNotHeld](saga.Pivots()), saga.Undoes(undo, saga.Upon[said[Agreed]](), saga.TooLate(fail), saga.Announces[said[NotAgreed]]())),
		}},
		"a join that is barred, and says so": {groups: []*saga.Group{
			api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), saga.Outside("customer", saga.Begins[said[Agreed]]()), ends(bothHeld, noGoods),
			define("letters", saga.Once(saga.AllOf(heard[Placed](), heard[MoneyHeld]()), succeed, saga.Closes(), saga.Announces[said[Shipped]]()),
				saga.Undoes(undo, saga.EvenIfNothing(), saga.Upon[said[Agreed]](), saga.Announces[said[NotAgreed]]())),
		}},
		"two say it, and one of them says that others may": {
			groups: []*saga.Group{
				api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods),
				define("letters", saga.Shared[said[Shipped]](), saga.On(tally[Placed], saga.Announces[said[Shipped]]())),
				define("numbers", saga.On(tally[Placed], saga.Announces[said[Shipped]]())),
			},
			want: []string{"two-speakers numbers"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range saga.Check(tt.groups...) {
				got = append(got, f.Rule+" "+f.Group)
				if !slices.Contains(tt.want, got[len(got)-1]) {
					t.Error(f)
				}
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// What begins a story begins it however else it may be said: the proof takes each story to its end.
func TestAStoryBeginsWithWhatMayBeAnAnswer(t *testing.T) {
	groups := []*saga.Group{api(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods)}
	want := []saga.Story{{Starts: []string{"placed"}, Ends: []string{"completed", "cancelled"}}}
	for _, outside := range []*saga.Group{saga.Outside("nobody"), saga.Outside("customer", saga.Begins[said[Agreed]](), mayBegin())} {
		if got := saga.Stories(append(groups, outside)...); !reflect.DeepEqual(got, want) {
			t.Errorf("with %s outside, the stories are %v, want %v", outside.Name(), got, want)
		}
	}
}

// Joins that share what they wait for begin one story, whichever of them it takes.
func TestJoinsThatShareAFactBeginOneStory(t *testing.T) {
	groups := []*saga.Group{
		define("orders",
			saga.Once(saga.AllOf(heard[Placed](), heard[Agreed]()), succeed, saga.Ends[said[Completed]]()),
			saga.Once(saga.AllOf(heard[Placed](), heard[NotAgreed]()), fail, saga.Ends[said[Cancelled]]())),
		define("letters", saga.Does(upon[Completed], saga.Closes(), saga.Silently()), saga.Does(upon[Cancelled], saga.Closes(), saga.Silently())),
	}
	want := []saga.Story{{Starts: []string{"placed", "agreed", "notagreed"}, Ends: []string{"completed", "cancelled"}}}
	if got := saga.Stories(groups...); !reflect.DeepEqual(got, want) {
		t.Errorf("the stories are %+v, want %+v", got, want)
	}
}

// joined is money that is held as soon as two have spoken, and who owns the end.
func joined(completed saga.Condition, more ...saga.Part) []*saga.Group {
	return []*saga.Group{
		api(), saga.Outside("seller", saga.Begins[said[Agreed]]()),
		define("money", saga.Once(saga.AllOf(heard[Placed](), heard[Agreed]()), succeed, saga.ClosesWith[said[MoneyHeld]]())),
		define("ends", append(more, saga.Once(saga.AllOf(heard[Placed](), completed), succeed, saga.Ends[said[Completed]]()))...),
	}
}

// Only a saga.Then can be put into a saga.Within. Where anything else goes by what people answer, who asks them is to wait.
func TestTheMendOfAWaitCanBeFollowed(t *testing.T) {
	for hearer, tt := range map[string]struct {
		group *saga.Group
		mend  string
	}{
		"a then": {define("money", saga.Does(upon[GoodsHeld], saga.Silently()), saga.Then(upon[Agreed], saga.Ends[said[Completed]]())), `put saga.Then(upon, ...) into a saga.Within(time, ..., saga.Else(...)); or write saga.Optional()`},
		"a do":   {define("money", saga.Does(upon[Agreed], saga.Ends[said[Completed]]())), `let goods wait for it, in a saga.Within(time, saga.Then(...), saga.Else(...)), and say what came of it; and let money.upon go by that; or write saga.Optional()`},
		"a join": {define("money", saga.Once(heard[Agreed](), succeed, saga.Ends[said[Completed]]())), `let goods wait for it, in a saga.Within(time, saga.Then(...), saga.Else(...)), and say what came of it; and let money.succeed go by that; or write saga.Optional()`},
	} {
		found := saga.Check(api(), define("goods", saga.Does(upon[Placed], saga.Says[said[GoodsHeld]](), saga.Closes())), tt.group,
			saga.Outside("customer", saga.Answers(func(said[GoodsHeld]) []saga.Fact { return nil }, saga.Says[said[Agreed]]())))
		if i := slices.IndexFunc(found, func(f saga.Finding) bool { return f.Rule == "wait-without-deadline" }); i < 0 || !strings.HasPrefix(found[i].Mend, tt.mend) {
			t.Errorf("%s: found %v, want a wait without deadline that is mended so: %s", hearer, found, tt.mend)
		}
	}
}

// held is a group that waits for one of two people, and goes on without them.
func held[T, Word, Held any](name string, within time.Duration) *saga.Group {
	return define(name, saga.Does(upon[T], saga.Silently()), saga.Within(within, saga.Then(upon[Word], saga.Closes(), saga.Says[said[Held]]()), saga.Else(timeOut, saga.Closes(), saga.Says[said[Held]]())))
}

func waits(groups ...*saga.Group) []*saga.Group {
	return append(groups, api(), saga.Outside("people", saga.Begins[said[Agreed]](), saga.Begins[said[BankSaidYes]]()))
}

// moneyByCard tries to charge a card, and says that the money is held, whatever comes of it.
func moneyByCard(within time.Duration) *saga.Group {
	return define("money", saga.Does(upon[Placed], saga.Silently(), saga.Requests(card)), saga.Then(upon[MoneyHeld], saga.Closes()),
		charged(within, saga.Says[said[MoneyHeld]](), saga.Says[said[MoneyHeld]]()))
}

// moneyIfTheCardIsCharged says so if that is given up.
func moneyIfTheCardIsCharged() *saga.Group {
	return define("money", saga.Does(upon[GoodsHeld], saga.Silently(), saga.Requests(card)), saga.Then(upon[MoneyHeld], saga.Closes()), saga.Then(upon[MoneyNotHeld], saga.Closes()),
		charged(time.Hour, saga.Says[said[MoneyHeld]](), saga.Says[said[MoneyNotHeld]]()))
}

var card = saga.EffectOf[string]("card")

func charged(within time.Duration, performed, not saga.Option) saga.Part {
	perform := func(context.Context, string, string) error { return nil }
	return saga.Performs(card, within, perform, saga.Performed(outcome, performed), saga.NotPerformed(outcome, not))
}

func outcome(string, saga.Cause) []saga.Fact { return nil }

// letters refuses what is too old, and ends what is not.
func letters[T any]() *saga.Group {
	return define("letters", saga.Does(upon[T], saga.Refuses(refuse[T]), saga.Ends[said[Completed]]()))
}

// desk says that it is over where there are no goods.
func desk() *saga.Group {
	return define("desk", saga.Once(saga.AllOf(heard[Placed](), heard[GoodsNotHeld]()), fail, saga.Ends[said[NotAgreed]]()))
}

// A story comes through another one's beginning if it comes to no end without it.
func TestAStoryKnowsThroughWhichOthersItComes(t *testing.T) {
	groups := []*saga.Group{
		sharing(), goods(saga.Upon[said[MoneyNotHeld]]()), moneyAfter(), ends(bothHeld, noGoods), saga.Outside("customer", saga.Begins[said[Agreed]]()),
		define("again", saga.Shared[said[Placed]](), saga.On(tally[Agreed], saga.Says[said[Placed]]())),
	}
	other := define("other", saga.Does(upon[Agreed], saga.Ends[said[Completed]]()))
	for _, tt := range []struct {
		groups []*saga.Group
		want   []string
	}{{groups, []string{"placed"}}, {append(groups, other), nil}} {
		stories := saga.Stories(tt.groups...)
		if i := slices.IndexFunc(stories, func(s saga.Story) bool { return s.Starts[0] == "agreed" }); i < 0 || !slices.Equal(stories[i].Through, tt.want) {
			t.Errorf("the stories are %+v, want one that begins with agreed and comes through %q", stories, tt.want)
		}
	}
}

// sharing is an API that shares with a group what it begins with: again.
func sharing() *saga.Group {
	return saga.Outside("api", saga.Begins[said[Placed]](), saga.Shared[said[Placed]]())
}

func again() *saga.Group {
	return define("again", saga.Shared[said[Placed]](), saga.On(tally[Cancelled], saga.Says[said[Placed]]()))
}

// announces is a do upon T that takes a voucher, and tells nobody here; or fails.
func announces[T any](more ...saga.Option) saga.Part {
	return saga.Does(upon[T], append([]saga.Option{saga.Refuses(refuse[T]), saga.Announces[said[VoucherTaken]](), saga.Fails[said[VoucherRefused]]()}, more...)...)
}

// goodsInSilence does not say that it has undone its part.
func goodsInSilence() *saga.Group {
	return define("goods", does[Placed, GoodsHeld, GoodsNotHeld](), saga.Then(upon[Completed], saga.Closes()), saga.Undoes(undo, saga.Upon[said[MoneyNotHeld]]()))
}

func mayBegin() saga.Part {
	return saga.Answers(func(f said[Agreed]) []saga.Fact { return saga.Say(said[Placed](f)) }, saga.Says[said[Placed]](), saga.Optional())
}

// beginner says itself that it is over.
func beginner(more ...saga.Part) *saga.Group {
	return define("goods", append([]saga.Part{
		does[Placed, GoodsHeld, GoodsNotHeld](saga.Announces[said[GoodsNotHeld]]()),
		saga.Within(time.Hour,
			saga.Then(upon[MoneyHeld], saga.ClosesWith[said[Completed]](), saga.Announces[said[Completed]]()),
			saga.Else(timeOut, saga.Fails[said[Cancelled]](), saga.Announces[said[Cancelled]]())),
	}, more...)...)
}
