package worlds

import (
	"time"

	"tiffin/consumers/delivery"
	"tiffin/consumers/fraud"
	"tiffin/consumers/inventory"
	"tiffin/consumers/kitchen"
	"tiffin/consumers/payments"
	"tiffin/saga"
	"tiffin/saga/sagacheck"
	"tiffin/schemas"
)

// In every world ann orders dal of rest, which is in mumbai, and pays bob, each time for the same price.
const price = 500

var rupees = schemas.Money{Currency: "INR", MinorUnits: price}

// now is when a world begins.
var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func placed(id string) schemas.OrderPlaced {
	return schemas.OrderPlaced{OrderID: id, CustomerID: "ann", RestaurantID: "rest", Items: []schemas.Item{{SKU: "dal", Quantity: 1}}}
}

func initiated(from, to string) schemas.PaymentInitiated {
	return schemas.PaymentInitiated{PaymentID: "p1", From: from, To: to, Amount: rupees}
}

func dal(free int) *inventory.Dish {
	return &inventory.Dish{SKU: "dal", RestaurantID: "rest", Name: "Dal", Price: rupees, Free: free, Delivered: free}
}

func room(places int) *kitchen.Room {
	return &kitchen.Room{RestaurantID: "rest", Name: "Rest", City: "mumbai", Places: places, Free: places}
}

func fleet(couriers int) *delivery.Fleet {
	return &delivery.Fleet{City: "mumbai", Couriers: couriers, Free: couriers}
}

func account(owner string, balance int64) *payments.Account {
	return &payments.Account{AccountID: owner + "/INR", Owner: owner, Currency: "INR", Balance: balance}
}

// manyPayments are so many in a minute that a person is to have a look at the next.
const manyPayments = 90

// payer pays for the first time; often has paid so often in this minute that a person is to have a look; blocked may not
// pay.
func payer(owner string) *fraud.Payer   { return &fraud.Payer{AccountID: owner} }
func blocked(owner string) *fraud.Payer { return &fraud.Payer{AccountID: owner, Blocked: true} }
func often(owner string) *fraud.Payer {
	return &fraud.Payer{AccountID: owner, Minute: now.Unix() / 60, Payments: manyPayments}
}

// oneOf is a document that may be any of these at the start.
func oneOf(documents ...any) sagacheck.Choice { return sagacheck.Choice{Documents: documents} }

// customer may cancel what was ordered, at any time.
func customer() *saga.Group {
	cancel := func(f schemas.OrderPlaced) []saga.Fact {
		return saga.Say(schemas.CancellationRequested{OrderID: f.OrderID})
	}
	return saga.Outside("customer", saga.Answers(cancel, saga.Says[schemas.CancellationRequested](), saga.Optional()))
}
