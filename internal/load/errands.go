package load

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// errand is a kind of saga that a client can start: where, and how it may end.
type errand struct {
	path    string // where it is posted; its outcome is below it
	endings []ending
}

// ending is a way to ask for something whose outcome is known ahead, because [World] has made it so.
type ending struct {
	percent        int
	status, reason string // how it must end
	body           func(b []byte, rng *rand.Rand) []byte
}

// outcome is what the APIs say of an order or a payment.
type outcome struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
}

func (o outcome) String() string {
	if o.Reason == "" {
		return o.Status
	}
	return o.Status + " (" + o.Reason + ")"
}

func (o outcome) ended() bool {
	switch o.Status {
	case "completed", "cancelled", "succeeded", "failed":
		return true
	}
	return false
}

// started is a saga that got a 202.
type started struct {
	id     string
	ending int
}

// runner has started some errands through one connection, and remembers how they must end.
type runner struct {
	errand
	cfg *Config
	run string // what the keys begin with
	rng *rand.Rand

	begun    []started
	unsure   int      // had no answer: nobody knows their ids
	doubled  []string // what was wrong with repetitions
	repeat   *twice   // what is to be sent again, if any
	keys     int
	request  twice // what is under way
	repeated bool  // it is a repetition
}

// twice is a saga that is sent with a key, and again.
type twice struct {
	key    string
	id     string
	ending int
	body   []byte
}

func newRunner(cfg *Config, e errand, run string, number int) *runner {
	run = run + strings.ReplaceAll(e.path, "/", "-") + "-" + strconv.Itoa(number) + "-"
	return &runner{errand: e, cfg: cfg, run: run, rng: rand.New(rand.NewPCG(cfg.Seed, uint64(number)))}
}

// next implements [source].
func (n *runner) next(r *request, _ time.Duration) {
	r.method, r.mediaType, r.units = http.MethodPost, "application/json", 1
	r.path = append(r.path[:0], n.path...)
	if n.repeated = n.repeat != nil; n.repeated {
		n.request, n.repeat = *n.repeat, nil
		r.key, r.body = n.request.key, append(r.body[:0], n.request.body...)
		return
	}
	n.request = twice{ending: n.choose()}
	r.body = n.endings[n.request.ending].body(r.body[:0], n.rng)
	// Each that is to be repeated gives a repetition, so of all that is sent a share d of repetitions takes d/(1-d) of the others.
	if d := n.cfg.Duplicates; d > 0 && n.rng.Float64() < d/(1-d) {
		n.keys++
		n.request.key, n.request.body = n.run+strconv.Itoa(n.keys), append([]byte(nil), r.body...)
	}
	r.key = n.request.key
}

func (n *runner) choose() int {
	chance := n.rng.IntN(100)
	for i, e := range n.endings {
		if chance -= e.percent; chance < 0 {
			return i
		}
	}
	return 0
}

// heard implements [source].
func (n *runner) heard(a answer) (fresh int) {
	id := a.location[strings.LastIndexByte(a.location, '/')+1:]
	switch was := a.verdict(); {
	case n.repeated && was == accepted && id != n.request.id:
		n.doubled = append(n.doubled, "the same Idempotency-Key "+n.request.key+" gave "+n.path+"/"+n.request.id+" and then "+n.path+"/"+id)
	case n.repeated && (a.status == http.StatusConflict || a.status == http.StatusUnprocessableEntity):
		n.doubled = append(n.doubled, fmt.Sprintf("%s/%s was accepted under the Idempotency-Key %s, and its repetition was answered with %d", n.path, n.request.id, n.request.key, a.status))
	case n.repeated: // what is known of it stays true
	case was == unsure:
		n.unsure++
	case was == accepted:
		n.begun = append(n.begun, started{strings.Clone(id), n.request.ending})
		if n.request.key != "" {
			again := n.request
			again.id = n.begun[len(n.begun)-1].id
			n.repeat = &again
		}
		return 1
	}
	return 0
}

// look asks how one goes, as [thing] has it. One that has ended otherwise than it must stays so.
func (n *runner) look(c *conn, s started) (seen, error) {
	body, err := c.get(n.path + "/" + s.id)
	if err != nil {
		return seen{}, err
	}
	var o outcome
	if err := json.Unmarshal(body, &o); err != nil {
		return seen{}, err
	}
	want := outcome{n.endings[s.ending].status, n.endings[s.ending].reason}
	now := seen{state: o.String(), final: o.ended()}
	switch {
	case !o.ended():
		now.fault = n.path + "/" + s.id + " has not ended: it is " + o.String() + ", and must become " + want.String()
	case o != want:
		now.fault = n.path + "/" + s.id + " has ended as " + o.String() + ", and must be " + want.String()
	}
	return now, nil
}
