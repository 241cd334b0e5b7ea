package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

const (
	// tick is how often a loop looks after what no event brings: deadlines, wishes, offsets to tell.
	tick = 100 * time.Millisecond
	// linger is how long events wait for company that the group does not mind: those that it ignores, for which only
	// offsets and marks move, and those that it only records. A transaction for each would cost more than all the rest. They are
	// handled with the tick, unless something else just was.
	linger = tick
	// maxLeisure is how much later than at the next tick a loop may look that has nothing to do.
	maxLeisure = 9 * tick
	// tellEvery is how often Kafka is told the offsets, for its tools to show.
	tellEvery = time.Second
	// graceful is how long a loop that has to let go of its lanes waits for what it has sent. The group waits for it.
	graceful = 5 * time.Second
	// databaseTime is how long a connection to PostgreSQL may take, a claim, and what one turn asks of it. A connection on which nothing comes back, while it
	// does not break either, is given up then: else the process, whose heartbeats go on, would keep its lanes and do nothing.
	databaseTime = 30 * time.Second
)

// loop handles all lanes that this process owns of one group.
type loop struct {
	Config
	ports      Ports
	process    string // a name of this process, new at each start
	group      *saga.Group
	partitions int
	feed       *feed
	mirrors    *mirrors // nil if the group has none
	metrics    *groupMetrics
	log        *slog.Logger
	now        func() time.Time
	up         func() time.Duration // time since some moment, for pauses: it never jumps
	bell       Bell                 // rings when there may be something to do
	turns      *turns               // of all loops of the process
	slot       time.Duration        // when in its time its tick is: a group's loops have different ones
	working    saga.Working
	performs   bool // the group has effects

	// What follows belongs to one claim.
	store     Store
	cache     *cache
	lanes     map[int]*lane
	owned     []*lane // the same, by number
	queue     *queue
	places    map[kafka.TopicPartition]*position
	sends     *sends
	effects   *effects
	due       time.Time // the nearest deadline; zero if there is none
	claimedAt time.Duration
	claimedOn time.Time // the same, by the clock
	tell      map[kafka.TopicPartition]kafka.Offset

	// When something was done last, or is to be done next.
	looks, told, shown, stepped, lastUse, wishesRead time.Duration
	swept, forgot                                    time.Duration
	ticks                                            bool // this turn is a tick's
	backlog                                          backlog

	// What follows belongs to one assignment.
	condemned map[taskID]condemnation // what can't be done
	searches  [kinds]search           // for what can't be done
	slow      map[taskID]slowness     // what has taken too long alone
	saved     int                     // batches, ever
	closer    bool                    // the last failure has brought one further
	noted     map[int]map[string]int  // by lane: what this process handles alone, and its count
}

// hold works on the lanes of an assignment until ctx ends. Whatever goes wrong, it forgets everything and claims again.
func (l *loop) hold(ctx context.Context, a kafka.Assignment) error {
	l.acquit()
	defer l.showBacklog(backlog{}) // not sooner: while the database is away it is what people must see
	if len(a.Lanes) == 0 {
		l.rest(ctx)
		return nil
	}
	b := newBackoff(l.ports.Machine)
	for ctx.Err() == nil {
		started := l.up()
		err := l.own(ctx, a)
		if ctx.Err() != nil {
			return nil
		}
		var stuck *placeError
		switch {
		case errors.Is(err, ErrFenced):
			l.log.Warn("the lanes have another owner: joining the group again")
			return err
		case errors.As(err, &stuck):
			l.log.Error("these lanes stop", "lanes", a.Lanes, "error", err, "mend", l.mend(ctx))
			l.metrics.stopped(len(a.Lanes))
			l.ports.Machine.Pause(ctx, stuckFor)
			l.metrics.stopped(-len(a.Lanes))
			continue
		case l.closer:
			l.closer = false
			l.log.Warn("a batch can't be saved: looking for what spoils it", "error", err)
			continue
		}
		l.log.Warn("claiming the lanes again", "error", err)
		if l.up()-started > 10*time.Second {
			b.reset()
		}
		b.wait(ctx)
	}
	return nil
}

// stuckFor is how long lanes whose place is to be mended by people stand still before they look again.
const stuckFor = 30 * time.Second

