package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dir = "/spool"

// scene is a log on a disk that obeys the test, and what was promised of it.
type scene struct {
	t       testingT
	disk    *fakeDisk
	cfg     Config
	log     *Log
	chunk   Chunk
	written int // groups that Append was called with: the n-th has the payload "n" and some padding
	lastErr error
}

// testingT is what a scene needs of a test; rapid's has it too.
type testingT interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// step is a row of a scenario.
type step func(*scene)

func newScene(t testingT, seed uint64) *scene {
	disk := newFakeDisk(rand.New(rand.NewPCG(seed, 0)))
	return &scene{t: t, disk: disk, cfg: Config{Dir: dir, SegmentBytes: 4096, LimitBytes: 16 * 4096, FS: disk}}
}

// start opens the log in a process of its own.
func (s *scene) start() (err error) {
	cfg := s.cfg
	s.disk.set(func(d *fakeDisk) { cfg.FS = process{d, d.epoch} })
	s.log, err = Open(context.Background(), cfg)
	return err
}

func (s *scene) open() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("open: %v", err)
	}
}

// crash ends the machine, and starts it again without the log.
func (s *scene) crash() {
	s.disk.crash()
	s.abandon()
}

// die ends the process alone.
func (s *scene) die() {
	s.disk.die()
	s.abandon()
}

// abandon ends the goroutine of a log whose files are gone.
func (s *scene) abandon() {
	if s.log != nil {
		_ = s.log.Close() // it can only fail
		s.log, s.chunk = nil, Chunk{}
	}
}

// payload is what the n-th group has: its number again and again, over one or several sectors. (No two have a part in common, or
// half of one could be completed by what another has left at the same place.)
func payload(n int) string {
	text := strconv.Itoa(n) + "."
	return strings.Repeat(text, (100+n*337%900)/len(text))
}

func (s *scene) add() error {
	s.written++
	group := append(make([]byte, HeadBytes), payload(s.written)...)
	return s.log.Append(group, s.written%5+1)
}

// read returns the numbers of the groups that follow, at most so many (0: all), and acknowledges them if asked.
func (s *scene) read(most int, ack bool) (numbers []int) {
	s.t.Helper()
	for most == 0 || len(numbers) < most {
		bytes := 1 << 20
		if most > 0 {
			bytes = 1 // one group at a time, but for those that fit into a block
		}
		if err := s.log.Next(&s.chunk, bytes); err != nil {
			s.lastErr = err
			return numbers
		}
		if len(s.chunk.Groups) == 0 {
			return numbers
		}
		records := 0
		for _, group := range s.chunk.Groups {
			text, _, _ := strings.Cut(string(group), ".")
			n, err := strconv.Atoi(text)
			if err != nil || string(group) != payload(n) {
				s.t.Fatalf("read %.20q, which nobody wrote", group)
			}
			numbers, records = append(numbers, n), records+n%5+1
		}
		if records != s.chunk.Records {
			s.t.Errorf("a chunk says that it has %d records, it has %d", s.chunk.Records, records)
		}
		if ack {
			s.log.Ack(&s.chunk)
		}
	}
	return numbers
}

func open(s *scene)  { s.open() }
func crash(s *scene) { s.crash() }
func die(s *scene)   { s.die() }
func end(s *scene) {
	s.t.Helper()
	if err := s.log.Close(); err != nil {
		s.t.Fatalf("close: %v", err)
	}
	s.log, s.chunk = nil, Chunk{}
}

// add appends so many groups.
func add(n int) step {
	return func(s *scene) {
		s.t.Helper()
		for range n {
			if err := s.add(); err != nil {
				s.t.Fatalf("append of group %d: %v", s.written, err)
			}
		}
	}
}

// refused: the next group is not taken, for this reason.
func refused(want error) step {
	return func(s *scene) {
		s.t.Helper()
		if err := s.add(); !errors.Is(err, want) {
			s.t.Fatalf("append of group %d: %v, want %v", s.written, err, want)
		}
	}
}

// holds: these groups are read, and stay.
func holds(want ...int) step {
	return func(s *scene) {
		s.t.Helper()
		if got := s.read(0, false); !slices.Equal(got, want) {
			s.t.Fatalf("read %v, want %v", got, want)
		}
	}
}

// takes: these groups are read and acknowledged.
func takes(want ...int) step {
	return func(s *scene) {
		s.t.Helper()
		if got := s.read(0, true); !slices.Equal(got, want) {
			s.t.Fatalf("read %v, want %v", got, want)
		}
	}
}

