package sagasim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tiffin/saga/lane"
)

// Epoch is the time of day at which a simulation begins.
var Epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// process is a process of the simulated world, from its start to its death. It is its own [lane.Machine].
type process struct {
	world  *world
	name   string // "p1", and after its first death "p1'"
	slot   int    // which of the processes it is
	random *rand.Rand
	skew   time.Duration // of its clock
	ahead  time.Duration // the most that it ever was
	began  time.Duration

	dead, paused bool
	late         []func() // what came while it was paused
	tasks        []*task
	running      *task
	outlives     []outlive
	stop         func() // ends it in good order
	ids          int
}

type outlive struct {
	ctx context.Context
	d   time.Duration
	cut func()
}

// after lets something happen in the process: later, if it is paused then, and never, if it is dead.
func (p *process) after(d time.Duration, run func()) {
	p.world.after(d, func() { p.happen(run) })
}

func (p *process) happen(run func()) {
	switch {
	case p.dead:
	case p.paused:
		p.late = append(p.late, run)
	default:
		run()
	}
}

// soon is after a moment, so that what happens at once happens in any order.
func (p *process) soon(run func()) {
	p.after(time.Duration(p.random.Int64N(int64(50*time.Microsecond))), run)
}

// resume ends a pause.
func (p *process) resume() {
	p.paused = false
	late := p.late
	p.late = nil
	for _, run := range late {
		p.happen(run)
	}
}

// die ends the process with whatever it was doing. If one of its own tasks runs, this does not return.
func (p *process) die() {
	if p.dead {
		return
	}
	p.dead = true
	p.world.tracef("%s dies", p.name)
	p.world.database.lost(p)
	for _, t := range slices.Clone(p.tasks) {
		if t != p.running {
			t.stop()
		}
	}
	if p.running != nil {
		panic(killed{})
	}
}

// ended looks after contexts that may have ended: who waits under one is woken.
func (p *process) ended() {
	for _, t := range p.tasks {
		if t.waits && t.ctx.Err() != nil {
			t.waits = false
			turn := t.turn
			p.soon(func() {
				if t.turn == turn {
					t.resume()
				}
			})
		}
	}
	p.outlives = slices.DeleteFunc(p.outlives, func(o outlive) bool {
		if o.ctx.Err() != nil {
			p.after(o.d, o.cut)
			return true
		}
		return false
	})
}

func (p *process) Now() time.Time    { return Epoch.Add(p.world.now + p.skew) }
func (p *process) Up() time.Duration { return p.world.now - p.began }
func (p *process) Uint64() uint64    { return p.random.Uint64() }

func (p *process) NewID() string {
	p.ids++
	return fmt.Sprintf("%s-%d", p.name, p.ids)
}

func (p *process) Pause(ctx context.Context, d time.Duration) {
	p.wait(ctx, "a pause", func(wake func()) { p.after(p.unpunctual(d), wake) })
}

// unpunctual: nobody is promised to be woken in time, and who is woken more rarely has more to do at once.
func (p *process) unpunctual(d time.Duration) time.Duration {
	return d + time.Duration(p.random.Int64N(int64(d)*int64(p.world.plan.Sloth)+1))
}

// processKey finds the process in a context.
type processKey struct{}

func (p *process) Cancel(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Value(processKey{}) == nil {
		ctx = context.WithValue(ctx, processKey{}, p)
	}
	c, cancel := context.WithCancel(ctx)
	return c, func() {
		cancel()
		p.ended()
	}
}

func (p *process) Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c, cancel := p.Cancel(ctx)
	p.after(d, func() {
		if c.Err() == nil {
			cancel()
		}
	})
	return c, cancel
}

func (p *process) Outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c, cancel := p.Cancel(context.WithoutCancel(ctx))
	p.outlives = append(p.outlives, outlive{ctx, d, cancel})
	return c, cancel
}

func (p *process) Bell() lane.Bell   { return &bell{process: p} }
func (p *process) Tasks() lane.Tasks { return &tasks{process: p} }

type bell struct {
	process *process
	rung    bool
	wake    func()
}

func (b *bell) Ring() {
	b.rung = true
	if b.wake != nil {
		b.wake()
	}
}

func (b *bell) Wait(ctx context.Context, d time.Duration) {
	p := b.process
	if b.rung {
		b.rung = false
		p.wait(ctx, "a turn", func(wake func()) { wake() })
		return
	}
	p.wait(ctx, "a bell", func(wake func()) {
		b.wake = wake
		if d > 0 {
			p.after(p.unpunctual(d), wake)
		}
	})
	b.rung, b.wake = false, nil
}

// tasks are some of a process's tasks.
type tasks struct {
	process *process
	left    int
	wake    func()
}

func (t *tasks) Go(fn func()) {
	t.left++
	t.process.start(func() {
		defer func() {
			if t.left--; t.left == 0 && t.wake != nil {
				t.wake()
			}
		}()
		fn()
	})
}

func (t *tasks) Wait() {
	if t.left > 0 {
		t.process.wait(context.Background(), "tasks", func(wake func()) { t.wake = wake })
		t.wake = nil
	}
}
