package sagasim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/saga/words"
)

// Op is what a process asks a server for.
type Op string

// The operations.
const (
	OpConnect   Op = "connect"
	OpClaim     Op = "claim"
	OpLoad      Op = "load"
	OpSave      Op = "save"
	OpRelease   Op = "release"
	OpQuery     Op = "query"
	OpProduce   Op = "produce"
	OpFetch     Op = "fetch"
	OpJoin      Op = "join"
	OpLeave     Op = "leave"
	OpHeartbeat Op = "heartbeat"
	OpCommit    Op = "commit of offsets"
	OpOffsets   Op = "offsets"
	OpMetadata  Op = "metadata"
)

// Kind is a kind of fault.
type Kind string

// The kinds. Those from Dies to Copies happen at their moment; the others befall the next request of their kind that the
// process sends from then on.
const (
	None         Kind = ""
	Dies         Kind = "dies"         // and is started again after a while
	Restarts     Kind = "restarts"     // in good order
	Stops        Kind = "stops"        // is paused, and goes on later as if nothing had been: a zombie
	CutKafka     Kind = "cut-kafka"    // the network between the process and Kafka
	CutPostgres  Kind = "cut-postgres" // the same to PostgreSQL
	KafkaDown    Kind = "kafka-down"
	PostgresDown Kind = "postgres-down"
	ClockJumps   Kind = "clock-jumps"
	DBClockJumps Kind = "postgres-clock-jumps"
	Copies       Kind = "copies"  // of records that are in the log: retries of what was acknowledged
	Garbage      Kind = "garbage" // a stranger says something that does not parse
	Refusal      Kind = "refusal" // PostgreSQL refuses what a group saves of one key: a CHECK, say

	DiesBefore  Kind = "dies-before"  // the request leaves
	DiesAfter   Kind = "dies-after"   // the request was served, before the answer
	RequestLost Kind = "request-lost" // the connection breaks, nothing arrives
	RequestLate Kind = "request-late" // the connection breaks, and the request arrives all the same
	AnswerLost  Kind = "answer-lost"
	AnswerLate  Kind = "answer-late"
	Repeated    Kind = "repeated" // it arrives twice
	Halfway     Kind = "halfway"  // a pipeline stops in the middle, with its locks
	Refused     Kind = "refused"  // some partitions take the batch, others don't
	Hangs       Kind = "hangs"    // PostgreSQL never answers, and the connection does not break either
)

// Fault is something that goes wrong.
type Fault struct {
	At      time.Duration
	Kind    Kind
	Process int           // which one
	Op      Op            // of the request that it befalls
	For     time.Duration // how long it lasts, or how late something comes
	By      time.Duration // how far a clock jumps
	Count   int           // of copies; or of garbage's names that no database takes
	Group   string        // that is to hear the garbage, or whose rows are refused
	Key     string        // of these
}