// mend says what people can do about the places of the lanes.
func (l *loop) mend(ctx context.Context) string {
	var places []kafka.TopicPartition
	for _, ln := range l.owned {
		for _, topic := range l.group.Topics() {
			places = append(places, kafka.TopicPartition{Topic: topic, Partition: ln.Number})
		}
	}
	ranges, err := l.ports.Kafka.Offsets(ctx, places)
	if err != nil {
		return fmt.Sprintf("restore what is lost (where the log begins is not known: %v)", err)
	}
	return "restore what is lost; or, to go on at the log's beginning, run in the database: " + mending(l.group.Name(), l.group.Topics(), l.owned, ranges) +
		fmt.Sprintf("; the lanes look again each %s", stuckFor)
}

// rest does nothing until ctx ends.
func (l *loop) rest(ctx context.Context) {
	for ctx.Err() == nil {
		l.bell.Wait(ctx, 0)
	}
}

// own claims the lanes, sends what their last owner may not have sent, and works until something goes wrong or ctx ends.
func (l *loop) own(ctx context.Context, a kafka.Assignment) (err error) {
	var s Store
	err = l.inTime(ctx, func(ctx context.Context) (err error) {
		s, err = l.ports.Open(ctx, l.group, l.partitions)
		return err
	})
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer s.Close()
	if err := l.inTime(ctx, func(ctx context.Context) error { return l.claim(ctx, s, a) }); err != nil {
		return err
	}
	defer func() {
		var stuck *placeError
		if ctx.Err() != nil || errors.As(err, &stuck) { // lanes that stand still kill nobody
			l.release()
		}
	}()
	// A batch is not cut off when the lanes are to be let go of: it gets a while to end, or nobody would know how it did.
	work, cut := l.ports.Machine.Outlive(ctx, graceful)
	defer cut()
	l.sends = newSends(l.ports, l.bell, l.log)
	defer l.sends.stop()
	l.effects = newEffects(l.ports.Machine, l.bell)
	defer l.effects.stop()
	for _, ln := range l.owned {
		l.sends.start([]*lane{ln})
	}
	if err := l.subscribe(ctx); err != nil {
		return l.asOwner(ctx, err)
	}
	defer l.feed.unsubscribe(l.queue)
	if err := l.inTime(ctx, l.lookForDeadlines); err != nil {
		return err
	}
	l.tell = map[kafka.TopicPartition]kafka.Offset{}
	(&batch{lanes: l.owned}).offsets(l.tell)
	l.metrics.lanes(len(l.owned))
	defer l.metrics.lanes(-len(l.owned))
	defer l.turns.pass(l)
	l.log.Info("claimed", "lanes", len(l.owned), "generation", a.Generation)
	if err := l.work(ctx, work, a); err != nil {
		return l.asOwner(ctx, err)
	}
	l.turns.pass(l) // who comes after it need not wait until it has let go
	return l.letGo(work, a)
}

// claim makes the lanes this loop's.
func (l *loop) claim(ctx context.Context, s Store, a kafka.Assignment) error {
	l.store, l.cache, l.swept = s, &cache{}, -sweepEvery
	l.shown = -tellEvery
	rows, err := s.Claim(ctx, a.Lanes, l.partitions, l.process)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	l.lanes, l.owned, l.claimedAt, l.claimedOn = map[int]*lane{}, nil, l.up(), l.now()
	for _, r := range rows {
		l.withoutOwn(r)
		ln := newLane(r)
		l.lanes[r.Number], l.owned = ln, append(l.owned, ln)
	}
	if deadly := l.deadlyDeadlines(); len(deadly) > 0 {
		l.log.Error("deadlines are left alone, for processes died while they handled them", "keys", deadly,
			"mend", fmt.Sprintf("once that is mended, stop the group, and run in the database: update %s.lanes set attempts = '{}'", schemaOf(l.group.Name())))
	}
	return nil
}

// asOwner is why the lanes can't go on. That their places are wrong is for their owner to say: this loop may have stood still
// since it claimed them, and another one read on.
func (l *loop) asOwner(ctx context.Context, err error) error {
	var stuck *placeError
	if !errors.As(err, &stuck) {
		return err
	}
	s := &Save{Working: l.newBatch().working, Now: l.now()}
	for _, ln := range l.owned {
		s.Lanes = append(s.Lanes, ln.Row)
	}
	return cmp.Or(l.inTime(ctx, func(ctx context.Context) error { return l.store.Save(ctx, s) }), err)
}

