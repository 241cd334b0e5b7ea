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

	image []byte // Value as it was when the last reaction ended, to see what the next one changes, or to take it back
}

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
	if w.documents == nil {
		w.documents = map[documentID]*Document{}
	}
	d := &Document{Table: t, Key: key, Value: value, Exists: exists, image: Encode(nil, t, value)}
	w.documents[documentID{t, key}] = d
	w.order = append(w.order, d)
	return d
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

// Tx is one reaction's view of the working set.
type Tx struct {
	working *Working
	touched []*Document
	added   []Row
	// What earlier reactions to the same event changed has been checked against their declarations, not against the next's.
	checked     []*Document
	checkedRows int
}

func (tx *Tx) get(t AnyTable, key string) any {
	d := tx.working.Find(t, key)
	if d == nil {
		panic(missing{{t, key}})
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
func (tx *Tx) need(t AnyTable, keys []string) {
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

// changed calls f for each document that differs from what it was before this reaction.
func (tx *Tx) changed(f func(d *Document, image []byte)) {
	w := tx.working
	for _, d := range tx.touched {
		w.scratch = Encode(w.scratch[:0], d.Table, d.Value)
		if !bytes.Equal(w.scratch, d.image) {
			f(d, w.scratch)
		}
	}
}

// keep makes the reaction's changes part of the working set.
func (tx *Tx) keep() {
	tx.changed(func(d *Document, image []byte) {
		d.Dirty = true
		d.image = append(d.image[:0], image...)
	})
	tx.working.rows = append(tx.working.rows, tx.added...)
}

// takeBack undoes the reaction's changes.
func (tx *Tx) takeBack() {
	tx.changed(func(d *Document, _ []byte) { d.Value = Decode(d.image, d.Table) })
}
