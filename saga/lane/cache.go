package lane

import "tiffin/saga"

// maxCached is how many acts a loop keeps in memory at least; it may be twice as many. Most facts of a saga come within
// seconds of each other.
const maxCached = 20_000

// cache keeps the acts of recent batches, as they were saved, so that the next fact of the same saga need not load them. It
// belongs to one claim: only the owner of a lane changes its acts, and whatever goes wrong, the claim and the cache end
// together. Documents that several lanes share are never cached.
type cache struct{ recent, older map[string]*saga.Document }

func (c *cache) get(key string) *saga.Document {
	if d := c.recent[key]; d != nil {
		return d
	}
	return c.older[key]
}

func (c *cache) drop(key string) {
	delete(c.recent, key)
	delete(c.older, key)
}

func (c *cache) put(d *saga.Document) {
	if len(c.recent) >= maxCached {
		c.recent, c.older = nil, c.recent
	}
	if c.recent == nil {
		c.recent = make(map[string]*saga.Document, len(c.older))
	}
	c.recent[d.Key] = d
}
