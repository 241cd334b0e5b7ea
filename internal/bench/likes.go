package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/schemas"
)

const (
	countedLikes = 300_000
	likedPosts   = 50_000
	bareBatch    = 10_000
	likesLimit   = 2 * time.Minute
)

// counting is B4: likes counted by the group, against the least that a database must do for them.
func counting() experiment {
	return experiment{
		id: "B4", name: "likes counted", runs: 3,
		rows: []row{{"likes counted, from Kafka to PostgreSQL and Redis", "the bare INSERT of the same rows", "/s", goal{atLeast: 0.8}}},
		open: func(ctx context.Context, l *lab) (*contest, error) {
			c, err := l.openLikes(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := c.db.Exec(ctx, "create table bare (like likes.likes including all)"); err != nil {
				return nil, errors.Join(err, c.close())
			}
			return &contest{
				a: func(ctx context.Context) ([]float64, error) {
					rate, err := c.rate(ctx, zipfPosts())
					return []float64{rate}, err
				},
				b: func(ctx context.Context) ([]float64, error) {
					rate, err := c.bare(ctx)
					return []float64{rate}, err
				},
				notes: func() []string {
					return []string{fmt.Sprintf("%d likes a run, by different users, of %d posts by Zipf's law; INSERT ... SELECT FROM UNNEST ... ON CONFLICT DO NOTHING of %d rows in each transaction, over one connection, into a table like the group's, with its index, which grows as that does. It counts nothing", countedLikes, likedPosts, bareBatch)}
				},
				close: c.close,
			}, nil
		},
	}
}

// likesSite is a site whose likes are counted.
type likesSite struct {
	*site
	fills int                 // how often it was filled
	total int64               // likes said so far, all by different users or of different posts
	last  []schemas.PostLiked // what was said last
}

// openLikes makes a site whose group of likes has run, so that its tables are there.
func (l *lab) openLikes(ctx context.Context) (*likesSite, error) {
	s, err := l.newSite(ctx, l.kafka)
	if err != nil {
		return nil, err
	}
	p, err := s.run(ctx, "likes")
	if err == nil {
		err = p.stop()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &likesSite{site: s}, nil
}

// zipfPosts are posts of which a few get most of the likes.
func zipfPosts() wish {
	law := rand.NewZipf(rand.New(rand.NewPCG(rand.Uint64(), 0)), 1.07, 1, likedPosts-1)
	return func() int { return int(law.Uint64()) }
}

func anyPost() int { return rand.IntN(likedPosts) }
func onePost() int { return 0 }

// like makes likes by users who have liked nothing yet.
func (c *likesSite) like(n int, choose wish) []saga.Fact {
	c.fills++
	c.last = c.last[:0]
	facts := make([]saga.Fact, n)
	for i := range facts {
		f := schemas.PostLiked{PostID: c.name + "-" + strconv.Itoa(choose()), UserID: fmt.Sprintf("user-%d-%d", c.fills, rand.IntN(1e9)), AcceptedAt: schemas.MomentOf(time.Now())}
		f.UserID += "-" + strconv.Itoa(i)
		facts[i] = f
		c.last = append(c.last, f)
	}
	c.total += int64(n)
	return facts
}

// rate puts likes on Kafka, starts the group, and returns how many it counts a second, from its first batch on. Each is counted once, or it
// is an error.
func (c *likesSite) rate(ctx context.Context, choose wish) (float64, error) {
	if err := c.say(ctx, c.like(countedLikes, choose)...); err != nil {
		return 0, err
	}
	before, err := c.handled(ctx)
	if err != nil {
		return 0, err
	}
	group, err := c.run(ctx, "likes")
	if err != nil {
		return 0, err
	}
	defer group.Kill()
	if err := c.awaitHandled(ctx, before+1); err != nil {
		return 0, err
	}
	begin := time.Now()
	from, err := c.handled(ctx)
	if err != nil {
		return 0, err
	}
	if err := c.awaitHandled(ctx, before+countedLikes); err != nil {
		return 0, err
	}
	rate := float64(before+countedLikes-from) / time.Since(begin).Seconds()
	return rate, errors.Join(group.stop(), c.exact(ctx))
}

// handled is how many likes the group has worked off, by what it has committed.
func (c *likesSite) handled(ctx context.Context) (n int64, err error) {
	err = c.db.QueryRow(ctx, "select coalesce(sum((offsets->>'likes')::bigint), 0)::bigint from likes.lanes").Scan(&n)
	return n, err
}

func (c *likesSite) awaitHandled(ctx context.Context, want int64) error {
	return until(ctx, likesLimit, fmt.Sprintf("the group likes has handled %d", want), func(ctx context.Context) (bool, error) {
		n, err := c.handled(ctx)
		return n >= want, err
	})
}

// exact checks that each like is counted once.
func (c *likesSite) exact(ctx context.Context) error {
	var n int64
	if err := c.db.QueryRow(ctx, "select sum(count)::bigint from likes.counts").Scan(&n); err != nil {
		return err
	}
	if n != c.total {
		return fmt.Errorf("%d likes are counted of %d: each should be, once", n, c.total)
	}
	return nil
}

// bare inserts the likes that were said last, and returns how many a second.
func (c *likesSite) bare(ctx context.Context) (float64, error) {
	ids, liked := make([]string, len(c.last)), make([]bool, len(c.last))
	at, events := make([]time.Time, len(c.last)), make([]string, len(c.last))
	for i, f := range c.last {
		ids[i], liked[i], at[i], events[i] = f.PostID+"/"+f.UserID, true, f.AcceptedAt.Time(), "018f0000-0000-7000-8000-000000000000"
	}
	db, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return 0, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	begin := time.Now()
	for from := 0; from < len(ids); from += bareBatch {
		to := min(from+bareBatch, len(ids))
		_, err := db.Exec(ctx, `insert into bare select * from unnest($1::text[], $2::boolean[], $3::timestamptz[], $4::text[])
			on conflict (like_id) do nothing`, ids[from:to], liked[from:to], at[from:to], events[from:to])
		if err != nil {
			return 0, err
		}
	}
	return float64(len(ids)) / time.Since(begin).Seconds(), nil
}

// latency has users like at a rate while the group runs, and returns how long it takes until each like is counted, from when it was due: the
// nth that is counted is taken for the nth that was said.
func (c *likesSite) latency(ctx context.Context, rate float64, during time.Duration, choose wish) ([]time.Duration, error) {
	group, err := c.run(ctx, "likes")
	if err != nil {
		return nil, err
	}
	defer group.Kill()
	base, err := c.handled(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.say(ctx, c.like(1000, choose)...); err != nil { // it has its lanes once it has counted these
		return nil, err
	}
	base += 1000
	if err := c.awaitHandled(ctx, base); err != nil {
		return nil, err
	}
	perTick := max(int(rate*paceTick.Seconds()), 1)
	ticks := int(during / paceTick)
	saying, cancel := context.WithCancel(ctx)
	said := make(chan error, 1)
	begin := time.Now()
	go func() { said <- c.everyTick(saying, begin, ticks, perTick, choose) }()
	var took []time.Duration
	err = until(ctx, likesLimit, "all likes of a steady load are counted", func(ctx context.Context) (bool, error) {
		n, err := c.handled(ctx)
		for len(took) < ticks && base+int64(len(took)+1)*int64(perTick) <= n {
			took = append(took, time.Since(begin.Add(time.Duration(len(took))*paceTick)))
		}
		return len(took) == ticks, err
	})
	cancel()
	if failed := <-said; err == nil {
		err = failed
	}
	return took, errors.Join(err, group.stop())
}

// everyTick says so many likes every 10 ms; what is late is made up for.
func (c *likesSite) everyTick(ctx context.Context, begin time.Time, ticks, perTick int, choose wish) error {
	for i := range ticks {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(begin.Add(time.Duration(i) * paceTick))):
		}
		if err := c.say(ctx, c.like(perTick, choose)...); err != nil {
			return err
		}
	}
	return nil
}
