package lane

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// statements are one table's.
type statements struct {
	load, insert, update string
	kinds                []string
	shard                string // the column of the table's shard, if it has one; load's second parameter then
}

func newStatements(t saga.AnyTable) *statements {
	var names, params, sets []string
	st := &statements{shard: saga.ShardColumn(t)}
	for i, c := range saved(t, t.New(""), 1) {
		kind, cast := sqlKind(t, c)
		st.kinds = append(st.kinds, kind)
		names = append(names, c.Name)
		params = append(params, fmt.Sprintf("$%d::%s[]", i+1, kind))
		if i > 0 && c.Name != st.shard {
			sets = append(sets, fmt.Sprintf("%s = x.%s%s", c.Name, c.Name, cast))
		}
	}
	columns, from := strings.Join(names, ", "), strings.Join(params, ", ")
	key := names[0]
	loaded := names[:len(t.Columns(t.New("")))]
	wanted, ofShard, sameShard := "unnest($1::text[]) k(key)", "", ""
	if st.shard != "" {
		// As a mere parameter, the shard would make a plan that reads all rows of the shard.
		wanted = "unnest($1::text[], $2::bigint[]) k(key, shard)"
		ofShard, sameShard = fmt.Sprintf(" and t.%s = k.shard", st.shard), fmt.Sprintf(" and t.%s = x.%s", st.shard, st.shard)
	}
	st.load = fmt.Sprintf("select %s from %s join %s t on t.%s = k.key%s", qualified("t", loaded), wanted, t.Name(), key, ofShard)
	st.insert = fmt.Sprintf("insert into %s (%s) select %s from unnest(%s) x(%s)", t.Name(), columns, castColumns(t), from, columns)
	st.update = fmt.Sprintf("update %s t set %s from unnest(%s) x(%s) where t.%s = x.%s%s", t.Name(), strings.Join(sets, ", "), from, columns, key, key, sameShard)
	return st
}

// saved are the columns that are written: the document's, and for an act which lane its key belongs to, so that a deadline
// finds its lane.
func saved(t saga.AnyTable, document any, partitions int) saga.Columns {
	columns := t.Columns(document)
	if t.Act(document) != nil {
		lane := kafka.Partition([]byte(*columns[0].At.(*string)), partitions)
		columns = append(columns, saga.Column{Name: "lane", At: &lane})
	}
	return columns
}

func castColumns(t saga.AnyTable) string {
	var out []string
	for _, c := range saved(t, t.New(""), 1) {
		_, cast := sqlKind(t, c)
		out = append(out, "x."+c.Name+cast)
	}
	return strings.Join(out, ", ")
}

func qualified(table string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = table + "." + n
	}
	return strings.Join(out, ", ")
}

// sqlKind is the type of a column's parameter, and the cast that its value needs.
func sqlKind(t saga.AnyTable, c saga.Column) (kind, cast string) {
	switch c.At.(type) {
	case *string:
		return "text", ""
	case *int, *int64:
		return "bigint", ""
	case *bool:
		return "boolean", ""
	case *time.Time:
		return "timestamptz", ""
	case saga.JSONColumn:
		return "text", "::jsonb"
	}
	panic(fmt.Sprintf("table %s, column %s: a %T can't be a column", t.Name(), c.Name, c.At))
}

// Scan reads a row into a document's columns.
func Scan(row pgx.Row, columns saga.Columns) error {
	into := make([]any, len(columns))
	var later []func() error
	for i, c := range columns {
		switch at := c.At.(type) {
		case *time.Time:
			var t *time.Time
			into[i] = &t
			later = append(later, func() error {
				if t != nil {
					*at = t.UTC()
				}
				return nil
			})
		case saga.JSONColumn:
			var text []byte
			into[i] = &text
			later = append(later, func() error { return json.Unmarshal(text, at.V) })
		default:
			into[i] = at
		}
	}
	if err := row.Scan(into...); err != nil {
		return err
	}
	for _, f := range later {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// queueSaves writes the table's changed documents, new ones and known ones apart (each is half the price of an upsert),
// and rows added to journals.
func (st *statements) queueSaves(b *pgx.Batch, t saga.AnyTable, w *saga.Working, partitions int) {
	news, known := 0, 0
	for _, r := range w.Rows() {
		if r.Table == t {
			news++
		}
	}
	for _, d := range w.Documents() {
		switch {
		case d.Table != t || !d.Dirty:
		case d.Exists:
			known++
		default:
			news++
		}
	}
	inserts, updates := newColumns(st.kinds, news), newColumns(st.kinds, known)
	for _, r := range w.Rows() {
		if r.Table == t {
			inserts.add(t.Columns(r.Value))
		}
	}
	for i, d := range w.Documents() {
		breathe(i)
		if d.Table != t || !d.Dirty {
			continue
		}
		if d.Exists {
			updates.add(saved(t, d.Value, partitions))
		} else {
			inserts.add(saved(t, d.Value, partitions))
		}
	}
	if inserts.n > 0 {
		b.Queue(st.insert, inserts.params()...)
	}
	if updates.n > 0 {
		b.Queue(st.update, updates.params()...)
	}
}

// columns collects documents by column, as parameters of UNNEST.
type columns struct {
	n     int
	kinds []string
	texts [][]string
	ints  [][]int64
	bools [][]bool
	times [][]*time.Time
}

func newColumns(kinds []string, rows int) *columns {
	n := len(kinds)
	c := &columns{kinds: kinds, texts: make([][]string, n), ints: make([][]int64, n), bools: make([][]bool, n), times: make([][]*time.Time, n)}
	for i, kind := range kinds {
		switch kind {
		case "text":
			c.texts[i] = make([]string, 0, rows)
		case "bigint":
			c.ints[i] = make([]int64, 0, rows)
		case "boolean":
			c.bools[i] = make([]bool, 0, rows)
		case "timestamptz":
			c.times[i] = make([]*time.Time, 0, rows)
		}
	}
	return c
}

func (c *columns) add(row saga.Columns) {
	c.n++
	for i, column := range row {
		switch at := column.At.(type) {
		case *string:
			c.texts[i] = append(c.texts[i], *at)
		case *int:
			c.ints[i] = append(c.ints[i], int64(*at))
		case *int64:
			c.ints[i] = append(c.ints[i], *at)
		case *bool:
			c.bools[i] = append(c.bools[i], *at)
		case *time.Time:
			var t *time.Time
			if !at.IsZero() {
				moment := *at
				t = &moment
			}
			c.times[i] = append(c.times[i], t)
		case saga.JSONColumn:
			text, err := json.Marshal(at.V, json.Deterministic(true))
			if err != nil {
				panic(fmt.Sprintf("column %s: %v", column.Name, err)) // change detection has encoded it before
			}
			c.texts[i] = append(c.texts[i], string(text))
		}
	}
}

func (c *columns) params() []any {
	out := make([]any, len(c.kinds))
	for i, kind := range c.kinds {
		switch kind {
		case "text":
			out[i] = c.texts[i]
		case "bigint":
			out[i] = c.ints[i]
		case "boolean":
			out[i] = c.bools[i]
		case "timestamptz":
			out[i] = c.times[i]
		}
	}
	return out
}
