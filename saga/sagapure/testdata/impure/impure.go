// Package impure declares reactions that are not pure. Beside each line that must be found stands what is said about it.
package impure

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tiffin/saga"
	"tiffin/saga/sagapure/testdata/helper"
)

type fact struct{ ID string }

func (fact) EventType() string { return "fact" }
func (fact) Topic() string     { return "facts" }
func (f fact) Key() string     { return f.ID }

type doc struct {
	saga.Act
	ID, At string
	N      int
	Tags   map[string]int
}

var (
	docs = saga.In("docs", func(d *doc) saga.Columns { return saga.Columns{{Name: "id", At: &d.ID}} })
	mail = saga.EffectOf[string]("mail")

	count   int
	totals  = map[string]int{}
	events  = make(chan string, 1)
	lock    sync.Mutex
	started atomic.Int64
	shared  = &cache{seen: map[string]bool{}}
	chosen  = func(*doc, saga.Cause) []saga.Fact { count++; return nil } // want "writes the variable count of package impure"
)

type cache struct{ seen map[string]bool }

func (c *cache) note(id string) { c.seen[id] = true } // want "writes what its receiver c shares with other events, by way of impure\.cache\.note"

// judge is a value that all events share what it points at.
type judge struct {
	rules []int
	last  *string
	local int
}

type named interface{ comparable }

func group(outer int) *saga.Group {
	local := 0
	return saga.Define("impure", saga.Documents(docs),
		saga.Concerns(func(fact) bool { return time.Now().IsZero() }), // want "the function at saga/sagapure/testdata/impure/impure\.go:\d+, a saga\.Concerns, reads the clock"
		saga.Does(clock, saga.Refuses(chance), saga.Says[fact]()),
		saga.Does(distant, saga.Refuses(ids)),
		saga.Does(judge{}.score, saga.Refuses((&judge{}).refuse)),
		saga.Then(goroutine),
		saga.Then(channels),
		saga.Then(files),
		saga.Then(network),
		saga.Then(globals),
		saga.Then(loops),
		saga.Then(locks),
		saga.Then(mentions),
		saga.Then(nested),
		saga.Then(func(*doc, saga.Event[fact]) []saga.Fact {
			local++ // want "writes the variable local, which outlives the event"
			own := 0
			own++
			return nil
		}),
		saga.Within(time.Minute, saga.Then(generic[string]), saga.Else(chosen)),
		saga.Undoes(made(outer), saga.Upon[fact](), saga.TooLate(logs)),
		saga.Once(saga.Heard[fact](), onceOnly),
		saga.Follows(follows, saga.Upon[fact]()),
		saga.Records(records, saga.Upon[fact]()),
		saga.On(on, saga.Loads(loads)),
		saga.Performs(mail, time.Hour, deliver, saga.Performed(sent), saga.NotPerformed(unsent)),
	)
}

// wrapped declares what it is given, which cannot be seen here.
func wrapped(fn func(*doc, saga.Event[fact]) []saga.Fact) saga.Part {
	return saga.Then(fn) // want "fn, a saga\.Then, can't be followed from here: give the declaration a function by its name"
}

func deliver(context.Context, string, string) error {
	_, err := os.ReadFile("/etc/hosts") // what performs an effect is no reaction
	return err
}

func clock(d *doc, _ saga.Event[fact]) []saga.Fact {
	d.At = time.Now().String()      // want "impure\.clock, a saga\.Does, reads the clock \(time\.Now\)"
	since := time.Since             // want "reads the clock \(time\.Since\)"
	_ = since(time.Time{}).String() //
	<-time.After(time.Second)       // want "uses a channel" "reads the clock \(time\.After\)"
	d.At = time.Unix(0, 0).UTC().String()
	_ = time.Time{}.Local() // want "depends on the machine or the program \(time\.Time\.Local\)"
	_ = time.Local          // want "depends on the machine or the program \(time\.Local\)"
	return nil
}

func chance(d *doc, _ saga.Event[fact]) []saga.Fact {
	d.N = rand.IntN(6)              // want "impure\.chance, a saga\.Refuses, draws a random number \(math/rand/v2\.IntN\)"
	_, _ = crand.Read([]byte{1, 2}) // want "draws a random number \(crypto/rand\.Read\)"
	return nil
}

func ids(d *doc, _ saga.Event[fact]) []saga.Fact {
	d.At = uuid.NewString()                              // want "draws a random number \(uuid\.NewString\)"
	d.At = uuid.Must(uuid.NewV7()).String()              // want "draws a random number \(uuid\.NewV7\)"
	d.At = uuid.NewSHA1(uuid.NameSpaceURL, nil).String() // made of what it is given
	return nil
}

func distant(d *doc, _ saga.Event[fact]) []saga.Fact {
	d.At = helper.Stamp()
	return nil
}

func (j judge) score(d *doc, _ saga.Event[fact]) []saga.Fact {
	j.local++
	j.rules[0]++   // want "impure\.judge\.score, a saga\.Does, writes what its receiver j shares with other events"
	*j.last = d.ID // want "writes what its receiver j shares with other events"
	return nil
}

