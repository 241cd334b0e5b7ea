package sagasim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga"
	"tiffin/saga/lane"
)

// store is a [lane.Store]: a process's side of a connection to the simulated PostgreSQL.
type store struct {
	process    *process
	schema     *schema
	backend    *backend
	partitions int
	broken     error
}

func (p *process) open(ctx context.Context, g *saga.Group, partitions int) (lane.Store, error) {
	s := &store{process: p, schema: p.world.database.schemas[g.Name()], partitions: partitions}
	err := p.ask(ctx, request{&p.world.database.server, OpConnect, g.Name()}, func(answer func(error)) {
		s.backend = s.schema.connect(p)
		answer(nil)
	})
	if err != nil {
		if s.backend != nil {
			s.Close()
		}
		return nil, err
	}
	return s, nil
}

// do runs statements in the session. An error that is not PostgreSQL's own breaks the connection.
func (s *store) do(ctx context.Context, op Op, run func(b *backend, answer func(error))) error {
	if s.broken != nil {
		return s.broken
	}
	b := s.backend
	err := s.process.ask(ctx, request{&s.schema.database.server, op, s.schema.group.Name()}, func(answer func(error)) {
		if b.gone {
			answer(errEnded)
			return
		}
		b.busy++
		b.waits = false
		answered := false
		once := func(err error) {
			if !answered {
				answered = true
				answer(err)
				if b.open {
					b.idle()
				}
			}
		}
		b.pending = append(b.pending, once)
		run(b, func(err error) {
			b.pending = nil
			once(err)
		})
	})
	var pg *pgconn.PgError
	if err != nil && (!errors.As(err, &pg) || pg == errEnded) && !errors.Is(err, lane.ErrFenced) {
		s.broken = err
	}
	return err
}

// Close says goodbye, if it is heard.
func (s *store) Close() {
	p, b := s.process, s.backend
	if p.dead || p.world.cut(p, &s.schema.database.server) {
		return
	}
	p.world.after(p.world.latency(p), b.end)
	s.broken = errNoAnswer
}

func (s *store) Claim(ctx context.Context, lanes []int, partitions int, owner string) ([]*lane.Row, error) {
	for patience := lockPatience; ; patience *= 2 {
		var rows []*lane.Row
		err := s.do(ctx, OpClaim, func(b *backend, answer func(error)) {
			s.schema.claim(b, patience, lanes, partitions, owner, func(got []*lane.Row, err error) {
				rows = got
				answer(err)
			})
		})
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55P03" {
			return rows, err
		}
		err = s.do(ctx, OpQuery, func(b *backend, answer func(error)) {
			s.schema.endOthers(b)
			answer(nil)
		})
		if err != nil {
			return nil, err
		}
	}
}

func (s *store) Release(ctx context.Context, claimed []lane.Claimed) error {
	return s.do(ctx, OpRelease, func(_ *backend, answer func(error)) {
		for _, c := range claimed {
			if l := s.schema.lanes[c.Lane]; l != nil && l.Epoch == c.Epoch {
				l.owner = ""
			}
		}
		answer(nil)
	})
}

// loaded is a document as it was read.
type loaded struct {
	need     saga.Need
	shard    int
	document []byte // nil: there is none
}

// empty is the document if there is none.
func (l loaded) empty() any {
	document := l.need.Table.New(l.need.Key)
	if part := l.need.Table.Shard(document); part != nil {
		*part = l.shard
	}
	return document
}

// primaryKey is that of a document's row: its key, and its shard if it has one.
func primaryKey(t saga.AnyTable, key string, document any) string {
	if part := t.Shard(document); part != nil {
		return fmt.Sprintf("%s shard %d", key, *part)
	}
	return key
}

// load reads documents; of those that are sharded, the part with this number.
func (s *schema) load(needs []saga.Need, shard int) []loaded {
	var out []loaded
	for _, n := range needs {
		l := loaded{need: n, shard: shard}
		if r := s.tables[n.Table.Name()][primaryKey(n.Table, n.Key, l.empty())]; r != nil {
			l.document = r.document
		}
		out = append(out, l)
	}
	return out
}

func put(w *saga.Working, documents []loaded) {
	for _, l := range documents {
		switch {
		case w.Find(l.need.Table, l.need.Key) != nil:
		case l.document != nil:
			w.Put(l.need.Table, l.need.Key, saga.Decode(l.document, l.need.Table), true)
		default:
			w.Put(l.need.Table, l.need.Key, l.empty(), false)
		}
	}
}

func (s *store) Load(ctx context.Context, w *saga.Working, needs []saga.Need, shard int) error {
	var got []loaded
	needs = slices.Clone(needs)
	err := s.do(ctx, OpLoad, func(b *backend, answer func(error)) {
		b.open = true
		read := func() {
			got = s.schema.load(needs, shard)
			answer(nil)
		}
		if s.schema.shares {
			s.schema.acquire(b, documents, read)
		} else {
			read()
		}
	})
	if err == nil {
		put(w, got)
	}
	return err
}

func (s *store) Save(ctx context.Context, save *lane.Save) error {
	v := onTheWire(save, s.partitions)
	half := s.process.world.halfway(s.process)
	return s.do(ctx, OpSave, func(b *backend, answer func(error)) {
		s.schema.save(b, v, half, answer)
	})
}

