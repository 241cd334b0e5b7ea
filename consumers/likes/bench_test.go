package likes_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"tiffin/consumers/likes"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

const benchLikes = 200_000

// BenchmarkCounting: likes are counted in PostgreSQL, by one process or two, from the moment at which Kafka has them. They are of
// 50,000 posts by Zipf's law, or of one.
func BenchmarkCounting(b *testing.B) {
	for _, with := range []struct{ posts, processes int }{{50_000, 1}, {50_000, 2}, {1, 1}, {1, 2}} {
		b.Run(fmt.Sprintf("posts=%d/processes=%d", with.posts, with.processes), func(b *testing.B) {
			processes := with.processes
			var took time.Duration
			for range b.N {
				w := newWorld(b)
				records := w.records(benchLikes, with.posts)
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

// records are n likes of so many posts, as a door says them; a twentieth of the users are there again.
func (w *world) records(n, posts int) []kafka.Record {
	w.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	law := rand.NewZipf(random, 1.1, 10, uint64(posts-1))
	door, at := newSender(), schemas.MomentOf(time.Now())
	records := make([]kafka.Record, n)
	for i := range records {
		u := i
		if random.IntN(20) == 0 {
			u = random.IntN(i + 1)
		}
		records[i], _ = door.record(w.t, fact("post-"+strconv.FormatUint(law.Uint64(), 10), user(u), true, at+schemas.Moment(i)))
	}
	return records
}
