package lane_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
)

// marked is a fact as a sender with a lane says it.
func (w *world) marked(f saga.Fact, m wire.Mark) kafka.Record {
	w.t.Helper()
	r, err := wire.Encode(f, saga.Envelope{ID: "id-" + m.String(), Source: "/test", Saga: f.Key()}, time.Now(), partitions)
	if err != nil {
		w.t.Fatal(err)
	}
	wire.Stamp(&r, m)
	return r
}

// sameLane are n keys of one partition, so that their order is sure.
func sameLane(n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if k := fmt.Sprint("k", i); kafka.Partition([]byte(k), partitions) == 0 {
			keys = append(keys, k)
		}
	}
	return keys
}

// P2: what a lane says again is known by its mark, whatever its id.
func TestMarksTellCopies(t *testing.T) {
	w := newWorld(t, time.Minute)
	k := sameLane(5)
	say := func(key string, epoch, number int64) {
		r := w.marked(wanted{key, "open"}, wire.Mark{Lane: "door", Epoch: epoch, Number: number})
		w.produce(r)
	}
	say(k[0], 10, 1)
	say(k[1], 10, 1) // a copy by its mark: dropped although it says something else
	say(k[2], 9, 7)  // an owner that was fenced: dropped
	say(k[3], 11, 2) // the next owner, whose numbers run on
	stop := w.run(w.counter, w.gate)
	w.until(2, "select count(*) from counter.tickets where state = 'closed'")
	w.until(0, "select sum(gaps)::bigint from counter.lanes")
	stop()
	w.run(w.counter, w.gate)
	w.produce(w.marked(praised{k[0], "open"}, wire.Mark{Lane: "door", Epoch: 11, Number: 2})) // a copy, after a restart
	w.until(k[0]+","+k[3], "select string_agg(id, ',' order by id) from counter.tickets")
	say(k[4], 11, 5) // 3 and 4 never came: handled, and an alarm
	w.until(3, "select count(*) from counter.tickets where state = 'closed'")
	w.until(1, "select sum(gaps)::bigint from counter.lanes")
	w.until(0, "select praise from counter.shows where name = 'open'")
}

// A sender whose database went back says known numbers again, under a higher epoch: these are new facts.
func TestASendersDatabaseGoesBack(t *testing.T) {
	w := newWorld(t, time.Minute)
	k := sameLane(3)
	w.produce(w.marked(wanted{k[0], "open"}, wire.Mark{Lane: "door", Epoch: 10, Number: 1}),
		w.marked(wanted{k[1], "open"}, wire.Mark{Lane: "door", Epoch: 10, Number: 2}),
		w.marked(wanted{k[2], "open"}, wire.Mark{Lane: "door", Epoch: 20, Number: 1}))
	w.run(w.counter, w.gate)
	w.until(3, "select count(*) from counter.tickets where state = 'closed'")
}

// A record whose key belongs into another partition goes to the dead letters, and does nothing.
func TestAnAlienKeyGoesToTheDeadLetters(t *testing.T) {
	w := newWorld(t, time.Minute)
	r := w.marked(wanted{"stray", "open"}, wire.Mark{Lane: "door", Epoch: 1, Number: 1})
	r.Partition = (r.Partition + 1) % partitions
	w.produce(r)
	w.say(wanted{"good", "open"})
	w.run(w.counter, w.gate)
	w.until("closed", "select state from counter.tickets where id = 'good'")
	dead := w.deadLetter("counter.dead-letters", r.Partition)
	headers := map[string]string{}
	for _, h := range dead.Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["dlq_topic"] != "counter" || headers["dlq_lane"] != "door/1/1" || headers["dlq_error"] == "" || string(dead.Key) != "stray" {
		t.Errorf("the dead letter is %s with headers %v", dead.Key, headers)
	}
	w.until(1, "select count(*) from counter.tickets")
}

func (w *world) deadLetter(topic string, partition int) kafka.Record {
	w.t.Helper()
	at := kafka.Position{Topic: topic, Partition: partition}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		fetched, err := w.client.Fetch(w.t.Context(), []kafka.Position{at}, kafka.FetchOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(fetched[0].Records) > 0 {
			return fetched[0].Records[0]
		}
	}
	w.t.Fatalf("nothing came to %s", topic)
	return kafka.Record{}
}

