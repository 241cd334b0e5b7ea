package schemas

// OfAnOrder says whether a fact concerns orders: all do but the payments of one account to another. It takes any, so
// that it can be asked of facts that are not of this package.
func OfAnOrder(fact interface{ EventType() string }) bool {
	switch f := fact.(type) {
	case PaymentSucceeded:
		return f.Purpose == ForOrder
	case PaymentFailed:
		return f.Purpose == ForOrder
	case PaymentSettled:
		return f.Purpose == ForOrder
	case PaymentRefunded:
		return f.Purpose == ForOrder
	case PaymentRequested:
		return f.Purpose == ForOrder
	case PaymentCleared:
		return f.Purpose == ForOrder
	case PaymentFlagged:
		return f.Purpose == ForOrder
	}
	return true
}

// ReasonOf is the reason that a fact gives for a failure or a verdict; "" if it gives none.
func ReasonOf(fact interface{ EventType() string }) string {
	switch f := fact.(type) {
	case OrderCancelled:
		return f.Reason
	case StockRejected:
		return f.Reason
	case StockReleased:
		return f.Reason
	case PaymentFailed:
		return f.Reason
	case PaymentRefunded:
		return f.Reason
	case RestaurantRejected:
		return f.Reason
	case KitchenRejected:
		return f.Reason
	case KitchenCancelled:
		return f.Reason
	case CancellationRefused:
		return f.Reason
	case CourierFailed:
		return f.Reason
	case DeliveryFailed:
		return f.Reason
	case NotificationFailed:
		return f.Reason
	}
	return ""
}

// ReasonBarred is the reason of a refusal by a group that was told to undo before it was told to do: by a fact of this type,
// or by none if the saga is too old.
func ReasonBarred(eventType string) string {
	switch eventType {
	case CancellationRequested{}.EventType(), KitchenCancelled{}.EventType():
		return ReasonCancelledByCustomer
	}
	return ReasonExpired
}
