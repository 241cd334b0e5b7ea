package lane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tiffin/saga"
	"tiffin/saga/kafka"
)

// team is the loops of one group in this process. Nearly every group has one. Where lanes have nothing in common, more share them, so
// that PostgreSQL works on one batch while the reactions of another run.
type team struct {
	ports   Ports
	mirrors *mirrors
	loops   []*loop
}

func newTeam(p Ports, c Config, g *saga.Group, f *feed, partitions int, turns *turns) *team {
	metrics, log := c.Metrics.of(g.Name()), c.Logger.With("group", g.Name())
	t := &team{ports: p, mirrors: newMirrors(g, metrics, log)}
	size := 1
	if g.Parallel() {
		size = c.Loops
	}
	process, phase := p.Machine.NewID(), time.Duration(p.Machine.Uint64()%uint64(tick)) // groups need not all tick at the same moments
	for i := range size {
		t.loops = append(t.loops, &loop{
			Config: c, ports: p, process: process, group: g, partitions: partitions, feed: f, metrics: metrics, mirrors: t.mirrors,
			log: log, now: p.Machine.Now, up: p.Machine.Up, bell: p.Machine.Bell(), turns: turns, slot: (phase + time.Duration(i)*tick/time.Duration(size)) % tick,
			performs: len(g.Effects()) > 0, noted: map[int]map[string]int{},
		})
		t.loops[len(t.loops)-1].acquit()
	}
	return t
}

// hold deals the lanes of an assignment to the loops, and returns when all have let go of theirs: when ctx ends, or when one of them
// can't go on.
func (t *team) hold(ctx context.Context, a kafka.Assignment) error {
	a.Lanes = t.withinLanes(a.Lanes)
	if len(t.loops) == 1 {
		return t.loops[0].hold(ctx, a)
	}
	ctx, end := t.ports.Machine.Cancel(ctx)
	defer end()
	tasks := t.ports.Machine.Tasks()
	errs := make([]error, len(t.loops))
	for i, l := range t.loops {
		mine := a
		mine.Lanes = nil
		for n := i; n < len(a.Lanes); n += len(t.loops) {
			mine.Lanes = append(mine.Lanes, a.Lanes[n])
		}
		tasks.Go(func() {
			errs[i] = l.hold(ctx, mine)
			end()
		})
	}
	tasks.Wait()
	return errors.Join(errs...)
}

// withinLanes are those of the partitions that are lanes of the group. A topic that has grown has others, of which the group's other
// topics know nothing.
func (t *team) withinLanes(dealt []int) (lanes []int) {
	l := t.loops[0]
	for _, n := range dealt {
		if n < l.partitions {
			lanes = append(lanes, n)
			continue
		}
		l.log.Error(fmt.Sprintf("a topic of the group has grown. Nobody reads what comes to its partition %d: whoever counts the partitions sends it keys of other lanes. "+
			"No process of the group can be started until all of its topics have %d partitions again: Kafka can't take any away, so make the topic anew, "+
			"and say once more what is in the new ones; or begin anew with another topic prefix", n, l.partitions))
	}
	return lanes
}
