package sagasim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/saga/words"
)

// Finding is something that is wrong.
type Finding struct {
	Rule string
	What string
}

func (f Finding) String() string { return f.Rule + ": " + f.What }

// maxFindings bounds what is kept of one run.
const maxFindings = 20

func (w *world) find(rule, format string, args ...any) {
	f := Finding{rule, fmt.Sprintf(format, args...)}
	w.tracef("FINDING %s", f)
	if len(w.findings) < maxFindings {
		w.findings = append(w.findings, f)
	}
}

// watch looks at what is logged and committed while it happens.
type watch struct {
	lasts  map[string]int64     // sender lane and target -> last number in the log
	firsts map[string]wire.Mark // id of a fact of a group -> under which mark it was said first
	dead   map[string]bool      // topics of dead letters
}

func (v *watch) init(w *world) {
	v.lasts, v.firsts, v.dead = map[string]int64{}, map[string]wire.Mark{}, map[string]bool{}
	for _, g := range w.groups {
		v.dead[g.DeadLetters()] = true
	}
}

// appended looks at a record that has come to a log.
func (w *world) appended(l *log, r *kafka.Record) {
	e, m, err := wire.Decode(r)
	if w.trace != nil {
		w.tracef("%s/%d has %d: %s of %s (%s)", l.topic, l.partition, r.Offset, e.Type, e.Key, m)
	}
	if err != nil || m.Lane == "" || w.watch.dead[l.topic] {
		return
	}
	v := &w.watch
	sender := fmt.Sprintf("%s to %s/%d", m.Lane, l.topic, l.partition)
	switch last := v.lasts[sender]; {
	case m.Number == last+1:
		v.lasts[sender] = m.Number
	case m.Number > last+1:
		w.find("order", "%s says %s as number %d, and the last one in the log is %d", sender, e.Type, m.Number, last)
		v.lasts[sender] = m.Number
	}
	w.once(e, m)
	w.parties.hear(e, r)
}

// once: a group says each fact under one number. Under two, it has handled its cause twice.
func (w *world) once(e saga.Envelope, m wire.Mark) {
	if strings.HasPrefix(m.Lane, "door-") {
		return
	}
	first, known := w.watch.firsts[e.ID]
	switch {
	case !known:
		w.watch.firsts[e.ID] = m
	case first.Lane != m.Lane || first.Number != m.Number:
		w.find("once", "%s of %s (%s) is said twice: as %s and as %s", e.Type, e.Key, e.ID, first, m)
	}
}

// committed looks at a batch in the moment before it changes the tables.
func (w *world) committed(s *schema, v *saving, p *process) {
	if w.trace != nil {
		for _, l := range v.lanes {
			w.tracef("%s/%d commits under epoch %d: next %v, says %d", s.group.Name(), l.Number, l.Epoch, sortedMap(l.Next), len(l.Outbox))
		}
	}
	w.inOrder(s, v)
	for _, id := range v.save.Performed {
		if w.attempts[id] == 0 {
			w.find("effects", "%s notes an outcome of effect %s, which nobody has tried", s.group.Name(), id)
		}
	}
	if !s.group.HasAct() {
		return
	}
	act := s.group.Tables()[0].Name()
	for _, d := range v.written {
		if d.table.Name() != act {
			continue
		}
		old := s.tables[act][d.key]
		if old == nil || old.act.until.IsZero() || d.row.act.waiting == old.act.waiting {
			continue
		}
		w.answered(s, v, p, d.key, old.act)
	}
}

// inOrder: what comes to a parked key is parked behind what waits there, unless it is a copy.
func (w *world) inOrder(s *schema, v *saving) {
	if len(s.parked) == 0 {
		return
	}
	for _, l := range v.lanes {
		waits := map[string]bool{}
		for _, p := range s.parked {
			waits[p.Key] = waits[p.Key] || p.Lane == l.Number
		}
		before := copied(&s.lanes[l.Number].Row) // and what is read of it here
		for _, topic := range s.group.Topics() {
			records := w.broker.log(topic, l.Number).records
			if l.Next[topic] < before.Next[topic] {
				w.find("order", "%s goes back in %s/%d from %d to %d", s.group.Name(), topic, l.Number, before.Next[topic], l.Next[topic])
				continue
			}
			for _, r := range records[before.Next[topic]:l.Next[topic]] {
				e, m, err := wire.Decode(&r)
				if err == nil && !known(before, topic, e, m) && waits[e.Key] && s.group.Hears(e.Type) && !parks(v, topic, r.Offset) {
					w.find("parking", "%s handles %s/%d at %d, %s of %s, before what is parked of that key", s.group.Name(), topic, l.Number, r.Offset, e.Type, e.Key)
				}
			}
		}
	}
}

// known says whether a lane has seen a fact before, and notes it.
func known(l *lane.Row, topic string, e saga.Envelope, m wire.Mark) bool {
	if m.Lane == "" {
		before := slices.ContainsFunc(l.Strangers, func(s lane.Stranger) bool { return s.Is(e) })
		l.Strangers = append(l.Strangers, lane.Stranger{Source: e.Source, ID: e.ID})
		return before
	}
	last, ok := l.Marks[m.Lane+" "+topic]
	if ok && (m.Epoch < last.Epoch || m.Epoch == last.Epoch && m.Number <= last.Number) {
		return true
	}
	l.Marks[m.Lane+" "+topic] = lane.Mark{Epoch: m.Epoch, Number: m.Number}
	return false
}

func parks(v *saving, topic string, offset int64) bool {
	return slices.ContainsFunc(v.save.Park, func(p lane.ParkedEvent) bool { return p.Topic == topic && p.Offset == offset })
}

