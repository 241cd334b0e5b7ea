package lane

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"tiffin/saga/kafka"
)

// sends are the outboxes on their way to Kafka. Each lane has one at most.
type sends struct {
	ports  Ports
	bell   Bell // rings when something is acknowledged
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	tasks  Tasks

	mu           sync.Mutex
	count        int
	acknowledged []*lane
}

func newSends(p Ports, bell Bell, log *slog.Logger) *sends {
	ctx, cancel := p.Machine.Cancel(context.Background()) // it outlives the loop's, to end in good order
	return &sends{ports: p, bell: bell, log: log, ctx: ctx, cancel: cancel, tasks: p.Machine.Tasks()}
}

// start sends records in order, again and again until all are acknowledged.
func (s *sends) start(lanes []*lane, records []kafka.Record) {
	if len(records) == 0 {
		return
	}
	for _, l := range lanes {
		l.sending = true
	}
	s.mu.Lock()
	s.count++
	s.mu.Unlock()
	s.tasks.Go(func() {
		if !s.send(records) {
			return
		}
		s.mu.Lock()
		s.count--
		s.acknowledged = append(s.acknowledged, lanes...)
		s.mu.Unlock()
		s.bell.Ring()
	})
}

// takeAcknowledged are the lanes whose outboxes have been acknowledged since the last call.
func (s *sends) takeAcknowledged() []*lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	lanes := s.acknowledged
	s.acknowledged = nil
	return lanes
}

func (s *sends) send(records []kafka.Record) bool {
	b := newBackoff(s.ports.Machine)
	for {
		err := s.ports.Kafka.Produce(s.ctx, records)
		if err == nil {
			return true
		}
		if s.ctx.Err() != nil {
			return false
		}
		var partly *kafka.ProduceError
		if errors.As(err, &partly) {
			records = unacknowledged(records, partly)
		}
		s.log.Warn("facts can't be sent, trying again", "records", len(records), "error", err)
		b.wait(s.ctx)
	}
}

// unacknowledged are the records to send again. One that Kafka refuses for good stays among them: it is committed, so
// it must be sent, and only a person can change what the broker takes.
func unacknowledged(records []kafka.Record, e *kafka.ProduceError) []kafka.Record {
	sent := map[int]bool{}
	for _, i := range e.Acknowledged {
		sent[i] = true
	}
	var left []kafka.Record
	for i, r := range records {
		if !sent[i] {
			left = append(left, r)
		}
	}
	return left
}

func (s *sends) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *sends) stop() {
	s.cancel()
	s.tasks.Wait()
}
