package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Open opens the log in a folder, which it makes where needed, and reads all of it. It fails with [ErrInUse] if
// another process has it, and with a [DamagedError] if something is missing that had been promised. What a crash left half
// done is finished or passed over, as the package says.
//
// A crash while it runs leaves what was there, or what it makes of it: the next Open finds the same groups. If ctx ends meanwhile it
// fails with its error, or the log lacks its first spare.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if err := cfg.FS.MakeDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("spool: the folder can't be made (choose another with --spool-dir): %w", err)
	}
	lock, err := take(cfg.FS, cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, err := look(ctx, cfg.FS, cfg.Dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), lock.Close())
	}
	l, err := begin(cfg, s)
	if err != nil {
		return nil, errors.Join(err, s.close(), lock.Close())
	}
	l.lock = lock
	l.makeSpare(ctx.Done()) // so that the first group does not wait for it; where that fails, the housekeeper goes on trying
	go l.keepHouse()
	l.wake()
	return l, nil
}

// take locks the folder.
func take(fs FS, dir string) (io.Closer, error) {
	lock, err := fs.Lock(filepath.Join(dir, "lock"))
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("spool: %s: %w: stop it, or give each process a folder of its own with --spool-dir", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %s can't be locked (choose another folder with --spool-dir): %w", dir, err)
	}
	return lock, nil
}

// begin makes a log of what was found.
func begin(cfg Config, s *survey) (*Log, error) {
	if len(s.damages) > 0 {
		return nil, &DamagedError{cfg.Dir, s.damages}
	}
	if s.noteErr != nil { // no group is there either: it is new, or a crash ended its making
		if err := s.anew(); err != nil {
			return nil, fmt.Errorf("spool: %s: %w", cfg.Dir, err)
		}
	}
	if file, offset, torn := s.torn(); torn {
		cfg.Logger.Warn("spool: a crash has torn the last group, which nobody was told had been accepted; it is passed over", "dir", cfg.Dir, "file", file, "offset", offset)
	}
	// The process before may have been killed when it had made a file and its name was not synced: what is promised in it would go with it.
	if err := errors.Join(s.affirm(), cfg.FS.SyncDir(cfg.Dir)); err != nil {
		return nil, fmt.Errorf("spool: %s: %w", cfg.Dir, err)
	}
	l := &Log{
		cfg: cfg, note: s.noteFile, next: s.last() + 1, acked: s.note.acked, synced: s.last(), highest: s.highest(),
		chores: make(chan struct{}, 1), stop: make(chan struct{}), houseOut: make(chan struct{}),
	}
	l.changed = sync.NewCond(&l.mu)
	// Synced before anything is removed or written over: the note that was found may be in the kernel's memory alone, and an older one
	// would miss what stood there.
	if err := l.writeNote(true); err != nil {
		return nil, fmt.Errorf("spool: %s: write the note: %w", cfg.Dir, err)
	}
	l.adopt(s)
	if n := l.unacked; n.records > 0 {
		cfg.Logger.Info("spool: goes on with what was left", "dir", cfg.Dir, "records", n.records, "bytes", n.bytes)
	}
	return l, nil
}

// anew makes the first note.
func (s *survey) anew() error {
	if s.noteFile != nil {
		if err := errors.Join(s.noteFile.file.Close(), s.fs.Remove(filepath.Join(s.dir, noteName))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		s.noteFile = nil
	}
	var err error
	s.noteFile, err = createNote(s.fs, s.dir)
	return err
}

// affirm makes certain that the last group is on the disk, where the note does not say so: we may have read it from the
// kernel's memory, and where a sync failed that is no sign that it is, or ever will be, anywhere else. So it is written
// again, the very same bytes at the same place, and synced. The groups before it have been synced, or it would not be there.
func (s *survey) affirm() error {
	if len(s.runs) == 0 || s.note.synced >= s.last() {
		return nil
	}
	last := s.runs[len(s.runs)-1]
	group := make([]byte, last.end-last.lastOffset)
	if _, err := last.file.file.ReadAt(group, last.lastOffset); err != nil {
		return err
	}
	if _, err := last.file.file.WriteAt(group, last.lastOffset); err != nil {
		return err
	}
	return last.file.file.Sync()
}

// adopt makes segments and spares of the files. The log goes on behind its last group, unless a crash has torn another one there:
// then in another segment, and what is torn can be looked at until the segment is used again. (To take another one after every
// crash would fill the spool with emptiness if they come often.)
func (l *Log) adopt(s *survey) {
	for _, f := range s.segments {
		if len(f.runs) > 0 {
			continue
		}
		spare := &segment{name: f.name, file: f.file, size: f.size}
		if f.size == l.cfg.SegmentBytes && len(l.spares) < maxSpares {
			l.spares = append(l.spares, spare)
			continue
		}
		if err := errors.Join(f.file.Close(), s.fs.Remove(l.path(f.name))); err != nil {
			l.cfg.Logger.Warn("spool: a file that is not needed any more stays", "error", err)
		}
	}
	for _, r := range s.runs { // one in each file, or it would be damage
		l.live = append(l.live, &segment{name: r.file.name, file: r.file.file, size: r.file.size, full: true, first: r.first, start: r.offset, end: r.end})
		l.unacked.add(r.groups(), r.records, r.end-r.offset)
	}
	for i := 1; i < len(l.live); i++ {
		l.live[i-1].next = l.live[i]
	}
	if len(l.live) == 0 {
		l.live = []*segment{{full: true, first: l.next}}
	}
	last := l.live[len(l.live)-1]
	file, _, torn := s.torn()
	last.full = last.file == nil || torn && file == last.name
	l.unread = l.unacked.bytes
	l.position = position{l.live[0], l.live[0].start}
}
