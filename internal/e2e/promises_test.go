package e2e

import (
	"cmp"
	"os"
	"syscall"
	"testing"
	"time"

	"tiffin/internal/testservers"
)

// P3: whatever way 2,000 concurrent orders go, the books balance.
func TestTheBooksBalanceAfterMixedOrders(t *testing.T) {
	s := newSite(t)
	p := s.start(true, "run", "--target=all,simulator").ready()
	s.tiffin("seed")
	l := startLoad(t, 32, 10*time.Millisecond, demoOrders(), p.api)
	l.until(2000)
	allEnd(t, p.api, l.stop())
	t.Log(s.tiffin("audit", "--wait=30s"))
}

// P1, P2: processes that share the groups come, go and are killed under load: nothing accepted is lost, nothing is doubled.
// What a killed one had accepted is on its disk; who starts there next sends it.
func TestProcessesComeGoAndAreKilled(t *testing.T) {
	s := newSite(t)
	first := s.start(true, "run", "--target=all,simulator").ready()
	s.tiffin("seed")
	l := startLoad(t, 8, 20*time.Millisecond, demoOrders(), first.api)
	l.until(200)
	second := s.start(true, "run", "--target=all,simulator").ready()
	l.use(first.api, second.api)
	l.until(600)
	l.use(first.api)
	second.kill()
	l.until(1000)
	third := s.startOn(second.spool, "run", "--target=all,simulator").ready()
	l.use(third.api)
	first.stop()
	l.until(1400)
	allEnd(t, third.api, l.stop())
	t.Log(s.tiffin("audit", "--wait=60s"))
}

// P2: a process that is paused until the others have its lanes, and then goes on, changes nothing that is theirs.
func TestAPausedProcessComesBack(t *testing.T) {
	s := newSite(t)
	first := s.start(true, "run", "--target=all,simulator").ready()
	s.tiffin("seed")
	second := s.start(true, "run", "--target=all,simulator").ready()
	l := startLoad(t, 8, 20*time.Millisecond, demoOrders(), first.api)
	l.until(300)
	for range 2 {
		second.signal(syscall.SIGSTOP)
		l.until(l.count() + 50)
		s.ownedBy(1)
		l.until(l.count() + 100)
		second.signal(syscall.SIGCONT)
		s.ownedBy(2)
		l.until(l.count() + 100)
	}
	allEnd(t, first.api, l.stop())
	t.Log(s.tiffin("audit", "--wait=60s"))
}

// awayTime is how long what a test takes away stays away: TIFFIN_E2E_AWAY, or some seconds.
func awayTime(t *testing.T) time.Duration {
	t.Helper()
	away, err := time.ParseDuration(cmp.Or(os.Getenv("TIFFIN_E2E_AWAY"), "3s"))
	if err != nil {
		t.Fatal(err)
	}
	return away
}

// Each group stopped alone under load: nobody else is held up, and it catches up when it is back. TIFFIN_E2E_AWAY=1m keeps
// each away for a minute.
func TestAGroupIsAwayForAWhile(t *testing.T) {
	s := newSite(t)
	away := awayTime(t)
	groups := []string{"inventory", "payments", "fraud", "kitchen", "delivery", "orders", "notification", "analytics", "simulator"}
	running := map[string]*process{}
	for _, g := range groups {
		running[g] = s.start(false, "run", "--target="+g)
	}
	api := s.start(true, "run", "--target=orders-api").ready()
	s.tiffin("seed")
	l := startLoad(t, 4, 20*time.Millisecond, demoOrders(), api.api)
	placed := 0
	l.until(100)
	for _, g := range groups[:8] {
		running[g].stop()
		back := time.After(away)
		placed = l.count()
		l.until(placed + 100) // the door does not wait for anybody
		<-back
		t.Logf("%s was away for %v, meanwhile %d orders got a 202; behind are:\n%s", g, away, l.count()-placed, s.behind())
		running[g] = s.start(false, "run", "--target="+g)
	}
	allEnd(t, api.api, l.stop())
	t.Log(s.tiffin("audit", "--wait=60s"))
}

// P1: the whole tree of `up` is killed ten times under load: no order that got a 202 is missing, the books balance.
func TestTheWholeTreeIsKilledTenTimes(t *testing.T) {
	s := &site{t: t, env: append(environ(t), "TIFFIN_DATA="+t.TempDir(),
		"TIFFIN_KAFKA_ADDR="+testservers.FreeAddr(t), "TIFFIN_POSTGRES_ADDR="+testservers.FreeAddr(t), "TIFFIN_REDIS_ADDR="+testservers.FreeAddr(t))}
	up := s.start(true, "up").ready()
	l := startLoad(t, 8, 20*time.Millisecond, demoOrders(), up.api)
	for range 10 {
		l.until(l.count() + 100)
		<-time.After(time.Second) // who dies three times as soon as it begins with an event is right to park that: it looks like the event's doing
		up.kill()
		up = s.start(true, "up").ready()
		l.use(up.api)
	}
	l.until(l.count() + 100)
	allEnd(t, up.api, l.stop())
	t.Log(s.tiffin("audit", "--wait=60s"))
	up.stop()
}
