package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

const (
	minRejoin = 100 * time.Millisecond
	maxRejoin = 5 * time.Second
	// leaveTimeout is how long a goodbye may take in all: of the ten seconds of a stop six may have gone by on PostgreSQL. In the first half of
	// it kafka-go says goodbye; then its connections are cut.
	leaveTimeout = 3 * time.Second
)

// ErrLanesLost is the cause ([context.Cause]) of the end of Hold's context when the lanes are dealt anew, be it that members
// came or went, or that the coordinator has not heard from this one.
var ErrLanesLost = errors.New("kafka: the lanes are dealt anew")

// Membership declares one member of a consumer group.
type Membership struct {
	Group  string
	Topics []string
	// Hold works on the lanes until its context ends, and returns soon after: until then the group waits, at most RebalanceTimeout.
	// If it returns before, the member leaves the group, and joins it again after a while. It is called with no lanes if there are
	// more members than lanes. Calls never overlap.
	Hold func(ctx context.Context, a Assignment) error
	// Heartbeat is how often the coordinator hears of this member, and so how soon it hears of others. Defaults to 1 s.
	Heartbeat time.Duration
	// SessionTimeout is how long the coordinator waits for a member that has become silent before it deals out its lanes. Defaults to 10 s.
	// Brokers have limits for it (group.min.session.timeout.ms, 6 s).
	SessionTimeout time.Duration
	// RebalanceTimeout is how long the coordinator waits for members to let go of their lanes. Defaults to 10 s.
	RebalanceTimeout time.Duration
}

// Assignment is what a member has been dealt.
type Assignment struct {
	// Generation counts the dealings of the group.
	Generation int32
	MemberID   string
	// Lanes are the partition numbers that this member owns in every topic that it subscribes to, ascending.
	Lanes []int
	// Commit tells Kafka how far the group has come, for its tools to show. It fails with [ErrFenced] if the lanes are another's by now.
	Commit func(ctx context.Context, offsets []Offset) error
}

func (m Membership) withDefaults() Membership {
	if m.Heartbeat == 0 {
		m.Heartbeat = time.Second
	}
	if m.SessionTimeout == 0 {
		m.SessionTimeout = 10 * time.Second
	}
	if m.RebalanceTimeout == 0 {
		m.RebalanceTimeout = 10 * time.Second
	}
	return m
}

func (m Membership) validate() error {
	switch {
	case m.Group == "" || len(m.Topics) == 0 || m.Hold == nil:
		return fmt.Errorf("kafka: a member needs Group, Topics and Hold (group %q, %d topics)", m.Group, len(m.Topics))
	case m.Heartbeat < 0 || m.RebalanceTimeout < 0 || m.SessionTimeout < 3*m.Heartbeat:
		return fmt.Errorf("kafka: group %s: the session timeout (%s) must be at least three heartbeats (%s), and nothing negative",
			m.Group, m.SessionTimeout, m.Heartbeat)
	}
	return nil
}

// Join is a member of a group until ctx ends, and calls Hold each time that it has been dealt lanes. At the end it leaves
// the group, so that the others take over at once, and returns nil. It returns an error only if the membership is not valid;
// whatever else goes wrong is logged and tried again, after a wait that grows to 5 s.
func (c *Client) Join(ctx context.Context, m Membership) error {
	m = m.withDefaults()
	if err := m.validate(); err != nil {
		return err
	}
	pause := minRejoin
	for ctx.Err() == nil {
		began := time.Now()
		err := c.beMember(ctx, m)
		if ctx.Err() != nil {
			break
		}
		if c.life.Err() != nil {
			return ErrClosed
		}
		if time.Since(began) > 2*maxRejoin { // it worked for a while: this is a new trouble
			pause = minRejoin
		}
		wait := pause/2 + rand.N(pause/2) // jittered, or all members would come back together
		level := slog.LevelError          // something has to be mended
		if Retryable(err) {
			level = slog.LevelWarn
		}
		c.log.Log(ctx, level, "kafka: left the group; joining again", "group", m.Group, "error", err, "wait", wait)
		sleep(ctx, wait)
		pause = min(2*pause, maxRejoin)
	}
	return nil
}

