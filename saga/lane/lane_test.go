package lane_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
)

// A saga runs through two groups to its end, and one that fails is undone.
func TestSagasRunToTheirEnds(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter, w.gate)
	for i := range 100 {
		show := "open"
		if i%2 == 1 {
			show = "full"
		}
		w.say(wanted{fmt.Sprint("t", i), show})
	}
	w.until(50, "select count(*) from counter.tickets where state = 'closed'")
	w.until(50, "select count(*) from counter.tickets where state = 'undone'")
	w.until("50/0", "select sold || '/' || back from counter.shows where name = 'open'")
	w.until("50/50", "select sold || '/' || back from counter.shows where name = 'full'")
	w.until(0, "select sum(gaps)::bigint from counter.lanes")
}

// P2: what a stranger sends again does nothing, also after a restart.
func TestAStrangersCopyDoesNothing(t *testing.T) {
	w := newWorld(t, time.Minute)
	stop := w.run(w.counter)
	for range 3 {
		w.say(praised{"p1", "open"})
	}
	w.say(praised{"p2", "open"})
	w.until(2, "select praise from counter.shows where name = 'open'")
	stop()
	w.run(w.counter)
	w.say(praised{"p1", "open"}, praised{"p3", "open"})
	w.until(3, "select praise from counter.shows where name = 'open'")
}

// P2: two strangers who both count from one are two, for an event is known by its source and its id.
func TestStrangersMayUseTheSameIDs(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter)
	for _, source := range []string{"/till/1", "/till/2", "/till/1"} {
		r, err := wire.Encode(praised{"p1", "open"}, saga.Envelope{ID: "1", Source: source, Saga: "p1"}, time.Now(), partitions)
		if err != nil {
			t.Fatal(err)
		}
		w.produce(r)
	}
	w.say(praised{"p1", "full"}) // of the same key, so it is handled after them
	w.until(1, "select praise from counter.shows where name = 'full'")
	w.until(2, "select praise from counter.shows where name = 'open'")
}

// A deadline fires when its time is over, and not before.
func TestADeadlineFires(t *testing.T) {
	w := newWorld(t, 5*time.Second) // enough for the gate to answer on a busy machine
	w.run(w.counter, w.gate)
	w.until(2*partitions, "select (select count(*) from counter.lanes where owner <> '') + (select count(*) from gate.lanes where owner <> '')")
	w.say(wanted{"t1", "silent"}, wanted{"t2", "open"})
	w.until("refused", "select state from counter.tickets where id = 't1'")
	w.until("closed", "select state from counter.tickets where id = 't2'")
	w.until(1, "select back from counter.shows where name = 'silent'")
}

// P7: what can't be handled parks its key, and later events of that key behind it; everyone else goes on.
func TestAPoisonousEventParksItsKey(t *testing.T) {
	garbage := kafka.Record{
		Topic: "counter", Key: []byte("bad"), Partition: kafka.Partition([]byte("bad"), partitions), Value: []byte("{nonsense"),
		Headers: []kafka.Header{{Key: "ce_type", Value: []byte("ticket.wanted")}},
	}
	for name, poison := range map[string]func(*world){
		"does not parse": func(w *world) { w.produce(garbage) },
		"panics":         func(w *world) { w.say(wanted{"bad", "panic"}) },
		"breaks a CHECK": func(w *world) { w.say(wanted{"bad", "cursed"}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, time.Minute)
			var before, after []saga.Fact
			for i := range 20 {
				before = append(before, wanted{fmt.Sprint("a", i), "open"})
				after = append(after, wanted{fmt.Sprint("b", i), "open"})
			}
			w.run(w.counter, w.gate)
			w.say(before...)
			poison(w)
			w.say(after...)
			w.until(1, "select count(*) from counter.parked where key = 'bad' and reason <> ''")
			w.say(refused{"bad"})
			w.until(40, "select count(*) from counter.tickets where state = 'closed'")
			w.until(2, "select count(*) from counter.parked where key = 'bad'")
			w.until(1, "select count(*) from counter.parked where key = 'bad' and reason = ''")
			w.until(nil, "select state from counter.tickets where id = 'bad'")
			w.shows("tiffin_group_parked_events", 2)
			w.shows("tiffin_group_unread_records", 0)
		})
	}
}

