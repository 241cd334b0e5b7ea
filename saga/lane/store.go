package lane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/s2"

	"tiffin/saga"
	"tiffin/saga/words"
)

// lane is one lane in memory, as it is in its row, or as the batch under way will make it.
type lane struct {
	*Row
	last    map[string]time.Time // topic -> append time of the last record handled
	passed  map[string]int       // topic -> how many of its events were handled since the claim, if owners had died
	sending bool
	dirty   bool // the batch under way has touched it
}

func newLane(r *Row) *lane {
	l := &lane{Row: r, last: map[string]time.Time{}, passed: map[string]int{}}
	if l.Attempts == nil {
		l.Attempts = map[string]int{}
	}
	l.care()
	return l
}

// name is the lane's name as a sender.
func (l *lane) name(group string) string { return fmt.Sprintf("%s/%d", group, l.Number) }

// ErrFenced: another owner has claimed a lane, so what this one holds in memory is worth nothing.
var ErrFenced = errors.New("another process has claimed these lanes")

// store is a [Store] on PostgreSQL: one connection, and all the SQL that a loop needs.
type store struct {
	conn  *pgx.Conn
	group *saga.Group
	sql   map[saga.AnyTable]*statements
	// shares says that the group has rows that several lanes change, such as a stock level.
	shares     bool
	partitions int
}

// lockKey names the advisory lock of a group's documents.
func lockKey(group string) string { return "tiffin documents " + group }

// application names our backends, so that a claim ends no stranger's.
const application = "tiffin lane "

// connect opens a connection whose plans suit batches: the statements join a table with what UNNEST makes of a parameter,
// and a plan that was made while the tables were empty would read them whole for ever.
func connect(ctx context.Context, url string, g *saga.Group, partitions int) (*store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"search_path": quoted(g.Name()), "application_name": application + g.Name(),
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
		"synchronous_commit": "on", "idle_in_transaction_session_timeout": "10s",
	} {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &store{conn: conn, group: g, sql: map[saga.AnyTable]*statements{}, partitions: partitions}
	for _, t := range g.Tables() {
		s.sql[t] = newStatements(t)
		s.shares = s.shares || !saga.Unshared(t)
	}
	return s, nil
}

func (s *store) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // the connection is not used again, whatever it says
}

const claimSQL = `
insert into lanes (lane, partitions, epoch, offsets, numbers, marks, strangers, outbox, owner)
select n, $2, (extract(epoch from clock_timestamp()) * 1000)::bigint, '{}', '{}', '{}', '[]', '', $3 from unnest($1::int[]) n
on conflict (lane) do update set
    epoch = greatest(lanes.epoch + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint),
    deaths = lanes.deaths + (lanes.owner not in ('', $3))::int,
    owner = $3
returning lane, partitions, epoch, offsets, numbers, marks, strangers, gaps, outbox, attempts, deaths`

// lockPatience is how long a claim waits for locks before it looks who has them. It doubles each time: whoever asks again stands
// behind all others, who may always be there.
const lockPatience = 2 * time.Second

