package sagasim

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/saga/lane"
	"tiffin/saga/words"
)

// world is one run of a plan.
type world struct {
	engine
	spec     *World
	plan     *Plan
	groups   []*saga.Group
	broker   *broker
	database *database
	doors    []*door
	slots    []*process // who runs now, by slot; nil while nobody does
	starts   []int
	restarts map[int]time.Duration // slots that are stopped in good order, and how long they stay so

	armed                 []Fault
	refusals              []Fault         // of PostgreSQL, now
	poisoned              map[string]bool // groups that may park keys
	cutKafka, cutPostgres []time.Duration // until when, by slot

	parties  parties
	attempts map[string]int // of effects, by their keys
	findings []Finding
	metrics  *lane.Metrics
	watch    watch
	kept     int // sayings that wait for their door
}

func newWorld(spec *World, plan *Plan, metrics *lane.Metrics, trace *Trace) *world {
	w := &world{
		spec: spec, plan: plan, groups: running(spec, plan), restarts: map[int]time.Duration{}, attempts: map[string]int{}, poisoned: map[string]bool{}, metrics: metrics,
		engine: engine{random: rand.New(rand.NewPCG(plan.Seed, 1)), trace: trace},
	}
	n := len(plan.Processes) + plan.Doors
	w.slots, w.starts = make([]*process, n), make([]int, n)
	w.cutKafka, w.cutPostgres = make([]time.Duration, n), make([]time.Duration, n)
	w.database = newDatabase(w, w.groups)
	w.broker = newBroker(w, topicsOf(spec), plan.Partitions)
	w.watch.init(w)
	w.parties.init(w)
	for range plan.Doors {
		w.doors = append(w.doors, &door{world: w, slot: len(plan.Processes) + len(w.doors), numbers: map[string]int64{}})
	}
	return w
}

// running are the groups that some process runs.
func running(spec *World, plan *Plan) (groups []*saga.Group) {
	for _, g := range spec.Groups {
		if slices.ContainsFunc(plan.Processes, func(names []string) bool { return slices.Contains(names, g.Name()) }) {
			groups = append(groups, g)
		}
	}
	return groups
}

