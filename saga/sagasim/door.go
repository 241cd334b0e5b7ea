package sagasim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// door is by where facts from outside come: what it accepts is on its disk, and a process of its own sends it, in order. At
// each start it has another name as a sender; what it has accepted before keeps the old one.
type door struct {
	world   *world
	slot    int
	spool   []kafka.Record // on the disk
	sent    int            // how many of them are acknowledged, as the disk knows
	numbers map[string]int64
	name    string
	epoch   int64
	bell    *bell
}

func (d *door) start(p *process) {
	d.name = fmt.Sprintf("door-%d.%d", d.slot+1, d.world.starts[d.slot])
	d.epoch = p.Now().UnixMilli()
	d.numbers = map[string]int64{}
	d.bell = &bell{process: p}
	d.bell.rung = len(d.spool) > d.sent
	d.sent = max(0, d.sent-p.random.IntN(3)) // noted lazily
	p.start(func() { d.send(p) })
}

// accept puts a fact on the disk: from here on it must not be lost.
func (d *door) accept(f saga.Fact, id string) {
	w := d.world
	r, err := wire.Encode(f, saga.Envelope{ID: id, Source: "/" + d.name, Saga: f.Key()}, Epoch.Add(w.now), w.plan.Partitions)
	if err != nil {
		panic(err) // the plan says what can't be said
	}
	target := r.Topic + "/" + strconv.Itoa(r.Partition)
	d.numbers[target]++
	wire.Stamp(&r, wire.Mark{Lane: d.name, Epoch: d.epoch, Number: d.numbers[target]})
	d.spool = append(d.spool, r)
	w.tracef("%s accepts %s of %s", d.name, f.EventType(), f.Key())
	d.bell.Ring()
}

// maxChunk is how much a door sends at once.
const maxChunk = 20

func (d *door) send(p *process) {
	ctx := context.Background()
	for {
		for d.sent == len(d.spool) {
			d.bell.Wait(ctx, 0)
		}
		chunk := d.spool[d.sent:min(len(d.spool), d.sent+maxChunk)]
		n := len(chunk)
		for len(chunk) > 0 {
			err := client{p, d.world.broker}.Produce(ctx, chunk)
			var partly *kafka.ProduceError
			if !errors.As(err, &partly) {
				break
			}
			var left []kafka.Record
			for _, i := range partly.Unknown {
				left = append(left, chunk[i])
			}
			chunk = left
			p.Pause(ctx, between(p.random, 10*time.Millisecond, 500*time.Millisecond))
		}
		d.sent += n
	}
}

// say brings a saying to its door, now or when that is there again.
func (w *world) say(s Saying, shift int) {
	d := w.doors[(s.Door+shift)%len(w.doors)]
	if p := w.running(d.slot); p == nil || p.paused {
		w.kept++
		w.after(300*time.Millisecond, func() {
			w.kept--
			w.say(s, shift)
		})
		return
	}
	d.accept(s.Fact, s.ID)
}
