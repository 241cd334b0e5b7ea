package capacity

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Result is how a deployment fared under a load. Likes are counted where they are when the load ends.
type Result struct {
	Deployment string  `json:"deployment"`
	Rate       float64 `json:"rate"`  // likes a second that came
	Batch      int     `json:"batch"` // likes a request
	Seconds    float64 `json:"seconds"`

	Offered  int `json:"offered"`
	Refused  int `json:"refused"`
	AtDoors  int `json:"atDoors"`  // not durable, and not accepted yet
	InSpools int `json:"inSpools"` // accepted, and not in Kafka
	InKafka  int `json:"inKafka"`  // and not counted, be they still there or in the group
	Counted  int `json:"counted"`
	Dropped  int `json:"dropped"` // counts that Redis was not told
	// Open is how much the group that is furthest behind has not handled, doors and spools included, and Grown by how much that has become
	// more since the middle of the load.
	Open  int `json:"open"`
	Grown int `json:"grown"`

	AnswerP50  float64 `json:"answerP50Seconds"` // from request to 202
	AnswerP99  float64 `json:"answerP99Seconds"`
	CountedP50 float64 `json:"countedP50Seconds"` // from request to the commit that counts it
	CountedP99 float64 `json:"countedP99Seconds"`
	LagSeconds float64 `json:"lagSeconds"` // how old the oldest is that waits

	BatchLikes float64 `json:"batchLikes"` // of a transaction, on the average
	Batches    float64 `json:"batches"`    // transactions of likes a second

	// Parts are how busy everything is, most first: 1 is all that it can.
	Parts []Part `json:"parts"`
	// CPU is what each kind of part has used, in cores, and Handled how many likes a second it has handled with that.
	CPU     map[string]float64 `json:"cpuCores"`
	Handled map[string]float64 `json:"handledPerSecond"`
	// What goes through, in bytes a second: into Kafka, all replicas; and the write-ahead log of likes.
	KafkaBytes float64 `json:"kafkaBytesPerSecond"`
	WALBytes   float64 `json:"walBytesPerSecond"`
}

// Part is one kind of resource.
type Part struct {
	Name string  `json:"name"`
	Busy float64 `json:"busy"`
	// Yields says that nothing waits for it: what it can't do is left out, as with Redis, and made good by readers.
	Yields bool `json:"yields,omitzero"`
}

// Bottleneck is the part that is most busy, of those that something waits for, and then the next.
func (r Result) Bottleneck() (first, next Part) {
	held := slices.DeleteFunc(slices.Clone(r.Parts), func(p Part) bool { return p.Yields })
	return held[0], held[1]
}

// maxBehind is how much of a load may not be counted yet when it ends, if it is carried: as much as comes in this time.
const maxBehind seconds = 0.25

// maxGrowth is by which part of a load more may be open at its end than in its middle: chance, and a batch.
const maxGrowth = 0.02

// Carried reports whether the deployment can go on like this: nothing was refused, and what was accepted is handled soon, and no later at the end than
// in the middle.
func (r Result) Carried() bool {
	chance := float64(MaxBatch + 4*max(1, r.Batch))
	return r.Refused == 0 && r.Counted > 0 && float64(r.Open) <= maxBehind*r.Rate+chance && float64(r.Grown) <= maxGrowth*r.Rate*r.Seconds/2+chance
}

// Simulate plays a load on a deployment.
func Simulate(d Deployment, l Load, f Figures) (Result, error) {
	if err := errors.Join(d.Validate(), l.Validate()); err != nil {
		return Result{}, err
	}
	w := newWorld(d, l, f)
	w.after(0, w.arrive)
	w.run(l.Seconds / 2)
	half := w.open()
	w.run(l.Seconds)
	r := w.result()
	r.Grown = r.Open - half
	return r, nil
}

// open is how much the group that is furthest behind has not handled.
func (w *world) open() (n int) {
	for _, g := range w.groups {
		behind, _ := g.behind(w.now)
		n = max(n, behind)
	}
	for _, d := range w.doors {
		n += d.waiting.n + d.group.n + d.syncs.n + d.spool.n + d.underWay
	}
	return n
}

