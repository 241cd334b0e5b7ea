package schemas_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tiffin/schemas"
)

// faults returns the pointers and details of an Invalid.
func faults(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var invalid *schemas.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("%v is a %T, want an *Invalid", err, err)
	}
	var list []string
	for _, fault := range invalid.Faults {
		list = append(list, fault.Pointer+" "+fault.Detail)
	}
	return list
}

const isID = " must be 1 to 64 letters, digits, hyphens or underscores"

func TestValidateReportsAllFaults(t *testing.T) {
	order := schemas.OrderPlaced{OrderID: "o 1", CustomerID: strings.Repeat("c", 65), RestaurantID: "r1", Items: []schemas.Item{
		{SKU: "dosa", Quantity: 1}, {SKU: "chai", Quantity: 100}, {SKU: "dosa", Quantity: 0},
	}}
	money := schemas.Money{Currency: "inr", MinorUnits: schemas.MaxMinorUnits + 1}
	many := 10_001
	tests := []struct {
		fact schemas.Fact
		want []string
	}{
		{order, []string{
			"/orderId" + isID, "/customerId" + isID,
			"/items/1/quantity must be an integer from 1 to 99",
			"/items/2/quantity must be an integer from 1 to 99",
			"/items/2/sku must differ from every other item's: add up their quantities",
		}},
		{schemas.OrderPlaced{OrderID: "o", CustomerID: "c", RestaurantID: "r", Items: make([]schemas.Item, 51)}, []string{"/items must hold 1 to 50 items"}},
		{schemas.PaymentInitiated{PaymentID: "p", From: "a", To: "a", Amount: money}, []string{
			"/amount/currency must be three capital letters, such as INR",
			"/amount/minorUnits must be an integer from 1 to 1000000000000",
			"/to must differ from the account that pays",
		}},
		{schemas.PaymentInitiated{PaymentID: "p", From: "@escrow", To: "a", Amount: schemas.Money{Currency: "INR", MinorUnits: 1}}, []string{"/from" + isID}},
		{schemas.PaymentSettled{PaymentID: "p", Purpose: "gift", To: "@@escrow", Amount: schemas.Money{Currency: "INR", MinorUnits: 1}}, []string{
			`/purpose must be "order" or "transfer"`,
			"/to" + isID + ", after an @ for an account of the house",
		}},
		{schemas.PaymentSucceeded{PaymentID: "p", Purpose: schemas.ForOrder, Amount: schemas.Money{Currency: "INR", MinorUnits: 1}}, []string{"/restaurantId" + isID}},
		{
			schemas.PaymentSucceeded{PaymentID: "p", Purpose: schemas.Transfer, RestaurantID: "r", Amount: schemas.Money{Currency: "INR", MinorUnits: 1}},
			[]string{`/restaurantId must be absent unless the purpose is "order"`},
		},
		{schemas.PaymentFlagged{PaymentID: "p", Purpose: schemas.Transfer}, []string{"/reasons must hold 1 to 20 reasons"}},
		{
			schemas.PaymentFlagged{PaymentID: "p", Purpose: schemas.Transfer, Reasons: []string{"too-many", "Too-Many"}},
			[]string{"/reasons/1 must be a code such as sold-out: 1 to 64 lower-case letters, digits or hyphens, a letter first"},
		},
		{schemas.StockDelivered{DeliveryID: "d", SKU: "dosa", Quantity: 1_000_001}, []string{"/quantity must be an integer from 1 to 1000000"}},
		{schemas.FleetSized{City: "mumbai", Couriers: &many}, []string{"/couriers must be an integer from 0 to 10000"}},
		{schemas.FleetSized{City: "mumbai"}, []string{"/couriers must be an integer from 0 to 10000"}},
		{schemas.FleetSized{City: "mumbai", Couriers: new(0)}, nil},
		{schemas.RestaurantOpened{RestaurantID: "r", Name: "caf\xe9", City: "mumbai", Places: new(1)}, []string{"/name must be 1 to 100 characters"}},
	}
	for _, test := range tests {
		if got := faults(t, test.fact.Validate()); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v: got\n%q, want\n%q", test.fact, got, test.want)
		}
	}
	if _, err := schemas.Encode(order); err == nil || len(faults(t, err)) != 5 {
		t.Errorf("Encode of an invalid order: %v", err)
	}
}