// inTime does something with the database that has to be done within databaseTime.
func (l *loop) inTime(ctx context.Context, do func(context.Context) error) error {
	timed, cancel := l.ports.Machine.Timeout(ctx, databaseTime)
	defer cancel()
	err := do(timed)
	if err != nil && timed.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("PostgreSQL took longer than %v: the connection is given up: %w", databaseTime, err)
	}
	return err
}

// subscribe finds where each lane goes on in each topic, and has the feed read from there. A topic that is new to a lane
// is read from its beginning.
func (l *loop) subscribe(ctx context.Context) error {
	var unknown []kafka.TopicPartition
	for _, ln := range l.owned {
		for _, topic := range l.group.Topics() {
			if _, known := ln.Next[topic]; !known {
				unknown = append(unknown, kafka.TopicPartition{Topic: topic, Partition: ln.Number})
			}
		}
	}
	if err := l.start(ctx, unknown); err != nil {
		return err
	}
	l.places = map[kafka.TopicPartition]*position{}
	var places []*position
	turn := 0
	if l.queue != nil {
		turn = l.queue.turn // what spoils each batch that begins with it need not be in the first of the next claim, too
	}
	l.queue = newQueue(l.group, l.laneNumbers(), l.QueueLimit, l.bell)
	l.queue.turn = turn
	for _, ln := range l.owned {
		for _, topic := range l.group.Topics() {
			tp := kafka.TopicPartition{Topic: topic, Partition: ln.Number}
			p := &position{TopicPartition: tp, queue: l.queue, next: ln.Next[topic]}
			l.places[tp] = p
			places = append(places, p)
		}
	}
	l.feed.subscribe(places)
	return nil
}

// start sets the offsets of what the lanes have never read: the beginning of the log. If Kafka remembers that the group has
// been further, the database is not the one that it was, and to begin again is not ours to decide.
func (l *loop) start(ctx context.Context, unknown []kafka.TopicPartition) error {
	if len(unknown) == 0 {
		return nil
	}
	committed, err := l.ports.Kafka.Committed(ctx, l.group.Name(), unknown)
	if err != nil {
		return fmt.Errorf("read the group's offsets: %w", err)
	}
	for _, tp := range unknown {
		if c := committed[tp]; c.Offset > 0 && c.Metadata != "" {
			return notInDatabase(l.group.Name(), tp, c.Offset)
		}
	}
	ranges, err := l.ports.Kafka.Offsets(ctx, unknown)
	if err != nil {
		return fmt.Errorf("read the log's offsets: %w", err)
	}
	for tp, r := range ranges {
		l.lanes[tp.Partition].Next[tp.Topic] = r.First
	}
	return nil
}

// work is the loop itself. It returns without an error when ctx ends; what it does it does under the other context.
func (l *loop) work(ctx, work context.Context, a kafka.Assignment) error {
	l.looks = l.nextTick()
	for ctx.Err() == nil {
		var busy bool
		err := l.inTime(work, func(ctx context.Context) (err error) {
			busy, err = l.turn(ctx, a)
			return err
		})
		if err != nil {
			return err
		}
		if idle := l.looks - l.up(); !busy && idle > 0 {
			l.bell.Wait(ctx, idle)
			l.looks = min(l.looks, l.nextTick()) // if it was rung for, its leisure is over
		}
	}
	return nil
}

// nextTick is when the loop looks around next.
func (l *loop) nextTick() time.Duration {
	return l.up() + tick - (l.up()+tick-l.slot)%tick
}

// turn does what there is to do now. It says whether there may be more.
func (l *loop) turn(ctx context.Context, a kafka.Assignment) (busy bool, err error) {
	l.acknowledged(l.sends.takeAcknowledged())
	if err := l.queue.failure(); err != nil {
		return false, err
	}
	if err := l.settleEffects(ctx); err != nil {
		return false, err
	}
	if err := l.performEffects(ctx); err != nil {
		return false, err
	}
	if l.up() >= l.looks {
		l.looks, l.ticks = l.nextTick(), true
		if err := l.lookAround(ctx, a); err != nil {
			return false, err
		}
	}
	return l.step(ctx)
}

