package sagasim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tiffin/saga"
	"tiffin/saga/words"
)

// World is what is simulated: a choreography, and who says what to it from outside.
type World struct {
	// Groups run as they ship. None may have mirrors, which run beside the loop.
	Groups []*saga.Group
	// Outside answers ([saga.Answers]) at random times, or never where a deadline passes.
	Outside []*saga.Group
	// Setup is said before anything goes wrong: menus, accounts.
	Setup []saga.Fact
	// Saga are the facts that begin the n-th saga of a run, and those that somebody says of it later, of their own accord.
	Saga func(r *rand.Rand, n int) []Saying
	// Judge says what is wrong in the end with what the groups keep; the library's own rules are judged beside it.
	Judge func(*End) []Finding
}

// Saying is a fact that somebody outside says.
type Saying struct {
	At   time.Duration // in the plan from its beginning; from [World].Saga, after the saga's
	Fact saga.Fact
	// ID is the event's. In the plan only.
	ID   string
	Door int
	// Twice: the client sends it again under its idempotency key, through another door.
	Twice bool
}

// Options say how runs are made. The zero value is the usual mixture.
type Options struct {
	// Sagas is how many there are at most in one run. Defaults to 6.
	Sagas int
	// Faults is how many there are at most. Defaults to 12. Negative for none.
	Faults int
	// Kinds are those that happen. Nil for all.
	Kinds []Kind
}

// Validate says which kinds of faults do not exist.
func (o Options) Validate() error {
	for _, k := range o.Kinds {
		if !slices.Contains(Kinds(), k) {
			return fmt.Errorf("there is no fault of kind %s; there are: %v", k, Kinds())
		}
	}
	return nil
}

// Kinds are all kinds of faults.
func Kinds() []Kind {
	var all []Kind
	for _, k := range kinds {
		all = append(all, Kind(k))
	}
	all = append(all, Hangs)
	slices.Sort(all)
	return slices.Compact(all)
}

// Plan is everything that one run is made of: the same plan makes the same run.
type Plan struct {
	Seed         uint64
	Partitions   int
	Brokers      int
	BatchRecords int           // a batch to Kafka has no more
	FetchRecords int           // nor has an answer of it, of one partition
	MaxBatch     int           // of a loop
	Loops        int           // of a process, for a group that can have several
	Batches      int           // at a time, of a process
	Sloth        int           // how much later than it is due something may happen in a process
	Patience     time.Duration // after which a broken connection is noticed
	Prelude      time.Duration // for the setup, before anything goes wrong; times count from its end
	Processes    [][]string    // the names of the groups that each runs
	Doors        int
	Sayings      []Saying
	Faults       []Fault
	Until        time.Duration // there are no faults from then on
}

// Plan draws the plan of a seed.
func (world World) Plan(seed uint64, o Options) Plan {
	r := rand.New(rand.NewPCG(seed, 0x5a6a))
	p := Plan{
		Seed: seed, Partitions: 1 + r.IntN(3), Brokers: 1 + r.IntN(2), Doors: 1 + r.IntN(2),
		BatchRecords: []int{1, 2, 3, 1000}[r.IntN(4)], FetchRecords: []int{1, 3, 10, 1000}[r.IntN(4)],
		MaxBatch: []int{1, 3, 20, 2000}[r.IntN(4)], Sloth: []int{1, 3, 10}[r.IntN(3)],
		Patience: between(r, 500*time.Millisecond, 10*time.Second), Loops: 1 + int(seed%3), Batches: 1 + int(seed%5), // not drawn, or every seed would make another plan than it did
	}
	if r.IntN(2) == 0 {
		p.Prelude = 5 * time.Second
	}
	p.Processes = world.deploy(r)
	sagas := cmp.Or(o.Sagas, 6)
	if sagas > 100 { // one by one they would take for ever
		p.BatchRecords, p.FetchRecords, p.MaxBatch = 50*p.BatchRecords, 50*p.FetchRecords, 50*p.MaxBatch
	}
	spread := []time.Duration{100 * time.Millisecond, 2 * time.Second, 15 * time.Second}[r.IntN(3)]
	at := r.IntN(3) == 0 // all at once
	for n := range 1 + r.IntN(sagas) {
		begins := between(r, 0, spread)
		if at {
			begins = 0
		}
		for _, s := range world.Saga(r, n) {
			s.At += begins
			s.Door, s.Twice = r.IntN(p.Doors), r.IntN(8) == 0
			s.ID = fmt.Sprintf("said-%d", len(p.Sayings))
			p.Sayings = append(p.Sayings, s)
		}
	}
	p.Until = spread + 10*time.Second
	faults := cmp.Or(o.Faults, 12)
	if faults > 0 {
		for range []int{0, r.IntN(faults + 1), faults/2 + r.IntN((faults+1)/2+1), faults/2 + r.IntN((faults+1)/2+1)}[r.IntN(4)] {
			p.Faults = append(p.Faults, world.randomFault(r, &p, o.Kinds))
		}
		if o.Kinds == nil && seed%8 == 7 { // not drawn, either
			p.Faults = append(p.Faults, world.randomFault(r, &p, []Kind{Hangs}))
		}
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
}

// deploy says which process runs which groups: all of them in one or in each of two, or some here and some there.
func (world World) deploy(r *rand.Rand) [][]string {
	all := make([]string, len(world.Groups))
	for i, g := range world.Groups {
		all[i] = g.Name()
	}
	switch r.IntN(4) {
	case 0:
		return [][]string{all}
	case 1, 2:
		return [][]string{all, all}
	}
	parts := make([][]string, 3)
	for _, name := range all {
		n := r.IntN(3)
		parts[n] = append(parts[n], name)
		if r.IntN(2) == 0 {
			parts[(n+1)%3] = append(parts[(n+1)%3], name)
		}
	}
	return slices.DeleteFunc(parts, func(p []string) bool { return len(p) == 0 })
}

// String is the schedule, as a person reads it.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s on %s, batches of %s at most, fetches of %d, transactions of %s, %s, %s at a time\n",
		p.Seed, words.Count(p.Partitions, "partition"), words.Count(p.Brokers, "broker"), words.Count(p.BatchRecords, "record"), p.FetchRecords,
		words.Count(p.MaxBatch, "event"), words.Count(p.Loops, "loop"), words.Count(p.Batches, "batch"))
	for i, groups := range p.Processes {
		fmt.Fprintf(&b, "process %d runs %s\n", i+1, strings.Join(groups, ", "))
	}
	for i := range p.Doors {
		fmt.Fprintf(&b, "process %d is a door\n", len(p.Processes)+i+1)
	}
	type line struct {
		at   time.Duration
		text string
	}
	var lines []line
	for _, s := range p.Sayings {
		text := fmt.Sprintf("%8.3fs  %s of %s comes through process %d", s.At.Seconds(), s.Fact.EventType(), s.Fact.Key(), len(p.Processes)+s.Door+1)
		if s.Twice {
			text += ", and once more"
		}
		lines = append(lines, line{s.At, text})
	}
	for _, f := range p.Faults {
		lines = append(lines, line{f.At, f.String()})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	for _, l := range lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}
