package likes_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"tiffin/consumers/likes"
	"tiffin/internal/testservers"
	"tiffin/saga"
	"tiffin/saga/kafka"
	"tiffin/saga/lane"
	"tiffin/saga/wire"
	"tiffin/schemas"
)

const partitions = 12

// world is the group on a real Kafka and PostgreSQL.
type world struct {
	t      testing.TB
	client *kafka.Client
	prefix string // of its topics
	url    string
	db     *pgxpool.Pool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	prefix := testservers.Name("likes") + "."
	client, err := kafka.Open(kafka.Config{Brokers: []string{testservers.Kafka(t)}, TopicPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &world{t: t, client: client, prefix: prefix, url: testservers.Postgres(t)}
	topics := []kafka.TopicSpec{{Name: schemas.TopicLikes, Partitions: partitions}, {Name: "likes.dead-letters", Partitions: partitions}}
	if err := client.CreateTopics(t.Context(), topics, 1); err != nil {
		t.Fatal(err)
	}
	if err := lane.Migrate(t.Context(), w.url, "", likes.Group(likes.Config{}), likes.Migrations); err != nil {
		t.Fatal(err)
	}
	if w.db, err = pgxpool.New(t.Context(), w.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	return w
}

// run starts a process; stop ends it in good order.
func (w *world) run(cfg likes.Config) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(w.t.Output(), nil))
	go func() {
		done <- lane.Run(ctx, lane.Config{Kafka: w.client, DatabaseURL: w.url, Logger: log}, likes.Group(cfg))
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

// number is the one that a query gives.
func (w *world) number(query string, args ...any) (n int64) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// eventually waits until it holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(60 * time.Second); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("after a minute: %s does not hold", what)
		}
	}
}

// read says whether the group has read all that is in the log.
func (w *world) read() bool {
	w.t.Helper()
	var all []kafka.TopicPartition
	for p := range partitions {
		all = append(all, kafka.TopicPartition{Topic: schemas.TopicLikes, Partition: p})
	}
	log, err := w.client.Offsets(w.t.Context(), all)
	if err != nil {
		w.t.Fatal(err)
	}
	end := int64(0)
	for _, r := range log {
		end += r.End
	}
	return w.number("select coalesce(sum((offsets->>'likes')::bigint), 0)::bigint from likes.lanes") == end
}

// consistent checks what must always hold: each count is the number of users whose last word is a like, and no fact was lost.
func (w *world) consistent() {
	w.t.Helper()
	if n := w.number(`select count(*) from (select post_id, sum(count) as count from likes.counts group by post_id) p full join (
			select split_part(like_id, '/', 1) as post_id, count(*) filter (where liked) as likes from likes.likes group by 1) l using (post_id)
		where coalesce(p.count, 0) <> coalesce(l.likes, 0)`); n != 0 {
		w.t.Errorf("%d posts have another count than likes", n)
	}
	if n := w.number("select (select sum(gaps) from likes.lanes)::bigint + (select count(*) from likes.parked)"); n != 0 {
		w.t.Errorf("%d facts are missing or parked", n)
	}
}

// sender is a door: a lane that numbers what it says.
type sender struct {
	lane    string
	numbers map[int]int64
}

func newSender() *sender { return &sender{"door-" + uuid.NewString(), map[int]int64{}} }

// record is the fact as the sender says it, and its event id.
func (s *sender) record(t testing.TB, f saga.Fact) (kafka.Record, string) {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	r, err := wire.Encode(f, saga.Envelope{ID: id, Source: "/tiffin/likes-api", Saga: f.Key()}, time.Now(), partitions)
	if err != nil {
		t.Fatal(err)
	}
	s.numbers[r.Partition]++
	wire.Stamp(&r, wire.Mark{Lane: s.lane, Epoch: 1, Number: s.numbers[r.Partition]})
	return r, id
}

// merge puts the records of several senders into one order, in which each sender's are in their own. Now and then one is far
// ahead of the others.
func merge(random *rand.Rand, senders ...[]kafka.Record) (all []kafka.Record) {
	left := 0
	for _, s := range senders {
		left += len(s)
	}
	for left > 0 {
		i := random.IntN(len(senders))
		n := min(len(senders[i]), 1+random.IntN(1<<random.IntN(8)))
		all = append(all, senders[i][:n]...)
		senders[i] = senders[i][n:]
		left -= n
	}
	return all
}

// produce sends the records in batches, and some of the batches twice, as a sender does that missed an acknowledgement.
func (w *world) produce(random *rand.Rand, records []kafka.Record) {
	w.t.Helper()
	for len(records) > 0 {
		n := min(len(records), 1+random.IntN(200))
		for range 1 + random.IntN(2) {
			if err := w.client.Produce(w.t.Context(), records[:n]); err != nil {
				w.t.Fatal(err)
			}
		}
		records = records[n:]
	}
}

// seeded is a source of chance that the test's log names.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// said is a word, as the rule of the data sees it.
type said struct {
	at    schemas.Moment
	id    string
	liked bool
}

// last is the word that counts.
func (s said) last(other said) said {
	if other.at > s.at || other.at == s.at && other.id > s.id {
		return other
	}
	return s
}

func fact(post, user string, liked bool, at schemas.Moment) saga.Fact {
	if liked {
		return schemas.PostLiked{PostID: post, UserID: user, AcceptedAt: at}
	}
	return schemas.PostUnliked{PostID: post, UserID: user, AcceptedAt: at}
}

func user(n int) string { return fmt.Sprint("user-", n) }
