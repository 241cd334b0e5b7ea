package lane

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// What a loop asks its database beside its batches, and what a batch saves beside lanes and documents.

func (s *store) Nearest(ctx context.Context, lanes []int) (time.Time, error) {
	var soonest *time.Time
	table := s.group.Tables()[0].Name()
	err := s.conn.QueryRow(ctx, "select min(waits_until) from "+table+" where waits_until is not null and lane = any($1::bigint[]) and waiting = any($2)", lanes, s.group.Waits()).Scan(&soonest)
	if err != nil || soonest == nil {
		return time.Time{}, err
	}
	return *soonest, nil
}

func (s *store) Due(ctx context.Context, lanes []int, now time.Time, without []string, limit int) ([]Due, error) {
	rows, err := s.conn.Query(ctx, dueSQL(s.group), now, lanes, limit, s.group.Waits(), without)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Due])
}

func dueSQL(g *saga.Group) string {
	t := g.Tables()[0]
	return fmt.Sprintf(`select t.%[1]s, t.lane, t.waits_until, t.waiting, t.started, t.trace from %[2]s t
		where t.waits_until <= $1 and t.lane = any($2::bigint[]) and t.waiting = any($4::text[]) and t.%[1]s <> all($5::text[])
		and not exists (select from parked p where p.lane = t.lane and p.key = t.%[1]s) order by t.waits_until limit $3`, keyColumn(t), t.Name())
}

func (s *store) Sweep(ctx context.Context, claimed []Claimed, until time.Time) ([]string, error) {
	t := s.group.Tables()[0]
	numbers, epochs := split(claimed)
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`delete from %[1]s t using unnest($1::int[], $2::bigint[]) x(lane, epoch) join lanes l on l.lane = x.lane and l.epoch = x.epoch
		where t.lane = x.lane and t.state = $3 and t.mark_until < $4
		and not exists (select from parked p where p.lane = t.lane and p.key = t.%[2]s) returning t.%[2]s`, t.Name(), keyColumn(t)),
		numbers, epochs, string(saga.Barred), until)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func keyColumn(t saga.AnyTable) string { return t.Columns(t.New(""))[0].Name }

func (s *store) Wishes(ctx context.Context, lanes []int) ([]Wished, error) {
	rows, err := s.conn.Query(ctx, "select lane, key, wish from wishes where lane = any($1::int[]) order by asked_at", lanes)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Wished])
}

func (s *store) ReadParked(ctx context.Context, lane int, key string, limit int) ([]ParkedEvent, error) {
	rows, err := s.conn.Query(ctx, "select position, type, topic, record_offset, record, reason, appended_at from parked where lane = $1 and key = $2 order by position limit $3",
		lane, key, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ParkedEvent, error) {
		p := ParkedEvent{Lane: lane, Key: key}
		var record []byte
		if err := row.Scan(&p.Position, &p.Type, &p.Topic, &p.Offset, &record, &p.Reason, &p.At); err != nil {
			return p, err
		}
		records, err := decodeRecords(record)
		if err != nil || len(records) != 1 {
			return p, fmt.Errorf("parked event %d is damaged: %w", p.Position, err)
		}
		p.Record = records[0]
		return p, nil
	})
}

func queueParked(out *pgx.Batch, s *Save) {
	for _, p := range s.Park {
		out.Queue("insert into parked (lane, key, type, topic, record_offset, record, reason, parked_at, appended_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			p.Lane, p.Key, p.Type, p.Topic, p.Offset, encodeRecords([]kafka.Record{p.Record}), p.Reason, s.Now, p.At)
	}
	if len(s.Unpark) > 0 {
		out.Queue("delete from parked where position = any($1::bigint[])", s.Unpark)
	}
	for _, p := range s.Blame {
		out.Queue("update parked set reason = $2, attempts = attempts + 1, parked_at = $3 where position = $1", p.Position, p.Reason, s.Now)
	}
	switch w := s.Granted; {
	case w == nil:
	case s.GoOn:
		out.Queue("update wishes set wish = $3 where lane = $1 and key = $2", w.Lane, w.Key, Redrive)
	default:
		out.Queue("delete from wishes where lane = $1 and key = $2", w.Lane, w.Key)
	}
}

func (s *store) DueEffects(ctx context.Context, lanes []int, now time.Time, underWay []string, limit int) ([]EffectRow, error) {
	if underWay == nil {
		underWay = []string{} // nil would be NULL
	}
	rows, err := s.conn.Query(ctx, `select id, lane, key, effect, request, cause, until, attempts, next_attempt from effects
		where next_attempt <= $1 and lane = any($2::int[]) and id <> all($3::text[]) order by next_attempt limit $4`,
		now, lanes, underWay, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[EffectRow])
}

// ownEffect says of an effect e that its lane has not been claimed by another: $1 and $2 are the lanes and epochs of who asks.
const ownEffect = `exists (select from unnest($1::int[], $2::bigint[]) c(lane, epoch) join lanes l on l.lane = c.lane and l.epoch = c.epoch where c.lane = e.lane)`

func (s *store) Retry(ctx context.Context, claimed []Claimed, failed []FailedEffect) error {
	numbers, epochs := split(claimed)
	n := len(failed)
	ids, next, failures := make([]string, n), make([]time.Time, n), make([]string, n)
	for i, f := range failed {
		ids[i], next[i], failures[i] = f.ID, f.Next, f.Failure
	}
	_, err := s.conn.Exec(ctx, `update effects e set attempts = attempts + 1, next_attempt = x.next, failure = x.failure
		from unnest($3::text[], $4::timestamptz[], $5::text[]) x(id, next, failure) where e.id = x.id and `+ownEffect, numbers, epochs, ids, next, failures)
	return err
}

func (s *store) HoldEffect(ctx context.Context, claimed []Claimed, id, reason string) error {
	numbers, epochs := split(claimed)
	_, err := s.conn.Exec(ctx, "update effects e set next_attempt = 'infinity', failure = $4 where e.id = $3 and "+ownEffect, numbers, epochs, id, reason)
	return err
}

func queueEffects(out *pgx.Batch, s *Save) {
	if n := len(s.Requests); n > 0 {
		ids, lanes, keys, effects := make([]string, n), make([]int, n), make([]string, n), make([]string, n)
		requests, causes, until := make([]string, n), make([]string, n), make([]time.Time, n)
		for i, r := range s.Requests {
			ids[i], lanes[i], keys[i], effects[i] = r.ID, r.Lane, r.Key, r.Effect
			requests[i], causes[i], until[i] = string(r.Request), string(r.Cause), r.Until
		}
		out.Queue(`insert into effects (id, lane, key, effect, request, cause, until, next_attempt)
			select id, lane, key, effect, request::jsonb, cause::jsonb, until, $8
			from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) x(id, lane, key, effect, request, cause, until)`,
			ids, lanes, keys, effects, requests, causes, until, s.Now)
	}
	if len(s.Performed) > 0 {
		out.Queue("delete from effects e using unnest($1::text[]) x(id) where e.id = x.id", s.Performed)
	}
}
