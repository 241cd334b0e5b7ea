package simulate

import (
	"testing"
	"time"

	"tiffin/internal/demo"
	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

var (
	accepted  = schemas.RestaurantAccepted{OrderID: "o1"}
	refused   = schemas.RestaurantRejected{OrderID: "o1", Reason: schemas.ReasonRestaurantRefused}
	cooked    = schemas.MealCooked{OrderID: "o1"}
	delivered = schemas.CourierDelivered{OrderID: "o1"}
	failed    = schemas.CourierFailed{OrderID: "o1", Reason: schemas.ReasonCourierFailed}
	scheduled = schemas.DeliveryScheduled{OrderID: "o1", City: "mumbai"}
)

func askedOf(restaurant string) schemas.KitchenAsked {
	return schemas.KitchenAsked{OrderID: "o1", RestaurantID: restaurant}
}

func acceptedBy(restaurant string) schemas.KitchenAccepted {
	return schemas.KitchenAccepted{OrderID: "o1", RestaurantID: restaurant}
}

var config = Config{Manners: map[string]Manners{
	"grumpy": {Restaurant: Refuses, Courier: Refuses},
	"slow":   {Slow, Slow, Slow},
	"silent": {Silent, Silent, Silent},
}}

func party(t *testing.T, i int) *sagatest.Script {
	return sagatest.Group(t, Parties(config)[i].Group)
}

func TestTheRestaurantAnswersAfterAWhile(t *testing.T) {
	party(t, 0).Hears(askedOf("annapurna")).SaysNothing().
		Passes(299*time.Millisecond).SaysNothing().
		Passes(time.Millisecond).Says(accepted).Act("o1", saga.Closed).
		Passes(time.Hour).SaysNothing()
	party(t, 0).Hears(askedOf("grumpy")).Passes(time.Second).Says(refused).Act("o1", saga.Closed)
	party(t, 0).Hears(askedOf("slow")).Passes(20*time.Second).SaysNothing().Passes(time.Second).Says(accepted).Act("o1", saga.Closed)
	party(t, 0).Hears(askedOf("silent")).Passes(time.Hour).SaysNothing().Act("o1", saga.Closed)
}

func TestTheRestaurantForgetsWhatNobodyWaitsForAnyMore(t *testing.T) {
	for _, end := range saga.Say(schemas.KitchenCancelled{OrderID: "o1", Reason: "changed-my-mind"}, schemas.KitchenRejected{OrderID: "o1", Reason: "too-busy"}) {
		party(t, 0).Hears(askedOf("slow")).Hears(end).SaysNothing().Act("o1", saga.Closed).Passes(time.Hour).SaysNothing()
	}
}

func TestTheCookSaysWhenTheMealIsReady(t *testing.T) {
	party(t, 1).Hears(acceptedBy("annapurna")).SaysNothing().
		Passes(999*time.Millisecond).SaysNothing().
		Passes(time.Millisecond).Says(cooked).Act("o1", saga.Closed)
	party(t, 1).Hears(acceptedBy("slow")).Passes(20*time.Second).SaysNothing().Passes(time.Second).Says(cooked).Act("o1", saga.Closed)
	party(t, 1).Hears(acceptedBy("silent")).Passes(time.Hour).SaysNothing().Act("o1", saga.Closed)
}

func TestTheCourierReports(t *testing.T) {
	party(t, 2).Hears(askedOf("annapurna")).SaysNothing().
		Hears(scheduled).SaysNothing().
		Passes(699*time.Millisecond).SaysNothing().
		Passes(time.Millisecond).Says(delivered).Act("o1", saga.Closed)
	party(t, 2).Hears(askedOf("grumpy")).Hears(scheduled).Passes(time.Second).Says(failed).Act("o1", saga.Closed)
	party(t, 2).Hears(askedOf("slow")).Hears(scheduled).Passes(20 * time.Second).SaysNothing().Passes(time.Second).Says(delivered)
	party(t, 2).Hears(askedOf("silent")).Hears(scheduled).Passes(time.Hour).SaysNothing().Act("o1", saga.Closed)
}

// The two topics that the courier hears may be read in any order.
func TestTheCourierLearnsTheRestaurantLate(t *testing.T) {
	party(t, 2).Hears(scheduled).SaysNothing().Hears(askedOf("grumpy")).Passes(time.Second).Says(failed)
}

func TestWithoutDelaysEverybodyAnswersAtOnce(t *testing.T) {
	now := config
	now.Instant = true
	if n := len(Parties(now)); n != 1 {
		t.Fatalf("%d groups, want one", n)
	}
	instant := func() *sagatest.Script { return sagatest.Group(t, Parties(now)[0].Group) }
	for _, restaurant := range []string{"annapurna", "slow"} {
		instant().Hears(askedOf(restaurant)).Says(accepted).
			Hears(acceptedBy(restaurant)).Says(cooked).
			Hears(scheduled).Says(delivered)
	}
	instant().Hears(askedOf("grumpy")).Says(refused).Hears(scheduled).Says(failed)
	instant().Hears(askedOf("silent")).SaysNothing().Hears(acceptedBy("silent")).SaysNothing().Hears(scheduled).SaysNothing()
}

func TestAPromptOrderLeavesNoRowWithoutDelays(t *testing.T) {
	s := sagatest.Group(t, Parties(Config{Instant: true})[0].Group).Hears(askedOf("annapurna")).Hears(scheduled)
	if _, exists := sagatest.Load[Task](s.World(), "o1"); exists {
		t.Error("an order of a prompt restaurant left a row")
	}
}

func TestTheDefaultMannersAreThoseOfDemoRestaurants(t *testing.T) {
	facts, err := demo.Facts()
	if err != nil {
		t.Fatal(err)
	}
	opened := map[string]bool{}
	for _, f := range facts {
		if r, ok := f.(schemas.RestaurantOpened); ok {
			opened[r.RestaurantID] = true
		}
	}
	for id := range DefaultManners() {
		if !opened[id] {
			t.Errorf("the demo data have no restaurant %s", id)
		}
	}
}
