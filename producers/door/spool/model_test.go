package spool

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// model is what a client of the log knows: the groups in the order in which it was told of them.
type model struct {
	*scene
	known  []int // promised, or unsure and found to be there; the unsure one is the last, if it is
	unsure bool  // nobody was told what became of the last
	acked  int   // how many of known are acknowledged
}

// reopen opens the log and compares it with what is known.
func (m *model) reopen(t *rapid.T) {
	m.calm()
	m.open()
	got := m.read(0, false)
	first := 0
	if len(got) > 0 {
		first = slices.Index(m.known, got[0])
	} else {
		first = len(m.known)
		if m.unsure {
			first--
		}
	}
	if first < 0 || first > m.acked {
		t.Fatalf("read %v, but %v are known, of which %d are acknowledged", got, m.known, m.acked)
	}
	want := m.known[first:]
	if m.unsure && len(got) == len(want)-1 { // it is not there, and must never be
		m.known, want = m.known[:len(m.known)-1], want[:len(want)-1]
	}
	if !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
	m.unsure = false
	m.die() // so that nothing of it is read
	m.open()
}

func (m *model) append(t *rapid.T) {
	err := m.add()
	switch {
	case err == nil:
		m.known = append(m.known, m.written)
	case errors.Is(err, ErrFull), errors.Is(err, ErrNoSpace):
	case errors.Is(err, ErrFailed):
		m.known, m.unsure = append(m.known, m.written), true
		m.recover(t)
	default:
		t.Fatal(err)
	}
}

// calm ends the faults that nobody has met.
func (m *model) calm() { m.disk.set(func(d *fakeDisk) { d.syncs, d.writes, d.fuse = nil, nil, 0 }) }

// recover ends what has failed, and opens the log again.
func (m *model) recover(t *rapid.T) {
	m.die()
	m.reopen(t)
}

// TestAnyCrash: after any crashes and faults, in any order, every group whose Append returned nil is there until it is acknowledged, in
// order, once; what was refused never is; and a crash is never taken for damage.
func TestAnyCrash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{scene: newScene(t, rapid.Uint64().Draw(t, "chance"))}
		defer m.abandon()
		m.open()
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 12).Draw(t, "groups") {
					m.append(t)
				}
			},
			"take": func(t *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(t, "chunks") {
					m.acked += len(m.read(1, true))
				}
			},
			"crash": func(t *rapid.T) {
				m.crash()
				m.reopen(t)
			},
			"crash within": func(t *rapid.T) {
				m.disk.set(func(d *fakeDisk) {
					d.fuse, d.killed = rapid.IntRange(1, 8).Draw(t, "operations"), rapid.Bool().Draw(t, "killed")
				})
				for range 8 {
					m.append(t)
				}
				m.calm()
			},
			"crash while it opens": func(t *rapid.T) {
				m.crash()
				m.calm()
				m.disk.set(func(d *fakeDisk) {
					d.fuse, d.killed = rapid.IntRange(1, 9).Draw(t, "operations"), rapid.Bool().Draw(t, "killed")
				})
				if err := m.start(); err != nil && !errors.Is(err, errGone) {
					t.Fatal(err)
				}
				m.recover(t)
			},
			"die": func(t *rapid.T) { m.recover(t) },
			"close": func(t *rapid.T) {
				m.calm()
				_ = m.log.Close() // the housekeeper may have met a fault before
				m.disk.die()      // if that failed it has the lock
				m.reopen(t)
			},
			"failing sync": func(t *rapid.T) {
				m.disk.set(func(d *fakeDisk) { d.syncs = syscall.EIO })
				m.append(t)
			},
			"failing write": func(t *rapid.T) {
				m.disk.set(func(d *fakeDisk) {
					d.writes = rapid.SampledFrom([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO}).Draw(t, "error")
				})
				m.append(t)
			},
			"full disk": func(t *rapid.T) { m.disk.set(full) },
			"room":      func(t *rapid.T) { m.disk.set(spacious) },
		})
	})
}
