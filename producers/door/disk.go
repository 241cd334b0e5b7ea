package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"tiffin/producers/door/spool"
	"tiffin/saga"
)

// DiskConfig configures a [Disk]. Kafka, Topics and Spool.Dir have to be set; the zero value of everything else works.
type DiskConfig struct {
	Kafka Kafka
	// Topics are those that facts may go to.
	Topics []string
	// Spool is where facts are kept, and how many. Its Logger and Synced are the door's.
	Spool spool.Config
	// AcceptTimeout is how long callers wait for the disk at most. Defaults to 5 s.
	AcceptTimeout time.Duration
	// StopTimeout is how long Run goes on sending when it is told to stop. What is left then is sent after the next
	// start. Defaults to 10 s.
	StopTimeout time.Duration
	// Metrics hears how it goes. Defaults to nobody.
	Metrics *Metrics
	// Logger hears of trouble with the disk and with Kafka. Defaults to silence.
	Logger *slog.Logger
}

// Disk is the [Door] that accepts on the local disk. Its [Disk.Run] must be running.
//
// Callers meet in groups (group.go), each of which is one write and one sync of the spool; the spool is sent to Kafka
// at once and in order (drain.go). What stands in the spool is, byte for byte, what Kafka gets, with its place in this
// door's lane: so what a start leaves behind is sent by the next one as it is, before anything else, and receivers
// recognise what had been sent already.
type Disk struct {
	cfg    DiskConfig
	log    *slog.Logger
	lane   string
	epoch  int64
	prefix string // of every mark of this door

	asking  atomic.Bool // Kafka is asked for the topics
	started chan struct{}
	spool   *spool.Log // this and the next are set before started is closed, and never changed after
	topics  layout
	targets map[string]int // where in numbers a topic's partitions begin
	limit   int            // bytes of a group

	mu      sync.Mutex
	current *group  // what callers join
	numbers []int64 // the last given, of each topic and partition
	busy    float64 // about how many callers there are at once
	silent  bool    // the disk does not answer
	shut    error   // why nothing is taken any more

	kick    chan struct{} // the current group has its first caller
	enough  chan struct{} // it has as many as it waits for
	closing chan struct{} // closed when shut is set

	writings sync.Pool // of *writing

	// The committer's:
	cutting []int64 // numbers as of the group that is being written
	lasting []int64 // numbers as of the last group that is on the disk
	spare   []byte  // of the group before

	// The sender's:
	due      chan struct{}         // there is as much to send as it waits for
	wanted   atomic.Int64          // how many bytes that is
	refusing atomic.Pointer[error] // why Kafka refuses a fact for good; nil if it does not
}

// NewDisk makes a door. It opens once Run has opened the spool and knows the topics.
func NewDisk(cfg DiskConfig) *Disk {
	cfg.AcceptTimeout = cmp.Or(cfg.AcceptTimeout, 5*time.Second)
	cfg.StopTimeout = cmp.Or(cfg.StopTimeout, 10*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	cfg.Spool.Logger, cfg.Spool.Synced = cfg.Logger, cfg.Metrics.fsynced
	d := &Disk{
		cfg:     cfg,
		log:     cfg.Logger,
		lane:    "door-" + uuid.NewString(),
		epoch:   time.Now().UnixMilli(),
		started: make(chan struct{}),
		current: newGroup(nil),
		kick:    make(chan struct{}, 1),
		enough:  make(chan struct{}, 1),
		closing: make(chan struct{}),
		due:     make(chan struct{}, 1),
	}
	d.prefix = d.lane + "/" + strconv.FormatInt(d.epoch, 10) + "/"
	d.wanted.Store(1)
	return d
}

// Lane is the name of the lane that the facts bear which this door accepts.
func (d *Disk) Lane() string { return d.lane }

// Started is closed when the door accepts.
func (d *Disk) Started() <-chan struct{} { return d.started }

// Ready returns nil if the door accepts, and Kafka takes what it has accepted, as far as is known. That Kafka is away is no
// reason not to be ready: the door is there for that.
func (d *Disk) Ready(context.Context) error {
	select {
	case <-d.started:
	default:
		return d.starting()
	}
	d.mu.Lock()
	shut, silent := d.shut, d.silent
	d.mu.Unlock()
	switch {
	case shut != nil:
		return shut
	case silent:
		return d.hanging()
	}
	if err := d.refusing.Load(); err != nil {
		return refusal(Refused, "Kafka refuses what has been accepted, and it waits: %w", *err)
	}
	if err := d.spool.Ready(typicalGroupBytes); err != nil {
		return ofSpool(err)
	}
	return nil
}

// starting says what a door that is not open yet waits for.
func (d *Disk) starting() error {
	if d.asking.Load() {
		return refusal(Starting, "its spool does not know yet how many partitions the topics have, and Kafka, which is asked that once, has not answered")
	}
	return refusal(Starting, "it is opening its spool")
}

// typicalGroupBytes is what a spool must have room for to be called ready.
const typicalGroupBytes = 4 << 10

// Accept implements [Door]. All facts of one call are in one group: they are on the disk together, or none of them is.
func (d *Disk) Accept(ctx context.Context, from Origin, facts ...saga.Fact) error {
	err := d.accept(ctx, from, facts)
	d.cfg.Metrics.count(len(facts), err)
	return err
}

func (d *Disk) accept(ctx context.Context, from Origin, facts []saga.Fact) error {
	select {
	case <-d.started:
	default:
		return d.starting()
	}
	if err := ctx.Err(); err != nil {
		return refusal(TimeOut, "the caller has gone: %w", err)
	}
	w, _ := d.writings.Get().(*writing)
	if w == nil {
		w = new(writing)
	}
	defer d.writings.Put(w)
	if err := d.write(w, from, facts); err != nil || len(w.entries) == 0 {
		return err
	}
	g, err := d.join(w)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
	}
	select {
	case <-g.done: // in the last moment
		return g.err
	default:
		return unsure(TimeOut, "the disk has not taken it in time: %w", ctx.Err())
	}
}

