package spool

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// Log is an open log. Append and Close may be called by anybody at any time; Next and Ack are one reader's.
type Log struct {
	cfg  Config
	lock io.Closer

	note    *noteFile // the housekeeper's; Close's when that is gone
	nextTry time.Time // the housekeeper's: no segment is made before

	writing sync.Mutex // guards what is Append's alone: the order of groups
	next    uint64     // the number of the next group

	mu       sync.Mutex
	changed  *sync.Cond // a spare has come, or waiting for one is in vain
	live     []*segment // oldest first; the last is being written
	spares   []*segment
	making   bool  // the housekeeper is about to add a spare
	noRoom   error // why it can't at the moment
	failed   error // wraps ErrFailed; for good
	closed   bool
	acked    uint64
	synced   uint64
	noted    note
	notedAt  time.Time
	highest  int   // number of the youngest file
	unacked  tally // groups in the log that are not acknowledged
	unread   int64 // bytes
	position position

	chores   chan struct{} // there may be something to do
	stop     chan struct{}
	houseOut chan struct{} // closed when the housekeeper has gone
}

// segment is a file of the log. What stands between start and end is synced, and not acknowledged when it was opened.
type segment struct {
	name       string
	file       File // nil of the segment that a log without any begins with: it takes and has nothing
	size       int64
	full       bool   // it takes no more, whatever its size says
	first      uint64 // number of the first group of interest
	start, end int64
	next       *segment // nil for the last
}

func (s *segment) takes(bytes int64) bool { return !s.full && s.end+bytes <= s.size }

// position is a place in the log between two groups.
type position struct {
	segment *segment
	offset  int64
}

type tally struct {
	groups, records int
	bytes           int64
}

func (t *tally) add(groups, records int, bytes int64) {
	t.groups, t.records, t.bytes = t.groups+groups, t.records+records, t.bytes+bytes
}

// Append writes a group and syncs it. Its first [HeadBytes] are the log's. When it returns nil the group will be read until
// it is acknowledged, whatever happens. If the error wraps [ErrFull], [ErrNoSpace], [ErrTooLarge] or [ErrClosed], it was not
// taken and never will be read. If it wraps [ErrFailed], nobody knows before the log has been opened again, except where it was so before.
//
// A crash before it returns leaves the group whole, or not at all.
func (l *Log) Append(group []byte, records int) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	size := padded(int64(len(group)))
	if size > l.cfg.SegmentBytes {
		return fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, size, l.cfg.SegmentBytes)
	}
	s, err := l.place(size)
	if err != nil {
		return err
	}
	seal(group, l.next, records, time.Now())
	if _, err := s.file.WriteAt(group, s.end); noSpace(err) {
		// Part of it may be there. It is no whole group, and the next one is written over it.
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	} else if err != nil {
		return l.fail(fmt.Errorf("write %s: %w", s.name, err))
	}
	start := time.Now()
	if err := s.file.Sync(); err != nil {
		return l.fail(fmt.Errorf("sync %s: %w", s.name, err))
	}
	l.cfg.Synced(time.Since(start))

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.noted.synced == l.synced {
		l.wake() // for the note, once in a while
	}
	s.end += size
	l.synced = l.next
	l.next++
	l.unacked.add(1, records, size)
	l.unread += size
	return nil
}

// place returns the segment that the next group goes to, which is a new one if it does not fit into the last. A crash after
// it leaves what was there before: a segment without groups is a spare.
func (l *Log) place(size int64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		last := l.live[len(l.live)-1]
		switch {
		case l.failed != nil:
			return nil, l.failed
		case l.closed:
			return nil, ErrClosed
		case last.takes(size):
			return last, nil
		case len(l.spares) > 0:
			spare := l.spares[len(l.spares)-1]
			l.spares = l.spares[:len(l.spares)-1]
			s := &segment{name: spare.name, file: spare.file, size: spare.size, first: l.next} // the reader may still stand at the old one's end
			l.live = append(l.live, s)
			last.next = s
			l.wake()
		case l.noRoom != nil:
			return nil, l.noRoom
		case !l.coming():
			return nil, fmt.Errorf("%w: its limit is %d bytes", ErrFull, l.cfg.LimitBytes)
		default:
			l.wake()
			l.changed.Wait()
		}
	}
}

// full says that one more segment would be beyond the limit.
func (l *Log) full() bool {
	return int64(len(l.live)+len(l.spares)+1)*l.cfg.SegmentBytes > l.cfg.LimitBytes
}

// coming says that the housekeeper is about to make a segment, or to take one back.
func (l *Log) coming() bool { return l.making || !l.full() || l.done() > 0 }

// done is how many of the oldest segments have been acknowledged as a whole, and are not being written.
func (l *Log) done() int {
	n := 0
	for n < len(l.live)-1 && l.live[n+1].first <= l.acked+1 {
		n++
	}
	return n
}

