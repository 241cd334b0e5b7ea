package notification

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DB is what reading needs of a pool of connections.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Delivered is a message in a customer's mailbox.
type Delivered struct {
	NotificationID string
	Message
}

const read = `select notification_id, customer_id, kind, about, subject, text, at from notification.mailbox
	where customer_id = $1 and ($2 = '' or notification_id < $2) order by notification_id desc limit $3`

// Read returns up to limit messages of a customer's mailbox, the newest first: those older than the one whose id is before,
// or the newest of all if that is empty. Who wants the next ones gives the id of the last.
func Read(ctx context.Context, db DB, customerID, before string, limit int) ([]Delivered, error) {
	rows, err := db.Query(ctx, read, customerID, before, limit)
	if err == nil {
		var all []Delivered
		if all, err = pgx.CollectRows(rows, scanDelivered); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("read the mailbox of %s: %w", customerID, err)
}

func scanDelivered(row pgx.CollectableRow) (d Delivered, err error) {
	err = row.Scan(&d.NotificationID, &d.CustomerID, &d.Kind, &d.About, &d.Subject, &d.Text, &d.At)
	d.At = d.At.UTC()
	return d, err
}
