package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tiffin/internal/proc"
	"tiffin/internal/testservers/server"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

const (
	// drainFacts is how large the backlog is, at least.
	drainFacts = 800_000
	// perfRecords is what Kafka's own tool sends, after as many as a fifth of it to warm up its Java machine.
	perfRecords = 1_000_000
)

// draining is B3: how fast the sender gives Kafka what is in the spool, against Kafka's own producer.
func draining() experiment {
	return experiment{
		id: "B3", name: "spool to Kafka", runs: 3,
		rows: []row{{"records from the spool to Kafka", "kafka-producer-perf-test", "/s", goal{atLeast: 1.5}}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			broker, err := l.ownKafka(ctx)
			if err != nil {
				return nil, err
			}
			d, err := l.openDoor(ctx, broker.Addr())
			if err != nil {
				broker.Kill()
				return nil, err
			}
			size := 0
			return &contest{
				a: func(ctx context.Context) ([]float64, error) {
					rate, err := d.drainFrozen(ctx, broker.Addr())
					if err == nil && size == 0 {
						size, err = d.site.recordBytes(ctx)
					}
					return []float64{rate}, err
				},
				b: func(context.Context) ([]float64, error) {
					rate, err := perfTest(l, broker.Addr(), d.site.name+"."+schemas.TopicLikes, size)
					return []float64{rate}, err
				},
				notes: func() []string {
					return []string{fmt.Sprintf("records of %d bytes, acks=all, %d partitions, compressed as Tiffin does it (LZ4); kafka-producer-perf-test, whose random bytes nothing compresses, with %s, after %d records to warm up", size, partitions, perfSettings, perfRecords/5)}
				},
				close: func() error {
					err := d.close()
					broker.Kill()
					return err
				},
			}, nil
		},
	}
}

// drainFrozen makes a backlog while the broker stands still, and returns how many records a second it gets once it goes on: the broker is as warm as
// Kafka's own tool finds it.
func (d *likesDoor) drainFrozen(ctx context.Context, broker string) (rate float64, err error) {
	pid, err := proc.Listener(broker)
	if err != nil {
		return 0, err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return 0, err
	}
	backlog := 0.0
	for backlog < drainFacts && err == nil {
		if _, err = d.wrk.rate(ctx, d.wrk.batches, d.api, 16, time.Second); err == nil {
			backlog, err = d.api.figure(ctx, backlogMetric)
		}
	}
	if err := errors.Join(err, syscall.Kill(pid, syscall.SIGCONT)); err != nil {
		return 0, err
	}
	left := backlog
	reaches := func(share float64) error {
		return until(ctx, drainLimit, "the backlog goes", func(ctx context.Context) (bool, error) {
			var err error
			left, err = d.api.figure(ctx, backlogMetric)
			return left <= share*backlog, err
		})
	}
	if err := reaches(0.95); err != nil {
		return 0, err
	}
	begin, from := time.Now(), left
	if err := reaches(0.05); err != nil {
		return 0, err
	}
	rate = (from - left) / time.Since(begin).Seconds()
	return rate, d.drained(ctx)
}

// recordBytes is the size of a record of likes, with its key and its headers.
func (s *site) recordBytes(ctx context.Context) (int, error) {
	fetched, err := s.kafka.Fetch(ctx, []kafka.Position{{Topic: schemas.TopicLikes}}, kafka.FetchOptions{})
	if err != nil {
		return 0, err
	}
	sum, n := 0, 0
	for _, f := range fetched {
		for _, r := range f.Records {
			sum += len(r.Key) + len(r.Value)
			for _, h := range r.Headers {
				sum += len(h.Key) + len(h.Value)
			}
			n++
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("the topic %s has no record: %w", schemas.TopicLikes, errors.Join(fetched[0].Err))
	}
	return sum / n, nil
}

// perfSettings give Kafka's tool larger batches than its defaults, with which it is slower.
const perfSettings = "batch.size=262144 linger.ms=5 buffer.memory=134217728 max.in.flight.requests.per.connection=5"

var perfRate = regexp.MustCompile(`([0-9.]+) records/sec`)

// perfTest is Kafka's own tool, in records a second.
func perfTest(l *lab, broker, topic string, bytes int) (float64, error) {
	args := []string{
		"--bootstrap-server", broker, "--topic", topic, "--num-records", strconv.Itoa(perfRecords + perfRecords/5), "--warmup-records", strconv.Itoa(perfRecords / 5),
		"--record-size", strconv.Itoa(bytes), "--throughput", "-1", "--reporting-interval", "60000", "--command-property", "acks=all",
	}
	args = append(args, strings.Fields(perfSettings)...)
	out, err := server.KafkaTool(l.libs, "org.apache.kafka.tools.ProducerPerformance", args...)
	if err != nil {
		return 0, err
	}
	return parsePerf(out)
}

// parsePerf takes the last line, which is about the run without what warmed it up.
func parsePerf(out string) (float64, error) {
	all := perfRate.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return 0, fmt.Errorf("kafka-producer-perf-test says no rate: %s", out)
	}
	return strconv.ParseFloat(all[len(all)-1][1], 64)
}