// P7: a record whose names no database takes becomes a dead letter, and leaves nothing in the lane's row.
func TestARecordThatNoDatabaseTakesIsADeadLetter(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter, w.gate)
	long := strings.Repeat("x", wire.MaxNameBytes+1)
	record := func(key string, headers ...string) kafka.Record {
		r := kafka.Record{Topic: "counter", Key: []byte(key), Partition: kafka.Partition([]byte(key), partitions), Value: []byte(`{"ID":"bad","Show":"open"}`)}
		for i := 0; i < len(headers); i += 2 {
			r.Headers = append(r.Headers, kafka.Header{Key: headers[i], Value: []byte(headers[i+1])})
		}
		return r
	}
	bad := []kafka.Record{
		record("\xff", "ce_type", "ticket.wanted"),
		record("a\x00", "ce_type", "ticket.wanted"),
		record(long, "ce_type", "ticket.wanted"),
		record("bad", "ce_type", "ticket.wanted", "ce_id", "\xff"),
		record("bad", "ce_type", "ticket.wanted", "ce_source", "a\x00"),
		record("bad", "ce_type", "ticket.wanted", "ce_correlationid", "\xff"),
		record("bad", "ce_type", "ticket.wanted", "traceparent", "\xff"),
		record("bad", "ce_type", "nobody.minds", "ce_id", "a\x00"),
		record("bad", "ce_type", "nobody.minds", "lane", "a\x00/1/1"),
		record("bad", "ce_type", "nobody.minds", "lane", long+"/1/1"),
	}
	w.produce(bad...)
	var good []saga.Fact
	for i := range 20 {
		good = append(good, wanted{fmt.Sprint("b", i), "open"})
	}
	w.say(good...)
	w.until(20, "select count(*) from counter.tickets where state = 'closed'")
	w.until(0, "select count(*) from counter.parked")
	for at, n := deadLetters(), 0; n < len(bad); {
		fetched, err := w.client.Fetch(t.Context(), at, kafka.FetchOptions{MaxWait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for i := range fetched {
			n += len(fetched[i].Records)
			at[i].Offset = fetched[i].Next
		}
	}
}

func deadLetters() (all []kafka.Position) {
	for n := range partitions {
		all = append(all, kafka.Position{Topic: "counter.dead-letters", Partition: n})
	}
	return all
}

// P2, P7: an event upon which something is said or requested that can't be written is parked, and has changed nothing.
func TestWhatCannotBeSaidChangesNothing(t *testing.T) {
	w := newWorld(t, time.Minute)
	cards := saga.EffectOf[postcard]("postcard")
	w.run(saga.Define("counter", saga.Documents(tickets, shows),
		saga.On(func(e saga.Event[praised]) []saga.Fact {
			shows.Get(e, e.Fact.Show).Praise++
			switch e.Fact.Show {
			case "endless":
				return saga.Say(posted{strings.Repeat("x", wire.MaxNameBytes+1)})
			case "secret":
				cards.Request(e, postcard{"\xff"})
			}
			return nil
		}, saga.Uses(shows), saga.Says[posted](), saga.Requests(cards)),
		saga.Performs(cards, time.Minute, func(context.Context, string, postcard) error { return nil })))
	w.say(praised{"p1", "open"}, praised{"p2", "endless"}, praised{"p3", "secret"}, praised{"p4", "open"})
	w.until("p2,p3", "select string_agg(key, ',' order by key) from counter.parked")
	w.until("open 2", "select string_agg(name || ' ' || praise, ',') from counter.shows")
}

// A redrive handles a parked key's events in order, and frees it.
func TestARedriveHandlesInOrder(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter, w.gate)
	w.say(wanted{"bad", "cursed"})
	w.until(1, "select count(*) from counter.parked")
	w.say(refused{"bad"})
	w.until(2, "select count(*) from counter.parked")
	w.wish("counter", "bad", lane.Redrive)
	w.until("2/1", "select max(attempts) || '/' || min(attempts) from counter.parked")
	w.exec("alter table counter.shows drop constraint shows_name_check")
	w.wish("counter", "bad", lane.Redrive)
	w.until(0, "select count(*) from counter.parked")
	w.until("undone", "select state from counter.tickets where id = 'bad'")
	w.say(wanted{"bad", "cursed"}, wanted{"good", "open"})
	w.until("closed", "select state from counter.tickets where id = 'good'")
	w.until("1/1", "select sold || '/' || back from counter.shows where name = 'cursed'")
}

