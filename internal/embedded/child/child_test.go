package child

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell starts a script and waits until it has said so.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	ready := make(signal, 1)
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script + "\nwait"}, Log: ready})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	<-ready
	return p
}

// signal is told of the first output.
type signal chan struct{}

func (s signal) Write(b []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(b), nil
}

func TestStopIsPolite(t *testing.T) {
	// KILL, for a TERM may meet the sleeper when it is still a copy of this shell, with its trap.
	p := shell(t, `trap 'kill -KILL $!; echo bye; exit 0' TERM; sleep 600 & echo ready`)
	if err := p.Stop(syscall.SIGTERM, time.Minute); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(p.Tail(), "bye\n") || p.Err() != nil {
		t.Errorf("the child said %q and ended with %v", p.Tail(), p.Err())
	}
	if err := p.Stop(syscall.SIGTERM, time.Minute); err != nil {
		t.Errorf("stopping it twice: %v", err)
	}
}

func TestStopKillsTheDeafWithTheirChildren(t *testing.T) {
	p := shell(t, `trap '' TERM; sleep 600 & echo ready`)
	begin := time.Now()
	if err := p.Stop(syscall.SIGTERM, 10*time.Millisecond); err == nil {
		t.Error("a child that does not listen was stopped politely")
	}
	// Done comes only when nobody holds the output any longer, the sleeper included.
	if waited := time.Since(begin); waited > drainTime {
		t.Errorf("it took %s: the child's child was left behind", waited)
	}
}

func TestTailKeepsTheLast(t *testing.T) {
	var all bytes.Buffer
	tail := tail{next: &all}
	for range 100 {
		if _, err := tail.Write(bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tail.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if got := tail.String(); len(got) != tailBytes || !strings.HasSuffix(got, "the end") {
		t.Errorf("kept %d bytes that end in %q", len(got), got[len(got)-10:])
	}
	if all.Len() != 100*1000+len("the end") {
		t.Errorf("passed on %d bytes", all.Len())
	}
}

func TestOutput(t *testing.T) {
	out, err := Output(Command{Path: "/bin/sh", Args: []string{"-c", "echo fine"}}, time.Minute)
	if err != nil || out != "fine\n" {
		t.Errorf("Output = %q, %v", out, err)
	}
	_, err = Output(Command{Path: "/bin/sh", Args: []string{"-c", "echo broken; exit 3"}}, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("the error is %v, want the code and what was printed", err)
	}
	if _, err = Output(Command{Path: "/bin/sh", Args: []string{"-c", "echo slow; sleep 600"}}, 10*time.Millisecond); err == nil {
		t.Error("a command without end has ended")
	}
	if _, err = Output(Command{Path: "/no/such"}, time.Minute); err == nil {
		t.Error("a program that is not there has run")
	}
}
