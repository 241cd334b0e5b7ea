package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/embedded/child"
)

// unreachableBase is where the server's files go when root keeps its data where nobody else may look.
const unreachableBase = "/var/lib/tiffin"

// orphanPatience is how long a server that a killed Tiffin left behind may take to stop.
const orphanPatience = 10 * time.Second

// home is the folder that belongs to the PostgreSQL server: its data, and the server itself if it had to be downloaded.
type home struct {
	dir        string
	credential *syscall.Credential // whom the server runs as; nil is ourselves
}

func (h home) data() string { return filepath.Join(h.dir, "data") }

// environment is what the server's programs see: nothing of ours, such as PGPORT, may change what they do.
func (h home) environment() []string {
	return []string{"LC_ALL=C", "HOME=" + h.dir, "PATH=" + os.Getenv("PATH")}
}

// openHome finds or makes the server's folder, dir/home. When we are root the server runs as another user, who
// must be able to get there; where he is not (a directory under /root), dir/home becomes a symbolic link
// to a new folder under base. So removing dir is still all it takes to start afresh.
func openHome(dir, base string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, err
	}
	c, err := child.FromRoot("postgres", "nobody")
	if err != nil {
		return home{}, err
	}
	path := filepath.Join(dir, "home")
	_, err = os.Stat(path)
	switch {
	case err == nil:
	case !errors.Is(err, os.ErrNotExist):
		return home{}, err
	case c != nil && !reachable(dir, c):
		if err := linkElsewhere(path, base); err != nil {
			return home{}, fmt.Errorf("PostgreSQL can't run as root, and its user can't reach %s (choose another directory with --data): %w", dir, err)
		}
	default:
		if err := os.Mkdir(path, 0o700); err != nil {
			return home{}, err
		}
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return home{}, err
	}
	h := home{dir: path, credential: c}
	if c == nil {
		return h, nil
	}
	// Data that an ordinary user has made keeps its owner; PostgreSQL insists on it.
	if info, err := os.Stat(h.data()); err == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 {
			h.credential = &syscall.Credential{Uid: s.Uid, Gid: s.Gid}
			return h, nil
		}
	}
	return h, os.Chown(h.dir, int(c.Uid), int(c.Gid))
}

// linkElsewhere makes a new folder under base and a link to it.
func linkElsewhere(link, base string) error {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	target, err := os.MkdirTemp(base, "postgres-")
	if err != nil {
		return err
	}
	_ = os.Remove(link) // one that points to a folder that is gone
	return os.Symlink(target, link)
}

// reachable says whether the user may walk through every folder down to the path.
func reachable(path string, c *syscall.Credential) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err != nil {
			return false
		}
		s, ok := info.Sys().(*syscall.Stat_t)
		walk := os.FileMode(0o001)
		switch {
		case ok && s.Uid == c.Uid:
			walk = 0o100
		case ok && s.Gid == c.Gid:
			walk = 0o010
		}
		if info.Mode()&walk == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
		path = filepath.Dir(path)
	}
}

// create makes the data directory with initdb, unless it is there. It appears whole or not at all: an initdb that
// was interrupted leaves only the folder that it worked in, which the next one removes.
//
// Whoever can connect is let in (-A trust): the server listens on the loopback interface only, its data are a
// developer's, and psql must work without a password to look up. Shared machines should set DATABASE_URL.
//
// initdb does not wait for the disk (--no-sync), the server does: only a machine that loses power within the first
// half minute may lose a database that was just born.
func (h home) create(in installation) error {
	if _, err := os.Stat(filepath.Join(h.data(), "PG_VERSION")); err == nil {
		return nil
	}
	work := h.data() + ".new"
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	if c := h.credential; c != nil {
		if err := os.Chown(work, int(c.Uid), int(c.Gid)); err != nil {
			return err
		}
	}
	_, err := child.Output(child.Command{
		Path: in.program("initdb"),
		Args: []string{
			"-D", work, "--username=tiffin", "-A", "trust", "--no-sync", "--data-checksums",
			"--encoding=UTF8", "--locale=C", // C sorts by bytes: fast, and the same on every machine
		},
		Dir:        "/",
		Env:        h.environment(),
		Credential: h.credential,
	}, readyTimeout)
	if err != nil {
		return fmt.Errorf("create PostgreSQL's data in %s: %w", h.dir, err)
	}
	return os.Rename(work, h.data())
}

// endOrphan stops a server that still runs on our data, and takes away what a killed one left behind. We hold the directory's
// lock, so its Tiffin is gone: it was killed a moment ago.
//
// PostgreSQL has a check of its own, but it must be careful where we know better: a stale postmaster.pid may name a process of a later boot
// or a zombie, and it would refuse to start. The file may only go when nobody is left, for it also guards the memory that workers
// of a killed server still write from. Where there is no /proc, we leave it all to PostgreSQL.
func (h home) endOrphan(ctx context.Context) error {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return nil
	}
	pidFile := filepath.Join(h.data(), "postmaster.pid")
	b, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil // stopped properly, or never started
	}
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	leader, _ := strconv.Atoi(strings.TrimSpace(first)) // 0 if a crash of the machine left rubbish
	left := h.processes()
	if slices.Contains(left, leader) {
		if err := syscall.Kill(leader, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("a PostgreSQL (process %d) still runs in %s and can't be stopped: %w", leader, h.dir, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, orphanPatience)
	defer cancel()
	tick := time.NewTicker(readyPause)
	defer tick.Stop()
	for ; len(left) > 0; left = h.processes() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("an earlier PostgreSQL still runs in %s (processes %v) and does not stop: end it with kill -QUIT", h.dir, left)
		case <-tick.C:
		}
	}
	if err := os.Remove(pidFile); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// processes are the servers and workers that run on our data: PostgreSQL's work in their data directory.
func (h home) processes() []int {
	data, err := os.Stat(h.data())
	if err != nil {
		return nil
	}
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is sound
	for _, link := range links {
		if cwd, err := os.Stat(link); err == nil && os.SameFile(cwd, data) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			pids = append(pids, pid)
		}
	}
	return pids
}
