package capacity

import (
	"reflect"
	"strings"
	"testing"
)

// figures are made up, so that these tests stand when the real ones are measured anew.
var figures = Figures{
	DoorRequest: 30, DoorLike: 2, DoorSync: 50, DoorProduce: 200,
	KafkaRequest: 100, KafkaPartition: 2, KafkaRecord: 1,
	FeedEvent: 5, LikesEvent: 3, LikesCount: 2, LikesBatch: 500, AnalyticsBatch: 500,
	BackendLike: 8, BackendCount: 6, BackendBatch: 600, AnalyticsBackendBatch: 300, PostgresLike: 1,
	RedisCount: 3, LoadRequest: 20, LoadLike: 1, BodyBytes: 60, RecordBytes: 500, KafkaBytes: 150, WALBytes: 300, RowBytes: 170,
}

func small() Deployment {
	return Deployment{
		Doors: Nodes{2, 2}, Brokers: Nodes{3, 2}, Likes: Nodes{2, 2}, Analytics: Nodes{1, 2}, Redis: Nodes{1, 1},
		LikesDatabase: Nodes{1, 4}, AnalyticsDatabase: Nodes{1, 2},
		Partitions: 12, Replication: 3, NetworkMillis: 0.5, SpoolSyncMillis: 1, WALSyncMillis: 1, SpoolLimitMiB: 1024,
	}
}

func load(rate float64) Load {
	return Load{Rate: rate, Batch: 100, Posts: 10_000, Zipf: 1.07, Seconds: 2, Seed: 1}
}

func play(t *testing.T, d Deployment, l Load) Result {
	t.Helper()
	r, err := Simulate(d, l, figures)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each like is somewhere: refused, at a door, in a spool, in Kafka, or counted. On the calm deployment and on those that are short of something.
func TestNothingIsLostOrMadeUp(t *testing.T) {
	for _, test := range []struct {
		name string
		d    func(*Deployment)
		rate float64
	}{
		{"calm", func(*Deployment) {}, 5_000},
		{"few groups", func(d *Deployment) { d.Likes = Nodes{1, 0.2} }, 60_000},
		{"few doors", func(d *Deployment) { d.Doors = Nodes{1, 0.1} }, 80_000},
		{"few brokers", func(d *Deployment) { d.Brokers = Nodes{3, 0.05} }, 80_000},
		{"a small spool", func(d *Deployment) { d.Brokers, d.SpoolLimitMiB = Nodes{3, 0.05}, 4 }, 80_000},
		{"a slow disk", func(d *Deployment) { d.SpoolSyncMillis = 5_000 }, 80_000},
		{"one machine", func(d *Deployment) { d.Shared, d.Brokers, d.Replication = 2, Nodes{1, 1}, 1 }, 100_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := small()
			test.d(&d)
			r := play(t, d, load(test.rate))
			if sum := r.Refused + r.AtDoors + r.InSpools + r.InKafka + r.Counted; sum != r.Offered || r.Offered == 0 {
				t.Errorf("%d came: %d refused, %d at doors, %d in spools, %d in Kafka, %d counted, which is %d", r.Offered, r.Refused, r.AtDoors, r.InSpools, r.InKafka, r.Counted, sum)
			}
			if carried := test.name == "calm"; carried != r.Carried() {
				t.Errorf("carried: %v; %+v", r.Carried(), r)
			}
		})
	}
}

// Every queue that the product bounds is bounded here.
func TestQueuesAreBounded(t *testing.T) {
	d := small()
	d.Brokers, d.SpoolLimitMiB = Nodes{3, 0.02}, 4
	r := play(t, d, load(80_000))
	if most := 2 * (4 << 20) / int(figures.RecordBytes) * 11 / 10; r.InSpools > most || r.Refused == 0 {
		t.Errorf("two spools of 4 MiB hold %d likes, want %d at most; %d were refused", r.InSpools, most, r.Refused)
	}
	d = small()
	d.Likes, d.LikesDatabase = Nodes{1, 4}, Nodes{1, 0.05}
	w := newWorld(d, load(80_000), figures)
	w.after(0, w.arrive)
	for at := 0.05; at < 2; at += 0.05 {
		w.run(at)
		for _, l := range w.groups[0].instances[0].loops {
			if l.queued > QueueLimit+12*partitionBytes/int(figures.KafkaBytes) {
				t.Fatalf("%d wait for a loop", l.queued)
			}
			if l.handling > MaxBatch {
				t.Fatalf("a batch has %d events", l.handling)
			}
		}
	}
}

func TestASeedMakesOneRun(t *testing.T) {
	a, b := play(t, small(), load(20_000)), play(t, small(), load(20_000))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("two runs of one seed differ:\n%+v\n%+v", a, b)
	}
	other := load(20_000)
	other.Seed = 2
	if c := play(t, small(), other); c.Offered == a.Offered && c.Counted == a.Counted {
		t.Error("another seed makes the same run")
	}
}

// What theory says of a pipeline: it carries what its slowest part can, and that part is named.
func TestTheSlowestPartIsTheLimitAndIsNamed(t *testing.T) {
	perLike := func(counts float64) float64 {
		return figures.BackendLike + figures.PostgresLike + counts*figures.BackendCount + figures.BackendBatch/MaxBatch
	}
	d := small()
	d.LikesDatabase = Nodes{1, 0.25}
	r, err := Saturation(d, load(5_000), figures)
	if err != nil {
		t.Fatal(err)
	}
	counts := newLaw(10_000, 1.07).distinct(MaxBatch) / MaxBatch
	if want := 0.25 * 1e6 / perLike(counts); r.Rate < 0.85*want || r.Rate > 1.1*want {
		t.Errorf("a quarter of a core of PostgreSQL carries %.0f likes a second, want about %.0f", r.Rate, want)
	}
	if first, _ := r.Bottleneck(); first.Name != "likes' database's cores" && first.Name != "likes' loops" {
		t.Errorf("the bottleneck is %+v", r.Parts)
	}
	d = small()
	d.Doors = Nodes{1, 0.1}
	if r, err = Saturation(d, load(5_000), figures); err != nil {
		t.Fatal(err)
	}
	want := 0.1 * 1e6 / (figures.DoorLike + figures.DoorRequest/100)
	if first, _ := r.Bottleneck(); first.Name != "doors' cores" || r.Rate > 1.05*want || r.Rate < 0.3*want {
		t.Errorf("a tenth of a core of doors carries %.0f likes a second, want less than %.0f; %+v", r.Rate, want, r.Parts)
	}
}

