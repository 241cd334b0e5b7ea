package lane

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// twoBrokers is a Kafka whose even partitions one broker leads, and the odd ones another. No request is ever answered.
type twoBrokers struct {
	Broker
	asked chan []kafka.Position
}

func (twoBrokers) ByLeader(positions []kafka.Position) []kafka.Led {
	leaders := []kafka.Led{{Leader: 0}, {Leader: 1}}
	for _, p := range positions {
		leaders[p.Partition%2].Positions = append(leaders[p.Partition%2].Positions, p)
	}
	var some []kafka.Led
	for _, l := range leaders {
		if l.Positions != nil {
			some = append(some, l)
		}
	}
	return some
}

func (b twoBrokers) Fetch(ctx context.Context, positions []kafka.Position, _ kafka.FetchOptions) ([]kafka.Fetched, error) {
	select {
	case b.asked <- positions:
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Each broker has its own number of waiting requests: when one of them has as many as it may, the others are still asked.
func TestABusyBrokerTakesNoOthersRequests(t *testing.T) {
	kafkas := twoBrokers{asked: make(chan []kafka.Position)}
	m := newMachine()
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	f := newFeed(Ports{Kafka: kafkas, Machine: m}, 12, []*saga.Group{g}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.readHeads(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	q := newQueue(g, []int{0}, 10, m.Bell())
	subscribe := func(partitions ...int) {
		var places []*position
		for _, n := range partitions {
			places = append(places, &position{TopicPartition: kafka.TopicPartition{Topic: "rumours", Partition: n}, queue: q})
		}
		f.subscribe(places)
	}
	asks := func(partition int) {
		t.Helper()
		if got, want := (<-kafkas.asked)[0].Partition, partition; got != want {
			t.Fatalf("asked for partition %d, want %d", got, want)
		}
	}
	subscribe(1)
	asks(1)
	subscribe(0)
	asks(0)
	subscribe(2)
	asks(2)
	subscribe(4) // has to wait: two requests at a broker are enough
	subscribe(3)
	asks(3)
}

// learns is two brokers of which nobody knows what they lead before they are asked.
type learns struct {
	twoBrokers
	known *atomic.Bool
}

func (b learns) ByLeader(positions []kafka.Position) []kafka.Led {
	if !b.known.Load() && positions != nil {
		return []kafka.Led{{Leader: kafka.NoLeader, Positions: positions}}
	}
	return b.twoBrokers.ByLeader(positions)
}

func (b learns) Fetch(ctx context.Context, positions []kafka.Position, o kafka.FetchOptions) (out []kafka.Fetched, err error) {
	b.known.Store(true)
	newMachine().Pause(ctx, max(0, o.MaxWait))
	b.asked <- positions
	for _, p := range positions {
		out = append(out, kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: p.Offset})
	}
	return out, ctx.Err()
}

// Who leads what is found out without waiting for news: a request that asks several brokers ends with the last of them.
func TestLeadersAreFoundAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
		kafkas := learns{twoBrokers{asked: make(chan []kafka.Position, 100)}, &atomic.Bool{}}
		f := newFeed(Ports{Kafka: kafkas, Machine: m}, 2, []*saga.Group{g}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), headWait/2)
		defer cancel()
		q := newQueue(g, []int{0, 1}, 10, m.Bell())
		f.subscribe([]*position{{TopicPartition: kafka.TopicPartition{Topic: "rumours"}, queue: q}, {TopicPartition: kafka.TopicPartition{Topic: "rumours", Partition: 1}, queue: q}})
		f.readHeads(ctx)
		var asked []int
		for range len(kafkas.asked) {
			asked = append(asked, len(<-kafkas.asked))
		}
		if !slices.Equal(asked, []int{2, 1, 1}) {
			t.Errorf("it asks for %v partitions at a time", asked)
		}
	})
}

// failsOnce is a Kafka whose first answer is an error; then partition 0 has three records.
type failsOnce struct {
	Broker
	asked chan bool
}