// answered looks at a wait that ends: if nothing that was read ended it, its deadline did, and then nothing that was logged
// before the deadline must be unread.
func (w *world) answered(s *schema, v *saving, p *process, key string, was actRow) {
	i := slices.IndexFunc(v.lanes, func(l *lane.Row) bool { return l.Number == was.lane })
	if i < 0 {
		return
	}
	before, after := s.lanes[was.lane].Next, v.lanes[i].Next
	for _, topic := range s.group.Topics() {
		records := w.broker.log(topic, was.lane).records
		for _, r := range records[before[topic]:after[topic]] {
			if string(r.Key) == key {
				return
			}
		}
	}
	if len(v.save.Unpark) > 0 || len(v.save.Performed) > 0 {
		return
	}
	answers := w.answersTo(s.group, was.waiting)
	early := max(0, p.ahead) + 100*time.Millisecond // as much may be logged after the process has looked
	for _, topic := range s.group.Topics() {
		records := w.broker.log(topic, was.lane).records
		for _, r := range records[after[topic]:] {
			e, _, err := wire.Decode(&r)
			if err == nil && e.Key == key && answers[e.Type] && r.Time.Before(was.until.Add(-early)) {
				w.find("deadline", "%s runs %s of %s, due at %s, and has not read %s/%d at %d: %s, logged at %s",
					s.group.Name(), was.waiting, key, was.until.Sub(Epoch), topic, was.lane, r.Offset, e.Type, r.Time.Sub(Epoch))
				return
			}
		}
	}
}

// answersTo are the types that end a wait.
func (w *world) answersTo(g *saga.Group, wait string) map[string]bool {
	out := map[string]bool{}
	for _, r := range g.Reactions() {
		if r.Wait == wait && r.Role == saga.RoleThen {
			for _, h := range r.Hears {
				out[h.Type] = true
			}
		}
	}
	return out
}

// judge looks at what is there in the end.
func (w *world) judge() {
	for _, g := range w.groups {
		s := w.database.schemas[g.Name()]
		for _, n := range slices.Sorted(maps.Keys(s.lanes)) {
			l := s.lanes[n]
			if l.Gaps > 0 {
				w.find("gaps", "lane %s/%d has %s", g.Name(), n, words.Count(l.Gaps, "gap"))
			}
			for _, target := range slices.Sorted(maps.Keys(l.Numbers)) {
				topic := target[:strings.LastIndexByte(target, '/')]
				if w.watch.dead[topic] {
					continue
				}
				if last := w.watch.lasts[fmt.Sprintf("%s/%d to %s", g.Name(), n, target)]; last < l.Numbers[target] {
					w.find("lost", "lane %s/%d has said %s to %s, and the log has %d", g.Name(), n, words.Count(l.Numbers[target], "fact"), target, last)
				}
			}
		}
		for _, p := range s.parked {
			w.find("parked", "%s, key %s: %s is parked: %s", g.Name(), p.Key, p.Type, p.Reason)
		}
	}
	if w.spec.Judge != nil {
		for _, f := range w.spec.Judge(&End{w}) {
			w.find(f.Rule, "%s", f.What)
		}
	}
}

func sortedMap(m map[string]int64) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s:%d ", k, m[k])
	}
	return b.String()
}

// End is the world when all is quiet, for a [World]'s own judge.
type End struct{ world *world }

// Documents are a table's, or a journal's, decoded, in the order of their keys, or in which they were added. It panics if the
// group has no such table.
func (e *End) Documents(group, table string) []any {
	s := e.world.database.schemas[group]
	if s == nil {
		return nil // a shrunk plan runs it nowhere
	}
	i := slices.IndexFunc(s.group.Tables(), func(t saga.AnyTable) bool { return t.Name() == table })
	if i < 0 {
		panic("sagasim: group " + group + " has no table " + table)
	}
	t := s.group.Tables()[i]
	var out []any
	if t.Appends() {
		for _, b := range s.journals[table] {
			out = append(out, saga.Decode(b, t))
		}
		return out
	}
	for _, k := range s.keys(table) {
		out = append(out, saga.Decode(s.tables[table][k].document, t))
	}
	return out
}

// Groups are those that run: a shrunk plan may leave some out.
func (e *End) Groups() []*saga.Group { return e.world.groups }

// Now is the time of day.
func (e *End) Now() time.Time { return Epoch.Add(e.world.now) }

// Said are all facts in the log, without copies, dead letters and garbage. One that somebody outside has said twice is there twice.
func (e *End) Said() []saga.Envelope {
	var out []saga.Envelope
	seen := map[string]bool{}
	for _, topic := range e.world.broker.names {
		if e.world.watch.dead[topic] {
			continue
		}
		for _, l := range e.world.broker.topics[topic] {
			for _, r := range l.records {
				env, m, err := wire.Decode(&r)
				if id := fmt.Sprintf("%s %s %d", topic, m, l.partition); err == nil && m.Lane != "" && !seen[id] {
					seen[id] = true
					out = append(out, env)
				}
			}
		}
	}
	return out
}

// Lanes are a group's rows of lanes.
func (e *End) Lanes(group string) []lane.Row {
	s := e.world.database.schemas[group]
	if s == nil {
		return nil
	}
	var out []lane.Row
	for _, n := range slices.Sorted(maps.Keys(s.lanes)) {
		out = append(out, *copied(&s.lanes[n].Row))
	}
	return out
}

// Parked are the events that a group has parked, in order.
func (e *End) Parked(group string) []lane.ParkedEvent {
	if s := e.world.database.schemas[group]; s != nil {
		return s.parked
	}
	return nil
}
