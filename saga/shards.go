package saga

import "fmt"

// A document that events of several keys change has to be guarded, for their lanes may be in several processes: all of a group
// take turns at one lock then, a batch each. Two kinds of tables need no lock, and say so.

// KeptBy declares that only events of one key ask for a document, and which key that is, by the document's own:
//
//	likes = saga.In("likes", ...).KeptBy(func(likeID string) string { return userOf(likeID) })
//
// So a document belongs to one lane, wherever that is handled. A reaction that asks for another key's is refused.
func (t *Table[D]) KeptBy(keeper func(key string) string) *Table[D] {
	t.keeper = keeper
	return t
}

// Sharded declares that a document is a sum, of which each part is a row of its own: the table's primary key is the document's key
// and the shard, a column that D keeps where shard says.
//
//	posts = saga.In("posts", func(p *Post) saga.Columns {
//		return saga.Columns{{"post_id", &p.PostID}, {"shard", &p.Shard}, {"count", &p.Count}}
//	}).Sharded(func(p *Post) *int { return &p.Shard })
//
// A reaction gets a part, and which one is the runtime's choice, of which it must not depend: it adds to the part, or takes away
// from it, also below zero, and whoever wants to know the whole sums the parts up. No two processes ever write one part, so
// a key that everybody changes holds up nobody. A part stays where it is when lanes move, or are made anew in another number.
func (t *Table[D]) Sharded(shard func(*D) *int) *Table[D] {
	t.shard = shard
	return t
}

// Shard is where the document keeps its shard; nil if the table is not [Table.Sharded].
func (t *Table[D]) Shard(document any) *int {
	if t.shard == nil {
		return nil
	}
	return t.shard(document.(*D))
}

// Keeper is the key of the events that alone may ask for the document with this key; false if those of any may.
func (t *Table[D]) Keeper(key string) (string, bool) {
	if t.keeper == nil {
		return "", false
	}
	return t.keeper(key), true
}

// Unshared says whether no two lanes ever change one row of the table, so that nobody has to be kept away from it.
func Unshared(t AnyTable) bool {
	document := t.New("")
	_, kept := t.Keeper("")
	return kept || t.Appends() || t.Act(document) != nil || t.Shard(document) != nil
}

// Parallel says whether several loops of one process may handle the group's lanes side by side, and do: nothing makes them wait for each
// other, and the group has sharded documents, as one has that is made for more events than one loop can handle.
func (g *Group) Parallel() bool {
	sharded := false
	for _, t := range g.tables {
		if !Unshared(t) {
			return false
		}
		sharded = sharded || t.Shard(t.New("")) != nil
	}
	return sharded
}

// ShardColumn is the column of a [Table.Sharded] table's shard; "" of any other.
func ShardColumn(t AnyTable) string {
	document := t.New("")
	shard := t.Shard(document)
	for _, c := range t.Columns(document) {
		if at, ok := c.At.(*int); ok && at == shard {
			return c.Name
		}
	}
	return ""
}

// verifyShards refuses shards that have no column, or that an act would have.
func (g *Group) verifyShards(t AnyTable) {
	document := t.New("")
	switch {
	case t.Shard(document) == nil:
	case t.Act(document) != nil:
		g.wrong("table %s keeps an act, which is one: take its Sharded away", t.Name())
	case ShardColumn(t) == "":
		g.wrong("table %s is sharded, and its columns lack the shard: add a column for what Sharded points at", t.Name())
	}
}

// trespass is what get panics with when an event of one key asks for the document of another's.
type trespass struct {
	Need
	keeper, key string
	act         bool // it is an act, whose keeper is its key
}

func (t trespass) Error() string {
	if t.act {
		return fmt.Sprintf("asks for the act of %q in %s upon a fact with the key %q, and nothing keeps that from changing meanwhile: key the fact so, "+
			"or keep what others ask for in a table without an act", t.Need.Key, t.Table.Name(), t.key)
	}
	return fmt.Sprintf("asks for %s %q upon a fact with the key %q, and the table is declared to be kept by %q: key the fact so, or take the table's KeptBy away",
		t.Table.Name(), t.Key, t.key, t.keeper)
}
