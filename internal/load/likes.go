package load

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// recently is how many of its last words a connection may repeat or take back.
	recently = 1 << 10
	// zipf is the exponent of the law: the kth post gets 1/k^zipf of what the first one gets.
	zipf = 1.07
	// crowd flattens the law for users: the first thousand of each connection are about equally busy.
	crowd = 1_000
)

// fans are the users of one connection. Each has one user in so many, of all ranks.
type fans struct {
	cfg        *Config
	posts      string // what the posts' names begin with
	schedule   schedule
	rng        *rand.Rand
	post, user *rand.Zipf
	first      int // the first of its users; the next is Connections on

	known   opinions
	recent  []word // a ring
	forget  int    // the oldest in it
	request []word // what is under way
}

// word is what a user says of a post.
type word struct {
	pair uint64
	like bool
}

func newFans(cfg *Config, posts string, number int) *fans {
	rng := rand.New(rand.NewPCG(cfg.Seed, uint64(number)))
	users := (cfg.Users - number + cfg.Connections - 1) / cfg.Connections
	return &fans{
		cfg: cfg, posts: posts, schedule: cfg.schedule(), rng: rng, first: number,
		post: rand.NewZipf(rng, zipf, 1, uint64(cfg.Posts-1)),
		user: rand.NewZipf(rng, zipf, crowd, uint64(users-1)),
	}
}

// celebrity is the number of the post that a burst is about: it comes after all others.
func (c *Config) celebrity() int { return c.Posts }

// next implements [source].
func (f *fans) next(r *request, due time.Duration) {
	f.request = f.request[:0]
	for range max(1, f.cfg.Batch) {
		w := f.say(due)
		f.request = append(f.request, w)
		if len(f.recent) < recently {
			f.recent = append(f.recent, w)
		} else {
			f.recent[f.forget] = w
			f.forget = (f.forget + 1) % recently
		}
	}
	r.units = len(f.request)
	if f.cfg.Batch > 0 {
		f.batch(r)
	} else {
		f.single(r, f.request[0])
	}
}

// say makes up what somebody says.
func (f *fans) say(due time.Duration) word {
	chance := f.rng.Float64()
	if old := len(f.recent); old > 0 && chance < f.cfg.Duplicates+f.cfg.Unlikes {
		w := f.recent[f.rng.IntN(old)]
		if chance >= f.cfg.Duplicates {
			w.like = false
		}
		return w
	}
	user := f.first + int(f.user.Uint64())*f.cfg.Connections
	if share := f.schedule.share(due); share > 0 && f.rng.Float64() < share {
		return word{pair(f.cfg.celebrity(), user), true}
	}
	return word{pair(int(f.post.Uint64()), user), true}
}

func (f *fans) single(r *request, w word) {
	r.path = append(f.appendPost(append(r.path[:0], "/posts/"...), w.pair), "/likes"...)
	if !w.like {
		r.method, r.body = http.MethodDelete, r.body[:0]
		r.path = appendUser(append(r.path, '/'), w.pair)
		return
	}
	r.method, r.mediaType = http.MethodPost, "application/json"
	r.body = append(appendUser(append(r.body[:0], `{"userId":"`...), w.pair), `"}`...)
}

func (f *fans) batch(r *request) {
	r.method, r.mediaType, r.path = http.MethodPost, "application/x-ndjson", append(r.path[:0], "/likes"...)
	r.body = r.body[:0]
	for _, w := range f.request {
		r.body = f.appendPost(append(r.body, `{"postId":"`...), w.pair)
		r.body = appendUser(append(r.body, `","userId":"`...), w.pair)
		if w.like {
			r.body = append(r.body, `","action":"like"}`+"\n"...)
		} else {
			r.body = append(r.body, `","action":"unlike"}`+"\n"...)
		}
	}
}

func (f *fans) appendPost(b []byte, pair uint64) []byte {
	return strconv.AppendInt(append(b, f.posts...), int64(postOf(pair)), 10)
}

func appendUser(b []byte, pair uint64) []byte {
	return strconv.AppendInt(append(b, 'u'), int64(userOf(pair)), 10)
}

// heard implements [source].
func (f *fans) heard(a answer) (fresh int) {
	was := a.verdict()
	for _, w := range f.request {
		if f.known.hear(w.pair, w.like, was) {
			fresh++
		}
	}
	return fresh
}
