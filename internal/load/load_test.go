package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tiffin/saga"
)

// small is a load of a few hundred requests against a stub. What is wrong there stays wrong: no need for patience.
func small(kind Kind, url string) Config {
	return Config{
		Kind: kind, Targets: []string{url}, Rate: 4000, Duration: 100 * time.Millisecond, Connections: 8, Posts: 50, Users: 500,
		Duplicates: 0.2, Unlikes: 0.2, Seed: 7, Timeout: time.Minute, Patience: 200 * time.Millisecond,
	}
}

func mustRun(t *testing.T, cfg Config) Report {
	t.Helper()
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", report)
	return report
}

// P1, P2: what is as it was promised is said to be.
func TestEverythingIsAsPromised(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
	}{
		{"likes", func(c *Config) { c.Kind = Likes }},
		{"likes in batches", func(c *Config) { c.Kind, c.Batch = Likes, 20 }},
		{"likes with a burst", func(c *Config) { c.Kind, c.Burst = Likes, 4000 }},
		{"likes as fast as it goes", func(c *Config) { c.Kind, c.Rate = Likes, 0 }},
		{"likes without repetitions", func(c *Config) { c.Kind, c.Duplicates, c.Unlikes = Likes, 0, 0 }},
		{"orders", func(c *Config) { c.Kind = Orders }},
		{"payments", func(c *Config) { c.Kind = Payments }},
		{"mixed", func(c *Config) { c.Kind = Mixed }},
		{"mixed in batches", func(c *Config) { c.Kind, c.Batch, c.Rate = Mixed, 5, 8000 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s stub
			cfg := small(Likes, serve(t, &s))
			test.change(&cfg)
			report := mustRun(t, cfg)
			if !report.OK() || report.Sent == 0 || report.Accepted != report.Sent || report.Open != 0 || len(report.FirstFaults) > 0 || report.Interrupted {
				t.Errorf("%+v", report)
			}
			if int64(s.requests) != report.Requests {
				t.Errorf("%d requests were made, %d are reported", s.requests, report.Requests)
			}
			if strings.Contains(test.name, "batch") != (report.Sent > report.Requests) {
				t.Errorf("%d things in %d requests", report.Sent, report.Requests)
			}
			if int(report.Posts) != len(s.likes) || (cfg.Kind == Likes || cfg.Kind == Mixed) != (report.Posts > 0) {
				t.Errorf("%d posts verified of %d", report.Posts, len(s.likes))
			}
			if int(report.Sagas) != len(s.sagas) || (cfg.Kind != Likes) != (report.Sagas > 0) {
				t.Errorf("%d orders and payments verified of %d", report.Sagas, len(s.sagas))
			}
		})
	}
}

// One like is lost, or counted twice: the report names the post.
func TestAWrongCountIsFound(t *testing.T) {
	for name, wrong := range map[string]struct {
		by   int
		says string
	}{"a like is missing": {-1, "1 missing"}, "a like is counted twice": {1, "1 too many"}} {
		t.Run(name, func(t *testing.T) {
			var s stub
			victim := ""
			s.counted = func(post string, count int) int {
				if victim == "" && count > 2 {
					victim = post
				}
				if post == victim {
					return count + wrong.by
				}
				return count
			}
			report := mustRun(t, small(Likes, serve(t, &s)))
			if report.OK() || report.Faults != 1 || !strings.Contains(report.FirstFaults[0], "post "+victim+" has ") || !strings.Contains(report.FirstFaults[0], wrong.says) {
				t.Errorf("the count of %s is wrong by %d, found is %q", victim, wrong.by, report.FirstFaults)
			}
			if !strings.Contains(report.String(), victim) || !strings.Contains(report.String(), "NOT as promised") {
				t.Errorf("the report says\n%s", report)
			}
		})
	}
}

// A like is counted twice only after its post was right: the third look at it, where the verification has begun anew.
func TestACountThatGoesWrongLaterIsFound(t *testing.T) {
	var s stub
	looks := map[string]int{}
	late := ""
	s.counted = func(post string, count int) int {
		if looks[post]++; looks[post] > 2 && (late == "" || late == post) {
			late = post
			return count + 1
		}
		return count
	}
	report := mustRun(t, small(Likes, serve(t, &s)))
	if report.OK() || report.Faults != 1 || !strings.Contains(report.FirstFaults[0], late) {
		t.Errorf("the count of %s is wrong, found is %q", late, report.FirstFaults)
	}
}

