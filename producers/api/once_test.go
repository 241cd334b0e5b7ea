package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"tiffin/producers/api"
	"tiffin/producers/door"
	"tiffin/producers/ids"
	"tiffin/saga"
	"tiffin/schemas"
)

// cooked is what the API of these tests is told.
type cooked struct {
	Cook  string    `json:"cook"`
	Extra api.Extra `json:",embed"`
}

func (b *cooked) Check(c *schemas.Check) { c.ID("/cook", b.Cook) }

// doors is a door that keeps what passes, and fails or waits if it is told to.
type doors struct {
	mu     sync.Mutex
	passed []string // ids
	err    error
	entered,
	open chan struct{} // if they are not nil: who comes in says so, and waits
}

func (d *doors) Accept(_ context.Context, _ door.Origin, facts ...saga.Fact) error {
	d.mu.Lock()
	err := d.err
	if err == nil {
		d.passed = append(d.passed, facts[0].Key())
	}
	d.mu.Unlock()
	if d.open != nil {
		d.entered <- struct{}{}
		<-d.open
	}
	if err != nil && err.Error() == "panic" {
		panic(err)
	}
	return err
}

// instance is an API with one route for orders and one for the word on an order, as another process would have it.
func instance(d door.Door, cfg api.OnceConfig) *echo.Echo {
	e := api.New(api.Config{})
	acceptor := api.NewAcceptor("kitchen-api", d, ids.NewMaker("secret", "meal"), api.NewOnce(cfg))
	accept := func(c echo.Context) error {
		var body cooked
		if err := api.ReadOptional(c, &body); err != nil {
			return err
		}
		id, err := acceptor.Accept(c, body.Cook, func(id string) []saga.Fact { return saga.Say(schemas.MealCooked{OrderID: id}) })
		if err != nil {
			return err
		}
		c.Response().Header().Set("Location", "/meals/"+id)
		return api.Write(c, http.StatusAccepted, map[string]string{"id": id})
	}
	e.POST("/meals", accept)
	e.POST("/meals/:id/cooked", accept)
	return e
}

