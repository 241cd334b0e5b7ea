package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// openReal opens a log on this machine's disk, and closes it with the test.
func openReal(t *testing.T, cfg Config) *Log {
	t.Helper()
	log, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

func write(t *testing.T, log *Log, payload string, records int) {
	t.Helper()
	if err := log.Append(append(make([]byte, HeadBytes), payload...), records); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, log *Log) (payloads []string) {
	t.Helper()
	for c := (Chunk{}); ; {
		if err := log.Next(&c, 1<<20); err != nil {
			t.Fatal(err)
		}
		if len(c.Groups) == 0 {
			return payloads
		}
		for _, g := range c.Groups {
			payloads = append(payloads, string(g))
		}
	}
}

// TestRealDisk: the log on a real file system, with groups larger than the windows through which it is read.
func TestRealDisk(t *testing.T) {
	cfg := Config{Dir: filepath.Join(t.TempDir(), "made", "here"), SegmentBytes: 8 << 20, LimitBytes: 64 << 20}
	log := openReal(t, cfg)
	var want []string
	for i := range 9 {
		want = append(want, strings.Repeat(strconv.Itoa(i), []int{1, 3<<20 + 5, 1 << 20}[i%3]))
		write(t, log, want[i], i)
	}
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second log: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = openReal(t, cfg)
	if got := readAll(t, log); !equal(got, want) {
		t.Errorf("read %d groups, or others", len(got))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Check(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Groups != 9 || r.Records != 36 || len(r.Damages) > 0 || r.Oldest.IsZero() {
		t.Errorf("check says %+v", r)
	}
	damage(t, cfg.Dir, want[4]) // a long one: a byte may stand anywhere
	if r, err = Check(cfg.Dir); err != nil || len(r.Damages) != 1 || r.Damages[0].From != 5 || r.Damages[0].Behind != 4 {
		t.Errorf("check says %+v, %v", r, err)
	}
	var damaged *DamagedError
	if _, err := Open(t.Context(), cfg); !errors.As(err, &damaged) {
		t.Errorf("open: %v", err)
	}
	if r, err = Salvage(cfg.Dir); err != nil || r.Groups != 8 || len(r.Aside) != 1 {
		t.Errorf("salvage: %+v, %v", r, err)
	}
	log = openReal(t, cfg)
	if got := readAll(t, log); !equal(got, append(want[:4:4], want[5:]...)) {
		t.Errorf("read %d groups, or others", len(got))
	}
}

func equal(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }

// damage changes a bit of the file that has this payload.
func damage(t *testing.T, dir, payload string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, segmentPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(data, []byte(payload)); at >= 0 {
			data[at] ^= 1
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no file has it")
}

// TestReadingWhileWriting: one reader takes, in order, what one writer appends, and segments go round.
func TestReadingWhileWriting(t *testing.T) {
	log := openReal(t, Config{Dir: t.TempDir(), SegmentBytes: 16 << 10, LimitBytes: 256 << 10})
	const groups = 2000
	var writing sync.WaitGroup
	written := make(chan struct{}, groups)
	writing.Go(func() {
		for i := 0; i < groups; {
			payload := fmt.Append(make([]byte, HeadBytes), i, " ", strings.Repeat("x", i%500))
			switch err := log.Append(payload, 1); {
			case err == nil:
				i++
				written <- struct{}{}
			case !errors.Is(err, ErrFull):
				t.Error(err)
				return
			}
		}
		close(written)
	})
	c, next := Chunk{}, 0
	for range written {
		if err := log.Next(&c, 4096); err != nil {
			t.Fatal(err)
		}
		for _, g := range c.Groups {
			if !strings.HasPrefix(string(g), fmt.Sprint(next, " ")) {
				t.Fatalf("read %.10q, want %d", g, next)
			}
			next++
		}
		log.Ack(&c)
	}
	writing.Wait()
	if s := log.Stats(); next != groups || s.Groups != 0 || s.Records != 0 || s.Bytes != 0 || s.UnreadBytes != 0 || s.DiskBytes > s.LimitBytes {
		t.Errorf("read %d groups; %+v", next, s)
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"no folder":                 {},
		"too small":                 {Dir: "d", LimitBytes: 1000},
		"at most half of the limit": {Dir: "d", LimitBytes: 1 << 20, SegmentBytes: 1 << 20},
		"can't be made":             {Dir: "/dev/null/spool"},
	} {
		if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}

// Any other folder than a spool is none: it is not called whole, and nothing is put there.
func TestAFolderThatIsNoSpool(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(string) (*Report, error){"check": Check, "salvage": Salvage} {
		for _, dir := range []string{other, filepath.Join(other, "nothing")} {
			if _, err := do(dir); err == nil || !strings.Contains(err.Error(), dir+" is no spool: give the --spool-dir") {
				t.Errorf("%s of %s: %v", what, dir, err)
			}
		}
	}
	if names, err := (Disk{}).List(other); err != nil || len(names) != 1 {
		t.Errorf("%v are there: %v", names, err)
	}
}

// hasty is a disk that takes note of how much was ever written to a new file without a sync.
type hasty struct {
	Disk
	most atomic.Int64
}

type hastyFile struct {
	File
	disk     *hasty
	unsynced atomic.Int64
}

func (d *hasty) Create(path string) (File, error) {
	f, err := d.Disk.Create(path)
	return &hastyFile{File: f, disk: d}, err
}

func (f *hastyFile) WriteAt(b []byte, offset int64) (int, error) {
	if n := f.unsynced.Add(int64(len(b))); n > f.disk.most.Load() {
		f.disk.most.Store(n)
	}
	return f.File.WriteAt(b, offset)
}

func (f *hastyFile) Sync() error {
	f.unsynced.Store(0)
	return f.File.Sync()
}

// A segment is made while groups are synced: they wait behind a piece of it, not behind the whole.
func TestASegmentIsMadePieceByPiece(t *testing.T) {
	disk := &hasty{}
	log := openReal(t, Config{Dir: t.TempDir(), FS: disk, SegmentBytes: 8 << 20, LimitBytes: 64 << 20})
	write(t, log, "one", 1)
	if most := disk.most.Load(); most == 0 || most > 1<<20 {
		t.Errorf("%d bytes were written before a sync", most)
	}
}

// stubborn is a disk that hangs where a file is removed, until it is let go on.
type stubborn struct {
	Disk
	removing, goOn chan struct{}
}

func (d *stubborn) Remove(path string) error {
	d.removing <- struct{}{}
	<-d.goOn
	return d.Disk.Remove(path)
}

// While the disk hangs in taking a file away, the log takes groups as long as it has room, and tells how full it is.
func TestNobodyWaitsForAFileToGo(t *testing.T) {
	disk := &stubborn{removing: make(chan struct{}, 10), goOn: make(chan struct{})}
	log := openReal(t, Config{Dir: t.TempDir(), FS: disk, SegmentBytes: blockBytes, LimitBytes: 16 * blockBytes})
	defer close(disk.goOn)
	for range 6 {
		write(t, log, strings.Repeat("x", blockBytes-HeadBytes), 1) // a segment
	}
	var c Chunk
	if err := log.Next(&c, 16*blockBytes); err != nil {
		t.Fatal(err)
	}
	for ; len(c.Groups) > 0; _ = log.Next(&c, 16*blockBytes) {
		log.Ack(&c)
	}
	<-disk.removing
	answered := make(chan error, 1)
	go func() {
		log.Stats()
		answered <- errors.Join(log.Ready(1), log.Append(make([]byte, HeadBytes+1), 1))
	}()
	select {
	case err := <-answered:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it hangs with its disk")
	}
}