// However often and late an event is redriven, its time is when it was appended: by it are deadlines set, and a door's clock judged.
func TestARedrivenEventHasItsTime(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter)
	w.say(wanted{"bad", "cursed"})
	w.until(1, "select count(*) from counter.parked")
	at := []kafka.Position{{Topic: "counter", Partition: kafka.Partition([]byte("bad"), partitions)}}
	fetched, err := w.client.Fetch(t.Context(), at, kafka.FetchOptions{})
	if err != nil || len(fetched[0].Records) != 1 {
		t.Fatalf("%+v, %v", fetched, err)
	}
	w.wish("counter", "bad", lane.Redrive)
	w.until(2, "select attempts from counter.parked")
	w.exec("alter table counter.shows drop constraint shows_name_check")
	w.wish("counter", "bad", lane.Redrive)
	w.until("done", "select state from counter.tickets where id = 'bad'")
	w.until(true, "select waits_until - interval '1 minute' = $1 from counter.tickets where id = 'bad'", fetched[0].Records[0].Time)
}

// A redrive that fails half-way keeps the event that fails, with its reason, and has handled those before it.
func TestARedriveStopsAtTheEventThatFails(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter)
	w.say(wanted{"bad", "cursed"})
	w.until(1, "select count(*) from counter.parked")
	w.say(praised{"bad", "jinxed"})
	w.until(2, "select count(*) from counter.parked")
	w.exec("alter table counter.shows drop constraint shows_name_check")
	w.exec("alter table counter.shows add constraint no_jinx check (name <> 'jinxed')")
	w.wish("counter", "bad", lane.Redrive)
	w.until("show.praised", "select type from counter.parked where reason like '%no_jinx%'")
	w.until("done", "select state from counter.tickets where id = 'bad'")
	w.until("1/0", "select (select count(*) from counter.parked) || '/' || (select count(*) from counter.wishes)")
}

// A discard drops the event that can't be handled, and goes on with those behind it.
func TestADiscardDropsTheFirst(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter, w.gate)
	w.say(wanted{"bad", "panic"})
	w.until(1, "select count(*) from counter.parked")
	w.say(refused{"bad"})
	w.until(2, "select count(*) from counter.parked")
	w.wish("counter", "bad", lane.Discard)
	w.until(0, "select count(*) from counter.parked")
	w.until("barred", "select state from counter.tickets where id = 'bad'")
	w.until(0, "select count(*) from counter.wishes")
}

// Lanes move when a process comes or goes; each effect happens once.
func TestLanesMoveBetweenProcesses(t *testing.T) {
	w := newWorld(t, time.Minute)
	total := 0
	load := func() {
		var facts []saga.Fact
		for range 200 {
			facts = append(facts, wanted{fmt.Sprint("t", total), "open"})
			total++
		}
		w.say(facts...)
	}
	stopFirst := w.run(w.counter, w.gate)
	load()
	stopSecond := w.run(w.counter, w.gate)
	load()
	w.until(400, "select count(*) from counter.tickets where state = 'closed'")
	stopFirst()
	load()
	w.run(w.counter, w.gate)
	load()
	stopSecond()
	load()
	w.until(1000, "select count(*) from counter.tickets where state = 'closed'")
	w.until(1000, "select sold from counter.shows where name = 'open'")
	w.until(0, "select sum(gaps)::bigint from counter.lanes")
}

// P6: PostgreSQL goes away in mid-load and comes back: nothing is skipped, nothing happens twice.
func TestTheDatabaseGoesAway(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter, w.gate)
	for i := range 300 {
		w.say(wanted{fmt.Sprint("t", i), "open"})
		if i%100 == 50 {
			w.exec("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tiffin lane%' and datname = current_database()")
		}
	}
	w.until(300, "select count(*) from counter.tickets where state = 'closed'")
	w.until(300, "select sold from counter.shows where name = 'open'")
	w.until(0, "select sum(gaps)::bigint from counter.lanes")
}
