package embedded

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/internal/embedded/child"
)

// reachableDir is a t.TempDir that the server's user may enter when the tests run as root.
func reachableDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startPostgres(t *testing.T, dir, addr string) *Postgres {
	t.Helper()
	begin := time.Now()
	p, err := StartPostgres(t.Context(), PostgresConfig{Dir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// query runs statements in a connection of its own and returns the last one's single value.
func query(t *testing.T, p *Postgres, statements ...string) string {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	last := len(statements) - 1
	for _, s := range statements[:last] {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(s, err)
		}
	}
	var value string
	if err := conn.QueryRow(ctx, statements[last]).Scan(&value); err != nil {
		t.Fatal(statements[last], err)
	}
	return value
}

func TestPostgresKeepsDataBetweenStarts(t *testing.T) {
	dir := reachableDir(t)
	p := startPostgres(t, dir, ownAddr(t))
	query(t, p, "CREATE TABLE lane (id int)", "INSERT INTO lane VALUES (7)", "SELECT 'ok'")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("Close returned before the server had ended")
	}
	again := startPostgres(t, dir, p.Addr())
	if got := query(t, again, "SELECT id::text FROM lane"); got != "7" {
		t.Errorf("the row after the second start is %q, want 7", got)
	}
}

func TestPostgresLosesNothingCommitted(t *testing.T) {
	p := startPostgres(t, reachableDir(t), "127.0.0.1:0")
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on", "server_encoding": "UTF8",
	} {
		if got := query(t, p, "SHOW "+setting); got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
}

func TestPostgresRecoversFromKill(t *testing.T) {
	dir := reachableDir(t)
	p := startPostgres(t, dir, ownAddr(t))
	query(t, p, "CREATE TABLE lane (id int)", "INSERT INTO lane VALUES (7)", "SELECT 'ok'")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Close(); err != nil {
		t.Errorf("closing a server that is gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "home", "data", "postmaster.pid")); err != nil {
		t.Errorf("the kill left no stale postmaster.pid, so this test shows nothing: %v", err)
	}
	again := startPostgres(t, dir, p.Addr())
	if got := query(t, again, "SELECT id::text FROM lane"); got != "7" {
		t.Errorf("the row after the kill is %q, want 7", got)
	}
}

// A Tiffin that is killed with -9 takes its server along; whatever is left of it when the next one starts is ended.
func TestPostgresEndsWithItsParent(t *testing.T) {
	dir := reachableDir(t)
	parent := exec.Command(os.Args[0], "-test.run=^TestParentOfPostgres$", "-test.v")
	parent.Env = append(os.Environ(), "TIFFIN_PARENT_DIR="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		if a, found := strings.CutPrefix(lines.Text(), "server on "); found {
			addr = a
		}
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	if addr == "" {
		t.Fatal("the parent started no server")
	}
	p := startPostgres(t, dir, "127.0.0.1:0") // waits for the orphan
	if conn, err := net.Dial("tcp", addr); err == nil {
		_ = conn.Close()
		t.Errorf("the killed parent's server still answers on %s", addr)
	}
	if got := query(t, p, "SELECT id::text FROM lane"); got != "7" {
		t.Errorf("the row that the killed parent wrote is %q, want 7", got)
	}
}

// TestParentOfPostgres is the process that TestPostgresEndsWithItsParent kills.
func TestParentOfPostgres(t *testing.T) {
	dir := os.Getenv("TIFFIN_PARENT_DIR")
	if dir == "" {
		t.Skip("runs as a child of TestPostgresEndsWithItsParent")
	}
	p := startPostgres(t, dir, ownAddr(t))
	query(t, p, "CREATE TABLE lane (id int)", "INSERT INTO lane VALUES (7)", "SELECT 'ok'")
	if _, err := os.Stdout.WriteString("server on " + p.Addr() + "\n"); err != nil {
		t.Fatal(err)
	}
	select {} // until killed
}

func TestPostgresUnderAPrivateDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root hands the server to another user")
	}
	dir, base := reachableDir(t), filepath.Join(reachableDir(t), "elsewhere")
	if err := os.Chmod(dir, 0o700); err != nil { // root's alone
		t.Fatal(err)
	}
	first, err := openHome(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(first.dir) != base || !reachable(first.dir, first.credential) {
		t.Errorf("the server's folder is %s, want one below %s that it can reach", first.dir, base)
	}
	if again, err := openHome(dir, base); err != nil || again.dir != first.dir {
		t.Errorf("the second start uses %s (%v), want %s again", again.dir, err, first.dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if fresh, err := openHome(dir, base); err != nil || fresh.dir == first.dir {
		t.Errorf("after the directory was removed the start uses %s (%v), want a fresh folder", fresh.dir, err)
	}
}

// A crash of the whole machine, or of a container, leaves a postmaster.pid whose number may be anybody's now: here it is a stranger's.
func TestPostgresStartsBesideAnotherProcessWithItsOldID(t *testing.T) {
	dir := reachableDir(t)
	p := startPostgres(t, dir, "127.0.0.1:0")
	pidFile := filepath.Join(dir, "home", "data", "postmaster.pid")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	stale, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "600")
	other.Dir = "/"
	credential, err := child.FromRoot("postgres", "nobody") // of its own user, or PostgreSQL would not mind
	if err != nil {
		t.Fatal(err)
	}
	other.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait() // it was killed
	}()
	_, rest, _ := strings.Cut(string(stale), "\n")
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, dir, "127.0.0.1:0")
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other process was ended: %v", err)
	}
}

func TestPostgresRefusals(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	used := reachableDir(t)
	startPostgres(t, used, "127.0.0.1:0")
	future := reachableDir(t)
	if err := os.MkdirAll(filepath.Join(future, "home", "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(future, "home", "data", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		config PostgresConfig
		says   []string
	}{
		"port taken":            {PostgresConfig{Dir: reachableDir(t), Addr: busy.Addr().String()}, []string{"port " + port + " is taken", "--postgres-addr"}},
		"directory in use":      {PostgresConfig{Dir: used, Addr: "127.0.0.1:0"}, []string{"another Tiffin is using " + used}},
		"everyone would get in": {PostgresConfig{Dir: reachableDir(t), Addr: "0.0.0.0:0"}, []string{"loopback", "--postgres-addr", "DATABASE_URL"}},
		"not an address":        {PostgresConfig{Dir: reachableDir(t), Addr: "5432"}, []string{"not a host:port", "--postgres-addr"}},
		"newer data":            {PostgresConfig{Dir: future, Addr: "127.0.0.1:0"}, []string{"need PostgreSQL 99", "install"}},
		"unknown setting":       {PostgresConfig{Dir: reachableDir(t), Addr: "127.0.0.1:0", Settings: map[string]string{"no_such": "1"}}, []string{"no_such"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := StartPostgres(t.Context(), c.config)
			if err == nil {
				_ = p.Close()
				t.Fatal("started")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestPostgresStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, err := StartPostgres(ctx, PostgresConfig{Dir: reachableDir(t), Addr: "127.0.0.1:0"})
	if err == nil {
		_ = p.Close()
		t.Fatal("started")
	}
}
