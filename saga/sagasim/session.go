package sagasim

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga/lane"
)

// lockID names a lock: of the group's documents (-1), or of a lane's row.
type lockID int

const documents lockID = -1

type lock struct {
	holder  *backend
	waiters []*waiter
}

type waiter struct {
	backend *backend
	got     func()
	gone    bool
}

// backend is the server's side of a connection.
type backend struct {
	schema  *schema
	process *process
	open    bool          // in a transaction
	since   time.Duration // it waits for its client
	waits   bool          // for it, in a transaction
	held    []lockID
	gone    bool
	busy    int           // counts its statements, for the idle timeout
	pending []func(error) // answers of statements that wait
}

func (s *schema) connect(p *process) *backend {
	b := &backend{schema: s, process: p}
	s.backends = append(s.backends, b)
	return b
}

var errEnded = &pgconn.PgError{Severity: "FATAL", Code: "57P01", Message: "terminating connection due to administrator command"}

// end ends the session; a transaction that is open is rolled back.
func (b *backend) end() {
	if b.gone {
		return
	}
	b.gone = true
	b.rollback()
	b.schema.backends = slices.DeleteFunc(b.schema.backends, func(other *backend) bool { return other == b })
	for _, answer := range b.pending {
		answer(errEnded)
	}
	b.pending = nil
}

func (b *backend) rollback() {
	b.open = false
	held := b.held
	b.held = nil
	for _, id := range held {
		b.schema.release(id)
	}
}

// awaits: it waits for its client from now on.
func (b *backend) awaits() { b.waits, b.since = true, b.schema.database.world.now }

// idle ends the session if it stays idle in its transaction.
func (b *backend) idle() {
	b.awaits()
	b.busy++
	n := b.busy
	b.schema.database.world.after(idleTimeout, func() {
		if b.open && b.busy == n && len(b.pending) == 0 {
			b.end()
		}
	})
}

// acquire gets the lock for the backend's transaction, now or when it is free.
func (s *schema) acquire(b *backend, id lockID, got func()) *waiter {
	if slices.Contains(b.held, id) {
		got()
		return nil
	}
	l := s.locks[id]
	if l == nil {
		l = &lock{}
		s.locks[id] = l
	}
	if l.holder == nil {
		l.holder = b
		b.held = append(b.held, id)
		got()
		return nil
	}
	w := &waiter{backend: b, got: got}
	l.waiters = append(l.waiters, w)
	return w
}

func (s *schema) release(id lockID) {
	l := s.locks[id]
	l.holder = nil
	for len(l.waiters) > 0 {
		next := l.waiters[0]
		l.waiters = l.waiters[1:]
		if !next.gone && !next.backend.gone {
			l.holder = next.backend
			next.backend.held = append(next.backend.held, id)
			next.got()
			return
		}
	}
}

// claim is the claim's transaction, which waits for locks that long.
func (s *schema) claim(b *backend, patience time.Duration, numbers []int, partitions int, owner string, done func([]*lane.Row, error)) {
	over := false
	var waiting *waiter
	finish := func(rows []*lane.Row, err error) {
		if over {
			return
		}
		over = true
		if waiting != nil {
			waiting.gone = true
		}
		b.rollback()
		done(rows, err)
	}
	b.open = true
	wanted := []lockID{documents}
	for _, n := range numbers {
		wanted = append(wanted, lockID(n))
	}
	var next func()
	next = func() {
		if over {
			return
		}
		if len(wanted) == 0 {
			finish(s.raise(numbers, partitions, owner), nil)
			return
		}
		id := wanted[0]
		wanted = wanted[1:]
		waiting = s.acquire(b, id, next)
	}
	next()
	if !over {
		s.database.world.after(patience, func() {
			finish(nil, &pgconn.PgError{Severity: "ERROR", Code: "55P03", Message: "canceling statement due to lock timeout"})
		})
	}
}

func (s *schema) raise(numbers []int, partitions int, owner string) []*lane.Row {
	var rows []*lane.Row
	for _, n := range slices.Sorted(slices.Values(numbers)) {
		l := s.lanes[n]
		if l == nil {
			l = &laneRow{Row: lane.Row{Number: n, Partitions: partitions, Next: map[string]int64{}, Numbers: map[string]int64{}, Marks: map[string]lane.Mark{}}, owner: owner}
			l.Epoch = s.database.now().UnixMilli()
			s.lanes[n] = l
		} else {
			l.Epoch = max(l.Epoch+1, s.database.now().UnixMilli())
			if l.owner != "" && l.owner != owner {
				l.Deaths++
			}
			l.owner = owner
		}
		r := copied(&l.Row)
		r.Parked = map[string]int{}
		for _, p := range s.parked {
			if p.Lane == n {
				r.Parked[p.Key]++
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// endOthers is what a claim does that could not get its locks.
func (s *schema) endOthers(b *backend) {
	for _, other := range slices.Clone(s.backends) {
		if other != b && other.open && other.waits && s.database.world.now-other.since > tooQuiet {
			other.end()
		}
	}
}