func (b failsOnce) Fetch(ctx context.Context, positions []kafka.Position, _ kafka.FetchOptions) ([]kafka.Fetched, error) {
	select {
	case b.asked <- true:
		return nil, errors.New("away")
	default:
	}
	at := positions[0]
	f := kafka.Fetched{Topic: at.Topic, Partition: at.Partition, Next: 3, HighWatermark: 3}
	for n := at.Offset; n < 3; n++ {
		f.Records = append(f.Records, kafka.Record{Topic: at.Topic, Partition: at.Partition, Offset: n})
	}
	return []kafka.Fetched{f}, nil
}

func (failsOnce) ByLeader(positions []kafka.Position) []kafka.Led {
	return []kafka.Led{{Positions: positions}}[:min(1, len(positions))]
}

// P6: a group that lies behind while Kafka is away catches up when it is back, also if nothing else happens.
func TestAGroupBehindCatchesUpAfterAnOutage(t *testing.T) {
	m := newMachine()
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	f := newFeed(Ports{Kafka: failsOnce{asked: make(chan bool, 1)}, Machine: m}, 1, []*saga.Group{g}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.readLaggards(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	q := newQueue(g, []int{0}, 10, m.Bell())
	f.subscribe([]*position{{TopicPartition: kafka.TopicPartition{Topic: "rumours"}, queue: q}})
	for total := 0; total < 3; total, _ = q.waiting(everywhere) {
		if m.Pause(ctx, time.Millisecond); ctx.Err() != nil {
			t.Fatal("nothing has come")
		}
	}
}

// failsAhead is a Kafka whose first request fails once another group has come, which is ahead of it.
type failsAhead struct {
	Broker
	asked, fail chan bool
}

func (failsAhead) ByLeader(positions []kafka.Position) []kafka.Led {
	return []kafka.Led{{Positions: positions}}[:min(1, len(positions))]
}

func (b failsAhead) Fetch(ctx context.Context, positions []kafka.Position, o kafka.FetchOptions) ([]kafka.Fetched, error) {
	select {
	case b.asked <- true:
		<-b.fail
		return nil, errors.New("away")
	default:
	}
	at := positions[0]
	f := kafka.Fetched{Topic: at.Topic, Partition: at.Partition, Next: 1, HighWatermark: 1}
	if at.Offset == 0 {
		f.Records = []kafka.Record{{Topic: at.Topic}}
	} else if o.MaxWait > 0 {
		<-ctx.Done() // there is nothing new
	}
	return []kafka.Fetched{f}, ctx.Err()
}

// A group whose head request fails, while another group has come that is ahead, is behind from then on, and read for as such.
func TestAGroupIsReadForWhenTheHeadMovesOn(t *testing.T) {
	m := newMachine()
	g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
	kafkas := failsAhead{asked: make(chan bool, 1), fail: make(chan bool)}
	f := newFeed(Ports{Kafka: kafkas, Machine: m}, 1, []*saga.Group{g}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.readHeads(ctx)
	}()
	hindmost, ahead := newQueue(g, []int{0}, 10, m.Bell()), newQueue(g, []int{0}, 10, m.Bell())
	tp := kafka.TopicPartition{Topic: "rumours"}
	f.subscribe([]*position{{TopicPartition: tp, queue: hindmost}})
	for len(kafkas.asked) == 0 {
		m.Pause(ctx, time.Millisecond)
	}
	f.subscribe([]*position{{TopicPartition: tp, queue: ahead, next: 1}})
	laggards := make(chan struct{})
	go func() {
		defer close(laggards)
		f.readLaggards(ctx)
	}()
	defer func() {
		cancel()
		<-ended
		<-laggards
	}()
	for len(f.behind.(*bell).rung) > 0 { // it has seen that nobody is behind
		m.Pause(ctx, time.Millisecond)
	}
	close(kafkas.fail)
	for total := 0; total == 0; total, _ = hindmost.waiting(everywhere) {
		if m.Pause(ctx, time.Millisecond); ctx.Err() != nil {
			t.Fatal("nothing has come")
		}
	}
}

// oneUnreadable is two brokers, one of which can't read its partition, and takes long to say so. Of partition 0 each fetch brings one record.
type oneUnreadable struct {
	twoBrokers
	takes time.Duration
}

func (b oneUnreadable) Fetch(ctx context.Context, positions []kafka.Position, _ kafka.FetchOptions) (out []kafka.Fetched, err error) {
	for _, p := range positions {
		f := kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: p.Offset, HighWatermark: 100}
		if p.Partition > 0 {
			newMachine().Pause(ctx, b.takes)
			f.Err = errors.New("unreadable")
		} else if p.Offset < 100 {
			f.Records, f.Next = []kafka.Record{{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset}}, p.Offset+1
		}
		out = append(out, f)
	}
	return out, ctx.Err()
}

// P6: a partition that can't be read, with the same broker or another, and a broker that hangs do not slow down who reads the others.
func TestWhatCantBeReadHoldsUpNoOthersCatchingUp(t *testing.T) {
	for _, test := range []struct {
		unreadable int
		takes      time.Duration
	}{{1, 0}, {1, 15 * time.Second}, {2, 0}} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine()
			g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
			f := newFeed(Ports{Kafka: oneUnreadable{takes: test.takes}, Machine: m}, 3, []*saga.Group{g}, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				f.readLaggards(ctx)
			}()
			q := newQueue(g, []int{0, 1, 2}, 1000, m.Bell())
			place := func(n int) *position {
				return &position{TopicPartition: kafka.TopicPartition{Topic: "rumours", Partition: n}, queue: q}
			}
			f.subscribe([]*position{place(0), place(test.unreadable)})
			m.Pause(ctx, time.Second)
			if total, _ := q.waiting(everywhere); total != 100 {
				t.Errorf("beside partition %d, whose broker takes %v: %d of 100 have come in a second", test.unreadable, test.takes, total)
			}
			cancel()
			<-ended
		})
	}
}

