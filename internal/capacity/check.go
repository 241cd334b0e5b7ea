package capacity

import (
	"fmt"
	"math"
	"strings"
)

// Comparison is one thing that was measured, and what the model makes of it.
type Comparison struct {
	Run, What       string
	Unit            string
	Model, Measured float64
}

// Error is by how much the model is wrong, as a part of what was measured.
func (c Comparison) Error() float64 { return c.Model/c.Measured - 1 }

// Comparisons are those of all runs.
type Comparisons []Comparison

// Check plays the runs that the figures were not fitted to on one machine, with the cores that others left of it and the disk that it had, and compares.
func Check(m Measured, f Figures) (out Comparisons, err error) {
	for _, r := range m.Runs {
		if r.Calibrates {
			continue
		}
		d, l := m.site(r, f)
		got, err := Simulate(d, l, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		out = append(out, r.compare(got)...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("all %d runs calibrate, and none is left to check with", len(m.Runs))
	}
	return out, nil
}

// site is the machine on which a run was measured, and its load.
func (m Measured) site(r Run, f Figures) (Deployment, Load) {
	one := Nodes{Instances: 1, Cores: 1}
	d := Deployment{
		Name: r.Name, Shared: max(0.1, m.Cores-r.OtherCores),
		Doors: one, Brokers: one, Likes: one, Analytics: one, Redis: one, LikesDatabase: one, AnalyticsDatabase: one,
		Partitions: r.Partitions, Replication: 1, NetworkMillis: 0.1,
		SpoolSyncMillis: 1000 * r.SyncSeconds / max(1, r.Syncs), WALSyncMillis: 1000 * m.commit(f), SpoolLimitMiB: 1024,
	}
	return d, Load{Rate: r.Likes / r.Seconds, Batch: r.Batch, Posts: r.Posts, Zipf: 1.07, Seconds: 8, Seed: 1}
}

// commit is what a batch of likes waits for that is no CPU time: the shortest of the runs that calibrate, for the others waited for a core, too.
func (m Measured) commit(f Figures) seconds {
	shortest := math.Inf(1)
	for _, r := range m.Runs {
		if g := r.Groups["likes"]; r.Calibrates && g.Batches > 0 {
			own := (g.Batches*f.LikesBatch + g.Events*f.LikesEvent + r.CountRows*f.LikesCount) * 1e-6
			shortest = min(shortest, (g.BatchSeconds-own-g.BackendCPU)/g.Batches)
		}
	}
	if math.IsInf(shortest, 1) {
		return 0
	}
	return max(0, shortest)
}

// compare holds the model's run to the measured one. Each part's CPU is divided by the likes that it has handled, which are fewer than were accepted where it
// was behind.
func (r Run) compare(got Result) (out Comparisons) {
	say := func(what, unit string, model, measured float64) {
		if measured > 0 {
			out = append(out, Comparison{r.Name, what, unit, model, measured})
		}
	}
	likes, analytics := r.Groups["likes"], r.Groups["analytics"]
	var model, measured float64
	for _, p := range []struct {
		part       string
		cpu, likes float64
	}{
		{"door", r.DoorCPU, r.Likes},
		{"kafka", r.KafkaCPU, r.Sent},
		{"likes", likes.CPU, likes.Events},
		{"likes database", likes.BackendCPU + r.PostgresCPU, likes.Events},
		{"analytics", analytics.CPU + analytics.BackendCPU, analytics.Events},
	} {
		us, is := got.CPU[p.part], p.cpu/max(1, p.likes)*1e6
		if p.part == "analytics" {
			us += got.CPU["analytics database"]
		}
		us *= 1e6 / max(1, got.Handled[p.part])
		say("CPU of "+p.part, "µs a like", us, is)
		model, measured = model+us, measured+is
	}
	say("CPU of all these", "µs a like", model, measured)
	say("counted", "likes/s", got.Handled["likes"], likes.Events/r.Seconds)
	say("202, p50", "ms", got.AnswerP50*1000, r.AnswerP50)
	return out
}

// String is a table in Markdown.
func (c Comparisons) String() string {
	var b strings.Builder
	b.WriteString("| run | what | model | measured | error |\n|---|---|--:|--:|--:|\n")
	last := ""
	for _, one := range c {
		name := one.Run
		if name == last {
			name = ""
		}
		last = one.Run
		fmt.Fprintf(&b, "| %s | %s, %s | %s | %s | %+.0f %% |\n", name, one.What, one.Unit, number(one.Model), number(one.Measured), 100*one.Error())
	}
	return b.String()
}

// number writes three digits, and no more.
func number(v float64) string {
	v = significant(v, 3)
	if math.Abs(v) >= 1000 {
		digits := fmt.Sprintf("%.0f", v)
		for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	}
	return fmt.Sprintf("%.4g", v)
}
