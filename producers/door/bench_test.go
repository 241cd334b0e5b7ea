package door

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tiffin/internal/testservers"
	"tiffin/producers/door/spool"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

// memory is this machine's disk with syncs that do nothing, so that what is left is ours.
type memory struct{ spool.Disk }

func (m memory) Open(path string) (spool.File, error) {
	f, err := m.Disk.Open(path)
	return unsynced{f}, err
}

func (m memory) Create(path string) (spool.File, error) {
	f, err := m.Disk.Create(path)
	return unsynced{f}, err
}

type unsynced struct{ spool.File }

func (unsynced) Sync() error { return nil }

// void is a Kafka that takes everything and keeps nothing.
type void struct{}

func (void) Produce(context.Context, []kafka.Record) error { return nil }

func (void) Topics(_ context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	infos := map[string]kafka.TopicInfo{}
	for _, name := range names {
		infos[name] = kafka.TopicInfo{Partitions: 12}
	}
	return infos, nil
}

func benchDisk(b *testing.B, cfg DiskConfig) *Disk {
	b.Helper()
	cfg.Topics, cfg.Spool.Dir = append([]string{schemas.TopicLikes}, topics...), b.TempDir()
	d := NewDisk(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	<-d.Started()
	return d
}

// cpu is what this process has used, which on a busy machine says more than the clock.
func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // can't fail for ourselves
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAccept is what accepting costs without the disk's sync and without Kafka: 64 callers at a time.
func BenchmarkAccept(b *testing.B) {
	d := benchDisk(b, DiskConfig{Kafka: void{}, Spool: spool.Config{FS: memory{}}})
	fact := schemas.PostLiked{PostID: "p4711", UserID: "u1234567", AcceptedAt: schemas.MomentOf(time.Now())}
	from := Origin{API: "likes-api"}
	b.ReportAllocs()
	b.SetParallelism(32)
	before := cpu()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := d.Accept(context.Background(), from, fact); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu-ns/fact")
}

// BenchmarkAcceptTogether is the same with 500 facts at once.
func BenchmarkAcceptTogether(b *testing.B) {
	d := benchDisk(b, DiskConfig{Kafka: void{}, Spool: spool.Config{FS: memory{}}})
	facts := make([]saga.Fact, 500)
	for i := range facts {
		facts[i] = schemas.CancellationRequested{OrderID: "018f3c5e-7c1a-7b2e-9d3f-" + strconv.Itoa(100_000_000_000+i)}
	}
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if err := d.Accept(context.Background(), Origin{API: "orders-api"}, facts...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-before)/float64(b.N*len(facts)), "cpu-ns/fact")
}

// BenchmarkDrain sends a backlog of a million facts to a real Kafka, while callers go on accepting.
func BenchmarkDrain(b *testing.B) {
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(b)}, TopicPrefix: testservers.Name("drain") + "."})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	var specs []kafka.TopicSpec
	for _, name := range topics {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 12})
	}
	if err := client.CreateTopics(b.Context(), specs, 1); err != nil {
		b.Fatal(err)
	}
	const backlog = 1_000_000
	for b.Loop() {
		b.StopTimer()
		gate := &gated{Kafka: client, open: make(chan struct{}), sent: make(chan struct{}, 1)}
		d := benchDisk(b, DiskConfig{Kafka: gate, Spool: spool.Config{LimitBytes: 4 << 30}})
		facts := make([]saga.Fact, 500)
		for n := 0; n < backlog; n += len(facts) {
			for i := range facts {
				facts[i] = schemas.CancellationRequested{OrderID: fmt.Sprintf("018f3c5e-7c1a-7b2e-9d3f-%012d", n+i)}
			}
			if err := d.Accept(b.Context(), Origin{API: "orders-api"}, facts...); err != nil {
				b.Fatal(err)
			}
		}
		bytes := d.spool.Stats().Bytes
		ctx, cancel := context.WithCancel(b.Context())
		accepting := make(chan int)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				if err := d.Accept(context.Background(), Origin{API: "orders-api"}, facts[n%len(facts)]); err != nil {
					b.Error(err)
				}
			}
			accepting <- n
		}()
		b.StartTimer()
		close(gate.open)
		for d.spool.Stats().Records > 10_000 {
			<-gate.sent
		}
		b.StopTimer()
		cancel()
		b.ReportMetric(float64(<-accepting)/b.Elapsed().Seconds(), "accepted/s")
		b.ReportMetric(float64(bytes)/backlog, "bytes/fact")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*backlog)/b.Elapsed().Seconds(), "facts/s")
}

// gated is a Kafka that is away until its gate opens.
type gated struct {
	Kafka
	open chan struct{}
	sent chan struct{} // a request has been acknowledged; nobody need hear of it
}

func (g *gated) Produce(ctx context.Context, records []kafka.Record) error {
	select {
	case <-g.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := g.Kafka.Produce(ctx, records)
	nudge(g.sent)
	return err
}
