package likes_test

import (
	"testing"
	"time"

	"tiffin/consumers/likes"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

// together runs two processes, until each has lanes.
func (w *world) together() {
	w.t.Helper()
	w.run(likes.Config{})
	w.run(likes.Config{})
	w.eventually("both have lanes", func() bool {
		return w.number("select count(distinct owner) from likes.lanes where owner <> ''") == 2
	})
}

// P2: a hot post, liked and unliked through two doors, in lanes of two processes at once: each adds to a part of its own, and the
// sum is exact.
func TestAHotPostInTwoProcesses(t *testing.T) {
	const users, words = 2000, 20000
	w := newWorld(t)
	random := seeded(t)
	doors := []*sender{newSender(), newSender()}
	var records [2][]kafka.Record
	want := map[string]said{}
	at := schemas.MomentOf(time.Now())
	for range words {
		at++
		u, door := user(random.IntN(users)), random.IntN(2)
		s := said{at: at, liked: random.IntN(3) > 0}
		r, id := doors[door].record(t, fact("hot", u, s.liked, at))
		s.id = id
		records[door] = append(records[door], r)
		want[u] = want[u].last(s)
	}
	w.together()
	w.produce(random, merge(random, records[0], records[1]))
	w.eventually("all is read", w.read)
	count := int64(0)
	for _, s := range want {
		if s.liked {
			count++
		}
	}
	if p, err := likes.Find(t.Context(), w.db, "hot"); err != nil || p.Count != count {
		t.Errorf("the post has %d likes, %v; want %d", p.Count, err, count)
	}
	if n := w.number("select count(distinct l.owner) from likes.counts c join likes.lanes l on l.lane = c.shard"); n != 2 {
		t.Errorf("the post's parts belong to %d processes, want 2", n)
	}
	w.consistent()
}

// Nobody waits for anybody else: the lock at which the lanes of other groups take turns is in other hands, and so is the part of a
// post that the other process writes.
func TestLanesDoNotTakeTurns(t *testing.T) {
	w := newWorld(t)
	random := seeded(t)
	door := newSender()
	say := func(from, to int) {
		var records []kafka.Record
		for u := from; u < to; u++ {
			r, _ := door.record(t, fact("hot", user(u), true, schemas.MomentOf(time.Now())))
			records = append(records, r)
		}
		w.produce(random, records)
	}
	w.together()
	say(0, 200)
	w.eventually("all is read", w.read)
	tx, err := w.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }() // of what only locks
	// One process is held up, by the rows of its own lanes, as if it were in the midst of a batch.
	if _, err := tx.Exec(t.Context(), `select pg_advisory_xact_lock(hashtext('tiffin documents likes'));
		with one as (select min(owner) as owner from likes.lanes)
		select 1 from likes.counts c join likes.lanes l on l.lane = c.shard join one using (owner) for update of c, l`); err != nil {
		t.Fatal(err)
	}
	free := `select coalesce(sum((offsets->>'likes')::bigint), 0)::bigint from likes.lanes where owner <> (select min(owner) from likes.lanes)`
	before := w.number(free)
	say(200, 400)
	// Both copies of a batch that was said twice are read.
	w.eventually("the other goes on", func() bool { return w.number(free) >= before+50 })
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually("all is read", w.read)
	if p, err := likes.Find(t.Context(), w.db, "hot"); err != nil || p.Count != 400 {
		t.Errorf("the post has %d likes, %v; want 400", p.Count, err)
	}
	w.consistent()
}
