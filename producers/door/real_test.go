package door

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tiffin/internal/testservers"
	"tiffin/producers/door/spool"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// flushTime is how long a door may take at its last stop, after which all must be on Kafka: a busy machine needs more than the ten seconds
// that a process has.
const flushTime = time.Minute

// realKafka is a client of an Apache Kafka, with the topics under a prefix of this test's.
func realKafka(t *testing.T, addr, prefix string) *kafka.Client {
	t.Helper()
	client, err := kafka.Open(kafka.Config{Brokers: []string{addr}, TopicPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var specs []kafka.TopicSpec
	for _, name := range topics {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: partitions})
	}
	if err := client.CreateTopics(t.Context(), specs, 1); err != nil {
		t.Fatal(err)
	}
	return client
}

// numbered is the n-th fact of a key: it names itself in a member.
func numbered(key string, n int) saga.Fact {
	return schemas.OrderPlaced{
		OrderID: key, CustomerID: strconv.Itoa(n), RestaurantID: "r",
		Items: []schemas.Item{{SKU: "dosa", Quantity: 1}},
	}
}

// history is what receivers have of Kafka's log: copies dropped, the facts of each key in order.
type history struct {
	numbers map[string][]int // of each key
	lanes   map[string]bool
	copies  int
}

// readHistory reads the log as a receiver does, and fails the test where a lane has a gap, one number for two facts, or facts of a key are out of order.
func readHistory(t *testing.T, client *kafka.Client) history {
	t.Helper()
	h := history{map[string][]int{}, map[string]bool{}, 0}
	for tp, records := range readAll(t, client) {
		ids := map[string][]string{} // of each lane, by number
		for i := range records {
			envelope, mark, err := wire.Decode(&records[i])
			if err != nil {
				t.Fatal(err)
			}
			h.lanes[mark.Lane] = true
			seen := ids[mark.Lane]
			switch last := int64(len(seen)); {
			case mark.Number > last+1:
				t.Fatalf("%v: %s comes after %d: a gap", tp, mark, last)
			case mark.Number <= last:
				h.copies++
				if seen[mark.Number-1] != envelope.ID {
					t.Fatalf("%v: %s is the number of two facts", tp, mark)
				}
				continue
			}
			ids[mark.Lane] = append(seen, envelope.ID)
			order, err := schemas.DecodeAs[schemas.OrderPlaced](records[i].Value)
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(order.CustomerID)
			if err != nil {
				t.Fatal(err)
			}
			all := h.numbers[order.OrderID]
			if len(all) > 0 && all[len(all)-1] >= n {
				t.Fatalf("%s: fact %d comes after %d", order.OrderID, n, all[len(all)-1])
			}
			h.numbers[order.OrderID] = append(all, n)
		}
	}
	return h
}

const childVariable = "TIFFIN_DOOR_TEST_CHILD" // brokers, prefix, folder, first number, what is slow: the process is a child of a test

// slowDisk takes its time before it writes, so that a kill finds much that waits for it.
type slowDisk struct{ spool.Disk }

func (d slowDisk) Open(path string) (spool.File, error) {
	f, err := d.Disk.Open(path)
	return slowFile{f}, err
}

func (d slowDisk) Create(path string) (spool.File, error) {
	f, err := d.Disk.Create(path)
	return slowFile{f}, err
}

type slowFile struct{ spool.File }

func (f slowFile) WriteAt(b []byte, offset int64) (int, error) {
	if len(b) < 1<<20 { // not where a segment is made
		<-time.After(3 * time.Millisecond)
	}
	return f.File.WriteAt(b, offset)
}

// slowKafka takes its time before it takes anything.
type slowKafka struct{ *kafka.Client }

func (k slowKafka) Produce(ctx context.Context, records []kafka.Record) error {
	<-time.After(60 * time.Millisecond)
	return k.Client.Produce(ctx, records)
}

