// Package simulate plays the people whom orders wait for: the restaurant that accepts or refuses, the cook, and the
// courier. It is for demonstrations, load and tests; where real people answer by the APIs, nobody runs it.
//
// The three are outside parties who happen to be simulated, so each is a consumer group of its own that knows nothing but
// the facts: it hears that it is asked, takes a moment, and answers as a person would through the API. Who answers, how
// and whether at all, is a matter of the restaurant ([Manners]). A person may answer in the place of any of them, for the
// first answer counts.
package simulate

import (
	"io/fs"
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config says how long everybody takes, and how they behave. Its zero value suits the demo data.
type Config struct {
	// AcceptDelay is how long a restaurant takes to answer. Defaults to 300 ms.
	AcceptDelay time.Duration
	// CookDelay is how long a cook takes. Defaults to 1 s.
	CookDelay time.Duration
	// RideDelay is how long a courier takes. Defaults to 700 ms.
	RideDelay time.Duration
	// SlowDelay is how much longer it takes those who are [Slow]. Defaults to 20 s.
	SlowDelay time.Duration
	// Instant leaves all delays out: everybody answers at once, the slow too.
	Instant bool
	// Manners are those of restaurants that do not do everything in good time, by the restaurant's id. Nil for
	// [DefaultManners].
	Manners map[string]Manners
}

// Manners are how a restaurant behaves, and its cooks and the couriers that it hands over to. The zero value is the best.
type Manners struct{ Restaurant, Cook, Courier Behaviour }

// Behaviour is what somebody does when asked.
type Behaviour string

// The behaviours.
const (
	Prompt  Behaviour = ""        // does it in good time
	Slow    Behaviour = "slow"    // does it, much later
	Refuses Behaviour = "refuses" // a restaurant refuses the order, a courier fails; a cook can't refuse
	Silent  Behaviour = "silent"  // is never heard of again
)

// DefaultManners are those of the restaurants in the demo data.
func DefaultManners() map[string]Manners {
	return map[string]Manners{
		"grumpy-griddle": {Restaurant: Refuses},
		"silent-spoon":   {Restaurant: Silent},
		"slow-simmer":    {Restaurant: Slow},
		"sleepy-stove":   {Cook: Silent},
		"bumpy-road":     {Courier: Refuses},
		"lost-lane":      {Courier: Silent},
	}
}

// Party is a group that simulates somebody, with the migrations that create its tables.
type Party struct {
	*saga.Group
	Migrations fs.FS
}

// Parties are the simulated ones: restaurant, cook and courier, or all of them in one if they answer at once.
func Parties(cfg Config) []Party {
	s := simulator{cfg.withDefaults()}
	if cfg.Instant {
		return []Party{{s.instant(), migrations}}
	}
	return []Party{{s.restaurant(), migrations}, {s.cook(), migrations}, {s.courier(), migrations}}
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		delay    *time.Duration
		standard time.Duration
	}{
		{&c.AcceptDelay, 300 * time.Millisecond},
		{&c.CookDelay, time.Second},
		{&c.RideDelay, 700 * time.Millisecond},
		{&c.SlowDelay, 20 * time.Second},
	} {
		if *d.delay == 0 {
			*d.delay = d.standard
		}
	}
	if c.Manners == nil {
		c.Manners = DefaultManners()
	}
	return c
}

// simulator has the reactions of all parties.
type simulator struct{ Config }

// accepts is what the restaurant answers an order with.
func (s simulator) accepts(orderID, restaurantID string) []saga.Fact {
	switch s.Manners[restaurantID].Restaurant {
	case Silent:
		return nil
	case Refuses:
		return saga.Say(schemas.RestaurantRejected{OrderID: orderID, Reason: schemas.ReasonRestaurantRefused})
	}
	return saga.Say(schemas.RestaurantAccepted{OrderID: orderID})
}

// cooks is what the cook says in the end.
func (s simulator) cooks(orderID, restaurantID string) []saga.Fact {
	if s.Manners[restaurantID].Cook == Silent {
		return nil
	}
	return saga.Say(schemas.MealCooked{OrderID: orderID})
}

// rides is what the courier reports.
func (s simulator) rides(orderID, restaurantID string) []saga.Fact {
	switch s.Manners[restaurantID].Courier {
	case Silent:
		return nil
	case Refuses:
		return saga.Say(schemas.CourierFailed{OrderID: orderID, Reason: schemas.ReasonCourierFailed})
	}
	return saga.Say(schemas.CourierDelivered{OrderID: orderID})
}
