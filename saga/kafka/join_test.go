package kafka

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// receive waits for a signal.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// join runs a quick member that reports each assignment and holds it. The stop function returns when it has left.
func join(t testing.TB, c *Client, group string, topics []string, dealt chan<- Assignment) (stop func()) {
	t.Helper()
	return run(t, c, quick(group, topics, func(ctx context.Context, a Assignment) error {
		dealt <- a
		<-ctx.Done()
		return ctx.Err()
	}))
}

func quick(group string, topics []string, hold func(context.Context, Assignment) error) Membership {
	return Membership{
		Group: group, Topics: topics, Hold: hold,
		Heartbeat: 20 * time.Millisecond, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second,
	}
}

func run(t testing.TB, c *Client, m Membership) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Join(ctx, m) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := receive(t, ended); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("join: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// awaitLanes receives assignments until one has the lanes wanted.
func awaitLanes(t testing.TB, dealt <-chan Assignment, want int) Assignment {
	t.Helper()
	for {
		if a := receive(t, dealt); len(a.Lanes) == want {
			return a
		}
	}
}

func TestTwoMembersShareTheLanes(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	topics := []string{"orders", "payments"}
	createTopics(t, c, 7, topics...)
	first, second := make(chan Assignment, 10), make(chan Assignment, 10)
	join(t, c, "kitchen", topics, first)
	if a := receive(t, first); !slices.Equal(a.Lanes, []int{0, 1, 2, 3, 4, 5, 6}) {
		t.Fatalf("alone: %v", a.Lanes)
	}
	stop := join(t, newClient(t, cluster), "kitchen", topics, second)
	a, b := awaitShare(t, first), awaitShare(t, second)
	all := slices.Sorted(slices.Values(append(slices.Clone(a.Lanes), b.Lanes...)))
	if a.Generation != b.Generation || !slices.Equal(all, []int{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("%+v and %+v", a, b)
	}
	for _, member := range cluster.GroupInfo("test.kitchen").Members {
		if !slices.Equal(member.Assignment["test.orders"], member.Assignment["test.payments"]) {
			t.Errorf("crossed: %v", member.Assignment)
		}
	}

	// One leaves: the other takes over without waiting for a session to end.
	left := time.Now()
	stop()
	if a := awaitLanes(t, first, 7); time.Since(left) > 5*time.Second {
		t.Errorf("took over %v after %s", a.Lanes, time.Since(left))
	}
}

func awaitShare(t testing.TB, dealt <-chan Assignment) Assignment {
	t.Helper()
	for {
		if a := receive(t, dealt); len(a.Lanes) == 3 || len(a.Lanes) == 4 {
			return a
		}
	}
}

// A member that dies without a word loses its lanes when its session ends, and knows it before.
func TestMemberThatIsCutOff(t *testing.T) {
	cluster := newCluster(t)
	c, cutOff := newClient(t, cluster), newClient(t, cluster)
	createTopics(t, c, 2, "orders")
	dealt, lost := make(chan Assignment, 10), make(chan error, 10)
	m := quick("kitchen", []string{"orders"}, func(ctx context.Context, a Assignment) error {
		dealt <- a
		<-ctx.Done()
		lost <- context.Cause(ctx)
		return nil
	})
	m.SessionTimeout = 2 * time.Second
	run(t, cutOff, m)
	awaitLanes(t, dealt, 2)
	cutOff.Close() // every connection breaks, nothing is said
	if err := receive(t, lost); !errors.Is(err, ErrLanesLost) {
		t.Errorf("the context ended because of %v", err)
	}
	other := make(chan Assignment, 10)
	join(t, c, "kitchen", []string{"orders"}, other)
	awaitLanes(t, other, 2)
}

// A coordinator that does not answer heartbeats is as good as none: Hold ends before the session does.
func TestHoldEndsWhenHeartbeatsAreNotAnswered(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	dealt, lost := make(chan Assignment, 10), make(chan time.Time, 10)
	m := quick("kitchen", []string{"orders"}, func(ctx context.Context, a Assignment) error {
		dealt <- a
		<-ctx.Done()
		lost <- time.Now()
		return nil
	})
	m.SessionTimeout = 6 * time.Second
	stop := run(t, c, m)
	receive(t, dealt)
	silent := make(chan time.Time, 1)
	cluster.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		silent <- time.Now()
		return nil, nil, true
	})
	since := receive(t, silent)
	if after := receive(t, lost).Sub(since); after >= m.SessionTimeout-m.Heartbeat {
		t.Errorf("it ended %s after the last heartbeat, the session takes %s", after, m.SessionTimeout)
	}
	receive(t, dealt) // it comes back
	stop()
}

