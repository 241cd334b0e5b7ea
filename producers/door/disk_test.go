package door

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/producers/door/spool"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

// openDisk runs a door until the test ends or stop is called, which returns what Run returned.
func openDisk(t *testing.T, cfg DiskConfig) (d *Disk, stop func() error) {
	t.Helper()
	if cfg.Topics == nil {
		cfg.Topics = topics
	}
	if cfg.Spool.LimitBytes == 0 {
		cfg.Spool.LimitBytes = 8 << 20
	}
	d = NewDisk(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err // for who asks again
		return err
	}
	t.Cleanup(func() { _ = stop() }) // the tests that care have called it
	select {
	case <-d.Started():
	case err := <-ended:
		t.Fatalf("the door does not open: %v", err)
	case <-time.After(patience):
		t.Fatal("the door does not open")
	}
	return d, stop
}

// diskScript runs a scenario against a door on this machine's disk, with a scripted Kafka, where time is free.
func diskScript(t *testing.T, scenario func(t *testing.T, dir string, s *scripted)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { scenario(t, dir, newScripted()) })
}

// bring has facts about the orders accepted, one after the other.
func bring(t *testing.T, d *Disk, orderIDs ...string) {
	t.Helper()
	for _, id := range orderIDs {
		if err := d.Accept(t.Context(), Origin{API: "a"}, accepted(id)); err != nil {
			t.Fatalf("Accept of %s: %v", id, err)
		}
	}
}

// unpack takes an encoded record apart.
func unpack(t *testing.T, r kafka.Record) kafka.Record {
	t.Helper()
	b := r.Encoded
	varint := func() int {
		v, n := binary.Varint(b)
		if n <= 0 {
			t.Fatalf("%x is no record", r.Encoded)
		}
		b = b[n:]
		return int(v)
	}
	take := func() []byte {
		n := varint()
		if n < 0 || n > len(b) {
			t.Fatalf("%x is no record", r.Encoded)
		}
		piece := b[:n]
		b = b[n:]
		return piece
	}
	u := kafka.Record{Topic: r.Topic, Partition: r.Partition, Key: take(), Value: take()}
	for range varint() {
		name := take()
		u.Headers = append(u.Headers, kafka.Header{Key: string(name), Value: take()})
	}
	if len(b) > 0 {
		t.Fatalf("%x has %d bytes too many", r.Encoded, len(b))
	}
	return u
}

// expectOf waits for a request and compares it: lane and number of each record, "old" and "new" being the names of the lanes.
func (s *scripted) expectOf(t *testing.T, lanes map[string]string, want ...string) {
	t.Helper()
	var got []string
	for _, r := range <-s.requests {
		u := unpack(t, r)
		_, mark, err := wire.Decode(&u)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s/%s/%d", lanes[mark.Lane], u.Key, mark.Number))
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
}

// closedFor checks an error of Accept.
func checkUnavailable(t *testing.T, err error, cause Cause, unsure bool) {
	t.Helper()
	var u *Unavailable
	if !errors.As(err, &u) || !errors.Is(err, ErrUnavailable) || u.Cause != cause || u.Unsure != unsure {
		t.Errorf("got %v, want cause %s, unsure %t", err, cause, unsure)
	}
}

// TestDiskWaitsForNobody: a fact is accepted whatever Kafka does, and leaves at once after a silence.
func TestDiskWaitsForNobody(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes := map[string]string{d.Lane(): "new"}
		start := time.Now()
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		bring(t, d, "o2", "o3") // while Kafka has not answered
		if took := time.Since(start); took > 10*time.Millisecond {
			t.Errorf("accepting and sending took %v", took)
		}
		s.answers <- nil
		s.expectOf(t, lanes, "new/o2/2", "new/o3/3")
		if took := time.Since(start); took < requestEvery || took > 2*requestEvery {
			t.Errorf("the second request came after %v, want about %v", took, requestEvery)
		}
		s.answers <- nil
		time.AfterFunc(time.Hour, func() { nudge(d.due) }) // a signal without anything to send is passed over
		bring(t, d, "o4")
		s.expectOf(t, lanes, "new/o4/4")
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o5")), Stopping, false)
		checkUnavailable(t, d.Ready(t.Context()), Stopping, false)
	})
}