// Claim raises the epochs. An owner that was paused in mid-transaction may hold locks for ever; its backend, which has waited for its
// client for a while, is ended then. One that works, however long, is waited for.
func (s *store) Claim(ctx context.Context, numbers []int, partitions int, owner string) ([]*Row, error) {
	for patience := lockPatience; ; patience *= 2 {
		lanes, err := s.tryClaim(ctx, numbers, partitions, owner, patience)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55P03" { // lock_not_available
			return lanes, err
		}
		if _, err := s.conn.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity
			where application_name = $1 and pid <> pg_backend_pid() and datname = current_database()
			and wait_event_type = 'Client' and xact_start is not null and state_change < clock_timestamp() - interval '1500 ms'`, application+s.group.Name()); err != nil {
			return nil, err
		}
	}
}

func (s *store) tryClaim(ctx context.Context, numbers []int, partitions int, owner string, patience time.Duration) (lanes []*Row, err error) {
	err = pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", strconv.FormatInt(patience.Milliseconds(), 10)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext($1))", lockKey(s.group.Name())); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, claimSQL, numbers, partitions, owner)
		if err != nil {
			return err
		}
		lanes, err = pgx.CollectRows(rows, scanLane)
		if err != nil {
			return err
		}
		for _, l := range lanes {
			if l.Partitions != partitions {
				return fmt.Errorf("the topics of group %s have %s, its lanes were made for %d: the number of partitions of a running choreography can't change",
					s.group.Name(), words.Count(partitions, "partition"), l.Partitions)
			}
		}
		slices.SortFunc(lanes, func(a, b *Row) int { return a.Number - b.Number })
		return s.countParked(ctx, tx, lanes)
	})
	return lanes, err
}

func scanLane(row pgx.CollectableRow) (*Row, error) {
	l := &Row{Parked: map[string]int{}}
	var offsets, numbers, marks, strangers, outbox, attempts []byte
	err := row.Scan(&l.Number, &l.Partitions, &l.Epoch, &offsets, &numbers, &marks, &strangers, &l.Gaps, &outbox, &attempts, &l.Deaths)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		text []byte
		into any
	}{{offsets, &l.Next}, {numbers, &l.Numbers}, {marks, &l.Marks}, {strangers, &l.Strangers}, {attempts, &l.Attempts}} {
		if err := json.Unmarshal(part.text, part.into); err != nil {
			return nil, fmt.Errorf("lane %d: %w", l.Number, err)
		}
	}
	if len(outbox) == 0 {
		return l, nil
	}
	plain, err := s2.Decode(nil, outbox)
	if err == nil {
		l.Outbox, err = decodeRecords(plain)
	}
	if err != nil {
		return nil, fmt.Errorf("lane %d: its outbox: %w", l.Number, err)
	}
	return l, nil
}

func (s *store) countParked(ctx context.Context, tx pgx.Tx, lanes []*Row) error {
	byNumber := map[int]*Row{}
	numbers := make([]int, len(lanes))
	for i, l := range lanes {
		byNumber[l.Number], numbers[i] = l, l.Number
	}
	rows, err := tx.Query(ctx, "select lane, key, count(*) from parked where lane = any($1::int[]) group by lane, key", numbers)
	if err != nil {
		return err
	}
	var number, count int
	var key string
	_, err = pgx.ForEachRow(rows, []any{&number, &key, &count}, func() error {
		byNumber[number].Parked[key] = count
		return nil
	})
	return err
}

func (s *store) Release(ctx context.Context, claimed []Claimed) error {
	if s.conn.PgConn().TxStatus() != 'I' { // a batch was cut off
		if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
			return err
		}
	}
	numbers, epochs := split(claimed)
	_, err := s.conn.Exec(ctx, `update lanes l set owner = '' from unnest($1::int[], $2::bigint[]) x(lane, epoch)
		where l.lane = x.lane and l.epoch = x.epoch`, numbers, epochs)
	return err
}

func split(claimed []Claimed) (numbers []int, epochs []int64) {
	for _, c := range claimed {
		numbers, epochs = append(numbers, c.Lane), append(epochs, c.Epoch)
	}
	return numbers, epochs
}

// Load is one round trip. Groups with rows that several lanes share take one lock: batches are short, and no two of them can wait for
// each other.
func (s *store) Load(ctx context.Context, w *saga.Working, needs []saga.Need, shard int) error {
	b := &pgx.Batch{}
	if s.conn.PgConn().TxStatus() == 'I' {
		b.Queue("begin")
		if s.shares {
			b.Queue("select pg_advisory_xact_lock(hashtext($1))", lockKey(s.group.Name()))
		}
	}
	s.queueLoads(b, w, needs, shard)
	return s.conn.SendBatch(ctx, b).Close()
}

func (s *store) queueLoads(b *pgx.Batch, w *saga.Working, needs []saga.Need, shard int) {
	keys := map[saga.AnyTable][]string{}
	asked := map[saga.Need]bool{}
	for _, n := range needs {
		if !asked[n] && w.Find(n.Table, n.Key) == nil {
			asked[n] = true
			keys[n.Table] = append(keys[n.Table], n.Key)
		}
	}
	for _, t := range s.group.Tables() {
		wanted := keys[t]
		if len(wanted) == 0 {
			continue
		}
		slices.Sort(wanted) // neighbours are on the same pages; what is new is inserted in this order, too
		params := []any{wanted}
		if s.sql[t].shard != "" {
			params = append(params, slices.Repeat([]int{shard}, len(wanted)))
		}
		b.Queue(s.sql[t].load, params...).Query(func(rows pgx.Rows) error {
			for i := 0; rows.Next(); i++ {
				breathe(i)
				d := t.New("")
				if err := Scan(rows, t.Columns(d)); err != nil {
					return &unreadableError{fmt.Errorf("load %s: %w", t.Name(), err)}
				}
				w.Put(t, *t.Columns(d)[0].At.(*string), d, true)
			}
			for _, k := range wanted {
				if w.Find(t, k) == nil {
					d := t.New(k)
					if part := t.Shard(d); part != nil {
						*part = shard
					}
					w.Put(t, k, d, false)
				}
			}
			return rows.Err()
		})
	}
}

// Save is one round trip. The guard comes first: when an epoch is no longer ours it fails, and PostgreSQL skips the rest of
// the pipeline, the commit too. A batch that has loaded nothing needs neither a lock nor a transaction before.
func (s *store) Save(ctx context.Context, save *Save) error {
	b := &pgx.Batch{}
	guard := 1 // the statement's place
	if s.conn.PgConn().TxStatus() == 'I' {
		b.Queue("begin")
		guard = 2
	}
	if err := queueLanes(b, save.Lanes); err != nil {
		return err
	}
	for _, t := range s.group.Tables() {
		s.sql[t].queueSaves(b, t, save.Working, s.partitions)
	}
	queueParked(b, save)
	queueEffects(b, save)
	b.Queue("commit")
	results := s.conn.SendBatch(ctx, b)
	for range guard {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // it says the same again
			return fencedOr(err)
		}
	}
	return results.Close()
}

// fencedOr tells the guard's error, which divides by zero, from others.
func fencedOr(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22012" {
		return ErrFenced
	}
	return err
}

const saveLanesSQL = `with u as (
    update lanes l set offsets = x.offsets::jsonb, numbers = x.numbers::jsonb, marks = x.marks::jsonb, strangers = coalesce(x.strangers::jsonb, l.strangers),
        gaps = x.gaps, outbox = x.outbox, attempts = x.attempts::jsonb, deaths = x.deaths
    from unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::text[], $10::int[])
        x(lane, epoch, offsets, numbers, marks, strangers, gaps, outbox, attempts, deaths)
    where l.lane = x.lane and l.epoch = x.epoch returning 1)
select 1 / (count(*) = cardinality($1))::int from u`

func queueLanes(b *pgx.Batch, lanes []*Row) error {
	n := len(lanes)
	numbers, epochs, gaps, outboxes, deaths := make([]int, n), make([]int64, n), make([]int64, n), make([][]byte, n), make([]int, n)
	var texts [5][]*string
	for i, l := range lanes {
		numbers[i], epochs[i], gaps[i], deaths[i] = l.Number, l.Epoch, l.Gaps, l.Deaths
		outboxes[i] = []byte{}
		if len(l.Outbox) > 0 {
			outboxes[i] = s2.Encode(nil, encodeRecords(l.Outbox))
		}
		var strangers any // some 70 bytes each, and seldom a new one
		if l.Met {
			strangers = l.Strangers
		}
		for k, v := range []any{l.Next, l.Numbers, l.Marks, strangers, l.Attempts} {
			text, err := jsonText(v)
			if err != nil {
				return err
			}
			texts[k] = append(texts[k], text)
		}
	}
	b.Queue(saveLanesSQL, numbers, epochs, texts[0], texts[1], texts[2], texts[3], gaps, outboxes, texts[4], deaths)
	return nil
}

func jsonText(v any) (*string, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	text := string(b)
	return &text, nil
}
