package likes_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"tiffin/consumers/likes"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

const benchLikes = 200_000

// BenchmarkCounting: likes are counted in PostgreSQL, by one process or two, from the moment at which Kafka has them. Users like
// posts by Zipf's law, a twentieth of them again.
func BenchmarkCounting(b *testing.B) {
	for _, processes := range []int{1, 2} {
		b.Run(strconv.Itoa(processes), func(b *testing.B) {
			var took time.Duration
			for range b.N {
				w := newWorld(b)
				records := w.records(benchLikes)
				var stops []func()
				for range processes {
					stops = append(stops, w.run(likes.Config{}))
				}
				w.eventually("all have lanes", func() bool {
					return w.number("select count(distinct owner) from likes.lanes where owner <> ''") == int64(processes)
				})
				begin := time.Now()
				if err := w.client.Produce(b.Context(), records); err != nil {
					b.Fatal(err)
				}
				w.eventually("all is read", w.read)
				took += time.Since(begin)
				for _, stop := range stops {
					stop()
				}
				w.consistent()
			}
			b.ReportMetric(float64(benchLikes*b.N)/took.Seconds(), "likes/s")
		})
	}
}

// records are n likes, as a door says them.
func (w *world) records(n int) []kafka.Record {
	w.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	posts := rand.NewZipf(random, 1.1, 10, 50_000)
	door, at := newSender(), schemas.MomentOf(time.Now())
	records := make([]kafka.Record, n)
	for i := range records {
		u := i
		if random.IntN(20) == 0 {
			u = random.IntN(i + 1)
		}
		records[i], _ = door.record(w.t, fact("post-"+strconv.FormatUint(posts.Uint64(), 10), user(u), true, at+schemas.Moment(i)))
	}
	return records
}
