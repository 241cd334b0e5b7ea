package door

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what goes through a door. The spool's are a [Disk]'s alone.
type Metrics struct {
	accepted, resent prometheus.Counter
	refused          *prometheus.CounterVec
	batch            prometheus.Histogram

	group, fsync                                  prometheus.Histogram
	spoolBytes, spoolLimit, backlog, backlogBytes prometheus.Gauge
	oldest, stuck                                 prometheus.Gauge
}

// NewMetrics makes the metrics of a door and registers them; nil registers them nowhere.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &Metrics{
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tiffin_door_accepted_facts_total",
			Help: "Facts that were accepted: on the disk, or acknowledged by Kafka, as the door is.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tiffin_door_refused_facts_total",
			Help: "Facts whose callers were told to try again, by the cause.",
		}, []string{"cause"}),
		resent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tiffin_door_resends_total",
			Help: "Attempts to send that left something to send again.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tiffin_door_batch_facts",
			Help: "Facts sent to Kafka together.", Buckets: prometheus.ExponentialBuckets(1, 4, 9),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tiffin_door_group_facts",
			Help: "Facts written to the disk together.", Buckets: prometheus.ExponentialBuckets(1, 2, 12),
		}),
		fsync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tiffin_door_fsync_seconds",
			Help: "How long the disk took to make a group safe.", Buckets: prometheus.ExponentialBuckets(25e-6, 2, 16),
		}),
		spoolBytes:   gauge("tiffin_door_spool_bytes", "What the spool takes on the disk."),
		spoolLimit:   gauge("tiffin_door_spool_limit_bytes", "What the spool may take on the disk; then the door closes."),
		backlog:      gauge("tiffin_door_backlog_facts", "Facts in the spool that Kafka has not acknowledged."),
		backlogBytes: gauge("tiffin_door_backlog_bytes", "Bytes in the spool that Kafka has not acknowledged."),
		oldest: gauge("tiffin_door_oldest_unsent_timestamp_seconds",
			"When the oldest of the facts was accepted that are being sent, or can't be; 0 if there is none."),
		stuck: gauge("tiffin_door_refused_by_kafka", "1 while Kafka refuses a fact that was accepted: somebody has to mend the topic or the permissions."),
	}
	if registry != nil {
		registry.MustRegister(m.accepted, m.refused, m.resent, m.batch, m.group, m.fsync, m.spoolBytes, m.spoolLimit, m.backlog, m.backlogBytes, m.oldest, m.stuck)
	}
	return m
}

// count counts the facts of one call.
func (m *Metrics) count(facts int, err error) {
	var u *Unavailable
	switch {
	case err == nil:
		m.accepted.Add(float64(facts))
	case errors.As(err, &u):
		m.refused.WithLabelValues(string(u.Cause)).Add(float64(facts))
	}
}

// fsynced hears of a sync of the spool.
func (m *Metrics) fsynced(took time.Duration) { m.fsync.Observe(took.Seconds()) }
