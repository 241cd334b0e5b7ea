package capacity

import "math"

// group is a consumer group: its instances share the partitions.
type group struct {
	*world
	shares    bool // analytics: its lanes share rows, so that the batches of all its instances take turns, and it writes a few rows, whatever comes
	locked    bool // by a batch of such a group
	turns     []func()
	database  *account
	instances []*instance
	latency   *latencies
	batches   int
}

// instance is a process of a group: a feed, which fetches and decodes, and loops, which share its lanes.
type instance struct {
	*group
	host  *account
	lanes []*lane
	loops []*loop

	fetching bool
	fetched  int // likes of the fetch under way
	turn     int
}

// loop handles batch after batch.
type loop struct {
	*instance
	lanes []*lane

	queued   int // in all its lanes
	coming   int // of the fetch under way
	handling int // likes of the batch under way
	counted  int
	turn     int
	working  bool
	waking   bool
	stepped  seconds
	slot     seconds // when in each patience its ticks are
	ticks    bool    // now
}

// lane is one of its partitions.
type lane struct {
	partition int
	loop      *loop
	log       stock // in Kafka, and not fetched
	queue     stock // waits for the loop
}

func (w *world) newGroup(n Nodes, loops int, on func() *account, database *account) *group {
	g := &group{world: w, database: database, latency: newLatencies()}
	for k := range n.Instances {
		i := &instance{group: g, host: on()}
		for m := range loops {
			part := seconds(m) + seconds(k)/seconds(n.Instances)
			i.loops = append(i.loops, &loop{instance: i, stepped: -patience, slot: part * patience / seconds(loops)})
		}
		g.instances = append(g.instances, i)
	}
	for p := range w.deployment.Partitions {
		i := g.instances[p%n.Instances]
		of := i.loops[len(i.lanes)%loops]
		l := &lane{partition: p, loop: of}
		i.lanes, of.lanes = append(i.lanes, l), append(of.lanes, l)
	}
	return g
}

func (g *group) counted() (n int) {
	for _, i := range g.instances {
		for _, l := range i.loops {
			n += l.counted
		}
	}
	return n
}

// appear tells of records that may be read.
func (g *group) appear(partition int, likes stock) {
	i := g.instances[partition%len(g.instances)]
	l := i.lanes[partition/len(g.instances)]
	for _, c := range likes.cohorts {
		l.log.put(c)
	}
	g.after(0, i.fetch)
}

// fetch brings what is new, while there is room for it: one request to each broker that has something.
func (i *instance) fetch() {
	if i.fetching {
		return
	}
	var got []*lane
	var some []stock
	total := 0
	records, partitions := make([]int, len(i.brokers)), make([]int, len(i.brokers))
	for n := range i.lanes {
		l := i.lanes[(n+i.turn)%len(i.lanes)]
		if l.log.n == 0 || l.loop.queued+l.loop.coming >= QueueLimit {
			continue
		}
		s := l.log.take(min(partitionBytes, requestBytes-total*int(i.figures.KafkaBytes)) / int(i.figures.KafkaBytes))
		if s.n == 0 {
			break // the request is full
		}
		got, some = append(got, l), append(some, s)
		total += s.n
		l.loop.coming += s.n
		records[l.partition%len(i.brokers)] += s.n
		partitions[l.partition%len(i.brokers)]++
	}
	if total == 0 {
		return
	}
	i.turn++
	i.fetching, i.fetched = true, total
	open := 0
	for _, n := range records {
		if n > 0 {
			open++
		}
	}
	for b, n := range records {
		if n == 0 {
			continue
		}
		from := i.brokers[b]
		from.host.do(from.cost(1, partitions[b], n), func() {
			if open--; open > 0 {
				return
			}
			i.after(i.network(), func() {
				i.host.do(float64(total)*i.figures.FeedEvent*1e-6, func() {
					i.fetching, i.fetched = false, 0
					for k, l := range got {
						for _, c := range some[k].cohorts {
							l.queue.put(c)
						}
						l.loop.queued, l.loop.coming = l.loop.queued+some[k].n, 0
					}
					i.step()
					i.fetch()
				})
			})
		})
	}
}

// step has each loop handle what waits for it.
func (i *instance) step() {
	for n := range i.loops {
		i.loops[(n+i.turn)%len(i.loops)].step()
	}
}

