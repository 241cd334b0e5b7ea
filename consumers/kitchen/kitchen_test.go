package kitchen

import (
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

var (
	paid     = schemas.PaymentSucceeded{PaymentID: "o1", Purpose: schemas.ForOrder, RestaurantID: "annapurna", Amount: schemas.Money{Currency: "INR", MinorUnits: 500}}
	asked    = schemas.KitchenAsked{OrderID: "o1", RestaurantID: "annapurna"}
	accepted = schemas.KitchenAccepted{OrderID: "o1", RestaurantID: "annapurna"}
	ready    = schemas.MealReady{OrderID: "o1", RestaurantID: "annapurna", City: "mumbai"}
)

func rejected(reason string) schemas.KitchenRejected {
	return schemas.KitchenRejected{OrderID: "o1", Reason: reason}
}

func room(free, busy int) *Room {
	return &Room{RestaurantID: "annapurna", Name: "Annapurna", City: "mumbai", Places: free + busy, Free: free, Busy: busy}
}

func script(t *testing.T) *sagatest.Script {
	return sagatest.Group(t, Group(Config{AcceptTime: 10 * time.Minute, PreparationTime: 30 * time.Minute})).Given(room(2, 0))
}

func TestAnOrderIsCooked(t *testing.T) {
	script(t).
		Hears(paid).Says(asked).Keeps(room(1, 1)).
		Hears(schemas.RestaurantAccepted{OrderID: "o1"}).Says(accepted).
		Hears(schemas.MealCooked{OrderID: "o1"}).Says(ready).Keeps(room(2, 0))
}

func TestNoRoom(t *testing.T) {
	script(t).Given(room(0, 2)).
		Hears(paid).Says(rejected(schemas.ReasonNoRoom)).Keeps(room(0, 2)).Act("o1", saga.Refused)
}

func TestAnUnknownRestaurantIsClosed(t *testing.T) {
	other := paid
	other.RestaurantID = "nowhere"
	script(t).Hears(other).Says(rejected(schemas.ReasonRestaurantClosed))
}

func TestTheRestaurantRefuses(t *testing.T) {
	script(t).Hears(paid).
		Hears(schemas.RestaurantRejected{OrderID: "o1", Reason: "too-busy"}).Says(rejected("too-busy")).Keeps(room(2, 0))
}

func TestTheRestaurantNeverAnswers(t *testing.T) {
	script(t).Hears(paid).
		Passes(9 * time.Minute).SaysNothing().
		Passes(time.Minute).Says(rejected(schemas.ReasonRestaurantTimedOut)).Keeps(room(2, 0)).
		Hears(schemas.RestaurantAccepted{OrderID: "o1"}).SaysNothing()
}

func TestTheCookNeverAnswers(t *testing.T) {
	script(t).Hears(paid).Hears(schemas.RestaurantAccepted{OrderID: "o1"}).
		Passes(30 * time.Minute).Says(ready).
		Hears(schemas.MealCooked{OrderID: "o1"}).SaysNothing().Keeps(room(2, 0))
}

func TestTheCustomerCancels(t *testing.T) {
	cancelled := schemas.KitchenCancelled{OrderID: "o1", Reason: schemas.ReasonCancelledByCustomer}
	refused := schemas.CancellationRefused{OrderID: "o1", Reason: schemas.ReasonTooLate}
	request := schemas.CancellationRequested{OrderID: "o1"}
	t.Run("before the pivot", func(t *testing.T) {
		script(t).Hears(paid).Hears(request).Says(cancelled).Keeps(room(2, 0)).
			Hears(request).SaysNothing().
			Hears(schemas.RestaurantAccepted{OrderID: "o1"}).SaysNothing()
	})
	t.Run("after the pivot, twice", func(t *testing.T) {
		script(t).Hears(paid).Hears(schemas.RestaurantAccepted{OrderID: "o1"}).
			Hears(request).Says(refused).
			Hears(request).SaysNothing().Keeps(room(1, 1))
	})
	t.Run("before the order has come", func(t *testing.T) {
		script(t).Hears(request).Says(cancelled).Act("o1", saga.Barred).
			Hears(paid).Says(rejected(schemas.ReasonCancelledByCustomer)).Keeps(room(2, 0))
	})
}

func TestAMealThatNeverArrivesIsWrittenOff(t *testing.T) {
	script(t).Hears(paid).Hears(schemas.RestaurantAccepted{OrderID: "o1"}).Hears(schemas.MealCooked{OrderID: "o1"}).
		Hears(schemas.DeliveryFailed{OrderID: "o1", Reason: "lost"}).Says(schemas.MealWrittenOff{OrderID: "o1"}).Act("o1", saga.Closed)
}

func TestAnotherPaymentLeavesNoTrace(t *testing.T) {
	s := script(t).Hears(schemas.PaymentSucceeded{PaymentID: "p1", Purpose: schemas.Transfer, Amount: paid.Amount}).SaysNothing()
	if _, exists := sagatest.Load[Ticket](s.World(), "p1"); exists {
		t.Error("a payment from account to account left a ticket")
	}
}

func TestAnOrderThatIsTooOldIsRefused(t *testing.T) {
	script(t).HearsLate(paid, 25*time.Hour).Says(rejected(schemas.ReasonExpired)).Keeps(room(2, 0))
}

func TestARestaurantOpensAgainWithoutDoubling(t *testing.T) {
	three := 3
	opened := schemas.RestaurantOpened{RestaurantID: "annapurna", Name: "Annapurna", City: "mumbai", Places: &three}
	script(t).Hears(paid).
		Hears(opened).Keeps(room(2, 1)).
		Hears(opened).Keeps(room(2, 1))
}

// A kitchen that shrinks while all its places are taken closes those that it has too many, as they are left.
func TestAKitchenShrinksAsItsPlacesAreLeft(t *testing.T) {
	opened := func(places int) schemas.RestaurantOpened {
		return schemas.RestaurantOpened{RestaurantID: "annapurna", Name: "Annapurna", City: "mumbai", Places: &places}
	}
	order := func(id string) schemas.PaymentSucceeded {
		p := paid
		p.PaymentID = id
		return p
	}
	closing := func(free, busy, closing int) *Room {
		r := room(free, busy)
		r.Closing = closing
		return r
	}
	s := script(t).Given(room(3, 0)).Hears(order("o1")).Hears(order("o2")).Hears(order("o3")).
		Hears(opened(1)).Keeps(closing(0, 3, 2)).
		Hears(opened(1)).Keeps(closing(0, 3, 2)).
		Hears(schemas.CancellationRequested{OrderID: "o1"}).Keeps(closing(0, 2, 1)).
		Hears(order("o4")).Says(schemas.KitchenRejected{OrderID: "o4", Reason: schemas.ReasonNoRoom})
	t.Run("and stays small", func(t *testing.T) {
		s.Hears(schemas.CancellationRequested{OrderID: "o2"}).Keeps(room(0, 1)).
			Hears(schemas.CancellationRequested{OrderID: "o3"}).Keeps(room(1, 0))
	})
	t.Run("unless it grows again", func(t *testing.T) {
		script(t).Given(closing(0, 3, 2)).Hears(opened(2)).Keeps(closing(0, 3, 1)).Hears(opened(4)).Keeps(room(1, 3))
	})
}
