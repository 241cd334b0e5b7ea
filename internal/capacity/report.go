package capacity

import (
	"fmt"
	"strings"
)

// String is the result for people.
func (r Result) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("load", "%s likes a second for %g s, %d a request", number(r.Rate), r.Seconds, max(1, r.Batch))
	if r.Carried() {
		line("carried", "yes")
	} else {
		line("carried", "NO: %s refused, %s not handled at the end, %s more than in the middle, the oldest like %.1f s old", number(float64(r.Refused)), number(float64(r.Open)), number(float64(r.Grown)), r.LagSeconds)
		line("", "%s at doors, %s in spools, %s in Kafka and before the commit", number(float64(r.AtDoors)), number(float64(r.InSpools)), number(float64(r.InKafka)))
	}
	line("202", "p50 %s ms, p99 %s ms", number(r.AnswerP50*1000), number(r.AnswerP99*1000))
	line("counted", "p50 %s ms, p99 %s ms after the request", number(r.CountedP50*1000), number(r.CountedP99*1000))
	line("batches", "%s transactions a second, of %s likes", number(r.Batches), number(r.BatchLikes))
	line("bytes", "%s MB a second into Kafka, %s MB write-ahead log", number(r.KafkaBytes/1e6), number(r.WALBytes/1e6))
	if r.Dropped > 0 {
		line("Redis", "was not told of %s changes of counts: readers find them in PostgreSQL", number(float64(r.Dropped)))
	}
	first, next := r.Bottleneck()
	line("busy", "%.0f %% %s, which is the bottleneck", 100*first.Busy, first.Name)
	line("", "%.0f %% %s, which is the next", 100*next.Busy, next.Name)
	for _, p := range r.Parts {
		switch {
		case p.Yields:
			line("", "%.0f %% %s, for which nothing waits", 100*p.Busy, p.Name)
		case p != first && p != next:
			line("", "%.0f %% %s", 100*p.Busy, p.Name)
		}
	}
	return b.String()
}
