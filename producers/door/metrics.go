package door

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/producers/door/spool"
)

// Metrics count what goes through a door. The spool's are a [Disk]'s alone.
type Metrics struct {
	accepted, resent prometheus.Counter
	refused          *prometheus.CounterVec
	batch            prometheus.Histogram

	group, fsync  prometheus.Histogram
	oldest, stuck prometheus.Gauge
	spool         atomic.Pointer[spool.Log] // nil until it is open; it is asked when somebody looks
}

// NewMetrics makes the metrics of a door and registers them; nil registers them nowhere.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	var m *Metrics
	stat := func(name, help string, of func(spool.Stats) int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if log := m.spool.Load(); log != nil {
				return float64(of(log.Stats()))
			}
			return 0
		})
	}
	m = &Metrics{
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
		oldest: gauge("tiffin_door_oldest_unsent_timestamp_seconds",
			"When the oldest of the facts was accepted that are being sent, or can't be; 0 if there is none."),
		stuck: gauge("tiffin_door_refused_by_kafka", "1 while Kafka refuses a fact that was accepted: somebody has to mend the topic or the permissions."),
	}
	if registry != nil {
		registry.MustRegister(m.accepted, m.refused, m.resent, m.batch, m.group, m.fsync, m.oldest, m.stuck,
			stat("tiffin_door_spool_bytes", "What the spool takes on the disk.", func(s spool.Stats) int64 { return s.DiskBytes }),
			stat("tiffin_door_spool_limit_bytes", "What the spool may take on the disk; then the door closes.", func(s spool.Stats) int64 { return s.LimitBytes }),
			stat("tiffin_door_backlog_facts", "Facts in the spool that Kafka has not acknowledged.", func(s spool.Stats) int64 { return int64(s.Records) }),
			stat("tiffin_door_backlog_bytes", "Bytes in the spool that Kafka has not acknowledged.", func(s spool.Stats) int64 { return s.Bytes }))
	}
	return m
}

// count counts the facts of one call.
func (m *Metrics) count(facts int, err error) {
	if err == nil {
		m.accepted.Add(float64(facts))
		return
	}
	var u *Unavailable
	if errors.As(err, &u) {
		m.refused.WithLabelValues(string(u.Cause)).Add(float64(facts))
	}
}

// fsynced hears of a sync of the spool.
func (m *Metrics) fsynced(took time.Duration) { m.fsync.Observe(took.Seconds()) }