// childMain accepts facts as fast as it can, on a spool of the test's, and prints each that was accepted, until it is killed.
func childMain(arguments string) error {
	a := strings.Split(arguments, " ")
	client, err := kafka.Open(kafka.Config{Brokers: a[:1], TopicPrefix: a[1]})
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(a[3])
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	cfg := DiskConfig{Kafka: client, Topics: topics, Spool: spool.Config{Dir: a[2], LimitBytes: 8 << 20}}
	switch a[4] {
	case "disk":
		cfg.Spool.FS = slowDisk{}
	case "kafka":
		cfg.Kafka = slowKafka{client}
	}
	d := NewDisk(cfg)
	for worker := range 16 {
		go func() {
			<-d.Started()
			key := fmt.Sprint("key-", worker)
			for n := first; ; n++ {
				if err := d.Accept(ctx, Origin{API: "a"}, numbered(key, n)); err == nil {
					fmt.Printf("%s %d\n", key, n)
				} else if errors.Is(err, context.Canceled) {
					return
				}
			}
		}()
	}
	return d.Run(ctx)
}

// TestKilledFiftyTimes: P1. Whatever the moment, what was accepted is in Kafka after the next start: once in effect, in order, without gaps.
func TestKilledFiftyTimes(t *testing.T) {
	addr, prefix, dir := testservers.Kafka(t), testservers.Name("door")+".", t.TempDir()
	client := realKafka(t, addr, prefix)
	promised := map[string][]int{}
	const rounds = 50
	for round := range rounds {
		slow := []string{"nothing", "disk", "kafka"}[round%3]
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d %s", childVariable, addr, prefix, dir, round*1_000_000, slow))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		count := 0
		for lines.Scan() {
			key, text, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.Atoi(text)
			if err != nil {
				break // cut off
			}
			promised[key] = append(promised[key], n)
			if count++; count == 1 {
				time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = child.Process.Kill() })
			}
		}
		if err := child.Wait(); err == nil || count == 0 {
			t.Fatalf("round %d: %d facts were accepted, and the process ended with %v", round, count, err)
		}
	}
	_, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: dir}, StopTimeout: flushTime})
	if err := stop(); err != nil { // it flushes
		t.Fatal(err)
	}
	total := 0
	h := readHistory(t, client)
	for key, numbers := range promised {
		total += len(numbers)
		there := map[int]bool{}
		for _, n := range h.numbers[key] {
			there[n] = true
		}
		for _, n := range numbers {
			if !there[n] {
				t.Errorf("%s: fact %d was accepted, and is not there", key, n)
			}
		}
	}
	t.Logf("%d facts were accepted in %d lives; Kafka has %d lanes and %d copies", total, rounds, len(h.lanes), h.copies)
	if len(h.lanes) < rounds/2 {
		t.Errorf("only %d lanes in the log: the processes died too early to prove anything", len(h.lanes))
	}
}

// load accepts facts from several callers until it is stopped, each with a key of its own, and counts what became of them.
type load struct {
	accepted, refused, other atomic.Int64
	last                     []atomic.Int64 // the last fact accepted of each caller
	end                      context.CancelFunc
	calling                  sync.WaitGroup
}

func startLoad(d *Disk, callers int, pause time.Duration) *load {
	ctx, end := context.WithCancel(context.Background())
	l := &load{end: end, last: make([]atomic.Int64, callers)}
	for caller := range callers {
		l.calling.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for n := 1; ; n++ {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
				var u *Unavailable
				switch err := d.Accept(context.Background(), Origin{API: "a"}, numbered(fmt.Sprint("caller-", caller), n)); {
				case err == nil:
					l.accepted.Add(1)
					l.last[caller].Store(int64(n))
				case errors.As(err, &u) && u.Cause == Full && !u.Unsure:
					l.refused.Add(1)
				default:
					l.other.Add(1)
				}
			}
		})
	}
	return l
}

func (l *load) stop() {
	l.end()
	l.calling.Wait()
}

// awayVariable is how long Kafka is away in the next test. Defaults to 20 s.
const awayVariable = "TIFFIN_DOOR_AWAY"

