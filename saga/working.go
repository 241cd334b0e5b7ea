package saga

import "bytes"

// Document is a document in memory, while a batch works on it.
type Document struct {
	Table AnyTable
	Key   string
	Value any
	// Exists says that the table has a row for it.
	Exists bool
	// Dirty says that a reaction has changed it since it was put into the working set.
	Dirty bool

	columns Columns // of Value, while a batch may change it; see fields
	image   []byte  // Value, encoded, as it was when the last reaction ended: by it a change is seen
	before  []byte  // the image from before this event, if the event has changed it: by it a change is taken back
}

// fields are the document's columns. They are larger than most documents, and full of pointers: one that waits in a cache
// for a later batch goes without.
func (d *Document) fields() Columns {
	if d.columns == nil {
		d.columns = d.Table.Columns(d.Value)
	}
	return d.columns
}

// Copy is the document as the last reaction left it, which no later one changes.
func (d *Document) Copy() any { return Decode(d.image, d.Table) }

type documentID struct {
	table AnyTable
	key   string
}

// Working is the set of documents that a batch has in memory: what its reactions read and change, until all of it is
// saved in one transaction. The zero value is an empty set.
type Working struct {
	documents map[documentID]*Document
	order     []*Document
	rows      []Row
	scratch   []byte
}

// Put adds a document as it was loaded; an absent one (exists is false) is put as an empty one.
func (w *Working) Put(t AnyTable, key string, value any, exists bool) *Document {
	d := &Document{Table: t, Key: key, Value: value, Exists: exists}
	d.image = encode(nil, t, d.fields())
	w.Adopt(d)
	return d
}

// Adopt adds a document of an earlier working set, as that one's transaction has saved it.
func (w *Working) Adopt(d *Document) {
	if w.documents == nil {
		w.documents = map[documentID]*Document{}
	}
	w.documents[documentID{d.Table, d.Key}] = d
	w.order = append(w.order, d)
}

// Saved says that the working set's changes are in the tables now.
func (w *Working) Saved() {
	for _, d := range w.order {
		d.Exists = d.Exists || d.Dirty
		d.Dirty = false
		d.columns = nil
	}
}

// Find is the document, or nil if it is not in the set.
func (w *Working) Find(t AnyTable, key string) *Document { return w.documents[documentID{t, key}] }

// Documents are all that were put, in that order.
func (w *Working) Documents() []*Document { return w.order }

// Rows are what reactions added to journals, in order.
func (w *Working) Rows() []Row { return w.rows }

// Clear empties the set and keeps its memory.
func (w *Working) Clear() {
	clear(w.documents)
	clear(w.order)
	clear(w.rows)
	w.order, w.rows = w.order[:0], w.rows[:0]
}

// Need is a document that a reaction asked for and the working set lacks.
type Need struct {
	Table AnyTable
	Key   string
}

// missing is what get panics with: it unwinds the reaction, which is run again once the documents are there.
type missing []Need

// transaction is one event's view of the working set.
type transaction struct {
	working *Working
	key     string // the event's
	touched []*Document
	added   []Row

	requested        []Request
	checkedRequested int // as checked, of requested
	checked          int // how many of added have been checked against a declaration

	reaction *Reaction // the one that runs, so that its panic can name it
	refuses  bool      // what runs is its Refuses
	acted    bool      // the event has done the act: what continues it comes later
	answered bool      // the event has ended a wait: the next one has an answer of its own
}

func (tx *transaction) get(t AnyTable, key string) any {
	if keeper, kept := t.Keeper(key); kept && keeper != tx.key {
		panic(trespass{Need: Need{t, key}, keeper: keeper, key: tx.key})
	}
	d := tx.working.Find(t, key)
	if d == nil {
		panic(missing{{t, key}})
	}
	if key != tx.key && t.Act(d.Value) != nil {
		panic(trespass{Need: Need{t, key}, key: tx.key, act: true})
	}
	for _, seen := range tx.touched {
		if seen == d {
			return d.Value
		}
	}
	tx.touched = append(tx.touched, d)
	return d.Value
}

// need stops the reaction unless all these documents are in memory.
func (tx *transaction) need(t AnyTable, keys []string) {
	var absent missing
	for _, k := range keys {
		if tx.working.Find(t, k) == nil {
			absent = append(absent, Need{t, k})
		}
	}
	if absent != nil {
		panic(absent)
	}
}

// changes calls f for each document that differs from what it was at the last call, and for each row added since.
func (tx *transaction) changes(f func(d *Document, t AnyTable)) {
	w := tx.working
	for _, d := range tx.touched {
		w.scratch = encode(w.scratch[:0], d.Table, d.fields())
		if bytes.Equal(w.scratch, d.image) {
			continue
		}
		if d.before == nil {
			d.before, d.image = d.image, nil
		}
		d.image = append(d.image[:0], w.scratch...)
		f(d, d.Table)
	}
	for _, row := range tx.added[tx.checked:] {
		f(nil, row.Table)
	}
	tx.checked = len(tx.added)
}

// keep makes the event's changes part of the working set. Each has been looked at by now.
func (tx *transaction) keep() {
	for _, d := range tx.touched {
		if d.before != nil {
			d.Dirty, d.before = true, nil
		}
	}
	tx.working.rows = append(tx.working.rows, tx.added...)
}

// takeBack undoes the event's changes.
func (tx *transaction) takeBack() {
	tx.changes(func(*Document, AnyTable) {})
	for _, d := range tx.touched {
		if d.before != nil {
			d.image, d.before = d.before, nil
			d.Value = Decode(d.image, d.Table)
			d.columns = nil
		}
	}
}
