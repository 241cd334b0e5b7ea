package spool

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

const sectorBytes = 512

// fakeDisk is a file system whose machine can crash, and that can be full, fail, and forget. It keeps apart what is on the disk and
// what the kernel only remembers.
type fakeDisk struct {
	mu     sync.Mutex
	random *rand.Rand
	epoch  int // of the machine: files that were opened before a crash are of no use
	files  map[string]*fakeFile
	synced map[string]*fakeFile // the names that survive a crash
	locked map[string]bool

	fuse   int           // the machine crashes at the so-manieth change or sync from now on, in the middle of it; 0 is never
	killed bool          // the fuse ends the process alone
	room   int64         // bytes that may be added; -1 is any number
	syncs  error         // what the next Sync of a file fails with, once
	writes error         // what the next WriteAt fails with, after half of it, once
	lying  bool          // Sync does nothing
	slow   time.Duration // what each Sync takes
}

// fakeFile is an inode. A process reads data; a crash leaves what is on the disk, and any of the dirty sectors.
type fakeFile struct {
	data  []byte
	disk  []byte
	dirty map[int64]bool // sectors
	bad   map[int64]bool // sectors that can't be read
}

func newFakeDisk(random *rand.Rand) *fakeDisk {
	return &fakeDisk{random: random, files: map[string]*fakeFile{}, synced: map[string]*fakeFile{}, locked: map[string]bool{}, room: -1}
}

// crash ends the machine: of what was not synced, each sector is on the disk or not, by chance.
func (d *fakeDisk) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end()
}

func (d *fakeDisk) end() {
	d.leave()
	names := slices.Sorted(maps.Keys(d.files))
	for _, name := range slices.Sorted(maps.Keys(d.synced)) {
		if d.files[name] == nil && d.random.IntN(2) == 0 {
			delete(d.synced, name) // its removal is on the disk
		}
	}
	for _, name := range names {
		if d.synced[name] == nil && d.random.IntN(2) == 0 {
			d.synced[name] = d.files[name] // its making is on the disk
		}
	}
	for _, f := range d.synced {
		for _, sector := range slices.Sorted(maps.Keys(f.dirty)) {
			if d.random.IntN(2) == 0 {
				f.flush(sector)
			}
		}
		f.data, f.dirty = slices.Clone(f.disk), map[int64]bool{}
	}
	d.files = maps.Clone(d.synced)
}

// burns says whether the machine crashes now.
func (d *fakeDisk) burns() bool {
	if d.fuse == 0 {
		return false
	}
	if d.fuse--; d.fuse > 0 {
		return false
	}
	if d.killed {
		d.leave()
	} else {
		d.end()
	}
	return true
}

// die ends the process alone: everything stays as the kernel has it.
func (d *fakeDisk) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leave()
}

func (d *fakeDisk) leave() {
	d.epoch++
	d.fuse = 0
	clear(d.locked)
}

// process is the disk as one process sees it, until its end.
type process struct {
	*fakeDisk
	epoch int
}

// change says whether the process may still change something; the fuse burns.
func (p process) change() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != p.fakeDisk.epoch || p.burns() {
		return errGone
	}
	return nil
}

func (p process) Create(path string) (File, error) {
	if err := p.change(); err != nil {
		return nil, err
	}
	return p.fakeDisk.Create(path)
}

func (p process) Remove(path string) error {
	if err := p.change(); err != nil {
		return err
	}
	return p.fakeDisk.Remove(path)
}

func (p process) SyncDir(dir string) error {
	if err := p.change(); err != nil {
		return err
	}
	return p.fakeDisk.SyncDir(dir)
}

// flush brings a sector to the disk.
func (f *fakeFile) flush(sector int64) {
	from := sector * sectorBytes
	to := min(from+sectorBytes, int64(len(f.data)))
	if int64(len(f.disk)) < to {
		f.disk = append(f.disk, make([]byte, to-int64(len(f.disk)))...)
	}
	copy(f.disk[from:to], f.data[from:to])
	delete(f.dirty, sector)
}

// flip changes a bit of a file, on the disk and in memory.
func (d *fakeDisk) flip(path string, offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[path]
	f.data[offset] ^= 0x10
	f.disk[offset] ^= 0x10
}

// spoil makes a sector unreadable.
func (d *fakeDisk) spoil(path string, offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[path].bad[offset/sectorBytes] = true
}

