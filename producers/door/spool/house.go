package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	// noteEvery is how old a note may get while chunks are acknowledged: what is read again after a crash.
	noteEvery = 200 * time.Millisecond
	// makeEvery is how often a segment is tried to be made while the disk is full.
	makeEvery = time.Second
	// maxSpares is how many segments are kept for later use.
	maxSpares = 2
)

// wake tells the housekeeper that there may be something to do. It never waits.
func (l *Log) wake() {
	select {
	case l.chores <- struct{}{}:
	default:
	}
}

// keepHouse makes segments before they are needed, takes back those that are not needed any more, and keeps the note, until the log
// is closed.
func (l *Log) keepHouse() {
	defer close(l.houseOut)
	timer := time.NewTimer(never)
	timer.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-l.chores:
		case <-timer.C:
		}
		if again := min(l.takeBack(), l.makeSpare(l.stop)); again < never {
			timer.Reset(again)
		} else {
			timer.Stop()
		}
	}
}

// never: there is nothing to come back for, unless somebody calls.
const never = 24 * time.Hour

// takeBack writes the note if it is due, and makes spares of segments that are acknowledged as a whole. It returns when to
// look again.
func (l *Log) takeBack() time.Duration {
	l.mu.Lock()
	done := l.done()
	stale := l.noted.acked != l.acked || l.noted.synced != l.synced
	wait := noteEvery - time.Since(l.notedAt)
	over := l.failed != nil
	l.mu.Unlock()
	switch {
	case over || done == 0 && !stale:
		return never
	case done == 0 && wait > 0:
		return wait
	}
	// Synced before anything is written over: after a crash, an older note would miss what stood there.
	if err := l.writeNote(done > 0); noSpace(err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lacksRoom(fmt.Errorf("write the note: %w", err))
		return makeEvery
	} else if err != nil {
		_ = l.fail(fmt.Errorf("write the note: %w", err)) // everybody hears of it who asks
		return never
	}
	return l.recycle(done)
}

// recycle makes spares of the first segments, or removes them if there are enough: without the lock, for a disk may hang in that, and nobody
// needs the files.
func (l *Log) recycle(count int) time.Duration {
	l.mu.Lock()
	var needless []*segment
	for _, s := range l.live[:count] {
		switch {
		case s.file == nil:
		case len(l.spares) < maxSpares && s.size == l.cfg.SegmentBytes:
			l.spares = append(l.spares, s)
		default:
			needless = append(needless, s)
		}
	}
	if count > 0 {
		l.live = slices.Clone(l.live[count:])
		l.nextTry = time.Time{} // a file may have gone by then
	}
	if count > 0 || len(l.spares) > 0 { // with a spare there, what lacked room was the note, which is written
		l.hasRoom()
	}
	l.mu.Unlock()
	for _, s := range needless {
		if err := errors.Join(s.file.Close(), l.cfg.FS.Remove(l.path(s.name))); err != nil {
			l.cfg.Logger.Warn("spool: a file that is not needed any more stays", "error", err)
		}
	}
	return never
}

// lacksRoom has groups refused that need a segment. The caller holds mu.
func (l *Log) lacksRoom(why error) {
	if l.noRoom == nil {
		l.cfg.Logger.Error("spool: there is no room; trying again", "dir", l.cfg.Dir, "error", why)
	}
	l.noRoom = fmt.Errorf("%w: %w", ErrNoSpace, why)
	l.changed.Broadcast()
}

// hasRoom ends what lacksRoom began, if it did. The caller holds mu.
func (l *Log) hasRoom() {
	if l.noRoom != nil {
		l.cfg.Logger.Info("spool: there is room again", "dir", l.cfg.Dir)
		l.noRoom = nil
	}
	l.changed.Broadcast()
}

// writeNote writes what is known now. If it could not be synced it may be tried again: each note is written anew.
func (l *Log) writeNote(sync bool) error {
	l.mu.Lock()
	n := note{l.acked, l.synced}
	l.mu.Unlock()
	if err := l.note.write(n); err != nil {
		return err
	}
	if sync {
		if err := l.note.file.Sync(); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
	}
	l.mu.Lock()
	l.noted, l.notedAt = n, time.Now()
	l.mu.Unlock()
	return nil
}

// makeSpare makes the next segment, so that no group has to wait for one, unless stop is closed before it is there. It returns when to
// try again: a try that fails has filled the disk and emptied it again, so it is not for each group that comes or goes meanwhile.
func (l *Log) makeSpare(stop <-chan struct{}) time.Duration {
	if wait := time.Until(l.nextTry); wait > 0 {
		return wait
	}
	l.mu.Lock()
	l.making = len(l.spares) == 0 && !l.full() && l.failed == nil
	needed := l.making
	if needed {
		l.highest++ // also if it fails: a file that could not be taken away again keeps its name
	}
	name := segmentName(l.highest)
	l.mu.Unlock()
	if !needed {
		return never
	}
	s, err := l.makeSegment(name, stop)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.making = false
	switch {
	case errors.Is(err, errStopped):
		l.changed.Broadcast()
	case err != nil: // whatever it was, nothing was promised, and the next try begins with a new file
		l.lacksRoom(fmt.Errorf("make a segment: %w", err))
		l.nextTry = time.Now().Add(makeEvery)
		return makeEvery
	default:
		l.spares = append(l.spares, s)
		l.hasRoom()
	}
	return never
}

// errStopped means that nobody needs the segment any more.
var errStopped = errors.New("stopped")

// makeSegment makes a file full of zeros. It syncs piece by piece: groups that are to be synced meanwhile wait behind one piece, and not behind
// 64 MiB, and so does a stop. If that fails it takes the file away again, for it may be what fills the disk.
func (l *Log) makeSegment(name string, stop <-chan struct{}) (*segment, error) {
	f, err := l.cfg.FS.Create(l.path(name))
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, min(windowBytes, l.cfg.SegmentBytes))
	for at := int64(0); at < l.cfg.SegmentBytes && err == nil; at += int64(len(zeros)) {
		select {
		case <-stop:
			err = errStopped
		default:
			if _, err = f.WriteAt(zeros[:min(int64(len(zeros)), l.cfg.SegmentBytes-at)], at); err == nil {
				err = f.Sync()
			}
		}
	}
	if err == nil {
		err = l.cfg.FS.SyncDir(l.cfg.Dir)
	}
	if err != nil {
		if gone := errors.Join(f.Close(), l.cfg.FS.Remove(l.path(name))); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return nil, err
	}
	return &segment{name: name, file: f, size: l.cfg.SegmentBytes}, nil
}
