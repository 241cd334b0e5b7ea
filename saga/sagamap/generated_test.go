package sagamap_test

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"tiffin/saga"
)

// digit is a number as a type: facts are types, so many of them are made of two numbers each.
type digit interface{ digit() }

type (
	d0  struct{}
	d1  struct{}
	d2  struct{}
	d3  struct{}
	d4  struct{}
	d5  struct{}
	d6  struct{}
	d7  struct{}
	d8  struct{}
	d9  struct{}
	d10 struct{}
	d11 struct{}
)

func (d0) digit()  {}
func (d1) digit()  {}
func (d2) digit()  {}
func (d3) digit()  {}
func (d4) digit()  {}
func (d5) digit()  {}
func (d6) digit()  {}
func (d7) digit()  {}
func (d8) digit()  {}
func (d9) digit()  {}
func (d10) digit() {}
func (d11) digit() {}

func number[D digit]() (n int) {
	if _, err := fmt.Sscanf(reflect.TypeFor[D]().Name(), "d%d", &n); err != nil {
		panic(err)
	}
	return n
}

// fact is the B-th fact of the A-th domain.
type fact[A, B digit] struct{ ID string }

func (f fact[A, B]) Key() string { return f.ID }
func (fact[A, B]) Topic() string { return domainNames[number[A]()] }
func (f fact[A, B]) EventType() string {
	return strings.TrimSuffix(f.Topic(), "s") + "." + verbs[number[B]()]
}

var (
	domainNames = []string{"baskets", "vouchers", "invoices", "parcels", "couriers", "returns", "disputes", "ratings"}
	verbs       = []string{"asked", "reserved", "rejected", "released", "accepted", "refused", "finished", "failed", "undone", "closed", "ended", "answered"}
)

func does[E saga.Fact](*document, saga.Event[E]) []saga.Fact { return nil }
func no[E saga.Fact](*document, saga.Event[E]) []saga.Fact   { return nil }
func undo(*document, saga.Cause) []saga.Fact                 { return nil }
func answer[E saga.Fact](E) []saga.Fact                      { return nil }
func note[E saga.Fact](saga.Event[E]) []saga.Fact            { return nil }

// domain is five groups that pass a saga on to one another, and undo what they did when one of them fails; the last but one
// passes it on to the next domain.
func domain[A, Next digit]() []*saga.Group {
	keep := saga.Documents(documents, entries)
	name := strings.TrimSuffix(domainNames[number[A]()], "s") + "-"
	return []*saga.Group{
		saga.Define(name+"intake", keep,
			saga.Does(does[fact[A, d0]], saga.Refuses(no[fact[A, d0]]), saga.Says[fact[A, d1]](), saga.Fails[fact[A, d2]]()),
			saga.Undoes(undo, saga.Upon[fact[A, d5]](), saga.Upon[fact[A, d7]](), saga.Says[fact[A, d3]]())),
		saga.Define(name+"check", keep,
			saga.Does(does[fact[A, d1]], saga.Refuses(no[fact[A, d1]]), saga.Says[fact[A, d4]](), saga.Fails[fact[A, d5]]()),
			saga.Undoes(undo, saga.Upon[fact[A, d7]](), saga.Says[fact[A, d8]]())),
		saga.Define(name+"work", keep,
			saga.Does(does[fact[A, d4]], saga.Silently()),
			saga.Within(time.Hour,
				saga.Then(does[fact[A, d11]], saga.Says[fact[A, d6]](), saga.Fails[fact[A, d7]]()),
				saga.Else(undo, saga.Fails[fact[A, d7]]()))),
		saga.Define(name+"handover", keep,
			saga.Does(does[fact[A, d6]], saga.Says[fact[A, d9]](), saga.Says[fact[Next, d0]]())),
		saga.Define(name+"desk", keep,
			saga.Records(write, saga.Uses(entries), saga.Upon[fact[A, d1]](), saga.Upon[fact[A, d4]](), saga.Upon[fact[A, d6]]()),
			saga.Once(saga.AnyOf(saga.Heard[fact[A, d2]](), saga.Heard[fact[A, d9]](), saga.AllOf(saga.Heard[fact[A, d3]](), saga.Heard[fact[A, d8]]())),
				end, saga.Ends[fact[A, d10]]())),
		saga.Outside(name+"clerk", saga.Answers(answer[fact[A, d4]], saga.Says[fact[A, d11]]())),
	}
}

// forty is a choreography of 42 groups and 9 people and APIs, who say 96 kinds of facts.
func forty() []*saga.Group {
	var groups []*saga.Group
	for _, d := range [][]*saga.Group{
		domain[d0, d1](), domain[d1, d2](), domain[d2, d3](), domain[d3, d4](), domain[d4, d5](), domain[d5, d6](), domain[d6, d7](), domain[d7, d0](),
	} {
		groups = append(groups, d...)
	}
	return append(groups,
		saga.Define("mailing", saga.Documents(documents),
			saga.On(note[fact[d0, d10]]), saga.On(note[fact[d2, d10]]), saga.On(note[fact[d4, d10]]), saga.On(note[fact[d6, d10]])),
		saga.Define("figures", saga.Documents(documents),
			saga.On(note[fact[d0, d10]]), saga.On(note[fact[d1, d10]]), saga.On(note[fact[d2, d10]]), saga.On(note[fact[d3, d10]]),
			saga.On(note[fact[d4, d10]]), saga.On(note[fact[d5, d10]]), saga.On(note[fact[d6, d10]]), saga.On(note[fact[d7, d10]])),
		saga.Outside("shop-api", saga.Begins[fact[d0, d0]](), saga.Begins[fact[d3, d0]](), saga.Begins[fact[d6, d0]]()))
}
