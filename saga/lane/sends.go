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

// start sends the outboxes of lanes in order, again and again until all is acknowledged.
func (s *sends) start(lanes []*lane) {
	var o outboxes
	for _, l := range lanes {
		for _, r := range l.Outbox {
			l.sending = true
			o.records, o.of = append(o.records, r), append(o.of, l)
		}
	}
	if len(o.records) == 0 {
		return
	}
	s.mu.Lock()
	s.count++
	s.mu.Unlock()
	s.tasks.Go(func() {
		s.send(o)
		s.mu.Lock()
		s.count--
		s.mu.Unlock()
		s.bell.Ring()
	})
}

// outboxes are records to send, and the lane that each is of.
type outboxes struct {
	records []kafka.Record
	of      []*lane
}

// takeAcknowledged are the lanes whose outboxes have been acknowledged since the last call.
func (s *sends) takeAcknowledged() []*lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	lanes := s.acknowledged
	s.acknowledged = nil
	return lanes
}

func (s *sends) send(o outboxes) {
	b := newBackoff(s.ports.Machine)
	for {
		err := s.ports.Kafka.Produce(s.ctx, o.records)
		if err == nil {
			s.acknowledge(o, outboxes{})
			return
		}
		if s.ctx.Err() != nil {
			return
		}
		var partly *kafka.ProduceError
		if errors.As(err, &partly) {
			left := o.unacknowledged(partly)
			s.acknowledge(o, left)
			s.bell.Ring()
			o = left
		}
		s.log.Warn("facts can't be sent, trying again", "records", len(o.records), "error", err)
		b.wait(s.ctx)
	}
}

// acknowledge lets those lanes go on that have nothing left to send: a partition that takes nothing holds up whoever speaks to it, and
// nobody else.
func (s *sends) acknowledge(sent, left outboxes) {
	done := map[*lane]bool{}
	for _, l := range left.of {
		done[l] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range sent.of {
		if !done[l] {
			done[l] = true
			s.acknowledged = append(s.acknowledged, l)
		}
	}
}

// unacknowledged is what to send again. A record that Kafka refuses for good stays among it: it is committed, so
// it must be sent, and only a person can change what the broker takes.
func (o outboxes) unacknowledged(e *kafka.ProduceError) (left outboxes) {
	sent := map[int]bool{}
	for _, i := range e.Acknowledged {
		sent[i] = true
	}
	for i, r := range o.records {
		if !sent[i] {
			left.records, left.of = append(left.records, r), append(left.of, o.of[i])
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