func to(first, last int) (numbers []int) {
	for n := first; n <= last; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// disk changes what the disk does.
func disk(change func(*fakeDisk)) step { return func(s *scene) { s.disk.set(change) } }

// eventually waits for something that the housekeeper does.
func eventually(what string, happens func(*scene) bool) step {
	return func(s *scene) {
		s.t.Helper()
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		deadline := time.After(10 * time.Second)
		for !happens(s) {
			select {
			case <-ticker.C:
			case <-deadline:
				s.t.Fatalf("%s: not within 10 s", what)
			}
		}
	}
}

// where says in which file, and at which offset of it, a group stands.
func (s *scene) where(number int) (path string, offset int64) {
	s.t.Helper()
	names, err := s.disk.List(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		s.disk.mu.Lock()
		at := strings.Index(string(s.disk.files[path].data), payload(number))
		s.disk.mu.Unlock()
		if at >= 0 {
			return path, int64(at) - HeadBytes
		}
	}
	s.t.Fatalf("group %d stands nowhere", number)
	return "", 0
}

// flip changes a bit of a group: at an offset from its first byte.
func flip(number int, offset int64) step {
	return func(s *scene) {
		s.t.Helper()
		path, at := s.where(number)
		s.disk.flip(path, at+offset)
	}
}

// damaged: the log does not open, and says that so many whole groups stand behind what is missing.
func damaged(groups string, behind int) step {
	return func(s *scene) {
		s.t.Helper()
		log, err := Open(context.Background(), s.cfg)
		if err == nil {
			s.log = log
			s.t.Fatalf("it opens, with %v", s.read(0, false))
		}
		var d *DamagedError
		if !errors.As(err, &d) {
			s.t.Fatalf("open: %v, want damage", err)
		}
		text := d.Error()
		if !strings.Contains(text, groups) || !strings.Contains(text, "tiffin spool salvage "+dir) {
			s.t.Errorf("the error does not say %q, or not what to do: %s", groups, text)
		}
		if got := d.Damages[0].Behind; got != behind {
			s.t.Errorf("%d groups behind it, want %d: %s", got, behind, text)
		}
	}
}

// salvaged: what is whole can be kept, and copies are put aside.
func salvaged(groups, aside int) step {
	return func(s *scene) {
		s.t.Helper()
		r, err := salvage(s.disk, dir)
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Groups != groups || len(r.Aside) != aside {
			s.t.Errorf("salvage kept %d groups and put %v aside, want %d and %d files", r.Groups, r.Aside, groups, aside)
		}
	}
}

func full(d *fakeDisk)      { d.room = 0 }
func spacious(d *fakeDisk)  { d.room = -1 }
func syncFails(d *fakeDisk) { d.syncs = syscall.EIO }

func writeFails(err error) step { return disk(func(d *fakeDisk) { d.writes = err }) }

// settled: the housekeeper has nothing to do.
var settled = eventually("a spare segment", func(s *scene) bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return len(s.log.spares) > 0 && !s.log.making
})

// noted: the note says what has been acknowledged.
var noted = eventually("the note", func(s *scene) bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.noted.acked == s.log.acked && s.log.noted.synced == s.log.synced
})

