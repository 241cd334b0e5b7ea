package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// run is groups that stand one behind the other in a segment: whole, numbered without a gap, and not acknowledged.
type run struct {
	file        *segmentFile
	offset, end int64  // from the first byte to behind the last
	lastOffset  int64  // of the last group
	first, last uint64 // sequence numbers
	records     int
	oldest      time.Time
}

func (r *run) groups() int { return int(r.last - r.first + 1) }

// segmentFile is a segment as it was found.
type segmentFile struct {
	name string
	file File
	size int64
	runs []run // in the order of their offsets and numbers
}

// survey is all that can be said of a log by looking at it.
type survey struct {
	fs       FS
	dir      string
	noteFile *noteFile // nil if there is none
	note     note
	noteErr  error
	segments []*segmentFile
	runs     []run // of all segments, in the order of their numbers
	damages  []Damage
}

// look reads everything, unless ctx ends before, and changes nothing. Files stay open; close closes them.
func look(ctx context.Context, fs FS, dir string) (*survey, error) {
	s := &survey{fs: fs, dir: dir}
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	s.noteFile, s.note, s.noteErr = openNote(fs, dir)
	if s.noteErr != nil && !errors.Is(s.noteErr, errNote) && !errors.Is(s.noteErr, os.ErrNotExist) {
		return nil, s.noteErr
	}
	window := &scanner{}
	for _, name := range names {
		if !strings.HasPrefix(name, segmentPrefix) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, s.close())
		}
		if err := s.walk(name, window); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Join(dir, name), err), s.close())
		}
	}
	s.judge()
	return s, nil
}

func (s *survey) close() error {
	var errs []error
	for _, f := range s.segments {
		errs = append(errs, f.file.Close())
	}
	if s.noteFile != nil {
		errs = append(errs, s.noteFile.file.Close())
	}
	return errors.Join(errs...)
}

// walk finds the runs of a segment. What is old (acknowledged, or from an earlier use of the file) is passed over, whole or not.
func (s *survey) walk(name string, window *scanner) error {
	file, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	f := &segmentFile{name: name, file: file}
	s.segments = append(s.segments, f)
	if f.size, err = file.Size(); err != nil {
		return err
	}
	*window = scanner{from: file, size: f.size, window: window.window[:0:cap(window.window)]}
	above := s.note.acked
	for offset := int64(0); ; {
		h, at, ok := window.next(offset, above)
		if !ok {
			break
		}
		last := len(f.runs) - 1
		if last < 0 || at != f.runs[last].end || h.sequence != f.runs[last].last+1 {
			f.runs = append(f.runs, run{file: f, offset: at, first: h.sequence, oldest: h.time()})
			last++
		}
		r := &f.runs[last]
		r.lastOffset, r.end, r.last, r.records = at, at+h.size(), h.sequence, r.records+h.records
		offset, above = r.end, h.sequence
	}
	if window.fault != nil { // a promised group may stand there: a torn write can be read
		s.damages = append(s.damages, Damage{File: name, Offset: window.faultAt, Cause: window.fault})
	}
	return nil
}

// judge puts the runs in order and looks for what is missing. As a group is written only after the sync of the one before,
// a crash can tear the last one only: whatever has a group behind it, or stands in the note, was there once.
func (s *survey) judge() {
	for _, f := range s.segments {
		s.runs = append(s.runs, f.runs...)
	}
	slices.SortFunc(s.runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.file.name, b.file.name))
	})
	if s.noteErr != nil && len(s.runs) > 0 {
		s.damages = append(s.damages, Damage{File: noteName, Cause: s.noteErr, Behind: s.behind(0)})
	}
	expected := s.note.acked + 1
	if s.noteErr != nil && len(s.runs) > 0 {
		expected = s.runs[0].first // nobody knows
	}
	for i := range s.runs {
		r := &s.runs[i]
		at := Damage{File: r.file.name, From: expected, To: r.first - 1, Behind: s.behind(i)}
		if i > 0 {
			at.File, at.Offset = s.runs[i-1].file.name, s.runs[i-1].end
		}
		switch {
		case r.first > expected:
			s.damages = append(s.damages, at)
		case r.first < expected:
			s.damages = append(s.damages, Damage{
				File: r.file.name, Offset: r.offset, From: r.first, To: min(r.last, expected-1), Behind: s.behind(i), Cause: errTwice,
			})
		case i > 0 && s.runs[i-1].file == r.file:
			at.Cause = errBetween
			s.damages = append(s.damages, at)
		}
		expected = max(expected, r.last+1)
	}
	if s.note.synced >= expected {
		d := Damage{File: noteName, From: expected, To: s.note.synced}
		if n := len(s.runs); n > 0 {
			d.File, d.Offset = s.runs[n-1].file.name, s.runs[n-1].end
		}
		s.damages = append(s.damages, d)
	}
}

