package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Phase is what is being done.
type Phase string

// The phases.
const (
	Preparing Phase = "preparing"
	Sending   Phase = "sending"
	Verifying Phase = "verifying"
)

// Progress is how it goes. All numbers are since the beginning, but for the rate.
type Progress struct {
	Phase             Phase
	Kind              Kind
	Elapsed, Duration time.Duration
	Sent, Accepted    int64
	Answers           map[string]int64 // requests that got no 202, as in [Report]
	Rate              float64          // a second, since the last Progress
	Latency           Quantiles        // from when it was due
	Read, ToRead      int              // while verifying: how many counts and outcomes are right
}

// show tells how the load goes until it is done.
func (r *run) show(done <-chan struct{}) {
	ticker := time.NewTicker(r.cfg.ShowEvery)
	defer ticker.Stop()
	last := Progress{}
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		p := r.progress()
		p.Phase = Sending
		p.Rate = float64(p.Sent-last.Sent) / max(time.Millisecond, p.Elapsed-last.Elapsed).Seconds()
		r.cfg.Show(p)
		last = p
	}
}

func (r *run) progress() Progress {
	c := &r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	return Progress{
		Kind: r.cfg.Kind, Elapsed: time.Since(r.began), Duration: r.cfg.Duration,
		Sent: c.units[accepted] + c.units[refused] + c.units[unsure], Accepted: c.units[accepted],
		Answers: maps.Clone(c.answers), Latency: quantiles(c.fromDue),
	}
}

func quantiles(h *hdrhistogram.Histogram) Quantiles {
	at := h.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9, 100})
	ms := func(i int) float64 { return inMillis(time.Duration(at[i]) * time.Microsecond) }
	return Quantiles{ms(0), ms(1), ms(2), ms(3), ms(4)}
}

// How often progress is shown: on a terminal, and anywhere else.
const (
	terminalEvery = 100 * time.Millisecond
	plainEvery    = 5 * time.Second
)

// Screen shows progress: some lines that are written over in a terminal, a line now and then anywhere else.
type Screen struct {
	mu      sync.Mutex
	w       io.Writer
	columns int
	every   time.Duration
	lines   int       // that stand on the terminal, to be written over
	next    time.Time // when it is to be shown again
	phase   Phase
}

// NewScreen shows on w, which is a terminal with so many columns, or none: 0.
func NewScreen(w io.Writer, columns int) *Screen {
	every := plainEvery
	if columns > 0 {
		every = terminalEvery
	}
	return &Screen{w: w, columns: columns, every: every, next: time.Now().Add(every)}
}

// Show is for [Config].Show. A new phase is shown at once.
func (s *Screen) Show(p Progress) { s.show(p.Phase, p.lines, p.line) }

// Line shows something else that goes on, in one line.
func (s *Screen) Line(p fmt.Stringer) {
	s.show("", func() []string { return []string{p.String()} }, p.String)
}

func (s *Screen) show(phase Phase, lines func() []string, line func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if phase == s.phase && now.Before(s.next) {
		return
	}
	s.phase, s.next = phase, now.Add(s.every)
	if s.columns == 0 {
		fmt.Fprintln(s.w, line())
		return
	}
	s.draw(lines())
}

// Clear takes the lines from the terminal.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines > 0 {
		s.draw(nil)
	}
}

// draw writes over what it wrote last.
func (s *Screen) draw(lines []string) {
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	b.WriteString("\r\x1b[J")
	for _, line := range lines {
		runes := []rune(line)
		b.WriteString(string(runes[:min(len(runes), s.columns)]) + "\n")
	}
	s.lines = len(lines)
	_, _ = io.WriteString(s.w, b.String()) // a terminal that is gone shows nothing
}

// barWidth is that of the bar, in characters.
const barWidth = 30

// lines fit into 80 columns.
func (p Progress) lines() []string {
	switch p.Phase {
	case Preparing:
		return []string{"preparing: restaurants, dishes and customers for the load"}
	case Verifying:
		return []string{fmt.Sprintf("verifying  %s %s of %s are right", bar(float64(p.Read)/float64(max(1, p.ToRead))), thousands(int64(p.Read)), thousands(int64(p.ToRead)))}
	}
	left := max(0, p.Duration-p.Elapsed)
	lines := []string{
		fmt.Sprintf("%-10s %s %s left", p.Kind, bar(p.Elapsed.Seconds()/p.Duration.Seconds()), left.Round(time.Second)),
		fmt.Sprintf("sent       %s, %s a second, %s got a 202", thousands(p.Sent), thousands(int64(p.Rate)), thousands(p.Accepted)),
		fmt.Sprintf("latency    %s", p.Latency),
	}
	if len(p.Answers) > 0 {
		lines = append(lines, "no 202     "+p.others())
	}
	return lines
}

// line is the same for a log.
func (p Progress) line() string {
	switch p.Phase {
	case Preparing:
		return p.lines()[0]
	case Verifying:
		return fmt.Sprintf("verifying counts and outcomes: %s of %s are right", thousands(int64(p.Read)), thousands(int64(p.ToRead)))
	}
	line := fmt.Sprintf("%v of %v: %s %s sent, %s a second, %s got a 202; %s", p.Elapsed.Round(time.Second), p.Duration, thousands(p.Sent), p.Kind.things(p.Sent),
		thousands(int64(p.Rate)), thousands(p.Accepted), p.Latency)
	if len(p.Answers) > 0 {
		line += "; no 202: " + p.others()
	}
	return line
}

// others are the requests that got no 202.
func (p Progress) others() string {
	var others []string
	for _, status := range slices.Sorted(maps.Keys(p.Answers)) {
		others = append(others, thousands(p.Answers[status])+" × "+status)
	}
	return strings.Join(others, ", ")
}

func bar(part float64) string {
	full := int(max(0, min(1, part)) * barWidth)
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}
