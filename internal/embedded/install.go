package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"tiffin/internal/embedded/child"
)

// oldestMajor is the oldest version of PostgreSQL that still gets fixes.
const oldestMajor = 14

// fetchTimeout is how long a download of a server may take.
const fetchTimeout = 10 * time.Minute

// installation is a PostgreSQL server on this machine.
type installation struct {
	bin   string // folder of postgres and initdb
	major int
}

// HasPostgres says whether this machine has a PostgreSQL server that StartPostgres would run, so that nothing needs to be downloaded.
func HasPostgres(ctx context.Context) bool {
	c, err := child.FromRoot("postgres", "nobody")
	if err != nil {
		return false
	}
	_, ok := choose(candidates(ctx), 0, c)
	return ok
}

// install finds the server to run: one of the machine's, or the one that an earlier start has downloaded, or a new download.
// Data that exist already need the major version that made them.
func (h home) install(ctx context.Context, log io.Writer) (installation, error) {
	wanted, err := h.dataVersion()
	if err != nil {
		return installation{}, err
	}
	downloaded := filepath.Join(h.dir, "server")
	if in, ok := choose(append(candidates(ctx), filepath.Join(downloaded, "bin")), wanted, h.credential); ok {
		return in, nil
	}
	if err := fetch(ctx, downloaded, wanted, log); err != nil {
		need := "no PostgreSQL was found on this machine"
		if wanted != 0 {
			need = fmt.Sprintf("the data in %s need PostgreSQL %d, which was not found on this machine", h.dir, wanted)
		}
		return installation{}, fmt.Errorf("%s, and the download failed: install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or give a server of your own with DATABASE_URL: %w", need, err)
	}
	in, ok := choose([]string{filepath.Join(downloaded, "bin")}, wanted, h.credential)
	if !ok {
		return installation{}, fmt.Errorf("the PostgreSQL downloaded to %s does not run on this machine: install one (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql)", downloaded)
	}
	return in, nil
}

// dataVersion is the major version that made the data, 0 if there are none yet.
func (h home) dataVersion() (int, error) {
	b, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// candidates are the folders where this machine may have a server, best first: what the user put on the PATH, Debian's
// folders per version (newest first), and where pg_config points to.
func candidates(ctx context.Context) []string {
	var bins []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// The other programs are beside the real file, not beside a link to it.
		if path, err = filepath.EvalSymlinks(path); err == nil {
			bins = append(bins, filepath.Dir(path))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is sound
	slices.SortFunc(debian, func(a, b string) int {
		return debianVersion(b) - debianVersion(a)
	})
	bins = append(bins, debian...)
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		bins = append(bins, strings.TrimSpace(string(out)))
	}
	return bins
}

// debianVersion is the 15 of /usr/lib/postgresql/15/bin, 0 for anything else.
func debianVersion(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

var versionLine = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// choose takes the first folder with a server of the wanted major version (0: any that is not too old) that the user can run.
func choose(bins []string, wanted int, c *syscall.Credential) (installation, bool) {
	for _, bin := range bins {
		if c != nil && !reachable(bin, c) {
			continue
		}
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue // a client's installation
		}
		out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
		if err != nil {
			continue
		}
		m := versionLine.FindSubmatch(out)
		if m == nil {
			continue
		}
		major, err := strconv.Atoi(string(m[1]))
		if err == nil && (major == wanted || wanted == 0 && major >= oldestMajor) {
			return installation{bin: bin, major: major}, true
		}
	}
	return installation{}, false
}

// fetch downloads a server into dir, which appears whole or not at all. It ends early with the context.
func fetch(ctx context.Context, dir string, major int, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	versions := map[int]embeddedpostgres.PostgresVersion{
		0: embeddedpostgres.V17, 14: embeddedpostgres.V14, 15: embeddedpostgres.V15,
		16: embeddedpostgres.V16, 17: embeddedpostgres.V17, 18: embeddedpostgres.V18,
	}
	version, ok := versions[major]
	if !ok {
		return fmt.Errorf("there is no download of PostgreSQL %d", major)
	}
	if log != nil {
		_, _ = fmt.Fprintf(log, "no PostgreSQL on this machine: downloading %s (once, about 10 MB)\n", version)
	}
	done := make(chan error, 1) // so that a download that nobody waits for any longer can end
	go func() {
		defer func() {
			if p := recover(); p != nil { // the library panics when a temporary file can't be removed
				done <- fmt.Errorf("download PostgreSQL: %v", p)
			}
		}()
		done <- download(dir, version)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// download uses the library that knows where the servers are. Its only way to download one is to start it; whether its own
// start works does not matter (as root it never does), only whether the server is there afterwards.
func download(dir string, version embeddedpostgres.PostgresVersion) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), "download-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // the next download does not need its name
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	addr, err := freeAddr("127.0.0.1", 0)
	if err != nil {
		return err
	}
	_, port, err := splitAddr(addr, "")
	if err != nil {
		return err
	}
	server := filepath.Join(work, "server")
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		Port(uint32(port)).
		CachePath(filepath.Join(work, "cache")).
		BinariesPath(server).
		RuntimePath(filepath.Join(work, "run")).
		Logger(io.Discard))
	startErr := library.Start()
	if startErr == nil {
		startErr = library.Stop()
	}
	if _, err := os.Stat(filepath.Join(server, "bin", "postgres")); err != nil {
		return errors.Join(startErr, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(server, dir)
}
