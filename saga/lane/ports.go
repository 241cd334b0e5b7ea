package lane

import (
	"context"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// Ports are all ways by which the loops of a process meet the world. [Run] gives them real servers and the machine that it
// runs on; the simulator gives them a world of its own, and so drives this very code.
type Ports struct {
	Kafka Broker
	// Open connects to the database of a group.
	Open    func(ctx context.Context, g *saga.Group, partitions int) (Store, error)
	Machine Machine
}

// Broker is what a process needs of Kafka: a [*kafka.Client] is one.
type Broker interface {
	Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error)
	CheckClocks(ctx context.Context, topics ...string) error
	Join(ctx context.Context, m kafka.Membership) error
	Committed(ctx context.Context, group string, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.CommittedOffset, error)
	Offsets(ctx context.Context, partitions []kafka.TopicPartition) (map[kafka.TopicPartition]kafka.OffsetRange, error)
	ByLeader(positions []kafka.Position) []kafka.Led
	Fetch(ctx context.Context, positions []kafka.Position, o kafka.FetchOptions) ([]kafka.Fetched, error)
	Produce(ctx context.Context, records []kafka.Record) error
}

// Store is one connection of one loop to its group's tables. A new one claims before it saves anything. Whatever goes wrong
// with it, it is closed, and with it everything that was read from it is forgotten.
type Store interface {
	// Claim makes the lanes this connection's, with a higher epoch, so that whatever an earlier owner still saves fails; and
	// ends an owner that holds locks and does nothing. The rows come in the order of their numbers.
	Claim(ctx context.Context, lanes []int, partitions int, owner string) ([]*Row, error)
	// Release lets go of lanes in good order: the next owner need not suspect their events. It does nothing to lanes that
	// another has claimed.
	Release(ctx context.Context, claimed []Claimed) error
	// Load adds documents to the working set; of those that are sharded, the part with this number. The first one of a batch opens its
	// transaction: one of a group with rows that several lanes share waits for others of the group to end.
	Load(ctx context.Context, w *saga.Working, needs []saga.Need, shard int) error
	// Save writes what a batch has made of it all and commits, or fails and changes nothing: with [ErrFenced] if the epoch
	// of one of its lanes has moved on. After any other error nobody knows.
	Save(ctx context.Context, s *Save) error

	// Nearest is when the nearest deadline of these lanes is; the zero time if there is none. A wait of an earlier version, whose
	// Else the group has no more, has none: nothing would end it, and as the oldest it would stand before all others for ever.
	Nearest(ctx context.Context, lanes []int) (time.Time, error)
	// Due are acts of these lanes whose deadline has passed, the earliest first; without those of keys that are parked, and of
	// these others: what can't fire must not stand before what can.
	Due(ctx context.Context, lanes []int, now time.Time, without []string, limit int) ([]Due, error)
	// Sweep deletes acts of these lanes that are nothing but a mark which had expired at that time, and returns their keys; not those of
	// keys that are parked: what the mark bars may be among their events.
	Sweep(ctx context.Context, claimed []Claimed, until time.Time) ([]string, error)

	// Wishes are what people want to be done with parked keys of these lanes, in the order in which they asked.
	Wishes(ctx context.Context, lanes []int) ([]Wished, error)
	// ReadParked reads a key's parked events, in order.
	ReadParked(ctx context.Context, lane int, key string, limit int) ([]ParkedEvent, error)

	// DueEffects are effects of these lanes that are to be performed now, without those that are under way.
	DueEffects(ctx context.Context, lanes []int, now time.Time, underWay []string, limit int) ([]EffectRow, error)
	// Retry notes that attempts of effects have failed, and when the next ones are due. Like HoldEffect it does nothing to effects of
	// lanes that another has claimed.
	Retry(ctx context.Context, claimed []Claimed, failed []FailedEffect) error
	// HoldEffect sets an effect aside until a person looks at it.
	HoldEffect(ctx context.Context, claimed []Claimed, id, reason string) error

	Close()
}

