package saga_test

import (
	"fmt"

	"tiffin/saga"
	"tiffin/saga/sagatest"
)

// Facts say what happened. Those of a trip are keyed by it, and so stay in order.
type Trip struct{ ID, Train, Card string }

func (t Trip) Key() string { return t.ID }
func (Trip) Topic() string { return "trips" }

type (
	TripBooked   struct{ Trip }
	SeatHeld     struct{ Trip }
	SeatRefused  struct{ Trip }
	SeatReleased struct{ Trip }
	CardCharged  struct{ Trip }
	CardDeclined struct{ Trip }
)

func (TripBooked) EventType() string   { return "trip.booked" }
func (SeatHeld) EventType() string     { return "seat.held" }
func (SeatRefused) EventType() string  { return "seat.refused" }
func (SeatReleased) EventType() string { return "seat.released" }
func (CardCharged) EventType() string  { return "card.charged" }
func (CardDeclined) EventType() string { return "card.declined" }

// Documents are what a group keeps: rows of its tables. The one of a saga has the group's act in it.
type Seat struct {
	saga.Act
	TripID, Train string
}

type Charge struct {
	saga.Act
	TripID string
}

var (
	seats   = saga.In("seats", func(s *Seat) saga.Columns { return saga.Columns{{"trip_id", &s.TripID}, {"train", &s.Train}} })
	charges = saga.In("charges", func(c *Charge) saga.Columns { return saga.Columns{{"trip_id", &c.TripID}} })
)

// Reactions change documents, and return the facts to say.
func hold(s *Seat, e saga.Event[TripBooked]) []saga.Fact {
	s.Train = e.Fact.Train
	return saga.Say(SeatHeld{e.Fact.Trip})
}

func refuse(_ *Seat, e saga.Event[TripBooked]) []saga.Fact { return saga.Say(SeatRefused{e.Fact.Trip}) }

func release(s *Seat, why saga.Cause) []saga.Fact {
	return saga.Say(SeatReleased{Trip{ID: s.TripID, Train: s.Train}})
}

func charge(_ *Charge, e saga.Event[SeatHeld]) []saga.Fact {
	if e.Fact.Card == "stolen" {
		return saga.Say(CardDeclined{e.Fact.Trip})
	}
	return saga.Say(CardCharged{e.Fact.Trip})
}

// A trip takes a seat and a payment. Nobody is in charge: when the card is declined, the seat is released upon that.
func Example() {
	railway := saga.Define("railway", saga.Documents(seats),
		saga.Does(hold, saga.Refuses(refuse), saga.Says[SeatHeld](), saga.Fails[SeatRefused]()),
		saga.Undoes(release, saga.Upon[CardDeclined](), saga.Says[SeatReleased]()))
	bank := saga.Define("bank", saga.Documents(charges),
		saga.Does(charge, saga.Says[CardCharged](), saga.Fails[CardDeclined]()))

	for _, card := range []string{"good", "stolen"} {
		w := sagatest.New(railway, bank)
		w.Say(TripBooked{Trip{"t1", "Deccan Queen", card}})
		if err := w.Run(); err != nil {
			panic(err)
		}
		seat, _ := sagatest.Load[Seat](w, "t1")
		fmt.Println(w.Types(), "seat:", seat.State())
	}
	// Output:
	// [trip.booked seat.held card.charged] seat: done
	// [trip.booked seat.held card.declined seat.released] seat: undone
}
