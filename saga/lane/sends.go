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
	parts        map[*lane]int // how many brokers have not acknowledged yet what the lane says to them
	acknowledged []*lane
}

func newSends(p Ports, bell Bell, log *slog.Logger) *sends {
	ctx, cancel := p.Machine.Cancel(context.Background()) // it outlives the loop's, to end in good order
	return &sends{ports: p, bell: bell, log: log, ctx: ctx, cancel: cancel, tasks: p.Machine.Tasks(), parts: map[*lane]int{}}
}

// start sends the outboxes of lanes in order, again and again until all is acknowledged. What goes to one broker goes by itself: one that
// hangs holds up whoever speaks to it, and nobody else.
func (s *sends) start(lanes []*lane) {
	parts := s.byLeader(lanes)
	s.mu.Lock()
	s.count += len(parts)
	for _, o := range parts {
		for l := range o.lanes() {
			l.sending = true
			s.parts[l]++
		}
	}
	s.mu.Unlock()
	for _, o := range parts {
		s.tasks.Go(func() {
			s.send(o)
			s.mu.Lock()
			s.count--
			s.mu.Unlock()
			s.bell.Ring()
		})
	}
}

// byLeader are the lanes' outboxes, by the broker that leads what they go to, as far as is known.
func (s *sends) byLeader(lanes []*lane) []outboxes {
	part := map[kafka.TopicPartition]int{}
	var all []kafka.Position
	for _, l := range lanes {
		for i := range l.Outbox {
			to := kafka.TopicPartition{Topic: l.Outbox[i].Topic, Partition: l.Outbox[i].Partition}
			if _, known := part[to]; !known {
				part[to] = 0
				all = append(all, kafka.Position{Topic: to.Topic, Partition: to.Partition})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	led := s.ports.Kafka.ByLeader(all)
	for n := range led {
		for _, p := range led[n].Positions {
			part[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}] = n
		}
	}
	parts := make([]outboxes, len(led))
	for _, l := range lanes {
		for _, r := range l.Outbox {
			o := &parts[part[kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}]]
			o.records, o.of = append(o.records, r), append(o.of, l)
		}
	}
	return parts
}

// outboxes are records to send, and the lane that each is of.
type outboxes struct {
	records []kafka.Record
	of      []*lane
}

// lanes are those of the records, each once.
func (o outboxes) lanes() map[*lane]bool {
	lanes := map[*lane]bool{}
	for _, l := range o.of {
		lanes[l] = true
	}
	return lanes
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
	later := left.lanes()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range sent.of {
		if later[l] {
			continue
		}
		later[l] = true
		if s.parts[l]--; s.parts[l] == 0 {
			delete(s.parts, l)
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
