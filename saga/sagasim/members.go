package sagasim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tiffin/saga/kafka"
)

const (
	sessionTimeout   = 10 * time.Second
	heartbeat        = sessionTimeout / 6
	rebalanceTimeout = 10 * time.Second
)

// coordinator keeps the members of one group, and deals out its lanes.
type coordinator struct {
	broker     *broker
	group      string
	generation int32
	members    []*member
	joining    bool // the lanes are being dealt anew
	round      int  // counts that
	names      int
	committed  map[kafka.TopicPartition]kafka.CommittedOffset
}

// member is one as the coordinator knows it.
type member struct {
	id     string
	heard  time.Duration // its last heartbeat
	joined func([]int)   // while the lanes are being dealt: it waits for its own
}

var (
	errUnknownMember = errors.New("sagasim: unknown member")
	errRebalance     = errors.New("sagasim: rebalance in progress")
)

func (b *broker) coordinator(group string) *coordinator {
	c := b.coordinators[group]
	if c == nil {
		c = &coordinator{broker: b, group: group, committed: map[kafka.TopicPartition]kafka.CommittedOffset{}}
		b.coordinators[group] = c
	}
	return c
}

func (c *coordinator) find(id string) *member {
	if i := slices.IndexFunc(c.members, func(m *member) bool { return m.id == id }); i >= 0 {
		return c.members[i]
	}
	return nil
}

// join takes a member in, and answers once the lanes are dealt.
func (c *coordinator) join(id string, joined func(id string, generation int32, lanes []int)) {
	m := c.find(id)
	if m == nil {
		c.names++
		m = &member{id: fmt.Sprintf("%s-%d", c.group, c.names)}
		c.members = append(c.members, m)
		c.expire(m)
	}
	m.heard = c.broker.world.now
	m.joined = func(lanes []int) { joined(m.id, c.generation, lanes) }
	if !c.joining {
		c.deal()
	}
	c.dealt(false)
}

// deal begins to deal the lanes anew: every member is to let go of its own, and to join again.
func (c *coordinator) deal() {
	c.joining = true
	c.round++
	round := c.round
	c.broker.world.after(rebalanceTimeout, func() {
		if c.joining && c.round == round {
			c.dealt(true)
		}
	})
}

// dealt deals the lanes if all members have joined, or it is too late for those that have not.
func (c *coordinator) dealt(late bool) {
	if late {
		c.members = slices.DeleteFunc(c.members, func(m *member) bool { return m.joined == nil })
	}
	if slices.ContainsFunc(c.members, func(m *member) bool { return m.joined == nil }) {
		return
	}
	c.joining = false
	c.generation++
	lanes := make([][]int, len(c.members))
	for n := range c.broker.world.plan.Partitions {
		if len(lanes) > 0 {
			lanes[n%len(lanes)] = append(lanes[n%len(lanes)], n)
		}
	}
	for i, m := range c.members {
		joined := m.joined
		m.joined, m.heard = nil, c.broker.world.now
		joined(lanes[i])
	}
}

// expire removes the member once it has been silent for a session.
func (c *coordinator) expire(m *member) {
	w := c.broker.world
	w.after(m.heard+sessionTimeout-w.now, func() {
		if c.find(m.id) != m {
			return
		}
		if m.joined != nil || c.broker.down { // it waits for us; who can't hear, can't tell
			m.heard = w.now
		}
		if w.now-m.heard < sessionTimeout {
			c.expire(m)
		} else {
			c.leave(m.id)
		}
	})
}

func (c *coordinator) leave(id string) {
	m := c.find(id)
	if m == nil {
		return
	}
	c.broker.world.tracef("%s has left", id)
	c.members = slices.DeleteFunc(c.members, func(other *member) bool { return other == m })
	if !c.joining {
		c.deal()
	}
	c.dealt(false)
}

func (c *coordinator) heartbeat(id string, generation int32) error {
	m := c.find(id)
	switch {
	case m == nil || !c.joining && generation != c.generation:
		return errUnknownMember
	case c.joining:
		m.heard = c.broker.world.now
		return errRebalance
	}
	m.heard = c.broker.world.now
	return nil
}

// Join is a member of a group as [kafka.Client.Join] is.
func (c client) Join(ctx context.Context, m kafka.Membership) error {
	for ctx.Err() == nil {
		c.beMember(ctx, m)
		if ctx.Err() == nil {
			c.process.Pause(ctx, between(c.process.random, 50*time.Millisecond, 2*time.Second))
		}
	}
	return nil
}

// beMember joins and holds, until ctx ends, Hold gives up, or the group has forgotten it.
func (c client) beMember(ctx context.Context, m kafka.Membership) {
	id := ""
	defer func() {
		if !c.process.dead && id != "" {
			c.process.send(c.request(OpLeave, m.Group), func(answer func(error)) {
				c.broker.coordinator(m.Group).leave(id)
				answer(nil)
			}, func(error) {})
		}
	}()
	for ctx.Err() == nil {
		var generation int32
		var lanes []int
		err := c.process.ask(ctx, c.request(OpJoin, m.Group), func(answer func(error)) {
			c.broker.coordinator(m.Group).join(id, func(dealtTo string, g int32, dealt []int) {
				id, generation, lanes = dealtTo, g, dealt
				answer(nil)
			})
		})
		if err != nil {
			return
		}
		if again := c.hold(ctx, m, id, generation, lanes); !again {
			return
		}
	}
}

// hold runs Hold for one generation. It says whether the member is to join again.
func (c client) hold(ctx context.Context, m kafka.Membership, id string, generation int32, lanes []int) (again bool) {
	p := c.process
	own, lose := p.Cancel(ctx)
	over, forgotten := false, false
	end := func() {
		if !over {
			over = true
			lose()
		}
	}
	heard := p.world.now // by the coordinator, last
	var beat func()
	beat = func() {
		if over {
			return
		}
		p.send(c.request(OpHeartbeat, m.Group), func(answer func(error)) {
			answer(c.broker.coordinator(m.Group).heartbeat(id, generation))
		}, func(err error) {
			switch {
			case err == nil:
				heard = p.world.now
			case errors.Is(err, errRebalance):
				end()
			case errors.Is(err, errUnknownMember):
				forgotten = true
				end()
			}
		})
		p.after(heartbeat, func() {
			if p.world.now-heard > (sessionTimeout-heartbeat)/2+heartbeat {
				forgotten = true
				end()
			}
			beat()
		})
	}
	p.after(between(p.random, 0, heartbeat), beat)
	err := m.Hold(own, kafka.Assignment{Generation: generation, MemberID: id, Lanes: lanes, Commit: func(ctx context.Context, offsets []kafka.Offset) error {
		return p.ask(ctx, c.request(OpCommit, m.Group), func(answer func(error)) {
			k := c.broker.coordinator(m.Group)
			if k.find(id) == nil || generation != k.generation {
				answer(errUnknownMember)
				return
			}
			for _, o := range offsets {
				k.committed[kafka.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = kafka.CommittedOffset{Offset: o.Offset, Metadata: o.Metadata}
			}
			answer(nil)
		})
	}})
	rejoin := over && !forgotten && err == nil
	over = true
	lose()
	return rejoin
}
