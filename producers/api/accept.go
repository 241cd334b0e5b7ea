package api

import (
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/saga"
)

// Acceptor is how an API accepts what it is told: it makes facts of it, and passes them through the door, once for each
// Idempotency-Key.
type Acceptor struct {
	// API is its name, which the facts' source shows.
	API string
	// Door takes the facts.
	Door door.Door
	// IDs makes the ids of what is accepted.
	IDs ids.Maker
	// Once remembers requests that bore an Idempotency-Key. Several APIs of one process may share it.
	Once *Once
}

// Accept passes through the door the facts that a request is, made under a new id, which it returns. The caller is who
// asks, as far as the request names one, and "" otherwise.
//
// A request with the header Idempotency-Key gets the id that derives from its route, the caller and the key: whoever
// repeats it, at whatever instance, gets the same id again. If this instance remembers that it has accepted it, nothing goes
// through the door; else the same facts do once more, and change nothing where they are heard. Errors say what to answer:
// 400 for a key that is none, 409 while the first request with it is under way here, 422 if that had another body, and what
// the door says.
func (a *Acceptor) Accept(c echo.Context, caller string, facts func(id string) []saga.Fact) (id string, err error) {
	seed, given, err := seedOf(c, caller)
	if err != nil {
		return "", err
	}
	if !given {
		id = a.IDs.New(time.Now())
		return id, a.pass(c, facts(id))
	}
	id = a.IDs.From(seed)
	return id, a.Once.do(seed, bodyOf(c), func() error { return a.pass(c, facts(id)) })
}

// AcceptFact is [Acceptor.Accept] for a fact about something that has an id already.
func (a *Acceptor) AcceptFact(c echo.Context, caller string, fact saga.Fact) error {
	return a.AcceptFacts(c, caller, saga.Say(fact))
}

// AcceptFacts is [Acceptor.AcceptFact] for several: all of them go through the door, or none does.
func (a *Acceptor) AcceptFacts(c echo.Context, caller string, facts []saga.Fact) error {
	seed, given, err := seedOf(c, caller)
	if err != nil {
		return err
	}
	if !given {
		return a.pass(c, facts)
	}
	return a.Once.do(seed, bodyOf(c), func() error { return a.pass(c, facts) })
}

func (a *Acceptor) pass(c echo.Context, facts []saga.Fact) error {
	request := c.Request()
	return a.Door.Accept(request.Context(), door.Origin{API: a.API, Trace: first(request.Header, "Traceparent")}, facts...)
}

// seedOf is what a request's Idempotency-Key, if it has one, makes of it.
func seedOf(c echo.Context, caller string) (seed ids.Seed, given bool, err error) {
	request := c.Request()
	key, given, err := idempotencyKey(request.Header)
	if err != nil || !given {
		return seed, false, err
	}
	// The kitchen's word on one order is not its word on another: what the path names is part of what is asked.
	return ids.Derive(append([]string{request.Method, c.Path(), caller, key}, c.ParamValues()...)...), true, nil
}

// NewAcceptor makes an API's acceptor. It gets a memory of its own if it is given none.
func NewAcceptor(api string, d door.Door, maker ids.Maker, once *Once) Acceptor {
	if once == nil {
		once = NewOnce(OnceConfig{})
	}
	return Acceptor{API: api, Door: d, IDs: maker, Once: once}
}
