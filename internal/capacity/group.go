package capacity

// group is a consumer group: its instances share the partitions.
type group struct {
	*world
	patient   bool // analytics: it waits for company, and writes a few rows, whatever comes
	locked    bool // by a batch of a group whose lanes share rows, as those of analytics do: the batches of all its instances take turns
	turns     []func()
	database  *account
	instances []*instance
	latency   *latencies
	batches   int
}

// instance is a process of a group: a feed, which fetches and decodes, and a loop, which handles batch after batch.
type instance struct {
	*group
	host  *account
	lanes []*lane

	fetching bool
	fetched  int // likes of the fetch under way
	queued   int // in all lanes
	handling int // likes of the batch under way
	counted  int
	turn     int
	working  bool
	waking   bool
	stepped  seconds
}

// lane is one of its partitions.
type lane struct {
	partition int
	log       stock // in Kafka, and not fetched
	queue     stock // waits for the loop
}

func (w *world) newGroup(n Nodes, on func() *account, database *account, patient bool) *group {
	g := &group{world: w, patient: patient, database: database, latency: newLatencies()}
	for range n.Instances {
		g.instances = append(g.instances, &instance{group: g, host: on(), stepped: -patience})
	}
	for p := range w.deployment.Partitions {
		i := g.instances[p%n.Instances]
		i.lanes = append(i.lanes, &lane{partition: p})
	}
	return g
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
	if i.fetching || i.queued >= QueueLimit {
		return
	}
	var got []*lane
	var some []stock
	total := 0
	records, partitions := make([]int, len(i.brokers)), make([]int, len(i.brokers))
	most := int(partitionBytes / i.figures.RecordBytes)
	for n := range i.lanes {
		l := i.lanes[(n+i.turn)%len(i.lanes)]
		if l.log.n == 0 || i.queued+total >= QueueLimit {
			continue
		}
		s := l.log.take(most)
		got, some = append(got, l), append(some, s)
		total += s.n
		records[l.partition%len(i.brokers)] += s.n
		partitions[l.partition%len(i.brokers)]++
	}
	if total == 0 {
		return
	}
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
					}
					i.queued += total
					i.step()
					i.fetch()
				})
			})
		})
	}
}

// step handles a batch, if there is one: a fair share of each lane first, then what there is.
func (i *instance) step() {
	if i.working || i.queued == 0 {
		return
	}
	if pause := i.stepped + patience - i.now; i.patient && i.queued < MaxBatch/2 && pause > 0 {
		if !i.waking {
			i.waking = true
			i.after(pause, func() {
				i.waking = false
				i.step()
			})
		}
		return
	}
	i.stepped, i.working = i.now, true
	var batch stock
	for _, most := range []int{max(1, MaxBatch/len(i.lanes)), MaxBatch} {
		for n := range i.lanes {
			l := i.lanes[(n+i.turn)%len(i.lanes)]
			s := l.queue.take(min(most, MaxBatch-batch.n))
			batch.cohorts = append(batch.cohorts, s.cohorts...)
			batch.n += s.n
		}
	}
	i.turn++
	i.queued, i.handling = i.queued-batch.n, batch.n
	i.fetch()
	own, backend, counts := i.costs(float64(batch.n))
	i.lock(func() {
		i.database.do(float64(batch.n)*i.others(), func() {})
		i.host.do(own, func() {
			i.database.do(backend, func() {
				i.after(i.roundTrips(), func() {
					i.unlock()
					i.committed(batch, counts)
				})
			})
		})
	})
}

// lock waits for the group's lock, if it has one.
func (g *group) lock(then func()) {
	switch {
	case !g.patient:
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
	if i.patient {
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
	if i.patient {
		return 0
	}
	return i.figures.PostgresLike * 1e-6
}

// roundTrips is what a batch waits for that is no CPU: two round trips, and the commit's sync.
func (i *instance) roundTrips() seconds { return 2*i.network() + i.deployment.WALSyncMillis/1000 }

func (i *instance) committed(batch stock, counts int) {
	i.working = false
	i.batches++
	i.handling = 0
	i.counted += batch.n
	for _, c := range batch.cohorts {
		i.latency.add(i.now-c.born, c.n)
	}
	i.mirror(counts)
	i.step()
	i.fetch()
}

// behind is how many likes the group has not counted, of those that are in Kafka; and when the oldest was due.
func (g *group) behind(now seconds) (n int, oldest seconds) {
	oldest = now
	for _, i := range g.instances {
		n += i.fetched + i.handling
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