// TestDiskDoesNotPauseWhenMuchWaits: half a chunk leaves without a pause.
func TestDiskDoesNotPauseWhenMuchWaits(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, _ := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		start := time.Now()
		bring(t, d, "o1")
		<-s.requests
		facts := accept(d, t.Context(), manyIDs(6000)...)
		fine(t, facts)
		s.answers <- nil
		total := 0
		for total < 6000 {
			records := <-s.requests
			total += len(records)
			s.answers <- nil
		}
		if took := time.Since(start); took > busyEvery {
			t.Errorf("it took %v", took)
		}
	})
}

// TestDiskAsksLessOftenWhenBusy: behind a request with much in it the next one is later.
func TestDiskAsksLessOftenWhenBusy(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, _ := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		bring(t, d, "o1")
		<-s.requests
		fine(t, accept(d, t.Context(), manyIDs(busyFacts)...))
		s.answers <- nil
		<-s.requests
		start := time.Now()
		bring(t, d, "o2")
		s.answers <- nil
		<-s.requests
		s.answers <- nil
		if took := time.Since(start); took != busyEvery {
			t.Errorf("it took %v", took)
		}
	})
}

func manyIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("order-", i))
	}
	return ids
}

// TestDiskSendsAgain: what is not acknowledged is sent again with lane, epoch and number, and nothing of what came later overtakes it.
func TestDiskSendsAgain(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes := map[string]string{d.Lane(): "new"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		bring(t, d, "o2", "o3", "o4")
		s.answers <- io.EOF
		s.expectOf(t, lanes, "new/o1/1")
		s.answers <- &kafka.ProduceError{Unknown: []int{0}, Err: io.EOF}
		s.expectOf(t, lanes, "new/o1/1")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o2/2", "new/o3/3", "new/o4/4")
		bring(t, d, "o5")
		s.answers <- &kafka.ProduceError{Acknowledged: []int{0}, Unknown: []int{1, 2}, Err: io.EOF}
		s.expectOf(t, lanes, "new/o3/3", "new/o4/4")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o5/5")
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskKeepsWhatKafkaRefuses: it was promised. It holds up the rest, and the door says so, until Kafka takes it.
func TestDiskKeepsWhatKafkaRefuses(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes := map[string]string{d.Lane(): "new"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		bring(t, d, "o2", "o3")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o2/2", "new/o3/3")
		for range 3 {
			s.answers <- &kafka.ProduceError{Refused: []kafka.Refusal{{Index: 0, Err: kafka.ErrNotAuthorized}}, Unknown: []int{1}, Err: kafka.ErrNotAuthorized}
			s.expectOf(t, lanes, "new/o2/2", "new/o3/3")
			err := d.Ready(t.Context())
			checkUnavailable(t, err, Refused, false)
			if !strings.Contains(err.Error(), "kitchen/0") {
				t.Errorf("it does not say where: %v", err)
			}
		}
		bring(t, d, "o4")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o4/4")
		if err := d.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskSendsTheOldTailFirst: under its own lane and numbers, after a start for which Kafka is not needed.
func TestDiskSendsTheOldTailFirst(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}, StopTimeout: time.Second})
		lanes := map[string]string{d.Lane(): "old"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "old/o1/1")
		bring(t, d, "o1", "o2")
		s.answers <- nil
		start := time.Now()
		s.expectOf(t, lanes, "old/o1/2", "old/o2/3")
		if err := stop(); err != nil { // the answer does not come
			t.Errorf("Run with something left: %v", err)
		}
		if took := time.Since(start); took < time.Second || took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}

		s.away = 3
		d, stop = openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes[d.Lane()] = "new"
		bring(t, d, "o1") // before Kafka is there
		s.expectOf(t, lanes, "old/o1/2", "old/o2/3", "new/o1/1")
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(lanes) != 2 {
			t.Error("the second start has the lane of the first")
		}
	})
}

// TestDiskFlushesAtTheStop: what was accepted leaves before Run returns, when Kafka takes it.
func TestDiskFlushesAtTheStop(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes := map[string]string{d.Lane(): "new"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		bring(t, d, "o2")
		stopped := make(chan error, 1)
		go func() { stopped <- stop() }()
		synctest.Wait()
		s.answers <- nil
		s.expectOf(t, lanes, "new/o2/2")
		s.answers <- nil
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		r, err := spool.Check(dir)
		if err != nil || r.Groups != 0 {
			t.Errorf("the spool has %+v, %v", r, err)
		}
	})
}

// grown is a scripted Kafka in which somebody has added partitions to a topic.
type grown struct{ *scripted }

