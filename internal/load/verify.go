package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"tiffin/saga/words"
)

const (
	// readers is how many ask for counts and outcomes at once.
	readers = 16
	// firstPause and longestPause are those between two looks at what is not right yet.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
)

// verification is what was read, and what is wrong with it.
type verification struct {
	posts, sagas int64    // how many were read
	unsure       int64    // pairs, and sagas, of which nobody knows whether they count
	faults       []string // one for each that is not as it must be
	audit        string   // the audit's report, if there was one
	err          error    // why not all could be verified
}

// verify waits until the groups have caught up, reads every count and every outcome, and compares them with what was promised.
//
// Counts that are right are read again at the end: a like that is counted twice makes a count right for a moment first.
func (r *run) verify(ctx context.Context) verification {
	var v verification
	posts := r.expected(&v)
	sagas := r.sagas(&v)
	all := slices.Concat(posts, sagas)
	show := func() {
		p := r.progress()
		p.Phase, p.ToRead = Verifying, len(all)
		for _, t := range all {
			if t.right() {
				p.Read++
			}
		}
		r.cfg.Show(p)
	}
	show()
	over := time.Now()
	caughtUp := r.settle(ctx, r.latest(posts), show)
	if caughtUp {
		r.caughtUp = time.Since(over)
	}
	// All of them, also the latest that are wrong: groups that are behind move others in the meantime.
	r.settle(ctx, posts, show)
	switch ended := r.settle(ctx, sagas, show); {
	case !ended:
		r.caughtUp = 0
	case caughtUp && len(sagas) > 0:
		r.caughtUp = time.Since(over)
	}
	again := slices.DeleteFunc(slices.Clone(posts), func(t *thing) bool { return !t.right() })
	for _, t := range again {
		t.err = errUnread
	}
	r.settle(ctx, again, show)
	v.posts, v.sagas = known(posts), known(sagas)
	interrupted, open := ctx.Err() != nil, 0
	for _, t := range all {
		if t.err != nil && (v.err == nil || errors.Is(v.err, errUnread)) { // why not one could be read says more than that others were not tried
			v.err = fmt.Errorf("%s can't be read: %w", t.name, t.err)
		}
		switch {
		case t.fault != "" && (t.final || !interrupted): // else it may be late
			v.faults = append(v.faults, t.fault)
		case !t.right():
			open++
		}
	}
	if interrupted {
		v.err = fmt.Errorf("it was interrupted: of %d counts and outcomes, %d were not known to be right yet", len(all), open)
	}
	for _, w := range r.workers {
		for _, n := range w.runners {
			v.faults = append(v.faults, n.doubled...)
		}
	}
	if !interrupted && len(sagas) > 0 {
		r.audit(ctx, &v)
	}
	return v
}

// audit looks at the books, if it can.
func (r *run) audit(ctx context.Context, v *verification) {
	if r.cfg.Audit == nil {
		return
	}
	balanced, text, err := r.cfg.Audit(ctx)
	switch {
	case err != nil:
		v.err = errors.Join(v.err, fmt.Errorf("the books can't be audited: %w", err))
	case !balanced:
		v.faults = append(v.faults, "the books do not balance: see the audit")
	}
	v.audit = text
}

// thing is something to be read: a post, an order, a payment.
type thing struct {
	name string
	look func(*conn) (seen, error)
	seen       // at the last look that could be taken
	err  error // of the last look
	post int
}

// seen is what a look at a thing has found.
type seen struct {
	fault string // what is wrong with it, "" being nothing
	final bool   // that stays so
	state string // changes as the thing does; "" before the first look
}

// right reports whether it was read, and is as it must be.
func (t *thing) right() bool { return t.err == nil && t.fault == "" }

// known is how many of them could be read at all.
func known(things []*thing) (n int64) {
	for _, t := range things {
		if t.state != "" {
			n++
		}
	}
	return n
}

var errUnread = errors.New("it was not read")

