package notification

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Message is what one customer is told.
type Message struct {
	CustomerID string    `json:"customerId"`
	Kind       Kind      `json:"kind"`
	About      string    `json:"about"` // the order's or the payment's id
	Subject    string    `json:"subject"`
	Text       string    `json:"text"`
	At         time.Time `json:"at"` // when that happened of which it tells
}

// Channel delivers messages.
type Channel interface {
	// Deliver returns nil once somebody else is responsible for the message: it is in a table, or another server has
	// taken it. After an error it is asked again with the same key, unless that is [saga.Permanent]: the receiver will
	// never take it. It may also be asked again after it has succeeded. It ends soon after ctx does. Many may be
	// delivered at a time.
	Deliver(ctx context.Context, idempotencyKey string, m Message) error
}

// ChannelConfig is what channels need beside their URL.
type ChannelConfig struct {
	// DB has the mailbox; it is needed for that alone.
	DB Executor
	// WebhookSecret signs what is sent to a webhook, if it is not empty. See [Webhook].
	WebhookSecret string
}

// Open makes the channel that a URL names:
//
//	mailbox:                                                       the table mailbox in this group's schema
//	smtp://user:secret@mail.example.org:587?from=tiffin@example.org&to={customer}@example.org
//	                                                               mail, by way of this server: see [SMTP]
//	smtps://...:465                                                the same, with TLS from the first byte
//	https://hooks.example.org/tiffin                               a webhook: see [Webhook]
//
// It connects to nothing. What is wrong with the URL it says without repeating the URL, which may hold a secret.
func Open(channelURL string, cfg ChannelConfig) (Channel, error) {
	u, err := url.Parse(channelURL)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("the URL of the notification channel does not parse: %w", err)
	}
	switch u.Scheme {
	case "mailbox":
		if cfg.DB == nil {
			return nil, errors.New("the notification channel mailbox: needs a database")
		}
		return NewMailbox(cfg.DB), nil
	case "smtp", "smtps":
		return openSMTP(u)
	case "http", "https":
		return openWebhook(u, cfg.WebhookSecret)
	}
	return nil, fmt.Errorf("there is no notification channel %q: the URL begins with mailbox, smtp, smtps or https", u.Scheme)
}

// nowhere is the channel of a group that has been given none.
type nowhere struct{}

func (nowhere) Deliver(context.Context, string, Message) error {
	return errors.New("no channel is configured")
}
