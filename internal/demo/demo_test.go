package demo_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tiffin/internal/demo"
	"tiffin/saga"
	"tiffin/schemas"
)

func facts(t *testing.T) []saga.Fact {
	t.Helper()
	all, err := demo.Facts()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheDemoDataAreValid(t *testing.T) {
	dishes, ids := map[string]bool{}, map[string]bool{}
	for _, f := range facts(t) {
		if err := f.(schemas.Fact).Validate(); err != nil {
			t.Errorf("%s %s: %v", f.EventType(), f.Key(), err)
		}
		if id := demo.EventID(f); ids[id] {
			t.Errorf("%s %s has an event id that came before", f.EventType(), f.Key())
		} else {
			ids[id] = true
		}
		switch f := f.(type) {
		case schemas.DishOffered:
			dishes[f.SKU] = true
		case schemas.StockDelivered:
			if !dishes[f.SKU] {
				t.Errorf("%s is delivered before it is offered", f.SKU)
			}
			if f.SKU == "mango-kulfi" {
				t.Error("mango-kulfi is to be sold out")
			}
		}
	}
	if !dishes["mango-kulfi"] || !dishes["masala-dosa"] {
		t.Error("the dishes that the documentation names are missing")
	}
}

// P2: seeding again changes nothing, because the same file makes the same facts with the same ids.
func TestTheSameFileMakesTheSameFacts(t *testing.T) {
	one, two := facts(t), facts(t)
	if !reflect.DeepEqual(one, two) {
		t.Fatal("the demo data differ from themselves")
	}
	for i := range one {
		if demo.EventID(one[i]) != demo.EventID(two[i]) {
			t.Errorf("%s %s has another event id the second time", one[i].EventType(), one[i].Key())
		}
	}
	want := schemas.AccountCredited{CreditID: "seed-alice-INR", AccountID: "alice", Amount: schemas.Money{Currency: "INR", MinorUnits: 100_000_000_00}}
	if !slices.Contains(one, saga.Fact(want)) {
		t.Errorf("alice's credit is not %+v", want)
	}
}

func TestAnEventIDDependsOnAllOfTheFact(t *testing.T) {
	base := schemas.AccountBlocked{AccountID: "a"}
	for _, other := range []saga.Fact{schemas.AccountBlocked{AccountID: "b"}, schemas.AccountUnblocked{AccountID: "a"}} {
		if demo.EventID(base) == demo.EventID(other) {
			t.Errorf("%T %v has the id of %v", other, other, base)
		}
	}
	if got, want := demo.EventID(base), "06c3440f-1f55-809f-a5e3-32fd230a2027"; got != want {
		t.Errorf("the event id of a blocked account is %s, was %s: those that were said before would be said again", got, want)
	}
}

func TestReadMakesFactsInOrder(t *testing.T) {
	got, err := demo.Read(strings.NewReader(`{
		"restaurants": [{"restaurantId": "r", "name": "R", "city": "c", "places": 2, "menu": [
			{"sku": "soup", "name": "Soup", "price": {"currency": "EUR", "minorUnits": 450}, "stock": 7},
			{"sku": "cake", "name": "Cake", "price": {"currency": "EUR", "minorUnits": 300}, "stock": 0}]}],
		"fleets": [{"city": "c", "couriers": 3}],
		"accounts": [{"accountId": "ann", "balance": {"currency": "EUR", "minorUnits": 1}}, {"accountId": "ann", "balance": {"currency": "USD", "minorUnits": 2}}],
		"blocked": ["bad"]}`))
	if err != nil {
		t.Fatal(err)
	}
	two, three := 2, 3
	euro := func(n int64) schemas.Money { return schemas.Money{Currency: "EUR", MinorUnits: n} }
	want := saga.Say(
		schemas.FleetSized{City: "c", Couriers: &three},
		schemas.RestaurantOpened{RestaurantID: "r", Name: "R", City: "c", Places: &two},
		schemas.DishOffered{SKU: "soup", RestaurantID: "r", Name: "Soup", Price: euro(450)},
		schemas.StockDelivered{DeliveryID: "seed-soup", SKU: "soup", Quantity: 7},
		schemas.DishOffered{SKU: "cake", RestaurantID: "r", Name: "Cake", Price: euro(300)},
		schemas.AccountCredited{CreditID: "seed-ann-EUR", AccountID: "ann", Amount: euro(1)},
		schemas.AccountCredited{CreditID: "seed-ann-USD", AccountID: "ann", Amount: schemas.Money{Currency: "USD", MinorUnits: 2}},
		schemas.AccountBlocked{AccountID: "bad"},
	)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("facts\n%v, want\n%v", got, want)
	}
}

