package sagasim

import (
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
)

const (
	// idleTimeout ends a session that stands idle in a transaction, as the runtime asks for.
	idleTimeout = 10 * time.Second
	// lockPatience is how long a claim waits for locks the first time; then twice as long.
	lockPatience = 2 * time.Second
	// tooQuiet is how long the client of a transaction must be silent for a claim to end it.
	tooQuiet = 1500 * time.Millisecond
)

// database is a PostgreSQL as far as a loop sees it. Its own meaning of every statement is held to the real one's by the
// suite in package storetest.
type database struct {
	server
	world   *world
	schemas map[string]*schema
	clock   time.Duration // how far its clock is ahead
}

// schema is one group's.
type schema struct {
	database  *database
	group     *saga.Group
	shares    bool
	tables    map[string]map[string]*row
	waits     map[string]actRow // the acts that wait, by key
	journals  map[string][][]byte
	lanes     map[int]*laneRow
	parked    []lane.ParkedEvent
	positions int64
	wishes    []lane.Wished
	effects   map[string]*effectRow
	locks     map[lockID]*lock
	backends  []*backend
}

type row struct {
	document []byte // encoded
	act      actRow
}

// actRow is what queries ask of an act.
type actRow struct {
	lane    int
	state   saga.State
	waiting string
	until   time.Time
	mark    time.Time
}

type laneRow struct {
	lane.Row
	owner string
}

type effectRow struct {
	lane.EffectRow
	failure string
	held    bool
}

func newDatabase(w *world, groups []*saga.Group) *database {
	d := &database{server: server{name: "PostgreSQL"}, world: w, schemas: map[string]*schema{}}
	for _, g := range groups {
		s := &schema{
			database: d, group: g, tables: map[string]map[string]*row{}, waits: map[string]actRow{}, journals: map[string][][]byte{},
			lanes: map[int]*laneRow{}, effects: map[string]*effectRow{}, locks: map[lockID]*lock{},
		}
		for _, t := range g.Tables() {
			if !t.Appends() {
				s.tables[t.Name()] = map[string]*row{}
			}
			s.shares = s.shares || !saga.Unshared(t)
		}
		d.schemas[g.Name()] = s
	}
	return d
}

func (d *database) now() time.Time { return Epoch.Add(d.world.now + d.clock) }

// lost: a process has died, and its machine says so, unless the network is cut.
func (d *database) lost(p *process) {
	if d.world.cut(p, &d.server) {
		return
	}
	for _, g := range d.world.groups {
		s := d.schemas[g.Name()]
		for _, b := range slices.Clone(s.backends) {
			if b.process == p {
				d.world.after(d.world.latency(p), b.end)
			}
		}
	}
}

// stops: it goes down, and all sessions with it.
func (d *database) stops() {
	d.down = true
	for _, g := range d.world.groups {
		for _, b := range slices.Clone(d.schemas[g.Name()].backends) {
			b.end()
		}
	}
}

// copied shares nothing with the row that changes.
func copied(r *lane.Row) *lane.Row {
	c := *r
	c.Next, c.Numbers, c.Marks, c.Attempts = maps.Clone(r.Next), maps.Clone(r.Numbers), maps.Clone(r.Marks), maps.Clone(r.Attempts)
	c.Strangers, c.Outbox = slices.Clone(r.Strangers), slices.Clone(r.Outbox)
	c.Parked = nil
	return &c
}

// saving is a batch's pipeline, as it is on the wire: what the loop changes later does not change it.
type saving struct {
	lanes   []*lane.Row
	written []written
	added   []added
	save    lane.Save // without lanes and documents
}

type written struct {
	table   saga.AnyTable
	key     string
	primary string // its row's
	exists  bool
	row     row
}

type added struct {
	table string
	row   []byte
}

func onTheWire(save *lane.Save, partitions int) *saving {
	out := &saving{save: *save}
	out.save.Working, out.save.Lanes = nil, nil
	for _, l := range save.Lanes {
		out.lanes = append(out.lanes, copied(l))
	}
	for _, d := range save.Working.Documents() {
		if d.Dirty {
			out.written = append(out.written, written{d.Table, d.Key, primaryKey(d.Table, d.Key, d.Value), d.Exists, rowOf(d.Table, d.Key, d.Value, partitions)})
		}
	}
	for _, r := range save.Working.Rows() {
		out.added = append(out.added, added{r.Table.Name(), saga.Encode(nil, r.Table, r.Value)})
	}
	return out
}

func rowOf(t saga.AnyTable, key string, document any, partitions int) row {
	r := row{document: saga.Encode(nil, t, document)}
	if a := t.Act(document); a != nil {
		r.act = actRow{kafka.Partition([]byte(key), partitions), a.State(), a.Waiting(), a.WaitsUntil().Truncate(time.Microsecond), a.MarkUntil()}
	}
	return r
}

// guarded says whether the lanes' epochs are still those that the batch claimed.
func (s *schema) guarded(v *saving) bool {
	for _, l := range v.lanes {
		if now := s.lanes[l.Number]; now == nil || now.Epoch != l.Epoch {
			return false
		}
	}
	return true
}

