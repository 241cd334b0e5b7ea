package sagasim

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"tiffin/saga/lane"
)

// Result is what came of a run.
type Result struct {
	Plan     Plan
	Findings []Finding
	Trace    string // if it was asked for
}

// Play runs a plan. The same plan makes the same run, step by step.
func (world World) Play(p Plan) Result { return world.play(p, nil) }

// PlayTraced is Play, and writes down each step.
func (world World) PlayTraced(p Plan) Result {
	t := &Trace{}
	r := world.play(p, t)
	r.Trace = t.String()
	return r
}

func (world World) play(p Plan, t *Trace) (result Result) {
	result.Plan = p
	w := newWorld(&world, &p, lane.NewMetrics(prometheus.NewRegistry()), t)
	defer func() {
		if r := recover(); r != nil {
			w.find("panic", "%v", fmt.Sprint(r))
			result.Findings = w.findings
		}
	}()
	w.run()
	result.Findings = w.findings
	return result
}
