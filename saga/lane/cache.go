package lane

import "tiffin/saga"

// maxCached is how many documents a loop keeps in memory at least; it may be twice as many. Most facts of a saga come within
// seconds of each other, and most likes are of few posts.
const maxCached = 20_000

// cache keeps acts and parts of sharded documents of recent batches, as they were saved, so that the next batch need not load them. It
// belongs to one claim: only the owner of a lane changes its acts, and the parts that have the lane's number; and whatever goes
// wrong, the claim and the cache end together. Documents that several lanes share are never cached.
type cache struct{ recent, older map[saga.Need]*saga.Document }

// get returns a document; if it is sharded, only that shard's part.
func (c *cache) get(n saga.Need, shard int) *saga.Document {
	d := c.recent[n]
	if d == nil {
		d = c.older[n]
	}
	if d != nil {
		if part := n.Table.Shard(d.Value); part != nil && *part != shard {
			return nil
		}
	}
	return d
}

func (c *cache) drop(n saga.Need) {
	delete(c.recent, n)
	delete(c.older, n)
}

// put keeps a document that was saved, if it is one of those.
func (c *cache) put(d *saga.Document) {
	if d.Table.Act(d.Value) == nil && d.Table.Shard(d.Value) == nil {
		return
	}
	if len(c.recent) >= maxCached {
		c.recent, c.older = nil, c.recent
	}
	if c.recent == nil {
		c.recent = make(map[saga.Need]*saga.Document, len(c.older))
	}
	c.recent[saga.Need{Table: d.Table, Key: d.Key}] = d
}