// post sends a request with this value of Idempotency-Key, or without the header if that is "none".
func post(e *echo.Echo, path, key, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("POST", path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if key != "none" {
		request.Header.Set("Idempotency-Key", key)
	}
	response := httptest.NewRecorder()
	e.ServeHTTP(response, request)
	return response
}

// says fails the test unless the answer has this status, and returns what there is of it.
func says(t *testing.T, response *httptest.ResponseRecorder, status int) string {
	t.Helper()
	if response.Code != status {
		t.Errorf("%d %s, want %d", response.Code, response.Body, status)
	}
	return response.Header().Get("Location") + " " + response.Body.String()
}

const cook = `{"cook":"ann"}`

// P5: the same Idempotency-Key gives the same answer and one effect.
func TestTheSameKeyGivesTheSameAnswer(t *testing.T) {
	var d doors
	here, there := instance(&d, api.OnceConfig{}), instance(&d, api.OnceConfig{})
	first := says(t, post(here, "/meals", `"key-1"`, cook), 202)
	for _, key := range []string{`"key-1"`, "key-1", ` "key-1" `} {
		if again := says(t, post(here, "/meals", key, cook), 202); again != first {
			t.Errorf("first %s, then %s", first, again)
		}
	}
	if len(d.passed) != 1 {
		t.Errorf("%d facts of one request", len(d.passed))
	}
	// Another instance has not heard of it. It makes the same fact once more, and what hears that knows it by its id.
	if again := says(t, post(there, "/meals", "key-1", cook), 202); again != first {
		t.Errorf("here %s, there %s", first, again)
	}
	if len(d.passed) != 2 || d.passed[0] != d.passed[1] {
		t.Errorf("the ids %v", d.passed)
	}
	if !strings.Contains(first, d.passed[0]) || !ids.NewMaker("secret", "meal").Certifies(d.passed[0]) {
		t.Errorf("%s answers for %s", first, d.passed[0])
	}
}

// Another key, caller, route or path is another request; and so is one without a key.
func TestAnotherRequestGetsAnotherID(t *testing.T) {
	var d doors
	e := instance(&d, api.OnceConfig{})
	for _, r := range [][3]string{
		{"/meals", "key-1", cook},
		{"/meals", "key-2", cook},
		{"/meals", "KEY-1", cook},
		{"/meals", "key-1", `{"cook":"bob"}`},
		{"/meals/o1/cooked", "key-1", cook},
		{"/meals/o2/cooked", "key-1", cook},
		{"/meals/o1/cooked", "key-1", ""},
		{"/meals", "none", cook},
		{"/meals", "none", cook},
	} {
		says(t, post(e, r[0], r[1], r[2]), 202)
	}
	slices.Sort(d.passed)
	if all := len(d.passed); all != 9 || len(slices.Compact(d.passed)) != all {
		t.Errorf("%d ids: %v", all, d.passed)
	}
}

func TestAKeyBelongsToOneBody(t *testing.T) {
	var d doors
	e := instance(&d, api.OnceConfig{})
	says(t, post(e, "/meals", "key-1", cook), 202)
	for _, other := range []string{`{"cook": "ann"}`, cook + " "} {
		if text := says(t, post(e, "/meals", "key-1", other), 422); !strings.Contains(text, "urn:tiffin:problem:key-reused") {
			t.Error(text)
		}
	}
	says(t, post(e, "/meals", "key-1", cook), 202)
	if len(d.passed) != 1 {
		t.Errorf("%d facts", len(d.passed))
	}
}

func TestARequestUnderWay(t *testing.T) {
	d := doors{entered: make(chan struct{}), open: make(chan struct{})}
	e := instance(&d, api.OnceConfig{MaxRequests: 1})
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- post(e, "/meals", "key-1", cook) }()
	<-d.entered
	if text := says(t, post(e, "/meals", "key-1", cook), 409); !strings.Contains(text, "urn:tiffin:problem:in-flight") {
		t.Error(text)
	}
	says(t, post(e, "/meals", "key-1", `{"cook":"ann" }`), 422)
	// The memory is full of what is under way, which is never forgotten.
	if response := post(e, "/meals", "key-2", cook); response.Code != 503 || response.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", response.Code, response.Body)
	}
	close(d.open)
	first := says(t, <-answer, 202)
	if again := says(t, post(e, "/meals", "key-1", cook), 202); again != first {
		t.Errorf("first %s, then %s", first, again)
	}
	if len(d.passed) != 1 {
		t.Errorf("%d facts", len(d.passed))
	}
}

// TestWhatFailedMayBeRepeated under the same id, for it may have got to Kafka all the same.
func TestWhatFailedMayBeRepeated(t *testing.T) {
	for _, failure := range []error{door.ErrUnavailable, errors.New("panic")} {
		d := doors{err: failure}
		e := instance(&d, api.OnceConfig{})
		if response := post(e, "/meals", "key-1", cook); response.Code < 500 {
			t.Errorf("%d %s", response.Code, response.Body)
		}
		d.err = nil
		says(t, post(e, "/meals", "key-1", `{"cook":"ann" }`), 422) // that might make two of one id
		first := says(t, post(e, "/meals", "key-1", cook), 202)
		var other doors
		if again := says(t, post(instance(&other, api.OnceConfig{}), "/meals", "key-1", cook), 202); again != first {
			t.Errorf("after a failure %s, without one %s", first, again)
		}
		if len(d.passed) != 1 {
			t.Errorf("%d facts", len(d.passed))
		}
	}
}

