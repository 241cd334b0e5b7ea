package notification

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	db      Executor
	writing chan struct{} // full while somebody writes

	mu      sync.Mutex
	waiting []*letter
}

// letter is a message that somebody delivers, and waits for.
type letter struct {
	key string
	Message
	written chan error
}

// NewMailbox is the mailbox in this database.
func NewMailbox(db Executor) *Mailbox { return &Mailbox{db: db, writing: make(chan struct{}, 1)} }

// Deliver implements [Channel]. Whoever comes while nobody writes writes for all who wait.
func (b *Mailbox) Deliver(ctx context.Context, idempotencyKey string, m Message) error {
	l := &letter{idempotencyKey, m, make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, l)
	b.mu.Unlock()
	select {
	case err := <-l.written:
		return undelivered(err)
	case <-ctx.Done():
		b.mu.Lock()
		b.waiting = slices.DeleteFunc(b.waiting, func(w *letter) bool { return w == l })
		b.mu.Unlock()
		return ctx.Err()
	case b.writing <- struct{}{}:
	}
	defer func() { <-b.writing }()
	b.mu.Lock()
	letters := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	b.write(ctx, letters)
	return undelivered(<-l.written) // by this write, or by the one before
}

func undelivered(err error) error {
	if err != nil {
		return fmt.Errorf("write to the mailbox: %w", err)
	}
	return nil
}

func (b *Mailbox) write(ctx context.Context, letters []*letter) {
	if len(letters) == 0 {
		return
	}
	err := b.deposit(ctx, letters)
	var refused *pgconn.PgError
	if len(letters) > 1 && errors.As(err, &refused) && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "23")) {
		for _, l := range letters { // one of them is the reason: it must not hold up the others
			l.written <- b.deposit(ctx, []*letter{l})
		}
		return
	}
	for _, l := range letters {
		l.written <- err
	}
}

const deposit = `insert into notification.mailbox (customer_id, notification_id, kind, about, subject, text, at)
	select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) on conflict do nothing`

func (b *Mailbox) deposit(ctx context.Context, letters []*letter) error {
	n := len(letters)
	customers, keys, kinds, abouts := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	subjects, texts, ats := make([]string, n), make([]string, n), make([]time.Time, n)
	for i, l := range letters {
		customers[i], keys[i], kinds[i], abouts[i], subjects[i], texts[i], ats[i] = l.CustomerID, l.key, string(l.Kind), l.About, l.Subject, l.Text, l.At
	}
	_, err := b.db.Exec(ctx, deposit, customers, keys, kinds, abouts, subjects, texts, ats)
	return err
}