func (f Fault) String() string {
	at := fmt.Sprintf("%8.3fs  ", f.At.Seconds())
	who := fmt.Sprintf("process %d", f.Process+1)
	lasts := f.For.Round(time.Millisecond).String()
	switch f.Kind {
	case Dies:
		return at + who + " dies, and is started again after " + lasts
	case Restarts:
		return at + who + " is stopped in good order, and started again " + lasts + " later"
	case Stops:
		return at + who + " stands still for " + lasts
	case CutKafka:
		return at + who + " can't reach Kafka for " + lasts
	case CutPostgres:
		return at + who + " can't reach PostgreSQL for " + lasts
	case KafkaDown:
		return at + "Kafka is down for " + lasts
	case PostgresDown:
		return at + "PostgreSQL is down for " + lasts
	case ClockJumps:
		return at + fmt.Sprintf("the clock of %s jumps by %v", who, f.By)
	case DBClockJumps:
		return at + fmt.Sprintf("PostgreSQL's clock jumps by %v", f.By)
	case Copies:
		return at + fmt.Sprintf("%s of records that are in the log, to it", words.Count(f.Count, "copy"))
	case Garbage:
		named := ""
		if f.Count > 0 {
			named = ", under an id that no database takes"
		}
		return at + fmt.Sprintf("a stranger says something to %s of %s that does not parse%s", f.Group, f.Key, named)
	case Refusal:
		return at + fmt.Sprintf("PostgreSQL refuses what %s saves of %s, for %s", f.Group, f.Key, lasts)
	case DiesBefore:
		return at + fmt.Sprintf("%s dies before its next %s leaves, and is started again after %s", who, f.Op, lasts)
	case DiesAfter:
		return at + fmt.Sprintf("%s dies when its next %s has been served, before the answer, and is started again after %s", who, f.Op, lasts)
	case RequestLost:
		return at + fmt.Sprintf("the next %s of %s is lost", f.Op, who)
	case RequestLate:
		return at + fmt.Sprintf("the next %s of %s gets no answer, and arrives %s later", f.Op, who, lasts)
	case AnswerLost:
		return at + fmt.Sprintf("the next %s of %s is served, and the answer is lost", f.Op, who)
	case AnswerLate:
		return at + fmt.Sprintf("the answer to the next %s of %s comes %s late", f.Op, who, lasts)
	case Hangs:
		return at + fmt.Sprintf("the next %s of %s never gets an answer, nor an error", f.Op, who)
	case Repeated:
		return at + fmt.Sprintf("the next %s of %s arrives twice, within %s", f.Op, who, lasts)
	case Halfway:
		return at + fmt.Sprintf("the next save of %s stops halfway, for %s", who, lasts)
	case Refused:
		return at + fmt.Sprintf("the next produce of %s that has more than one record is taken by some partitions, and refused by others", who)
	}
	return at + string(f.Kind)
}

// Strikes says whether it befalls a request, and not a moment.
func (f Fault) Strikes() bool {
	switch f.Kind {
	case DiesBefore, DiesAfter, RequestLost, RequestLate, AnswerLost, AnswerLate, Repeated, Halfway, Refused, Hangs:
		return true
	}
	return false
}

// kinds are what a plan chooses from, the more often a kind is named the more often it comes.
var kinds = strings.Fields(`dies dies restarts stops stops cut-kafka cut-postgres kafka-down postgres-down clock-jumps
	postgres-clock-jumps copies copies copies dies-before dies-before dies-before dies-after dies-after dies-after request-lost request-late
	request-late answer-lost answer-lost answer-lost answer-late repeated repeated halfway refused refused garbage refusal refusal`)

