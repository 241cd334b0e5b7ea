package capacity

import "container/heap"

// seconds is a moment of simulated time, or a stretch of it.
type seconds = float64

// quantum is how long a job has a core while others wait for one.
const quantum seconds = 0.001

// engine is simulated time: what is due, in order. What is due at one moment happens in the order in which it was planned, so a seed makes one run.
type engine struct {
	now  seconds
	due  agenda
	made uint64
}

type item struct {
	at  seconds
	n   uint64
	act func()
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = item{}
	*a = (*a)[:last]
	return x
}

// after has something done so much later.
func (e *engine) after(wait seconds, act func()) {
	e.made++
	heap.Push(&e.due, item{e.now + wait, e.made, act})
}

// run lets time pass until then.
func (e *engine) run(until seconds) {
	for len(e.due) > 0 && e.due[0].at <= until {
		i := heap.Pop(&e.due).(item)
		e.now = i.at
		i.act()
	}
	e.now = until
}

// host is a machine's cores. Jobs take turns, a quantum each; one job is never on two cores.
type host struct {
	*engine
	cores float64 // the last one may be a part of one: it is so much slower
	idle  []float64
	jobs  []*job
	head  int
	used  seconds // CPU time
}

type job struct {
	left seconds
	done func()
}

func newHost(e *engine, cores float64) *host {
	h := &host{engine: e, cores: cores}
	for left := cores; left > 1e-9; left-- {
		h.idle = append(h.idle, min(1, left))
	}
	return h
}

// do has a job done that needs so much CPU time.
func (h *host) do(cpu seconds, done func()) {
	h.jobs = append(h.jobs, &job{cpu, done})
	h.dispatch()
}

func (h *host) dispatch() {
	for len(h.idle) > 0 && h.head < len(h.jobs) {
		core := h.idle[0] // a whole one, if there is one
		h.idle = append(h.idle[:0], h.idle[1:]...)
		j := h.jobs[h.head]
		h.jobs[h.head] = nil
		h.head++
		if h.head > 1024 && h.head*2 > len(h.jobs) {
			h.jobs = append(h.jobs[:0], h.jobs[h.head:]...)
			h.head = 0
		}
		slice := min(quantum*core, j.left)
		h.used += slice
		h.after(slice/core, func() {
			if core == 1 {
				h.idle = append([]float64{core}, h.idle...)
			} else {
				h.idle = append(h.idle, core)
			}
			if j.left -= slice; j.left > 1e-12 {
				h.jobs = append(h.jobs, j)
			} else {
				j.done()
			}
			h.dispatch()
		})
	}
}

// utilisation is the part of its CPU time that was used.
func (h *host) utilisation(over seconds) float64 { return h.used / (h.cores * over) }

// account is a host for one kind of part, and what that part has used of it.
type account struct {
	*host
	spent *seconds
}

func (a account) do(cpu seconds, done func()) {
	*a.spent += cpu
	a.host.do(cpu, done)
}
