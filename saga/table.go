package saga

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Column is a column of a document's table, and where a document keeps its value.
type Column struct {
	Name string
	// At points at the value: *string, *int, *int64, *bool, *time.Time (the zero time is NULL), or [JSON](&v).
	At any
}

// Columns are a document's columns; the first is its key, a string. This one list serves SELECT, INSERT, UPDATE, change
// detection, and the state of the checker. So [Define] refuses a document with an exported field that none of them keeps.
type Columns []Column

// JSONColumn is a column of type jsonb.
type JSONColumn struct{ V any }

// JSON makes a jsonb column of what v points at.
func JSON(v any) JSONColumn { return JSONColumn{v} }

// AnyTable is a [Table] or a [Journal], whatever its documents are. Runtimes use it.
type AnyTable interface {
	Name() string
	// New is an empty document with the given key.
	New(key string) any
	// Columns are those of the document, the library's own for an act included.
	Columns(document any) Columns
	// Act is the document's act; nil if its table keeps none.
	Act(document any) *Act
	// Appends says that the table is a journal: reactions add rows to it and never read them.
	Appends() bool
	// Shard is where the document keeps its shard; nil if its table is not [Table.Sharded].
	Shard(document any) *int
	// Keeper is the key of the events that alone may ask for the document with this key; false if those of any may.
	Keeper(key string) (string, bool)
}

// Table is where documents of type D live: a table in the group's own PostgreSQL schema.
type Table[D any] struct {
	name    string
	columns func(*D) Columns
	journal bool
	shard   func(*D) *int
	keeper  func(key string) string
}

// In declares a table, and which columns keep a document. The table itself is created by the group's migrations, with
// the CHECKs that a document must never break.
func In[D any](name string, columns func(*D) Columns) *Table[D] {
	return &Table[D]{name: name, columns: columns}
}

// Name is the table's name, without the schema.
func (t *Table[D]) Name() string { return t.name }

// Appends says that this is a table of documents, not a journal.
func (t *Table[D]) Appends() bool { return t.journal }

// New is an empty document with the given key.
func (t *Table[D]) New(key string) any {
	d := new(D)
	if columns := t.columns(d); !t.journal && len(columns) > 0 {
		if at, ok := columns[0].At.(*string); ok { // else Define refuses the table
			*at = key
		}
	}
	return d
}

// Columns are the document's, those of its act included.
func (t *Table[D]) Columns(document any) Columns {
	columns := t.columns(document.(*D))
	if a, ok := document.(actor); ok {
		columns = append(columns, a.act().columns()...)
	}
	return columns
}

// Act is the document's act; nil if the table keeps none.
func (t *Table[D]) Act(document any) *Act {
	if a, ok := document.(actor); ok {
		return a.act()
	}
	return nil
}

// Get is the document with this key: as it is in the table, with what earlier events of the batch changed, or an empty
// one. A reaction may change it if its line in the declaration has [Uses] for the table.
func (t *Table[D]) Get(c Asking, key string) *D {
	return c.transaction().get(t, key).(*D)
}

// All is the documents with these keys, in their order. It asks for all of them at once, so that a batch loads them in
// one go.
func (t *Table[D]) All(c Asking, keys ...string) []*D {
	c.transaction().need(t, keys)
	out := make([]*D, len(keys))
	for i, k := range keys {
		out[i] = t.Get(c, k)
	}
	return out
}

// Journal is a table to which reactions only add: ledger movements, a timeline. Since no reaction ever reads it, it has
// no influence on the saga, and the checker leaves it out.
type Journal[D any] struct{ table Table[D] }

// JournalIn declares a journal. Its table has a primary key of its own (an identity column, say) that the columns here
// do not name.
func JournalIn[D any](name string, columns func(*D) Columns) *Journal[D] {
	return &Journal[D]{Table[D]{name: name, columns: columns, journal: true}}
}

// Name is the table's name, without the schema.
func (j *Journal[D]) Name() string { return j.table.name }

// Appends says that this is a journal.
func (j *Journal[D]) Appends() bool { return true }

// New is an empty row.
func (j *Journal[D]) New(key string) any { return j.table.New(key) }

// Columns are the row's.
func (j *Journal[D]) Columns(row any) Columns { return j.table.Columns(row) }

// Act is nil: a journal keeps no acts.
func (j *Journal[D]) Act(any) *Act { return nil }

// Shard is nil: a row that is only added needs none.
func (j *Journal[D]) Shard(any) *int { return nil }

// Keeper is nobody: rows have no keys.
func (j *Journal[D]) Keeper(string) (string, bool) { return "", false }

// Add appends a row.
func (j *Journal[D]) Add(c Asking, row D) {
	tx := c.transaction()
	tx.added = append(tx.added, Row{j, &row})
}

// Row is a row that a reaction added to a journal.
type Row struct {
	Table AnyTable
	Value any
}

// Encode appends the document's columns to b, in a form that is equal exactly if the documents are.
func Encode(b []byte, t AnyTable, document any) []byte {
	return encode(b, t, t.Columns(document))
}

func encode(b []byte, t AnyTable, columns Columns) []byte {
	for _, c := range columns {
		switch at := c.At.(type) {
		case *string:
			b = binary.AppendUvarint(b, uint64(len(*at)))
			b = append(b, *at...)
		case *int:
			b = binary.AppendVarint(b, int64(*at))
		case *int64:
			b = binary.AppendVarint(b, *at)
		case *bool:
			b = append(b, 0)
			if *at {
				b[len(b)-1] = 1
			}
		case *time.Time:
			b = binary.AppendVarint(b, numberOf(*at))
		case JSONColumn:
			v, err := json.Marshal(at.V, json.Deterministic(true))
			if err != nil {
				panic(fmt.Sprintf("table %s, column %s: %v", t.Name(), c.Name, err))
			}
			b = binary.AppendUvarint(b, uint64(len(v)))
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("table %s, column %s: a %T can't be a column; use *string, *int, *int64, *bool, *time.Time or saga.JSON", t.Name(), c.Name, at))
		}
	}
	return b
}

// Decode is the document that was encoded. Times come back in UTC, to the microsecond, as PostgreSQL keeps them.
func Decode(b []byte, t AnyTable) any {
	d := t.New("")
	text := func() []byte {
		n, w := binary.Uvarint(b)
		s := b[w : w+int(n)]
		b = b[w+int(n):]
		return s
	}
	integer := func() int64 {
		n, w := binary.Varint(b)
		b = b[w:]
		return n
	}
	for _, c := range t.Columns(d) {
		switch at := c.At.(type) {
		case *string:
			*at = string(text())
		case *int:
			*at = int(integer())
		case *int64:
			*at = integer()
		case *bool:
			*at, b = b[0] == 1, b[1:]
		case *time.Time:
			*at = timeOf(integer())
		case JSONColumn:
			if err := json.Unmarshal(text(), at.V); err != nil {
				panic(fmt.Sprintf("table %s, column %s: %v", t.Name(), c.Name, err))
			}
		}
	}
	return d
}

// numberOf is a time in microseconds since 1970, those from 1970 on plus one: 0 is the zero time.
func numberOf(t time.Time) int64 {
	n := t.UnixMicro()
	switch {
	case t.IsZero():
		return 0
	case n >= 0:
		return n + 1
	}
	return n
}

func timeOf(n int64) time.Time {
	switch {
	case n == 0:
		return noTime
	case n > 0:
		n--
	}
	return time.UnixMicro(n).UTC()
}
