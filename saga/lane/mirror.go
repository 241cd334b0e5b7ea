package lane

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tiffin/saga"
)

const (
	// maxMirrored is how many documents may wait for a group's mirrors, from all its loops in this process. Those beyond are dropped: nothing holds up a loop.
	maxMirrored = 10_000
	// mirrorTime is how long a mirror may take for what it is handed at once.
	mirrorTime = time.Second
	// mirrorStop is how long a stop waits for what was committed last, and then again for a mirror that was told to give up.
	mirrorStop = 500 * time.Millisecond
)

// mirrors hand what the loops of a group have committed to its mirrors, in a goroutine of their own. They outlive claims: what
// was committed stays true. Nil is those of a group that has none.
type mirrors struct {
	group    *saga.Group
	metrics  *groupMetrics
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	wake     chan struct{}
	stopping chan struct{}
	ended    chan struct{}
	failing  map[saga.AnyTable]bool // the last attempt has failed, and the log knows

	mu      sync.Mutex
	waiting map[copied]any // the latest copy of each document; maxMirrored at most
}

// copied names a document, or one part of it.
type copied struct {
	saga.Need
	shard int
}

func newMirrors(g *saga.Group, metrics *groupMetrics, log *slog.Logger) *mirrors {
	mirrored := false
	for _, t := range g.Tables() {
		mirrored = mirrored || g.Mirrored(t)
	}
	if !mirrored {
		return nil
	}
	m := &mirrors{
		group: g, metrics: metrics, log: log, waiting: map[copied]any{}, failing: map[saga.AnyTable]bool{},
		wake: make(chan struct{}, 1), stopping: make(chan struct{}), ended: make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background()) // it outlives the loop's, to end in good order
	go m.run()
	return m
}

// put takes copies of what a batch has changed. It never waits.
func (m *mirrors) put(w *saga.Working) {
	if m == nil {
		return
	}
	dropped := 0
	m.mu.Lock()
	for _, d := range w.Documents() {
		if !d.Dirty || !m.group.Mirrored(d.Table) {
			continue
		}
		id := copied{Need: saga.Need{Table: d.Table, Key: d.Key}}
		if part := d.Table.Shard(d.Value); part != nil {
			id.shard = *part
		}
		if _, waits := m.waiting[id]; !waits && len(m.waiting) >= maxMirrored {
			dropped++
			continue
		}
		m.waiting[id] = d.Copy()
	}
	some := len(m.waiting) > 0
	m.mu.Unlock()
	if dropped > 0 {
		m.metrics.mirrored("overflow", dropped)
	}
	if some {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

func (m *mirrors) run() {
	defer close(m.ended)
	for {
		select {
		case <-m.wake:
			m.handOver()
		case <-m.stopping:
			m.handOver()
			return
		}
	}
}

// handOver gives the mirrors what waits. What they fail on is dropped: there will be something newer soon, and if not, whoever
// reads the copy knows that it may be old.
func (m *mirrors) handOver() {
	m.mu.Lock()
	waiting := m.waiting
	m.waiting = map[copied]any{}
	m.mu.Unlock()
	documents := map[saga.AnyTable][]any{}
	for id, d := range waiting {
		documents[id.Table] = append(documents[id.Table], d)
	}
	for t, changed := range documents {
		ctx, cancel := context.WithTimeout(m.ctx, mirrorTime)
		err := m.group.Mirror(ctx, t, changed)
		cancel()
		if err != nil {
			m.metrics.mirrored("failed", len(changed))
		} else {
			m.metrics.mirrored("mirrored", len(changed))
		}
		switch {
		case err != nil && !m.failing[t]: // said once, not with every batch
			m.log.Warn("a mirror fails; what it misses is dropped, and nothing is held up", "table", t.Name(), "error", err)
		case err == nil && m.failing[t]:
			m.log.Info("the mirror works again", "table", t.Name())
		}
		m.failing[t] = err != nil
	}
}

// stop hands over what was committed last, if that can be done soon, and ends. A mirror that does not even end when its
// context does is left behind: a stop does not wait for it.
func (m *mirrors) stop() {
	if m == nil {
		return
	}
	close(m.stopping)
	for _, late := range []func(){m.cancel, func() { m.log.Error("a mirror ignores its context, and is left behind") }} {
		select {
		case <-m.ended:
			m.cancel()
			return
		case <-time.After(mirrorStop):
			late()
		}
	}
}
