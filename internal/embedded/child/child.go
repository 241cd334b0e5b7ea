// Package child runs a server as a child process that does not outlive us.
//
// An embedded server must be gone when Tiffin is gone, however Tiffin ended: after a polite stop,
// after Ctrl-C in a terminal, and after a kill -9 that left us no time for anything. So a child
// gets a process group of its own (Ctrl-C reaches only Tiffin, which then stops its servers last),
// and on Linux the kernel is asked to stop it when its parent dies.
package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// tailBytes is how much of what the child wrote last is kept for error messages.
const tailBytes = 8 << 10

// drainTime is how long we wait, after the child has ended, for processes that it left behind and
// that still hold its output open.
const drainTime = 10 * time.Second

// Command says what to run. Only Path is required.
type Command struct {
	Path string
	Args []string // without the program's name
	Dir  string   // working directory; "" is ours
	Env  []string // nil is ours

	// Credential is whom to run as; nil is as ourselves. Only root may set it.
	Credential *syscall.Credential

	// Farewell is the signal that the kernel sends to the child when we die (Linux only).
	// Zero is SIGKILL.
	Farewell syscall.Signal

	// Log receives what the child writes to stdout and stderr; nil drops it. The last part is
	// kept for Tail in any case.
	Log io.Writer

	// Inherit sends the output where ours goes, terminal or not; Log and Tail then get nothing.
	Inherit bool
}

// Process is a child that has been started.
type Process struct {
	os   *os.Process
	done chan struct{}
	err  error // valid once done is closed
	tail *tail
}

// Start runs the command. The caller must end it with Stop or Kill, or wait on Done.
func Start(c Command) (*Process, error) {
	p := &Process{done: make(chan struct{}), tail: &tail{next: c.Log}}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdout, cmd.Stderr = p.tail, p.tail
	if c.Inherit {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	}
	cmd.WaitDelay = drainTime
	if c.Farewell == 0 {
		c.Farewell = syscall.SIGKILL
	}
	cmd.SysProcAttr = attributes(c.Credential, c.Farewell)

	started := make(chan error)
	go func() {
		// The kernel's "parent" is the thread that started the child, not the process: were
		// this goroutine to move on and its thread to end, the child would be told that we
		// died. So the thread is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p.os = cmd.Process
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.os.Pid }

// Done is closed when the child has ended and its output has been read to the end.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended: nil for exit code 0. It is valid once Done is closed.
func (p *Process) Err() error { return p.err }

// Tail is the last part of what the child wrote.
func (p *Process) Tail() string { return p.tail.String() }

// Stop sends the polite signal and waits until the child has ended. Past the patience it kills the
// child's whole process group, and says so in the error. A child that has ended already is no error.
func (p *Process) Stop(polite syscall.Signal, patience time.Duration) error {
	p.Signal(polite)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	p.Kill()
	return fmt.Errorf("process %d did not stop within %s and was killed", p.PID(), patience)
}

// Signal sends a signal to the child alone, not to its descendants.
func (p *Process) Signal(s syscall.Signal) {
	_ = p.os.Signal(s) // the only error is that it has ended
}

// SignalGroup sends a signal to the child and everything in its process group.
func (p *Process) SignalGroup(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.PID(), s) // the only error is that all have just ended
	}
}

// Kill ends the child and everything in its process group at once, and waits for it.
func (p *Process) Kill() {
	p.SignalGroup(syscall.SIGKILL)
	<-p.done
}

// Output runs a short command to its end and returns what it printed; a failure's error has it too.
func Output(c Command, limit time.Duration) (string, error) {
	p, err := Start(c)
	if err != nil {
		return "", err
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.Done():
	case <-timer.C:
		p.Kill()
		return "", fmt.Errorf("%s took longer than %s: %s", c.Path, limit, p.Tail())
	}
	if err := p.Err(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("%s: %w: %s", c.Path, err, p.Tail())
	}
	return p.Tail(), nil
}

// FromRoot returns the credential of the first of the users that exists, when we are root; else nil:
// the child then runs as ourselves. Servers such as PostgreSQL refuse to run as root.
func FromRoot(users ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range users {
		if c, err := credential(name); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("running as root needs one of the users %q to hand the server to: create one, or run as another user", users)
}

// tail keeps the last bytes written, and passes everything on.
type tail struct {
	mu   sync.Mutex
	kept []byte
	next io.Writer
}

// Write never fails: a log that can't be written must not stop the server.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if extra := len(t.kept) - tailBytes; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	if t.next != nil {
		_, _ = t.next.Write(b)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