func (g grown) Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	infos, err := g.scripted.Topics(ctx, names...)
	if err == nil {
		infos[schemas.TopicKitchen] = kafka.TopicInfo{Partitions: 2}
	}
	return infos, err
}

func TestDiskRemembersItsTopics(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		bring(t, d, "o1")
		<-s.requests
		s.answers <- nil
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		run := func(cfg DiskConfig) error {
			cfg.Spool.Dir, cfg.Spool.LimitBytes = dir, 8<<20
			return NewDisk(cfg).Run(t.Context())
		}
		err := run(DiskConfig{Kafka: grown{s}, Topics: topics})
		if err == nil || !strings.Contains(err.Error(), "kitchen has 2 partitions, and had 1") || !strings.Contains(err.Error(), filepath.Join(dir, "topics")) {
			t.Errorf("a topic has grown: %v", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "topics"), []byte("{\"kitchen\":2,\"orders\":1}\n12345678\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(DiskConfig{Kafka: s, Topics: topics}); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("the file is damaged: %v", err)
		}
		if err := os.Remove(filepath.Join(dir, "topics")); err != nil {
			t.Fatal(err)
		}
		_, stop = openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}, Topics: []string{schemas.TopicKitchen}})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := run(DiskConfig{Kafka: grown{s}, Topics: topics}); err == nil || !strings.Contains(err.Error(), "kitchen has 2 partitions") {
			t.Errorf("a topic has grown, and another is new: %v", err)
		}
		s.away = 1 // a topic that is not remembered has to be asked for
		d, _ = openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		if s.away != 0 {
			t.Error("it did not ask Kafka")
		}
		bring(t, d, "o2")
		<-s.requests
		s.answers <- nil
	})
}

// TestTwoDoors: the second on one spool is refused, with what to do about it.
func TestTwoDoors(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		err := NewDisk(DiskConfig{Kafka: s, Topics: topics, Spool: spool.Config{Dir: dir}}).Run(t.Context())
		if !errors.Is(err, spool.ErrInUse) || !strings.Contains(err.Error(), "--spool-dir") || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
			t.Errorf("the second: %v", err)
		}
	})
}

// badDisk is this machine's disk with faults in the segments' files.
type badDisk struct {
	spool.Disk
	mu    sync.Mutex
	sync  error         // of every sync, or
	write error         // of every write
	hangs chan struct{} // syncs wait for it, if it is there
	stuck chan struct{} // and reads for this
}

func (b *badDisk) set(change func(*badDisk)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *badDisk) Open(path string) (spool.File, error) { return b.wrap(b.Disk.Open(path)) }

func (b *badDisk) Create(path string) (spool.File, error) { return b.wrap(b.Disk.Create(path)) }

func (b *badDisk) wrap(f spool.File, err error) (spool.File, error) {
	if err != nil {
		return nil, err
	}
	return &badFile{f, b}, nil
}

type badFile struct {
	spool.File
	disk *badDisk
}

func (f *badFile) WriteAt(b []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	err := f.disk.write
	f.disk.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, offset)
}

func (f *badFile) ReadAt(b []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	stuck := f.disk.stuck
	f.disk.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return f.File.ReadAt(b, offset)
}

func (f *badFile) Sync() error {
	f.disk.mu.Lock()
	err, hangs := f.disk.sync, f.disk.hangs
	f.disk.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	if err != nil {
		return err
	}
	return f.File.Sync()
}

// TestDiskFails: the caller who meets it is told that nobody knows, everybody after that they were refused. What was accepted
// before is sent. The next start finds out.
func TestDiskFails(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		disk := &badDisk{}
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir, FS: disk}})
		lanes := map[string]string{d.Lane(): "old"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "old/o1/1")
		bring(t, d, "o2")
		disk.set(func(b *badDisk) { b.sync = syscall.EIO })
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o3")), Failed, true)
		disk.set(func(b *badDisk) { b.sync = nil })
		err := d.Accept(t.Context(), Origin{}, accepted("o4"))
		checkUnavailable(t, err, Failed, false)
		if u := (*Unavailable)(nil); errors.As(err, &u) && u.RetryAfter != 5*time.Second {
			t.Errorf("try again after %v", u.RetryAfter)
		}
		checkUnavailable(t, d.Ready(t.Context()), Failed, false)
		s.answers <- nil
		s.expectOf(t, lanes, "old/o2/2")
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
		d, _ = openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		lanes[d.Lane()] = "new"
		bring(t, d, "o5")
		s.expectOf(t, lanes, "old/o3/3") // it was on the disk after all
		s.answers <- nil
		s.expectOf(t, lanes, "new/o5/1")
		s.answers <- nil
	})
}