func TestAnOwnerWithALongNameGetsAValidID(t *testing.T) {
	long := strings.Repeat("a", schemas.MaxID)
	read := func(id string) schemas.AccountCredited {
		t.Helper()
		got, err := demo.Read(strings.NewReader(`{"accounts": [{"accountId": "` + id + `", "balance": {"currency": "EUR", "minorUnits": 1}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := got[0].(schemas.Fact).Validate(); err != nil {
			t.Error(err)
		}
		return got[0].(schemas.AccountCredited)
	}
	if read(long).CreditID == read(long[1:]).CreditID {
		t.Error("two owners share the id of a credit")
	}
}

func TestFaultsAreNamedWithTheirPlace(t *testing.T) {
	for name, test := range map[string]struct{ file, want string }{
		"no JSON":                 {`{"fleets": [}`, "must be JSON"},
		"something behind":        {`{} {}`, "must be JSON"},
		"unknown member":          {`{"fleets": [], "caterers": []}`, "/caterers is not a member"},
		"unknown member within":   {`{"fleets": [{"city": "c", "couriers": 1, "boats": 2}]}`, "/fleets/0/boats is not a member"},
		"member in another case":  {`{"fleets": [{"City": "c", "couriers": 1}]}`, "/fleets/0/City is not a member"},
		"member twice":            {`{"fleets": [], "fleets": []}`, "/fleets must not come twice"},
		"wrong kind":              {`{"fleets": [{"city": 7, "couriers": 1}]}`, "/fleets/0/city must be a string"},
		"no couriers":             {`{"fleets": [{"city": "c"}]}`, "/fleets/0/couriers must be an integer from 0"},
		"city twice":              {`{"fleets": [{"city": "c", "couriers": 1}, {"city": "c", "couriers": 2}]}`, "/fleets/1/city must not name the fleet of c again, after /fleets/0/city"},
		"restaurant without city": {`{"restaurants": [{"restaurantId": "r", "name": "R", "places": 1}]}`, "/restaurants/0/city must be 1 to 64"},
		"restaurant twice":        {`{"restaurants": [{"restaurantId": "r", "name": "R", "city": "c", "places": 1}, {"restaurantId": "r", "name": "R", "city": "c", "places": 1}]}`, "/restaurants/1/restaurantId must not name the restaurant r again"},
		"dish without stock":      {restaurantWith(`{"sku": "s", "name": "S", "price": {"currency": "INR", "minorUnits": 1}}`), "/restaurants/0/menu/0/stock must be an integer from 0"},
		"dish for nothing":        {restaurantWith(`{"sku": "s", "name": "S", "price": {"currency": "INR", "minorUnits": 0}, "stock": 1}`), "/restaurants/0/menu/0/price/minorUnits must be an integer from 1"},
		"too much stock":          {restaurantWith(`{"sku": "s", "name": "S", "price": {"currency": "INR", "minorUnits": 1}, "stock": 1000001}`), "/restaurants/0/menu/0/stock must be an integer from 0 to 1000000"},
		"dish twice":              {restaurantWith(dosa + "," + dosa), "/restaurants/0/menu/1/sku must not name the dish dosa again"},
		"currency":                {`{"accounts": [{"accountId": "a", "balance": {"currency": "rupee", "minorUnits": 1}}]}`, "/accounts/0/balance/currency must be three capital letters"},
		"house account":           {`{"accounts": [{"accountId": "@escrow", "balance": {"currency": "INR", "minorUnits": 1}}]}`, "/accounts/0/accountId must be"},
		"account twice":           {`{"accounts": [` + ann + "," + ann + `]}`, "/accounts/1 must not name the account of ann in INR again"},
		"blocked":                 {`{"blocked": ["a b"]}`, "/blocked/0 must be 1 to 64"},
	} {
		t.Run(name, func(t *testing.T) {
			facts, err := demo.Read(strings.NewReader(test.file))
			var invalid *schemas.Invalid
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), test.want) || facts != nil {
				t.Errorf("%d facts, error %v, want one with %q", len(facts), err, test.want)
			}
		})
	}
}

const (
	dosa = `{"sku": "dosa", "name": "Dosa", "price": {"currency": "INR", "minorUnits": 1}, "stock": 1}`
	ann  = `{"accountId": "ann", "balance": {"currency": "INR", "minorUnits": 1}}`
)

func restaurantWith(menu string) string {
	return `{"restaurants": [{"restaurantId": "r", "name": "R", "city": "c", "places": 1, "menu": [` + menu + `]}]}`
}

func TestAllFaultsAreSaidAtOnce(t *testing.T) {
	_, err := demo.Read(strings.NewReader(`{"fleets": [{"city": ""}], "blocked": [""]}`))
	var invalid *schemas.Invalid
	if !errors.As(err, &invalid) || len(invalid.Faults) != 3 {
		t.Errorf("%v, want three faults", err)
	}
}
