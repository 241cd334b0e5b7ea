package lane

import (
	"slices"
	"time"

	"tiffin/saga"
	"tiffin/saga/wire"
)

// markLife is how long a mark is kept that does not move, in append time. A sender that is silent for longer than Kafka
// keeps its records has nothing left to send again.
const markLife = 30 * 24 * time.Hour

// forgetEvery is how often a loop looks for such marks: a door has a name of its own at each start, so there are ever more.
const forgetEvery = time.Minute

// maxStrangers and strangerLife bound what a lane remembers of events from senders that have no lane.
const (
	maxStrangers = 1000
	strangerLife = 24 * time.Hour
)

// Mark is the last fact that a lane has seen of one sender lane on one topic.
type Mark struct {
	Epoch  int64 `json:"e"`
	Number int64 `json:"n"`
	Seen   int64 `json:"t"` // append time, seconds since 1970
}

// verdict is what a lane makes of a fact's mark.
type verdict int

const (
	fresh     verdict = iota
	duplicate         // seen before
	gap               // fresh, and something before it never came
	wentBack          // fresh, of a sender whose database went back: its numbers come again under a higher epoch
)

// judge compares a fact's mark with the last one seen of its sender, as (epoch, number) in that order: numbers run on
// across epochs, so only a wiped or restored sender says a known number under a higher epoch.
func judge(last Mark, known bool, m wire.Mark) verdict {
	switch {
	case !known:
		return fresh
	case m.Epoch < last.Epoch, m.Epoch == last.Epoch && m.Number <= last.Number:
		return duplicate
	case m.Number <= last.Number:
		return wentBack
	case m.Number > last.Number+1:
		return gap
	}
	return fresh
}

// see judges a fact's mark and remembers it. The key of the marks is the sender's lane and the topic.
func (l *lane) see(topic string, m wire.Mark, at time.Time) verdict {
	key := m.Lane + " " + topic
	last, known := l.Marks[key]
	v := judge(last, known, m)
	if v != duplicate {
		l.Marks[key] = Mark{m.Epoch, m.Number, at.Unix()}
	}
	return v
}

// Stranger is an event that came without a lane mark. As in CloudEvents, it is known by its source and its id: two senders
// may both count from 1.
type Stranger struct {
	Source string `json:"s"`
	ID     string `json:"id"`
	Seen   int64  `json:"t"` // append time, seconds since 1970
}

// Is says whether this is the event of that envelope.
func (s Stranger) Is(e saga.Envelope) bool { return s.ID == e.ID && s.Source == e.Source }

// meet says whether this stranger's event was here before, and remembers it, for a bounded time and among a bounded number.
func (l *lane) meet(e saga.Envelope) (before bool) {
	if slices.ContainsFunc(l.Strangers, func(s Stranger) bool { return s.Is(e) }) {
		return true
	}
	at := e.Time
	oldest := at.Add(-strangerLife).Unix()
	l.Strangers = slices.DeleteFunc(l.Strangers, func(s Stranger) bool { return s.Seen < oldest })
	if len(l.Strangers) >= maxStrangers {
		l.Strangers = slices.Delete(l.Strangers, 0, 1)
	}
	l.Strangers, l.Met = append(l.Strangers, Stranger{e.Source, e.ID, at.Unix()}), true
	return false
}

// forget drops marks that have not moved for long, by the append time of what the lane has read: our own clock may be wrong. The row
// loses them with the lane's next batch.
func (l *lane) forget() {
	var latest time.Time
	for _, at := range l.last {
		if at.After(latest) {
			latest = at
		}
	}
	oldest := latest.Add(-markLife).Unix()
	for key, m := range l.Marks {
		if m.Seen < oldest {
			delete(l.Marks, key)
		}
	}
}