// oneBroken is a broker, or two, of whose partitions the second fails at once, always. It notes for how long others are waited for.
type oneBroken struct {
	twoBrokers
	brokers int32
	failed  *atomic.Int64
	waited  *atomic.Int64
}

func (b oneBroken) ByLeader(positions []kafka.Position) []kafka.Led {
	if b.brokers == 2 {
		return b.twoBrokers.ByLeader(positions)
	}
	return []kafka.Led{{Positions: positions}}[:min(1, len(positions))]
}

func (b oneBroken) Fetch(ctx context.Context, positions []kafka.Position, o kafka.FetchOptions) (out []kafka.Fetched, err error) {
	broken := false
	for _, p := range positions {
		f := kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: p.Offset}
		if p.Partition == 1 {
			broken, f.Err = true, errors.New("leader not available")
			b.failed.Add(1)
		}
		out = append(out, f)
	}
	if !broken && o.MaxWait > 0 {
		newMachine().Pause(ctx, o.MaxWait)
		b.waited.Add(int64(o.MaxWait))
	}
	return out, ctx.Err()
}

// lines counts what is logged.
type lines struct{ atomic.Int64 }

func (l *lines) Write(line []byte) (int, error) { l.Add(1); return len(line), nil }

// P6: what can't be read is asked for, and complained about, less and less; the others are waited for meanwhile, also those of the same broker.
func TestWhatCantBeReadIsAskedForMoreRarely(t *testing.T) {
	for _, brokers := range []int32{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine()
			g := saga.Define("counter", nil, saga.On(func(saga.Event[heard]) []saga.Fact { return nil }))
			kafkas := oneBroken{brokers: brokers, failed: &atomic.Int64{}, waited: &atomic.Int64{}}
			logged := &lines{}
			f := newFeed(Ports{Kafka: kafkas, Machine: m}, 2, []*saga.Group{g}, slog.New(slog.NewTextHandler(logged, nil)))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			q := newQueue(g, []int{0, 1}, 10, m.Bell())
			f.subscribe([]*position{{TopicPartition: kafka.TopicPartition{Topic: "rumours"}, queue: q}, {TopicPartition: kafka.TopicPartition{Topic: "rumours", Partition: 1}, queue: q}})
			f.run(ctx)
			if waited := time.Duration(kafkas.waited.Load()); waited < 59*time.Second {
				t.Errorf("of %d brokers: in a minute, the partition that is well is waited for for %v", brokers, waited)
			}
			if failed, logged := kafkas.failed.Load(), logged.Load(); failed < 20 || failed > 80 || logged > 40 {
				t.Errorf("of %d brokers: in a minute, the partition that is not is asked for %d times, and %d lines are logged", brokers, failed, logged)
			}
		})
	}
}

// growing is a Kafka whose log grows when the test says so.
type growing struct {
	Broker
	end *atomic.Int64
}

