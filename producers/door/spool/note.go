package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
)

// note is what the log knows for certain. Both numbers only ever grow, and an older note is as true as a newer one, it only
// says less: so it is written now and then, and synced only where something is built on it.
type note struct {
	// acked: groups up to here are not needed any more, wherever they stand.
	acked uint64
	// synced: groups up to here were on the disk. One that is not there now has been lost, not torn.
	synced uint64
}

// noteFile keeps the note in two places in turn. A crash while one is written leaves the other.
type noteFile struct {
	file File
	turn uint64 // of the last that was written
}

const (
	noteName  = "note"
	noteMagic = "tiffin spool 1\n\x00"
	noteBytes = 48      // magic 16, turn 8, acked 8, synced 8, nothing 4, checksum 4
	slotBytes = 4 << 10 // no write can tear both
)

// errNote means that neither place holds a note.
var errNote = errors.New("its checksum is wrong")

// createNote makes the file with the first note, and syncs it and its folder.
func createNote(fs FS, dir string) (*noteFile, error) {
	f, err := fs.Create(filepath.Join(dir, noteName))
	if err != nil {
		return nil, err
	}
	n := &noteFile{file: f}
	_, err = f.WriteAt(make([]byte, 2*slotBytes), 0)
	if err = errors.Join(err, n.write(note{})); err == nil {
		err = errors.Join(f.Sync(), fs.SyncDir(dir))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), fs.Remove(filepath.Join(dir, noteName)))
	}
	return n, nil
}

// openNote reads the note that was written last. The file is open also if that fails with errNote.
func openNote(fs FS, dir string) (*noteFile, note, error) {
	path := filepath.Join(dir, noteName)
	f, err := fs.Open(path)
	if err != nil {
		return nil, note{}, err
	}
	n, last := &noteFile{file: f}, note{}
	b := make([]byte, noteBytes)
	for slot := range int64(2) {
		if _, err := f.ReadAt(b, slot*slotBytes); err != nil {
			continue // shorter than it was made, or a bad sector
		}
		le := binary.LittleEndian
		if string(b[:16]) != noteMagic || le.Uint32(b[44:]) != crc32.Checksum(b[:44], checksums) {
			continue
		}
		if turn := le.Uint64(b[16:]); turn > n.turn {
			n.turn, last = turn, note{le.Uint64(b[24:]), le.Uint64(b[32:])}
		}
	}
	if n.turn == 0 {
		return n, last, fmt.Errorf("%s: %w", path, errNote)
	}
	return n, last, nil
}

// write writes a note, without syncing it.
func (n *noteFile) write(what note) error {
	le := binary.LittleEndian
	b := make([]byte, 0, noteBytes)
	b = append(b, noteMagic...)
	b = le.AppendUint64(b, n.turn+1)
	b = le.AppendUint64(b, what.acked)
	b = le.AppendUint64(b, what.synced)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, crc32.Checksum(b, checksums))
	if _, err := n.file.WriteAt(b, int64(n.turn%2)*slotBytes); err != nil {
		return err
	}
	n.turn++
	return nil
}
