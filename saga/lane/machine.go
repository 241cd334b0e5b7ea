package lane

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
)

// machine is the one that this process runs on.
type machine struct{ started time.Time }

func newMachine() machine { return machine{time.Now()} }

func (machine) Now() time.Time      { return time.Now() }
func (m machine) Up() time.Duration { return time.Since(m.started) }
func (machine) Uint64() uint64      { return rand.Uint64() }
func (machine) NewID() string       { return uuid.NewString() }
func (machine) Tasks() Tasks        { return &sync.WaitGroup{} }
func (machine) Bell() Bell          { return &bell{rung: make(chan struct{}, 1)} }

func (machine) Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (machine) Cancel(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (machine) Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (machine) Outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cut := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cut) })
	return longer, func() { stop(); cut() }
}

// bell is a [Bell].
type bell struct {
	rung  chan struct{}
	timer *time.Timer // of whoever waits
}

func (b *bell) Ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

func (b *bell) Wait(ctx context.Context, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		if b.timer == nil {
			b.timer = time.NewTimer(d)
		} else {
			b.timer.Reset(d)
		}
		defer b.timer.Stop()
		over = b.timer.C
	}
	select {
	case <-b.rung:
	case <-over:
	case <-ctx.Done():
	}
}

// breath is how many things are done at a stretch: about a fifth of a millisecond's.
const breath = 32

// breathe lets what waits in this process run, every now and then. A batch may take a core for tens of milliseconds; Go would interrupt it
// after ten, and an API in the same process would answer nobody until then.
func breathe(done int) {
	if done%breath == breath-1 {
		runtime.Gosched()
	}
}
