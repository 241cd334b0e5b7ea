package proc_test

import (
	"net"
	"os"
	"slices"
	"testing"

	"tiffin/internal/proc"
)

func TestThisProcess(t *testing.T) {
	self := os.Getpid()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if pid, err := proc.Listener(l.Addr().String()); err != nil || pid != self {
		t.Errorf("process %d listens, %v; want %d", pid, err, self)
	}
	if parent, err := proc.Parent(self); err != nil || parent != os.Getppid() || !slices.Contains(proc.Children()[parent], self) {
		t.Errorf("the parent is %d, %v; want %d", parent, err, os.Getppid())
	}
	var spent float64
	for spent < 0.05 { // it spends some by asking
		now, err := proc.CPU(self)
		if err != nil || now < spent {
			t.Fatalf("%f s after %f: %v", now, spent, err)
		}
		spent = now
	}
	if all, err := proc.CPUWithEnded(self); err != nil || all < spent {
		t.Errorf("%f s with children, %f without: %v", all, spent, err)
	}
}

func TestNoSuchProcess(t *testing.T) {
	if _, err := proc.CPU(-1); err == nil {
		t.Error("a process that is not there has spent time")
	}
	for _, addr := range []string{"127.0.0.1:1", "127.0.0.1", "127.0.0.1:http"} {
		if pid, err := proc.Listener(addr); err == nil {
			t.Errorf("process %d listens on %s", pid, addr)
		}
	}
}
