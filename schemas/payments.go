package schemas

// PaymentInitiated says that a person has asked to pay another. Said by the door; no money has moved yet.
type PaymentInitiated struct {
	PaymentID string `json:"paymentId"`
	From      string `json:"from"`
	To        string `json:"to"`
	Amount    Money  `json:"amount"`
}

func (PaymentInitiated) EventType() string { return "payment.initiated" }
func (PaymentInitiated) Topic() string     { return TopicPayments }
func (f PaymentInitiated) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentInitiated) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.ID("/from", f.From)
	c.ID("/to", f.To)
	c.Amount("/amount", f.Amount)
	if f.From == f.To && f.From != "" {
		c.Fault("/to", "must differ from the account that pays")
	}
	return c.Err()
}

// AccountCredited says that money came into an account from outside. Said by the door, once for each credit.
type AccountCredited struct {
	CreditID  string `json:"creditId"`
	AccountID string `json:"accountId"`
	Amount    Money  `json:"amount"`
}

func (AccountCredited) EventType() string { return "account.credited" }
func (AccountCredited) Topic() string     { return TopicPayments }
func (f AccountCredited) Key() string     { return f.AccountID }

// Validate reports all faults at once as an [*Invalid].
func (f AccountCredited) Validate() error {
	var c Check
	c.ID("/creditId", f.CreditID)
	c.ID("/accountId", f.AccountID)
	c.Amount("/amount", f.Amount)
	return c.Err()
}

// PaymentRequested says that a payment is open and waits for the verdict on fraud. Said by payments; no money
// has moved yet.
type PaymentRequested struct {
	PaymentID string  `json:"paymentId"`
	Purpose   Purpose `json:"purpose"`
	From      string  `json:"from"`
	To        string  `json:"to"`
	Amount    Money   `json:"amount"`
}

func (PaymentRequested) EventType() string { return "payment.requested" }
func (PaymentRequested) Topic() string     { return TopicPayments }
func (f PaymentRequested) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentRequested) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	c.Account("/from", f.From)
	c.Account("/to", f.To)
	c.Amount("/amount", f.Amount)
	return c.Err()
}

// PaymentSucceeded says that the money has left the payer: into escrow for an order, to the payee of a transfer.
// Said by payments; only a payment for an order names a restaurant.
type PaymentSucceeded struct {
	PaymentID    string     `json:"paymentId"`
	Purpose      Purpose    `json:"purpose"`
	RestaurantID OptionalID `json:"restaurantId,omitzero"`
	Amount       Money      `json:"amount"`
}

func (PaymentSucceeded) EventType() string { return "payment.succeeded" }
func (PaymentSucceeded) Topic() string     { return TopicPayments }
func (f PaymentSucceeded) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentSucceeded) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	switch {
	case f.Purpose == ForOrder:
		c.ID("/restaurantId", string(f.RestaurantID))
	case f.RestaurantID != "":
		c.Fault("/restaurantId", `must be absent unless the purpose is "order"`)
	}
	c.Amount("/amount", f.Amount)
	return c.Err()
}

// PaymentFailed says that a payment has ended before any money moved. Said by payments.
type PaymentFailed struct {
	PaymentID string  `json:"paymentId"`
	Purpose   Purpose `json:"purpose"`
	Reason    string  `json:"reason"`
}

func (PaymentFailed) EventType() string { return "payment.failed" }
func (PaymentFailed) Topic() string     { return TopicPayments }
func (f PaymentFailed) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentFailed) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// PaymentRefunded says that the money for an order went from escrow back to the payer. Said by payments, to undo
// payment.succeeded.
type PaymentRefunded struct {
	PaymentID string  `json:"paymentId"`
	Purpose   Purpose `json:"purpose"`
	Amount    Money   `json:"amount"`
	Reason    string  `json:"reason"`
}

func (PaymentRefunded) EventType() string { return "payment.refunded" }
func (PaymentRefunded) Topic() string     { return TopicPayments }
func (f PaymentRefunded) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentRefunded) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	c.Amount("/amount", f.Amount)
	c.Reason("/reason", f.Reason)
	return c.Err()
}

// PaymentSettled says that the money is with the payee, past undoing. Said by payments.
type PaymentSettled struct {
	PaymentID string  `json:"paymentId"`
	Purpose   Purpose `json:"purpose"`
	To        string  `json:"to"`
	Amount    Money   `json:"amount"`
}

func (PaymentSettled) EventType() string { return "payment.settled" }
func (PaymentSettled) Topic() string     { return TopicPayments }
func (f PaymentSettled) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentSettled) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	c.Account("/to", f.To)
	c.Amount("/amount", f.Amount)
	return c.Err()
}
