package capacity

import (
	"math"
	"math/rand/v2"
)

// The bounds and pauses of what is modelled; a test compares them with the code.
const (
	// MaxBatch is how many events one transaction handles at most, and QueueLimit how many wait for a loop.
	MaxBatch   = 2000
	QueueLimit = 8000
	// maxLoops is how many loops a process has at most where lanes have no row in common: one for each core.
	maxLoops = 4
	// patience is how long a group waits for a batch to be full: a tick of its loops.
	patience seconds = 0.1
	// A door sends a chunk at a time, so soon after the one before, which takes longer if that had many facts, or as soon as there is half a chunk.
	chunkBytes           = 2 << 20
	requestEvery seconds = 0.020
	busyEvery    seconds = 0.050
	busyFacts            = 200
	// groupBytes is how much may wait for a door's disk.
	groupBytes = 32 << 20
	// groupLinger is how long a group waits for others at most.
	groupLinger seconds = 0.001
	// answerTime is how long a request waits for its turn; then it is refused.
	answerTime seconds = 2
	// maxMirrored is how many counts may wait for Redis; those beyond are dropped.
	maxMirrored = 10_000
	// partitionBytes is what one fetch brings of one partition, and requestBytes of all.
	partitionBytes = 192 << 10
	requestBytes   = 4 << 20
)

// tick is how finely arrivals are told apart: those of one door within a tick come together.
const tick seconds = 0.001

// cohort is likes that were due at about the same time.
type cohort struct {
	n    int
	born seconds
}

// stock is cohorts in order.
type stock struct {
	cohorts []cohort
	n       int
}

func (s *stock) put(c cohort) {
	if c.n == 0 {
		return
	}
	s.n += c.n
	if last := len(s.cohorts) - 1; last >= 0 && c.born-s.cohorts[last].born < tick && c.born >= s.cohorts[last].born {
		s.cohorts[last].n += c.n
		return
	}
	s.cohorts = append(s.cohorts, c)
}

// take moves up to n likes.
func (s *stock) take(n int) (out stock) {
	for n > 0 && len(s.cohorts) > 0 {
		c := &s.cohorts[0]
		some := min(n, c.n)
		out.put(cohort{some, c.born})
		c.n, n, s.n = c.n-some, n-some, s.n-some
		if c.n == 0 {
			s.cohorts = s.cohorts[1:]
		}
	}
	return out
}

// world is a deployment at work.
type world struct {
	*engine
	deployment Deployment
	load       Load
	figures    Figures
	rng        *rand.Rand
	law        *law

	doors           []*door
	brokers         []*broker
	groups          []*group
	redis, loader   *account // nil if there is none
	mirrored        int      // waiting for Redis
	likesDB, dataDB *account
	spent           map[string]*seconds // CPU time by kind of part

	offered, refused, dropped int
	answers                   *latencies
}

func newWorld(d Deployment, l Load, f Figures) *world {
	e := &engine{}
	w := &world{engine: e, deployment: d, load: l, figures: f, rng: rand.New(rand.NewPCG(l.Seed, 1)), law: newLaw(l.Posts, l.Zipf), answers: newLatencies()}
	shared := newHost(e, d.Shared)
	w.spent = map[string]*seconds{}
	loops := func(n Nodes) int {
		if d.Shared > 0 {
			n.Cores = d.Shared
		}
		return max(1, min(maxLoops, int(math.Ceil(n.Cores))))
	}
	on := func(part string, n Nodes) *account {
		if w.spent[part] == nil {
			w.spent[part] = new(seconds)
		}
		if d.Shared > 0 {
			return &account{shared, w.spent[part]}
		}
		return &account{newHost(e, n.Cores), w.spent[part]}
	}
	if d.Shared > 0 {
		w.loader = on("load", Nodes{})
	}
	for range d.Doors.Instances {
		w.doors = append(w.doors, &door{world: w, host: on("door", d.Doors)})
	}
	for n := range d.Brokers.Instances {
		w.brokers = append(w.brokers, &broker{world: w, number: n, host: on("kafka", d.Brokers)})
	}
	if d.Redis.Instances > 0 {
		w.redis = on("redis", Nodes{1, 1})
	}
	w.likesDB = on("likes database", d.LikesDatabase)
	w.groups = append(w.groups, w.newGroup(d.Likes, loops(d.Likes), func() *account { return on("likes", d.Likes) }, w.likesDB))
	if d.Analytics.Instances > 0 {
		w.dataDB = on("analytics database", d.AnalyticsDatabase)
		w.groups = append(w.groups, w.newGroup(d.Analytics, 1, func() *account { return on("analytics", d.Analytics) }, w.dataDB))
		w.groups[1].shares = true
	}
	return w
}

// rate is how many likes a second come at a moment, and which part of them is for the celebrity's post.
func (w *world) rate(at seconds) (rate, celebrity float64) {
	from, half := w.load.Seconds/4, w.load.Seconds/8
	if w.load.Burst == 0 || at < from {
		return w.load.Rate, 0
	}
	extra := w.load.Burst * math.Exp2(-(at-from)/half)
	return w.load.Rate + extra, extra / (w.load.Rate + extra)
}

// arrive has each door's requests of a tick come, tick after tick.
func (w *world) arrive() {
	batch := max(1, w.load.Batch)
	rate, _ := w.rate(w.now)
	for _, d := range w.doors {
		d.request(poisson(w.rng, rate*tick/float64(batch*len(w.doors))), batch)
	}
	if w.now+tick <= w.load.Seconds {
		w.after(tick, w.arrive)
	}
}

// poisson draws how many come where so many are expected.
func poisson(rng *rand.Rand, expected float64) int {
	if expected > 50 {
		return max(0, int(math.Round(expected+math.Sqrt(expected)*rng.NormFloat64())))
	}
	n, p := 0, math.Exp(-expected)
	for u := rng.Float64(); u > p; n++ {
		u -= p
		p *= expected / float64(n+1)
		if p < 1e-300 {
			break
		}
	}
	return n
}

// place says how many of the likes are in each partition. Users are many, and spread evenly; but for the one that is hot.
func (w *world) place(n int) []int {
	out := make([]int, w.deployment.Partitions)
	hot := int(float64(n)*w.load.HotUser + w.rng.Float64())
	hot = min(hot, n)
	out[0] = hot
	n -= hot
	offset, last := w.rng.Float64(), 0
	for i := range out {
		upTo := n
		if i < len(out)-1 {
			upTo = min(n, int(math.Floor(float64(n*(i+1))/float64(len(out))+offset)))
		}
		out[i] += upTo - last
		last = upTo
	}
	return out
}

// mirror has Redis write counts.
func (w *world) mirror(counts int) {
	if w.redis == nil {
		return
	}
	room := maxMirrored - w.mirrored
	if counts > room {
		w.dropped += counts - room
		counts = room
	}
	if counts == 0 {
		return
	}
	w.mirrored += counts
	w.redis.do(float64(counts)*w.figures.RedisCount*1e-6, func() { w.mirrored -= counts })
}

func (w *world) network() seconds { return w.deployment.NetworkMillis / 1000 }