// TestScenes: what the client of the log saw, and what is there afterwards, whatever the disk does.
func TestScenes(t *testing.T) {
	for name, steps := range map[string][]step{
		"what is closed is there":             {open, add(20), end, open, holds(to(1, 20)...), end},
		"what the process leaves is there":    {open, add(20), die, open, holds(to(1, 20)...), end},
		"what is synced survives the machine": {open, add(20), crash, open, holds(to(1, 20)...), end},
		"nothing survives as nothing":         {open, crash, open, holds(), add(1), crash, open, holds(1), end},
		"what is acknowledged and noted is not read again": {
			open, add(20), takes(to(1, 20)...), noted, add(2), die, open, holds(21, 22), end,
		},
		"a clean stop notes what is acknowledged": {open, add(3), takes(1, 2, 3), add(1), end, open, holds(4), add(1), end, open, holds(4, 5), end},
		"what was read but not acknowledged is read again": {
			open, add(9), holds(to(1, 9)...), add(1), end, open, holds(to(1, 10)...), end,
		},
		"one crash after another": {
			open, add(3), crash, open, add(3), crash, open, add(3), crash, open, crash, open, holds(to(1, 9)...), end,
		},

		"crashes do not fill it with emptiness": {
			open, func(s *scene) {
				for range 30 { // more than there may be segments
					add(1)(s)
					s.die()
					open(s)
				}
				if used := s.disk.used(); used > 12*4096 {
					s.t.Errorf("%d bytes are used for 30 groups", used)
				}
			}, holds(to(1, 30)...), end,
		},

		"a disk that drops what was not synced, with syncs": {open, add(7), crash, open, holds(to(1, 7)...), end},

		"a full disk refuses, and takes again when there is room": {
			open, settled, disk(full), func(s *scene) {
				for s.lastErr = nil; s.lastErr == nil; s.lastErr = s.add() {
				}
				s.written--
				if !errors.Is(s.lastErr, ErrNoSpace) {
					s.t.Fatalf("append on a full disk: %v", s.lastErr)
				}
				if err := s.log.Ready(1000); !errors.Is(err, ErrNoSpace) {
					s.t.Errorf("Ready on a full disk: %v", err)
				}
			}, disk(spacious), eventually("room", func(s *scene) bool { return s.log.Ready(1000) == nil }), add(20),
			func(s *scene) { holds(to(1, s.written)...)(s) }, crash, open, func(s *scene) { holds(to(1, s.written)...)(s) }, end,
		},
		"no room where a group is written: it is refused, the next one takes its place": {
			open, add(3), settled, writeFails(syscall.ENOSPC), refused(ErrNoSpace), add(2), crash, open, holds(1, 2, 3, 5, 6), end,
		},
		"no room, and then a crash": {open, add(3), settled, writeFails(syscall.ENOSPC), refused(ErrNoSpace), crash, open, holds(1, 2, 3), end},
		"a quota is like a full disk": {
			open, add(3), settled, writeFails(syscall.EDQUOT), refused(ErrNoSpace), add(1), end, open, holds(1, 2, 3, 5), end,
		},

		"a failed write closes it for good": {
			open, add(3), settled, writeFails(syscall.EIO), refused(ErrFailed), refused(ErrFailed), holds(1, 2, 3),
			func(s *scene) {
				if err := s.log.Ready(1); !errors.Is(err, ErrFailed) {
					s.t.Errorf("Ready: %v", err)
				}
			}, end, open, holds(1, 2, 3), add(1), end,
		},
		"a failed sync closes it for good, although the next would succeed": {
			open, add(3), settled, disk(syncFails), refused(ErrFailed), refused(ErrFailed), refused(ErrFailed), holds(1, 2, 3), end,
		},
		"what a failed sync left in the kernel's memory is written again": {
			open, add(3), settled, disk(syncFails), refused(ErrFailed), die, open, holds(1, 2, 3, 4), add(1), crash, open, holds(1, 2, 3, 4, 5), end,
		},

		"a flipped bit in the middle is damage": {
			open, add(9), end, flip(4, 50), damaged("group 4 missing", 5), salvaged(8, 1), open, holds(1, 2, 3, 5, 6, 7, 8, 9), add(1), end,
			open, holds(1, 2, 3, 5, 6, 7, 8, 9, 10), end,
		},
		"a flipped bit in a number is damage": {open, add(9), end, flip(4, atSequence), damaged("group 4 missing", 5)},
		"a flipped bit in a length is damage": {open, add(9), end, flip(4, atLength), damaged("group 4 missing", 5)},
		"a flipped bit in the first group":    {open, add(9), end, flip(1, 50), damaged("group 1 missing", 8)},
		"a flipped bit after a clean stop, in the last group": {
			open, add(9), end, flip(9, 50), damaged("group 9 missing", 0), salvaged(8, 1), open, holds(to(1, 8)...), end,
		},
		"a flipped bit in the last group, noted": {open, add(9), noted, die, flip(9, 50), damaged("group 9 missing", 0)},
		"a flipped bit in what is acknowledged":  {open, add(9), takes(to(1, 9)...), add(1), end, flip(4, 50), open, holds(10), end},
		"a flipped bit while it runs": {
			open, add(9), flip(4, 50), holds(1, 2, 3), func(s *scene) {
				s.read(0, false)
				var d *DamagedError
				if !errors.As(s.lastErr, &d) {
					s.t.Errorf("reading damage: %v", s.lastErr)
				}
			}, end,
		},
		"a segment is lost": {
			open, add(30), end, func(s *scene) {
				path, _ := s.where(15)
				if err := s.disk.Remove(path); err != nil {
					s.t.Fatal(err)
				}
			}, func(s *scene) {
				_, err := Open(context.Background(), s.cfg)
				var d *DamagedError
				if !errors.As(err, &d) || d.Damages[0].From == 0 || d.Damages[0].Behind == 0 {
					s.t.Errorf("open: %v", err)
				}
			},
		},
		"the note is lost": {
			open, add(3), end, func(s *scene) { _ = s.disk.Remove(filepath.Join(dir, noteName)) }, damaged("note", 3),
			salvaged(3, 0), open, holds(1, 2, 3), end,
		},
		"one half of the note is lost": {
			open, add(3), takes(1, 2, 3), add(1), end, func(s *scene) {
				s.disk.flip(filepath.Join(dir, noteName), 20)
			}, open, func(s *scene) {
				if got := s.read(0, false); got[len(got)-1] != 4 {
					s.t.Errorf("read %v", got)
				}
			}, end,
		},
		"a sector that can't be read is no torn tail": {
			func(s *scene) { s.cfg.SegmentBytes = 8 * 4096 }, open, add(30), end, func(s *scene) {
				path, at := s.where(30)
				s.disk.spoil(path, at+200)
			}, damaged("input/output error", 0), func(s *scene) {
				if _, err := salvage(s.disk, dir); err != nil {
					s.t.Fatal(err)
				}
			}, open, func(s *scene) {
				if got := s.read(0, false); len(got) < 20 || !slices.Equal(got, to(1, len(got))) { // what shares a block with it is lost
					s.t.Errorf("read %v", got)
				}
			}, end,
		},
		"what a crash left behind the last group is not written over": {
			open, add(3), die, flip(3, atChecksum), open, holds(1, 2), add(1), func(s *scene) { s.where(3) }, end, open, holds(1, 2, 4), end,
		},
		"nor what a failed sync left": {
			open, add(3), settled, disk(syncFails), refused(ErrFailed), end, flip(4, atChecksum), open, holds(1, 2, 3), add(1),
			func(s *scene) { s.where(4) }, end,
		},
		"salvage leaves alone what is not damaged": {open, add(3), crash, salvaged(3, 0), open, holds(1, 2, 3), end},

		"the limit": {
			open, func(s *scene) {
				for s.lastErr = nil; s.lastErr == nil; s.lastErr = s.add() {
				}
				if used := s.disk.used(); !errors.Is(s.lastErr, ErrFull) || used > s.cfg.LimitBytes || used < s.cfg.LimitBytes-2*4096 {
					s.t.Fatalf("%d bytes are used: %v", used, s.lastErr)
				}
				if err := s.log.Ready(1000); !errors.Is(err, ErrFull) {
					s.t.Errorf("Ready: %v", err)
				}
				if got := s.log.Stats(); got.DiskBytes != s.disk.used() || got.Groups != s.written-1 || got.UnreadBytes != got.Bytes {
					s.t.Errorf("stats %+v", got)
				}
				s.written--
			},
			func(s *scene) { takes(to(1, s.written)...)(s) }, eventually("room", func(s *scene) bool { return s.log.Ready(4000) == nil }), add(40),
			func(s *scene) {
				if used := s.disk.used(); used > s.cfg.LimitBytes {
					s.t.Errorf("%d bytes are used", used)
				}
			}, crash, open, end,
		},
		"a group that fits into no segment": {
			open, add(1), func(s *scene) {
				if err := s.log.Append(make([]byte, 5000), 1); !errors.Is(err, ErrTooLarge) {
					s.t.Errorf("append: %v", err)
				}
			}, add(1), end, open, holds(1, 2), end,
		},
		"other segments than last time": {
			open, add(9), end, func(s *scene) { s.cfg.SegmentBytes = 8192 }, open, add(9), end, func(s *scene) { s.cfg.SegmentBytes = 4096 },
			open, takes(to(1, 18)...), add(30), crash, open, func(s *scene) {
				if got := s.read(0, false); got[len(got)-1] != 48 {
					s.t.Errorf("read %v", got)
				}
			}, end,
		},
		"two of them": {
			open, func(s *scene) {
				_, err := Open(context.Background(), s.cfg)
				if !errors.Is(err, ErrInUse) || !strings.Contains(fmt.Sprint(err), "--spool-dir") {
					s.t.Errorf("the second: %v", err)
				}
				if _, err := check(s.disk, dir); !errors.Is(err, ErrInUse) {
					s.t.Errorf("a check of a log in use: %v", err)
				}
			}, add(1), end, open, holds(1), end,
		},
		"closed": {open, add(1), func(s *scene) {
			log := s.log
			end(s)
			if err := log.Append(make([]byte, 100), 1); !errors.Is(err, ErrClosed) {
				s.t.Errorf("append to a closed log: %v", err)
			}
			if err := log.Close(); err != nil {
				s.t.Errorf("closed twice: %v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t, seed)
					for _, step := range steps {
						step(s)
					}
					if s.log != nil {
						end(s)
					}
				})
			}
		})
	}
}

