package capacity

// door is an instance of likes-api: its requests, the group that waits for the disk, and the sender.
type door struct {
	*world
	host *account

	waiting   stock // requests that have not been handled yet
	group     stock // handled, and waiting for the disk
	syncing   bool
	syncs     stock // in the sync under way
	spool     stock // durable, and not in Kafka
	sending   bool
	busy      bool // there was much in the last chunk
	underWay  int  // likes of the chunk under way
	began     seconds
	timer     bool
	requested bool
}

// request is n requests that come at once. They are handled by as many cores as there are.
func (d *door) request(n, batch int) {
	likes := n * batch
	d.offered += likes
	switch {
	case n == 0:
		return
	case d.waiting.n > 0 && d.now-d.waiting.cohorts[0].born > answerTime,
		float64(d.group.n)*d.figures.RecordBytes > groupBytes,
		float64(d.spool.n+d.underWay+d.group.n)*d.figures.RecordBytes > d.deployment.SpoolLimitMiB*(1<<20):
		d.refused += likes
		return
	}
	if d.loader != nil {
		d.loader.do((float64(n)*d.figures.LoadRequest+float64(likes)*d.figures.LoadLike)*1e-6, func() {})
	}
	d.waiting.put(cohort{likes, d.now})
	pieces := min(n, len(d.host.idle)+1)
	for i := range pieces {
		requests := n*(i+1)/pieces - n*i/pieces
		cost := float64(requests)*d.figures.DoorRequest + float64(requests*batch)*d.figures.DoorLike
		d.host.do(cost*1e-6, func() {
			for _, c := range d.waiting.take(requests * batch).cohorts {
				d.group.put(c)
			}
			d.sync()
		})
	}
}

// sync makes the group durable, unless another is under way; then it is the next. Where others are about to come, it waits for them.
func (d *door) sync() {
	if d.syncing || d.group.n == 0 {
		return
	}
	d.syncing = true
	pause := seconds(0)
	if d.share()/float64(max(1, d.load.Batch))*groupLinger > 1 {
		pause = groupLinger
	}
	d.after(pause, d.syncGroup)
}

// share is how many likes a second come to this door.
func (d *door) share() float64 {
	rate, _ := d.rate(min(d.now, d.load.Seconds))
	return rate / float64(len(d.doors))
}

func (d *door) syncGroup() {
	d.syncs = d.group.take(d.group.n)
	d.host.do(d.figures.DoorSync*1e-6, func() {
		d.after(d.deployment.SpoolSyncMillis/1000, func() {
			g := d.syncs
			d.syncing, d.syncs = false, stock{}
			for _, c := range g.cohorts {
				d.answers.add(d.now-c.born, c.n)
				d.spool.put(c)
			}
			d.sync()
			d.send()
		})
	})
}

// send sends a chunk when it is time: so long after the last one, or when there is half a chunk; and never two at a time.
func (d *door) send() {
	if d.sending || d.spool.n == 0 {
		return
	}
	every := requestEvery
	if d.busy {
		every = busyEvery
	}
	if pause := d.began + every - d.now; d.requested && pause > 0 && float64(d.spool.n)*d.figures.RecordBytes < chunkBytes/2 {
		if !d.timer {
			d.timer = true
			d.after(pause, func() {
				d.timer = false
				d.send()
			})
		}
		return
	}
	d.sending, d.requested, d.began = true, true, d.now
	chunk := d.spool.take(int(chunkBytes / d.figures.RecordBytes))
	// Once busy, a door stays so where enough comes in the longer time; and one hiccup makes it busy.
	d.underWay, d.busy = chunk.n, max(float64(chunk.n), d.share()*busyEvery) >= busyFacts
	d.host.do(float64(len(d.brokers))*d.figures.DoorProduce*1e-6, func() { d.produce(chunk) })
}

// produce sends a request to each leader, and goes on when all have acknowledged.
func (d *door) produce(chunk stock) {
	parts := make([][]placed, len(d.brokers))
	for p, n := range d.place(chunk.n) {
		if n > 0 {
			b := p % len(d.brokers)
			parts[b] = append(parts[b], placed{p, chunk.take(n)})
		}
	}
	open := 0
	for b, part := range parts {
		if len(part) == 0 {
			continue
		}
		open++
		d.after(d.network()/2, func() {
			d.brokers[b].produce(part, func(records int) {
				d.underWay -= records
				d.after(d.network()/2, func() {
					if open--; open == 0 {
						d.sending = false
						d.send()
					}
				})
			})
		})
	}
}

// placed is likes for one partition.
type placed struct {
	partition int
	likes     stock
}

// broker leads some of the partitions, and follows others.
type broker struct {
	*world
	number int
	host   *account
}

// cost is the CPU time of a request, or of none, for so many partitions and records.
func (b *broker) cost(requests, partitions, records int) seconds {
	f := b.figures
	return (float64(requests)*f.KafkaRequest + float64(partitions)*f.KafkaPartition + float64(records)*f.KafkaRecord) * 1e-6
}

// produce writes to the leader's log; then each follower fetches it, which costs both of them. Readers may have it, and the sender is
// told, when all have it.
func (b *broker) produce(parts []placed, acknowledged func(records int)) {
	records := 0
	for _, p := range parts {
		records += p.likes.n
	}
	copies := b.deployment.Replication - 1
	b.host.do(b.cost(1, len(parts), records), func() {
		left := copies
		all := func() {
			if left--; left > 0 {
				return
			}
			for _, p := range parts {
				for _, g := range b.groups {
					g.appear(p.partition, p.likes)
				}
			}
			acknowledged(records)
		}
		if copies == 0 {
			all()
		}
		for i := range copies {
			follower := b.brokers[(b.number+1+i)%len(b.brokers)]
			b.host.do(b.cost(1, len(parts), records), func() {
				b.after(b.network(), func() { follower.host.do(b.cost(0, len(parts), records), all) })
			})
		}
	})
}