// The groups lag behind: the verification waits for as long as anything moves, which it does here from one look to the next.
func TestItWaitsForTheGroups(t *testing.T) {
	var s stub
	looks := 0
	s.counted = func(_ string, count int) int {
		looks++
		return min(count, looks)
	}
	cfg := small(Likes, serve(t, &s))
	cfg.Patience = firstPause
	cfg.Posts, cfg.Users = 1, 40
	if report := mustRun(t, cfg); !report.OK() || report.CaughtUpSeconds == 0 {
		t.Errorf("%+v", report)
	}
}

// Only what was read is said to be read.
func TestWhatCouldNotBeReadDoesNotCountAsRead(t *testing.T) {
	s := stub{counted: func(post string, count int) int {
		if strings.HasSuffix(post, "-0") {
			return -1
		}
		return count
	}}
	report := mustRun(t, small(Likes, serve(t, &s)))
	if report.OK() || int(report.Posts) != len(s.likes)-1 || !strings.Contains(report.Unverified, "-0 can't be read") {
		t.Errorf("%d of %d posts read; not verified: %s", report.Posts, len(s.likes), report.Unverified)
	}
}

// A count was wrong, and can't be read any more: both are said.
func TestAReadThatFailsHidesNoFault(t *testing.T) {
	var s stub
	looks := map[string]int{}
	s.counted = func(post string, count int) int {
		if looks[post]++; strings.HasSuffix(post, "-0") {
			return min(0, 1-looks[post])
		}
		return count
	}
	report := mustRun(t, small(Likes, serve(t, &s)))
	if report.OK() || report.Faults != 1 || !strings.Contains(report.FirstFaults[0], "-0 has 0 likes") || !strings.Contains(report.Unverified, "-0 can't be read") {
		t.Errorf("found %q, not verified is %q", report.FirstFaults, report.Unverified)
	}
	if text := report.String(); !strings.Contains(text, "NOT as promised: 1 thing wrong") || !strings.Contains(text, "NOT verified: post ") {
		t.Errorf("the report says\n%s", text)
	}
}

// A server that answers every other time, and always the same, is not waited for: nothing moves.
func TestAVerificationEnds(t *testing.T) {
	var s stub
	looks := 0
	s.counted = func(_ string, count int) int {
		if looks++; looks > 40 { // too late
			return count
		}
		return -(looks % 2)
	}
	cfg := small(Likes, serve(t, &s))
	cfg.Posts = 1
	if report := mustRun(t, cfg); report.OK() || report.Faults != 1 {
		t.Errorf("after %d looks, found %q, not verified is %q", looks, report.FirstFaults, report.Unverified)
	}
}

// A server that hangs is given up, however much there is to be read, and the report says why.
func TestAVerificationDoesNotWaitForAServerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Kind: Likes}.withDefaults()
		r := newRun(cfg, make([]target, 1), "load-test")
		var things []*thing
		for range cfg.Posts {
			things = append(things, &thing{err: errUnread, look: func(*conn) (seen, error) {
				<-time.After(cfg.Timeout)
				return seen{}, context.DeadlineExceeded
			}})
		}
		began := time.Now()
		if r.settle(t.Context(), things, func() {}) {
			t.Error("all is right")
		}
		if took := time.Since(began); took > cfg.Patience+2*cfg.Timeout {
			t.Errorf("it took %v", took)
		}
	})
	s := stub{counted: func(string, int) int { <-time.After(20 * time.Millisecond); return -1 }}
	cfg := small(Likes, serve(t, &s))
	cfg.Patience = 10 * time.Millisecond // enough for those that are asked for first
	if report := mustRun(t, cfg); !strings.Contains(report.Unverified, "500") {
		t.Errorf("not verified is %q", report.Unverified)
	}
}

