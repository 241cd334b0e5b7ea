package lane

import (
	"context"
	"errors"
	"time"

	"tiffin/saga/kafka"
)

// tellOffsets is for Kafka's tools alone: what counts stands in the lanes' rows. So it may fail.
func (l *loop) tellOffsets(ctx context.Context, a kafka.Assignment) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	offsets := make([]kafka.Offset, 0, len(l.tell))
	for _, o := range l.tell {
		offsets = append(offsets, o)
	}
	if err := a.Commit(ctx, offsets); err != nil {
		l.log.Warn("kafka can't be told the offsets; nothing is lost", "error", err)
	}
	clear(l.tell)
	l.told = l.now()
}

// clearOutboxes empties outboxes that are acknowledged, so that a new owner does not send again what has long been sent.
func (l *loop) clearOutboxes(ctx context.Context) error {
	b := l.newBatch()
	for _, ln := range l.lanes {
		if len(ln.outbox) > 0 && !ln.sending {
			b.touch(ln)
			ln.forget(l.now())
		}
	}
	if len(b.lanes) == 0 {
		return nil
	}
	return l.finish(ctx, b)
}

// letGo ends in good order: effects under way are waited for and what was sent too, the outboxes are cleared, the lanes
// released.
func (l *loop) letGo(ctx context.Context, a kafka.Assignment) error {
	l.log.Info("letting go", "lanes", len(l.lanes), "effects", len(l.effects.underWay))
	for l.sends.underWay() > 0 || len(l.effects.underWay) > 0 {
		select {
		case ack := <-l.sends.acks:
			l.acknowledged(ack)
		case r := <-l.effects.results:
			l.effects.came(r)
		case <-ctx.Done():
			return errors.New("not everything under way has ended in time: the next owner sends and performs it again")
		}
		if err := l.settleEffects(ctx); err != nil {
			return err
		}
	}
	if err := l.clearOutboxes(ctx); err != nil {
		return err
	}
	if len(l.tell) > 0 {
		l.tellOffsets(ctx, a)
	}
	numbers, epochs := l.claimed()
	return l.store.release(ctx, numbers, epochs)
}
