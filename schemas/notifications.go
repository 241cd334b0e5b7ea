package schemas

// NotificationSent says that a customer was told something: the channel in force has taken the message. Said by
// notification, keyed by the order or the payment that it is about.
type NotificationSent struct {
	NotificationID string `json:"notificationId"` // its idempotency key, by which the receiver knows a repetition
	CustomerID     string `json:"customerId"`
	About          string `json:"about"` // the order's or the payment's id
	Kind           string `json:"kind"`
}

func (NotificationSent) EventType() string { return "notification.sent" }
func (NotificationSent) Topic() string     { return TopicNotifications }
func (f NotificationSent) Key() string     { return f.About }

// Validate reports all faults at once as an [*Invalid].
func (f NotificationSent) Validate() error {
	var c Check
	c.ID("/notificationId", f.NotificationID)
	c.ID("/customerId", f.CustomerID)
	c.ID("/about", f.About)
	c.Kind("/kind", f.Kind)
	return c.Err()
}

// NotificationFailed says that a customer could not be told, and that nobody tries any more. Said by notification,
// keyed by the order or the payment that it is about.
type NotificationFailed struct {
	NotificationID string `json:"notificationId"`
	CustomerID     string `json:"customerId"`
	About          string `json:"about"` // the order's or the payment's id
	Kind           string `json:"kind"`
	Reason         string `json:"reason"`
}

func (NotificationFailed) EventType() string { return "notification.failed" }
func (NotificationFailed) Topic() string     { return TopicNotifications }
func (f NotificationFailed) Key() string     { return f.About }

// Validate reports all faults at once as an [*Invalid].
func (f NotificationFailed) Validate() error {
	var c Check
	c.ID("/notificationId", f.NotificationID)
	c.ID("/customerId", f.CustomerID)
	c.ID("/about", f.About)
	c.Kind("/kind", f.Kind)
	c.Reason("/reason", f.Reason)
	return c.Err()
}
