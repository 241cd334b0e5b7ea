package saga_test

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"tiffin/saga"
)

// Everything has a column of each kind, and an act.
type Everything struct {
	saga.Act
	ID   string
	N    int
	Big  int64
	Yes  bool
	At   time.Time
	List []string
	Map  map[string]int
}

var everything = saga.In("everything", func(e *Everything) saga.Columns {
	return saga.Columns{
		{Name: "id", At: &e.ID},
		{Name: "n", At: &e.N},
		{Name: "big", At: &e.Big},
		{Name: "yes", At: &e.Yes},
		{Name: "at", At: &e.At},
		{Name: "list", At: saga.JSON(&e.List)},
		{Name: "map", At: saga.JSON(&e.Map)},
	}
})

func genTime() *rapid.Generator[time.Time] {
	return rapid.OneOf(
		rapid.SampledFrom([]time.Time{{}, time.UnixMicro(0).UTC(), time.UnixMicro(-1).UTC(), time.UnixMicro(1).UTC()}),
		rapid.Map(rapid.Int64Range(-1<<50, 1<<52), func(n int64) time.Time { return time.UnixMicro(n).UTC() }))
}

// genEverything draws documents as a table may hold them: text is UTF-8, lists and maps are not nil.
func genEverything(t *rapid.T) *Everything {
	e := &Everything{
		ID: rapid.String().Draw(t, "id"), N: rapid.Int().Draw(t, "n"), Big: rapid.Int64().Draw(t, "big"), Yes: rapid.Bool().Draw(t, "yes"),
		At: genTime().Draw(t, "at"), List: rapid.SliceOf(rapid.String()).Draw(t, "list"), Map: rapid.MapOf(rapid.String(), rapid.Int()).Draw(t, "map"),
	}
	for _, c := range everything.Columns(e)[7:] { // the act's
		switch at := c.At.(type) {
		case *string:
			*at = rapid.String().Draw(t, c.Name)
		case *bool:
			*at = rapid.Bool().Draw(t, c.Name)
		case *int:
			*at = rapid.Int().Draw(t, c.Name)
		case *time.Time:
			*at = genTime().Draw(t, c.Name)
		default:
			t.Fatalf("an act's column of another kind: %s", c.Name)
		}
	}
	return e
}

func TestADocumentComesBackAsItWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEverything(t)
		image := saga.Encode(nil, everything, e)
		if got := saga.Decode(image, everything); !reflect.DeepEqual(got, e) {
			t.Fatalf("decoded %+v, want %+v", got, e)
		}
		if again := saga.Encode([]byte("x"), everything, saga.Decode(image, everything)); !bytes.Equal(again[1:], image) {
			t.Fatalf("a decoded document is encoded differently")
		}
	})
}

// Change detection and the checker's states rest on this.
func TestTwoEncodingsAreEqualExactlyIfTheDocumentsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := genEverything(t)
		b := saga.Decode(saga.Encode(nil, everything, a), everything).(*Everything)
		columns := everything.Columns(b)
		switch at := columns[rapid.IntRange(0, len(columns)-1).Draw(t, "column")].At.(type) {
		case *string:
			*at = rapid.String().Draw(t, "other")
		case *bool:
			*at = rapid.Bool().Draw(t, "other")
		case *int:
			*at = rapid.Int().Draw(t, "other")
		case *int64:
			*at = rapid.Int64().Draw(t, "other")
		case *time.Time:
			*at = genTime().Draw(t, "other")
		case saga.JSONColumn:
			if l, ok := at.V.(*[]string); ok {
				*l = rapid.SliceOf(rapid.String()).Draw(t, "other")
			}
		}
		if same := reflect.DeepEqual(a, b); same != bytes.Equal(saga.Encode(nil, everything, a), saga.Encode(nil, everything, b)) {
			t.Fatalf("equal: %v, encoded equally: %v; %+v and %+v", same, !same, a, b)
		}
	})
}

func TestAMapIsEncodedAlikeWhateverItsOrder(t *testing.T) {
	e := &Everything{Map: map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}}
	want := saga.Encode(nil, everything, e)
	for range 50 {
		if !bytes.Equal(saga.Encode(nil, everything, &Everything{Map: maps.Clone(e.Map)}), want) {
			t.Fatal("the order of a map makes a difference")
		}
	}
}

