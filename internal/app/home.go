package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Servers say where an [Up] runs, and how. They stand in servers.json of its data directory while it does.
type Servers struct {
	Kafka       []string `json:"kafka"`
	TopicPrefix string   `json:"topicPrefix,omitzero"`
	DatabaseURL string   `json:"databaseUrl"`
	RedisURL    string   `json:"redisUrl,omitzero"`
	API         string   `json:"api"`
	PID         int      `json:"pid"`
	// Settings are all that is in force there.
	Settings []Setting `json:"settings,omitempty"`
}

// Setting is an option with its value, in which nothing is secret, and where that comes from.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

const (
	serversFile = "servers.json"
	spoolFolder = "spool" // unless another is configured
)

// ReadServers reads where the Up with this data directory runs. Its error is [fs.ErrNotExist] if none does.
func ReadServers(dir string) (s Servers, err error) {
	path := filepath.Join(dir, serversFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s is damaged: remove it, and start `tiffin up` again: %w", path, err)
	}
	return s, nil
}

// FindSpool finds the spool of the Up that runs with this data directory, or has run with it; "" if there is none. Only one that runs,
// or was killed, says where it is if that is somewhere else.
func FindSpool(dir string) (string, error) {
	servers, err := ReadServers(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, s := range servers.Settings {
		if s.Name == "spool-dir" {
			return s.Value, nil
		}
	}
	path := filepath.Join(dir, spoolFolder)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, nil
}

// home is a data directory that this process has taken for itself.
type home struct {
	dir  string
	lock *os.File
}

// openHome creates the directory where needed and locks it; the lock ends with the process, whatever ends that.
func openHome(dir string) (*home, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the data directory can't be made (choose another with --data): %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the data directory can't be used (choose another with --data): %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		by := ""
		if s, err := ReadServers(dir); err == nil {
			by = fmt.Sprintf(" (process %d)", s.PID)
		}
		return nil, errors.Join(fmt.Errorf("another `tiffin up`%s is using %s: stop it, or choose another directory with --data", by, dir), lock.Close())
	}
	return &home{dir: dir, lock: lock}, nil
}

// path is a folder or file in the directory.
func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// announce writes servers.json. Only the owner may read it: there may be a password in it.
func (h *home) announce(s Servers) error {
	data, err := json.Marshal(s, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	// Renamed into place: nobody reads half of it.
	next := h.path(serversFile + ".new")
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, h.path(serversFile))
}

// close says that nothing runs here any more, and lets go of the directory.
func (h *home) close() error {
	err := os.Remove(h.path(serversFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, h.lock.Close())
}
