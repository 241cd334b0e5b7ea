package notification

import (
	"fmt"
	"strings"

	"tiffin/schemas"
)

// Kind is what a customer is told.
type Kind string

// The kinds.
const (
	OrderCompleted  Kind = "order-completed"
	OrderCancelled  Kind = "order-cancelled"
	PaymentSent     Kind = "payment-sent"
	PaymentReceived Kind = "payment-received"
	PaymentFailed   Kind = "payment-failed"
)

// text is plain, in English. It names people by their ids, which is all that is known of them here.
type text struct{ subject, body string }

func orderCompleted(orderID string) text {
	return text{"Your order has arrived", fmt.Sprintf("Your order %s was delivered. Enjoy your meal!", orderID)}
}

func orderCancelled(orderID, reason string) text {
	return text{"Your order was cancelled", fmt.Sprintf("Your order %s was cancelled: %s. "+
		"If you had paid for it, the money is in your account again.", orderID, words(reason))}
}

func paymentSent(paymentID, payee string, amount schemas.Money) text {
	return text{"You have paid " + payee, fmt.Sprintf("Your payment %s of %s to %s has arrived.", paymentID, inFull(amount), payee)}
}

func paymentReceived(paymentID, payer string, amount schemas.Money) text {
	return text{payer + " has paid you", fmt.Sprintf("You have received %s from %s. The payment is %s.", inFull(amount), payer, paymentID)}
}

func paymentFailed(paymentID, payee, reason string) text {
	return text{"Your payment has failed", fmt.Sprintf("Your payment %s to %s has failed: %s. No money was moved.", paymentID, payee, words(reason))}
}

// words reads a reason's code to a person: sold-out is "sold out".
func words(reason string) string { return strings.ReplaceAll(reason, "-", " ") }

// inFull writes an amount in its currency's main unit: 12500 of INR are "125.00 INR".
func inFull(m schemas.Money) string {
	digits := decimals(m.Currency)
	if digits == 0 {
		return fmt.Sprintf("%d %s", m.MinorUnits, m.Currency)
	}
	unit := int64(1)
	for range digits {
		unit *= 10
	}
	return fmt.Sprintf("%d.%0*d %s", m.MinorUnits/unit, digits, m.MinorUnits%unit, m.Currency)
}

// decimals is how many of a currency's digits stand behind the point, as ISO 4217 has it: two, but for these.
func decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}
