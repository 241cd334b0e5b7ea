package schemas

// AccountBlocked says that no payment from an account may pass until it is unblocked. Said by the door.
type AccountBlocked struct {
	AccountID string `json:"accountId"`
}

func (AccountBlocked) EventType() string { return "account.blocked" }
func (AccountBlocked) Topic() string     { return TopicFraud }
func (f AccountBlocked) Key() string     { return f.AccountID }

// Validate reports all faults at once as an [*Invalid].
func (f AccountBlocked) Validate() error {
	var c Check
	c.ID("/accountId", f.AccountID)
	return c.Err()
}

// AccountUnblocked says that payments from an account may pass again. Said by the door.
type AccountUnblocked struct {
	AccountID string `json:"accountId"`
}

func (AccountUnblocked) EventType() string { return "account.unblocked" }
func (AccountUnblocked) Topic() string     { return TopicFraud }
func (f AccountUnblocked) Key() string     { return f.AccountID }

// Validate reports all faults at once as an [*Invalid].
func (f AccountUnblocked) Validate() error {
	var c Check
	c.ID("/accountId", f.AccountID)
	return c.Err()
}

// PaymentCleared says that a payment broke no rule and may go on. Said by fraud.
type PaymentCleared struct {
	PaymentID string  `json:"paymentId"`
	Purpose   Purpose `json:"purpose"`
}

func (PaymentCleared) EventType() string { return "payment.cleared" }
func (PaymentCleared) Topic() string     { return TopicFraud }
func (f PaymentCleared) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentCleared) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	return c.Err()
}

// PaymentFlagged says that a payment looks like fraud and must not go on. Said by fraud, with each rule that it
// broke.
type PaymentFlagged struct {
	PaymentID string   `json:"paymentId"`
	Purpose   Purpose  `json:"purpose"`
	Reasons   []string `json:"reasons"`
}

func (PaymentFlagged) EventType() string { return "payment.flagged" }
func (PaymentFlagged) Topic() string     { return TopicFraud }
func (f PaymentFlagged) Key() string     { return f.PaymentID }

// Validate reports all faults at once as an [*Invalid].
func (f PaymentFlagged) Validate() error {
	var c Check
	c.ID("/paymentId", f.PaymentID)
	c.Purpose("/purpose", f.Purpose)
	c.Reasons("/reasons", f.Reasons)
	return c.Err()
}