// TestDiskIsFull: facts are refused and said to be; when there is room again, they are accepted, and the numbers have no gap.
func TestDiskIsFull(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		disk := &badDisk{}
		d, _ := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir, FS: disk}})
		lanes := map[string]string{d.Lane(): "new"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		disk.set(func(b *badDisk) { b.write = syscall.ENOSPC })
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o2")), Full, false)
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o3"), accepted("o4")), Full, false)
		disk.set(func(b *badDisk) { b.write = nil })
		bring(t, d, "o5")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o5/2")
		s.answers <- nil
	})
}

// TestSpoolIsFull: with Kafka away facts are accepted up to the limit, and then refused. When it is back, it opens by itself.
func TestSpoolIsFull(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir, LimitBytes: 256 << 10}})
		count := 0
		var err error
		for ; err == nil; count++ {
			err = d.Accept(t.Context(), Origin{}, accepted("o1"))
		}
		checkUnavailable(t, err, Full, false)
		checkUnavailable(t, d.Ready(t.Context()), Full, false)
		if count < 300 {
			t.Errorf("%d facts are all that 256 KiB take", count)
		}
		numbers := int64(0)
		for range 2 {
			for numbers < int64(count-1) {
				for _, r := range <-s.requests {
					u := unpack(t, r)
					_, mark, err := wire.Decode(&u)
					if numbers++; err != nil || mark.Number != numbers {
						t.Fatalf("%v comes after %d: %v", mark, numbers-1, err)
					}
				}
				s.answers <- nil
			}
			synctest.Wait()
			bring(t, d, "o1")
			count++
		}
		<-s.requests
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestTooManyAreNotToComeAgain: what an empty group has no room for is too much, and not to be tried again.
func TestTooManyAreNotToComeAgain(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, _ := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		taken := 0
		for d.limit = 1000; ; d.limit-- {
			err := d.Accept(t.Context(), Origin{API: "a"}, accepted("o1"))
			if errors.Is(err, ErrTooMany) {
				break
			}
			if taken++; err != nil {
				t.Fatalf("of %d bytes: %v", d.limit, err)
			}
		}
		if taken == 0 {
			t.Error("none is taken")
		}
	})
}

// TestDiskHangs: callers wait no longer than they want, nor than the door's own limit, and no number is lost.
func TestDiskHangs(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		disk := &badDisk{}
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir, FS: disk}})
		lanes := map[string]string{d.Lane(): "new"}
		bring(t, d, "o1")
		s.expectOf(t, lanes, "new/o1/1")
		synctest.Wait() // the next segment is made
		hangs := make(chan struct{})
		disk.set(func(b *badDisk) { b.hangs = hangs })
		start := time.Now()
		first := accept(d, t.Context(), "o2")
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		checkUnavailable(t, <-accept(d, hasty, "o3"), TimeOut, true)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the caller with a deadline of 1 s waited %v", took)
		}
		second := accept(d, t.Context(), "o4") // behind it
		checkUnavailable(t, <-first, TimeOut, true)
		checkUnavailable(t, <-second, Busy, false)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the callers waited %v", took)
		}
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o5")), Busy, false)
		checkUnavailable(t, d.Ready(t.Context()), Busy, false)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("one who came later waited until %v", took)
		}
		disk.set(func(b *badDisk) { b.hangs = nil })
		close(hangs)
		synctest.Wait()
		bring(t, d, "o6")
		s.answers <- nil
		s.expectOf(t, lanes, "new/o2/2", "new/o6/3")
		s.answers <- nil
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestAStopDoesNotWaitForADiskThatHangs, but for its time (P8), wherever it hangs.
func TestAStopDoesNotWaitForADiskThatHangs(t *testing.T) {
	for name, test := range map[string]struct {
		hang     func(b *badDisk, end chan struct{})
		accepted bool // what comes while it hangs
	}{
		"in a sync": {func(b *badDisk, end chan struct{}) { b.hangs = end }, false},
		"in a read": {func(b *badDisk, end chan struct{}) { b.stuck = end }, true},
	} {
		t.Run(name, func(t *testing.T) {
			diskScript(t, func(t *testing.T, dir string, s *scripted) {
				disk := &badDisk{}
				d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir, FS: disk}, StopTimeout: time.Second})
				synctest.Wait() // the next segment is made
				end := make(chan struct{})
				disk.set(func(b *badDisk) { test.hang(b, end) })
				first := accept(d, t.Context(), "o1")
				if test.accepted {
					fine(t, first)
				}
				checkHangs(t, stop)
				close(end) // so that what was left behind ends
				if err := <-first; err != nil {
					t.Errorf("the disk has it after all: %v", err)
				}
			})
		})
	}
}

