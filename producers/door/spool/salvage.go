package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what can be said of a log that nobody has open.
type Report struct {
	Dir string
	// Groups, Records and Bytes are whole and not acknowledged: what the next start sends.
	Groups, Records int
	Bytes           int64
	Oldest          time.Time // when the first of them was written; zero if there is none
	// Torn is where a crash has torn a group that was not promised; "" if none has.
	Torn    string
	Damages []Damage
	// Aside are the copies that Salvage has made of damaged files.
	Aside []string
}

// Check looks at the log in a folder, and changes nothing but its lock. It fails with [ErrInUse] if a process has it open. Damage is no
// error but in the report.
func Check(dir string) (*Report, error) { return check(Disk{}, dir) }

// Salvage mends a damaged log: it puts copies of the files in question into the folder "damaged" beneath, and keeps every group that is
// whole, in order, for the next start to send. Those that were missing are lost. It needs room for copies of what is to be sent.
// A log that is not damaged stays as it is.
//
// A crash before it ends leaves the log damaged; when it is salvaged again some groups may be there twice, which receivers
// recognise. A crash later leaves it mended.
func Salvage(dir string) (*Report, error) { return salvage(Disk{}, dir) }

func check(fs FS, dir string) (*Report, error) {
	var r *Report
	err := inspect(fs, dir, func(s *survey) error {
		r = s.report()
		return nil
	})
	return r, err
}

func salvage(fs FS, dir string) (*Report, error) {
	var r *Report
	err := inspect(fs, dir, func(s *survey) error {
		r = s.report()
		if len(s.damages) == 0 {
			return nil
		}
		var err error
		if r.Aside, err = s.setAside(); err != nil {
			return err
		}
		return s.renew()
	})
	return r, err
}

// inspect looks at a log under its lock.
func inspect(fs FS, dir string, do func(*survey) error) (err error) {
	names, err := fs.List(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	if !slices.ContainsFunc(names, func(name string) bool { return name == noteName || strings.HasPrefix(name, segmentPrefix) }) {
		return fmt.Errorf("spool: %s is no spool: give the --spool-dir of an API that accepts with --accept=disk", dir)
	}
	lock, err := take(fs, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	s, err := look(context.Background(), fs, dir)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return do(s)
}

func (s *survey) report() *Report {
	r := &Report{Dir: s.dir, Damages: s.damages}
	for _, run := range s.runs {
		r.Groups += run.groups()
		r.Records += run.records
		r.Bytes += run.end - run.offset
	}
	if len(s.runs) > 0 {
		r.Oldest = s.runs[0].oldest
	}
	if file, offset, torn := s.torn(); torn && len(s.damages) == 0 {
		r.Torn = fmt.Sprintf("%s, offset %d", file, offset)
	}
	return r
}

// setAside copies the files that the damages name.
func (s *survey) setAside() (copies []string, err error) {
	aside := filepath.Join(s.dir, "damaged")
	if err := s.fs.MakeDir(aside); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, d := range s.damages {
		if seen[d.File] {
			continue
		}
		seen[d.File] = true
		copied, err := s.copyFile(d.File, filepath.Join(aside, d.File))
		if errors.Is(err, os.ErrNotExist) {
			continue // a note that is not there
		}
		if err != nil {
			return copies, fmt.Errorf("spool: copy %s aside: %w", d.File, err)
		}
		copies = append(copies, copied)
	}
	return copies, s.fs.SyncDir(aside)
}

// copyFile copies a file to a path, or that with a number if it is taken. What can't be read is zeros in the copy.
func (s *survey) copyFile(name, to string) (string, error) {
	from, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return "", err
	}
	defer func() { _ = from.Close() }() // it was only read
	size, err := from.Size()
	if err != nil {
		return "", err
	}
	path := to
	f, err := s.fs.Create(path)
	for n := 1; errors.Is(err, os.ErrExist); n++ {
		path = to + "." + strconv.Itoa(n)
		f, err = s.fs.Create(path)
	}
	if err != nil {
		return "", err
	}
	block := make([]byte, blockBytes)
	for at := int64(0); at < size && err == nil; at += blockBytes {
		b := block[:min(blockBytes, size-at)]
		if _, bad := from.ReadAt(b, at); bad != nil && bad != io.EOF {
			clear(b)
		}
		_, err = f.WriteAt(b, at)
	}
	return path, errors.Join(err, f.Sync(), f.Close())
}

// renew writes all whole groups once more, under new numbers without gaps, and then notes that everything before them is not
// needed any more. What is in them stays what it was, byte for byte.
func (s *survey) renew() error {
	number := max(s.last(), s.note.synced) + 2 // one behind a group that may be torn
	acked := number - 1
	for i := range s.runs {
		var err error
		if number, err = s.rewrite(&s.runs[i], segmentName(s.highest()+1+i), number); err != nil {
			return fmt.Errorf("spool: write what is whole: %w", err)
		}
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return err
	}
	if s.noteErr != nil {
		if err := s.anew(); err != nil {
			return err
		}
	}
	if err := errors.Join(s.noteFile.write(note{acked, number - 1}), s.noteFile.file.Sync()); err != nil {
		return err
	}
	for _, f := range s.segments { // only now, and because some of it may be unreadable for ever
		if err := s.fs.Remove(filepath.Join(s.dir, f.name)); err != nil {
			return err
		}
	}
	return s.fs.SyncDir(s.dir)
}

// rewrite copies a run into a new segment, and returns the number for the next group.
func (s *survey) rewrite(r *run, name string, number uint64) (next uint64, err error) {
	to, err := s.fs.Create(filepath.Join(s.dir, name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	var group []byte
	for at := r.offset; at < r.end; number++ {
		group = append(group[:0], make([]byte, HeadBytes)...)
		if _, err := r.file.file.ReadAt(group, at); err != nil {
			return 0, err
		}
		h, _ := parseHead(group) // it was there a moment ago, and its checksum comes next
		group = append(group, make([]byte, h.size()-HeadBytes)...)
		if _, err := r.file.file.ReadAt(group, at); err != nil {
			return 0, err
		}
		if _, _, ok := parseGroup(group); !ok {
			return 0, fmt.Errorf("%s, offset %d: a group that was whole is not any more", r.file.name, at)
		}
		seal(group[:HeadBytes+h.length], number, h.records, h.time())
		if _, err := to.WriteAt(group, at-r.offset); err != nil {
			return 0, err
		}
		at += h.size()
	}
	return number, to.Sync()
}
