package views

import "time"

// Notification is a message in a mailbox.
type Notification struct {
	NotificationID string    `json:"notificationId"`
	Kind           string    `json:"kind"`
	About          string    `json:"about"` // the order's or the payment's id
	Subject        string    `json:"subject"`
	Text           string    `json:"text"`
	At             time.Time `json:"at"`
}

// mailbox answers GET /customers/{customerId}/notifications.
type mailbox struct {
	Notifications []Notification `json:"notifications"`
	Next          string         `json:"next,omitzero"` // what before has to be for the next page, if there is more
}

// Orders answers GET /analytics/orders.
type Orders struct {
	Placed    int64            `json:"placed"`
	Completed int64            `json:"completed"`
	Cancelled int64            `json:"cancelled"`
	Reasons   map[string]int64 `json:"reasons"` // of cancellations
}

// Money is what moved in one currency, in its minor units.
type Money struct {
	Currency              string `json:"currency"`
	PaidMinorUnits        int64  `json:"paidMinorUnits"`        // for orders, into escrow
	RefundedMinorUnits    int64  `json:"refundedMinorUnits"`    // for orders, from there back to the payer
	SettledMinorUnits     int64  `json:"settledMinorUnits"`     // for orders, from there on to the restaurant
	TransferredMinorUnits int64  `json:"transferredMinorUnits"` // from people to people
}

// currencies answers GET /analytics/money.
type currencies struct {
	Currencies []Money `json:"currencies"`
}

// Minute is what was accepted in a minute.
type Minute struct {
	Minute  time.Time `json:"minute"` // its beginning
	Likes   int64     `json:"likes"`
	Unlikes int64     `json:"unlikes"`
}

// Day is what was accepted on a day.
type Day struct {
	Day     string `json:"day"` // "2026-01-31", in UTC
	Likes   int64  `json:"likes"`
	Unlikes int64  `json:"unlikes"`
}

// likes answers GET /analytics/likes. Minutes and days without any are left out.
type likes struct {
	PerMinute []Minute `json:"perMinute"` // of the last hour
	PerDay    []Day    `json:"perDay"`    // of the last 30 days
}

// Dish is how many portions of a dish were ordered.
type Dish struct {
	SKU      string `json:"sku"`
	Portions int64  `json:"portions"`
}

// dishList answers GET /analytics/dishes.
type dishList struct {
	Dishes []Dish `json:"dishes"`
}

// Post is how many like a post.
type Post struct {
	PostID string `json:"postId"`
	Likes  int64  `json:"likes"`
}

// postList answers GET /analytics/posts.
type postList struct {
	Posts []Post `json:"posts"`
}
