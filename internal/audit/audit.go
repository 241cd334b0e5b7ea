// Package audit reads what every group keeps, and says whether the books balance: money, stock, places in kitchens and
// couriers are conserved, every order has ended all done or all undone or is still in its time, and nothing was lost on
// the way.
//
// It believes nobody: what a row says of itself is counted again from the rows that it sums up, of one group where that
// is enough, of several where only together they tell how an order ended. It changes nothing, and reads all groups in
// one snapshot of the database, so that it may run beside a busy system.
//
// Between groups events are always on their way, and what one group has done and the other not yet heard looks like a
// fault. So what is wrong between groups is certain only if the system was quiet: all outboxes empty, every group at the
// end of its topics. [Report.Quiet] says so; otherwise such a fault is provisional, and [Config].Wait helps.
//
// audit.go is the course of it, questions.go what is asked, transit.go what is still on its way, report.go the answer.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/words"
)

// Config says what to audit.
type Config struct {
	// DatabaseURL is the PostgreSQL that has the groups' schemas.
	DatabaseURL string
	// Groups are those that run there. What would need a group that is not among them, or has never run there, is skipped.
	Groups []*saga.Group
	// Kafka says how far the groups lag behind their topics, usually a [*kafka.Client]. Without it nobody knows whether
	// events are on their way, and faults between groups stay provisional.
	Kafka Log
	// Grace is how much later than all deadlines on its way an order, and how much later than itself a deadline, may be
	// before it counts as stuck. Defaults to 1 minute.
	Grace time.Duration
	// Wait is how long to wait for the system to become quiet, before the audit takes it as it is. Defaults to not at all.
	Wait time.Duration
}

// Log is what the audit asks Kafka.
type Log interface {
	Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error)
	Offsets(ctx context.Context, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error)
}

// pollEvery is how often it looks whether the system is quiet.
const pollEvery = 200 * time.Millisecond

// Run audits. An error says that it could not; what it found is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Grace == 0 {
		cfg.Grace = time.Minute
	}
	conn, err := pgx.Connect(ctx, cfg.DatabaseURL)
	if err != nil {
		return Report{}, fmt.Errorf("audit: the database can't be reached: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is pending on it
	if cfg.Groups, err = present(ctx, conn, cfg.Groups); err != nil {
		return Report{}, err
	}
	if err := cfg.awaitQuiet(ctx, conn); err != nil {
		return Report{}, err
	}
	var report Report
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		report, err = cfg.examine(ctx, tx)
		return err
	})
	return report, err
}

// present are the groups that have run on this database: not everybody runs all. If none has, it is not theirs, and all of
// them are asked, for an error that says so.
func present(ctx context.Context, conn *pgx.Conn, groups []*saga.Group) ([]*saga.Group, error) {
	var there []*saga.Group
	for _, g := range groups {
		var found bool
		table := pgx.Identifier{g.Name(), "lanes"}.Sanitize()
		if err := conn.QueryRow(ctx, "select to_regclass($1) is not null", table).Scan(&found); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		if found {
			there = append(there, g)
		}
	}
	if there == nil {
		return groups, nil
	}
	return there, nil
}

// awaitQuiet returns when the system is quiet, or the time for that is over.
func (cfg Config) awaitQuiet(ctx context.Context, conn *pgx.Conn) error {
	if cfg.Wait <= 0 {
		return nil
	}
	over := time.After(cfg.Wait)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		t, err := cfg.transit(ctx, conn)
		if err != nil || t.quiet() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-tick.C:
		}
	}
}

// querier is a transaction or a connection.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// examine asks all questions of one snapshot.
func (cfg Config) examine(ctx context.Context, tx pgx.Tx) (Report, error) {
	var report Report
	// A hash of a million rows shall not go to the disk.
	if _, err := tx.Exec(ctx, "set local work_mem = '64MB'"); err != nil {
		return report, fmt.Errorf("audit: %w", err)
	}
	if err := tx.QueryRow(ctx, "select now()").Scan(&report.At); err != nil {
		return report, fmt.Errorf("audit: %w", err)
	}
	// The ends of the log are asked for after the snapshot is taken: a group that has read as far as they are now was at
	// the end then, too.
	t, err := cfg.transit(ctx, tx)
	if err != nil {
		return report, err
	}
	report.Quiet = t.quiet()
	for _, q := range cfg.questions() {
		check, err := cfg.ask(ctx, tx, q)
		if err != nil {
			return report, err
		}
		if check.Verdict == Wrong && q.across && !report.Quiet {
			check.Verdict = Provisional
		}
		report.Checks = append(report.Checks, check)
	}
	report.Checks = append(report.Checks, t.checks()...)
	return report, nil
}

// maxExamples is how many faults a check names.
const maxExamples = 10

// ask puts one question: its query has a row for each thing that it looks at, with what is wrong with it, or NULL.
func (cfg Config) ask(ctx context.Context, db querier, q question) (Check, error) {
	check := Check{Name: q.name, About: q.about, Thing: q.thing, Things: words.Noun(0, q.thing), Verdict: OK}
	if absent := cfg.absent(q.reads); absent != "" {
		check.Verdict, check.Why = Skipped, "group "+absent+" is not part of this audit, or has never run here"
		return check, nil
	}
	err := db.QueryRow(ctx, "with q(wrong) as materialized ("+q.sql+`)
		select (select count(*) from q), (select count(*) from q where wrong is not null),
			array(select wrong from q where wrong is not null order by wrong limit $1)`,
		append([]any{maxExamples}, q.args...)...).Scan(&check.Counted, &check.Found, &check.Examples)
	if err != nil {
		return check, fmt.Errorf("audit: %s: %w", q.name, explained(err))
	}
	switch {
	case check.Found == 0:
	case q.allowed:
		check.Verdict = Noted
	default:
		check.Verdict = Wrong
	}
	return check, nil
}

// absent is the first of the groups that is not audited.
func (cfg Config) absent(groups []string) string {
	for _, name := range groups {
		found := false
		for _, g := range cfg.Groups {
			found = found || g.Name() == name
		}
		if !found {
			return name
		}
	}
	return ""
}

// explained says what to do about tables that do not exist.
func explained(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000") { // undefined_table, invalid_schema_name
		return fmt.Errorf("%w: the groups create their tables when they start; has this database ever been theirs?", err)
	}
	return err
}