// errHangs ends a door whose disk does not answer, and leaves behind what hangs in it.
var errHangs = errors.New("door: the disk does not answer; what it was given last may be on it or not, and nobody was told that it is")

// closeTimeout is how long the disk may take for what is under way when the time to send is over.
const closeTimeout = 500 * time.Millisecond

// Run opens the spool, learns the topics, and then accepts and sends, until ctx ends. Then the door refuses, and Run sends what is
// left, for DiskConfig.StopTimeout at most; the rest stays for the next start, which is no error. It fails early if the spool
// can't be opened, above all because it is damaged or another process has it, or if a topic does not exist or has another
// number of partitions than before. All its goroutines are gone when it returns, unless the disk hangs. Call it once.
func (d *Disk) Run(ctx context.Context) error {
	defer d.close(refusal(Stopping, "it has been shut"))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sending, cut := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx, by StopTimeout at most
	defer cut()
	defer context.AfterFunc(ctx, func() {
		d.close(refusal(Stopping, "it is being shut"))
		time.AfterFunc(d.cfg.StopTimeout, cut)
	})()
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, stop, sending) }()
	select {
	case err := <-ended:
		return err
	case <-sending.Done():
	}
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C: // whoever waits for the disk is left behind
		return errHangs
	}
}

// run is Run as long as the disk answers. It calls stop if the door can't go on.
func (d *Disk) run(ctx context.Context, stop func(), sending context.Context) (err error) {
	log, err := spool.Open(ctx, d.cfg.Spool)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("door: %w", err)
	}
	defer func() {
		if failed := log.Close(); failed != nil {
			err = errors.Join(err, fmt.Errorf("door: %w", failed))
		}
	}()
	topics, complete, err := recall(d.cfg.Spool.Dir, d.cfg.Topics)
	if err == nil && !complete {
		d.asking.Store(true)
		topics, err = d.learn(ctx, topics)
	}
	if err != nil || topics == nil {
		return err
	}
	d.open(log, topics)
	return d.work(ctx, stop, sending)
}

// open lets callers in.
func (d *Disk) open(log *spool.Log, topics layout) {
	d.spool, d.topics, d.targets = log, topics, map[string]int{}
	count := 0
	for name, partitions := range topics {
		d.targets[name] = count
		count += partitions
	}
	d.numbers, d.cutting, d.lasting = make([]int64, count), make([]int64, count), make([]int64, count)
	d.limit = min(maxGroupBytes, log.MaxGroupBytes())
	d.cfg.Metrics.spool.Store(log)
	close(d.started)
}

// work accepts and sends until ctx ends and what can be sent has been.
func (d *Disk) work(ctx context.Context, stop func(), sending context.Context) error {
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		d.commitAll()
	}()
	err := d.drain(sending, committed)
	if err != nil {
		d.close(refusal(Failed, "it can't send what it accepts"))
		stop()
	}
	<-committed
	<-ctx.Done() // if what was accepted can't be read any more, callers have been told, and Run itself says nothing
	if left := d.spool.Stats().Records; left > 0 {
		d.log.Info("door: stopped; the rest is sent after the next start", "facts", left)
	}
	return err
}

// close refuses callers from now on. What the current group has is committed still.
func (d *Disk) close(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut == nil {
		d.shut = why
		close(d.closing)
	}
}