// Machine is what a process runs on: its clocks, its chance, and what goes on beside each other in it.
type Machine interface {
	// Now is the time of day, which may jump, and differs from what other machines say.
	Now() time.Time
	// Up is how long the machine has been up: it never jumps.
	Up() time.Duration
	// Uint64 is a random number.
	Uint64() uint64
	// NewID is an id that nobody else has.
	NewID() string
	// Pause waits, or returns when ctx ends.
	Pause(ctx context.Context, d time.Duration)
	// Cancel is a context that ends with ctx, or when the function is called.
	Cancel(ctx context.Context) (context.Context, context.CancelFunc)
	// Timeout is a context that ends with ctx, after d, or when the function is called.
	Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Outlive is a context that ends d after ctx has, or when the function is called.
	Outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	Bell() Bell
	Tasks() Tasks
}

// Bell wakes whoever waits for it; there is one at most.
type Bell interface {
	// Ring wakes, or lets the next Wait return at once.
	Ring()
	// Wait returns once it has rung, after d, or when ctx ends. No d (0) is no limit.
	Wait(ctx context.Context, d time.Duration)
}

// Tasks run beside whoever starts them. A [*sync.WaitGroup] is such.
type Tasks interface {
	Go(func())
	Wait()
}

// Row is a lane as its row in the database has it.
type Row struct {
	Number     int
	Partitions int
	Epoch      int64
	Next       map[string]int64 // topic -> next offset
	Numbers    map[string]int64 // "topic/partition" -> last number said
	Marks      map[string]Mark  // "sender lane topic" -> last seen
	Strangers  []Stranger
	Met        bool // Strangers has changed: else a save need not write it
	Gaps       int64
	Outbox     []kafka.Record // said in the last batch, not known to be acknowledged
	Attempts   map[string]int // what is handled alone, and how many owners have tried and not said that it is done
	Deaths     int            // how many owners in a row died before they got on

	Parked map[string]int // key -> events that wait; read by a claim, and saved as events
}

// Claimed is a lane and the epoch under which it was claimed.
type Claimed struct {
	Lane  int
	Epoch int64
}

// Save is what a batch changes, all at once or nothing.
type Save struct {
	Lanes []*Row
	// Working has the documents that have changed, and the rows of journals.
	Working *saga.Working
	Now     time.Time

	Park   []ParkedEvent // without positions
	Unpark []int64       // positions
	Blame  []ParkedEvent // a new reason for one that stays, by position
	// Granted is a wish that was granted; if it is to go on, it becomes the wish to redrive, otherwise it goes.
	Granted *Wished
	GoOn    bool

	Requests  []EffectRow
	Performed []string // ids of effects that have come to an outcome
}

// ParkedEvent is an event that waits because its key is parked.
type ParkedEvent struct {
	Position int64
	Lane     int
	Key      string
	Type     string
	Topic    string
	Offset   int64
	Record   kafka.Record
	Reason   string    // empty: it waits behind another
	At       time.Time // when the broker appended it
}

// Wished is what a person wants to be done with a parked key: [Redrive] or [Discard].
type Wished struct {
	Lane      int
	Key, Wish string
}

// Due is an act whose deadline has passed.
type Due struct {
	Key     string
	Lane    int
	Until   time.Time
	Waiting string
	Started *time.Time
	Trace   string
}

// EffectRow is an effect that was requested and has not come to an outcome.
type EffectRow struct {
	ID             string
	Lane           int
	Key, Effect    string
	Request, Cause []byte // JSON; the cause is the envelope of the event that requested it
	Until          time.Time
	Attempts       int
	Next           time.Time
}

// FailedEffect is an attempt that failed, and when the next one is due.
type FailedEffect struct {
	ID      string
	Next    time.Time
	Failure string
}
