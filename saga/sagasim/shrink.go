package sagasim

import (
	"slices"
	"time"
)

const (
	// maxPlays bounds how often a failure is played while it is shrunk.
	maxPlays = 2000
	// maxShrinkTime bounds how long that may take: runs with thousands of sagas take seconds each.
	maxShrinkTime = time.Minute
)

// shrinker makes a plan smaller as long as the same rule is broken.
type shrinker struct {
	world World
	rule  string
	best  Result
	plays int
	began time.Time
}

// Shrink leaves out of a plan that fails whatever does not matter: faults first, then sagas, processes and groups. What is
// left breaks the same rule.
func (world World) Shrink(failed Result) Result {
	if len(failed.Findings) == 0 {
		return failed
	}
	s := &shrinker{world: world, rule: failed.Findings[0].Rule, best: failed, began: time.Now()}
	for {
		before := s.size()
		s.faults()
		s.sayings()
		s.processes()
		s.groups()
		s.plain()
		if s.size() == before || s.over() {
			return s.best
		}
	}
}

func (s *shrinker) over() bool { return s.plays >= maxPlays || time.Since(s.began) > maxShrinkTime }

func (s *shrinker) size() int {
	p := s.best.Plan
	size := len(p.Faults) + len(p.Sayings) + len(p.Processes) + p.Doors + p.Partitions + p.Brokers
	for _, groups := range p.Processes {
		size += len(groups)
	}
	return size
}

// try plays a smaller plan, and keeps it if it still fails.
func (s *shrinker) try(p Plan) bool {
	if s.over() {
		return false
	}
	s.plays++
	r := s.world.Play(p)
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Rule == s.rule }) {
		return false
	}
	s.best = r
	return true
}

// fewer is delta debugging: it leaves out halves, quarters and so on, as long as try says that the rest still fails.
func fewer[T any](all []T, try func([]T) bool) {
	for n := 2; len(all) > 0; {
		chunk := (len(all) + n - 1) / n
		left := false
		for from := 0; from < len(all); from += chunk {
			rest := slices.Delete(slices.Clone(all), from, min(from+chunk, len(all)))
			if try(rest) {
				all, left = rest, true
				break
			}
		}
		switch {
		case left:
			n = max(2, n-1)
		case chunk == 1:
			return
		default:
			n = min(2*n, len(all))
		}
	}
}

func (s *shrinker) faults() {
	fewer(s.best.Plan.Faults, func(rest []Fault) bool {
		p := s.best.Plan
		p.Faults = rest
		return s.try(p)
	})
}

func (s *shrinker) sayings() {
	fewer(s.best.Plan.Sayings, func(rest []Saying) bool {
		p := s.best.Plan
		p.Sayings = rest
		return s.try(p)
	})
	for i := range s.best.Plan.Sayings {
		if s.best.Plan.Sayings[i].Twice {
			p := s.best.Plan
			p.Sayings = slices.Clone(p.Sayings)
			p.Sayings[i].Twice = false
			s.try(p)
		}
	}
}

// processes leaves out whole ones, with their faults; what they run may then run nowhere.
func (s *shrinker) processes() {
	for n := len(s.best.Plan.Processes) - 1; n >= 0 && len(s.best.Plan.Processes) > 1; n-- {
		p := s.best.Plan
		p.Processes = slices.Delete(slices.Clone(p.Processes), n, n+1)
		p.Faults = nil
		for _, f := range s.best.Plan.Faults {
			switch {
			case f.Process > n:
				f.Process--
			case f.Process == n && f.ofProcess():
				continue
			}
			p.Faults = append(p.Faults, f)
		}
		s.try(p)
	}
	if s.best.Plan.Doors > 1 {
		p := s.best.Plan
		p.Doors = 1
		s.try(p)
	}
}

// groups leaves groups out, everywhere.
func (s *shrinker) groups() {
	for _, g := range s.world.Groups {
		p := s.best.Plan
		p.Processes = nil
		for _, names := range s.best.Plan.Processes {
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == g.Name() })
			p.Processes = append(p.Processes, names)
		}
		if slices.ContainsFunc(p.Processes, func(names []string) bool { return len(names) == 0 }) {
			continue
		}
		s.try(p)
	}
}

// plain takes the usual numbers for the odd ones.
func (s *shrinker) plain() {
	for _, set := range []func(*Plan){
		func(p *Plan) { p.Partitions = 1 },
		func(p *Plan) { p.Brokers = 1 },
		func(p *Plan) { p.BatchRecords = 1000 },
		func(p *Plan) { p.FetchRecords = 1000 },
		func(p *Plan) { p.MaxBatch = 2000 },
		func(p *Plan) { p.Loops = 1 },
		func(p *Plan) { p.Batches = 1000 },
		func(p *Plan) { p.Sloth = 1 },
	} {
		p := s.best.Plan
		set(&p)
		s.try(p)
	}
}

// ofProcess says whether it befalls one process, and not a server or a log.
func (f Fault) ofProcess() bool {
	switch f.Kind {
	case KafkaDown, PostgresDown, DBClockJumps, Copies, Garbage, Refusal:
		return false
	}
	return true
}