// beMember joins the group and holds what it is dealt, until ctx ends, Hold gives up or the group is lost. It has left when it returns.
func (c *Client) beMember(ctx context.Context, m Membership) error {
	// The leader of a group asks for all its topics at once and gets nothing if one is missing: all members would
	// wait for ever, with no lanes. And it asks in the way that lets brokers create topics as they like.
	existing, err := c.Topics(ctx, m.Topics...)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(m.Topics), func(t string) bool { _, ok := existing[t]; return ok })
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s: create them first", ErrUnknownTopic, strings.Join(missing, ", "))
	}

	life, cut := context.WithCancel(c.life)
	defer cut()
	group, err := c.newGroup(life, m)
	if err != nil {
		return err
	}
	memberID := ""
	defer func() { c.leave(group, cut, m.Group, memberID) }()
	for {
		generation, err := group.Next(ctx)
		if errors.Is(err, kafkago.RebalanceInProgress) {
			continue // others came meanwhile; the member keeps its place and tries again at once
		}
		if err != nil {
			return explain(m.Group, err)
		}
		memberID = generation.MemberID
		if err := c.hold(ctx, m, group, generation); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// errGaveUp is the answer to a Hold that returned without an error before it was told to.
var errGaveUp = errors.New("kafka: Hold returned although it still had its lanes")

// hold runs Hold for one generation. It returns nil if the lanes are dealt anew or ctx ended, otherwise why Hold gave up.
func (c *Client) hold(ctx context.Context, m Membership, group *kafkago.ConsumerGroup, generation *kafkago.Generation) error {
	assignment := Assignment{
		Generation: generation.ID,
		MemberID:   generation.MemberID,
		Lanes:      lanesOf(generation.Assignments),
		Commit: func(ctx context.Context, offsets []Offset) error {
			return c.commit(ctx, m.Group, generation, offsets)
		},
	}
	held := make(chan error, 1)
	generation.Start(func(over context.Context) {
		if over.Err() != nil { // it ended before it began
			held <- nil
			return
		}
		lanes, lose := context.WithCancelCause(ctx)
		stop := context.AfterFunc(over, func() { lose(ErrLanesLost) })
		c.log.Info("kafka: lanes dealt", "group", m.Group, "generation", assignment.Generation, "lanes", assignment.Lanes)
		err := m.Hold(lanes, assignment)
		stop()
		lost := over.Err() != nil
		lose(nil)
		if lost || ctx.Err() != nil {
			err = nil
		} else if err == nil {
			err = errGaveUp
		}
		if !lost {
			// kafka-go joins again at once when a function of a generation returns. Close must have begun before, or we
			// would leave only after the others have waited for us once more. Next says that it has begun.
			go group.Close()
			_, _ = group.Next(context.Background())
		}
		held <- err
	})
	return <-held
}

// lanesOf returns the partition numbers in any of the topics: a lane has one owner, so one topic is as good as all.
func lanesOf(assignments map[string][]kafkago.PartitionAssignment) []int {
	var lanes []int
	for _, partitions := range assignments {
		for _, p := range partitions {
			lanes = append(lanes, p.ID)
		}
	}
	slices.Sort(lanes)
	return slices.Compact(lanes)
}

// leave says goodbye. A join that waits for other members can take as long as the slowest of them; it is cut off, and then
// kafka-go has forgotten who it was, so that we say goodbye in its name.
func (c *Client) leave(group *kafkago.ConsumerGroup, cut context.CancelFunc, name, memberID string) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		group.Close()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	timer := time.NewTimer(leaveTimeout / 2)
	defer timer.Stop()
	select {
	case <-closed:
		return
	case <-timer.C:
	}
	cut()
	<-closed
	if memberID == "" || c.life.Err() != nil {
		return
	}
	_, err := c.admin.LeaveGroup(ctx, &kafkago.LeaveGroupRequest{
		GroupID: c.wire(name),
		Members: []kafkago.LeaveGroupRequestMember{{ID: memberID}},
	})
	if err != nil {
		c.log.Warn("kafka: could not leave the group; its lanes are dealt out when the session ends", "group", name, "error", err)
	}
}

// explain adds what to do to errors of joining that do not pass by themselves.
func explain(group string, err error) error {
	err = fmt.Errorf("kafka: join group %s: %w", group, classified(err))
	switch {
	case errors.Is(err, kafkago.InconsistentGroupProtocol):
		return fmt.Errorf("%w: it has members that deal out partitions otherwise; stop them, or use another group or prefix", err)
	case errors.Is(err, kafkago.InvalidSessionTimeout):
		return fmt.Errorf("%w: choose a SessionTimeout within group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers", err)
	case errors.Is(err, ErrNotAuthorized):
		return fmt.Errorf("%w: give this user Read on the group and its topics", err)
	}
	return err
}
