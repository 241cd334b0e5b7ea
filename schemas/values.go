package schemas

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of what a fact may say, all inclusive.
const (
	MaxID         = 64                // characters of an id
	MaxName       = 100               // characters (code points) of a name
	MaxReason     = 64                // characters of a reason, and of other codes
	MaxReasons    = 20                // reasons in one fact
	MaxItems      = 50                // items of one order
	MaxQuantity   = 99                // portions of one item
	MaxDelivery   = 1_000_000         // portions of one delivery to the shelf
	MaxCount      = 10_000            // places of a restaurant, couriers of a city
	MaxMinorUnits = 1_000_000_000_000 // minor units of one amount
)

// Money is an amount in the smallest unit of its currency: 12500 of INR are 125 rupees.
type Money struct {
	Currency   string `json:"currency"`   // three capital letters, as ISO 4217 has them
	MinorUnits int64  `json:"minorUnits"` // 1 to MaxMinorUnits in every fact
}

// Item is a number of portions of one dish.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"` // 1 to MaxQuantity
}

// Purpose says what a payment is for.
type Purpose string

// The purposes.
const (
	ForOrder Purpose = "order"    // the payment's id is the order's, and the money waits in escrow
	Transfer Purpose = "transfer" // from one account to another, at once
)

// OptionalID is an id that may be absent: "" says that it is. Where JSON has the member it must hold a string
// that is not empty, because null or "" would read as absent here and as present elsewhere.
type OptionalID string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (id *OptionalID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	if text == "" { // from null too
		return errors.New("an id is not empty")
	}
	*id = OptionalID(text)
	return nil
}

// The reasons that Tiffin's own groups give. A fact may carry any code of that form: restaurants, couriers and
// rules of fraud have reasons of their own.
const (
	ReasonSoldOut             = "sold-out"         // too few portions of a dish are left
	ReasonUnknownDish         = "unknown-dish"     // nobody offers it
	ReasonWrongRestaurant     = "wrong-restaurant" // another restaurant offers it
	ReasonMixedCurrencies     = "mixed-currencies" // the dishes of an order have prices in several currencies
	ReasonTooExpensive        = "too-expensive"    // the total is over MaxMinorUnits
	ReasonFlaggedByFraud      = "flagged-by-fraud"
	ReasonFraudCheckTimedOut  = "fraud-check-timed-out"
	ReasonInsufficientFunds   = "insufficient-funds"
	ReasonUnknownAccount      = "unknown-account"   // the payer has no account in that currency
	ReasonHouseAccount        = "house-account"     // a person named an account of the house
	ReasonNoRoom              = "no-room"           // all places of the restaurant are taken
	ReasonRestaurantClosed    = "restaurant-closed" // it has never opened
	ReasonRestaurantRefused   = "restaurant-refused"
	ReasonRestaurantTimedOut  = "restaurant-timed-out"
	ReasonCancelledByCustomer = "cancelled-by-customer"
	ReasonTooLate             = "too-late"   // what was asked for can't be undone any more
	ReasonNoCourier           = "no-courier" // all couriers of the city are on their way
	ReasonCourierFailed       = "courier-failed"
	ReasonCourierTimedOut     = "courier-timed-out"
	ReasonExpired             = "expired"            // its undo came first, or its saga is too old
	ReasonUndeliverable       = "undeliverable"      // whoever takes messages for a customer refuses this one for good
	ReasonDeliveryTimedOut    = "delivery-timed-out" // a message could not be delivered in its time
)
