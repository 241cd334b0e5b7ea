package sagasim

import (
	"context"
	"errors"
	"time"
)

// server is somebody whom processes ask: Kafka, or PostgreSQL.
type server struct {
	name string
	down bool
}

var (
	errRefused  = errors.New("sagasim: connection refused")
	errNoAnswer = errors.New("sagasim: no answer: the connection is broken")
)

// request is what a process asks a server for, as faults and the trace name it.
type request struct {
	server *server
	op     Op
	group  string // whose loop asks; empty if nobody's in particular
}

// ask sends a request and waits for the answer. serve runs at the server when the request has arrived, at once and whole,
// and answers now or later. When there is an error nobody knows whether it has run, or is still to run.
func (p *process) ask(ctx context.Context, r request, serve func(answer func(error))) error {
	p.mustLive()
	if err := ctx.Err(); err != nil {
		return err
	}
	var result error
	came := false
	wake := func() {}
	p.send(r, serve, func(err error) {
		result, came = err, true
		wake()
	})
	p.wait(ctx, string(r.op)+" "+r.group, func(w func()) { wake = w })
	if came {
		return result
	}
	return ctx.Err()
}

// send sends a request; done hears the answer, or, after a while, that there is none. It hears one of them.
func (p *process) send(r request, serve func(answer func(error)), done func(error)) {
	w := p.world
	once := func(err error) {
		if done != nil {
			hear := done
			done = nil
			hear(err)
		}
	}
	noAnswer := func() {
		p.after(between(p.random, 100*time.Millisecond, w.plan.Patience), func() { once(errNoAnswer) })
	}
	f := w.strike(p, r)
	if f.Kind == DiesBefore {
		w.die(p, f)
		return
	}
	if r.server.down {
		p.after(w.latency(p), func() { once(errRefused) })
		return
	}
	if f.Kind == RequestLost || w.cut(p, r.server) {
		noAnswer()
		return
	}
	delay := w.latency(p)
	if f.Kind == RequestLate {
		delay += f.For
		noAnswer()
	}
	if f.Kind == Repeated { // a retry of what was lost only in appearance
		w.after(delay+between(p.random, 0, f.For), func() {
			if !r.server.down {
				serve(func(error) {})
			}
		})
	}
	w.after(delay, func() {
		if r.server.down {
			p.after(w.latency(p), func() { once(errRefused) })
			return
		}
		serve(func(err error) {
			switch {
			case f.Kind == DiesAfter:
				w.die(p, f)
			case f.Kind == Hangs: // whoever waits has to give up
			case f.Kind == AnswerLost || w.cut(p, r.server):
				noAnswer()
			case f.Kind == AnswerLate:
				p.after(w.latency(p)+f.For, func() { once(err) })
			default:
				p.after(w.latency(p), func() { once(err) })
			}
		})
	})
}

// latency is how long a message takes: mostly not long.
func (w *world) latency(p *process) time.Duration {
	if p.random.IntN(40) == 0 {
		return between(p.random, time.Millisecond, 80*time.Millisecond)
	}
	return between(p.random, 100*time.Microsecond, 2*time.Millisecond)
}
