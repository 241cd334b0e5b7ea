// Package spool is a durable queue on the local disk: one process appends groups of records and, in the same order, takes
// them off again once they are safe elsewhere. It is what a 202 of the door stands on, so it is built to lose nothing that
// it has promised, and to know when something has been lost all the same.
//
// The log is a folder:
//
//   - segments, files of one size that are filled with zeros before they are used and used again when all that stands in
//     them has been acknowledged: writing over blocks that are there halves the cost of a sync. A segment is nothing
//     but groups, one behind the other, and whatever older bytes stand behind the last;
//   - a note of how far the log was certainly synced, and how far it has been acknowledged;
//   - a lock, so that there is one process.
//
// A group is one write and one sync ([HeadBytes] says what stands before it). Groups are numbered, one by one, for as long
// as the folder lives. So a segment needs no header, and nothing has to be erased: what is numbered up to the acknowledged
// number is old, wherever it stands.
//
// What a crash leaves behind, of the process or of the machine, and what the next [Open] makes of it:
//
//   - before Append's write: nothing;
//   - between its write and the end of its sync: the group whole, or torn, or not at all. A whole one is kept: nobody was
//     told that it was refused. Anything else is a torn tail and is passed over: nobody was told that it was accepted. No
//     group is written before the one before it is synced, so this can befall the last one only: an unreadable group with
//     a later one behind it, or in the next segment, or with a number that the note knows to be synced, is no torn
//     tail but damage, and then Open refuses ([DamagedError]);
//   - after the sync: the group;
//   - while a segment is being made: a file without groups, which is removed, or used once its name is synced;
//   - between an acknowledgement and its note: the note before. What was acknowledged since is read again. (Before a segment
//     is used again or removed the note is synced: what is gone is never missed.)
//
// What the disk says, and what the log makes of it:
//
//   - a segment can't be made, or there is no room (ENOSPC, EDQUOT) where a group is written: the group is refused, nothing
//     of it is promised, and the next one goes to the same place. It works again by itself when there is room;
//   - any other failed write, and any failed sync, of a group or the note: nobody knows what is on the disk, and a sync that succeeds later proves
//     nothing, for the kernel may have dropped what it could not write. The log takes nothing more ([ErrFailed]) until it
//     has been opened anew, which reads everything, and writes and syncs the last group once more.
//
// A sector is taken to be written whole or not at all, and a write to leave the bytes beside it alone, as SQLite and
// PostgreSQL take it.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Errors that callers tell apart. Errors of this package wrap them.
var (
	// ErrFull means that the log has reached its limit. Nothing was written.
	ErrFull = errors.New("the spool is full")
	// ErrNoSpace means that the disk is full, or that no file can be made on it at the moment. Nothing was promised.
	ErrNoSpace = errors.New("the spool gets no space on its disk")
	// ErrTooLarge means that a group does not fit into a segment.
	ErrTooLarge = errors.New("the group is larger than a segment of the spool")
	// ErrFailed means that the disk has failed, now or before. What became of the group that met it first nobody knows; of
	// later ones nothing was written.
	ErrFailed = errors.New("the spool's disk has failed")
	// ErrClosed means that the log has been closed.
	ErrClosed = errors.New("the spool is closed")
	// ErrInUse means that another process has the folder.
	ErrInUse = errors.New("another process is using it")
)

// Sizes, unless configured.
const (
	DefaultSegmentBytes = 64 << 20
	DefaultLimitBytes   = 4 << 30
	// MinLimitBytes is the least limit: eight segments of a block each.
	MinLimitBytes = 8 * blockBytes
)

// Config configures a log. Dir has to be set; the zero value of everything else works.
type Config struct {
	// Dir is the log's folder. It is made where needed.
	Dir string
	// SegmentBytes is the size of a segment. No group can be larger. Defaults to 64 MiB, or an eighth of the limit if
	// that is less.
	SegmentBytes int64
	// LimitBytes is how much the segments may take on disk, all together. The room for groups is less by a segment or two:
	// a segment is given back when all of it has been acknowledged. Defaults to 4 GiB.
	LimitBytes int64
	// Synced hears how long each sync of a group took. Defaults to nobody.
	Synced func(time.Duration)
	// Logger hears what was found at the start, and of a disk that is full or fails. Defaults to silence.
	Logger *slog.Logger
	// FS defaults to [Disk].
	FS FS
}

func (c *Config) complete() error {
	c.LimitBytes = cmp.Or(c.LimitBytes, DefaultLimitBytes)
	c.SegmentBytes = cmp.Or(c.SegmentBytes, min(DefaultSegmentBytes, c.LimitBytes/8)) &^ (blockBytes - 1)
	if c.Synced == nil {
		c.Synced = func(time.Duration) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = Disk{}
	}
	switch {
	case c.Dir == "":
		return errors.New("spool: no folder is given: set Config.Dir")
	case c.LimitBytes < MinLimitBytes:
		return fmt.Errorf("spool: a limit of %d bytes is too small: allow at least %d", c.LimitBytes, MinLimitBytes)
	case c.SegmentBytes < blockBytes || 2*c.SegmentBytes > c.LimitBytes:
		return fmt.Errorf("spool: segments of %d bytes do not go with a limit of %d: give them at least %d, and at most half of the limit", c.SegmentBytes, c.LimitBytes, blockBytes)
	}
	return nil
}

// Stats says how full a log is.
type Stats struct {
	// DiskBytes is what its segments take, of at most LimitBytes.
	DiskBytes, LimitBytes int64
	// Groups, Records and Bytes are not acknowledged yet; UnreadBytes of them not even read.
	Groups, Records    int
	Bytes, UnreadBytes int64
}