// step handles a batch, if there is one: a fair share of each lane first, then what there is. While less than a batch waits it waits for company
// until the loop's next tick, at moments of its own.
func (l *loop) step() {
	if l.working || l.queued == 0 {
		return
	}
	if l.queued < MaxBatch && (!l.ticks || l.now-l.stepped < patience/2) {
		if !l.waking {
			l.waking = true
			l.after(l.untilTick(), func() {
				l.waking, l.ticks = false, true
				l.step()
				l.ticks = false
			})
		}
		return
	}
	l.stepped, l.working = l.now, true
	var batch stock
	for _, most := range []int{max(1, MaxBatch/len(l.lanes)), MaxBatch} {
		for n := range l.lanes {
			from := l.lanes[(n+l.turn)%len(l.lanes)]
			s := from.queue.take(min(most, MaxBatch-batch.n))
			batch.cohorts = append(batch.cohorts, s.cohorts...)
			batch.n += s.n
		}
	}
	l.turn++
	l.queued, l.handling = l.queued-batch.n, batch.n
	l.fetch()
	own, backend, counts := l.costs(float64(batch.n))
	l.lock(func() {
		l.database.do(float64(batch.n)*l.others(), func() {})
		l.host.do(own, func() {
			l.database.do(backend, func() {
				l.after(l.roundTrips(), func() {
					l.unlock()
					l.committed(batch, counts)
				})
			})
		})
	})
}

// untilTick is how long it is until the loop's next tick, and not nearly nothing.
func (l *loop) untilTick() seconds {
	left := patience - math.Mod(l.now-l.slot+patience, patience)
	if left < tick {
		left += patience
	}
	return left
}

// lock waits for the group's lock, if it has one.
func (g *group) lock(then func()) {
	switch {
	case !g.shares:
		then()
	case g.locked:
		g.turns = append(g.turns, then)
	default:
		g.locked = true
		then()
	}
}

func (g *group) unlock() {
	if len(g.turns) == 0 {
		g.locked = false
		return
	}
	next := g.turns[0]
	g.turns = g.turns[1:]
	next()
}

// costs are the CPU time of a batch of n events: in the loop, and in the backend; and how many counts it changes.
func (i *instance) costs(events float64) (own, backend seconds, counts int) {
	f := i.figures
	if i.shares {
		return (f.AnalyticsBatch + events*f.AnalyticsEvent) * 1e-6, f.AnalyticsBackendBatch * 1e-6, 0
	}
	_, celebrity := i.rate(min(i.now, i.load.Seconds))
	distinct := i.law.distinct(events * (1 - celebrity))
	if celebrity > 0 {
		distinct++
	}
	own = (f.LikesBatch + events*f.LikesEvent + distinct*f.LikesCount) * 1e-6
	backend = (f.BackendBatch + events*f.BackendLike + distinct*f.BackendCount) * 1e-6
	return own, backend, int(distinct + 0.5)
}

// others is what the rest of PostgreSQL has to do with each like.
func (i *instance) others() seconds {
	if i.shares {
		return 0
	}
	return i.figures.PostgresLike * 1e-6
}

// roundTrips is what a batch waits for that is no CPU: two round trips, and the commit's sync.
func (i *instance) roundTrips() seconds { return 2*i.network() + i.deployment.WALSyncMillis/1000 }

func (l *loop) committed(batch stock, counts int) {
	l.working, l.handling = false, 0
	l.batches++
	l.counted += batch.n
	for _, c := range batch.cohorts {
		l.latency.add(l.now-c.born, c.n)
	}
	l.mirror(counts)
	l.instance.step()
	l.fetch()
}

// behind is how many likes the group has not counted, of those that are in Kafka; and when the oldest was due.
func (g *group) behind(now seconds) (n int, oldest seconds) {
	oldest = now
	for _, i := range g.instances {
		n += i.fetched
		for _, l := range i.loops {
			n += l.handling
		}
		for _, l := range i.lanes {
			n += l.log.n + l.queue.n
			for _, s := range []stock{l.log, l.queue} {
				if len(s.cohorts) > 0 {
					oldest = min(oldest, s.cohorts[0].born)
				}
			}
		}
	}
	return n, oldest
}