// randomFault draws one.
func (world World) randomFault(r *rand.Rand, p *Plan, only []Kind) Fault {
	processes, doors, until := len(p.Processes), p.Doors, p.Until
	f := Fault{At: between(r, 0, until), Process: r.IntN(processes + doors)}
	if r.IntN(2) == 0 { // while something goes on
		f.At = max(0, p.Sayings[r.IntN(len(p.Sayings))].At+between(r, -50*time.Millisecond, time.Second))
	}
	f.At = f.At.Round(time.Millisecond)
	if only != nil {
		f.Kind = only[r.IntN(len(only))]
	} else {
		f.Kind = Kind(kinds[r.IntN(len(kinds))])
	}
	most := []time.Duration{20 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second, 15 * time.Second}[r.IntN(4)]
	f.For = between(r, most/20, most).Round(time.Millisecond)
	switch f.Kind {
	case Stops, CutKafka, CutPostgres, KafkaDown, PostgresDown: // long enough for deadlines to pass, and for lanes to move
		f.For = between(r, f.For, 15*time.Second).Round(time.Millisecond)
	case RequestLate: // long enough for others to go on
		f.For = between(r, f.For, 20*time.Second).Round(time.Millisecond)
	}
	switch f.Kind {
	case ClockJumps:
		f.By = between(r, -maxSkew, maxSkew).Round(time.Millisecond)
		f.Process = r.IntN(processes)
	case DBClockJumps:
		f.By = between(r, -time.Minute, time.Minute).Round(time.Millisecond)
	case Copies:
		f.Count = 1 + r.IntN(3)
		if r.IntN(10) == 0 {
			f.Count = 50
		}
	case DiesBefore, DiesAfter, RequestLost, RequestLate, AnswerLost, AnswerLate:
		f.Op = []Op{OpSave, OpSave, OpSave, OpSave, OpProduce, OpProduce, OpProduce, OpProduce, OpClaim, OpLoad, OpLoad, OpFetch, OpJoin, OpHeartbeat, OpQuery, OpRelease}[r.IntN(16)]
	case Garbage, Refusal:
		f.Key = p.Sayings[r.IntN(len(p.Sayings))].Fact.Key()
		f.Group = world.Groups[r.IntN(len(world.Groups))].Name()
		f.For *= 2
		if f.Kind == Garbage && f.For > 3*time.Second {
			f.Count = 1
		}
	case Hangs:
		f.Op = []Op{OpConnect, OpClaim, OpLoad, OpLoad, OpLoad, OpSave, OpSave, OpQuery, OpRelease}[r.IntN(9)]
		f.Process = r.IntN(processes)
	case Repeated, Refused:
		f.Op = OpProduce
	case Halfway:
		f.Op, f.Process = OpSave, r.IntN(processes)
	}
	if f.Process >= processes && f.Strikes() { // a door has nothing else to ask for
		f.Op = OpProduce
	}
	return f
}

// maxSkew is how far clocks of processes differ at most from the broker's, by which deadlines are set.
const maxSkew = 2 * time.Second

// befall lets the plan's faults happen.
func (w *world) befall(f Fault) {
	w.after(f.At, func() { w.happens(f) })
}

func (w *world) happens(f Fault) {
	w.tracef("fault: %s", strings.TrimSpace(f.String()))
	p := w.running(f.Process)
	switch f.Kind {
	case Dies:
		if p != nil {
			w.die(p, f)
		}
	case Restarts:
		if p != nil && p.stop != nil && !p.paused {
			w.restarts[f.Process] = f.For
			p.stop()
		}
	case Stops:
		if p != nil && !p.paused {
			p.paused = true
			w.after(f.For, p.resume)
		}
	case CutKafka, CutPostgres:
		until := &w.cutKafka[f.Process]
		if f.Kind == CutPostgres {
			until = &w.cutPostgres[f.Process]
		}
		*until = max(*until, w.now+f.For)
	case KafkaDown:
		w.outage(&w.broker.server, w.broker.stops, f.For)
	case PostgresDown:
		w.outage(&w.database.server, w.database.stops, f.For)
	case ClockJumps:
		if p != nil {
			p.skew = max(-maxSkew, min(maxSkew, p.skew+f.By))
			p.ahead = max(p.ahead, p.skew)
		}
	case DBClockJumps:
		w.database.clock += f.By
	case Copies:
		w.copies(f)
	case Garbage:
		w.garbage(f)
	case Refusal:
		w.refusals = append(w.refusals, f)
		w.after(f.For, func() {
			w.refusals = slices.DeleteFunc(w.refusals, func(o Fault) bool { return o.Group == f.Group && o.Key == f.Key })
		})
	default:
		w.armed = append(w.armed, f)
	}
}

func (w *world) outage(s *server, stops func(), d time.Duration) {
	if !s.down {
		stops()
		w.after(d, func() { s.down = false })
	}
}

// die ends a process, which is started again after a while.
func (w *world) die(p *process, f Fault) {
	if p.dead {
		return
	}
	if w.running(p.slot) == p {
		w.after(f.For, func() { w.launch(p.slot) })
	}
	p.die()
}

// strike takes the fault that befalls a request; usually none.
func (w *world) strike(p *process, r request) Fault {
	for i, f := range w.armed {
		if f.Process == p.slot && f.Op == r.op && f.Kind != Halfway && f.Kind != Refused {
			w.armed = slices.Delete(w.armed, i, i+1)
			w.tracef("strikes: %s", strings.TrimSpace(f.String()))
			return f
		}
	}
	return Fault{}
}