// TestKafkaAway: P1 and P6. Under load, with Kafka gone for long, nobody is refused, memory does not grow, and everything is there afterwards, in order.
func TestKafkaAway(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	away := 20 * time.Second
	if text := os.Getenv(awayVariable); text != "" {
		var err error
		if away, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	private := testservers.StartKafka(t)
	client := realKafka(t, private.Addr(), "")
	d, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: t.TempDir(), LimitBytes: 2 << 30}, StopTimeout: flushTime})
	l := startLoad(d, 8, time.Millisecond)
	until(t, "accepting", func() bool { return l.accepted.Load() > 1000 })
	before, rate := heap(), l.accepted.Load()
	private.Kill()
	gone := time.Now()
	most := before
	until(t, "the end of the outage", func() bool {
		most = max(most, heap())
		return time.Since(gone) > away
	})
	rate = l.accepted.Load() - rate
	backlog := d.spool.Stats()
	private.Start()
	until(t, "the backlog's end", func() bool { return d.spool.Stats().Records < 1000 })
	l.stop()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d facts in %v without Kafka, a backlog of %d MiB; heap %d MiB before, %d at most", rate, away, backlog.Bytes>>20, before>>20, most>>20)
	if l.refused.Load() > 0 || l.other.Load() > 0 {
		t.Errorf("%d refused, %d otherwise not accepted", l.refused.Load(), l.other.Load())
	}
	if most > before+32<<20 || rate < 1000 {
		t.Errorf("heap went from %d to %d bytes, with %d facts accepted", before, most, rate)
	}
	checkLoad(t, client, l)
}

// checkLoad: all that was accepted is there.
func checkLoad(t *testing.T, client *kafka.Client, l *load) {
	t.Helper()
	h := readHistory(t, client)
	total := 0
	for caller := range l.last {
		numbers := h.numbers[fmt.Sprint("caller-", caller)]
		total += len(numbers)
		if want := int(l.last[caller].Load()); len(numbers) == 0 || numbers[len(numbers)-1] != want {
			t.Errorf("caller %d: the last accepted was %d, the log ends otherwise", caller, want)
		}
	}
	if int64(total) != l.accepted.Load() {
		t.Errorf("%d facts in the log, %d were accepted", total, l.accepted.Load())
	}
}

// TestKafkaAwayWithASmallSpool: P6. At the limit callers are refused, and told so truthfully; when Kafka is back the door opens by itself.
func TestKafkaAwayWithASmallSpool(t *testing.T) {
	private := testservers.StartKafka(t)
	client := realKafka(t, private.Addr(), "")
	const limit = 1 << 20
	d, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: t.TempDir(), LimitBytes: limit}, StopTimeout: flushTime})
	private.Kill()
	l := startLoad(d, 8, time.Millisecond)
	until(t, "refusals", func() bool { return l.refused.Load() > 100 })
	checkUnavailable(t, d.Ready(t.Context()), Full, false)
	if s := d.spool.Stats(); s.DiskBytes > limit {
		t.Errorf("the spool takes %d bytes", s.DiskBytes)
	}
	full := l.accepted.Load()
	private.Start()
	until(t, "accepting again", func() bool { return l.accepted.Load() > full+1000 && d.Ready(t.Context()) == nil })
	l.stop()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if l.other.Load() > 0 {
		t.Errorf("%d answers were neither", l.other.Load())
	}
	checkLoad(t, client, l)
}

// TestOrderOverRestarts: P4. Facts of one key, accepted one after the other over several starts with Kafka away and back, arrive in that order.
func TestOrderOverRestarts(t *testing.T) {
	private := testservers.StartKafka(t)
	client := realKafka(t, private.Addr(), "")
	dir, n := t.TempDir(), 0
	for life := range 6 {
		d, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: dir}, StopTimeout: 100 * time.Millisecond})
		if life == 1 {
			private.Kill()
		}
		for range 200 {
			n++
			if err := d.Accept(t.Context(), Origin{API: "a"}, numbered("key", n)); err != nil {
				t.Fatal(err)
			}
		}
		if life == 4 {
			private.Start()
			until(t, "the backlog's end", func() bool { return d.spool.Stats().Records == 0 })
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	_, stop := openDisk(t, DiskConfig{Kafka: client, Spool: spool.Config{Dir: dir}, StopTimeout: flushTime})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if h := readHistory(t, client); len(h.numbers["key"]) != n || len(h.lanes) != 6 {
		t.Errorf("%d facts of %d, %d lanes", len(h.numbers["key"]), n, len(h.lanes))
	}
}

// until polls a condition, for as long as the outage may be and some more.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Minute)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: it does not come", what)
		}
	}
}

// heap is the memory that is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