func TestZeroFactsAreInvalid(t *testing.T) {
	for _, fact := range schemas.All() {
		if fact.Validate() == nil {
			t.Errorf("the zero %T is valid", fact)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	order := schemas.OrderPlaced{Items: make([]schemas.Item, schemas.MaxItems)} // 3 faults and 2 of each item
	if got := faults(t, order.Validate()); len(got) != schemas.MaxFaults || got[99] != "/items/48/sku"+isID {
		t.Errorf("got %d faults, the last %q", len(got), got[len(got)-1])
	}
}

func TestNamesAreCountedInCodePoints(t *testing.T) {
	for length, valid := range map[int]bool{1: true, 100: true, 101: false} {
		fact := schemas.RestaurantOpened{RestaurantID: "r", Name: strings.Repeat("🍱", length), City: "mumbai", Places: new(3)}
		if err := fact.Validate(); (err == nil) != valid {
			t.Errorf("%d characters: %v", length, err)
		}
	}
}

func TestErrorSaysWhereAndWhat(t *testing.T) {
	err := &schemas.Invalid{Faults: []schemas.Fault{{Pointer: "/a", Detail: "must be b"}, {Pointer: "", Detail: "must be an object"}}}
	if got, want := err.Error(), "invalid: /a must be b; the document must be an object"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDecodeSaysWhatIsWrong covers what a struct can't hold, so that Validate never sees it.
func TestDecodeSaysWhatIsWrong(t *testing.T) {
	placed := func(items string) string {
		return fmt.Sprintf(`{"orderId":"o","customerId":"c","restaurantId":"r","items":%s}`, items)
	}
	tests := []struct{ eventType, data, want string }{
		{"order.placed", placed(`[{"sku":"dosa","quantity":"2"}]`), "/items/0/quantity must be an integer, without fraction or exponent"},
		{"order.placed", placed(`[{"sku":"dosa","quantity":99999999999999999999}]`), "/items/0/quantity must be a number that is less far from zero"},
		{"order.placed", placed(`[{"sku":7,"quantity":2}]`), "/items/0/sku must be a string"},
		{"order.placed", placed(`[2]`), "/items/0 must be an object"},
		{"order.placed", placed(`{}`), "/items must be an array"},
		{"order.placed", placed(`null`), "/items must hold 1 to 50 items"},
		{"order.placed", `[]`, " must be an object"},
		{"order.placed", placed(`[}`), "/items/0 must be JSON: "},
		{"order.placed", ``, " must be JSON: unexpected EOF at byte 0"},
		{"order.completed", `{"orderId":"o"}{}`, " must be JSON: "},
		{"payment.succeeded", `{"paymentId":"p","purpose":"transfer","restaurantId":null,"amount":{"currency":"INR","minorUnits":1}}`, "/restaurantId must be an id, or absent"},
		{"payment.succeeded", `{"paymentId":"p","purpose":"transfer","restaurantId":"","amount":{"currency":"INR","minorUnits":1}}`, "/restaurantId must be an id, or absent"},
		{"fleet.sized", `{"city":"mumbai","couriers":null}`, "/couriers must be an integer from 0 to 10000"},
	}
	for _, test := range tests {
		fact, err := schemas.Decode(test.eventType, []byte(test.data))
		if got := faults(t, err); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
			t.Errorf("%s: got %q, want %q", test.data, got, test.want)
		}
		if fact != nil {
			t.Errorf("%s: Decode gives %+v beside an error", test.data, fact)
		}
	}
}

// TestRulesBeyondTheSchema holds the rules that JSON Schema can't express: the schema accepts these documents and
// we refuse them, and the $comment tells the readers of the schema.
func TestRulesBeyondTheSchema(t *testing.T) {
	const payment = `{"paymentId":"p","from":"a","to":"a","amount":{"currency":"INR","minorUnits":5}}`
	const items = `{"orderId":"o","customerId":"c","restaurantId":"r","items":[{"sku":"dosa","quantity":1},{"sku":"dosa","quantity":2}]}`
	tests := []struct{ eventType, data, comment string }{
		{"payment.initiated", payment, "The members from and to differ."},
		{"order.placed", items, "No two items have the same sku."},
		{"fleet.sized", `{"city":"mumbai","couriers":2.0}`, "integers are written without fraction or exponent"},
		{"fleet.sized", `{"city":"mumbai","couriers":2e1}`, "integers are written without fraction or exponent"},
		{"order.completed", `{"orderId":"o","orderId":"o"}`, "no object names a member twice"},
		{"order.completed", `{"orderId":"o","later":{"a":1,"a":2}}`, "no object names a member twice"},
		{"order.completed", "{\"orderId\":\"o\",\"later\":\"\xff\"}", "the text is UTF-8"},
		{"order.completed", `{"orderId":"o","later":"\ud800"}`, "has no lone surrogates"},
	}
	for _, test := range tests {
		if err := accepts(t, compile(t, test.eventType), []byte(test.data)); err != nil {
			t.Errorf("%s: the schema refuses %s: %v", test.eventType, test.data, err)
		}
		if _, err := schemas.Decode(test.eventType, []byte(test.data)); len(faults(t, err)) != 1 {
			t.Errorf("%s: Decode of %s says %v, want one fault", test.eventType, test.data, err)
		}
		comment, _ := readDocument(t, schemas.Schema(test.eventType))["$comment"].(string)
		if !strings.Contains(comment, test.comment) {
			t.Errorf("%s: the $comment does not say %q", test.eventType, test.comment)
		}
	}
}