// Who interrupts the verification gets a report of what is known: what lags is no fault, but one that has ended otherwise is.
func TestTheVerificationCanBeInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := stub{ends: func(n int, o outcome) outcome {
		switch n {
		case 5:
			return outcome{"cancelled", "restaurant-refused"}
		case 6:
			return outcome{"cooking", ""}
		}
		return o
	}}
	cfg := small(Orders, serve(t, &s))
	cfg.Duplicates, cfg.Patience, cfg.ShowEvery = 0, time.Minute, 1
	cfg.Show = func(p Progress) {
		if p.Phase == Verifying && p.Read == p.ToRead-2 {
			interrupt()
		}
	}
	cfg.Audit = func(context.Context) (bool, string, error) { t.Error("the books are audited"); return false, "", nil }
	report, err := Run(ctx, cfg)
	if err != nil || report.OK() || report.Accepted == 0 || report.Faults != 1 || !strings.Contains(report.FirstFaults[0], "restaurant-refused") {
		t.Errorf("%v, %+v", err, report)
	}
	if !strings.Contains(report.Unverified, "interrupted") || !strings.Contains(report.Unverified, ", 1 were not known") || report.CaughtUpSeconds != 0 {
		t.Errorf("caught up after %v s; not verified: %s", report.CaughtUpSeconds, report.Unverified)
	}
}

func TestRefusals(t *testing.T) {
	const full = `{"type":"urn:tiffin:problem:unavailable","detail":"It was not accepted: nothing more can be kept at the moment."}`
	refuse := func(status int, body string, counts bool) *stub {
		s := &stub{}
		s.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n%5 != 0 {
				return false
			}
			if counts {
				s.opine(strings.Split(r.URL.Path, "/")[2], "somebody-else", true)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
		return s
	}
	for _, test := range []struct {
		name            string
		s               *stub
		refused, unsure bool
		ok              bool
	}{
		{"429", refuse(429, "too much", false), true, false, true},
		{"429 that counts", refuse(429, "too much", true), true, false, false},
		{"503 that was not accepted", refuse(503, full, false), true, false, true},
		{"503 that was not accepted and counts", refuse(503, full, true), true, false, false},
		{"503 of which nobody knows", refuse(503, "it took too long", false), false, true, true},
		{"302 is not followed", refuse(302, "", false), true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := small(Likes, serve(t, test.s))
			cfg.Unlikes, cfg.Duplicates = 0, 0
			report := mustRun(t, cfg)
			if (report.Refused > 0) != test.refused || (report.Unsure > 0) != test.unsure || report.OK() != test.ok {
				t.Errorf("%+v", report)
			}
			if report.Accepted+report.Refused+report.Unsure != report.Sent || report.Sent != int64(test.s.requests) {
				t.Errorf("%d requests were made; %+v", test.s.requests, report)
			}
		})
	}
}

// Nothing is accepted: that is no success.
func TestNothingIsAccepted(t *testing.T) {
	s := stub{before: func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(429); return true }}
	if report := mustRun(t, small(Likes, serve(t, &s))); report.OK() || !strings.Contains(report.String(), "NOTHING was accepted") {
		t.Errorf("%+v", report)
	}
}

// Connections break before or after what was sent is accepted: it may count or not, and both are right. What is out of these bounds is
// found all the same.
func TestBrokenConnections(t *testing.T) {
	for name, test := range map[string]struct {
		counts bool
		wrong  int
	}{"before": {}, "after": {counts: true}, "after, and one too many": {true, 1}, "before, and one is missing": {false, -1}} {
		t.Run(name, func(t *testing.T) {
			s := &stub{}
			broken := 0
			s.before = func(_ http.ResponseWriter, r *http.Request, n int) bool {
				if n%7 != 0 {
					return false
				}
				if broken++; test.counts {
					if err := s.batch(r.Body); err != nil {
						t.Error(err)
					}
				}
				panic(http.ErrAbortHandler) // it hangs up
			}
			victim := ""
			s.counted = func(post string, count int) int {
				if test.wrong != 0 && (victim == "" || victim == post) && count > 0 {
					victim = post
					return max(0, count+test.wrong*1000)
				}
				return count
			}
			cfg := small(Likes, serve(t, s))
			cfg.Batch, cfg.Rate = 4, 8000
			report := mustRun(t, cfg)
			if report.OK() != (test.wrong == 0) || report.Unsure != int64(4*broken) || report.Open == 0 || report.Answers[noAnswer] != int64(broken) {
				t.Errorf("%d connections broke; %+v", broken, report)
			}
			if test.wrong != 0 && (report.Faults != 1 || !strings.Contains(report.FirstFaults[0], victim)) {
				t.Errorf("%s is wrong, found is %q", victim, report.FirstFaults)
			}
			if int64(s.requests) != report.Requests {
				t.Errorf("%d requests were made, %d are reported: nothing may be repeated", s.requests, report.Requests)
			}
		})
	}
}

