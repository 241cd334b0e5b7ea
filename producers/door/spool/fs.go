package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// FS is what the log needs of a file system. [Disk] is the machine's; tests put one beneath that fails.
//
// What a crash of the machine leaves behind: all of what was written to a file before its Sync returned nil; of what was
// written later any sectors, and not of those around it. The same holds for the names in a folder and its SyncDir.
// A crash of the process alone leaves everything.
type FS interface {
	// MakeDir makes the folder, and those above it, where they are not there. When it returns, the folder survives a crash.
	MakeDir(dir string) error
	// List returns the names of what is in the folder, in order.
	List(dir string) ([]string, error)
	// Create makes a file that was not there.
	Create(path string) (File, error)
	// Open opens a file that is there.
	Open(path string) (File, error)
	Remove(path string) error
	SyncDir(dir string) error
	// Lock takes a lock on a file that it makes where needed. It lasts until it is closed, or the process ends. It fails
	// with [ErrInUse] if somebody has it.
	Lock(path string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Sync() error
}

// Disk is the file system of this machine. Only its owner may look at what it makes: facts are about people.
type Disk struct{}

// MakeDir implements [FS].
func (d Disk) MakeDir(dir string) error {
	above := filepath.Dir(filepath.Clean(dir))
	_, err := os.Stat(dir)
	if err == nil { // whoever made it may have been killed before it synced the name
		err = d.SyncDir(above)
		if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EROFS) {
			return nil // a folder that can't be read, or a file system that can't be written: it was not we who made it there
		}
		return err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := d.MakeDir(above); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.SyncDir(above)
}

// List implements [FS].
func (Disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// Create implements [FS].
func (Disk) Create(path string) (File, error) {
	return openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements [FS].
func (Disk) Open(path string) (File, error) { return openFile(path, os.O_RDWR) }

// Remove implements [FS].
func (Disk) Remove(path string) error { return os.Remove(path) }

// SyncDir implements [FS].
func (Disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock implements [FS].
func (Disk) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
			if holder, _ := io.ReadAll(io.LimitReader(f, 20)); len(holder) > 0 { // a hint: without it the error is as true
				err = fmt.Errorf("%w, process %s", ErrInUse, strings.TrimSpace(string(holder)))
			}
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil && !noSpace(err) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

type diskFile struct{ *os.File }

func openFile(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// noSpace says whether an error of a file system means that there is no room at the moment. The write that it ended may be
// made again, or another at the same place.
func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