func TestTimesAreKeptInUTCToTheMicrosecond(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("IST", 19800))
	got := saga.Decode(saga.Encode(nil, everything, &Everything{At: at}), everything).(*Everything).At
	if want := at.Truncate(time.Microsecond).UTC(); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAColumnOfAnotherKindIsRefused(t *testing.T) {
	odd := saga.In("odd", func(s *struct{ F float64 }) saga.Columns { return saga.Columns{{Name: "f", At: &s.F}} })
	want := "table odd, column f: a *float64 can't be a column; use *string, *int, *int64, *bool, *time.Time or saga.JSON"
	if got := panicOf(func() { saga.Encode(nil, odd, new(struct{ F float64 })) }); got != want {
		t.Errorf("panics with %q, want %q", got, want)
	}
}

func TestAnEmptyDocumentHasItsKeyAndNoMore(t *testing.T) {
	if got := everything.New("k").(*Everything); !reflect.DeepEqual(got, &Everything{ID: "k"}) {
		t.Errorf("%+v", got)
	}
	if got := lines.New("k").(*Line); *got != (Line{}) || lines.Act(got) != nil || !lines.Appends() || everything.Appends() {
		t.Errorf("a row of a journal: %+v", got)
	}
}

func TestTheColumnsOfAnActAreNamedAndInOrder(t *testing.T) {
	var names []string
	for _, c := range everything.Columns(&Everything{})[7:] {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, saga.ActColumns()) {
		t.Errorf("%v, want %v", names, saga.ActColumns())
	}
}

func TestWorkingSetsAreClearedAndSaved(t *testing.T) {
	w := newStored()
	group(does, saga.Records(record, saga.Uses(lines), saga.Upon[Asked]())).React(&w.Working, hearing(asked))
	if d := w.Find(jobs, "1"); !d.Dirty || w.Find(shelves, "s").Dirty || len(w.Rows()) != 1 {
		t.Error("exactly what a reaction changed is to be saved")
	}
	w.Saved()
	if d := w.Find(jobs, "1"); d.Dirty || !d.Exists {
		t.Error("what has been saved is to be saved again")
	}
	fresh, kept := w.Put(jobs, "2", &Job{ID: "2"}, false), w.Put(jobs, "3", &Job{ID: "3"}, false)
	group(does).React(&w.Working, hearing(Asked{work{"2"}}))
	if w.Saved(); !fresh.Exists || kept.Exists {
		t.Error("exactly what was saved exists")
	}
	var next saga.Working
	next.Adopt(fresh)
	if out := group(does).React(&next, hearing(Asked{work{"2"}})); out.Dropped != "already done" || fresh.Dirty {
		t.Errorf("an adopted document has forgotten what it was: %+v", out)
	}
	w.Clear()
	if w.Find(jobs, "1") != nil || len(w.Documents()) > 0 || len(w.Rows()) > 0 {
		t.Error("a cleared set is not empty")
	}
}

func TestDerivedIDs(t *testing.T) {
	cause := saga.Envelope{ID: "0197b7c4-0000-7000-8000-000000000001", Source: "/tiffin/orders-api", Time: time.UnixMilli(1_767_268_800_123)}
	rapid.Check(t, func(t *rapid.T) {
		c := saga.Envelope{ID: rapid.String().Draw(t, "id"), Time: time.UnixMilli(rapid.Int64Range(0, 1<<48-1).Draw(t, "ms"))}
		text := saga.DeriveID(c, rapid.String().Draw(t, "group"), rapid.IntRange(0, 1000).Draw(t, "n"))
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || text != strings.ToLower(text) {
			t.Fatalf("%s is no UUIDv7: %v", text, err)
		}
		if ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5]); ms != c.Time.UnixMilli() {
			t.Fatalf("%s has the time %d, want its cause's, %d", text, ms, c.Time.UnixMilli())
		}
	})
	seen := map[string]string{}
	for _, group := range []string{"kitchen", "orders", "", "kitchen\x00"} {
		for n := range 300 {
			for _, e := range []saga.Envelope{{ID: cause.ID}, {ID: cause.ID + "x"}, {}, {ID: "1", Source: "/till/1"}, {ID: "1", Source: "/till/2"}} {
				e.Time = cause.Time
				got := saga.DeriveID(e, group, n)
				if got != saga.DeriveID(e, group, n) {
					t.Fatal("the same fact of the same cause has two ids")
				}
				if other, twice := seen[got]; twice {
					t.Fatalf("%s is the id of %s and of another", got, other)
				}
				seen[got] = group
			}
		}
	}
	// The ids of facts already on Kafka must not change with a later version.
	if got, want := saga.DeriveID(cause, "kitchen", 1), "019b796d-d67b-75d6-93ba-5b65b4ff124e"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}