func TestKeys(t *testing.T) {
	long := strings.Repeat("k", 255)
	quoted := strings.Repeat(`\"`, 255)
	for key, want := range map[string]int{
		long: 202, `"` + long + `"`: 202, `"` + quoted + `"`: 202, "8e03978e-40d5-43dd-bc93-6894a57f9324": 202, "YWJj+/==": 202, `"a b,;\\"`: 202, "'": 202,
		"": 400, " ": 400, `""`: 400, long + "k": 400, `"` + long + `k"`: 400, "a b": 400, "a,b": 400, "a;x=1": 400, `"a";x=1`: 400,
		`"a`: 400, `"`: 400, `"a"b"`: 400, `a"`: 400, `a\`: 400, `"\`: 400, `"\a"`: 400, "é": 400, "\"\t\"": 400, "a\x7f": 400,
	} {
		var d doors
		e := instance(&d, api.OnceConfig{})
		text := says(t, post(e, "/meals", key, cook), want)
		if want == 400 && (!strings.Contains(text, `"pointer":"/Idempotency-Key"`) || len(d.passed) > 0) {
			t.Errorf("%q: %s", key, text)
		}
	}
	request := httptest.NewRequest("POST", "/meals", nil)
	request.Header["Idempotency-Key"] = []string{"a", "a"}
	response := httptest.NewRecorder()
	instance(&doors{}, api.OnceConfig{}).ServeHTTP(response, request)
	says(t, response, 400)
}

// TestTheMemoryIsBounded by number and by age; what it has forgotten passes the door again, under the same id.
func TestTheMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d doors
		e := instance(&d, api.OnceConfig{MaxRequests: 3, MaxAge: time.Hour})
		passes := func(key string, want int) {
			t.Helper()
			before := len(d.passed)
			says(t, post(e, "/meals", key, cook), 202)
			if got := len(d.passed) - before; got != want {
				t.Errorf("%s: %d facts, want %d", key, got, want)
			}
		}
		passes("a", 1)
		passes("b", 1)
		passes("c", 1)
		passes("a", 0)
		passes("d", 1) // and a goes, the oldest
		passes("b", 0)
		passes("c", 0)
		passes("a", 1) // and b goes
		if d.passed[0] != d.passed[4] {
			t.Errorf("a was %s and is %s", d.passed[0], d.passed[4])
		}
		<-time.After(time.Hour)
		passes("d", 0)
		<-time.After(time.Nanosecond)
		says(t, post(e, "/meals", "d", `{"cook":"ann" }`), 202)
		if len(d.passed) != 6 || d.passed[5] != d.passed[3] {
			t.Errorf("the ids %v", d.passed)
		}
	})
}

// TestTheMemoryIsSmall: it keeps no answers and no bodies.
func TestTheMemoryIsSmall(t *testing.T) {
	const requests = 5_000
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var d doors
	e := instance(&d, api.OnceConfig{MaxRequests: requests})
	before := used()
	for i := range 2 * requests {
		post(e, "/meals", fmt.Sprintf("key-%d-%s", i, strings.Repeat("k", 200)), `{"cook":"ann"`+strings.Repeat(" ", 1000)+`}`)
		d.passed = nil
	}
	if each := int64(used()-before) / requests; each > 400 {
		t.Errorf("%d bytes for each request", each)
	} else {
		t.Logf("%d bytes for each request", each)
	}
	runtime.KeepAlive(e)
}

// TestFiftyAtOnce: the same key from fifty connections at once, over two instances.
func TestFiftyAtOnce(t *testing.T) {
	var d doors
	instances := []*echo.Echo{instance(&d, api.OnceConfig{}), instance(&d, api.OnceConfig{})}
	var answers [50]*httptest.ResponseRecorder
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range answers {
		all.Go(func() {
			<-start
			answers[i] = post(instances[i%2], "/meals", "key-1", cook)
		})
	}
	close(start)
	all.Wait()
	for _, response := range answers {
		switch response.Code {
		case 409:
		case 202:
			if got := response.Header().Get("Location"); got != "/meals/"+d.passed[0] {
				t.Errorf("%s, and a fact of %s", got, d.passed[0])
			}
		default:
			t.Errorf("%d %s", response.Code, response.Body)
		}
	}
	if n := len(d.passed); n != 2 || d.passed[0] != d.passed[1] {
		t.Errorf("facts of %v, want one of each instance, with the same id", d.passed)
	}
}
