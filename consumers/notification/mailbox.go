package notification

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// Executor is what writing needs of a pool of connections.
type Executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Mailbox delivers into the table mailbox of the group's schema, where [Read] finds messages. A message is there once,
// however often it is delivered.
type Mailbox struct{ DB Executor }

const deposit = `insert into notification.mailbox (customer_id, notification_id, kind, about, subject, text, at)
	values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`

// Deliver implements [Channel].
func (b Mailbox) Deliver(ctx context.Context, idempotencyKey string, m Message) error {
	_, err := b.DB.Exec(ctx, deposit, m.CustomerID, idempotencyKey, m.Kind, m.About, m.Subject, m.Text, m.At)
	if err != nil {
		return fmt.Errorf("write to the mailbox: %w", err)
	}
	return nil
}
