package lane

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga"
)

// Metrics are what the loops of a process count. Labels are groups, never ids.
type Metrics struct {
	events  *prometheus.CounterVec
	skipped *prometheus.CounterVec
	said    *prometheus.CounterVec
	park    *prometheus.CounterVec
	mirror  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	size    *prometheus.HistogramVec
	owned   *prometheus.GaugeVec
	stuck   *prometheus.GaugeVec
	unread  *prometheus.GaugeVec
	held    *prometheus.GaugeVec
	tried   *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	group := []string{"group"}
	m := &Metrics{
		events:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_events_total", Help: "Events handled."}, group),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_events_dropped_total", Help: "Events that no reaction ran for, by reason."}, []string{"group", "reason"}),
		said:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_facts_said_total", Help: "Facts said, by type."}, []string{"group", "type"}),
		park:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_events_parked_total", Help: "Events parked."}, group),
		mirror:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_mirrored_documents_total", Help: "Changed documents for the group's mirrors, by outcome: mirrored, failed, or overflow."}, []string{"group", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tiffin_group_batch_duration_seconds", Help: "From a batch's begin to its commit.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 12)}, group),
		size:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tiffin_group_batch_events", Help: "Events in a batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 13)}, group),
		owned:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tiffin_group_lanes", Help: "Lanes that this process owns."}, group),
		stuck:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tiffin_group_stopped_lanes", Help: "Lanes of this process that stand still until somebody says where they go on: its log says how."}, group),
		unread:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tiffin_group_unread_records", Help: "Records that this process's lanes have not handled yet, of those that it knows to be there."}, group),
		held:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tiffin_group_parked_events", Help: "Events of this process's lanes that are parked now."}, group),
		tried:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tiffin_group_effect_attempts_total", Help: "Attempts of effects, by what came of them."}, []string{"group", "effect", "outcome"}),
	}
	r.MustRegister(m.events, m.skipped, m.said, m.park, m.mirror, m.seconds, m.size, m.owned, m.stuck, m.unread, m.held, m.tried)
	return m
}

// groupMetrics are one group's.
type groupMetrics struct {
	*Metrics
	group         string
	events, parks prometheus.Counter
	seconds, size prometheus.Observer
}

func (m *Metrics) of(group string) *groupMetrics {
	return &groupMetrics{
		Metrics: m, group: group, events: m.events.WithLabelValues(group), parks: m.park.WithLabelValues(group),
		seconds: m.seconds.WithLabelValues(group), size: m.size.WithLabelValues(group),
	}
}

// counted is what the metrics are told of a batch once it is committed: what comes to nothing is done again.
type counted struct {
	events        int
	dropped, said []string // reasons, and types of facts
}

func (c *counted) handled(out saga.Outcome) {
	c.events++
	if out.Dropped != "" {
		c.drop(out.Dropped)
	}
	for _, f := range out.Facts {
		c.said = append(c.said, f.EventType())
	}
}

func (c *counted) drop(reason string) { c.dropped = append(c.dropped, reason) }

func (g *groupMetrics) count(c counted) {
	g.events.Add(float64(c.events))
	for _, reason := range c.dropped {
		g.skipped.WithLabelValues(g.group, reason).Inc()
	}
	for _, eventType := range c.said {
		g.said.WithLabelValues(g.group, eventType).Inc()
	}
}

func (g *groupMetrics) mirrored(outcome string, n int) {
	g.mirror.WithLabelValues(g.group, outcome).Add(float64(n))
}

func (g *groupMetrics) attempted(effect, outcome string) {
	g.tried.WithLabelValues(g.group, effect, outcome).Inc()
}
func (g *groupMetrics) parked()        { g.parks.Inc() }
func (g *groupMetrics) lanes(more int) { g.owned.WithLabelValues(g.group).Add(float64(more)) }

func (g *groupMetrics) stopped(more int) { g.stuck.WithLabelValues(g.group).Add(float64(more)) }

// backlog is what a loop has before it.
type backlog struct{ unread, parked int64 }

// backlog shows how a loop's has changed.
func (g *groupMetrics) backlog(was, is backlog) {
	g.unread.WithLabelValues(g.group).Add(float64(is.unread - was.unread))
	g.held.WithLabelValues(g.group).Add(float64(is.parked - was.parked))
}

func (g *groupMetrics) batch(n int, took time.Duration) {
	g.size.Observe(float64(n))
	g.seconds.Observe(took.Seconds())
}
