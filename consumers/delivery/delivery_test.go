package delivery

import (
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/sagatest"
	"tiffin/schemas"
)

var (
	ready     = schemas.MealReady{OrderID: "o1", RestaurantID: "annapurna", City: "mumbai"}
	scheduled = schemas.DeliveryScheduled{OrderID: "o1", City: "mumbai"}
	completed = schemas.DeliveryCompleted{OrderID: "o1"}
	arrived   = schemas.CourierDelivered{OrderID: "o1"}
)

func failed(reason string) schemas.DeliveryFailed {
	return schemas.DeliveryFailed{OrderID: "o1", Reason: reason}
}

func fleet(free, out int) *Fleet {
	return &Fleet{City: "mumbai", Couriers: free + out, Free: free, Out: out}
}

func leaving(free, out, leaving int) *Fleet {
	f := fleet(free, out)
	f.Leaving = leaving
	return f
}

func sized(couriers int) schemas.FleetSized {
	return schemas.FleetSized{City: "mumbai", Couriers: &couriers}
}

// script has two couriers in mumbai. That each is free or out, once, is the fleet's Check, after every reaction.
func script(t *testing.T) *sagatest.Script {
	return sagatest.Group(t, Group(Config{DeliveryTime: time.Hour})).Given(fleet(2, 0))
}

func TestAMealIsDelivered(t *testing.T) {
	script(t).
		Hears(ready).Says(scheduled).Act("o1", saga.Done).Keeps(fleet(1, 1), &Trip{OrderID: "o1", City: "mumbai"}).
		Hears(ready).SaysNothing().Keeps(fleet(1, 1)).
		Hears(arrived).Says(completed).Act("o1", saga.Closed).Keeps(fleet(2, 0)).
		Hears(arrived).SaysNothing().
		Hears(schemas.CourierFailed{OrderID: "o1", Reason: "flat-tyre"}).SaysNothing().
		Passes(2 * time.Hour).SaysNothing().Keeps(fleet(2, 0))
}

func TestNoCourierIsFree(t *testing.T) {
	script(t).Given(fleet(0, 2)).
		Hears(ready).Says(failed(schemas.ReasonNoCourier)).Act("o1", saga.Refused).Keeps(fleet(0, 2)).
		Hears(arrived).SaysNothing().Keeps(fleet(0, 2))
}

func TestACityWithoutAFleetHasNoCourier(t *testing.T) {
	elsewhere := ready
	elsewhere.City = "hilltop"
	script(t).Hears(elsewhere).Says(failed(schemas.ReasonNoCourier)).Keeps(fleet(2, 0))
}

func TestTheCourierFails(t *testing.T) {
	script(t).Hears(ready).
		Hears(schemas.CourierFailed{OrderID: "o1", Reason: "flat-tyre"}).Says(failed("flat-tyre")).Act("o1", saga.Refused).Keeps(fleet(2, 0)).
		Hears(arrived).SaysNothing().Keeps(fleet(2, 0))
}

func TestTheCourierNeverReports(t *testing.T) {
	script(t).Hears(ready).
		Passes(59*time.Minute).SaysNothing().
		Passes(time.Minute).Says(failed(schemas.ReasonCourierTimedOut)).Act("o1", saga.Refused).Keeps(fleet(2, 0)).
		Hears(arrived).SaysNothing().Keeps(fleet(2, 0))
}

func TestAReportThatNobodyAskedForChangesNothing(t *testing.T) {
	script(t).Hears(arrived).SaysNothing().Keeps(fleet(2, 0)).
		Hears(ready).Says(scheduled).Keeps(fleet(1, 1))
}

func TestAMealThatIsTooOldIsNotDelivered(t *testing.T) {
	script(t).HearsLate(ready, 25*time.Hour).Says(failed(schemas.ReasonExpired)).Act("o1", saga.Refused).Keeps(fleet(2, 0))
}

func TestAFleetChanges(t *testing.T) {
	script(t).Hears(ready).
		Hears(sized(5)).SaysNothing().Keeps(fleet(4, 1)).
		Hears(sized(5)).Keeps(fleet(4, 1)).
		Hears(sized(0)).Keeps(leaving(0, 1, 1)). // who is out stays out
		Hears(sized(0)).Keeps(leaving(0, 1, 1)).
		Hears(arrived).Says(completed).Keeps(fleet(0, 0))
}

// Who is dismissed while out gets no order after coming back.
func TestADismissedCourierLeavesUponComingBack(t *testing.T) {
	second, third := ready, ready
	second.OrderID, third.OrderID = "o2", "o3"
	s := script(t).Hears(ready).Hears(second).
		Hears(sized(1)).Keeps(leaving(0, 2, 1)).
		Hears(arrived).Says(completed).Keeps(fleet(0, 1)).
		Hears(third).Says(schemas.DeliveryFailed{OrderID: "o3", Reason: schemas.ReasonNoCourier})
	t.Run("those who stay come back as before", func(t *testing.T) {
		s.Hears(schemas.CourierDelivered{OrderID: "o2"}).Keeps(fleet(1, 0))
	})
	t.Run("unless the fleet grows again", func(t *testing.T) {
		script(t).Given(leaving(0, 2, 1)).Hears(sized(3)).Keeps(fleet(1, 2))
	})
}

func TestTheDefaultTimeIsAnHour(t *testing.T) {
	sagatest.Group(t, Group(Config{})).Given(fleet(1, 0)).Hears(ready).
		Passes(time.Hour - time.Second).SaysNothing().
		Passes(time.Second).Says(failed(schemas.ReasonCourierTimedOut))
}