// A deadline fires only when the lane has read what was logged before it: or an outage would undo what was answered in time.
func TestADeadlineWaitsForWhatWasLoggedBefore(t *testing.T) {
	var silent atomic.Bool
	w := newWorldOn(t, time.Minute, fakeBroker(t, nobody, func() bool { return silent.Load() }))
	stopCounter := w.run(w.counter)
	w.say(wanted{"t1", "open"})
	w.until("done", "select state from counter.tickets where id = 't1'")
	stopCounter()
	stopGate := w.run(w.gate)
	w.until("done", "select state from gate.visits where id = 't1'")
	stopGate() // in good order: what it said is on Kafka
	w.exec("update counter.tickets set waits_until = clock_timestamp() where id = 't1'")
	silent.Store(true)
	w.run(w.counter)
	w.until(partitions, "select count(*) from counter.lanes where owner <> ''")
	w.until(true, "select clock_timestamp() > waits_until + interval '1 second' from counter.tickets where id = 't1'")
	w.until("done", "select state from counter.tickets where id = 't1'")
	silent.Store(false)
	w.until("closed", "select state from counter.tickets where id = 't1'")
}

// nobody's topics are closed.
func nobody(string) bool { return false }

// What was committed and not sent is sent by the next owner, before anything else.
func TestTheNextOwnerSendsTheOutbox(t *testing.T) {
	var closed atomic.Bool
	closed.Store(true)
	w := newWorldOn(t, time.Minute, fakeBroker(t,
		func(topic string) bool { return topic == "gate" && closed.Load() }, func() bool { return false }))
	stop := w.run(w.counter, w.gate)
	w.say(wanted{"t1", "open"})
	w.until("done", "select state from gate.visits where id = 't1'")
	stop()
	closed.Store(false)
	w.until(1, "select count(*) from gate.lanes where outbox <> ''")
	w.run(w.counter, w.gate)
	w.until("closed", "select state from counter.tickets where id = 't1'")
	w.until(0, "select count(*) from gate.lanes where outbox <> ''")
}

// fakeBroker is an embedded broker that takes nothing for the topics that are closed, and gives nothing while it is silent.
func fakeBroker(t *testing.T, closed func(topic string) bool, silent func() bool) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		for _, topic := range produce.Topics {
			if closed(topic.Topic) {
				return refuseAll(produce), nil, true
			}
		}
		return nil, nil, false
	})
	c.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !silent() {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.FetchResponse)
		response.ErrorCode = 9 // a replica is not available
		return response, nil, true
	})
	return c.ListenAddrs()[0]
}

// refuseAll answers that there are not enough replicas.
func refuseAll(request *kmsg.ProduceRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, 19
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response
}

// A database that is empty while Kafka remembers the group stops it: to begin again is for people to decide.
func TestAnEmptyDatabaseStopsTheGroup(t *testing.T) {
	w := newWorld(t, time.Minute)
	stop := w.run(w.counter, w.gate)
	w.say(wanted{"t1", "open"})
	w.until("closed", "select state from counter.tickets where id = 't1'")
	stop() // tells Kafka the offsets
	w.exec("delete from counter.lanes")
	w.exec("delete from counter.tickets")
	stop = w.run(w.counter)
	w.logs("its database knows nothing of it")
	w.until(0, "select count(*) from counter.tickets")
	w.mend()
	stop()
	w.run(w.counter)
	w.until(1, "select count(*) from counter.tickets where id = 't1'")
}

// A place that the log does not have stops the group too: it neither skips nor reads again. The statement that it logs mends all of its lanes.
func TestAPlaceOutsideTheLogStopsTheGroup(t *testing.T) {
	w := newWorld(t, time.Minute)
	stop := w.run(w.counter, w.gate)
	w.say(wanted{"t1", "open"})
	w.until("closed", "select state from counter.tickets where id = 't1'")
	stop()
	w.exec("update counter.lanes set offsets = offsets || '{\"counter\": 4711}'")
	stop = w.run(w.counter, w.gate)
	w.logs("which the log does not have")
	w.shows("tiffin_group_stopped_lanes", partitions)
	w.mend()
	stop()
	w.run(w.counter, w.gate)
	var more []saga.Fact
	for i := range 20 { // in all lanes
		more = append(more, wanted{fmt.Sprint("more", i), "open"})
	}
	w.say(more...)
	w.until(21, "select count(*) from counter.tickets where state = 'closed'")
	w.until("21/0", "select sold || '/' || back from counter.shows where name = 'open'")
}