// topicsOf are all topics that somebody writes or reads.
func topicsOf(spec *World) []string {
	names := map[string]bool{}
	for _, g := range slices.Concat(spec.Groups, spec.Outside) {
		for _, t := range slices.Concat(g.Topics(), g.SaysTopics()) {
			names[t] = true
		}
		if !g.Outside() {
			names[g.DeadLetters()] = true
		}
	}
	for _, f := range spec.Setup {
		names[f.Topic()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// running is who runs in a slot; nil if nobody does.
func (w *world) running(slot int) *process {
	if slot >= len(w.slots) {
		return nil
	}
	if p := w.slots[slot]; p != nil && !p.dead {
		return p
	}
	return nil
}

// launch starts what belongs into a slot, unless it runs.
func (w *world) launch(slot int) {
	if w.running(slot) != nil {
		return
	}
	w.starts[slot]++
	p := &process{
		world: w, slot: slot, name: fmt.Sprintf("p%d.%d", slot+1, w.starts[slot]), began: w.now,
		random: rand.New(rand.NewPCG(w.plan.Seed, uint64(1000*(slot+1)+w.starts[slot]))),
	}
	p.skew = between(p.random, -maxSkew/4, maxSkew/4)
	p.ahead = p.skew
	w.slots[slot] = p
	w.tracef("%s starts", p.name)
	if slot >= len(w.plan.Processes) {
		w.doors[slot-len(w.plan.Processes)].start(p)
		return
	}
	var groups []*saga.Group
	for _, g := range w.groups {
		if slices.Contains(w.plan.Processes[slot], g.Name()) {
			groups = append(groups, g)
		}
	}
	ctx, stop := p.Cancel(context.Background())
	p.stop = stop
	ports := lane.Ports{Kafka: client{p, w.broker}, Open: p.open, Machine: p}
	config := lane.Config{Logger: slog.New(logger{w, p, nil}), Metrics: w.metrics, MaxBatch: w.plan.MaxBatch, Loops: w.plan.Loops, Batches: w.plan.Batches, QueueLimit: 1 + 4*w.plan.FetchRecords, SessionTimeout: sessionTimeout}
	p.start(func() {
		var err error
		for ctx.Err() == nil { // a process that can't start is started again
			if err = ports.Run(ctx, config, groups...); err != nil {
				p.Pause(ctx, time.Second)
			}
		}
		w.tracef("%s has ended: %v", p.name, err)
		p.dead = true
		w.database.lost(p)
		w.after(w.restarts[slot], func() { w.launch(slot) })
	})
}

// tracef writes a line of what happens, if somebody reads it.
func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.4f %s\n", (w.now - w.plan.Prelude).Seconds(), fmt.Sprintf(format, args...))
	}
}

// Trace is the log of a run's steps.
type Trace struct{ strings.Builder }

const (
	// settleTime is how long after the last fault everything must have come to its end: all deadlines, one after the other,
	// and the pauses of those who try again.
	settleTime = 3 * time.Minute
	// perSaying is how much longer it may take for each fact from outside: effects are performed some at a time.
	perSaying = 200 * time.Millisecond
	// looks is how often it is looked whether all is quiet.
	looks = time.Second
	// maxEvents bounds a run that goes round in a circle.
	maxEvents = 50_000_000
)

// run plays the plan to its end.
func (w *world) run() {
	for slot := range w.slots {
		w.launch(slot)
	}
	for i, f := range w.spec.Setup {
		w.doors[0].accept(f, fmt.Sprintf("setup-%d", i))
	}
	w.after(w.plan.Prelude, w.begin)
	quiet := false
	var look func()
	look = func() {
		if quiet = w.quiet() == ""; !quiet {
			w.after(looks, look)
		}
	}
	w.after(w.plan.Prelude+w.plan.Until+looks, look)
	end := w.plan.Prelude + w.plan.Until + settleTime + w.longest() + time.Duration(len(w.plan.Sayings))*perSaying
	steps := 0
	for !quiet && w.now < end && steps < maxEvents && w.step() {
		steps++
	}
	if !quiet {
		for _, p := range w.slots {
			for _, t := range p.tasks {
				w.tracef("%s: a task waits for %s", p.name, t.what)
			}
		}
		w.find("quiet", "%s after the last fault there is still something to do: %s", (w.now - w.plan.Prelude - w.plan.Until).Round(time.Second), w.quiet())
	}
	w.judge()
	for _, p := range w.slots {
		if p != nil && !p.dead {
			p.dead = true
			for _, t := range slices.Clone(p.tasks) {
				t.stop()
			}
		}
	}
}

// begin lets the plan begin, once the setup has been handled.
func (w *world) begin() {
	for _, s := range w.plan.Sayings {
		w.after(s.At, func() { w.say(s, 0) })
		if s.Twice {
			w.after(s.At+between(w.random, 0, 3*time.Second), func() { w.say(s, 1) })
		}
	}
	for _, f := range w.plan.Faults {
		w.befall(f)
	}
	w.after(w.plan.Until, w.calm)
	w.after(4*time.Second, w.operate)
}

// calm ends all faults: what is broken is mended, who is away comes back.
func (w *world) calm() {
	w.tracef("calm: no more faults")
	w.armed, w.refusals = nil, nil
	w.broker.down, w.database.down = false, false
	for slot := range w.slots {
		w.cutKafka[slot], w.cutPostgres[slot] = 0, 0
		w.launch(slot)
	}
}

// longest is the sum of all waits that the groups declare.
func (w *world) longest() (sum time.Duration) {
	for _, g := range w.groups {
		sum += g.Waiting()
	}
	return sum
}

// quiet says what there is still to do; nothing ("") if everybody rests.
func (w *world) quiet() string {
	for _, d := range w.doors {
		if d.sent < len(d.spool) || w.kept > 0 {
			return fmt.Sprintf("door %d has %s to send", d.slot+1, words.Count(len(d.spool)-d.sent, "fact"))
		}
	}
	if w.parties.open > 0 {
		return fmt.Sprintf("on the way: %s from outside", words.Count(w.parties.open, "answer"))
	}
	for _, g := range w.groups {
		s := w.database.schemas[g.Name()]
		for _, n := range slices.Sorted(maps.Keys(s.lanes)) {
			l := s.lanes[n]
			for _, topic := range g.Topics() {
				if end := int64(len(w.broker.log(topic, n).records)); l.Next[topic] < end {
					return fmt.Sprintf("lane %s/%d has read %s up to %d of %d", g.Name(), n, topic, l.Next[topic], end)
				}
			}
			if len(l.Outbox) > 0 {
				return fmt.Sprintf("lane %s/%d has facts to send", g.Name(), n)
			}
		}
		if len(s.parked) > 0 {
			return fmt.Sprintf("%s of %s is parked by %s: %s", s.parked[0].Type, s.parked[0].Key, g.Name(), s.parked[0].Reason)
		}
		if len(s.lanes) < w.plan.Partitions {
			return fmt.Sprintf("group %s has claimed %s of %d", g.Name(), words.Count(len(s.lanes), "lane"), w.plan.Partitions)
		}
		if len(s.waits) > 0 {
			k := slices.Min(slices.Collect(maps.Keys(s.waits)))
			return fmt.Sprintf("%s waits for %s of %s until %s", g.Name(), s.waits[k].waiting, k, s.waits[k].until.Sub(Epoch))
		}
		for _, id := range slices.Sorted(maps.Keys(s.effects)) {
			if !s.effects[id].held {
				return fmt.Sprintf("effect %s of %s is under way", s.effects[id].Effect, g.Name())
			}
		}
	}
	return ""
}

// logger hears what a process logs: its errors are findings, the rest is traced.
type logger struct {
	world   *world
	process *process
	attrs   []slog.Attr
}

func (l logger) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError || l.world.trace != nil && level >= slog.LevelInfo
}

func (l logger) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	group := ""
	for _, a := range l.attrs {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		group = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	poisoned := r.Message == "a key is parked" && l.world.poisoned[group]
	l.world.tracef("%s logs: %s", l.process.name, b.String())
	if r.Level >= slog.LevelError && !poisoned {
		l.world.find("alarm", "%s logs: %s", l.process.name, b.String())
	}
	return nil
}

func (l logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.attrs = append(slices.Clone(l.attrs), attrs...)
	return l
}

func (l logger) WithGroup(string) slog.Handler { return l }