// fail closes the log for good.
func (l *Log) fail(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: %w. It takes nothing more until a restart, which reads all of it", ErrFailed, cause)
		l.cfg.Logger.Error("spool: closed for good", "dir", l.cfg.Dir, "error", cause)
	}
	l.changed.Broadcast()
	return l.failed
}

// Ready returns nil if a group of so many bytes would be taken, and otherwise why not.
func (l *Log) Ready(bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.live[len(l.live)-1]
	switch {
	case l.failed != nil:
		return l.failed
	case l.closed:
		return ErrClosed
	case last.takes(padded(HeadBytes+bytes)) || len(l.spares) > 0:
		return nil
	case l.noRoom != nil:
		return l.noRoom
	case !l.coming():
		return fmt.Errorf("%w: its limit is %d bytes", ErrFull, l.cfg.LimitBytes)
	}
	return nil
}

// Stats says how full the log is.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{
		LimitBytes: l.cfg.LimitBytes,
		Groups:     l.unacked.groups, Records: l.unacked.records, Bytes: l.unacked.bytes, UnreadBytes: l.unread,
	}
	for _, segments := range [][]*segment{l.live, l.spares} {
		for _, segment := range segments {
			s.DiskBytes += segment.size
		}
	}
	return s
}

// Chunk is groups that have been read together. Its memory is used again by the next Next.
type Chunk struct {
	Groups  [][]byte // payloads, in order
	Records int
	Oldest  time.Time // when the first of them was written

	buffer []byte
	bytes  int64
	last   uint64
}

// Next reads the groups that follow those of the last call, into the chunk: about so many bytes, but at least one group if there is one that is
// synced. An empty chunk means that there is none. It returns a [DamagedError] if what was synced can't be read any more.
func (l *Log) Next(c *Chunk, bytes int) error {
	*c = Chunk{Groups: c.Groups[:0], buffer: c.buffer}
	l.mu.Lock()
	at := l.position
	for at.offset == at.segment.end && at.segment.next != nil {
		at = position{at.segment.next, at.segment.next.start}
	}
	end := at.segment.end
	l.mu.Unlock()
	n := min(end-at.offset, max(int64(bytes), blockBytes))
	for n > 0 {
		if int64(cap(c.buffer)) < n {
			c.buffer = make([]byte, n)
		}
		c.buffer = c.buffer[:n]
		if _, err := at.segment.file.ReadAt(c.buffer, at.offset); err != nil {
			return l.damaged(at.segment, at.offset, err)
		}
		if h, ok := parseHead(c.buffer); ok && h.size() > n && at.offset+h.size() <= end {
			n = h.size() // it is larger than what was asked for
			continue
		}
		break
	}
	for rest := c.buffer[:n]; len(rest) > 0; {
		h, payload, ok := parseGroup(rest)
		if !ok && len(c.Groups) > 0 {
			break // cut off, or for the next call to find out
		}
		if !ok {
			return l.damaged(at.segment, at.offset, nil)
		}
		if len(c.Groups) == 0 {
			c.Oldest = h.time()
		}
		c.Groups = append(c.Groups, payload)
		c.Records += h.records
		c.last = h.sequence
		c.bytes += h.size()
		rest = rest[h.size():]
	}
	at.offset += c.bytes
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position = at
	l.unread -= c.bytes
	return nil
}

func (l *Log) damaged(s *segment, offset int64, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := Damage{File: s.name, Offset: offset, Cause: cause, Behind: max(l.unacked.groups-1, 0)}
	if cause == nil {
		d.Cause = errors.New("a group that was whole is not any more")
	}
	return &DamagedError{l.cfg.Dir, []Damage{d}}
}

// Ack says that a chunk is not needed any more, nor those read before it. A crash soon after it leaves the log as if it
// had not been called.
func (l *Log) Ack(c *Chunk) {
	if len(c.Groups) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = c.last
	l.unacked.add(-len(c.Groups), -c.Records, -c.bytes)
	l.wake()
}

// Close ends the log: what comes later is refused, what is being appended is finished. Its note says how far everything is
// synced, so that the next Open misses whatever is lost until then.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	l.writing.Lock()
	defer l.writing.Unlock()
	close(l.stop)
	<-l.houseOut
	err := l.writeNote(true)
	for _, segments := range [][]*segment{l.live, l.spares} {
		for _, s := range segments {
			if s.file != nil {
				err = errors.Join(err, s.file.Close())
			}
		}
	}
	err = errors.Join(err, l.note.file.Close(), l.lock.Close())
	if err != nil {
		return fmt.Errorf("spool: close %s: %w", l.cfg.Dir, err)
	}
	return nil
}

func (l *Log) path(name string) string { return filepath.Join(l.cfg.Dir, name) }

// MaxGroupBytes is how large a group may be, its head included.
func (l *Log) MaxGroupBytes() int { return int(l.cfg.SegmentBytes) }

// UnreadBytes is what Next has not read yet.
func (l *Log) UnreadBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unread
}
