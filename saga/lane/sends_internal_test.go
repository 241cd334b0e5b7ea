package lane

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/saga/kafka"
)

// oneRefuses is a Kafka of which partition 3 takes nothing.
type oneRefuses struct{ Broker }

func (oneRefuses) Produce(_ context.Context, records []kafka.Record) error {
	e := &kafka.ProduceError{Err: errors.New("partition 3: not enough replicas")}
	for i, r := range records {
		if r.Partition == 3 {
			e.Unknown = append(e.Unknown, i)
		} else {
			e.Acknowledged = append(e.Acknowledged, i)
		}
	}
	if e.Unknown == nil {
		return nil
	}
	return e
}

func (oneRefuses) ByLeader(p []kafka.Position) []kafka.Led {
	return []kafka.Led{{Leader: 1, Positions: p}}
}

// oneHangs is a Kafka of two brokers, of which the one that leads odd partitions answers nothing.
type oneHangs struct{ twoBrokers }

func (oneHangs) Produce(ctx context.Context, records []kafka.Record) error {
	for _, r := range records {
		if r.Partition%2 == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
	}
	return nil
}

// says is a lane that has said something to these partitions.
func says(number int, to ...int) *lane {
	r := &Row{Number: number}
	for _, partition := range to {
		r.Outbox = append(r.Outbox, kafka.Record{Topic: "rumours", Partition: partition})
	}
	return newLane(r)
}

// P6: a broker that hangs holds up the lanes that have something for it, and none of the others of their batch.
func TestABrokerThatHangsHoldsUpWhoSpeaksToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		s := newSends(Ports{Kafka: oneHangs{}, Machine: m}, m.Bell(), slog.New(slog.DiscardHandler))
		defer s.stop()
		s.start([]*lane{says(0, 0, 2), says(1, 1), says(2, 2, 1), says(3, 2)})
		m.Pause(t.Context(), time.Second)
		var free []int
		for _, l := range s.takeAcknowledged() {
			free = append(free, l.Number)
		}
		if !slices.Equal(free, []int{0, 3}) || s.underWay() != 1 {
			t.Errorf("lanes %v are free, %d sends are under way", free, s.underWay())
		}
	})
}

// P6: a partition that takes nothing holds up the lanes that have something for it, and none of the others of their batch.
func TestAPartitionThatTakesNothingHoldsUpWhoSpeaksToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		s := newSends(Ports{Kafka: oneRefuses{}, Machine: m}, m.Bell(), slog.New(slog.DiscardHandler))
		defer s.stop()
		s.start([]*lane{says(0, 0), says(1, 1, 3), says(2, 2, 0), says(3)})
		s.bell.Wait(t.Context(), time.Minute)
		var free []int
		for _, l := range s.takeAcknowledged() {
			free = append(free, l.Number)
		}
		if !slices.Equal(free, []int{0, 2}) || s.underWay() != 1 {
			t.Errorf("lanes %v are free, %d sends are under way", free, s.underWay())
		}
		m.Pause(t.Context(), time.Hour)
		if late := s.takeAcknowledged(); len(late) > 0 {
			t.Errorf("lane %d is free although its fact is not sent", late[0].Number)
		}
	})
}
