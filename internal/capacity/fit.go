package capacity

import (
	"errors"
	"fmt"
	"math"
)

// readers are how many groups read each like in the runs that are measured: likes and analytics.
const readers = 2

// Fit makes figures of the runs that calibrate. What a process spent is taken to be so much per request, per like, per row and per batch, and none of that
// is negative; the sum of the squares of what is wrong, in per cent, is made small.
func Fit(m Measured) (f Figures, err error) {
	var runs []Run
	for _, r := range m.Runs {
		if r.Calibrates {
			runs = append(runs, r)
		}
	}
	if len(runs) < 4 {
		return f, fmt.Errorf("to fit the figures takes four runs that calibrate, and there are %d", len(runs))
	}
	fit := func(cpu func(Run) float64, per ...func(Run) float64) []float64 {
		var rows [][]float64
		var spent []float64
		for _, r := range runs {
			var row []float64
			for _, n := range per {
				row = append(row, n(r))
			}
			rows, spent = append(rows, row), append(spent, cpu(r)*1e6)
		}
		return leastSquares(rows, spent)
	}
	likes, analytics := of("likes"), of("analytics")
	events := func(r Run) float64 { return likes(r).Events }
	batches := func(r Run) float64 { return likes(r).Batches }
	counts := func(r Run) float64 { return r.CountRows }

	x := fit(func(r Run) float64 { return r.DoorCPU }, func(r Run) float64 { return r.Requests }, func(r Run) float64 { return r.Likes },
		func(r Run) float64 { return r.Syncs }, func(r Run) float64 { return r.Produces })
	f.DoorRequest, f.DoorLike, f.DoorSync, f.DoorProduce = x[0], x[1], x[2], x[3]
	x = fit(func(r Run) float64 { return r.KafkaCPU }, func(r Run) float64 { return r.Produces }, Run.partitionsProduced, func(r Run) float64 { return r.Sent })
	f.KafkaRequest, f.KafkaPartition, f.KafkaRecord = x[0]/(1+readers), x[1]/(1+readers), x[2]/(1+readers)
	x = fit(func(r Run) float64 { return analytics(r).CPU }, func(r Run) float64 { return analytics(r).Events }, func(r Run) float64 { return analytics(r).Batches })
	f.FeedEvent = min(m.DecodeMicros, x[0])
	f.AnalyticsEvent, f.AnalyticsBatch = x[0]-f.FeedEvent, x[1]
	x = fit(func(r Run) float64 { return likes(r).CPU }, events, counts, batches)
	f.LikesEvent, f.LikesCount, f.LikesBatch = max(0, x[0]-f.FeedEvent), x[1], x[2]
	x = fit(func(r Run) float64 { return likes(r).BackendCPU }, func(r Run) float64 { return r.LikeRows }, counts, batches)
	f.BackendLike, f.BackendCount, f.BackendBatch = x[0], x[1], x[2]
	f.AnalyticsBackendBatch = fit(func(r Run) float64 { return analytics(r).BackendCPU }, func(r Run) float64 { return analytics(r).Batches })[0]
	f.PostgresLike = fit(func(r Run) float64 { return r.PostgresCPU }, events)[0]
	f.RedisCount = fit(func(r Run) float64 { return r.RedisCPU }, func(r Run) float64 { return r.Mirrored })[0]
	x = fit(func(r Run) float64 { return r.LoadCPU }, func(r Run) float64 { return r.Requests }, func(r Run) float64 { return r.Likes })
	f.LoadRequest, f.LoadLike = x[0], x[1]
	f.RecordBytes = m.RecordBytes
	return f, f.bytes(runs)
}

// partitionsProduced is how many partitions all requests to Kafka had together, as is to be expected.
func (r Run) partitionsProduced() float64 {
	of := float64(r.Partitions)
	return r.Produces * of * (1 - math.Pow(1-1/of, r.Sent/max(1, r.Produces)))
}

func of(group string) func(Run) GroupRun { return func(r Run) GroupRun { return r.Groups[group] } }

// bodyBytes is a line as the load writes it, with ids of a length as people have them.
const bodyBytes = len(`{"postId":"mbq3x1-12345","userId":"u1234567","action":"like"}` + "\n")

// bytes are measured with the largest batches that calibrate, where what is written once per batch does not count; but those in Kafka with the most
// likes that come one a request, as from phones: of one request they are more alike.
func (f *Figures) bytes(runs []Run) error {
	best, singles := Run{}, Run{}
	for _, r := range runs {
		switch {
		case r.Posts <= 1000 || r.Partitions != defaultPartitions:
		case r.Batch == 0 && r.Likes > singles.Likes:
			singles = r
		case r.Batch >= best.Batch:
			best = r
		}
	}
	if singles.Sent <= 0 || best.Likes <= 0 || best.LikesRows <= 0 {
		return errors.New("the bytes are taken from runs that calibrate, of likes for more than a thousand posts, with as many partitions as topics have by default: one of single likes, and one of batches")
	}
	f.BodyBytes = float64(bodyBytes)
	f.KafkaBytes, f.WALBytes, f.RowBytes = singles.KafkaBytes/singles.Sent, best.WALBytes/best.LikeRows, best.LikesBytes/best.LikesRows
	return nil
}

// leastSquares finds x, none of it negative, so that rows · x is nearest to want, each row counting by its error in per cent. One
// coordinate after the other is made the best it can be: with so few it is soon over.
func leastSquares(rows [][]float64, want []float64) []float64 {
	x := make([]float64, len(rows[0]))
	for range 20_000 {
		for j := range x {
			above, below := 0.0, 0.0
			for i, row := range rows {
				if want[i] <= 0 {
					continue
				}
				rest := want[i]
				for k, a := range row {
					if k != j {
						rest -= a * x[k]
					}
				}
				a := row[j] / want[i]
				above += a * rest / want[i]
				below += a * a
			}
			if below > 0 {
				x[j] = max(0, above/below)
			}
		}
	}
	return x
}