func TestCommit(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 2, "orders")
	ctx := testContext(t)
	first, second := make(chan Assignment, 10), make(chan Assignment, 10)
	join(t, c, "kitchen", []string{"orders"}, first)
	old := awaitLanes(t, first, 2)
	offsets := []Offset{{"orders", 0, 17, "epoch 5"}, {"orders", 1, 4, ""}}
	if err := old.Commit(ctx, offsets); err != nil {
		t.Fatal(err)
	}
	got, err := c.Committed(ctx, "kitchen", []TopicPartition{{"orders", 0}, {"orders", 1}, {"orders", 2}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[TopicPartition{"orders", 0}] != (CommittedOffset{17, "epoch 5"}) || got[TopicPartition{"orders", 1}] != (CommittedOffset{4, ""}) {
		t.Errorf("committed: %v", got)
	}
	if info := cluster.GroupInfo("test.kitchen"); info.Commits["test.orders"][0].Offset != 17 {
		t.Errorf("at the broker: %v", info.Commits)
	}

	join(t, newClient(t, cluster), "kitchen", []string{"orders"}, second)
	awaitLanes(t, second, 1)
	if err := old.Commit(ctx, offsets); !errors.Is(err, ErrFenced) || Retryable(err) {
		t.Errorf("from the old generation: %v", err)
	}
	if got, err := c.Committed(ctx, "nobody", []TopicPartition{{"orders", 0}}); err != nil || len(got) != 0 {
		t.Errorf("of a group that is not: %v, %v", got, err)
	}
}

func TestHoldThatGivesUpIsCalledAgain(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	left := count(cluster, kmsg.LeaveGroup)
	var members []string
	calls := make(chan string, 10)
	stop := run(t, c, quick("kitchen", []string{"orders"}, func(ctx context.Context, a Assignment) error {
		calls <- a.MemberID
		if len(members) < 2 {
			members = append(members, a.MemberID)
			return errors.New("no database")
		}
		<-ctx.Done()
		return nil
	}))
	one, two, three := receive(t, calls), receive(t, calls), receive(t, calls)
	if one == two || two == three {
		t.Errorf("it did not leave: %s, %s, %s", one, two, three)
	}
	if n := left(); n < 2 {
		t.Errorf("it left %d times", n)
	}
	stop()
	if info := cluster.GroupInfo("test.kitchen"); len(info.Members) != 0 {
		t.Errorf("still members: %v", info.Members)
	}
}

// kafka-go would join once more before it leaves, and the others would wait for it twice.
func TestLeavingDoesNotJoinAgain(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	joins, leaves := count(cluster, kmsg.JoinGroup), count(cluster, kmsg.LeaveGroup)
	dealt := make(chan Assignment, 1)
	stop := join(t, c, "kitchen", []string{"orders"}, dealt)
	receive(t, dealt)
	stop()
	if joins() != 1 || leaves() != 1 {
		t.Errorf("joined %d times, left %d times", joins(), leaves())
	}
}

// A member that goes while the group waits for another one must not wait with it, and the group must not wait for the one that went.
func TestLeavingWhileTheGroupIsDealt(t *testing.T) {
	cluster := newCluster(t)
	leaveWhileDealt(t, newClient(t, cluster), newClient(t, cluster))
	if info := cluster.GroupInfo("test.kitchen"); len(info.Members) > 1 {
		t.Errorf("still members: %v", info.Members)
	}
}

func leaveWhileDealt(t *testing.T, stays, goes *Client) {
	createTopics(t, stays, 2, "orders")
	dealt, release := make(chan Assignment, 10), make(chan struct{})
	slow := quick("kitchen", []string{"orders"}, func(ctx context.Context, a Assignment) error {
		dealt <- a
		<-ctx.Done()
		if len(a.Lanes) == 1 {
			<-release // it takes its time to let go
		}
		return nil
	})
	slow.SessionTimeout, slow.RebalanceTimeout = 20*time.Second, 20*time.Second
	run(t, stays, slow)
	awaitLanes(t, dealt, 2)

	going := slow
	lost, other := make(chan struct{}, 10), make(chan Assignment, 10)
	going.Hold = func(ctx context.Context, a Assignment) error {
		other <- a
		<-ctx.Done()
		lost <- struct{}{}
		return nil
	}
	stop := run(t, goes, going)
	awaitLanes(t, dealt, 1)
	awaitLanes(t, other, 1)
	// A third member makes the group deal anew: the second joins again at once, and waits for the slow one.
	third := going
	third.Hold = func(ctx context.Context, _ Assignment) error { <-ctx.Done(); return nil }
	stopThird := run(t, goes, third)
	receive(t, lost)
	began := time.Now()
	stop()
	if took := time.Since(began); took > leaveTimeout+2*time.Second {
		t.Errorf("leaving took %s", took)
	}
	close(release)
	stopThird()
	awaitLanes(t, dealt, 2)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the group waited %s for one that had left", took)
	}
}

