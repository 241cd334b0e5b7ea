package sagasim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// parties are those outside who answer facts. They hear a fact when it is first in the log, and answer through a door.
type parties struct {
	world  *world
	asked  map[string]bool // ids of facts that they have heard
	open   int             // answers on their way
	byType map[string][]party
}

type party struct {
	group    *saga.Group
	reaction saga.Reaction
	silence  bool // they may never answer
}

func (ps *parties) init(w *world) {
	ps.world, ps.asked, ps.byType = w, map[string]bool{}, map[string][]party{}
	waited := map[string]bool{} // answers that some deadline does not wait for for ever
	for _, g := range w.groups {
		for _, r := range g.Reactions() {
			for _, h := range r.Hears {
				waited[h.Type] = waited[h.Type] || r.Wait != ""
			}
		}
	}
	for _, g := range w.spec.Outside {
		for _, r := range g.Reactions() {
			if r.Role != saga.RoleAnswers {
				continue
			}
			silence := r.Optional
			for _, s := range r.Says {
				silence = silence || waited[s.Type]
			}
			for _, h := range r.Hears {
				ps.byType[h.Type] = append(ps.byType[h.Type], party{g, r, silence})
			}
		}
	}
}

// hear lets the parties answer a record.
func (ps *parties) hear(e saga.Envelope, r *kafka.Record) {
	all := ps.byType[e.Type]
	if len(all) == 0 || ps.asked[e.ID] {
		return
	}
	ps.asked[e.ID] = true
	for i, p := range all {
		f, err := p.group.Decode(e.Type, r.Value)
		if err != nil {
			continue
		}
		random := ps.random(e.ID, i)
		answers := p.reaction.Answers(f)
		choice := random.IntN(12)
		if len(answers) == 0 || p.silence && choice == 0 {
			continue
		}
		delay := between(random, 5*time.Millisecond, time.Second)
		if choice < 3 {
			delay = between(random, time.Second, 12*time.Second) // perhaps too late
		}
		answer := answers[random.IntN(len(answers))]
		ps.open++
		w := ps.world
		w.after(delay, func() {
			ps.open--
			w.say(Saying{Fact: answer, ID: fmt.Sprintf("answer-%d-%s", i, e.ID), Door: random.IntN(len(w.doors))}, 0)
		})
	}
}

// random depends on nothing but the seed and what is answered: a fault more or less does not change it.
func (ps *parties) random(id string, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return rand.New(rand.NewPCG(ps.world.plan.Seed, h.Sum64()+uint64(n)))
}

// Perform stands for the outside world in an effect of a simulated group, which must call it with the context and the key that it
// got: it takes a while, and may fail, for now or for good.
func Perform(ctx context.Context, idempotencyKey string) error {
	p, ok := ctx.Value(processKey{}).(*process)
	if !ok {
		return errors.New("sagasim: only a simulated group performs this")
	}
	p.world.attempts[idempotencyKey]++
	most := 50 * time.Millisecond
	if p.random.IntN(5) == 0 {
		most = 2 * time.Second
	}
	p.Pause(ctx, between(p.random, time.Millisecond, most))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case p.random.IntN(20) == 0:
		return saga.Permanent(errors.New("sagasim: never"))
	case p.random.IntN(4) == 0 && p.world.attempts[idempotencyKey] < 5: // the pauses between attempts double
		return errors.New("sagasim: not now")
	}
	p.world.tracef("%s performs %s", p.name, idempotencyKey)
	return nil
}