// Servers hang up on connections on which nobody asks anything: that is no fault of theirs, and no request may meet it.
func TestAServerThatHangsUpOnFreshConnections(t *testing.T) {
	s := stub{impatience: 50 * time.Millisecond}
	cfg := small(Likes, serve(t, &s))
	cfg.Rate, cfg.Duration = 40, 400*time.Millisecond // one after the other, the last of the connections after 175 ms
	if report := mustRun(t, cfg); !report.OK() || report.Accepted != 16 || len(report.Answers) > 0 {
		t.Errorf("%+v", report)
	}
}

// An order ends otherwise than it must, another never.
func TestWrongOutcomesAreFound(t *testing.T) {
	for says, wrong := range map[string]outcome{
		"/orders/id-5 has ended as cancelled (restaurant-refused), and must be ": {"cancelled", "restaurant-refused"},
		"/orders/id-5 has not ended: it is cooking, and must become ":            {"cooking", ""},
	} {
		t.Run(wrong.String(), func(t *testing.T) {
			s := stub{ends: func(n int, o outcome) outcome {
				if n == 5 {
					return wrong
				}
				return o
			}}
			cfg := small(Orders, serve(t, &s))
			cfg.Duplicates = 0
			if report := mustRun(t, cfg); report.OK() || report.Faults != 1 || !strings.HasPrefix(report.FirstFaults[0], says) {
				t.Errorf("found %q, want %q", report.FirstFaults, says)
			}
		})
	}
}

// P5: an API that does not heed the Idempotency-Key is found out.
func TestAKeyThatGivesTwoIsFound(t *testing.T) {
	s := stub{before: func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		r.Header.Del("Idempotency-Key")
		return false
	}}
	if report := mustRun(t, small(Orders, serve(t, &s))); report.OK() || !strings.Contains(report.FirstFaults[0], "the same Idempotency-Key ") {
		t.Errorf("found %q", report.FirstFaults)
	}
}

func TestTheBooksAreAudited(t *testing.T) {
	for name, test := range map[string]struct {
		balanced bool
		err      error
		says     string
	}{
		"balance":        {true, nil, "Everything is as promised."},
		"do not balance": {false, nil, "money is missing\nWRONG      the books do not balance"},
		"unknown":        {false, errors.New("no database"), "NOT verified: the books can't be audited: no database"},
	} {
		t.Run(name, func(t *testing.T) {
			var s stub
			cfg := small(Payments, serve(t, &s))
			prepared := 0
			cfg.Prepare = func(_ context.Context, facts []saga.Fact) error { prepared = len(facts); return nil }
			cfg.Audit = func(context.Context) (bool, string, error) { return test.balanced, "money is missing\n", test.err }
			report := mustRun(t, cfg)
			if report.OK() != test.balanced || !strings.Contains(report.String(), test.says) || prepared == 0 {
				t.Errorf("%d facts prepared; the report says\n%s", prepared, report)
			}
		})
	}
}

// An interruption ends the load, and what was sent is verified.
func TestAnInterruption(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	var s stub
	s.before = func(_ http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 100 {
			interrupt()
		}
		return false
	}
	cfg := small(Likes, serve(t, &s))
	cfg.Duration = time.Minute
	report, err := Run(ctx, cfg)
	if err != nil || !report.OK() || !report.Interrupted || report.Sent < 100 || report.Sent > 100+8 || report.Posts == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// No more is sent than can be remembered, for what is not remembered is not verified.
func TestMemoryIsBounded(t *testing.T) {
	var s stub
	cfg := small(Likes, serve(t, &s))
	cfg.Rate, cfg.Duration, cfg.Remember, cfg.Duplicates, cfg.Unlikes, cfg.Users = 0, time.Minute, 300, 0, 0, 100_000
	report := mustRun(t, cfg)
	if !report.OK() || !report.Full || report.Sent < 300 || report.Sent > 400 {
		t.Errorf("%+v", report)
	}
	cfg.Rate = 1000
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "60000 different things, and 300 are remembered") {
		t.Errorf("it is refused with %v", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	good := Config{Kind: Likes, Targets: []string{"http://127.0.0.1:1"}, Duration: time.Second}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"there is no target":           func(c *Config) { c.Targets = nil },
		`"comments" can't be sent`:     func(c *Config) { c.Kind = "comments" },
		"the rate is -1":               func(c *Config) { c.Rate = -1 },
		"the duration is 0s":           func(c *Config) { c.Duration = 0 },
		"connections is -1":            func(c *Config) { c.Connections = -1 },
		"batch is 10001":               func(c *Config) { c.Batch = 10001 },
		"posts is 100000000":           func(c *Config) { c.Posts = 100_000_000 },
		"users is 63: it must be 64":   func(c *Config) { c.Users = 63 },
		"duplicates are 0.5":           func(c *Config) { c.Duplicates, c.Unlikes = 0.5, 0.5 },
		"sent twice at most":           func(c *Config) { c.Kind, c.Duplicates = Orders, 0.6 },
		"give a rate, or no burst":     func(c *Config) { c.Burst = 5 },
		"orders go one by one":         func(c *Config) { c.Kind, c.Batch = Orders, 5 },
		"remember is -1: it must be 1": func(c *Config) { c.Remember = -1 },
	} {
		cfg := good
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is said as %v", want, err)
		}
	}
}

