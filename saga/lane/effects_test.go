package lane_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// postcard is what the herald sends for each praise.
type postcard struct{ Show string }

type (
	posted   struct{ ID string }
	unposted struct{ ID, Why string }
)

func (posted) EventType() string   { return "postcard.posted" }
func (unposted) EventType() string { return "postcard.lost" }
func (posted) Topic() string       { return "gate" }
func (unposted) Topic() string     { return "gate" }
func (f posted) Key() string       { return f.ID }
func (f unposted) Key() string     { return f.ID }

// post is an outside that fails as it is told, and remembers the keys under which it was asked.
type post struct {
	mu    sync.Mutex
	fails map[string]error // by show; a transient one is forgotten once it was given
	asked map[string][]string
}

func (p *post) send(_ context.Context, key string, card postcard) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[card.Show] = append(p.asked[card.Show], key)
	err := p.fails[card.Show]
	if !saga.IsPermanent(err) {
		delete(p.fails, card.Show)
	}
	return err
}

func herald(p *post) *saga.Group {
	cards := saga.EffectOf[postcard]("postcard")
	return saga.Define("gate", nil,
		saga.On(func(e saga.Event[praised]) []saga.Fact {
			cards.Request(e, postcard{e.Fact.Show})
			return nil
		}, saga.Requests(cards)),
		saga.Performs(cards, time.Minute, p.send,
			saga.Performed(func(_ postcard, why saga.Cause) []saga.Fact { return saga.Say(posted{why.Key}) }, saga.Says[posted]()),
			saga.NotPerformed(func(_ postcard, why saga.Cause) []saga.Fact { return saga.Say(unposted{why.Key, why.Attempt.Failure}) }, saga.Says[unposted]())))
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
	at := []kafka.Position{{Topic: "gate", Partition: kafka.Partition([]byte(key), partitions)}}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		fetched, err := w.client.Fetch(w.t.Context(), at, kafka.FetchOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range fetched[0].Records {
			if string(r.Key) == key {
				return string(r.Value)
			}
		}
		at[0].Offset = fetched[0].Next
	}
	w.t.Fatalf("nothing is said of %s", key)
	return ""
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