// expected are the posts of which something was said, in their order, each with its bounds.
func (r *run) expected(v *verification) []*thing {
	if r.workers[0].fans == nil {
		return nil
	}
	limits, spoken := make([]bounds, r.cfg.Posts+1), make([]bool, r.cfg.Posts+1)
	for _, w := range r.workers {
		w.fans.known.tally(limits, spoken)
	}
	var posts []*thing
	for post, b := range limits {
		if !spoken[post] {
			continue
		}
		v.unsure += b.most - b.least
		name := fmt.Sprintf("post %s-%d", r.name, post)
		path := fmt.Sprintf("/posts/%s-%d/likes", r.name, post)
		posts = append(posts, &thing{name: name, post: post, err: errUnread, look: func(c *conn) (seen, error) {
			body, err := c.get(path)
			if err != nil {
				return seen{}, err
			}
			var count struct {
				Count int64 `json:"count"`
			}
			if err := json.Unmarshal(body, &count); err != nil {
				return seen{}, err
			}
			return seen{fault: b.fault(name, count.Count), state: fmt.Sprint(count.Count)}, nil
		}})
	}
	return posts
}

// fault says what is wrong with a count, "" being nothing.
func (b bounds) fault(name string, count int64) string {
	switch {
	case count < b.least:
		return fmt.Sprintf("%s has %s, and must have %s: %d missing", name, words.Count(count, "like"), b, b.least-count)
	case count > b.most:
		return fmt.Sprintf("%s has %s, and must have %s: %d too many", name, words.Count(count, "like"), b, count-b.most)
	}
	return ""
}

func (b bounds) String() string {
	if b.least == b.most {
		return fmt.Sprint(b.least)
	}
	return fmt.Sprintf("%d to %d", b.least, b.most)
}

// latest are the posts of which each connection spoke last. When they are right, the groups have caught up.
func (r *run) latest(posts []*thing) []*thing {
	wanted := map[int]bool{}
	for _, w := range r.workers {
		if w.fans != nil {
			for _, said := range w.fans.request[max(0, len(w.fans.request)-1):] {
				wanted[postOf(said.pair)] = true
			}
		}
	}
	var latest []*thing
	for _, t := range posts {
		if wanted[t.post] {
			latest = append(latest, t)
		}
	}
	return latest
}

// sagas are the orders and payments that got a 202.
func (r *run) sagas(v *verification) []*thing {
	var sagas []*thing
	for _, w := range r.workers {
		for _, n := range w.runners {
			v.unsure += int64(n.unsure)
			for _, s := range n.begun {
				sagas = append(sagas, &thing{
					name: strings.TrimPrefix(n.path, "/") + "/" + s.id, err: errUnread,
					look: func(c *conn) (seen, error) { return n.look(c, s) },
				})
			}
		}
	}
	return sagas
}

// settle reads things again and again until all are right, and returns true, or until nothing has changed for as long as the load has
// patience, or ctx ends.
func (r *run) settle(ctx context.Context, things []*thing, show func()) bool {
	changed, pause := time.Now(), firstPause
	for {
		moved, left := r.read(ctx, things, show)
		if things = left; len(things) == 0 {
			return true
		}
		if moved {
			changed, pause = time.Now(), firstPause
		} else if time.Since(changed) > r.cfg.Patience {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// read looks at each thing once, and returns whether anything is other than at the last look, and those that are not right. It gives up when
// no look could be taken for as long as the load has patience: at a server that hangs, each takes a time-out.
func (r *run) read(ctx context.Context, things []*thing, show func()) (moved bool, left []*thing) {
	var mu sync.Mutex
	next := 0
	shown, answered := time.Now(), time.Now()
	take := func() *thing {
		mu.Lock()
		defer mu.Unlock()
		if next == len(things) || ctx.Err() != nil || time.Since(answered) > r.cfg.Patience {
			return nil
		}
		if time.Since(shown) > r.cfg.ShowEvery {
			shown = time.Now()
			show()
		}
		next++
		return things[next-1]
	}
	var reading sync.WaitGroup
	for n := range min(readers, r.cfg.Connections, len(things)) {
		reading.Go(func() {
			c := &conn{target: r.targets[n%len(r.targets)], timeout: r.cfg.Timeout}
			defer c.close()
			for t := take(); t != nil; t = take() {
				now, err := t.look(c)
				mu.Lock()
				if t.err = err; err == nil { // else what is known of it stays so
					moved = moved || now.state != t.state
					t.seen, answered = now, time.Now()
				}
				mu.Unlock()
			}
		})
	}
	reading.Wait()
	for _, t := range things {
		if !t.right() {
			left = append(left, t)
		}
	}
	return moved, left
}