// checkHangs: a stop gives up when its time is over.
func checkHangs(t *testing.T, stop func() error) {
	t.Helper()
	start := time.Now()
	if err := stop(); !errors.Is(err, errHangs) {
		t.Errorf("stopped with %v", err)
	}
	if took := time.Since(start); took != time.Second+closeTimeout {
		t.Errorf("the stop took %v", took)
	}
}

// The same goes for a start, which reads everything.
func TestAStopDoesNotWaitForAStartThatHangs(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		end := make(chan struct{})
		d := NewDisk(DiskConfig{Kafka: s, Topics: topics, StopTimeout: time.Second, Spool: spool.Config{Dir: dir, LimitBytes: 8 << 20, FS: &badDisk{hangs: end}}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		checkHangs(t, func() error { cancel(); return <-ended })
		close(end)
	})
}

// lateKafka has other partitions than are remembered, and says so when it is asked to.
type lateKafka struct {
	grown
	answer chan struct{}
}

func (k lateKafka) Topics(ctx context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	<-k.answer
	return k.grown.Topics(ctx, names...)
}

// A door that can't send ends by itself, also when the disk hangs meanwhile.
func TestADoorThatCantSendDoesNotWaitForADiskThatHangs(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		_, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		disk, answer, end := &badDisk{}, make(chan struct{}), make(chan struct{})
		d, _ := openDisk(t, DiskConfig{Kafka: lateKafka{grown{s}, answer}, Spool: spool.Config{Dir: dir, FS: disk}, StopTimeout: time.Second})
		synctest.Wait() // the next segment is made
		disk.set(func(b *badDisk) { b.hangs = end })
		first := accept(d, t.Context(), "o1")
		close(answer)
		synctest.Wait()
		checkUnavailable(t, d.Ready(t.Context()), Failed, false)
		checkUnavailable(t, <-first, TimeOut, true) // it waits for as long as ever
		close(end)
	})
}

// TestDamage: the door does not open.
func TestDamage(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}, StopTimeout: time.Second})
		bring(t, d, "o1")
		<-s.requests
		bring(t, d, "o2", "o3")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		flip(t, dir, "o2")
		err := NewDisk(DiskConfig{Kafka: s, Topics: topics, Spool: spool.Config{Dir: dir, LimitBytes: 8 << 20}}).Run(t.Context())
		var damaged *spool.DamagedError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "tiffin spool salvage") {
			t.Fatalf("Run: %v", err)
		}
		if _, err := spool.Salvage(dir); err != nil {
			t.Fatal(err)
		}
		lanes := map[string]string{d.Lane(): "old"}
		openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		s.expectOf(t, lanes, "old/o1/1")
		s.answers <- nil
		s.expectOf(t, lanes, "old/o3/3") // receivers raise the alarm
		s.answers <- nil
	})
}

// flip changes a bit in the key of the record.
func flip(t *testing.T, dir, key string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "segment-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at := strings.Index(string(data), key); at >= 0 {
			data[at] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no file has %s", key)
}

// TestDamageWhileItRuns: what can't be read closes the door, for a restart to look into.
func TestDamageWhileItRuns(t *testing.T) {
	diskScript(t, func(t *testing.T, dir string, s *scripted) {
		d, stop := openDisk(t, DiskConfig{Kafka: s, Spool: spool.Config{Dir: dir}})
		bring(t, d, "o1")
		<-s.requests
		bring(t, d, "o2", "o3")
		flip(t, dir, "o2")
		s.answers <- nil
		synctest.Wait()
		time.AfterFunc(2*requestEvery, func() { s.requests <- nil })
		<-s.requests
		checkUnavailable(t, d.Accept(t.Context(), Origin{}, accepted("o4")), Failed, false)
		checkUnavailable(t, d.Ready(t.Context()), Failed, false)
		start := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}
