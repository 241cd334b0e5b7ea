package lane

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tiffin/saga/kafka"
)

// tellOffsets is for Kafka's tools alone: what counts stands in the lanes' rows. So it may fail.
func (l *loop) tellOffsets(ctx context.Context, a kafka.Assignment) {
	ctx, cancel := l.ports.Machine.Timeout(ctx, 2*time.Second)
	defer cancel()
	offsets := make([]kafka.Offset, 0, len(l.tell))
	for _, tp := range slices.SortedFunc(maps.Keys(l.tell), byTopic) {
		offsets = append(offsets, l.tell[tp])
	}
	if err := a.Commit(ctx, offsets); err != nil {
		l.log.Warn("kafka can't be told the offsets; nothing is lost", "error", err)
	}
	clear(l.tell)
	l.told = l.up()
}

// clearOutboxes empties outboxes that are acknowledged, so that a new owner does not send again what has long been sent.
func (l *loop) clearOutboxes(ctx context.Context) error {
	b := l.newBatch()
	for _, ln := range l.owned {
		if len(ln.Outbox) > 0 && !ln.sending {
			b.touch(ln)
		}
	}
	if len(b.lanes) == 0 {
		return nil
	}
	return l.finish(ctx, b)
}

// letGo ends in good order: effects under way are waited for and what was sent too, and the outboxes are cleared.
func (l *loop) letGo(ctx context.Context, a kafka.Assignment) error {
	l.log.Info("letting go", "lanes", len(l.lanes), "effects", len(l.effects.underWay))
	for {
		sending := l.sends.underWay()
		l.acknowledged(l.sends.takeAcknowledged())
		if err := l.settleEffects(ctx); err != nil {
			return err
		}
		if sending+l.sends.underWay() == 0 && len(l.effects.underWay) == 0 { // the last outcome may have just been sent
			break
		}
		if l.bell.Wait(ctx, tick); ctx.Err() != nil {
			return errors.New("not everything under way has ended in time: the next owner sends and performs it again")
		}
	}
	if err := l.clearOutboxes(ctx); err != nil {
		return err
	}
	if len(l.tell) > 0 {
		l.tellOffsets(ctx, a)
	}
	return nil
}

// release says that this owner leaves its lanes alive, whatever it has not ended in time: the next one need not suspect their events.
func (l *loop) release() {
	ctx, cancel := l.ports.Machine.Timeout(context.Background(), time.Second)
	defer cancel()
	if err := l.store.Release(ctx, l.claimed()); err != nil {
		l.log.Warn("the lanes can't be released: their next owner takes this one for dead", "error", err)
	}
}