// More of what is short carries more; more load makes larger batches, so that a like costs less.
func TestWhatIsMoreIsNotLess(t *testing.T) {
	last := 0.0
	for _, cores := range []float64{0.25, 0.5, 1} {
		d := small()
		d.LikesDatabase = Nodes{1, cores}
		r, err := Saturation(d, load(5_000), figures)
		if err != nil {
			t.Fatal(err)
		}
		if r.Rate < last*1.3 {
			t.Errorf("with %g cores of PostgreSQL %.0f likes a second, with half of that %.0f", cores, r.Rate, last)
		}
		last = r.Rate
	}
	batch, cost := 0.0, 1e9
	for _, rate := range []float64{1_000, 10_000, 50_000} {
		r := play(t, small(), load(rate))
		if per := r.CPU["likes database"] / r.Rate; r.BatchLikes < batch || per > cost {
			t.Errorf("at %g likes a second a batch has %.0f, and one costs %.1f µs in PostgreSQL; at fewer %.0f and %.1f", rate, r.BatchLikes, per*1e6, batch, cost*1e6)
		} else {
			batch, cost = r.BatchLikes, per
		}
	}
}

// The lanes of analytics share rows, so its batches take turns: more instances carry no more, and that is what is named.
func TestTheBatchesOfAnalyticsTakeTurns(t *testing.T) {
	f := figures
	f.AnalyticsEvent = 40
	for _, instances := range []int{1, 6} {
		d := small()
		d.Analytics.Instances = instances
		l := load(10_000)
		l.Seconds = 8 // what is open may grow by a batch by chance, which must be little of what comes
		r, err := Saturation(d, l, f)
		if err != nil {
			t.Fatal(err)
		}
		if most := 1e6 / f.AnalyticsEvent; r.Rate > 1.1*most || r.Rate < 0.6*most {
			t.Errorf("%d instances carry %.0f likes a second, want about %.0f", instances, r.Rate, most)
		}
		if first, _ := r.Bottleneck(); first.Name != "analytics' loops" {
			t.Errorf("%d instances: the bottleneck is %+v", instances, r.Parts)
		}
	}
}

// A celebrity's post changes nothing but for the better: one row more. A user who says everything is in one partition, and the instance that has it
// is the limit.
func TestHotPostsAreHarmlessAndHotUsersAreNot(t *testing.T) {
	l := load(30_000)
	calm := play(t, small(), l)
	l.Posts = 1
	if hot := play(t, small(), l); hot.CPU["likes database"] > calm.CPU["likes database"] || !hot.Carried() {
		t.Errorf("one post takes %.2f cores of PostgreSQL, many %.2f", hot.CPU["likes database"], calm.CPU["likes database"])
	}
	l = load(30_000)
	l.Burst = 20_000
	if burst := play(t, small(), l); !burst.Carried() || burst.Offered <= calm.Offered {
		t.Errorf("a burst is not carried: %+v", burst)
	}
	l = load(60_000)
	d := small()
	d.Likes = Nodes{12, 0.2}
	if spread := play(t, d, l); !spread.Carried() {
		t.Errorf("twelve instances do not carry users that are spread: %+v", spread)
	}
	l.HotUser = 0.8
	if hot := play(t, d, l); hot.Carried() || hot.InKafka < 10_000 {
		t.Errorf("one instance of twelve carries what one user says: %+v", hot)
	}
}

func TestBadInputIsRefusedAllAtOnce(t *testing.T) {
	d := small()
	d.Partitions, d.Replication, d.LikesDatabase, d.Doors.Cores = 0, 4, Nodes{2, 1}, -1
	_, err := Simulate(d, Load{Rate: -1, Batch: 20_000, Zipf: -1, HotUser: 2}, figures)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		"partitions: want 1 to 1000, not 0", "replication: want 1 or more, and no more than there are brokers, not 4", "likesDatabase: a group writes to one, not to 2",
		"doors: want up to 1024 cores each, not -1", "the rate: want more than 0", "the batch: want at most 10000 likes", "the posts: want 1", "Zipf's exponent", "the hot user's share", "the time: want more than nothing",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if _, err := ReadDeployment("atlantis"); err == nil || !strings.Contains(err.Error(), `there is no deployment "atlantis"`) || !strings.Contains(err.Error(), "one-machine") {
		t.Error(err)
	}
	d = small()
	d.Likes.Instances = 13
	if err := d.Validate(); err == nil || !strings.Contains(err.Error(), "13 instances share 12 partitions") {
		t.Error(err)
	}
	tiny := small()
	tiny.LikesDatabase = Nodes{1, 1e-9}
	if _, err := Saturation(tiny, load(100), figures); err == nil || !strings.Contains(err.Error(), "carries nothing") {
		t.Error(err)
	}
}

// The deployments that are built in can be read.
func TestDeploymentsThatAreBuiltInAreRight(t *testing.T) {
	for _, name := range Deployments() {
		if _, err := ReadDeployment(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