func (w *world) take(p *process, k Kind) (Fault, bool) {
	for i, f := range w.armed {
		if f.Process == p.slot && f.Kind == k {
			w.armed = slices.Delete(w.armed, i, i+1)
			w.tracef("strikes: %s", strings.TrimSpace(f.String()))
			return f, true
		}
	}
	return Fault{}, false
}

// halfway is how long the next save stops in its middle.
func (w *world) halfway(p *process) time.Duration {
	f, _ := w.take(p, Halfway)
	return f.For
}

// refusal says which partitions refuse the next request; nil if none does.
func (w *world) refusal(p *process) func(kafka.TopicPartition) bool {
	if _, ok := w.take(p, Refused); !ok {
		return nil
	}
	return func(kafka.TopicPartition) bool { return w.random.IntN(2) == 0 }
}

// cut says whether the network between the two is.
func (w *world) cut(p *process, s *server) bool {
	if s == &w.broker.server {
		return w.now < w.cutKafka[p.slot]
	}
	return w.now < w.cutPostgres[p.slot]
}

// copies of random records come to their logs.
func (w *world) copies(f Fault) {
	var filled []*log
	for _, t := range w.broker.names {
		for _, l := range w.broker.topics[t] {
			if len(l.records) > 0 {
				filled = append(filled, l)
			}
		}
	}
	if len(filled) == 0 {
		return
	}
	for range 3 {
		l := filled[w.random.IntN(len(filled))]
		r := l.records[w.random.IntN(len(l.records))]
		if string(r.Value) == nonsense { // a stranger's, which has no id: each is one of its own
			continue
		}
		for range f.Count {
			w.after(between(w.random, 0, f.For), func() {
				if !w.broker.down {
					w.broker.append(l, []kafka.Record{r})
				}
			})
		}
	}
}

// nonsense is no fact's JSON.
const nonsense = "{nonsense"

// garbage is a record with a type that the group hears, and no fact in it.
func (w *world) garbage(f Fault) {
	i := slices.IndexFunc(w.groups, func(g *saga.Group) bool { return g.Name() == f.Group })
	if i < 0 {
		return
	}
	var heard []saga.FactType
	for _, r := range w.groups[i].Reactions() {
		heard = append(heard, r.Hears...)
	}
	of := heard[int(f.At/time.Millisecond)%len(heard)]
	for _, g := range w.groups {
		w.poisoned[g.Name()] = w.poisoned[g.Name()] || g.Hears(of.Type)
	}
	key := []byte(f.Key)
	headers := []kafka.Header{{Key: wire.HeaderType, Value: []byte(of.Type)}}
	if f.Count > 0 {
		headers = append(headers, kafka.Header{Key: wire.HeaderID, Value: []byte("\xff")})
	}
	l := w.broker.log(of.Topic, kafka.Partition(key, w.plan.Partitions))
	if !w.broker.down {
		w.broker.append(l, []kafka.Record{{Topic: l.topic, Partition: l.partition, Key: key, Value: []byte(nonsense), Headers: headers}})
	}
}

// operate is the person who looks after parked keys: they have them handled again, and drop what can't be.
func (w *world) operate() {
	for _, g := range w.groups {
		s := w.database.schemas[g.Name()]
		seen := map[string]bool{}
		for _, p := range s.parked {
			if seen[p.Key] || slices.ContainsFunc(s.wishes, func(o lane.Wished) bool { return o.Key == p.Key }) {
				continue
			}
			seen[p.Key] = true
			wish := lane.Redrive
			if string(p.Record.Value) == nonsense {
				wish = lane.Discard
			}
			w.tracef("a person wishes the %s of %s by %s", wish, p.Key, g.Name())
			s.wish(p.Key, wish)
		}
	}
	w.after(4*time.Second, w.operate)
}
