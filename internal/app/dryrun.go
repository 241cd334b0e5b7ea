package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
)

// rehearse runs the reactions to parked events on the documents as they are now, and says what they would do. Reactions
// are pure, so nothing comes of it.
func (p *Parked) rehearse(ctx context.Context, g *saga.Group, wish string, parked []lane.Parked) error {
	return pgx.BeginTxFunc(ctx, p.conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		r := rehearsal{group: g, tx: tx}
		if err := r.describeAct(ctx, p, parked[0].Key); err != nil {
			return err
		}
		if wish == lane.Discard {
			fmt.Fprintf(p.w, "  %s would be dropped\n", parked[0].Type)
			parked = parked[1:]
		}
		for _, e := range parked {
			out, err := r.try(ctx, e)
			if err != nil {
				return err
			}
			if out.Err != nil {
				fmt.Fprintf(p.w, "  %s would stay parked: %v\n", e.Type, out.Err)
				return nil
			}
			fmt.Fprintf(p.w, "  %s would %s\n", e.Type, inWords(out))
		}
		fmt.Fprintf(p.w, "  and the key would be free\n")
		return nil
	})
}

func inWords(out saga.Outcome) string {
	if len(out.Ran) == 0 {
		reason := out.Dropped
		if reason == "" {
			reason = "no reaction runs"
		}
		return "change nothing: " + reason
	}
	words := "run " + strings.Join(out.Ran, ", ")
	if len(out.Facts) == 0 {
		return words + ", which says nothing"
	}
	said := make([]string, len(out.Facts))
	for i, f := range out.Facts {
		said[i] = f.EventType()
	}
	return words + ", and say " + strings.Join(said, ", ")
}

// rehearsal has the documents that the events before have changed, in memory only.
type rehearsal struct {
	group   *saga.Group
	tx      pgx.Tx
	working saga.Working
}

// describeAct says where the act of the key stands.
func (r *rehearsal) describeAct(ctx context.Context, p *Parked, key string) error {
	if !r.group.HasAct() {
		fmt.Fprintf(p.w, "%s, key %s:\n", r.group.Name(), key)
		return nil
	}
	table := r.group.Tables()[0]
	if err := r.load(ctx, saga.Need{Table: table, Key: key}); err != nil {
		return err
	}
	act := table.Act(r.working.Find(table, key).Value)
	state := string(act.State())
	if act.State() == saga.New {
		state = "not acted yet"
	}
	if act.Pivoted() {
		state += ", past its point of no return"
	}
	if !act.WaitsUntil().IsZero() {
		state += ", waiting until " + act.WaitsUntil().Local().Format(time.DateTime)
	}
	fmt.Fprintf(p.w, "%s, key %s, whose act is %s:\n", r.group.Name(), key, state)
	return nil
}

// try handles one event.
func (r *rehearsal) try(ctx context.Context, e lane.Parked) (saga.Outcome, error) {
	record := e.Record
	envelope, _, err := wire.Decode(&record)
	cause := saga.Cause{Envelope: envelope}
	if err == nil {
		cause.Fact, err = r.group.Decode(envelope.Type, record.Value)
	}
	if err == nil && cause.Fact.Key() != envelope.Key {
		err = fmt.Errorf("the record's key is %q, but the fact in it is about %q", envelope.Key, cause.Fact.Key())
	}
	if err != nil {
		return saga.Outcome{Err: err}, nil
	}
	for {
		out := r.group.React(&r.working, cause)
		for _, need := range out.Needs {
			if err := r.load(ctx, need); err != nil {
				return out, err
			}
		}
		if out.Needs == nil {
			return out, nil
		}
	}
}

// load adds a document to the working set.
func (r *rehearsal) load(ctx context.Context, need saga.Need) error {
	document := need.Table.New(need.Key)
	columns := need.Table.Columns(document)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = pgx.Identifier{c.Name}.Sanitize()
	}
	row := r.tx.QueryRow(ctx, "select "+strings.Join(names, ", ")+" from "+
		pgx.Identifier{r.group.Name(), need.Table.Name()}.Sanitize()+" where "+names[0]+" = $1", need.Key)
	err := scan(row, columns)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("load %s %s: %w", need.Table.Name(), need.Key, err)
	}
	r.working.Put(need.Table, need.Key, document, err == nil)
	return nil
}

// scan reads a row into a document's columns. NULL is the zero time.
func scan(row pgx.Row, columns saga.Columns) error {
	targets := make([]any, len(columns))
	for i, c := range columns {
		switch at := c.At.(type) {
		case *time.Time:
			targets[i] = new(*time.Time)
		case saga.JSONColumn:
			targets[i] = new([]byte)
		default:
			targets[i] = at
		}
	}
	if err := row.Scan(targets...); err != nil {
		return err
	}
	for i, c := range columns {
		switch at := c.At.(type) {
		case *time.Time:
			if t := *targets[i].(**time.Time); t != nil {
				*at = t.UTC()
			}
		case saga.JSONColumn:
			if err := json.Unmarshal(*targets[i].(*[]byte), at.V); err != nil {
				return fmt.Errorf("column %s: %w", c.Name, err)
			}
		}
	}
	return nil
}