// It aims at nobody by mistake.
func TestTargets(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:8080":   "",
		"http://[::1]:8080/":      "",
		"http://10.1.2.3":         "",
		"https://192.168.0.1":     "",
		"http://[fd00::1]:80":     "",
		"http://[::ffff:8.8.8.8]": "is 8.8.8.8, which is neither this machine nor a private network",
		"https://8.8.8.8":         "say --yes if it is yours",
		"http://0.0.0.0:8080":     "neither",
		"127.0.0.1:8080":          "is no target",
		"ftp://127.0.0.1":         "is no target",
		"http://127.0.0.1/likes":  "is no target",
		"http://me@127.0.0.1":     "is no target",
		"http://":                 "is no target",
	} {
		_, err := resolve(t.Context(), []string{text}, false)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	targets, err := resolve(t.Context(), []string{"https://8.8.8.8"}, true)
	if want := []target{{"https://8.8.8.8", "8.8.8.8", "8.8.8.8", true, []string{"8.8.8.8:443"}}}; err != nil || !reflect.DeepEqual(targets, want) {
		t.Errorf("%+v, %v", targets, err)
	}
}

// A name may have several addresses, and the API listen on one of them, as localhost and 127.0.0.1.
func TestAnyAddressOfATarget(t *testing.T) {
	var s stub
	there := strings.TrimPrefix(serve(t, &s), "http://")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	c := &conn{target: target{host: "tiffin", addrs: []string{nobody.Addr().String(), there}}, timeout: time.Minute}
	defer c.close()
	if _, err := c.get("/posts/p/likes"); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := small(Likes, "http://"+l.Addr().String())
	_ = l.Close()
	if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "can't be reached; is `tiffin up` running there?") {
		t.Errorf("%v", err)
	}
}

// Groups that are behind move one post after the other: that the one which was spoken of last has not moved yet is no fault.
func TestTheLastPostMayBeTheLastToMove(t *testing.T) {
	var began time.Time
	last := ""
	s := stub{counted: func(post string, count int) int {
		if began.IsZero() {
			began, last = time.Now(), post // the first that is read is the latest
		}
		gone := time.Since(began)
		if post == last && gone < 1200*time.Millisecond {
			return 0
		}
		return int(float64(count) * min(1, gone.Seconds()))
	}}
	cfg := small(Likes, serve(t, &s))
	cfg.Connections, cfg.Patience, cfg.Posts, cfg.Users, cfg.Unlikes, cfg.Duplicates = 1, 400*time.Millisecond, 5, 500, 0, 0
	if report := mustRun(t, cfg); !report.OK() {
		t.Errorf("%d faults: %v", report.Faults, report.FirstFaults)
	}
}

// P5: who repeats what was accepted, under the same key, gets the same answer again.
func TestARepetitionThatIsRefusedIsAFault(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	s := stub{before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		again := key != "" && seen[key]
		if seen[key] = true; again {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		return again
	}}
	if report := mustRun(t, small(Orders, serve(t, &s))); report.OK() || !strings.Contains(strings.Join(report.FirstFaults, " "), "its repetition was answered with 422") {
		t.Errorf("%d faults: %v", report.Faults, report.FirstFaults)
	}
}

// What never came right has not caught up, whatever else has.
func TestWrongCountsHaveNotCaughtUp(t *testing.T) {
	s := stub{counted: func(_ string, count int) int { return count + 1 }}
	if report := mustRun(t, small(Mixed, serve(t, &s))); report.OK() || report.CaughtUpSeconds != 0 {
		t.Errorf("it has caught up after %v s", report.CaughtUpSeconds)
	}
}