// What may be wrong with groups that are whole.
var (
	errTwice   = errors.New("these groups are there twice")
	errBetween = errors.New("what stands between two groups has no business there")
)

// behind counts the groups from a run on.
func (s *survey) behind(i int) int {
	n := 0
	for ; i < len(s.runs); i++ {
		n += s.runs[i].groups()
	}
	return n
}

// last is the number of the last group, acknowledged ones included.
func (s *survey) last() uint64 {
	if n := len(s.runs); n > 0 {
		return s.runs[n-1].last
	}
	return s.note.acked
}

// torn says whether the last group is followed by the beginning of another, which was never promised.
func (s *survey) torn() (file string, offset int64, torn bool) {
	candidates := map[*segmentFile]int64{}
	for _, f := range s.segments {
		candidates[f] = 0 // it may have been the first of its segment
	}
	if n := len(s.runs); n > 0 {
		candidates[s.runs[n-1].file] = s.runs[n-1].end
	}
	b := make([]byte, HeadBytes)
	for _, f := range s.segments {
		at := candidates[f]
		if n, _ := f.file.ReadAt(b, at); n < HeadBytes { // at the end of the segment, or unreadable: nothing to see
			continue
		}
		if h, ok := parseHead(b); ok && h.sequence == s.last()+1 {
			return f.name, at, true
		}
	}
	return "", 0, false
}

const segmentPrefix = "segment-"

func segmentName(number int) string { return fmt.Sprintf("%s%08d", segmentPrefix, number) }

// highest is the greatest number of a segment's name.
func (s *survey) highest() int {
	most := 0
	for _, f := range s.segments {
		if n, err := strconv.Atoi(strings.TrimPrefix(f.name, segmentPrefix)); err == nil {
			most = max(most, n)
		}
	}
	return most
}

// Damage is something in a log that no crash explains.
type Damage struct {
	File   string // in the log's folder
	Offset int64  // where what is missing should begin
	// From and To are the groups that are missing, or whatever Cause says; 0 if it is not about groups.
	From, To uint64
	Behind   int   // how many whole groups stand behind it
	Cause    error // nil: they are not there, or not what their checksums say
}

func (d Damage) String() string {
	text := fmt.Sprintf("%s, offset %d", d.File, d.Offset)
	switch {
	case d.From == d.To && d.From > 0:
		text += fmt.Sprintf(": group %d", d.From)
	case d.From > 0:
		text += fmt.Sprintf(": groups %d to %d", d.From, d.To)
	}
	if d.Cause != nil {
		text += ": " + d.Cause.Error()
	} else {
		text += " missing or unreadable"
	}
	if d.Behind > 0 {
		text += fmt.Sprintf(" (%d whole groups stand behind it)", d.Behind)
	}
	return text
}

// DamagedError means that promised groups of a log can't be read, and that no crash explains it: a torn write is no damage.
type DamagedError struct {
	Dir     string
	Damages []Damage
}

func (e *DamagedError) Error() string {
	var all []string
	for _, d := range e.Damages {
		all = append(all, d.String())
	}
	return fmt.Sprintf("the spool %s is damaged: %s. Look at the disk first. Then `tiffin spool salvage %s` puts copies aside and keeps every whole group; "+
		"what is missing was promised, and is lost", e.Dir, strings.Join(all, "; "), e.Dir)
}
