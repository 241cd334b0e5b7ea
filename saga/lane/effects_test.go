package lane_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/wire"
)

// postcard is what the herald sends for each praise.
type postcard struct{ Show string }

type (
	posted   struct{ ID string }
	unposted struct {
		ID, Why string
		Expired bool `json:",omitzero"`
	}
)

func (posted) EventType() string   { return "postcard.posted" }
func (unposted) EventType() string { return "postcard.lost" }
func (posted) Topic() string       { return "gate" }
func (unposted) Topic() string     { return "gate" }
func (f posted) Key() string       { return f.ID }
func (f unposted) Key() string     { return f.ID }

// post is an outside that fails as it is told, and remembers the keys under which it was asked.
type post struct {
	mu        sync.Mutex
	fails     map[string]error // by show; a transient one is forgotten once it was given
	always    error            // what each attempt fails with
	asked     map[string][]string
	now, most int           // attempts at a time
	came      chan string   // if not nil: hears of each attempt as it begins
	goOn      chan struct{} // if not nil: each attempt waits for it
}

func (p *post) send(ctx context.Context, key string, card postcard) error {
	p.mu.Lock()
	p.now++
	p.most = max(p.most, p.now)
	p.mu.Unlock()
	if p.came != nil {
		p.came <- card.Show
	}
	if p.goOn != nil {
		select {
		case <-p.goOn:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now--
	p.asked[card.Show] = append(p.asked[card.Show], key)
	err := p.fails[card.Show]
	if !saga.IsPermanent(err) {
		delete(p.fails, card.Show)
	}
	return cmp.Or(p.always, err)
}

func (p *post) performed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *post) askedFor(show string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[show]
}

func herald(p *post) *saga.Group { return heraldWithin(p, time.Minute) }

func heraldWithin(p *post, within time.Duration) *saga.Group {
	cards := saga.EffectOf[postcard]("postcard")
	return saga.Define("gate", nil,
		saga.On(func(e saga.Event[praised]) []saga.Fact {
			cards.Request(e, postcard{e.Fact.Show})
			return nil
		}, saga.Requests(cards)),
		saga.Performs(cards, within, p.send,
			saga.Performed(func(_ postcard, why saga.Cause) []saga.Fact { return saga.Say(posted{why.Key}) }, saga.Says[posted]()),
			saga.NotPerformed(func(_ postcard, why saga.Cause) []saga.Fact {
				return saga.Say(unposted{why.Key, why.Attempt.Failure, why.Attempt.Expired})
			}, saga.Says[unposted]())))
}

// An effect is performed after its transaction, tried again with the same key, and its outcome comes back as a fact.
func TestAnEffectComesToAnOutcome(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{fails: map[string]error{"rainy": errors.New("the letterbox is wet"), "gone": saga.Permanent(errors.New("moved away"))}, asked: map[string][]string{}}
	group := herald(p)
	w.run(group)
	w.say(praised{"p1", "sunny"}, praised{"p2", "rainy"}, praised{"p3", "gone"})
	outcomes := map[string]string{}
	for _, key := range []string{"p1", "p2", "p3"} {
		outcomes[key] = w.outcome(key)
	}
	want := map[string]string{"p1": `{"ID":"p1"}`, "p2": `{"ID":"p2"}`, "p3": `{"ID":"p3","Why":"moved away"}`}
	for key, fact := range want {
		if outcomes[key] != fact {
			t.Errorf("the outcome of %s is %s, want %s", key, outcomes[key], fact)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.asked["rainy"]; len(a) != 2 || a[0] != a[1] {
		t.Errorf("the rainy postcard was asked for under the keys %v, want one key twice", a)
	}
	if len(p.asked["sunny"]) != 1 || len(p.asked["gone"]) != 1 {
		t.Errorf("asked %v", p.asked)
	}
	w.until(0, "select count(*) from gate.effects")
}

// outcome is the value of the first fact on the topic gate with this key.
func (w *world) outcome(key string) string {
	w.t.Helper()
	return string(w.outcomes(key, 1)[0].Value)
}

// outcomes are the first facts on the topic gate with this key, so many.
func (w *world) outcomes(key string, n int) (found []kafka.Record) {
	w.t.Helper()
	at := []kafka.Position{{Topic: "gate", Partition: kafka.Partition([]byte(key), partitions)}}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		fetched, err := w.client.Fetch(w.t.Context(), at, kafka.FetchOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range fetched[0].Records {
			if string(r.Key) == key {
				if found = append(found, r); len(found) == n {
					return found
				}
			}
		}
		at[0].Offset = fetched[0].Next
	}
	w.t.Fatalf("of %s is said %v, want %d", key, found, n)
	return nil
}

// An answer from outside does not say when its saga began; what comes of it does, and of an effect that it leads to.
func TestAnAnswerLeavesASagaAsOldAsItIs(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{asked: map[string][]string{}}
	cards := saga.EffectOf[postcard]("postcard")
	gate := saga.Define("gate", saga.Documents(visits),
		saga.Does(func(*visit, saga.Event[given]) []saga.Fact { return nil }, saga.Silently()),
		saga.Within(time.Minute,
			saga.Then(func(v *visit, e saga.Event[praised]) []saga.Fact {
				cards.Request(e, postcard{e.Fact.Show})
				return saga.Say(entered{v.ID})
			}, saga.Requests(cards), saga.ClosesWith[entered]()),
			saga.Else(func(v *visit, _ saga.Cause) []saga.Fact { return saga.Say(refused{v.ID}) }, saga.Fails[refused]())),
		saga.Performs(cards, time.Minute, p.send,
			saga.Performed(func(_ postcard, why saga.Cause) []saga.Fact { return saga.Say(posted{why.Key}) }, saga.Says[posted]())))
	w.run(gate)
	w.say(given{"v1", "sunny"})
	w.until(1, "select count(*) from gate.visits where started is not null")
	var began time.Time
	if err := w.db.QueryRow(t.Context(), "select started from gate.visits").Scan(&began); err != nil {
		t.Fatal(err)
	}
	w.say(praised{"v1", "sunny"})
	for _, r := range w.outcomes("v1", 2) {
		if e, _, err := wire.Decode(&r); err != nil || !e.Started.Equal(began) {
			t.Errorf("%s is of a saga that began at %v, and it began at %v (%v)", e.Type, e.Started, began, err)
		}
	}
}

// What the first owner requested the next one performs.
func TestTheNextOwnerPerformsEffects(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{fails: map[string]error{"rainy": errors.New("wet")}, asked: map[string][]string{}}
	stop := w.run(herald(p))
	w.say(praised{"p1", "rainy"})
	w.until("wet", "select failure from gate.effects")
	stop()
	w.run(herald(p))
	w.until(0, "select count(*) from gate.effects")
	if got := w.outcome("p1"); got != `{"ID":"p1"}` {
		t.Errorf("the outcome is %s", got)
	}
}

// It is tried again and again, for the last time when its time is over.
func TestAnEffectIsGivenUpWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{always: errors.New("the letterbox is full"), asked: map[string][]string{}}
	began := time.Now()
	const within = 6500 * time.Millisecond // on a busy machine the third attempt, which is due after 3 s, may come late
	w.run(heraldWithin(p, within))
	w.say(praised{"p1", "full"})
	w.until(true, "select attempts = 3 and next_attempt = until from gate.effects")
	if got, want := w.outcome("p1"), `{"ID":"p1","Why":"the letterbox is full","Expired":true}`; got != want {
		t.Errorf("the outcome is %s, want %s", got, want)
	}
	if n, took := len(p.askedFor("full")), time.Since(began); n != 4 || took < within {
		t.Errorf("asked %d times within %v, want 4 times: at once, after a second, after two more, and at the end", n, took)
	}
	w.until(0, "select count(*) from gate.effects")
}

// However many are requested at once, all are performed, a bounded number at a time, and one after the other without a pause: with
// one of a second it would take half a minute.
func TestManyEffectsArePerformed(t *testing.T) {
	const many = 2000
	w := newWorld(t, time.Minute)
	p := &post{asked: map[string][]string{}}
	var facts []saga.Fact
	for i := range many {
		facts = append(facts, praised{fmt.Sprintf("p%d", i), fmt.Sprintf("show%d", i)})
	}
	w.say(facts...)
	w.run(herald(p))
	w.until(0, "select count(*) from gate.effects where attempts = 0")
	for p.performed() < many {
		w.until(0, "select count(*) from gate.effects")
	}
	for i := range many {
		if n := len(p.askedFor(fmt.Sprintf("show%d", i))); n != 1 {
			t.Errorf("postcard %d was posted %d times", i, n)
		}
	}
	if p.most > 64 {
		t.Errorf("%d at a time", p.most)
	}
}

// An outcome that PostgreSQL refuses to save is held, with the reason; those in the same batch come through, and none is
// performed again and again.
func TestAnOutcomeThatCannotBeSavedIsHeld(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{asked: map[string][]string{}, goOn: make(chan struct{}), came: make(chan string, 1000)}
	cards := saga.EffectOf[postcard]("postcard")
	w.run(saga.Define("counter", saga.Documents(tickets, shows),
		saga.On(func(e saga.Event[praised]) []saga.Fact {
			cards.Request(e, postcard{e.Fact.Show})
			return nil
		}, saga.Requests(cards)),
		saga.Performs(cards, time.Minute, p.send,
			saga.Performed(func(card postcard, why saga.Cause) []saga.Fact {
				shows.Get(why, card.Show).Praise++
				return nil
			}, saga.Uses(shows)))))
	var facts []saga.Fact
	for i := range 40 {
		facts = append(facts, praised{fmt.Sprintf("p%d", i), fmt.Sprintf("show%d", i)})
	}
	w.say(append(facts, praised{"bad", "cursed"})...)
	for range 41 {
		<-p.came
	}
	close(p.goOn) // so that they come to their outcomes together
	w.until(40, "select count(*) from counter.shows where praise = 1")
	w.until("cursed", "select request->>'Show' from counter.effects where next_attempt = 'infinity' and failure like '%violates check constraint%'")
	w.until(1, "select count(*) from counter.effects")
	for show := range p.asked {
		if n := len(p.askedFor(show)); n > 3 {
			t.Errorf("the postcard for %s was asked for %d times", show, n)
		}
	}
}

// P7: a request that can't be read, of another version perhaps, is held, and holds nobody up.
func TestARequestThatCannotBeReadIsHeld(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{asked: map[string][]string{}, came: make(chan string, 10), goOn: make(chan struct{})}
	close(p.goOn)
	w.run(herald(p))
	w.say(praised{"p1", "first"})
	<-p.came
	w.exec(`insert into gate.effects (id, lane, key, effect, request, cause, until, next_attempt)
		values ('old', 0, 'k', 'pigeon', '{}', '{}', now() + interval '1 hour', now() - interval '1 hour')`)
	w.until("old", "select id from gate.effects where next_attempt = 'infinity' and failure like 'the request can''t be read: %'")
	w.say(praised{"p2", "second"})
	if show := <-p.came; show != "second" {
		t.Errorf("performed for %s", show)
	}
}

// P8: a process that stops lets effects under way end, so that they are not made twice.
func TestAStopWaitsForEffectsUnderWay(t *testing.T) {
	w := newWorld(t, time.Minute)
	p := &post{asked: map[string][]string{}, came: make(chan string, 1), goOn: make(chan struct{})}
	stop := w.run(herald(p))
	w.say(praised{"p1", "slow"})
	<-p.came
	go func() {
		w.logs("letting go")
		close(p.goOn)
	}()
	stop()
	w.until(0, "select count(*) from gate.effects")
	if n := len(p.askedFor("slow")); n != 1 {
		t.Errorf("performed %d times", n)
	}
}
