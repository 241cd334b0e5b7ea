package sagasim

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// engine is simulated time: what happens, happens as an event at its moment, one after the other. Nothing runs beside it.
type engine struct {
	now    time.Duration
	events events
	seq    uint64
	random *rand.Rand // of what is no process's own
	trace  *Trace     // nil: nobody reads it
}

type event struct {
	at  time.Duration
	seq uint64 // of two at one moment, the one that was planned first
	run func()
}

// events are a heap: the next one is the first.
type events []event

func (e event) before(other event) bool {
	return e.at < other.at || e.at == other.at && e.seq < other.seq
}

func (q *events) push(e event) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 && e.before(h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = e
	*q = h
}

func (q *events) pop() event {
	h := *q
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = event{}
	h = h[:len(h)-1]
	*q = h
	for i, child := 0, 1; len(h) > 0; i, child = child, 2*child+1 {
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if child >= len(h) || !h[child].before(last) {
			h[i] = last
			break
		}
		h[i] = h[child]
	}
	return first
}

func (e *engine) after(d time.Duration, run func()) {
	e.seq++
	e.events.push(event{e.now + max(0, d), e.seq, run})
}

// step lets the next event happen. It says whether there was one.
func (e *engine) step() bool {
	if len(e.events) == 0 {
		return false
	}
	next := e.events.pop()
	e.now = next.at
	next.run()
	return true
}

// between is a random time.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

// task is a goroutine of a process, as far as that thinks: it runs until it waits for something, and nothing else meanwhile.
type task struct {
	process *process
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	turn    int // counts its waits: who comes to wake it from an earlier one is too late
	waits   bool
	ctx     context.Context // of the wait
	what    string          // it waits for
}

// killed unwinds the tasks of a process that has died.
type killed struct{}

// start runs fn as a task of the process, soon.
func (p *process) start(fn func()) {
	t := &task{process: p}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(killed); !ok {
					panic(r)
				}
			}
		}()
		fn()
	})
	p.tasks = append(p.tasks, t)
	p.soon(func() { t.resume() })
}

// resume runs the task until it waits again, or ends.
func (t *task) resume() {
	p := t.process
	before := p.running
	p.running = t
	_, more := t.next()
	p.running = before
	if !more {
		p.tasks = slices.DeleteFunc(p.tasks, func(other *task) bool { return other == t })
	}
}

// wait ends when somebody wakes the task, or ctx ends. What is registered is who will wake it.
func (p *process) wait(ctx context.Context, what string, register func(wake func())) {
	p.mustLive()
	t := p.running
	t.what = what
	t.turn++
	turn := t.turn
	t.waits, t.ctx = true, ctx
	wake := func() {
		if t.turn == turn && t.waits {
			t.waits = false
			p.soon(func() {
				if t.turn == turn {
					t.resume()
				}
			})
		}
	}
	register(wake)
	if ctx.Err() != nil {
		wake()
	}
	if !t.yield(struct{}{}) {
		panic(killed{})
	}
	t.turn++
	p.mustLive()
}

func (p *process) mustLive() {
	if p.dead {
		panic(killed{})
	}
}