// step handles one batch of what waits, if anything does.
func (l *loop) step(ctx context.Context) (busy bool, err error) {
	if busy, err = l.stepCarefully(ctx); err != nil {
		return busy, err
	}
	ready := func(e *event) bool { return !l.lanes[e.lane].sending && !l.suspects(l.lanes[e.lane], e.topic) }
	waiting, urgent := l.queue.waiting(ready)
	calm := urgent == 0 && waiting < l.MaxBatch // all of it can wait for company
	ticks := l.ticks
	l.ticks = false
	if waiting == 0 || calm && (!ticks || l.up()-l.stepped < linger/2) {
		l.turns.pass(l) // it may have a place in the line, and those behind it wait
		return busy, nil
	}
	if !l.turns.take(l) {
		l.ticks = ticks
		return busy, nil
	}
	defer l.turns.pass(l)
	l.stepped = l.up()
	if calm {
		defer func() { l.looks = l.nextTick() }() // also after a batch that took longer: or it would drift into another loop's moment
	}
	return true, l.handle(ctx, l.take(l.searches[ofEvent].limit, ready))
}

// handle handles events in one batch.
func (l *loop) handle(ctx context.Context, events []*event) error {
	b := l.newBatch()
	b.tasks = make([]task, 0, len(events))
	for _, e := range events {
		b.add(l.judged(e))
	}
	return l.finish(ctx, b)
}

// take takes events that are ready. A queue that was full has room again for what the feed has held back.
func (l *loop) take(limit int, ready func(*event) bool) []*event {
	events, full := l.queue.take(limit, ready)
	if full && len(events) > 0 {
		l.feed.poke()
	}
	return events
}

// finish runs a batch, commits it, and sends what it said.
func (l *loop) finish(ctx context.Context, b *batch) error {
	began := l.up()
	err := b.run(ctx, l.store)
	if err == nil {
		err = b.commit(ctx, l.store)
	}
	if err != nil {
		l.suspect(b, err)
		if tooSlow(err) || ctx.Err() != nil {
			l.shorten(b, err)
		}
		return err
	}
	if len(b.tasks) > 0 { // what only notes or clears something says nothing of how it is with documents
		l.saved++
	}
	l.clear(b)
	for _, forget := range b.survived {
		forget()
	}
	l.metrics.batch(len(b.tasks), l.up()-began)
	if !b.soonest.IsZero() && (l.due.IsZero() || b.soonest.Before(l.due)) {
		l.due = b.soonest
	}
	if len(b.requests) > 0 {
		l.effects.due = l.up()
	}
	b.offsets(l.tell)
	l.lastUse = l.up()
	l.sends.start(b.lanes)
	return nil
}

func (l *loop) acknowledged(lanes []*lane) {
	for _, ln := range lanes {
		ln.sending = false
	}
}

// ahead is what the loop has before it.
func (l *loop) ahead() (b backlog) {
	for tp, end := range l.feed.ends(l.places) {
		b.unread += max(0, end-l.lanes[tp.Partition].Next[tp.Topic])
	}
	for _, ln := range l.owned {
		for _, n := range ln.Parked {
			b.parked += int64(n)
		}
	}
	return b
}

func (l *loop) showBacklog(is backlog) {
	l.metrics.backlog(l.backlog, is)
	l.backlog = is
}

// lookAround does what no event brings.
func (l *loop) lookAround(ctx context.Context, a kafka.Assignment) error {
	if err := l.fireDeadlines(ctx, l.now()); err != nil {
		return err
	}
	if err := l.outlive(ctx); err != nil {
		return err
	}
	if err := l.grantWishes(ctx); err != nil {
		return err
	}
	if err := l.sweepMarks(ctx); err != nil {
		return err
	}
	if l.up()-l.forgot >= forgetEvery {
		l.forgot = l.up()
		for _, ln := range l.owned {
			ln.forget()
		}
	}
	if l.up()-l.shown >= tellEvery {
		l.shown = l.up()
		l.showBacklog(l.ahead())
	}
	if l.up()-l.told >= tellEvery && len(l.tell) > 0 {
		l.tellOffsets(ctx, a)
	}
	if l.up()-l.lastUse < tellEvery {
		return nil
	}
	if err := l.clearOutboxes(ctx); err != nil {
		return err
	}
	l.looks += l.leisure()
	return nil
}

// leisure is how much later than at the next tick the loop may look around, which has not worked for a while. A process has dozens of
// loops, each of which would wake it ten times a second.
func (l *loop) leisure() time.Duration {
	waiting, _ := l.queue.waiting(func(*event) bool { return true })
	died := slices.ContainsFunc(l.owned, func(ln *lane) bool { return ln.Deaths > 0 })
	if waiting > 0 || died || l.performs {
		return 0
	}
	if l.due.IsZero() {
		return maxLeisure
	}
	return max(0, min(maxLeisure, l.due.Sub(l.now())).Truncate(tick))
}
