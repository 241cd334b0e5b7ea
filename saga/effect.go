package saga

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Effect is work in the outside world: a mail, a webhook, a payment provider. No reaction does it, for reactions are pure:
// one requests it as data, in the same transaction as everything else, and the runtime performs it once that is committed,
// again and again until it succeeds or its time is over. What came of it is an event of the same key, to which
// [Performed] or [NotPerformed] reacts.
//
// It may be performed more than once: a process can die after performing it and before noting so. It then has the same
// idempotency key, which whoever is outside should be given, so that it is one effect there too.
type Effect[R any] struct{ name string }

// EffectOf names an effect whose requests are of type R, which JSON must be able to hold.
func EffectOf[R any](name string) *Effect[R] { return &Effect[R]{name} }

// Name is the effect's name.
func (e *Effect[R]) Name() string { return e.name }

// Request asks for the effect.
func (e *Effect[R]) Request(c Asking, request R) {
	tx := c.transaction()
	tx.requested = append(tx.requested, Request{Effect: e.name, Data: request})
}

// AnyEffect is an [Effect] whatever its requests are.
type AnyEffect interface{ Name() string }

// Request is an effect that a reaction has asked for.
type Request struct {
	ID     string // its idempotency key
	Effect string
	Data   any
}

// Attempt is what came of a request: it is the cause of a [Performed] or [NotPerformed].
type Attempt struct {
	Request
	Failure string // why it was given up; empty if it succeeded
	Expired bool   // it was given up because its time was over, not because trying again can't mend it
}

// Perform does an effect. It gets the request's idempotency key. An error is tried again later, until the effect's time is
// over, unless it is [Permanent].
type Perform[R any] func(ctx context.Context, idempotencyKey string, request R) error

// Permanent marks an error of a [Perform] that trying again can't mend.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// IsPermanent says whether an error was marked as [Permanent].
func IsPermanent(err error) bool { return errors.As(err, &permanent{}) }

// performance is how a group performs one effect.
type performance struct {
	within       time.Duration
	perform      func(ctx context.Context, key string, data any) error
	decode       func([]byte) (any, error)
	performed    *Reaction
	notPerformed *Reaction
}

// Requests: the reaction may request these effects.
func Requests(effects ...AnyEffect) Option {
	return func(r *Reaction) {
		for _, e := range effects {
			r.Requests = append(r.Requests, e.Name())
		}
	}
}

// Performs declares how the group performs an effect, how long it tries, and what it says to the outcome.
func Performs[R any](e *Effect[R], within time.Duration, perform Perform[R], outcomes ...Part) Part {
	return func(g *Group) {
		if within <= 0 {
			g.wrong("effect %s is given up before it is tried: configure a time above zero", e.name)
		}
		if g.effects[e.name] != nil {
			g.wrong("performs %s twice: leave one saga.Performs", e.name)
		}
		if perform == nil {
			g.wrong("effect %s is performed by nil: give saga.Performs a function", e.name)
		}
		p := &performance{
			within:  within,
			perform: func(ctx context.Context, key string, data any) error { return perform(ctx, key, data.(R)) },
			decode: func(b []byte) (any, error) {
				var r R
				err := json.Unmarshal(b, &r)
				return r, err
			},
		}
		first := len(g.reactions)
		for _, add := range outcomes {
			add(g)
		}
		for _, r := range g.reactions[first:] {
			r.Effect = e.name
			one := &p.performed
			switch r.Role {
			case RolePerformed:
			case RoleNotPerformed:
				one = &p.notPerformed
			default:
				g.wrong("%s (%s) is no outcome of effect %s: saga.Performs takes saga.Performed and saga.NotPerformed", r.Name, r.At, e.name)
			}
			switch requested := reflect.TypeFor[R](); {
			case *one != nil:
				g.wrong("%s (%s) is a second %s of %s: leave one", r.Name, r.At, r.Role.word(), e.name)
			case !requested.AssignableTo(r.request):
				g.wrong("%s (%s) takes a %v, and %s is requested with a %v: let it take that", r.Name, r.At, r.request, e.name, requested)
			}
			*one = r
		}
		g.effects[e.name] = p
	}
}

// Performed runs when the effect has succeeded.
func Performed[R any](fn func(R, Cause) []Fact, options ...Option) Part {
	return outcome(RolePerformed, fn, options)
}

// NotPerformed runs when the effect is given up; the cause's Attempt says why. To the check, what it says is a failure, unless it is
// only announced.
func NotPerformed[R any](fn func(R, Cause) []Fact, options ...Option) Part {
	return outcome(RoleNotPerformed, fn, options)
}

func outcome[R any](role Role, fn func(R, Cause) []Fact, options []Option) Part {
	takes := func(r *Reaction) { r.request = reflect.TypeFor[R]() }
	return part(role, fn, func(_ any, c Cause) []Fact { return fn(c.Attempt.Data.(R), c) }, nil, append([]Option{takes}, options...))
}

// Effects are the names of the effects that the group performs, sorted.
func (g *Group) Effects() []string {
	return slices.Sorted(maps.Keys(g.effects))
}

// Within is how long the group tries to perform an effect.
func (g *Group) Within(effect string) time.Duration { return g.effects[effect].within }

// PerformEffect does what was requested. A panic is an error that trying again can't mend.
func (g *Group) PerformEffect(ctx context.Context, r Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Permanent(fmt.Errorf("effect %s panics: %v", r.Effect, p))
		}
	}()
	return g.effects[r.Effect].perform(ctx, r.ID, r.Data)
}

// DecodeRequest reads an effect's request as it was kept.
func (g *Group) DecodeRequest(effect string, data []byte) (any, error) {
	p := g.effects[effect]
	if p == nil {
		return nil, fmt.Errorf("%s performs no effect %s", g.name, effect)
	}
	return p.decode(data)
}

// conclude runs the reaction to an effect's outcome, if there is one.
func (g *Group) conclude(out *Outcome, c Cause) *Reaction {
	p := g.effects[c.Attempt.Effect]
	if p == nil {
		out.Err = fmt.Errorf("%s performs no effect %s", g.name, c.Attempt.Effect)
		return nil
	}
	r := p.performed
	if c.Attempt.Failure != "" {
		r = p.notPerformed
	}
	if r == nil {
		out.drop("nobody minds the outcome")
		return nil
	}
	if !g.declared(out, r, c, r.run(nil, c)) {
		return nil
	}
	out.Ran = append(out.Ran, r.Name)
	return r
}