// P8: a cluster that answers nothing any more does not hold up who leaves for longer than a goodbye may take.
func TestLeavingWhileNothingIsAnswered(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	dealt := make(chan Assignment, 1)
	stop := join(t, c, "kitchen", []string{"orders"}, dealt)
	receive(t, dealt)
	release := make(chan struct{})
	defer close(release)
	cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		<-release
		return nil, nil, false
	})
	began := time.Now()
	stop()
	if took := time.Since(began); took > leaveTimeout+2*time.Second {
		t.Errorf("leaving took %s", took)
	}
}

func TestJoinWaitsForItsTopics(t *testing.T) {
	cluster := newCluster(t, kfake.AllowAutoTopicCreation())
	c := newClient(t, cluster)
	createTopics(t, c, 2, "orders")
	asked := make(chan struct{}, 100)
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if len(r.(*kmsg.MetadataRequest).Topics) == 2 {
			select {
			case asked <- struct{}{}:
			default:
			}
		}
		return nil, nil, false
	})
	dealt := make(chan Assignment, 10)
	join(t, c, "kitchen", []string{"orders", "payments"}, dealt)
	receive(t, asked)
	receive(t, asked) // it tries again
	if info := cluster.TopicInfo("test.payments"); info != nil {
		t.Fatal("joining created the topic")
	}
	createTopics(t, c, 2, "payments")
	awaitLanes(t, dealt, 2)
}

func TestJoinSurvivesACoordinatorThatMoves(t *testing.T) {
	cluster := newCluster(t)
	c := newClient(t, cluster)
	createTopics(t, c, 1, "orders")
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Group: "test.kitchen", TopLevel: true, Err: kerr.NotCoordinator, Count: 2})
	dealt := make(chan Assignment, 10)
	join(t, c, "kitchen", []string{"orders"}, dealt)
	receive(t, dealt)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: "test.kitchen", TopLevel: true, Err: kerr.UnknownMemberID})
	receive(t, dealt)
}

func TestJoinRefusesWhatCannotWork(t *testing.T) {
	c := newClient(t, newCluster(t))
	hold := func(context.Context, Assignment) error { return nil }
	for name, m := range map[string]Membership{
		"no group":      {Topics: []string{"orders"}, Hold: hold},
		"no topics":     {Group: "g", Hold: hold},
		"no hold":       {Group: "g", Topics: []string{"orders"}},
		"short session": {Group: "g", Topics: []string{"orders"}, Hold: hold, SessionTimeout: time.Second},
	} {
		if err := c.Join(testContext(t), m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