// save is the batch's pipeline up to its commit, or its failure.
func (s *schema) save(b *backend, v *saving, half time.Duration, done func(error)) {
	b.open = true
	wanted := v.lanes
	var next func()
	next = func() {
		if b.gone {
			return
		}
		if len(wanted) > 0 {
			id := lockID(wanted[0].Number)
			wanted = wanted[1:]
			s.acquire(b, id, next)
			return
		}
		if !s.guarded(v) {
			b.rollback()
			done(lane.ErrFenced)
			return
		}
		if half > 0 { // the rest of the pipeline comes later, and the locks are held until then
			wait := half
			half = 0
			b.awaits()
			s.database.world.after(wait, func() {
				b.waits = false
				next()
			})
			return
		}
		err := s.commit(b, v)
		b.rollback() // of nothing any more
		done(err)
	}
	next()
}

// commit changes everything at once, or nothing.
func (s *schema) commit(b *backend, v *saving) error {
	for _, d := range v.written {
		if slices.ContainsFunc(s.database.world.refusals, func(f Fault) bool { return f.Group == s.group.Name() && f.Key == d.key }) {
			s.database.world.poisoned[s.group.Name()] = true
			return &pgconn.PgError{Severity: "ERROR", Code: "23514", Message: "new row for " + d.table.Name() + " violates a check: " + d.key}
		}
		if _, there := s.tables[d.table.Name()][d.primary]; there && !d.exists {
			return &pgconn.PgError{Severity: "ERROR", Code: "23505", Message: "duplicate key value violates unique constraint of " + d.table.Name() + ": " + d.key}
		}
	}
	for _, l := range v.lanes {
		if slices.ContainsFunc(l.Strangers, func(s lane.Stranger) bool { return !utf8.ValidString(s.Source + s.ID) }) {
			return &pgconn.PgError{Severity: "ERROR", Code: "22021", Message: "invalid byte sequence for encoding UTF8"}
		}
	}
	for _, r := range v.save.Requests {
		if s.effects[r.ID] != nil {
			return &pgconn.PgError{Severity: "ERROR", Code: "23505", Message: "duplicate key value violates unique constraint of effects: " + r.ID}
		}
	}
	s.database.world.committed(s, v, b.process)
	for _, l := range v.lanes {
		s.saveLane(l)
	}
	for _, d := range v.written {
		table := s.tables[d.table.Name()]
		if _, there := table[d.primary]; there || !d.exists {
			r := d.row
			table[d.primary] = &r
			s.noteWait(d.table, d.key, r.act)
		}
	}
	for _, a := range v.added {
		s.journals[a.table] = append(s.journals[a.table], a.row)
	}
	s.saveParked(&v.save)
	for _, r := range v.save.Requests {
		s.effects[r.ID] = &effectRow{EffectRow: r}
	}
	for _, id := range v.save.Performed {
		delete(s.effects, id)
	}
	return nil
}

// noteWait keeps the index of the acts that wait.
func (s *schema) noteWait(t saga.AnyTable, key string, a actRow) {
	switch {
	case t != s.group.Tables()[0]:
	case a.until.IsZero():
		delete(s.waits, key)
	default:
		s.waits[key] = a
	}
}

func (s *schema) saveLane(l *lane.Row) {
	now := s.lanes[l.Number]
	if now == nil {
		return
	}
	epoch, owner, gaps, strangers := now.Epoch, now.owner, l.Gaps, now.Strangers
	now.Row = *copied(l)
	now.Epoch, now.owner, now.Gaps, now.Met = epoch, owner, gaps, false
	if !l.Met {
		now.Strangers = strangers
	}
}

func (s *schema) saveParked(v *lane.Save) {
	for _, p := range v.Park {
		s.positions++
		p.Position = s.positions
		s.parked = append(s.parked, p)
	}
	s.parked = slices.DeleteFunc(s.parked, func(p lane.ParkedEvent) bool { return slices.Contains(v.Unpark, p.Position) })
	for _, blamed := range v.Blame {
		for i := range s.parked {
			if s.parked[i].Position == blamed.Position {
				s.parked[i].Reason = blamed.Reason
			}
		}
	}
	at := func(of *lane.Wished) int {
		return slices.IndexFunc(s.wishes, func(w lane.Wished) bool { return of != nil && w.Lane == of.Lane && w.Key == of.Key })
	}
	if i := at(v.Granted); i >= 0 && v.GoOn {
		s.wishes[i].Wish = lane.Redrive
	} else if i >= 0 {
		s.wishes = slices.Delete(s.wishes, i, i+1)
	}
}

// wish is what a person says of a parked key. It says whether the key is parked.
func (s *schema) wish(key, wish string) bool {
	i := slices.IndexFunc(s.parked, func(p lane.ParkedEvent) bool { return p.Key == key })
	if i < 0 {
		return false
	}
	w := lane.Wished{Lane: s.parked[i].Lane, Key: key, Wish: wish}
	if at := slices.IndexFunc(s.wishes, func(o lane.Wished) bool { return o.Lane == w.Lane && o.Key == key }); at >= 0 {
		s.wishes[at] = w
	} else {
		s.wishes = append(s.wishes, w)
	}
	return true
}

// keys are a table's, sorted.
func (s *schema) keys(table string) []string { return slices.Sorted(maps.Keys(s.tables[table])) }