func (j *judge) refuse(*doc, saga.Event[fact]) []saga.Fact {
	j.local++ // want "writes what its receiver j shares with other events"
	return nil
}

func goroutine(d *doc, _ saga.Event[fact]) []saga.Fact {
	go func() { d.N++ }() // want "starts a goroutine"
	return nil
}

func channels(*doc, saga.Event[fact]) []saga.Fact {
	events <- "x"         // want "uses a channel"
	own := make(chan int) // want "uses a channel"
	close(own)            // want "uses a channel"
	for range own {       // want "uses a channel"
	}
	select { // want "uses a channel"
	default:
	}
	return nil
}

func files(*doc, saga.Event[fact]) []saga.Fact {
	_ = os.Getenv("HOME")              // want "does I/O \(os\.Getenv\)"
	fmt.Println("hello")               // want "does I/O \(fmt\.Println\)"
	println("hello")                   // want "does I/O \(println\)"
	_, _ = fmt.Fprintln(os.Stdout, "") // want "does I/O \(os\.Stdout\)"
	return nil
}

func network(*doc, saga.Event[fact]) []saga.Fact {
	_, _ = http.Get("http://localhost")     // want "does I/O \(net/http\.Get\)"
	_, _ = pgx.Connect(nil, "postgres://x") //nolint:staticcheck // want "uses github\.com/jackc/pgx/v5, which can reach the network"
	return nil
}

func globals(d *doc, _ saga.Event[fact]) []saga.Fact {
	count = 1            // want "writes the variable count of package impure"
	totals[d.ID]++       // want "writes the variable totals of package impure"
	delete(totals, d.ID) // want "writes the variable totals of package impure"
	pointer := &count    // want "writes the variable count of package impure"
	_ = pointer
	shared.note(d.ID)
	d.Tags[d.ID]++
	return nil
}

func loops(d *doc, _ saga.Event[fact]) []saga.Fact {
	for tag := range d.Tags { // want "goes over a map, in another order each time"
		d.At += tag
	}
	for range d.Tags {
		d.N++
	}
	d.At = slices.Collect(maps.Keys(d.Tags))[0] // want "goes over a map, in another order each time: give it to slices\.Sorted at once \(maps\.Keys\)"
	for _, tag := range slices.Sorted(maps.Keys(d.Tags)) {
		d.At += tag
	}
	return nil
}

func locks(*doc, saga.Event[fact]) []saga.Fact {
	lock.Lock()    // want "synchronises with other goroutines \(sync\.Mutex\.Lock\)"
	started.Add(1) // want "synchronises with other goroutines \(sync/atomic\.Int64\.Add\)"
	lock.Unlock()  // want "synchronises with other goroutines \(sync\.Mutex\.Unlock\)"
	return nil
}

// mentions hands on a function that is not pure.
func mentions(d *doc, _ saga.Event[fact]) []saga.Fact {
	slices.SortFunc([]int{1}, unsteady)
	return nil
}

func unsteady(a, b int) int { return a - b + int(rand.Int32N(2)) } // want "draws a random number \(math/rand/v2\.Int32N\), by way of impure\.unsteady"

func nested(d *doc, _ saga.Event[fact]) []saga.Fact {
	later := func() string { return time.Now().String() } // want "reads the clock \(time\.Now\)"
	d.At = later()
	return nil
}

func generic[T named](d *doc, _ saga.Event[fact]) []saga.Fact {
	d.At = time.Now().String() // want "impure\.generic, a saga\.Then, reads the clock"
	return nil
}

func made(n int) func(*doc, saga.Cause) []saga.Fact {
	return func(d *doc, _ saga.Cause) []saga.Fact {
		d.N = n + rand.Int() // want "impure\.made, a saga\.Undoes, draws a random number"
		return nil
	}
}

func logs(*doc, saga.Cause) []saga.Fact     { fmt.Print(); return nil } // want "impure\.logs, a saga\.TooLate, does I/O"
func onceOnly(*doc, saga.Cause) []saga.Fact { fmt.Print(); return nil } // want "impure\.onceOnly, a saga\.Once, does I/O"
func follows(*doc, saga.Cause)              { fmt.Print() }             // want "impure\.follows, a saga\.Follows, does I/O"
func records(saga.Cause)                    { fmt.Print() }             // want "impure\.records, a saga\.Records, does I/O"
func on(saga.Event[fact]) []saga.Fact       { fmt.Print(); return nil } // want "impure\.on, a saga\.On, does I/O"
func loads(fact) []saga.Need                { fmt.Print(); return nil } // want "impure\.loads, a saga\.Loads, does I/O"
func sent(string, saga.Cause) []saga.Fact   { fmt.Print(); return nil } // want "impure\.sent, a saga\.Performed, does I/O"
func unsent(string, saga.Cause) []saga.Fact { fmt.Print(); return nil } // want "impure\.unsent, a saga\.NotPerformed, does I/O"
func answers(fact) []saga.Fact              { fmt.Print(); return nil } // want "impure\.answers, a saga\.Answers, does I/O"

func outside() *saga.Group { return saga.Outside("person", saga.Answers(answers, saga.Says[fact]())) }

var _ = []any{group, wrapped, outside}