// mend runs the statement by which, says the log, the lanes go on.
func (w *world) mend() {
	w.t.Helper()
	w.logs("where l.lane = x.lane")
	w.exec(regexp.MustCompile(`update \S+\.lanes .* where l\.lane = x\.lane`).FindString(w.log.all()))
}

// An owner whose lanes another has claimed changes nothing any more; it joins again, and claims again.
func TestAnOwnerThatLostItsLanesChangesNothing(t *testing.T) {
	w := newWorld(t, time.Minute)
	w.run(w.counter)
	w.say(praised{"p1", "open"})
	w.until(1, "select praise from counter.shows where name = 'open'")
	w.exec("update counter.lanes set epoch = epoch + 1000000")
	w.say(praised{"p2", "open"}, praised{"p3", "open"}, praised{"p4", "open"})
	w.logs("the lanes have another owner")
	w.until(4, "select praise from counter.shows where name = 'open'")
}

// A mark that nothing came for is forgotten after twice the longest life of a saga; nothing else is.
func TestExpiredMarksAreSwept(t *testing.T) {
	w := newWorld(t, time.Minute)
	stop := w.run(w.counter)
	w.say(refused{"never"}, refused{"late"}, wanted{"t1", "open"})
	w.until(2, "select count(*) from counter.tickets where state = 'barred'")
	w.until("done", "select state from counter.tickets where id = 't1'")
	stop()
	w.exec("update counter.tickets set mark_until = now() - interval '1 hour' where id = 'never'")
	w.run(w.counter)
	w.until("late,t1", "select string_agg(id, ',' order by id) from counter.tickets")
}

// P6: a topic that grows adds no lane. Whoever is dealt the new partition with the next rebalance says so, and all the others go on.
func TestATopicThatGrowsStopsNobody(t *testing.T) {
	w := newWorldOn(t, time.Minute, fakeBroker(t, nobody, func() bool { return false }))
	w.run(w.counter)
	stop := w.run(w.counter)
	w.say(praised{"p1", "open"})
	w.until(1, "select praise from counter.shows where name = 'open'")
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.TimeoutMillis = 5000
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: w.prefix + "gate", Count: partitions + 1}}
	direct, err := kgo.NewClient(kgo.SeedBrokers(w.broker))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	if grown, err := grow.RequestWith(t.Context(), direct); err != nil || grown.Topics[0].ErrorCode != 0 {
		t.Fatalf("the topic does not grow: %v, %v", grown, err)
	}
	stop()
	w.logs("has grown")
	w.say(praised{"p2", "open"}, praised{"p3", "open"}, praised{"p4", "open"}, praised{"p5", "open"})
	w.until(5, "select praise from counter.shows where name = 'open'")
}

// P8: a stop takes ten seconds at most, also if Kafka answers nothing any more.
func TestAStopWhileKafkaHangs(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var hangs atomic.Bool
	asked, release := make(chan bool, 1), make(chan bool)
	c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if hangs.Load() && request.(*kmsg.ProduceRequest).Topics[0].Topic == "gate" {
			asked <- true
			<-release // and with it all others
		}
		return nil, nil, false
	})
	w := newWorldOn(t, time.Minute, c.ListenAddrs()[0])
	stop := w.run(w.counter, w.gate)
	defer close(release)
	w.say(wanted{"t1", "open"})
	w.until("closed", "select state from counter.tickets where id = 't1'")
	hangs.Store(true)
	w.say(wanted{"t2", "open"})
	<-asked
	began := time.Now()
	stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it takes %v", took)
	}
}

// A process does not start on topics whose records bear their senders' clocks: deadlines would go by these.
func TestTopicsWithSendersClocksAreRefused(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kafka.Open(kafka.Config{Brokers: c.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for _, name := range []string{"counter", "gate", "gate.dead-letters"} {
		if err := c.CreateTopic(name, partitions, map[string]string{"message.timestamp.type": map[bool]string{true: "CreateTime", false: "LogAppendTime"}[name == "counter"]}); err != nil {
			t.Fatal(err)
		}
	}
	err = lane.Run(t.Context(), lane.Config{Kafka: client}, gate())
	if err == nil || !strings.Contains(err.Error(), "--entity-name counter --add-config message.timestamp.type=LogAppendTime") {
		t.Errorf("it starts, until %v", err)
	}
}
