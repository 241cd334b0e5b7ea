package orders_test

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// explaining is a database that answers a query with its plan, in lines.
type explaining struct {
	pool  *pgxpool.Pool
	lines []string
}

// failed is a row that can't be had.
type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// QueryRow keeps the plan, and returns no row.
func (e *explaining) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := e.pool.Query(ctx, "explain "+sql, args...)
	if err == nil {
		e.lines, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	return failed{errors.Join(err, errors.New("only a plan"))}
}