func (growing) ByLeader(positions []kafka.Position) []kafka.Led {
	return []kafka.Led{{Leader: 1, Positions: positions}}[:min(1, len(positions))]
}

func (b growing) Fetch(ctx context.Context, at []kafka.Position, o kafka.FetchOptions) (out []kafka.Fetched, err error) {
	newMachine().Pause(ctx, 2*time.Millisecond)
	for waited := time.Duration(0); ; waited += 5 * time.Millisecond {
		out = nil
		some := false
		for _, p := range at {
			end := b.end.Load()
			f := kafka.Fetched{Topic: p.Topic, Partition: p.Partition, Next: max(p.Offset, end), HighWatermark: end}
			for n := p.Offset; n < end; n++ {
				some = true
				f.Records = append(f.Records, kafka.Record{Topic: p.Topic, Partition: p.Partition, Offset: n})
			}
			out = append(out, f)
		}
		if some || waited >= o.MaxWait {
			return out, ctx.Err()
		}
		newMachine().Pause(ctx, 5*time.Millisecond)
	}
}

// P7: a group that catches up with one whose queue is full is read for from then on, and nobody waits for one that has let go.
func TestAGroupWithoutRoomHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine()
		g := saga.Define("counter", nil, saga.On(func(saga.Event[jobWanted]) []saga.Fact { return nil }))
		k := growing{end: &atomic.Int64{}}
		k.end.Store(10)
		f := newFeed(Ports{Kafka: k, Machine: m}, 1, []*saga.Group{g}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() { f.run(ctx); close(ended) }()
		tp := kafka.TopicPartition{Topic: "rumours"}
		full, behind := newQueue(g, []int{0}, 0, m.Bell()), newQueue(g, []int{0}, 1000, m.Bell())
		f.subscribe([]*position{{TopicPartition: tp, queue: full, next: 10}})
		f.subscribe([]*position{{TopicPartition: tp, queue: behind, next: 5}})
		has := func(when string, want int) {
			t.Helper()
			m.Pause(ctx, time.Minute)
			if n, _ := behind.waiting(everywhere); n != want {
				t.Errorf("%s: %d events, want %d", when, n, want)
			}
		}
		has("it has caught up", 5)
		k.end.Store(20)
		has("the log has grown", 15)
		ahead := newQueue(g, []int{0}, 0, m.Bell())
		f.subscribe([]*position{{TopicPartition: tp, queue: ahead, next: 30}})
		k.end.Store(30)
		has("one is further again", 25)
		f.unsubscribe(full)
		f.unsubscribe(ahead)
		k.end.Store(40)
		has("the others have let go", 35)
		cancel()
		<-ended
	})
}

// P7: a fact whose own code panics is one that can't be read, and nothing worse.
func TestAFactThatPanicsIsParked(t *testing.T) {
	g := saga.Define("counter", nil, saga.On(func(saga.Event[landmine]) []saga.Fact { return nil }))
	f := newFeed(Ports{Machine: newMachine()}, 1, []*saga.Group{g}, slog.New(slog.DiscardHandler))
	record := func(id string) kafka.Record {
		return kafka.Record{Topic: "mines", Key: []byte(id), Value: []byte(`{"ID":"` + id + `"}`), Headers: []kafka.Header{{Key: "ce_type", Value: []byte("mine.laid")}}}
	}
	events := f.decode([]kafka.Record{record("quiet"), record("armed"), record("sharp")})
	if events[0].err != nil || events[0].fact == nil {
		t.Errorf("a good one: %v", events[0].err)
	}
	for _, e := range events[1:] {
		if e.err == nil || !strings.Contains(e.err.Error(), "to read mine.laid panics: "+e.Key) || e.fact != nil {
			t.Errorf("%s: %v", e.Key, e.err)
		}
	}
}

// landmine is a fact that panics when it is validated, or asked for its key.
type landmine struct{ ID string }

func (landmine) EventType() string { return "mine.laid" }
func (landmine) Topic() string     { return "mines" }

func (l landmine) Validate() error {
	if l.ID == "armed" {
		panic(l.ID)
	}
	return nil
}

func (l landmine) Key() string {
	if l.ID == "sharp" {
		panic(l.ID)
	}
	return l.ID
}
