// Package notification tells customers what became of their orders and of the payments between them.
//
// It decides nothing and undoes nothing: it hears how something ended, and requests a message to whom it concerns. A
// message is an effect: it is requested in the transaction in which its cause is noted, delivered after that by the
// [Channel] in force, tried again until its time is over, and what came of it is said as a fact.
//
// # What may happen twice
//
// Nothing that is noted in PostgreSQL: a message is requested once, and said to be sent, or to have failed, once. But a
// mail can be sent twice, and a webhook can be called twice: a process can die after it has sent a message and before it
// has noted so, and then the next one sends it again. It is always under the same Message-ID, or Idempotency-Key, by
// which the receiver can tell. In a [Mailbox] each message is once, whatever dies when.
//
// # What it remembers
//
// The facts that end an order or a payment do not say whose it was. So there is one row for each, with the ids of those
// whom it concerns, from its first fact on: some 200 bytes with its index, which stay, like those of every act, when all
// is told. The end comes on the same topic and key as the first fact, so it is never there before it. What was never
// heard to begin is told to nobody.
package notification

import (
	"time"

	"tiffin/saga"
	"tiffin/schemas"
)

// Config says how customers are told.
type Config struct {
	// Channel delivers messages. [Open] makes one from a URL. Without one the group can be declared, drawn and explored,
	// and all its messages fail.
	Channel Channel
	// Within is how long the delivery of a message is tried. Defaults to one hour.
	Within time.Duration
}

// Group declares notification.
func Group(cfg Config) *saga.Group {
	if cfg.Channel == nil {
		cfg.Channel = nowhere{}
	}
	if cfg.Within == 0 {
		cfg.Within = time.Hour
	}
	return saga.Define("notification", saga.Documents(matters),
		saga.Concerns(toldByThemselves),
		saga.Does(ordered, saga.Silently()),
		saga.Then(completed, saga.Requests(messages), saga.Closes()),
		saga.Then(cancelled, saga.Requests(messages), saga.Closes()),
		saga.Does(initiated, saga.Silently()),
		saga.Then(settled, saga.Requests(messages), saga.Closes()),
		saga.Then(failed, saga.Requests(messages), saga.Closes()),
		saga.Performs(messages, cfg.Within, cfg.Channel.Deliver,
			saga.Performed(sent, saga.Announces[schemas.NotificationSent]()),
			saga.NotPerformed(unsent, saga.Announces[schemas.NotificationFailed]())),
	)
}

// messages is the effect of telling somebody something.
var messages = saga.EffectOf[Message]("message")

// toldByThemselves: the payment of an order is part of that order, whose end is told.
func toldByThemselves(fact saga.Fact) bool {
	switch f := fact.(type) {
	case schemas.PaymentSettled:
		return f.Purpose == schemas.Transfer
	case schemas.PaymentFailed:
		return f.Purpose == schemas.Transfer
	}
	return true
}

func ordered(m *Matter, e saga.Event[schemas.OrderPlaced]) []saga.Fact {
	m.CustomerID = e.Fact.CustomerID
	return nil
}

func completed(m *Matter, e saga.Event[schemas.OrderCompleted]) []saga.Fact {
	tell(e.Cause, m.CustomerID, OrderCompleted, orderCompleted(m.About))
	return nil
}

func cancelled(m *Matter, e saga.Event[schemas.OrderCancelled]) []saga.Fact {
	tell(e.Cause, m.CustomerID, OrderCancelled, orderCancelled(m.About, e.Fact.Reason))
	return nil
}

func initiated(m *Matter, e saga.Event[schemas.PaymentInitiated]) []saga.Fact {
	m.CustomerID, m.PayeeID = e.Fact.From, e.Fact.To
	return nil
}

func settled(m *Matter, e saga.Event[schemas.PaymentSettled]) []saga.Fact {
	tell(e.Cause, m.CustomerID, PaymentSent, paymentSent(m.About, m.PayeeID, e.Fact.Amount))
	tell(e.Cause, m.PayeeID, PaymentReceived, paymentReceived(m.About, m.CustomerID, e.Fact.Amount))
	return nil
}

func failed(m *Matter, e saga.Event[schemas.PaymentFailed]) []saga.Fact {
	tell(e.Cause, m.CustomerID, PaymentFailed, paymentFailed(m.About, m.PayeeID, e.Fact.Reason))
	return nil
}

// tell requests a message, unless nobody is named: a stranger may say that an order was settled like a payment.
func tell(why saga.Cause, customerID string, kind Kind, t text) {
	if customerID == "" {
		return
	}
	messages.Request(why, Message{CustomerID: customerID, Kind: kind, About: why.Key, Subject: t.subject, Text: t.body, At: why.Time})
}

func sent(m Message, why saga.Cause) []saga.Fact {
	return saga.Say(schemas.NotificationSent{NotificationID: why.Attempt.ID, CustomerID: m.CustomerID, About: m.About, Kind: string(m.Kind)})
}

// unsent gives a code as the reason: what a server has answered may hold an address, and is for the log.
func unsent(m Message, why saga.Cause) []saga.Fact {
	reason := schemas.ReasonUndeliverable
	if why.Attempt.Expired {
		reason = schemas.ReasonDeliveryTimedOut
	}
	return saga.Say(schemas.NotificationFailed{
		NotificationID: why.Attempt.ID, CustomerID: m.CustomerID, About: m.About, Kind: string(m.Kind), Reason: reason,
	})
}