// set changes what the disk does from now on.
func (d *fakeDisk) set(change func(*fakeDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// used is the size of all segments.
func (d *fakeDisk) used() (bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.files {
		if len(filepath.Base(name)) == len(segmentName(0)) {
			bytes += int64(len(f.data))
		}
	}
	return bytes
}

func (d *fakeDisk) MakeDir(string) error { return nil }

func (d *fakeDisk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

func (d *fakeDisk) Create(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] != nil {
		return nil, os.ErrExist
	}
	f := &fakeFile{dirty: map[int64]bool{}, bad: map[int64]bool{}}
	d.files[path] = f
	return &handle{d, f, d.epoch}, nil
}

func (d *fakeDisk) Open(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] == nil {
		return nil, os.ErrNotExist
	}
	return &handle{d, d.files[path], d.epoch}, nil
}

func (d *fakeDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[path]
	if f == nil {
		return os.ErrNotExist
	}
	if d.room >= 0 {
		d.room += int64(len(f.data))
	}
	delete(d.files, path)
	return nil
}

func (d *fakeDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path := range d.synced {
		if filepath.Dir(path) == dir && d.files[path] == nil {
			delete(d.synced, path)
		}
	}
	for path, f := range d.files {
		if filepath.Dir(path) == dir {
			d.synced[path] = f
		}
	}
	return nil
}

func (d *fakeDisk) Lock(path string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked[path] {
		return nil, ErrInUse
	}
	d.locked[path] = true
	return &fakeLock{d, path, d.epoch}, nil
}

type fakeLock struct {
	disk  *fakeDisk
	path  string
	epoch int
}

func (l *fakeLock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if l.epoch == l.disk.epoch {
		delete(l.disk.locked, l.path)
	}
	return nil
}

// handle is an open file.
type handle struct {
	disk  *fakeDisk
	file  *fakeFile
	epoch int
}

var errGone = errors.New("this process has crashed")

func (h *handle) lock() error {
	h.disk.mu.Lock()
	if h.epoch != h.disk.epoch {
		h.disk.mu.Unlock()
		return errGone
	}
	return nil
}

func (h *handle) ReadAt(b []byte, offset int64) (int, error) {
	if err := h.lock(); err != nil {
		return 0, err
	}
	defer h.disk.mu.Unlock()
	for sector := range h.file.bad {
		if from := sector * sectorBytes; from < offset+int64(len(b)) && offset < from+sectorBytes {
			return 0, syscall.EIO
		}
	}
	if offset >= int64(len(h.file.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.file.data[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, offset int64) (int, error) {
	if err := h.lock(); err != nil {
		return 0, err
	}
	defer h.disk.mu.Unlock()
	d, f := h.disk, h.file
	var failed error
	if d.writes != nil {
		failed, d.writes, b = d.writes, nil, b[:len(b)/2]
	}
	if grow := offset + int64(len(b)) - int64(len(f.data)); grow > 0 {
		if d.room >= 0 && grow > d.room {
			return 0, syscall.ENOSPC
		}
		if d.room >= 0 {
			d.room -= grow
		}
		f.data = append(f.data, make([]byte, grow)...)
	}
	n := copy(f.data[offset:], b)
	for sector := offset / sectorBytes; sector*sectorBytes < offset+int64(n); sector++ {
		f.dirty[sector] = true
	}
	if d.burns() {
		return 0, errGone
	}
	return n, failed
}

func (h *handle) Size() (int64, error) {
	if err := h.lock(); err != nil {
		return 0, err
	}
	defer h.disk.mu.Unlock()
	return int64(len(h.file.data)), nil
}

// Sync brings everything to the disk. Where it fails, the kernel takes the sectors for clean all the same: what of them is
// not on the disk by chance never gets there, unless it is written again.
func (h *handle) Sync() error {
	h.disk.mu.Lock()
	slow := h.disk.slow
	h.disk.mu.Unlock()
	if slow > 0 {
		<-time.After(slow)
	}
	if err := h.lock(); err != nil {
		return err
	}
	defer h.disk.mu.Unlock()
	d, f := h.disk, h.file
	if d.burns() {
		return errGone
	}
	if d.lying {
		return nil
	}
	failed := d.syncs
	d.syncs = nil
	for _, sector := range slices.Sorted(maps.Keys(f.dirty)) {
		if failed == nil || d.random.IntN(2) == 0 {
			f.flush(sector)
		}
	}
	clear(f.dirty)
	return failed
}

func (h *handle) Close() error { return nil }
