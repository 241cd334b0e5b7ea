package likes_test

import (
	"fmt"
	"testing"
	"time"

	"tiffin/consumers/likes"
	"tiffin/saga/kafka"
	"tiffin/schemas"
)

// P4: 1,000 likes and unlikes of one user for one post, through two doors whose facts come in whatever order: the last word
// is the one that was accepted last. Ten users do so, each for a post of their own.
func TestTheLastWordThroughTwoDoors(t *testing.T) {
	const users, words = 10, 1000
	w := newWorld(t)
	random := seeded(t)
	doors := []*sender{newSender(), newSender()}
	var records [2][]kafka.Record
	want := map[string]said{}
	start := schemas.MomentOf(time.Now())
	for i := range words {
		for u := range users {
			door := random.IntN(2)
			// Each door's moments go up; those of the two meet now and then.
			s := said{at: start + schemas.Moment(i), liked: random.IntN(2) == 0}
			if door == 1 && random.IntN(2) == 0 {
				s.at -= schemas.Moment(random.IntN(3))
			}
			r, id := doors[door].record(t, fact(fmt.Sprint("post-", u), user(u), s.liked, s.at))
			s.id = id
			records[door] = append(records[door], r)
			want[user(u)] = want[user(u)].last(s)
		}
	}
	// In the end both doors accept in the same microsecond.
	for u := range users {
		// The greater id is that of the unlike.
		for i, door := range random.Perm(2) {
			s := said{at: start + words, liked: i == 0}
			r, id := doors[door].record(t, fact(fmt.Sprint("post-", u), user(u), s.liked, s.at))
			s.id = id
			records[door] = append(records[door], r)
			want[user(u)] = want[user(u)].last(s)
		}
	}
	w.run(likes.Config{})
	w.produce(random, merge(random, records[0], records[1]))
	w.eventually("all is read", w.read)
	for u := range users {
		last, id := want[user(u)], fmt.Sprint("post-", u, "/", user(u))
		var got said
		var at time.Time
		if err := w.db.QueryRow(t.Context(), "select liked, accepted_at, event_id from likes.likes where like_id = $1", id).Scan(&got.liked, &at, &got.id); err != nil {
			t.Fatal(err)
		}
		if got.at = schemas.MomentOf(at); got != last {
			t.Errorf("the last word of %s is %+v, want %+v", id, got, last)
		}
		p, err := likes.Find(t.Context(), w.db, fmt.Sprint("post-", u))
		if err != nil || (p.Count == 1) != last.liked || p.Count > 1 {
			t.Errorf("post-%d has %d likes, %v; the last word is %v", u, p.Count, err, last.liked)
		}
	}
	w.consistent()
}

// P2: a celebrity's post, liked by users in every lane, handled by two processes of which one comes and one goes meanwhile,
// and much of it said twice: the count is exact.
func TestCountsAreExact(t *testing.T) {
	const users, words = 3000, 12000
	w := newWorld(t)
	random := seeded(t)
	doors := []*sender{newSender(), newSender()}
	var records [2][]kafka.Record
	want := map[string]map[string]said{}
	at := schemas.MomentOf(time.Now())
	lanes := map[int]bool{}
	for range words {
		at++
		post := "celebrity"
		if random.IntN(4) == 0 {
			post = fmt.Sprint("post-", random.IntN(50))
		}
		u, door := user(random.IntN(users)), random.IntN(2)
		s := said{at: at, liked: random.IntN(3) > 0}
		r, id := doors[door].record(t, fact(post, u, s.liked, at))
		s.id = id
		records[door] = append(records[door], r)
		lanes[r.Partition] = true
		if want[post] == nil {
			want[post] = map[string]said{}
		}
		want[post][u] = want[post][u].last(s)
	}
	if len(lanes) != partitions {
		t.Fatalf("the post spreads over %d lanes, want all %d", len(lanes), partitions)
	}
	all := merge(random, records[0], records[1])
	third := len(all) / 3
	stopFirst := w.run(likes.Config{})
	w.produce(random, all[:third])
	w.run(likes.Config{})
	w.produce(random, all[third:2*third])
	w.eventually("the second has lanes", func() bool {
		return w.number("select count(distinct owner) from likes.lanes where owner <> ''") == 2
	})
	stopFirst()
	w.produce(random, all[2*third:])
	w.eventually("all is read", w.read)
	for post, words := range want {
		count := int64(0)
		for _, s := range words {
			if s.liked {
				count++
			}
		}
		if p, err := likes.Find(t.Context(), w.db, post); err != nil || p.Count != count {
			t.Errorf("%s has %d likes, %v; want %d", post, p.Count, err, count)
		}
	}
	w.consistent()
}
