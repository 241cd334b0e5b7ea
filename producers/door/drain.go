package door

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tiffin/producers/door/spool"
	"tiffin/saga/kafka"
)

const (
	// chunkBytes is about how much is sent together; a group that is larger goes alone. The sender keeps that in memory, and what Kafka's
	// client makes of it.
	chunkBytes = 2 << 20
	// requestEvery is how often requests are made while there is less than half a chunk to send: one costs Kafka as much CPU
	// as the door spends on a hundred facts.
	requestEvery = 20 * time.Millisecond
	// busyEvery is how often they are made while there were so many facts in the last one. Then that CPU is what others wait for.
	busyEvery = 50 * time.Millisecond
	busyFacts = 200
	// complainEvery is how often the log hears of the same trouble.
	complainEvery = 30 * time.Second
)

// drain sends what is in the spool to Kafka, in order, chunk by chunk, until committed is closed and the spool is empty, or ctx ends.
// A chunk follows when Kafka has acknowledged the one before. It fails, before it has sent anything, if a topic is not what it was.
func (d *Disk) drain(ctx context.Context, committed <-chan struct{}) error {
	if _, err := d.learn(ctx, d.topics); err != nil {
		return err
	}
	var chunk spool.Chunk
	var records []kafka.Record
	names := map[string]string{}
	var next time.Time // request, unless there is much to send before
	for d.await(ctx, committed, next) {
		err := d.spool.Next(&chunk, chunkBytes)
		records = records[:0]
		for _, group := range chunk.Groups {
			if err == nil {
				records, err = appendRecords(records, group, names)
			}
		}
		if err != nil {
			d.stop(err)
			return nil
		}
		next = time.Now().Add(requestEvery)
		if len(records) >= busyFacts {
			next = next.Add(busyEvery - requestEvery)
		}
		d.cfg.Metrics.batch.Observe(float64(len(records)))
		d.cfg.Metrics.oldest.Set(float64(chunk.Oldest.UnixMilli()) / 1000)
		sure, again := d.send(ctx, records)
		if !sure {
			return nil
		}
		d.spool.Ack(&chunk)
		d.cfg.Metrics.oldest.Set(0)
		if again { // a request without an answer may still read the records
			chunk, records = spool.Chunk{}, nil
		}
	}
	return nil
}

// await waits until there is something to send: at once after a silence, else not before the next request is due, unless
// there is enough for half a chunk. It returns false if there is nothing, and never will be.
func (d *Disk) await(ctx context.Context, committed <-chan struct{}, next time.Time) bool {
	if pause := time.Until(next); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		d.until(ctx, committed, chunkBytes/2, timer.C)
	}
	d.until(ctx, committed, 1, nil)
	return ctx.Err() == nil && d.spool.UnreadBytes() > 0
}

// until waits for so many bytes to send, or one of the others.
func (d *Disk) until(ctx context.Context, committed <-chan struct{}, bytes int64, timer <-chan time.Time) {
	d.wanted.Store(bytes)
	defer d.wanted.Store(never)
	for d.spool.UnreadBytes() < bytes {
		select {
		case <-d.due: // it may have been of a time before
		case <-timer:
			return
		case <-ctx.Done():
			return
		case <-committed:
			return
		}
	}
}

// never is more than there is ever to send: the committer need not signal.
const never = 1 << 62

// send sends the records until Kafka has acknowledged each of them, and returns whether it has before ctx ended, and whether
// any were sent more than once. Those that Kafka refuses are sent again like those of which nothing is known: they were promised.
func (d *Disk) send(ctx context.Context, records []kafka.Record) (sure, again bool) {
	var complained, failing time.Time
	for pause := newBackOff(); ; again = true {
		err := d.cfg.Kafka.Produce(ctx, records)
		if err == nil {
			break
		}
		d.cfg.Metrics.resent.Inc()
		var failed *kafka.ProduceError
		if errors.As(err, &failed) {
			records = d.unsettled(records, failed)
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if ctx.Err() == nil && time.Since(complained) >= complainEvery {
			complained = time.Now()
			d.log.Warn("door: Kafka has not acknowledged everything; it stays in the spool, and is sent again until it has", "facts", len(records), "error", err)
		}
		if !pause.wait(ctx) {
			return false, true
		}
	}
	if !failing.IsZero() {
		d.log.Info("door: Kafka acknowledges again", "after", time.Since(failing).Round(time.Millisecond).String())
	}
	d.unrefused()
	return true, again
}

// unsettled returns what is to be sent again.
func (d *Disk) unsettled(records []kafka.Record, failed *kafka.ProduceError) []kafka.Record {
	indexes := slices.Clone(failed.Unknown)
	for _, r := range failed.Refused {
		indexes = append(indexes, r.Index)
	}
	slices.Sort(indexes)
	if len(failed.Refused) > 0 {
		d.refused(records[failed.Refused[0].Index], failed.Refused[0].Err)
	} else {
		d.unrefused()
	}
	rest := make([]kafka.Record, len(indexes))
	for i, index := range indexes {
		rest[i] = records[index]
	}
	return rest
}

// refused makes it known that Kafka refuses a fact for good, as long as it does.
func (d *Disk) refused(r kafka.Record, err error) {
	why := fmt.Errorf("%s/%d: %w", r.Topic, r.Partition, err)
	if d.refusing.Swap(&why) == nil {
		d.log.Error("door: Kafka refuses a fact that was accepted. It stays, and holds up what was accepted after it; mend the topic, or the permissions on it",
			"topic", r.Topic, "partition", r.Partition, "error", err)
	}
	d.cfg.Metrics.stuck.Set(1)
}

func (d *Disk) unrefused() {
	if d.refusing.Swap(nil) != nil {
		d.log.Info("door: Kafka takes again what it refused")
	}
	d.cfg.Metrics.stuck.Set(0)
}

// stop closes the door because the spool can't be read any more: a restart finds out what is the matter.
func (d *Disk) stop(err error) {
	d.log.Error("door: what was accepted can't be read any more; nothing more is accepted or sent", "error", err)
	d.close(refusal(Failed, "%w", err))
}