func (w *world) result() Result {
	likes := w.groups[0]
	r := Result{
		Deployment: w.deployment.Name, Rate: float64(w.offered) / w.load.Seconds, Seconds: w.load.Seconds, Batch: w.load.Batch,
		Offered: w.offered, Refused: w.refused, Dropped: w.dropped, Open: w.open(),
		AnswerP50: w.answers.quantile(0.5), AnswerP99: w.answers.quantile(0.99),
		CountedP50: likes.latency.quantile(0.5), CountedP99: likes.latency.quantile(0.99),
	}
	r.Counted = likes.counted()
	oldest := w.now
	for _, d := range w.doors {
		r.AtDoors += d.waiting.n + d.group.n + d.syncs.n
		r.InSpools += d.spool.n + d.underWay
		for _, s := range []stock{d.waiting, d.spool} {
			if len(s.cohorts) > 0 {
				oldest = min(oldest, s.cohorts[0].born)
			}
		}
	}
	behind, since := likes.behind(w.now)
	r.InKafka, r.LagSeconds = behind, w.now-min(oldest, since)
	r.Batches = float64(likes.batches) / w.load.Seconds
	r.BatchLikes = float64(r.Counted) / math.Max(1, float64(likes.batches))
	r.KafkaBytes = float64(w.offered-w.refused) / w.load.Seconds * w.figures.KafkaBytes * float64(w.deployment.Replication)
	r.WALBytes = float64(r.Counted) / w.load.Seconds * w.figures.WALBytes
	r.Parts, r.CPU = w.parts(), map[string]float64{}
	for part, spent := range w.spent {
		r.CPU[part] = *spent / w.load.Seconds
	}
	accepted := float64(w.offered - w.refused - r.AtDoors)
	r.Handled = map[string]float64{
		"load": float64(w.offered), "door": accepted, "kafka": accepted - float64(r.InSpools), "likes": float64(r.Counted), "likes database": float64(r.Counted), "redis": float64(r.Counted),
	}
	if len(w.groups) > 1 {
		n := w.groups[1].counted()
		r.Handled["analytics"], r.Handled["analytics database"] = float64(n), float64(n)
	}
	for part := range r.Handled {
		r.Handled[part] /= w.load.Seconds
	}
	return r
}

// parts are how busy each kind of resource is: of several instances the busiest.
func (w *world) parts() (parts []Part) {
	busy := func(name string, of float64) { parts = append(parts, Part{Name: name, Busy: of}) }
	most := func(name string, hosts ...*account) {
		used := 0.0
		for _, h := range hosts {
			used = max(used, h.utilisation(w.load.Seconds))
		}
		busy(name, used)
	}
	var doors, brokers []*account
	for _, d := range w.doors {
		doors = append(doors, d.host)
	}
	for _, b := range w.brokers {
		brokers = append(brokers, b.host)
	}
	if w.deployment.Shared > 0 {
		most("the machine's cores", doors...)
	} else {
		most("doors' cores", doors...)
		most("brokers' cores", brokers...)
		most("likes' database's cores", w.likesDB)
		if w.redis != nil {
			most("Redis' core", w.redis)
			parts[len(parts)-1].Yields = true
		}
	}
	for n, g := range w.groups {
		name := []string{"likes", "analytics"}[n]
		loop := 0.0
		var hosts []*account
		for _, i := range g.instances {
			for _, l := range i.loops {
				one := float64(l.counted) / w.load.Seconds * i.full() / MaxBatch
				if g.shares { // they take turns
					loop += one
				} else {
					loop = max(loop, one)
				}
			}
			hosts = append(hosts, i.host)
		}
		busy(name+"' loops", loop)
		if w.deployment.Shared == 0 {
			most(name+"' cores", hosts...)
		}
	}
	if w.dataDB != nil && w.deployment.Shared == 0 {
		most("analytics' database's cores", w.dataDB)
	}
	perDoor := float64(w.offered-w.refused) / w.load.Seconds / float64(len(w.doors))
	busy("doors' senders", perDoor*w.fullChunk()/(chunkBytes/w.figures.RecordBytes))
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.Busy, a.Busy) })
	return parts
}

// full is how long a full batch takes where nobody else needs the cores: the loop can't do more than one after the other.
func (i *instance) full() seconds {
	own, backend, _ := i.costs(MaxBatch)
	return own + backend + i.roundTrips()
}

// fullChunk is the same of a door's chunk.
func (w *world) fullChunk() seconds {
	brokers := float64(len(w.brokers))
	records := chunkBytes / w.figures.RecordBytes / brokers
	one := (w.figures.KafkaRequest + records*w.figures.KafkaRecord) * 1e-6
	took := brokers*w.figures.DoorProduce*1e-6 + w.network() + one
	if w.deployment.Replication > 1 {
		took += w.network() + 2*one
	}
	return took
}

// Saturation is the highest rate that a deployment carries, to within two per cent, and how it fares there. It begins to look at the
// load's own rate.
func Saturation(d Deployment, l Load, f Figures) (best Result, err error) {
	carries := func(rate float64) (bool, error) {
		l.Rate = rate
		r, err := Simulate(d, l, f)
		if err == nil && r.Carried() {
			best = r
			return true, nil
		}
		return false, err
	}
	low, high := 0.0, 0.0
	for rate := l.Rate; low == 0 || high == 0; {
		ok, err := carries(rate)
		switch {
		case err != nil:
			return best, err
		case ok:
			low, rate = rate, rate*2
		default:
			if high, rate = rate, rate/2; rate < float64(max(1, l.Batch)) {
				return best, errors.New("this deployment carries nothing: not one request a second")
			}
		}
	}
	for high/low > 1.02 {
		middle := math.Sqrt(low * high)
		ok, err := carries(middle)
		if err != nil {
			return best, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return best, nil
}