// A process is killed when the kernel has its last note and the disk has not, and the machine crashes while the next one starts: what
// that has thrown away as acknowledged is not missed.
func TestACrashWhileItStartsIsNoDamage(t *testing.T) {
	for operations := 1; operations <= 10; operations++ {
		for seed := range uint64(10) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, seed)
				s.open()
				add(30)(s)
				settled(s)
				for s.chunk.last < 30 {
					if err := s.log.Next(&s.chunk, 1<<20); err != nil {
						t.Fatal(err)
					}
				}
				s.disk.set(func(d *fakeDisk) { d.fuse, d.killed = 2, true }) // the note is written, and not synced
				s.log.Ack(&s.chunk)
				synctest.Wait()
				s.abandon()
				s.disk.set(func(d *fakeDisk) { d.fuse, d.killed = operations, false })
				if err := s.start(); err != nil && !errors.Is(err, errGone) {
					t.Fatal(err)
				}
				s.crash()
				s.open()
				end(s)
			})
		}
	}
}

// P8: a stop does not wait for a segment that is being made on a slow disk, neither by the housekeeper nor by the start.
func TestAStopDoesNotWaitForASegment(t *testing.T) {
	const sync = 200 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1)
		s.cfg.SegmentBytes, s.cfg.LimitBytes, s.disk.slow = 8<<20, 64<<20, sync
		took := func(what string, most time.Duration, do func()) {
			start := time.Now()
			if do(); time.Since(start) > most {
				t.Errorf("%s took %v", what, time.Since(start))
			}
		}
		s.open()
		add(1)(s)                                  // in the first segment; the housekeeper makes another
		took("a close", 2*sync, func() { end(s) }) // a piece of it, and the note
		ctx, cancel := context.WithTimeout(t.Context(), sync)
		defer cancel()
		used := s.disk.used()
		took("an open", 3*sync, func() {
			log, err := Open(ctx, s.cfg)
			if err != nil {
				t.Fatal(err)
			}
			s.log = log
		})
		end(s)
		if s.disk.used() != used {
			t.Errorf("%d bytes are used, %d before", s.disk.used(), used)
		}
		s.open()
		holds(1)(s)
		end(s)
	})
}

