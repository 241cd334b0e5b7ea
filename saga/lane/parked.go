package lane

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/saga/kafka"
)

// maxRedrive is how many parked events of one key are handled in one batch.
const maxRedrive = 500

// The wishes that a person may have for a parked key.
const (
	Redrive = "redrive" // handle all of its events again, in order
	Discard = "discard" // drop the first event, which can't be handled, and go on with those behind it
)

// grantWishes does what a person wants to be done with parked keys, each in a batch of its own: the key is free in the
// transaction that empties its queue. Only one process tries: it says so before, and if it is gone then it may have died of an event,
// which would kill one after the other.
func (l *loop) grantWishes(ctx context.Context) error {
	some := false
	for _, ln := range l.owned {
		some = some || len(ln.Parked) > 0
	}
	if !some || l.up()-l.wishesRead < time.Second {
		return nil
	}
	began := l.up()
	l.wishesRead = began
	wishes, err := l.store.Wishes(ctx, l.laneNumbers())
	if err != nil {
		return fmt.Errorf("read wishes: %w", err)
	}
	for _, w := range wishes {
		ln := l.lanes[w.Lane]
		if ln.sending {
			continue // with the next look
		}
		if err := l.grant(ctx, ln, w); err != nil {
			return err
		}
		if l.up()-began >= tick { // thousands may be wished for at once, and events wait: the others with the next tick
			l.wishesRead = began - time.Second
			break
		}
	}
	return nil
}

func (l *loop) grant(ctx context.Context, ln *lane, w Wished) error {
	key := w.Key
	events, err := l.readParked(ctx, ln, key)
	if err != nil {
		return err
	}
	note := wishFor + key
	triedBefore := ln.Attempts[note] > 0
	if !triedBefore {
		if err := l.attempt(ctx, ln, note); err != nil {
			return err
		}
	}
	b := l.newBatch()
	b.survives(ln, note)
	if w.Wish == Discard && len(events) > 0 {
		b.unpark = append(b.unpark, events[0].parked)
		if ln.Parked[key]--; ln.Parked[key] == 0 {
			delete(ln.Parked, key)
		}
		l.log.Warn("a parked event is discarded", "key", key, "type", events[0].cause.Type)
		events = events[1:]
	}
	if triedBefore && len(events) > 0 {
		b.keep(parkedKey{ln.Number, key}, events[0].parked, "the process that handled it again, or what is behind it, ended meanwhile: it may have died of that")
		events = nil
	}
	limit := l.searches[ofParked].limit
	untried := len(events) >= maxRedrive-1 || len(events) > limit
	events = events[:min(len(events), limit)]
	for _, t := range events {
		if c, ok := l.condemned[t.id()]; ok {
			delete(l.condemned, t.id()) // it has its reason then, and a person may try again
			b.keep(parkedKey{ln.Number, key}, t.parked, c.reason)
			break
		}
		b.tasks = append(b.tasks, t)
	}
	b.granted, b.untried = &w, untried
	if err := l.finish(ctx, b); err != nil {
		return err
	}
	l.log.Info("a parked key was redriven", "key", key, "handled", len(b.unpark), "still_parked", ln.Parked[key])
	return nil
}

// readParked reads a key's parked events, decoded as if they had just been read from Kafka.
func (l *loop) readParked(ctx context.Context, ln *lane, key string) ([]task, error) {
	parked, err := l.store.ReadParked(ctx, ln.Number, key, maxRedrive)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	tasks := make([]task, len(parked))
	for i, p := range parked {
		p.Record.Offset, p.Record.Time = p.Offset, p.At
		e := l.feed.decode([]kafka.Record{p.Record})[0]
		tasks[i] = task{lane: ln, event: e, parked: p.Position, cause: causeOf(e)}
	}
	return tasks, nil
}

// Parked is an event that is parked, as people see it.
type Parked struct {
	Position int64        `json:"position"`
	Lane     int          `json:"lane"`
	Key      string       `json:"key"`
	Type     string       `json:"type"`
	Topic    string       `json:"topic"`
	Offset   int64        `json:"offset"`
	Reason   string       `json:"reason,omitempty"` // empty: it waits behind another
	ParkedAt time.Time    `json:"parkedAt"`         // or when it was last tried in vain
	Attempts int          `json:"attempts"`
	Record   kafka.Record `json:"-"`
}

// ListParked reads what is parked in a group's schema, in order; of one key, or ("") of all.
func ListParked(ctx context.Context, conn *pgx.Conn, group, key string) ([]Parked, error) {
	rows, err := conn.Query(ctx, "select position, lane, key, type, topic, record_offset, reason, parked_at, attempts, record, appended_at from "+
		pgx.Identifier{group, "parked"}.Sanitize()+" where $1 = '' or key = $1 order by lane, key, position limit 10000", key)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Parked, err error) {
		var record []byte
		var appended time.Time
		if err = row.Scan(&p.Position, &p.Lane, &p.Key, &p.Type, &p.Topic, &p.Offset, &p.Reason, &p.ParkedAt, &p.Attempts, &record, &appended); err != nil {
			return p, err
		}
		records, err := decodeRecords(record)
		if err == nil && len(records) == 1 {
			p.Record = records[0]
			p.Record.Offset, p.Record.Time = p.Offset, appended
		}
		return p, err
	})
}

// Wish leaves a wish for a parked key; the loop that owns its lane grants it, within seconds if one runs. It says whether
// the key is parked at all.
func Wish(ctx context.Context, conn *pgx.Conn, group, key, wish string) (bool, error) {
	tag, err := conn.Exec(ctx, "insert into "+pgx.Identifier{group, "wishes"}.Sanitize()+` (lane, key, wish)
		select lane, key, $2 from `+pgx.Identifier{group, "parked"}.Sanitize()+` where key = $1 group by lane, key
		on conflict (lane, key) do update set wish = excluded.wish, asked_at = now()`, key, wish)
	return tag.RowsAffected() > 0, err
}