// query reads, outside of any transaction.
func (s *store) query(ctx context.Context, run func()) error {
	return s.do(ctx, OpQuery, func(_ *backend, answer func(error)) {
		run()
		answer(nil)
	})
}

func (s *store) acts(each func(key string, r *row)) {
	table := s.schema.group.Tables()[0].Name()
	for _, k := range s.schema.keys(table) {
		each(k, s.schema.tables[table][k])
	}
}

// ends says whether the group has the Else that ends a wait.
func (s *store) ends(a actRow) bool { return slices.Contains(s.schema.group.Waits(), a.waiting) }

func (s *store) Nearest(ctx context.Context, lanes []int) (soonest time.Time, err error) {
	err = s.query(ctx, func() {
		for _, a := range s.schema.waits {
			if slices.Contains(lanes, a.lane) && s.ends(a) && (soonest.IsZero() || a.until.Before(soonest)) {
				soonest = a.until
			}
		}
	})
	return soonest, err
}

func (s *store) Due(ctx context.Context, lanes []int, now time.Time, without []string, limit int) (due []lane.Due, err error) {
	err = s.query(ctx, func() {
		t := s.schema.group.Tables()[0]
		for key, a := range s.schema.waits {
			if !a.until.After(now) && slices.Contains(lanes, a.lane) && s.ends(a) && !s.parks(a.lane, key) && !slices.Contains(without, key) {
				due = append(due, lane.Due{Key: key, Lane: a.lane, Until: a.until, Waiting: a.waiting})
			}
		}
		slices.SortFunc(due, func(a, b lane.Due) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Key, b.Key)) })
		due = due[:min(len(due), limit)]
		for i := range due {
			d, r := &due[i], s.schema.tables[t.Name()][due[i].Key]
			for _, c := range t.Columns(saga.Decode(r.document, t)) {
				switch at := c.At.(type) {
				case *time.Time:
					if c.Name == "started" && !at.IsZero() {
						d.Started = at
					}
				case *string:
					if c.Name == "trace" {
						d.Trace = *at
					}
				}
			}
		}
	})
	return due, err
}

func (s *store) parks(number int, key string) bool {
	return slices.ContainsFunc(s.schema.parked, func(p lane.ParkedEvent) bool { return p.Lane == number && p.Key == key })
}

// owned are the lanes that nobody else has claimed since.
func (s *store) owned(claimed []lane.Claimed) map[int]bool {
	owned := map[int]bool{}
	for _, c := range claimed {
		l := s.schema.lanes[c.Lane]
		owned[c.Lane] = l != nil && l.Epoch == c.Epoch
	}
	return owned
}

func (s *store) Sweep(ctx context.Context, claimed []lane.Claimed, until time.Time) (swept []string, err error) {
	err = s.query(ctx, func() {
		owned := s.owned(claimed)
		table := s.schema.group.Tables()[0].Name()
		s.acts(func(key string, r *row) {
			if a := r.act; owned[a.lane] && a.state == saga.Barred && !a.mark.IsZero() && a.mark.Before(until) && !s.parks(a.lane, key) {
				swept = append(swept, key)
			}
		})
		for _, k := range swept {
			delete(s.schema.tables[table], k)
			delete(s.schema.waits, k)
		}
	})
	return swept, err
}

func (s *store) Wishes(ctx context.Context, lanes []int) (wishes []lane.Wished, err error) {
	err = s.query(ctx, func() {
		for _, w := range s.schema.wishes {
			if slices.Contains(lanes, w.Lane) {
				wishes = append(wishes, w)
			}
		}
	})
	return wishes, err
}

func (s *store) ReadParked(ctx context.Context, number int, key string, limit int) (parked []lane.ParkedEvent, err error) {
	err = s.query(ctx, func() {
		for _, p := range s.schema.parked {
			if p.Lane == number && p.Key == key && len(parked) < limit {
				parked = append(parked, p)
			}
		}
	})
	return parked, err
}

func (s *store) DueEffects(ctx context.Context, lanes []int, now time.Time, underWay []string, limit int) (due []lane.EffectRow, err error) {
	err = s.query(ctx, func() {
		var found []*effectRow
		for _, e := range s.schema.effects {
			if !e.held && !e.Next.After(now) && slices.Contains(lanes, e.Lane) && !slices.Contains(underWay, e.ID) {
				found = append(found, e)
			}
		}
		slices.SortFunc(found, func(a, b *effectRow) int { return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.ID, b.ID)) })
		for _, e := range found[:min(len(found), limit)] {
			due = append(due, e.EffectRow)
		}
	})
	return due, err
}

func (s *store) Retry(ctx context.Context, claimed []lane.Claimed, failed []lane.FailedEffect) error {
	return s.query(ctx, func() {
		owned := s.owned(claimed)
		for _, f := range failed {
			if e := s.schema.effects[f.ID]; e != nil && owned[e.Lane] {
				e.Attempts++
				e.Next, e.failure = f.Next, f.Failure
			}
		}
	})
}

func (s *store) HoldEffect(ctx context.Context, claimed []lane.Claimed, id, reason string) error {
	return s.query(ctx, func() {
		if e := s.schema.effects[id]; e != nil && s.owned(claimed)[e.Lane] {
			e.held, e.failure = true, reason
		}
	})
}