// While there is no room for another segment, each second has one try to make it, however many groups come and go: each writes a
// segment of zeros as far as it gets.
func TestAFullDiskIsNotFilledAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1)
		s.cfg.SegmentBytes, s.cfg.LimitBytes = 1<<20, 8<<20
		s.open()
		settled(s)
		disk(full)(s)
		before := s.log.highest
		for n := range 150 {
			add(1)(s)
			takes(n + 1)(s)
			<-time.After(20 * time.Millisecond)
		}
		synctest.Wait()
		if tries := s.log.highest - before; tries < 2 || tries > 4 {
			t.Errorf("%d tries in 3 s", tries)
		}
		disk(spacious)(s)
		settled(s)
		end(s)
	})
}

// Where there is no room for the note, the log says so once, and again when there is.
func TestNoRoomForTheNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 1)
		var said strings.Builder
		s.cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
		s.open()
		settled(s)
		add(1)(s)
		noted(s)
		writeFails(syscall.ENOSPC)(s)
		takes(1)(s)
		eventually("no room", func(s *scene) bool { s.log.mu.Lock(); defer s.log.mu.Unlock(); return s.log.noRoom != nil })(s)
		eventually("room", func(s *scene) bool { s.log.mu.Lock(); defer s.log.mu.Unlock(); return s.log.noRoom == nil })(s)
		end(s)
		if strings.Count(said.String(), "there is no room") != 1 || strings.Count(said.String(), "there is room again") != 1 {
			t.Errorf("the log says %s", &said)
		}
	})
}
