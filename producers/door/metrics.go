package door

import "github.com/prometheus/client_golang/prometheus"

// Metrics count what goes through a door.
type Metrics struct {
	accepted, refused, resent prometheus.Counter
	batch                     prometheus.Histogram
}

// NewMetrics makes the metrics of a door and registers them; nil registers them nowhere.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tiffin_door_accepted_facts_total",
			Help: "Facts that Kafka has acknowledged.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tiffin_door_refused_facts_total",
			Help: "Facts whose callers were told to try again: Kafka was away or too slow, or the queue full.",
		}),
		resent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tiffin_door_resends_total",
			Help: "Attempts to send that left something to send again.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tiffin_door_batch_facts",
			Help: "Facts sent together.", Buckets: prometheus.ExponentialBuckets(1, 4, 7),
		}),
	}
	if registry != nil {
		registry.MustRegister(m.accepted, m.refused, m.resent, m.batch)
	}
	return m
}
