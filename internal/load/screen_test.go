package load

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func middle() Progress {
	return Progress{
		Phase: Sending, Kind: Likes, Elapsed: 15 * time.Second, Duration: time.Minute, Sent: 1_234_567, Accepted: 1_234_000, Rate: 50_123.4,
		Latency: Quantiles{P50: 1.234, P90: 5, P99: 12.3, P999: 123.4, Max: 1234}, Answers: map[string]int64{"503": 560, noAnswer: 7},
	}
}

// A terminal has everything in a few lines, which are written over.
func TestTheScreenOfATerminal(t *testing.T) {
	var b strings.Builder
	s := NewScreen(&b, 80)
	s.Show(middle())
	const want = "\r\x1b[J" +
		"likes      ███████░░░░░░░░░░░░░░░░░░░░░░░ 45s left\n" +
		"sent       1,234,567, 50,123 a second, 1,234,000 got a 202\n" +
		"latency    p50 1.23 ms  p99 12 ms  p99.9 123 ms  max 1.2 s\n" +
		"no 202     560 × 503, 7 × no answer\n"
	if b.String() != want {
		t.Errorf("shows\n%s\nwant\n%s", b.String(), want)
	}
	for line := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	b.Reset()
	s.Show(Progress{Phase: Verifying, Read: 1000, ToRead: 2000})
	if want := "\x1b[4A\r\x1b[Jverifying  ███████████████░░░░░░░░░░░░░░░ 1,000 of 2,000 are right\n"; b.String() != want {
		t.Errorf("shows %q, want %q", b.String(), want)
	}
	b.Reset()
	s.Clear()
	if want := "\x1b[1A\r\x1b[J"; b.String() != want {
		t.Errorf("clears with %q, want %q", b.String(), want)
	}
}

// A log has a line for each phase, and then one now and then, without any control characters.
func TestTheScreenOfALog(t *testing.T) {
	var b strings.Builder
	s := NewScreen(&b, 0)
	s.Show(Progress{Phase: Preparing})
	for range 10 {
		s.Show(middle())
	}
	s.Show(Progress{Phase: Verifying, Read: 1000, ToRead: 2000})
	s.Clear()
	const want = "preparing: restaurants, dishes and customers for the load\n" +
		"15s of 1m0s: 1,234,567 likes sent, 50,123 a second, 1,234,000 got a 202; p50 1.23 ms  p99 12 ms  p99.9 123 ms  max 1.2 s; no 202: 560 × 503, 7 × no answer\n" +
		"verifying counts and outcomes: 1,000 of 2,000 are right\n"
	if b.String() != want {
		t.Errorf("shows\n%s\nwant\n%s", b.String(), want)
	}
}

// What is told too often is shown now and then, as wide as the terminal is.
func TestTheScreenOfOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const line = "14s: 1,204,000 states"
		for _, test := range []struct {
			columns int
			every   time.Duration
			want    string
		}{
			{0, plainEvery, line + "\n" + line + "\n"},
			{80, terminalEvery, "\r\x1b[J" + line + "\n\x1b[1A\r\x1b[J" + line + "\n\x1b[1A\r\x1b[J"},
			{3, terminalEvery, "\r\x1b[J14s\n\x1b[1A\r\x1b[J14s\n\x1b[1A\r\x1b[J"},
		} {
			var out strings.Builder
			s := NewScreen(&out, test.columns)
			text := 14 * time.Second
			for range 2 {
				s.Line(states{text})
				<-time.After(test.every)
				s.Line(states{text})
				s.Line(states{text})
			}
			s.Clear()
			s.Clear()
			if out.String() != test.want {
				t.Errorf("%d columns: %q, want %q", test.columns, out.String(), test.want)
			}
		}
	})
}

type states struct{ time.Duration }

func (s states) String() string { return fmt.Sprint(s.Duration, ": 1,204,000 states") }

func TestOneIsNoneOfMany(t *testing.T) {
	r := Report{Kind: Likes, Sent: 1, Requests: 1, Seconds: 1, Rate: 1, WantedRate: 1, Unsent: 1, Accepted: 1, Posts: 1, Faults: 1}
	for _, want := range []string{"sent       1 like in 1 request, ", "unsent     1 request due ", "counts     of 1 post read\n", "NOT as promised: 1 thing wrong.\n"} {
		if text := r.String(); !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}
