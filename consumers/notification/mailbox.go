package notification

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Executor is what writing needs of a pool of connections.
type Executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Mailbox delivers into the table mailbox of the group's schema, where [Read] finds messages. A message is there once,
// however often it is delivered. What is delivered while it writes it writes together.
type Mailbox struct {
	db Executor

	mu      sync.Mutex
	waiting []letter
	writing bool
}

// letter is a message that somebody delivers, and waits for.
type letter struct {
	key string
	Message
	written chan error
}

// NewMailbox is the mailbox in this database.
func NewMailbox(db Executor) *Mailbox { return &Mailbox{db: db} }

// Deliver implements [Channel].
func (b *Mailbox) Deliver(ctx context.Context, idempotencyKey string, m Message) error {
	l := letter{idempotencyKey, m, make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, l)
	if !b.writing {
		b.writing = true
		go b.write(context.WithoutCancel(ctx)) // of whom it began for: the others wait for it, too
	}
	b.mu.Unlock()
	select {
	case err := <-l.written:
		if err != nil {
			return fmt.Errorf("write to the mailbox: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeTime is how long the database may take. What it has not answered is delivered again.
const writeTime = 10 * time.Second

// write writes until nothing waits. Who has given up waiting may find his message written nevertheless.
func (b *Mailbox) write(ctx context.Context) {
	for {
		b.mu.Lock()
		letters := b.waiting
		b.waiting, b.writing = nil, len(letters) > 0
		b.mu.Unlock()
		if len(letters) == 0 {
			return
		}
		err := b.deposit(ctx, letters)
		var refused *pgconn.PgError
		if len(letters) > 1 && errors.As(err, &refused) {
			for _, l := range letters { // one of them is the reason: it must not hold up the others
				l.written <- b.deposit(ctx, []letter{l})
			}
			continue
		}
		for _, l := range letters {
			l.written <- err
		}
	}
}

const deposit = `insert into notification.mailbox (customer_id, notification_id, kind, about, subject, text, at)
	select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) on conflict do nothing`

func (b *Mailbox) deposit(ctx context.Context, letters []letter) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	n := len(letters)
	customers, keys, kinds, abouts := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	subjects, texts, ats := make([]string, n), make([]string, n), make([]time.Time, n)
	for i, l := range letters {
		customers[i], keys[i], kinds[i], abouts[i], subjects[i], texts[i], ats[i] = l.CustomerID, l.key, string(l.Kind), l.About, l.Subject, l.Text, l.At
	}
	_, err := b.db.Exec(ctx, deposit, customers, keys, kinds, abouts, subjects, texts, ats)
	return err
}
